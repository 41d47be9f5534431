//! Per-server `maxconn`, the queue behind it, and the limits of frontend and process.

use crate::check_eq;
use crate::support::{both, one_backend, same, start, with_body};
use anyhow::Result;
use lb_testkit::client::{Client, get};
use lb_testkit::{Engine, Mode, Origin, Program, SyslogSink, until};
use std::time::Duration;

#[test]
fn a_full_server_queues_and_serves_later() {
    both(|engine| {
        let (program, origin) = with_body(engine, "    server s1 {o1} maxconn 1")?;
        let mut first = Client::connect(program.address("fe"))?;
        first.send("GET /slow/400 HTTP/1.1\r\nHost: t\r\n\r\n")?;
        until("the first request at the origin", || (origin.requests().len() == 1).then_some(()))?;
        let mut waiting = Vec::new();
        for n in 0..3 {
            let mut client = Client::connect(program.address("fe"))?;
            client.send(format!("GET /q{n} HTTP/1.1\r\nHost: t\r\n\r\n"))?;
            program.admin().await_stat("app", "BACKEND", "qcur", &(n + 1).to_string())?;
            waiting.push(client);
        }
        check_eq!(program.admin().stat("app", "s1", "scur")?, "1");
        check_eq!(origin.requests().len(), 1);
        check_eq!(first.response()?.status, 200);
        for client in &mut waiting {
            check_eq!(client.response()?.status, 200);
        }
        let order: Vec<_> = origin.requests().iter().map(|r| r.target().to_owned()).collect();
        check_eq!(order, ["/slow/400", "/q0", "/q1", "/q2"], "first come, first served");
        let admin = program.admin();
        check_eq!((admin.stat("app", "BACKEND", "qmax")?, admin.stat("app", "s1", "smax")?), ("3".into(), "1".into()));
        check_eq!(admin.stat("app", "BACKEND", "qcur")?, "0");
        Ok(())
    });
}

#[test]
fn a_client_that_leaves_the_queue_is_forgotten() {
    both(|engine| {
        let (program, origin) = with_body(engine, "    option abortonclose\n    server s1 {o1} maxconn 1")?;
        let mut first = Client::connect(program.address("fe"))?;
        first.send("GET /slow/2500 HTTP/1.1\r\nHost: t\r\n\r\n")?;
        until("the first request at the origin", || (origin.requests().len() == 1).then_some(()))?;
        let mut second = Client::connect(program.address("fe"))?;
        second.send("GET /gone HTTP/1.1\r\nHost: t\r\n\r\n")?;
        program.admin().await_stat("app", "BACKEND", "qcur", "1")?;
        drop(second);
        program.admin().await_stat("app", "BACKEND", "qcur", "0")?;
        check_eq!(first.response()?.status, 200);
        check_eq!(get(program.address("fe"), "/next")?.status, 200);
        // 2.6 notices an HTTP/1 client's close only when the request's turn comes.
        let sent = origin.requests_for("/gone").len();
        check_eq!(sent == 0 || engine.is_haproxy, true, "sent for a client that had left");
        Ok(())
    });
}

/// Log lines of a server's changes count its sessions, what leaves its queue and what remains in it: all without `option
/// redispatch`.
#[test]
fn the_log_counts_who_waits() {
    same(|engine| Ok([counted(engine, "option redispatch")?, counted(engine, "no option redispatch")?]));
}

fn counted(engine: &Engine, option: &str) -> Result<Vec<String>> {
    let (one, two) = (Origin::http("o1")?, Origin::http("o2")?);
    let log = SyslogSink::udp()?;
    let body = "    {option}\n    timeout queue 60s\n    timeout server 60s\n    log {log} local0\n    \
                    cookie SRV insert indirect\n    server s1 {o1} maxconn 1 cookie a\n    server s2 {o2} maxconn 1 cookie b";
    let launch = crate::support::launch(engine, &[("o1", &one), ("o2", &two)])?.set("log", log.address());
    let program = launch.start(&one_backend(&body.replace("{option}", option)))?;
    let admin = program.admin();
    let mut clients = Vec::new();
    let queues =
        [("a", "s1", "scur", "1"), ("b", "s2", "scur", "1"), ("a", "s1", "qcur", "1"), ("a", "s1", "qcur", "2")];
    for (cookie, object, column, count) in queues {
        let mut client = Client::connect(program.address("fe"))?;
        client.send(format!("GET /hang HTTP/1.1\r\nHost: t\r\nCookie: SRV={cookie}\r\n\r\n"))?;
        admin.await_stat("app", object, column, count)?;
        clients.push(client);
    }
    let changes = [
        "s1 health down",
        "s1 health up",
        "s2 state drain",
        "s2 state ready",
        "s2 state maint",
        "s1 health stopping",
        "s1 state maint",
    ];
    let mut told = Vec::new();
    for (n, change) in changes.into_iter().enumerate() {
        check_eq!(admin.ask(&format!("set server app/{change}"))?, "\n");
        let lines = || -> Vec<String> {
            log.messages().into_iter().filter(|m| m.starts_with("Server app/") && !m.contains("remains")).collect()
        };
        told = until("a line", || Some(lines()).filter(|lines| lines.len() > n))?;
    }
    told.push(format!("wredis: {} {}", admin.stat("app", "s1", "wredis")?, admin.stat("app", "BACKEND", "wredis")?));
    Ok(told)
}

#[test]
fn a_frontend_at_its_limit_accepts_later() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let config = crate::support::one_backend("    server s1 {o1}")
            .replace("    default_backend app", "    maxconn 2\n    default_backend app");
        let program = start(engine, &[("o1", &origin)], &config)?;
        let mut first = Client::connect(program.address("fe"))?;
        let mut second = Client::connect(program.address("fe"))?;
        check_eq!((first.get("/")?.status, second.get("/")?.status), (200, 200));
        let mut third = Client::connect(program.address("fe"))?;
        third.send("GET /third HTTP/1.1\r\nHost: t\r\n\r\n")?;
        check_eq!(third.is_quiet_for(Duration::from_millis(300)), true);
        drop(first);
        check_eq!(third.response()?.status, 200);
        Ok(())
    });
}

#[test]
fn maxconn_can_be_raised_while_requests_wait() -> Result<()> {
    both(|engine| {
        let (program, origin) = with_body(engine, "    server s1 {o1} maxconn 1")?;
        let mut first = Client::connect(program.address("fe"))?;
        first.send("GET /hang HTTP/1.1\r\nHost: t\r\n\r\n")?;
        until("the first request at the origin", || (origin.requests().len() == 1).then_some(()))?;
        let mut second = Client::connect(program.address("fe"))?;
        second.send("GET /second HTTP/1.1\r\nHost: t\r\n\r\n")?;
        program.admin().await_stat("app", "BACKEND", "qcur", "1")?;
        check_eq!(program.admin().ask("set maxconn server app/s1 5")?, "\n");
        // The change takes effect for whatever happens next; what waits goes with the next request at the latest.
        check_eq!(get(program.address("fe"), "/third")?.status, 200);
        check_eq!(second.response()?.status, 200);
        Ok(())
    });
    Ok(())
}

/// A server of four slots that came back, with this `slowstart`, and as many clients, none of them answered.
fn slowly(engine: &Engine, slowstart: &str, clients: usize) -> Result<(Program, Origin, Vec<Client>)> {
    let origin = Origin::with(Mode::Hang)?;
    let body = format!("    balance roundrobin\n    server s1 {{o1}} maxconn 4 slowstart {slowstart}");
    let program = start(engine, &[("o1", &origin)], &one_backend(&body))?;
    for state in ["maint", "ready"] {
        check_eq!(program.admin().ask(&format!("set server app/s1 state {state}"))?, "\n");
    }
    let mut waiting = Vec::new();
    for _ in 0..clients {
        let mut client = Client::connect(program.address("fe"))?;
        client.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")?;
        waiting.push(client);
    }
    Ok((program, origin, waiting))
}

#[test]
fn a_server_that_came_back_fills_its_slots_slowly() {
    both(|engine| {
        let (program, _origin, _waiting) = slowly(engine, "1h", 3)?;
        program.admin().await_stat("app", "BACKEND", "qcur", "2")?;
        let stat = |column: &str| program.admin().stat("app", "s1", column);
        check_eq!((stat("scur")?, stat("slim")?, stat("throttle")?), ("1".into(), "4".into(), "7".into()));
        let (program, _origin, _waiting) = slowly(engine, "1s", 4)?;
        program.admin().await_stat("app", "s1", "scur", "4")?;
        program.admin().await_stat("app", "s1", "throttle", "")?;
        Ok(())
    });
}
