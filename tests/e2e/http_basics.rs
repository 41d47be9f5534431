//! HTTP/1 as clients and origins use it every day.

use crate::check_eq;
use crate::support::{both, canonical, one_backend, same, simple, start, with_body};
use anyhow::Result;
use lb_testkit::client::{Client, get};
use lb_testkit::origin::{WEBSOCKET_REQUEST, filler};
use lb_testkit::{Engine, Origin, until};

#[test]
fn a_client_connection_and_an_origin_connection_are_kept() {
    both(|engine| {
        let (program, origin) = simple(engine)?;
        let mut client = Client::connect(program.address("fe"))?;
        for _ in 0..5 {
            let response = client.get("/")?;
            check_eq!((response.status, response.text()), (200, "o1\n".to_owned()));
        }
        check_eq!(origin.connections(), 1);
        Ok(())
    });
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    both(|engine| {
        let (program, _origin) = simple(engine)?;
        let mut client = Client::connect(program.address("fe"))?;
        let request = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: t\r\n\r\n");
        client.send(request("/slow/50") + &request("/size/7") + &request("/status/404") + &request("/chunked/2x3"))?;
        let mut seen = Vec::new();
        for _ in 0..4 {
            let response = client.response()?;
            seen.push((response.status, response.body.len()));
        }
        check_eq!(seen, [(200, 5), (200, 7), (404, 7), (200, 6)]);
        Ok(())
    });
}

#[test]
fn bodies_pass_unchanged_in_both_directions() {
    both(|engine| {
        let (program, origin) = simple(engine)?;
        let mut client = Client::connect(program.address("fe"))?;
        for size in [0, 1, 1000, 16_384, 100_000, 3_000_000] {
            check_eq!(client.get(&format!("/size/{size}"))?.body == filler(size), true, "{size} bytes down");
        }
        check_eq!(client.get("/chunked/100x997")?.body == filler(997).repeat(100), true);
        let big = filler(2_000_000);
        client.send(format!("POST /up HTTP/1.1\r\nHost: t\r\nContent-Length: {}\r\n\r\n", big.len()))?.send(&big)?;
        check_eq!(client.response()?.status, 200);
        client.send("POST /up-chunked HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        for part in big.chunks(30_011) {
            client.send(format!("{:x}\r\n", part.len()))?.send(part)?.send("\r\n")?;
        }
        client.send("0\r\n\r\n")?;
        check_eq!(client.response()?.status, 200);
        check_eq!(origin.requests_for("/up")[0].body == big, true);
        check_eq!(origin.requests_for("/up-chunked")[0].body == big, true);
        Ok(())
    });
}

#[test]
fn a_body_sent_byte_by_byte_arrives() {
    both(|engine| {
        let (program, origin) = simple(engine)?;
        let mut client = Client::connect(program.address("fe"))?;
        let message = "POST /bytes HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3;a=\"b\"\r\nabc\r\n0a\r\n0123456789\r\n0\r\nTrail: er\r\n\r\n";
        for byte in message.bytes() {
            client.send([byte])?;
        }
        check_eq!(client.response()?.status, 200);
        check_eq!(origin.requests_for("/bytes")[0].body, b"abc0123456789");
        Ok(())
    });
}

#[test]
fn responses_without_a_body_do_not_wait_for_one() {
    both(|engine| {
        let (program, _origin) = simple(engine)?;
        let mut client = Client::connect(program.address("fe"))?;
        client.send("HEAD /size/1000 HTTP/1.1\r\nHost: t\r\n\r\n")?;
        check_eq!(client.head_response()?.get("content-length"), Some("1000"));
        check_eq!(client.get("/status/204")?.status, 204);
        check_eq!(client.get("/status/304")?.status, 304);
        client.send("HEAD /chunked/2x2 HTTP/1.1\r\nHost: t\r\n\r\n")?;
        check_eq!(client.head_response()?.status, 200);
        Ok(())
    });
}

#[test]
fn an_expected_continue_comes_from_the_origin() {
    both(|engine| {
        let (program, _origin) = simple(engine)?;
        let mut client = Client::connect(program.address("fe"))?;
        client.send("POST /continue HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")?;
        check_eq!(client.head()?.start.starts_with("HTTP/1.1 100"), true);
        client.send("body")?;
        check_eq!(client.response()?.text().ends_with("body"), true);
        check_eq!(client.get("/")?.status, 200);
        Ok(())
    });
}

#[test]
fn early_hints_pass_before_the_response() {
    both(|engine| {
        let (program, _origin) = simple(engine)?;
        let mut client = Client::connect(program.address("fe"))?;
        client.send("GET /raw/early-hints HTTP/1.1\r\nHost: t\r\n\r\n")?;
        let hints = client.head()?;
        check_eq!((hints.start.starts_with("HTTP/1.1 103"), hints.get("link")), (true, Some("</x>")));
        check_eq!(client.response()?.text(), "ab");
        Ok(())
    });
}

#[test]
fn an_upgraded_connection_carries_bytes_both_ways() {
    both(|engine| {
        let (program, _origin) = simple(engine)?;
        let mut client = Client::connect(program.address("fe"))?;
        client.send(WEBSOCKET_REQUEST)?;
        let head = client.head()?;
        check_eq!((head.start.as_str(), head.get("upgrade")), ("HTTP/1.1 101 Switching Protocols", Some("websocket")));
        for message in [&b"\x81\x05hello"[..], &[0_u8; 50_000], b"GET / HTTP/1.1\r\n\r\n"] {
            client.send(message)?.expect(message)?;
        }
        client.half_close()?;
        check_eq!(client.read_to_end()?, b"");
        Ok(())
    });
}

#[test]
fn http_1_0_clients_get_what_they_understand() {
    both(|engine| {
        let (program, _origin) = simple(engine)?;
        let mut client = Client::connect(program.address("fe"))?;
        client.send("GET /size/3 HTTP/1.0\r\n\r\n")?;
        let all = String::from_utf8(client.read_to_end()?)?;
        check_eq!((all.starts_with("HTTP/1."), all.ends_with("\r\n\r\nabc")), (true, true));
        // Chunks mean nothing to HTTP/1.0, yet HAProxy sends them: the connection ends either way.
        let mut client = Client::connect(program.address("fe"))?;
        client.send("GET /chunked/1x4 HTTP/1.0\r\n\r\n")?;
        let all = String::from_utf8(client.read_to_end()?)?;
        check_eq!(all.contains("abcd"), true, "{all:?}");
        let mut client = Client::connect(program.address("fe"))?;
        for _ in 0..2 {
            client.send("GET /size/3 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")?;
            check_eq!(client.response()?.body, b"abc");
        }
        Ok(())
    });
}

#[test]
fn a_body_ended_by_the_origins_close_reaches_the_client_whole() {
    same(|engine| {
        let (program, _origin) = simple(engine)?;
        let mut seen = Vec::new();
        for path in ["/until-close/5000", "/http10/5000"] {
            let response = get(program.address("fe"), path)?;
            check_eq!(response.body == filler(5000), true);
            // A body that ends with the connection needs no announcement of the close, and may have one.
            seen.push(
                canonical(&response.head).into_iter().filter(|line| line != "connection: close").collect::<Vec<_>>(),
            );
        }
        Ok(seen)
    });
}

#[test]
fn either_side_may_close_and_the_other_is_kept() {
    both(|engine| {
        let (program, _origin) = simple(engine)?;
        let mut client = Client::connect(program.address("fe"))?;
        check_eq!(client.get("/close")?.status, 200);
        check_eq!(client.get("/")?.status, 200, "an origin's close does not close the client");
        client.send("GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")?;
        let response = client.response()?;
        check_eq!((response.status, response.get("connection")), (200, Some("close")));
        check_eq!(client.read_to_end()?, b"");
        Ok(())
    });
}

#[test]
fn an_origin_that_closed_while_idle_is_not_used_again() {
    both(|engine| {
        let (program, origin) = simple(engine)?;
        let mut client = Client::connect(program.address("fe"))?;
        for round in 1..4 {
            check_eq!(client.get("/quiet-close")?.status, 200);
            until("the origin's close", || (origin.open_connections() == 0).then_some(()))?;
            check_eq!(origin.connections(), round);
        }
        Ok(())
    });
}

#[test]
fn an_early_response_reaches_the_client_before_its_body_is_sent() {
    both(|engine| {
        let (program, _origin) = simple(engine)?;
        let mut client = Client::connect(program.address("fe"))?;
        client.send("POST /early HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\n\r\nsome")?;
        check_eq!(client.response()?.status, 200);
        Ok(())
    });
}

#[test]
fn heads_pass_as_hop_by_hop_rules_say() {
    let requests = [
        "GET /echo HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n",
        "GET /echo HTTP/1.1\r\nHost: t\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\n",
        "GET /echo HTTP/1.1\r\nHost: t\r\nConnection: close, x-private\r\nX-Private: 1\r\n\r\n",
        "GET /echo HTTP/1.1\r\nHost: t\r\nTE: trailers\r\nConnection: TE\r\n\r\n",
        "GET /echo HTTP/1.1\r\nHost: t\r\nProxy-Connection: keep-alive\r\nProxy-Authorization: Basic x\r\n\r\n",
        "GET http://b.example/echo?x=1 HTTP/1.1\r\nHost: b.example\r\n\r\n",
        "OPTIONS /echo HTTP/1.1\r\nHost: t\r\nMax-Forwards: 3\r\n\r\n",
        "GET /echo HTTP/1.0\r\n\r\n",
        "GET /echo HTTP/1.0\r\nConnection: keep-alive\r\nHost: t\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nhi",
        "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        "GET /echo HTTP/1.1\r\nHost: t\r\nX-Empty:\r\nX-Spaces: \t a  b \t \r\nX-Bytes: \u{e9}\r\n\r\n",
        "GET /echo HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n\r\n",
    ];
    same(|engine| {
        let (program, origin) = simple(engine)?;
        let mut seen = Vec::new();
        for request in requests {
            let mut client = Client::connect(program.address("fe"))?;
            client.send(request)?;
            let response = client.response()?;
            check_eq!(response.status, 200, "{request:?}");
            let received = origin.requests().pop().map(|r| canonical(&r.head));
            let answered: Vec<_> =
                canonical(&response.head).into_iter().filter(|l| !l.starts_with("content-length")).collect();
            seen.push((request, received, answered));
        }
        Ok(seen)
    });
}

#[test]
fn responses_are_judged_before_they_pass() {
    const NAMES: [&str; 14] = [
        "two-lengths",
        "same-lengths",
        "length-and-chunked",
        "negative-length",
        "bad-version",
        "bad-status",
        "space-before-colon",
        "no-colon",
        "no-reason",
        "bare-lf",
        "early-hints",
        "after-204",
        "unknown-name",
        "nul-in-value",
    ];
    same(|engine| {
        let (program, _origin) = simple(engine)?;
        let mut seen = Vec::new();
        // 2.6 passes a NUL within a value; 3.x refuses it.
        for name in NAMES.iter().filter(|name| **name != "nul-in-value") {
            let mut client = Client::connect(program.address("fe"))?;
            client.send(format!("GET /raw/{name} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"))?;
            let all = String::from_utf8_lossy(&client.read_to_end()?).into_owned();
            seen.push((*name, all.lines().next().map(|line| line.trim_end().to_owned()), all.ends_with("ab")));
        }
        Ok(seen)
    });
}

#[test]
fn what_the_origin_cuts_short_is_cut_short_for_the_client() {
    both(|engine| {
        let (program, _origin) = simple(engine)?;
        for path in ["/cut/1000", "/cut-chunks", "/raw/bad-chunk"] {
            // A fault that arrives together with the head may still become a 502.
            let passed = get(program.address("fe"), path).is_ok_and(|response| response.status == 200);
            check_eq!(passed, false, "{path}");
        }
        for path in ["/abort", "/reset", "/half-head", "/garbage"] {
            check_eq!(get(program.address("fe"), path)?.status, 502, "{path}");
        }
        check_eq!(get(program.address("fe"), "/")?.status, 200);
        Ok(())
    });
}

#[test]
fn a_client_that_leaves_frees_its_session() {
    both(|engine| {
        let (program, _origin) = simple(engine)?;
        for leave in ["close", "reset", "mid-body"] {
            let mut client = Client::connect(program.address("fe"))?;
            match leave {
                "close" => client.send("GET /hang HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")?,
                "reset" => client.send("GET /drip/100000x5 HTTP/1.1\r\nHost: t\r\n\r\n")?,
                _ => client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\nhalf")?,
            };
            program.admin().await_stat("fe", "FRONTEND", "scur", "1")?;
            match leave {
                "close" => drop(client),
                _ => client.reset()?,
            }
            // An origin that never answers is left when the client has gone altogether, not when it half-closed.
            if leave != "close" {
                program.admin().await_stat("fe", "FRONTEND", "scur", "0")?;
            } else {
                program.admin().ask("shutdown sessions server app/s1")?;
            }
            program.admin().await_stat("fe", "FRONTEND", "scur", "0")?;
        }
        Ok(())
    });
}

#[test]
fn closing_modes_act_on_the_side_they_name() {
    let counts = |engine: &Engine, option: &str| -> Result<(usize, bool)> {
        let origin = Origin::http("o1")?;
        let config = one_backend("    server s1 {o1}").replace("mode http", &format!("mode http\n    {option}"));
        let program = start(engine, &[("o1", &origin)], &config)?;
        let mut client = Client::connect(program.address("fe"))?;
        check_eq!(client.get("/")?.status, 200);
        let kept = client.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n").and_then(Client::response).is_ok();
        Ok((origin.connections(), kept))
    };
    both(|engine| {
        check_eq!(counts(engine, "option http-keep-alive")?, (1, true));
        check_eq!(counts(engine, "option http-server-close")?, (2, true));
        check_eq!(counts(engine, "option httpclose")?.1, false);
        Ok(())
    });
}

#[test]
fn kept_origin_connections_serve_other_clients() {
    both(|engine| {
        let (program, origin) = with_body(engine, "    http-reuse always\n    server s1 {o1}")?;
        for _ in 0..5 {
            check_eq!(get(program.address("fe"), "/")?.status, 200);
        }
        check_eq!(origin.connections(), 1);
        let (program, origin) = with_body(engine, "    http-reuse never\n    server s1 {o1}")?;
        for _ in 0..3 {
            check_eq!(get(program.address("fe"), "/")?.status, 200);
        }
        check_eq!(origin.connections(), 3);
        Ok(())
    });
}

#[test]
fn a_listen_section_with_several_binds_serves_on_each() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let config = format!(
            "{}listen all\n    bind 127.0.0.1:{{port:a}}\n    bind 127.0.0.1:{{port:b}} name second\n    bind {{dir}}/http.sock\n    server s1 {{o1}}\n",
            crate::support::HEAD
        );
        let program = start(engine, &[("o1", &origin)], &config)?;
        check_eq!(get(program.address("a"), "/")?.status, 200);
        check_eq!(get(program.address("b"), "/")?.status, 200);
        use std::io::{Read, Write};
        let mut unix = std::os::unix::net::UnixStream::connect(program.dir().join("http.sock"))?;
        unix.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
        let mut all = String::new();
        unix.read_to_string(&mut all)?;
        check_eq!(all.ends_with("o1\n"), true);
        Ok(())
    });
}
