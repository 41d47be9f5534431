//! Health checks as the log and the statistics show them.

use crate::check_eq;
use crate::support::{HEAD, both, launch, same};
use anyhow::Result;
use lb_testkit::{Engine, Mode, Normaliser, Origin, Program, SyslogSink, until};

/// A backend `app` with one checked server, all transitions logged.
struct Checked {
    program: Program,
    log: SyslogSink,
}

fn checked(engine: &Engine, origin: &Origin, lines: &str, options: &str) -> Result<Checked> {
    let log = SyslogSink::udp()?;
    let head = HEAD.replace("    maxconn 500", "    maxconn 500\n    log {log} local0");
    let config = format!(
        "{head}    log global\n    option log-health-checks\nfrontend fe\n    bind 127.0.0.1:{{port:fe}}\n    default_backend app\n\
         backend app\n    timeout check 20s\n{lines}\n    server s1 {{o1}} check inter 50ms {options}\n"
    );
    let program = launch(engine, &[("o1", origin)])?.set("log", log.address()).start(&config)?;
    Ok(Checked { program, log })
}

impl Checked {
    /// Log messages of checks and transitions, what varies hidden, repetitions of one state removed.
    fn story(&self) -> Vec<String> {
        let hide = Normaliser::new()
            .rule(r"check duration: \d+ms", "check duration: <ms>")
            // 3.x names the error, 2.6 only describes it.
            .rule(r#"info: "[A-Z]+ returned by OS \((.*?)\)""#, "info: \"$1\"")
            .rule(r"(backend|proxy) '?(\w+)'? has no server", "$1 $2 has no server")
            // 3.x words the number of sessions and queued requests the same way; the process's state differs.
            .rule(r"Proxy \w+ started\.", "")
            // Who changed something is told by this program alone.
            .rule(r"^Admin: .*", "");
        let mut story: Vec<String> =
            self.log.messages().iter().map(|m| hide.apply(m)).filter(|m| !m.is_empty()).collect();
        story.dedup();
        story
    }

    fn await_status(&self, status: &str) -> Result<()> {
        self.program.admin().await_stat("app", "s1", "status", status)
    }
}

#[test]
fn a_server_falls_and_rises_as_the_log_tells() {
    same(|engine| {
        let origin = Origin::http("o1")?;
        let checked = checked(engine, &origin, "", "rise 2 fall 3")?;
        checked.log.await_message("UP")?;
        origin.refuse();
        checked.log.await_message("has no server available")?;
        checked.program.admin().await_stat("app", "s1", "check_status", "L4CON")?;
        origin.listen()?;
        checked.log.await_message("s1 is UP")?;
        checked.await_status("UP")?;
        Ok(checked.story())
    });
}

#[test]
fn a_http_check_judges_the_status() {
    same(|engine| {
        let origin = Origin::http("o1")?;
        let checked = checked(engine, &origin, "    option httpchk GET /health", "rise 2 fall 2")?;
        checked.log.await_message("UP")?;
        origin.set_health(503);
        checked.log.await_message("s1 is DOWN")?;
        // While a check is in progress its predecessor's code is gone.
        let admin = checked.program.admin();
        admin.await_stat("app", "s1", "check_code", "503")?;
        check_eq!(admin.stat("app", "s1", "check_status")?.trim_start_matches("* "), "L7STS");
        origin.set_health(200);
        checked.log.await_message("s1 is UP")?;
        let request = origin.requests_for("/health").pop().map(|r| crate::support::canonical(&r.head));
        Ok((checked.story(), request))
    });
}

#[test]
fn a_check_reports_what_went_wrong() {
    same(|engine| {
        let mut seen = Vec::new();
        for mode in [Mode::Close, Mode::Reset, Mode::Hang, Mode::Bytes(b"\x01\x02 garbage\r\n\r\n".to_vec())] {
            let origin = Origin::with(mode.clone())?;
            let checked =
                checked(engine, &origin, "    timeout check 100ms\n    option httpchk GET /health", "rise 1 fall 1")?;
            checked.log.await_message("s1 is DOWN")?;
            let admin = checked.program.admin();
            // A star marks a check under way beside the last one's result.
            let status = admin.stat("app", "s1", "check_status")?.trim_start_matches("* ").to_owned();
            // Whether a close at once is seen before or after the request is written is a matter of luck.
            let status = match mode {
                Mode::Close => status.replace("SOCKERR", "L7RSP"),
                // A reset may come before the connection is seen to be established.
                Mode::Reset => status.replace("L4CON", "SOCKERR").replace("L7RSP", "SOCKERR"),
                _ => status,
            };
            seen.push((mode, status, admin.stat("app", "s1", "status")?));
        }
        Ok(seen)
    });
}

#[test]
fn checks_can_be_paused_and_overruled_from_the_admin_socket() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let checked = checked(engine, &origin, "    option httpchk GET /health", "rise 2 fall 3")?;
        let admin = checked.program.admin();
        admin.await_stat("app", "s1", "check_status", "L7OK")?;
        check_eq!(admin.ask("disable health app/s1")?, "\n");
        origin.set_health(500);
        checked.await_status("no check")?;
        check_eq!(admin.ask("enable health app/s1")?, "\n");
        checked.await_status("DOWN")?;
        // A forced health lasts until the checks disagree.
        check_eq!(
            admin.ask("set server app/s1 health up;show servers state app")?.contains(" s1 127.0.0.1 2 0 "),
            true
        );
        checked.await_status("DOWN")?;
        Ok(())
    });
}

#[test]
fn a_server_in_maintenance_is_not_checked() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let checked = checked(engine, &origin, "    option httpchk GET /health", "rise 2 fall 3")?;
        let admin = checked.program.admin();
        admin.await_stat("app", "s1", "check_status", "L7OK")?;
        check_eq!(admin.ask("set server app/s1 state maint")?, "\n");
        checked.await_status("MAINT")?;
        let mut last = usize::MAX;
        until("the checks' end", || {
            std::thread::sleep(std::time::Duration::from_millis(200));
            let count = origin.requests_for("/health").len();
            (std::mem::replace(&mut last, count) == count).then_some(())
        })?;
        check_eq!(admin.ask("set server app/s1 state ready")?, "\n");
        until("checks again", || (origin.requests_for("/health").len() > last).then_some(()))?;
        checked.await_status("UP")?;
        Ok(())
    });
}

#[test]
fn administrative_changes_are_logged() {
    same(|engine| {
        let origin = Origin::http("o1")?;
        let checked = checked(engine, &origin, "", "rise 2 fall 3")?;
        checked.log.await_message("UP")?;
        let admin = checked.program.admin();
        for (state, status) in
            [("drain", "DRAIN"), ("ready", "UP"), ("maint", "MAINT"), ("drain", "DRAIN"), ("ready", "UP")]
        {
            let before = checked.log.messages().len();
            admin.ask(&format!("set server app/s1 state {state}"))?;
            checked.await_status(status)?;
            until(&format!("a line on {state}"), || (checked.log.messages().len() > before).then_some(()))?;
        }
        Ok(checked.story())
    });
}

#[test]
fn a_tracking_server_follows() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let checked = checked(
            engine,
            &origin,
            "    option httpchk GET /health\n    server s2 {o1} track app/s1\n",
            "rise 1 fall 1",
        )?;
        let admin = checked.program.admin();
        admin.await_stat("app", "s1", "check_status", "L7OK")?;
        admin.await_stat("app", "s2", "status", "UP")?;
        origin.set_health(500);
        admin.await_stat("app", "s2", "status", "DOWN")?;
        origin.set_health(200);
        admin.await_stat("app", "s2", "status", "UP")?;
        admin.ask("set server app/s1 state maint")?;
        admin.await_stat("app", "s2", "status", "MAINT (via app/s1)")?;
        Ok(())
    });
}

/// 3.x only: a server's own check, by the name of its section.
#[test]
fn a_healthcheck_section_takes_the_place_of_the_backends_check() {
    let engine = Engine::subject().unwrap();
    if engine.is_haproxy {
        return;
    }
    let case = || -> Result<()> {
        let origin = Origin::http("o1")?;
        let program = launch(&engine, &[("o1", &origin)])?.start(&format!(
            "{HEAD}healthcheck web\n    type httpchk GET /health\n    http-check expect status 404\nlisten app\n    \
             bind 127.0.0.1:{{port:fe}}\n    option redis-check\n    server s1 {{o1}} check inter 50ms healthcheck web\n"
        ))?;
        let admin = program.admin();
        admin.await_stat("app", "s1", "check_code", "200")?;
        admin.await_stat("app", "s1", "status", "DOWN")?;
        origin.set_health(404);
        admin.await_stat("app", "s1", "status", "UP")?;
        Ok(())
    };
    case().unwrap();
}
