//! `tcp-request content` rules that look at what a client sends before a server is chosen, beside the oracle.

use crate::support::{HEAD, launch, same};
use anyhow::Result;
use lb_testkit::client::Client;
use lb_testkit::{Mode, Origin, SyslogSink, until};
use std::time::Duration;

const RULES: &str = "\
frontend sni
    bind 127.0.0.1:{port:sni}
    tcp-request inspect-delay 5s
    tcp-request content set-var(sess.sni) req.ssl_sni
    tcp-request content reject if { req.ssl_sni -m end .bad.example }
    tcp-request content silent-drop if { req.ssl_sni quiet.example }
    tcp-request content accept if { req_ssl_hello_type 1 }
    log-format \"%b/%s %ts %[var(sess.sni)]\"
    use_backend one if { req_ssl_sni -i one.example }
    use_backend two if { req.ssl_alpn h2 }
    default_backend used
frontend payload
    bind 127.0.0.1:{port:payload}
    tcp-request inspect-delay 5s
    tcp-request content reject if { req.payload(0,3) -m str BAD }
    tcp-request content accept if { req.len gt 6 }
    tcp-request content accept if { req.payload(0,4) -m str PING }
    log-format \"%b/%s %ts\"
    use_backend one if { req.payload(0,4) -m str PING }
    default_backend two
frontend late
    bind 127.0.0.1:{port:late}
    tcp-request inspect-delay 300ms
    tcp-request content accept if { req.len gt 1000 }
    tcp-request content reject if !WAIT_END
    log-format \"%b/%s %ts\"
    default_backend one
frontend at-once
    bind 127.0.0.1:{port:once}
    tcp-request content accept
    log-format \"%b/%s %ts\"
    default_backend own-delay
backend one
    server s1 {o1}
backend two
    server s2 {o2}
backend used
    use-server s2 if { req_ssl_sni two.example }
    server s1 {o1}
    server s2 {o2} weight 0
backend own-delay
    tcp-request inspect-delay 5s
    tcp-request content reject unless { req.payload(0,4) -m str PING }
    server s1 {o1}
";

/// A ClientHello for that name, offering these protocols.
fn hello(name: &str, protocols: &[&str]) -> Vec<u8> {
    let sized = |bytes: usize, content: &[u8]| {
        let mut out = content.len().to_be_bytes()[8 - bytes..].to_vec();
        out.extend_from_slice(content);
        out
    };
    let server = [vec![0], sized(2, name.as_bytes())].concat();
    let offered: Vec<u8> = protocols.iter().flat_map(|p| sized(1, p.as_bytes())).collect();
    let mut extensions = [vec![0, 0], sized(2, &sized(2, &server))].concat();
    if !protocols.is_empty() {
        extensions.extend([vec![0, 16], sized(2, &sized(2, &offered))].concat());
    }
    let hello =
        [vec![3, 3], vec![7; 32], sized(1, &[]), sized(2, &[0x13, 1, 0x13, 2]), sized(1, &[0]), sized(2, &extensions)]
            .concat();
    let message = [vec![1], sized(3, &hello)].concat();
    [vec![22, 3, 1], sized(2, &message)].concat()
}

#[test]
fn connections_go_where_their_first_bytes_say() {
    same(|engine| {
        let log = SyslogSink::udp()?;
        let (first, second) = (Origin::with(Mode::Echo)?, Origin::with(Mode::Echo)?);
        let head = HEAD
            .replace("    maxconn 500", "    maxconn 500\n    log {log} local0")
            .replace("mode http", "mode tcp\n    log global");
        let program = launch(engine, &[("o1", &first), ("o2", &second)])?
            .set("log", log.address())
            .start(&format!("{head}{RULES}"))?;
        // Each case: the frontend, whether it passes, and what is sent, piece by piece.
        let cases: Vec<(&str, bool, Vec<Vec<u8>>)> = vec![
            ("sni", true, vec![hello("one.example", &[])]),
            ("sni", true, vec![hello("ONE.example", &["http/1.1"])]),
            ("sni", true, vec![hello("two.example", &[])]),
            ("sni", true, vec![hello("x.example", &["h2"])]),
            ("sni", false, vec![hello("very.bad.example", &["h2"])]),
            ("sni", true, vec![hello("one.example", &[])[..20].to_vec(), hello("one.example", &[])[20..].to_vec()]),
            ("sni", true, vec![b"GET / HTTP/1.1\r\n\r\n".to_vec()]),
            ("payload", true, vec![b"PI".to_vec(), b"NG".to_vec()]),
            ("payload", true, vec![b"PONG".to_vec(), b"PONG".to_vec()]),
            ("payload", false, vec![b"B".to_vec(), b"AD".to_vec()]),
            ("late", true, vec![b"some".to_vec()]),
            ("late", true, vec![vec![b'x'; 2_000]]),
            ("once", true, vec![b"PIN".to_vec(), b"G".to_vec()]),
            ("once", false, vec![b"PONG".to_vec()]),
        ];
        let mut seen = Vec::new();
        for (number, (frontend, passes, pieces)) in cases.iter().enumerate() {
            let before = (first.received().len(), second.received().len());
            let mut client = Client::connect(program.address(frontend))?;
            for piece in pieces {
                client.offer(piece);
                // Most often they arrive one by one; nothing depends on it.
                std::thread::sleep(Duration::from_millis(30));
            }
            let answer = if *passes {
                client.expect(pieces.concat())?;
                client.half_close()?;
                client.read_to_end()?
            } else {
                client.read_to_end()?
            };
            let line = until("the log", || {
                log.lines().get(number).and_then(|line| Some(line.split_once("]: ")?.1.to_owned()))
            })?;
            until("the connection's end", || {
                (first.open_connections() + second.open_connections() == 0).then_some(())
            })?;
            let went = (first.received().len() - before.0, second.received().len() - before.1);
            seen.push((number, frontend.to_string(), answer, went, line));
        }
        Ok(seen)
    });
}

/// A client that is dropped in silence hears nothing, not even an end.
#[test]
fn dropped_clients_hear_nothing() -> Result<()> {
    let rules = "frontend fe\n    bind 127.0.0.1:{port:fe}\n    http-request silent-drop if { path /drop }\n    \
                 http-response silent-drop if { status 404 }\n    default_backend app\nbackend app\n    server s1 {o1}\n\
                 frontend gone\n    bind 127.0.0.1:{port:gone}\n    tcp-request connection silent-drop\n    \
                 default_backend app\n";
    same(|engine| {
        let origin = Origin::http("o1")?;
        let program = launch(engine, &[("o1", &origin)])?.start(&format!("{HEAD}{rules}"))?;
        let mut seen = Vec::new();
        for (frontend, path) in [("fe", Some("/drop")), ("fe", Some("/status/404")), ("gone", None)] {
            let mut client = Client::connect(program.address(frontend))?;
            // Whoever writes to a connection that is forgotten is told so by the system.
            if let Some(path) = path {
                client.offer(format!("GET {path} HTTP/1.1\r\nHost: t\r\n\r\n"));
            }
            seen.push((path, client.is_quiet_for(Duration::from_millis(200))));
            program.admin().await_stat(frontend, "FRONTEND", "scur", "0")?;
        }
        let mut client = Client::connect(program.address("fe"))?;
        Ok((seen, client.get("/")?.status))
    });
    Ok(())
}
