//! How servers are reached: from which address, how many at once as load grows, for how long; and clients that are
//! sent elsewhere.

use crate::check_eq;
use crate::support::{both, same, with_body};
use anyhow::Result;
use lb_testkit::client::{Client, get};
use lb_testkit::{Engine, free_port, until};

#[test]
fn redir_sends_readers_elsewhere_and_serves_others() {
    same(|engine| {
        let (program, origin) = with_body(engine, "    server s1 {o1} redir http://images.example")?;
        let mut answers = Vec::new();
        for request in [
            "GET /a/b?c=d HTTP/1.1\r\nHost: t\r\n\r\n",
            "GET http://t/x HTTP/1.1\r\nHost: t\r\n\r\n",
            "POST /p HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n",
        ] {
            let response = Client::connect(program.address("fe"))?.send(request)?.response()?;
            answers.push((
                response.status,
                response.get("location").map(str::to_owned),
                response.get("connection").map(str::to_owned),
            ));
        }
        let admin = program.admin();
        admin.await_stat("app", "s1", "scur", "0")?;
        Ok((
            answers,
            origin.requests().len(),
            admin.stat("app", "s1", "lbtot")?,
            admin.stat("fe", "FRONTEND", "hrsp_3xx")?,
        ))
    });
}

#[test]
fn minconn_lets_the_limit_grow_with_the_backends_load() {
    both(|engine| {
        let body = "    fullconn 8\n    server s1 {o1} minconn 2 maxconn 8";
        let (program, origin) = with_body(engine, body)?;
        let admin = program.admin();
        let mut clients = Vec::new();
        // At least two; from the third session of the backend on, as many as the ramp allows.
        for n in 1..=8_usize {
            let mut client = Client::connect(program.address("fe"))?;
            client.send("GET /slow/20000 HTTP/1.1\r\nHost: t\r\n\r\n")?;
            clients.push(client);
            admin.await_stat("app", "BACKEND", "scur", &n.to_string())?;
            until("the requests that the limit allows", || (origin.requests().len() >= n.min(8)).then_some(()))?;
        }
        check_eq!(admin.stat("app", "s1", "slim")?, "8");
        check_eq!(admin.stat("app", "BACKEND", "slim")?, "8");
        drop(clients);
        Ok(())
    });
}

#[test]
fn a_low_limit_holds_while_the_backend_has_few() {
    both(|engine| {
        let (program, origin) = with_body(engine, "    fullconn 100\n    server s1 {o1} minconn 1 maxconn 10")?;
        let mut first = Client::connect(program.address("fe"))?;
        first.send("GET /slow/400 HTTP/1.1\r\nHost: t\r\n\r\n")?;
        until("the first request at the origin", || (origin.requests().len() == 1).then_some(()))?;
        let mut second = Client::connect(program.address("fe"))?;
        second.send("GET /q HTTP/1.1\r\nHost: t\r\n\r\n")?;
        program.admin().await_stat("app", "BACKEND", "qcur", "1")?;
        check_eq!(origin.requests().len(), 1);
        check_eq!((first.response()?.status, second.response()?.status), (200, 200));
        Ok(())
    });
}

#[test]
fn max_reuse_ends_a_connection_in_time() -> Result<()> {
    // 2.6 does not obey it on HTTP/1.
    let engine = Engine::subject()?;
    let (program, origin) = with_body(&engine, "    http-reuse always\n    server s1 {o1} max-reuse 2")?;
    let mut client = Client::connect(program.address("fe"))?;
    for _ in 0..6 {
        check_eq!(client.get("/")?.status, 200);
    }
    check_eq!(engine.is_haproxy || origin.connections() == 2, true, "three exchanges on each connection");
    Ok(())
}

#[test]
fn connections_come_from_the_address_that_source_names() {
    both(|engine| {
        let port = free_port();
        for (backend, server, seen) in [
            ("", "source 127.0.0.9".to_owned(), "127.0.0.9:".to_owned()),
            ("    source 127.0.0.8\n", String::new(), "127.0.0.8:".to_owned()),
            ("    source 127.0.0.8\n", "source 127.0.0.9".to_owned(), "127.0.0.9:".to_owned()),
            ("", format!("source 127.0.0.9:{port}-{port}"), format!("127.0.0.9:{port}")),
        ] {
            let inner = "frontend inner\n    bind 127.0.0.1:{port:inner}\n    http-request return status 200 hdr x-src %[src]:%[src_port]";
            let body = format!("{backend}    server s1 127.0.0.1:{{port:inner}} {server}\n{inner}");
            let (program, _origin) = with_body(engine, &body)?;
            let response = get(program.address("fe"), "/")?;
            check_eq!(
                response.get("x-src").is_some_and(|from| from.starts_with(&seen)),
                true,
                "{server}: {response:?}"
            );
        }
        Ok(())
    });
}

#[test]
fn servers_made_at_run_time_take_these_words() {
    both(|engine| {
        let (program, origin) = with_body(engine, "    balance roundrobin\n    server s1 {o1} disabled")?;
        let admin = program.admin();
        let words = "send-proxy minconn 2 maxconn 5 source 127.0.0.9 pool-max-conn 3 pool-purge-delay 1s";
        let added = admin.ask(&format!("add server app/new {} {words}", origin.address()))?;
        check_eq!(added.trim(), "New server registered.");
        check_eq!(admin.stat("app", "new", "slim")?, "5");
        let refused = admin.ask("add server app/other 127.0.0.1:1 proxy-v2-options nonsense")?;
        check_eq!(refused.contains("'nonsense' : proxy v2 option not implemented."), true, "{refused}");
        Ok(())
    });
}

#[test]
fn servers_made_at_run_time_are_watched_for_failures_unless_haproxy_is_the_measure() -> Result<()> {
    let engine = Engine::subject()?;
    if engine.is_haproxy {
        return Ok(());
    }
    let (program, origin) = with_body(&engine, "    balance roundrobin\n    server s1 {o1}")?;
    let admin = program.admin();
    let words = "max-fails 2 fail-timeout 5s";
    let added = admin.ask(&format!("add server app/new {} {words}", origin.address()))?;
    check_eq!(added.trim(), "New server registered.");
    check_eq!(admin.ask("add server help")?.contains("\nmax-fails\n"), true);
    let config = crate::support::one_backend("    balance roundrobin\n    server s1 {o1}").replacen(
        "global\n",
        "global\n    compat strict\n",
        1,
    );
    let program = crate::support::start(&engine, &[("o1", &origin)], &config)?;
    let admin = program.admin();
    let refused = admin.ask(&format!("add server app/new {} {words}", origin.address()))?;
    check_eq!(refused.trim(), "'max-fails' is unknown to HAProxy, and refused under 'compat strict'.");
    check_eq!(admin.ask("add server help")?.contains("max-fails"), false);
    Ok(())
}
