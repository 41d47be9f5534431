//! What the Runtime API has beyond HAProxy's, over a running program.

use crate::check_eq;
use crate::support::{HEAD, launch};
use anyhow::Result;
use lb_testkit::{Engine, Origin, Program, SyslogSink, until};

/// The program itself; these commands mean nothing to HAProxy.
fn own(case: impl Fn(&Engine) -> Result<()>) {
    let engine = Engine::subject().unwrap();
    if !engine.is_haproxy {
        case(&engine).unwrap();
    }
}

fn start(engine: &Engine, log: &SyslogSink, global: &str) -> Result<(Program, Origin)> {
    let origin = Origin::http("o1")?;
    let launch = launch(engine, &[("o1", &origin)])?.set("log", log.address());
    let head = HEAD.replace("    maxconn 500\n", &format!("    maxconn 500\n    log {{log}} local0\n{global}"));
    let program = launch.start(&format!(
        "{head}listen app\n    log global\n    bind 127.0.0.1:{{port:fe}}\n    server web1 {{o1}} weight 10\n    server web2 {{o1}}\n"
    ))?;
    Ok((program, origin))
}

#[test]
fn every_change_is_told_with_its_author() {
    own(|engine| {
        let log = SyslogSink::udp()?;
        let (program, _origin) = start(engine, &log, "")?;
        let admin = program.admin();
        admin.ask("set server app/* weight 50% for 1h")?;
        let told = log.await_message("app/web1 weight 10 -> 5, revision ")?;
        let who = format!("Admin: uid={} pid={} on unix@", nix::unistd::getuid(), std::process::id());
        check_eq!(told.contains(&who), true, "{told}");
        check_eq!(told.contains("admin.sock: set server app/* weight 50% for 1h: app/web1 "), true, "{told}");
        log.await_message("app/web2 weight 1 -> ")?;
        admin.ask("set server app/web1 state ready")?;
        log.await_message("set server app/web1 state ready: app/web1 unchanged.")?;
        admin.ask("disable frontend app")?;
        log.await_message(": disable frontend app.")?;
        // What is refused changed nothing, and is not told.
        admin.ask("disable frontend nope")?;
        admin.ask("set server app/web1 state nope")?;
        admin.ask("undo")?;
        log.await_message(": undo: app/web1 weight 5 -> 10, revision ")?;
        check_eq!(log.messages().iter().any(|line| line.contains("nope")), false);
        Ok(())
    });
}

#[test]
fn strict_compatibility_tells_no_more_than_haproxy() {
    own(|engine| {
        let log = SyslogSink::udp()?;
        let (program, _origin) = start(engine, &log, "    compat strict\n")?;
        check_eq!(program.admin().ask("set server app/web1 state drain for 1s")?, "\n");
        log.await_message("Server app/web1 enters drain state")?;
        check_eq!(log.messages().iter().any(|line| line.contains("Admin:")), false);
        check_eq!(program.admin().ask("undo")?.starts_with("Unknown command: 'undo'"), true);
        check_eq!(program.admin().ask("help")?.contains("undo"), false);
        Ok(())
    });
}

#[test]
fn a_lease_returns_the_server_and_says_so() {
    own(|engine| {
        let log = SyslogSink::udp()?;
        let (program, _origin) = start(engine, &log, "")?;
        let mut follower = program.admin().open()?;
        follower.send("subscribe events json\n")?;
        program.admin().ask("set server app/web1 state drain for 1s")?;
        program.admin().await_stat("app", "web1", "status", "no check")?;
        log.await_message("end of lease: app/web1 state drain -> ready, revision ")?;
        let seen = until("the events of both", || {
            let (text, _) = follower.read_until_quiet(std::time::Duration::from_millis(50)).ok()?;
            text.contains("leaving forced drain").then_some(text)
        });
        // The follower may have begun after the drain, which is over by now.
        check_eq!(seen?.contains("\"server\":\"web1\",\"status\":\"no check\""), true);
        Ok(())
    });
}

#[test]
fn a_check_for_an_operator_shows_its_steps_and_counts_for_nothing() {
    own(|engine| {
        let origin = Origin::http("o1")?;
        let launch = launch(engine, &[("o1", &origin)])?;
        let program = launch.start(&format!(
            "{HEAD}listen app\n    bind 127.0.0.1:{{port:fe}}\n    option httpchk GET /health\n    server web1 {{o1}}\n    \
             server web2 127.0.0.1:1\n"
        ))?;
        let admin = program.admin();
        let told = admin.ask("check server app/web1")?;
        let address = origin.address();
        check_eq!(told.starts_with(&format!("to {address}\n")), true, "{told}");
        for words in
            [" ms  connected\n", " ms  sent ", " bytes: \"HTTP/1.", "verdict: L7OK (Layer7 check passed), code 200"]
        {
            check_eq!(told.contains(words), true, "{words} in {told}");
        }
        let told = admin.ask("check server app/web2")?;
        check_eq!(told.contains("verdict: L4CON (Layer4 connection problem)"), true, "{told}");
        check_eq!(admin.stat("app", "web1", "check_status")?, "");
        check_eq!(admin.stat("app", "web2", "status")?, "no check");
        check_eq!(admin.ask("check server app/nope")?, "No such server.\n\n");
        Ok(())
    });
}

#[test]
fn the_last_check_is_explained_step_by_step() {
    own(|engine| {
        let origin = Origin::http("o1")?;
        origin.set_health(404);
        let program = launch(engine, &[("o1", &origin)])?.start(&format!(
            "{HEAD}listen app\n    bind 127.0.0.1:{{port:fe}}\n    option httpchk GET /health\n    \
             http-check expect status 200\n    server web1 {{o1}} check inter 50ms fall 1\n"
        ))?;
        let admin = program.admin();
        admin.await_stat("app", "web1", "status", "DOWN")?;
        // A check under way has no steps to tell yet.
        let told = until("a check that ended", || {
            let told = admin.ask("explain server app/web1").ok()?;
            told.contains("did not match").then_some(told)
        })?;
        for words in ["ms  connected", "ms  sent 24 bytes", "HTTP/1.1 404", "rule 1 'expect status 200' did not match"]
        {
            check_eq!(told.contains(words), true, "{words} in {told}");
        }
        Ok(())
    });
}
