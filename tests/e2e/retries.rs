//! Connect failures: retries, redispatch, and what is never sent twice.

use crate::check_eq;
use crate::support::{both, one_backend, same, start};
use anyhow::Result;
use lb_testkit::client::{Client, get};
use lb_testkit::{Mode, Origin, free_port};

/// `retries`, `redispatches`, `connect errors` of a server or backend.
fn counters(program: &lb_testkit::Program, object: &str) -> Result<[String; 3]> {
    let admin = program.admin();
    Ok([admin.stat("app", object, "wretr")?, admin.stat("app", object, "wredis")?, admin.stat("app", object, "econ")?])
}

#[test]
fn a_refused_connect_is_retried_then_given_up() {
    same(|engine| {
        let config = one_backend(&format!("    retries 1\n    server s1 127.0.0.1:{}", free_port()));
        let program = start(engine, &[], &config)?;
        check_eq!(get(program.address("fe"), "/")?.status, 503);
        Ok((counters(&program, "s1")?, counters(&program, "BACKEND")?))
    });
}

#[test]
fn redispatch_moves_a_request_to_a_server_that_answers() {
    same(|engine| {
        let origin = Origin::http("o1")?;
        let body = format!(
            "    balance roundrobin\n    retries 2\n    option redispatch\n    server dead 127.0.0.1:{}\n    server s1 {{o1}}",
            free_port()
        );
        let program = start(engine, &[("o1", &origin)], &one_backend(&body))?;
        for _ in 0..4 {
            check_eq!(get(program.address("fe"), "/")?.status, 200);
        }
        check_eq!(origin.requests().len(), 4);
        Ok((counters(&program, "dead")?, counters(&program, "s1")?, counters(&program, "BACKEND")?))
    });
}

#[test]
fn redispatch_breaks_a_cookies_bond_to_a_dead_server() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let body = format!(
            "    retries 1\n    option redispatch\n    cookie SRV insert indirect\n    server dead 127.0.0.1:{} cookie d\n    server s1 {{o1}} cookie a",
            free_port()
        );
        let program = start(engine, &[("o1", &origin)], &one_backend(&body))?;
        let mut client = Client::connect(program.address("fe"))?;
        client.send("GET / HTTP/1.1\r\nHost: t\r\nCookie: SRV=d\r\n\r\n")?;
        let response = client.response()?;
        check_eq!((response.status, response.get("x-origin")), (200, Some("o1")));
        Ok(())
    });
}

#[test]
fn without_redispatch_the_bond_holds() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let body = format!(
            "    retries 0\n    no option redispatch\n    cookie SRV insert indirect\n    server dead 127.0.0.1:{} cookie d\n    server s1 {{o1}} cookie a",
            free_port()
        );
        let program = start(engine, &[("o1", &origin)], &one_backend(&body))?;
        let mut client = Client::connect(program.address("fe"))?;
        client.send("GET / HTTP/1.1\r\nHost: t\r\nCookie: SRV=d\r\n\r\n")?;
        check_eq!(client.response()?.status, 503);
        Ok(())
    });
}

#[test]
fn a_request_that_was_sent_is_not_sent_again() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let program = start(
            engine,
            &[("o1", &origin)],
            &one_backend("    retries 3\n    option redispatch\n    server s1 {o1}\n    server s2 {o1}"),
        )?;
        for path in ["/abort", "/reset"] {
            let mut client = Client::connect(program.address("fe"))?;
            client.send(format!("POST {path} HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\nx"))?;
            check_eq!(client.response()?.status, 502);
            check_eq!(origin.requests_for(path).len(), 1);
        }
        Ok(())
    });
}

#[test]
fn a_server_that_closes_at_once_answers_502_and_counts() {
    same(|engine| {
        let origin = Origin::with(Mode::Close)?;
        let program = start(engine, &[("o1", &origin)], &one_backend("    retries 1\n    server s1 {o1}"))?;
        check_eq!(get(program.address("fe"), "/")?.status, 502);
        let admin = program.admin();
        Ok([admin.stat("app", "s1", "hrsp_5xx")?, admin.stat("app", "BACKEND", "hrsp_5xx")?])
    });
}

/// What `retry-on` makes of a server that fails in each way, beside one that answers; the counters tell how often it was asked.
#[test]
fn failures_that_the_configuration_names_are_retried() {
    same(|engine| {
        let failures = [
            ("empty-response", Mode::Script("await \\r\\n\\r\\n ; close".into())),
            ("junk-response", Mode::Bytes(b"SSH-2.0-Server\r\n\r\n".to_vec())),
            ("junk-response", Mode::Bytes(b"HTTP/1.1 200 O".to_vec())),
            ("response-timeout", Mode::Hang),
            ("503", Mode::Bytes(b"HTTP/1.1 503 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".to_vec())),
            ("404", Mode::Bytes(b"HTTP/1.1 404 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".to_vec())),
        ];
        let mut seen = Vec::new();
        for (failure, mode) in &failures {
            let once = "retries 1";
            let cases = [
                (*failure, "option redispatch"),
                (*failure, once),
                ("all-retryable-errors", once),
                ("conn-failure", once),
            ];
            for (words, options) in cases {
                let (bad, good) = (Origin::with(mode.clone())?, Origin::http("good")?);
                let body = format!(
                    "    balance roundrobin\n    timeout server 200ms\n    retry-on {words}\n    {options}\n    \
                         server bad {{bad}}\n    server good {{good}} backup"
                );
                let program = start(engine, &[("bad", &bad), ("good", &good)], &one_backend(&body))?;
                // A backup serves only when the other is out: what is seen is the failing server's.
                let status = get(program.address("fe"), "/")?.status;
                let admin = program.admin();
                let eresp = admin.stat("app", "bad", "eresp")?;
                let counted = (counters(&program, "bad")?, counters(&program, "BACKEND")?, eresp);
                seen.push(format!("{:?}", (*failure, words, options, status, bad.connections(), counted)));
            }
        }
        Ok(seen)
    });
}

#[test]
fn a_retried_request_goes_elsewhere_with_redispatch() {
    same(|engine| {
        let (bad, good) = (Origin::with(Mode::Close)?, Origin::http("good")?);
        let body = "    balance roundrobin\n    retries 2\n    option redispatch 1\n    \
                    retry-on conn-failure empty-response\n    server bad {bad}\n    server good {good}";
        let program = start(engine, &[("bad", &bad), ("good", &good)], &one_backend(body))?;
        let mut client = Client::connect(program.address("fe"))?;
        for _ in 0..4 {
            client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc")?;
            let response = client.response()?;
            check_eq!((response.status, response.get("x-origin")), (200, Some("good")));
        }
        check_eq!(good.requests().iter().all(|request| request.body == b"abc"), true);
        Ok(format!("{:?}", (counters(&program, "bad")?, counters(&program, "good")?, counters(&program, "BACKEND")?)))
    });
}
