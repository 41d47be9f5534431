//! Responses the program makes itself.

use crate::check_eq;
use crate::support::{both, canonical, one_backend, same, start, with_body};
use anyhow::Result;
use lb_testkit::client::{Client, get};
use lb_testkit::{Engine, Origin, Response, free_port};

/// Head and title of a page; the sentence below the title is each program's own. Where lbd ends the connection it
/// says so; 2.6 does not always.
fn page(response: &Response) -> (Vec<String>, String) {
    let head = canonical(&response.head)
        .into_iter()
        .filter(|line| !line.starts_with("content-length") && line != "connection: close")
        .collect();
    let text = response.text();
    let shape =
        text.lines().enumerate().map(|(n, line)| if n == 1 { "…" } else { line }).collect::<Vec<_>>().join("\n");
    (head, shape)
}

#[test]
fn error_pages_are_those_of_haproxy() {
    same(|engine| {
        let origin = Origin::http("o1")?;
        let config = format!(
            "{}
            backend dead
                server s1 127.0.0.1:{}
            frontend none
                bind 127.0.0.1:{{port:none}}
            frontend to-dead
                bind 127.0.0.1:{{port:dead}}
                default_backend dead
            ",
            one_backend("    server s1 {o1}")
                .replace("timeout server 20s", "timeout server 400ms\n    timeout http-request 400ms\n    retries 0"),
            free_port()
        );
        let program = start(engine, &[("o1", &origin)], &config)?;
        let fe = program.address("fe");
        let mut pages = vec![
            ("502", page(&get(fe, "/garbage")?)),
            ("502", page(&get(fe, "/abort")?)),
            ("503 refused", page(&get(program.address("dead"), "/")?)),
            ("503 no backend", page(&get(program.address("none"), "/")?)),
            ("504", page(&get(fe, "/hang")?)),
        ];
        for (name, bytes) in [
            ("400", "GET\r\n\r\n"),
            ("400 HTTP/1.0", "GET /a:\x01 HTTP/1.0\r\n\r\n"),
            ("408", "GET / HTTP/1.1\r\nHost: t\r\n"),
            ("413", "GET / HTTP/1.0\r\nContent-Length: 1\r\n\r\nx"),
        ] {
            let mut client = Client::connect(fe)?;
            client.send(bytes)?;
            pages.push((name, page(&client.response()?)));
            check_eq!(client.read_to_end()?, b"", "{name}: the connection ends");
        }
        Ok(pages)
    });
}

#[test]
fn an_error_page_to_a_head_request_has_no_body() {
    same(|engine| {
        let (program, _origin) = with_body(engine, "    server s1 {o1}")?;
        let mut client = Client::connect(program.address("fe"))?;
        client.send("HEAD /abort HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")?;
        let text = String::from_utf8(client.read_to_end()?)?;
        check_eq!(text.ends_with("\r\n\r\n"), true, "{text}");
        Ok(text.lines().next().map(ToOwned::to_owned))
    });
}

/// Statuses of a request line and of a field larger than the buffer, and of more than 101 fields.
fn oversized(engine: &Engine) -> Result<[u16; 3]> {
    let (program, _origin) = with_body(engine, "    server s1 {o1}")?;
    let long = "a".repeat(20_000);
    let many = "X: y\r\n".repeat(101);
    let mut statuses = [0; 3];
    let requests = [
        format!("GET /{long} HTTP/1.1\r\nHost: t\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: t\r\nX: {long}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: t\r\n{many}\r\n"),
    ];
    for (status, request) in statuses.iter_mut().zip(requests) {
        let mut client = Client::connect(program.address("fe"))?;
        client.offer(request);
        *status = client.response()?.status;
    }
    Ok(statuses)
}

#[test]
fn oversized_heads_are_named_since_3() {
    both(|engine| {
        let expected = if engine.is_haproxy { [400, 400, 400] } else { [414, 431, 400] };
        check_eq!(oversized(engine)?, expected);
        Ok(())
    });
}

#[test]
fn a_head_that_fits_the_buffer_passes() {
    both(|engine| {
        let (program, origin) = with_body(engine, "    server s1 {o1}")?;
        let mut client = Client::connect(program.address("fe"))?;
        client.send(format!("GET / HTTP/1.1\r\nHost: t\r\nX: {}\r\n\r\n", "a".repeat(14_000)))?;
        check_eq!(client.response()?.status, 200);
        check_eq!(origin.requests()[0].head.get("x").map(str::len), Some(14_000));
        let fields = (0..95).map(|n| format!("X-{n}: y\r\n")).collect::<String>();
        client.send(format!("GET / HTTP/1.1\r\nHost: t\r\n{fields}\r\n"))?;
        check_eq!(client.response()?.status, 200);
        check_eq!(client.get(&format!("/{}", "p".repeat(14_000)))?.status, 200);
        Ok(())
    });
}

#[test]
fn a_denied_request_gets_403() {
    same(|engine| {
        let origin = Origin::http("o1")?;
        let config = one_backend("    server s1 {o1}").replace(
            "    default_backend app",
            "    http-request deny if { path_beg /secret }\n    default_backend app",
        );
        let program = start(engine, &[("o1", &origin)], &config)?;
        check_eq!(get(program.address("fe"), "/open")?.status, 200);
        Ok(page(&get(program.address("fe"), "/secret/x")?))
    });
}
