//! Where messages end: what must hold for a body that comes late, slowly, or not as announced.

use crate::check_eq;
use crate::support::{both, one_backend, start, with_body};
use lb_testkit::client::{Client, get};
use lb_testkit::{Mode, Origin, until};
use std::time::Duration;

/// A body that arrives after its head is never read as a request.
#[test]
fn a_late_body_is_not_a_request() {
    both(|engine| {
        let (program, origin) = with_body(engine, "    server s1 {o1}")?;
        let body = "GET /smuggled HTTP/1.1\r\nHost: t\r\nX: 0123456789012345678901\r\n\r\n";
        let mut client = Client::connect(program.address("fe"))?;
        client.send(format!("POST /size/3 HTTP/1.1\r\nHost: t\r\nContent-Length: {}\r\n\r\n", body.len()))?;
        until("the head at the origin", || (origin.connections() > 0).then_some(()))?;
        let (first, rest) = body.split_at(20);
        client.send(first)?.send(rest)?;
        check_eq!(client.response()?.status, 200);
        client.send("GET /after HTTP/1.1\r\nHost: t\r\n\r\n")?;
        check_eq!(client.response()?.status, 200);
        check_eq!(origin.requests_for("/smuggled").len(), 0);
        check_eq!(origin.requests_for("/after").len(), 1);
        Ok(())
    });
}

/// `timeout client` is about silence, not about the length of an upload.
#[test]
fn a_slow_upload_is_not_cut() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let config = one_backend("    server s1 {o1}").replace("timeout client 20s", "timeout client 1500ms");
        let program = start(engine, &[("o1", &origin)], &config)?;
        let mut client = Client::connect(program.address("fe"))?;
        client.send("POST /size/3 HTTP/1.1\r\nHost: t\r\nContent-Length: 12\r\n\r\n")?;
        for _ in 0..12 {
            std::thread::sleep(Duration::from_millis(250));
            client.send("x")?;
        }
        check_eq!(client.response()?.status, 200);
        Ok(())
    });
}

/// Rules that take the framing fields away change what is passed on, not where the body ends.
#[test]
fn a_rule_does_not_change_where_a_body_ends() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let config = one_backend("    server s1 {o1}")
            .replace("default_backend app", "http-request del-header content-length\n    default_backend app");
        let program = start(engine, &[("o1", &origin)], &config)?;
        let mut client = Client::connect(program.address("fe"))?;
        let body = "GET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n";
        client.send(format!("POST /size/3 HTTP/1.1\r\nHost: t\r\nContent-Length: {}\r\n\r\n{body}", body.len()))?;
        client.response()?;
        client.offer("GET /after HTTP/1.1\r\nHost: t\r\n\r\n");
        let _ = client.response();
        check_eq!(origin.requests_for("/smuggled").len(), 0);
        Ok(())
    });
}

/// A switch of protocols that nobody asked for is not passed on.
#[test]
fn an_unasked_switch_of_protocols_is_refused() {
    both(|engine| {
        let origin = Origin::with(Mode::Bytes(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n".to_vec()))?;
        let program = start(engine, &[("o1", &origin)], &one_backend("    server s1 {o1}"))?;
        check_eq!(get(program.address("fe"), "/")?.status, 502);
        Ok(())
    });
}

/// An `errorfile` that does not tell its length ends the connection, so that the client knows where it ends.
#[test]
fn an_error_file_without_a_length_ends_the_connection() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let dir = tempfile::tempdir()?;
        let file = dir.path().join("403.http");
        std::fs::write(&file, "HTTP/1.0 403 Forbidden\r\nConnection: close\r\n\r\n<html>no</html>\n")?;
        let config = one_backend("    server s1 {o1}").replace(
            "default_backend app",
            &format!("errorfile 403 {}\n    http-request deny\n    default_backend app", file.display()),
        );
        let program = start(engine, &[("o1", &origin)], &config)?;
        let mut client = Client::connect(program.address("fe"))?;
        client.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")?;
        let text = String::from_utf8_lossy(&client.read_to_end()?).into_owned();
        check_eq!(text.ends_with("<html>no</html>\n"), true, "{text}");
        Ok(())
    });
}

/// A response to HEAD made by a rule has no body, so that the next response is found.
#[test]
fn a_rules_answer_to_head_has_no_body() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let config = one_backend("    server s1 {o1}").replace(
            "default_backend app",
            "http-request return status 200 content-type text/plain string hello if { path /r }\n    default_backend app",
        );
        let program = start(engine, &[("o1", &origin)], &config)?;
        let mut client = Client::connect(program.address("fe"))?;
        client.send("HEAD /r HTTP/1.1\r\nHost: t\r\n\r\n")?;
        check_eq!(client.head_response()?.status, 200);
        check_eq!(client.get("/size/4")?.body.len(), 4);
        Ok(())
    });
}

/// `tcp-request content` rules hold in HTTP mode, for frontends and backends.
#[test]
fn content_rules_hold_in_http_mode() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        for (place, line) in [("default_backend app", "frontend"), ("server s1", "backend")] {
            let config = one_backend("    server s1 {o1}").replacen(
                place,
                &format!("tcp-request content reject if {{ path /no }}\n    {place}"),
                1,
            );
            let program = start(engine, &[("o1", &origin)], &config)?;
            check_eq!(get(program.address("fe"), "/yes")?.status, 200, "{line}");
            check_eq!(get(program.address("fe"), "/no").is_err(), true, "{line}");
        }
        Ok(())
    });
}
