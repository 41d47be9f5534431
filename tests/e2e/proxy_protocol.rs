//! The PROXY protocol: what servers are told of clients, and what is believed of what clients' proxies tell.

use crate::check_eq;
use crate::support::{HEAD, both, start};
use anyhow::Result;
use lb_testkit::client::Client;
use lb_testkit::{Engine, Mode, Origin, Program, SyslogSink};

/// A program that talks to itself: `fe` announces its clients as the words say, `inner` tells whom it sees.
fn mirror(engine: &Engine, words: &str) -> Result<Program> {
    let config = format!(
        "{HEAD}frontend fe\n    bind 127.0.0.1:{{port:fe}}\n    unique-id-format id-%Ts\n    default_backend app\n\
         backend app\n    server s1 127.0.0.1:{{port:inner}} {words}\n\
         frontend inner\n    bind 127.0.0.1:{{port:inner}} accept-proxy\n    tcp-request connection reject if {{ src 9.9.9.9 }}\n    \
         tcp-request session reject if {{ src 8.8.8.8 }}\n    \
         http-request return status 200 hdr x-src %[src]:%[src_port] hdr x-dst %[dst]:%[dst_port] hdr x-id \"%[fc_pp_unique_id]\" hdr x-told %[fc_rcvd_proxy]\n"
    );
    start(engine, &[], &config)
}

#[test]
fn a_server_learns_who_the_client_is() {
    for words in [
        "send-proxy",
        "send-proxy-v2",
        "send-proxy-v2-ssl",
        "send-proxy-v2-ssl-cn",
        "send-proxy-v2 proxy-v2-options ssl,cert-cn,ssl-cipher,cert-sig,cert-key,authority,crc32c,unique-id",
    ] {
        both(|engine| {
            let program = mirror(engine, words)?;
            let mut client = Client::connect(program.address("fe"))?;
            // The second request may take the same connection, which is this client's alone.
            for _ in 0..2 {
                let seen = client.get("/")?;
                check_eq!(seen.get("x-src"), Some(client.local_addr()?.to_string().as_str()), "{words}");
                check_eq!(seen.get("x-dst"), Some(program.address("fe").to_string().as_str()), "{words}");
                check_eq!(seen.get("x-told"), Some("1"));
                check_eq!(seen.get("x-id").is_some_and(|id| id.starts_with("id-1")), words.contains("unique-id"));
            }
            let mut other = Client::connect(program.address("fe"))?;
            check_eq!(other.get("/")?.get("x-src"), Some(other.local_addr()?.to_string().as_str()), "{words}");
            Ok(())
        });
    }
}

#[test]
fn without_words_nothing_is_announced_and_the_other_end_refuses() {
    both(|engine| {
        for words in ["", "send-proxy-v2 no-send-proxy-v2"] {
            let program = mirror(engine, words)?;
            check_eq!(lb_testkit::client::get(program.address("fe"), "/")?.status, 502, "{words}");
        }
        Ok(())
    });
}

#[test]
fn tcp_sessions_are_announced_too() {
    both(|engine| {
        let origin = Origin::with(Mode::Echo)?;
        let config = HEAD.replace("mode http", "mode tcp")
            + "listen fe\n    bind 127.0.0.1:{port:fe}\n    server s1 {o1} send-proxy\n";
        let program = start(engine, &[("o1", &origin)], &config)?;
        let mut client = Client::connect(program.address("fe"))?;
        let line = format!(
            "PROXY TCP4 127.0.0.1 127.0.0.1 {} {}\r\n",
            client.local_addr()?.port(),
            program.address("fe").port()
        );
        client.send("hello")?.expect(line + "hello")?;
        Ok(())
    });
}

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: t\r\n\r\n";

#[test]
fn announced_addresses_take_the_place_of_the_connections_own() {
    both(|engine| {
        let program = mirror(engine, "")?;
        let binary = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x01\x02\x03\x04\x05\x06\x07\x08\x04\x57\x08\xae";
        let heads: [(&[u8], &str, &str); 4] = [
            (b"PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n", "1.2.3.4:1111", "5.6.7.8:2222"),
            (b"PROXY TCP6 ::1 2001:db8::2 1111 2222\r\n", "::1:1111", "2001:db8::2:2222"),
            (binary, "1.2.3.4:1111", "5.6.7.8:2222"),
            (b"PROXY TCP4 9.9.9.9 5.6.7.8 1 2\r\n", "9.9.9.9:1", "5.6.7.8:2"),
        ];
        for (head, source, destination) in heads {
            let mut client = Client::connect(program.address("inner"))?;
            let seen = client.send([head, REQUEST.as_bytes()].concat())?.response()?;
            check_eq!((seen.get("x-src"), seen.get("x-dst")), (Some(source), Some(destination)));
        }
        for head in [&b"PROXY UNKNOWN\r\n"[..], b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"] {
            let mut client = Client::connect(program.address("inner"))?;
            let seen = client.send([head, REQUEST.as_bytes()].concat())?.response()?;
            check_eq!(seen.get("x-src"), Some(client.local_addr()?.to_string().as_str()));
            check_eq!(seen.get("x-told"), Some("1"));
        }
        Ok(())
    });
}

#[test]
fn what_is_no_header_is_refused_and_told() {
    both(|engine| {
        let sink = SyslogSink::udp()?;
        let config = format!(
            "{}frontend fe\n    log {} local0\n    bind 127.0.0.1:{{port:fe}} accept-proxy\n    option httplog\n    http-request return status 200\n",
            HEAD,
            sink.address()
        );
        let program = start(engine, &[], &config)?;
        for (head, why) in [
            (REQUEST, "Received something which does not look like a PROXY protocol header"),
            ("PROXY TCP4 1.2.3.4 5.6.7.8\r\n", "Received an invalid PROXY protocol header"),
            ("PROXY TCP5 1.2.3.4 5.6.7.8 1 2\r\n", "Received an unhandled protocol in the PROXY protocol header"),
        ] {
            let mut client = Client::connect(program.address("fe"))?;
            client.offer(head);
            check_eq!(client.read_to_end().unwrap_or_default(), b"", "{why}");
            sink.await_message(why)?;
        }
        let mut client = Client::connect(program.address("fe"))?;
        client.half_close()?;
        sink.await_message("Connection closed while waiting for PROXY protocol header")?;
        // None of these was a session.
        check_eq!(program.admin().stat("fe", "FRONTEND", "stot")?, "0");
        check_eq!(program.admin().stat("fe", "FRONTEND", "conn_tot")?, "4");
        Ok(())
    });
}

#[test]
fn a_header_may_come_in_pieces() -> Result<()> {
    // HAProxy wants it in one piece.
    let program = mirror(&Engine::subject()?, "")?;
    if Engine::subject()?.is_haproxy {
        return Ok(());
    }
    let mut client = Client::connect(program.address("inner"))?;
    for byte in b"PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n".chunks(1) {
        client.send(byte)?;
        std::thread::yield_now();
    }
    check_eq!(client.send(REQUEST)?.response()?.get("x-src"), Some("1.2.3.4:1111"));
    Ok(())
}

#[test]
fn rules_say_whose_connections_begin_with_a_header() {
    both(|engine| {
        let config = format!(
            "{HEAD}frontend fe\n    bind 127.0.0.1:{{port:fe}}\n    bind 127.0.0.1:{{port:plain}}\n    \
             tcp-request connection expect-proxy layer4 if {{ dst_port {{port:fe}} }}\n    \
             tcp-request session reject if {{ src 8.8.8.8 }}\n    http-request return status 200 hdr x-src %[src]\n"
        );
        let program = start(engine, &[], &config)?;
        let ask = |port: &str, text: String| -> Result<Option<String>> {
            let mut client = Client::connect(program.address(port))?;
            client.offer(text);
            Ok(client.response().ok().and_then(|response| response.get("x-src").map(str::to_owned)))
        };
        check_eq!(ask("plain", REQUEST.to_owned())?.as_deref(), Some("127.0.0.1"));
        check_eq!(ask("fe", format!("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n{REQUEST}"))?.as_deref(), Some("1.2.3.4"));
        check_eq!(ask("fe", REQUEST.to_owned())?, None);
        check_eq!(ask("fe", format!("PROXY TCP4 8.8.8.8 5.6.7.8 1 2\r\n{REQUEST}"))?, None);
        Ok(())
    });
}
