//! Servers that come and go at run time.

use crate::check_eq;
use crate::support::{HEAD, both, same, start};
use anyhow::Result;
use lb_testkit::client::{Client, get};
use lb_testkit::load::Load;
use lb_testkit::{Engine, Origin, Program, until};
use std::time::Duration;

/// Backends of several kinds; `app` has one server that serves.
fn launch(engine: &Engine, origin: &Origin) -> Result<Program> {
    let config = format!(
        "{HEAD}frontend fe
    bind 127.0.0.1:{{port:fe}}
    default_backend app
backend app
    balance roundrobin
    cookie SRV insert
    server s1 {{o1}}
    server s2 127.0.0.1:1 id 7 track checked/c1
    server s3 127.0.0.1:1 disabled
backend checked
    server c1 127.0.0.1:1 check inter 1h
backend fixed
    balance static-rr
    server f1 127.0.0.1:1
"
    );
    // Two threads, so that one may hold what the other lets go.
    start(engine, &[("o1", origin)], &config.replace("nbthread 1", "nbthread 2"))
}

#[test]
fn no_request_is_lost_while_servers_come_and_go() {
    both(|engine| {
        let (fixed, coming) = (Origin::for_load("s1")?, Origin::for_load("n1")?);
        let program = launch(engine, &fixed)?;
        let admin = program.admin();
        let load = Load::start(program.address("fe"), "/", 6, Duration::from_millis(1));
        for round in 1..=5_u32 {
            check_eq!(admin.ask(&format!("add server app/n1 {}", coming.address()))?, "New server registered.\n\n");
            check_eq!(admin.stat("app", "n1", "sid")?, "2", "round {round}");
            check_eq!(admin.ask("set server app/n1 state ready")?, "\n");
            until("the new server to serve", || {
                (admin.stat("app", "n1", "stot").ok()?.parse::<u64>().ok()? > 20).then_some(())
            })?;
            check_eq!(admin.ask("del server app/n1")?.trim_end(), "Only servers in maintenance mode can be deleted.");
            check_eq!(admin.ask("set server app/n1 state drain")?, "\n");
            admin.await_stat("app", "n1", "scur", "0")?;
            check_eq!(admin.ask("set server app/n1 state maint")?, "\n");
            // Idle connections may take a moment to close.
            until("the server to be removable", || {
                (admin.ask("del server app/n1").ok()?.trim_end() == "Server deleted.").then_some(())
            })?;
            check_eq!(admin.ask("show servers state app")?.contains(" n1 "), false);
        }
        let tally = load.stop();
        check_eq!(tally.failures, Vec::<String>::new(), "of {} requests", tally.sent);
        Ok(())
    });
}

#[test]
fn a_server_that_serves_stays() {
    both(|engine| {
        let (fixed, coming) = (Origin::http("s1")?, Origin::http("n1")?);
        let program = launch(engine, &fixed)?;
        let admin = program.admin();
        admin.ask(&format!("add server app/n1 {}", coming.address()))?;
        admin.ask("set server app/n1 state ready; set server app/s1 state drain")?;
        let mut client = Client::connect(program.address("fe"))?;
        client.send("GET /hang HTTP/1.1\r\nHost: t\r\n\r\n")?;
        until("the hanging request", || (coming.requests_for("/hang").len() == 1).then_some(()))?;
        admin.ask("set server app/n1 state maint")?;
        check_eq!(
            admin.ask("del server app/n1")?.trim_end(),
            "Server still has connections attached to it, cannot remove it."
        );
        admin.ask("shutdown sessions server app/n1")?;
        until("the server to be removable", || {
            (admin.ask("del server app/n1").ok()?.trim_end() == "Server deleted.").then_some(())
        })?;
        admin.ask("set server app/s1 state ready")?;
        check_eq!(get(program.address("fe"), "/")?.get("x-origin"), Some("s1"));
        Ok(())
    });
}

#[test]
fn what_is_refused_is_refused_in_the_same_words() {
    same(|engine| {
        let origin = Origin::http("o1")?;
        let program = launch(engine, &origin)?;
        let ask = |line: &str| Ok((line.to_owned(), program.admin().ask(line)?.trim_end().to_owned()));
        [
            "add server app",
            "add server app/",
            "add server app/n1",
            "add server fe/n1 127.0.0.1:1",
            "add server nope/n1 127.0.0.1:1",
            "add server app/s1 127.0.0.1:1",
            "add server app/n@1 127.0.0.1:1",
            "add server app/n1 127.0.0.1:x",
            "add server app/n1 127.0.0.1:1-5",
            "add server app/n1 127.0.0.1:1 chek",
            "add server app/n1 127.0.0.1:1 weight 300",
            "add server app/n1 127.0.0.1:1 inter 0",
            "add server app/n1 127.0.0.1:1 id 0",
            "add server app/n1 127.0.0.1:1 id x",
            "add server app/n1 127.0.0.1:1 on-error zz",
            "add server app/n1 127.0.0.1:1 init-addr none",
            "add server app/n1 127.0.0.1:1 resolvers x",
            "add server app/n1 127.0.0.1:1 redir /x",
            "add server app/n1 127.0.0.1 check",
            "add server app/n1 127.0.0.1:1 agent-check",
            "add server app/n1 127.0.0.1:1 track nope",
            "add server app/n1 127.0.0.1:1 track nope/c1",
            "add server app/n1 127.0.0.1:1 track s1",
            "add server app/n1 127.0.0.1:1 track checked/c1 check",
            "add server app/n1 127.0.0.1:1",
            "add server app/n2 127.0.0.1:1 track n1",
            "del server",
            "del server app",
            "del server app/nope",
            "del server nope/n1",
            "del server checked/c1",
            "set server app/s1 state maint",
            "set server checked/c1 state maint",
            "del server checked/c1",
            "del server app/s1",
            "enable health app/n1",
            "enable agent app/n1",
            "del server app/#2",
            "del server app/#3",
            "show servers state app",
        ]
        .into_iter()
        .map(ask)
        .collect::<Result<Vec<_>>>()
        .map(hide_times)
    });
}

#[test]
fn states_of_servers_made_at_run_time_are_haproxys() {
    same(|engine| {
        let origin = Origin::http("o1")?;
        let program = launch(engine, &origin)?;
        let mut seen = Vec::new();
        for line in [
            "add server app/n1 127.0.0.1:1",
            "add server app/n2 127.0.0.1 id 9 weight 5 backup",
            "add server app/n3 foo.example.com:80 disabled",
            "add server app/n4 127.0.0.1:1 agent-check agent-port 9 agent-inter 1h check inter 1h",
            "add server app/n5 127.0.0.1:1 weight 7 maxconn 3 slowstart 1h",
            "add server app/n6 unix@/nowhere",
            "set server app/n1 state drain",
            "set server app/n2 state ready; set server app/n2 weight 50%",
            "set server app/n4 state ready",
            "enable health app/n4; enable agent app/n4",
            "set server app/n5 state ready; set server app/n5 health down",
            "set server app/n6 health up; enable server app/n6",
            "set server app/n1 state maint",
            "del server app/n1",
            "add server app/n7 127.0.0.1:2",
            "disable server app/n4; disable agent app/n4",
            "enable server app/n4",
        ] {
            let answer = program.admin().ask(line)?.trim_end().to_owned();
            let states = program.admin().ask("show servers state app")?;
            let mut status = Vec::new();
            for server in ["n1", "n2", "n3", "n4", "n5", "n6", "n7"] {
                status.push(program.admin().stat("app", server, "status").unwrap_or_default());
            }
            seen.push((format!("{line}: {answer} {status:?}"), states));
        }
        Ok(hide_times(seen))
    });
}

/// The seconds since the last change, and the test's directory, differ from run to run.
fn hide_times(answers: Vec<(String, String)>) -> Vec<(String, Vec<String>)> {
    let hide = |line: &str| {
        let mut words: Vec<&str> = line.split(' ').collect();
        if words.len() > 20 && words.first().is_some_and(|word| *word != "#") {
            words[9] = "<time>";
            words[18] = if words[3] == "s1" { "<port>" } else { words[18] };
        }
        words.join(" ")
    };
    answers.into_iter().map(|(line, answer)| (line, answer.lines().map(hide).collect())).collect()
}

#[test]
fn rules_pass_an_unpublished_backend_by() {
    both(|engine| {
        // HAProxy 2.6 knows no such thing.
        if engine.is_haproxy {
            return Ok(());
        }
        let [a, b] = [Origin::http("a")?, Origin::http("b")?];
        let config = format!(
            "{HEAD}frontend fe
    bind 127.0.0.1:{{port:fe}}
    use_backend hidden if TRUE
    use_backend first if {{ path_beg / }}
    default_backend second
backend hidden
    be-unpublished
backend first
    server a {{a}}
backend second
    server b {{b}}
"
        );
        let program = start(engine, &[("a", &a), ("b", &b)], &config)?;
        let admin = program.admin();
        let from = || -> Result<Option<String>> {
            Ok(get(program.address("fe"), "/")?.get("x-origin").map(ToOwned::to_owned))
        };
        check_eq!(from()?.as_deref(), Some("a"));
        check_eq!(admin.stat("hidden", "BACKEND", "status")?, "UP (UNPUB)");
        check_eq!(admin.ask("unpublish backend first")?, "Backend unpublished.\n\n");
        check_eq!(from()?.as_deref(), Some("b"));
        check_eq!(admin.ask("unpublish backend second")?, "Backend unpublished.\n\n");
        check_eq!(get(program.address("fe"), "/")?.status, 503);
        check_eq!(admin.ask("publish backend first")?, "Backend published.\n\n");
        check_eq!(from()?.as_deref(), Some("a"));
        check_eq!(admin.stat("first", "BACKEND", "status")?, "UP");
        Ok(())
    });
}
