//! Traffic through a SOCKS proxy.

use crate::check_eq;
use crate::support::{one_backend, same};
use lb_testkit::client::get;
use lb_testkit::{Launch, Mode, Origin, free_port};

/// What a proxy says that grants a connection, and what the server behind it answers.
const SERVES: &str = r"await HAProxy\x00 ; send \x00\x5a\x00\x00\x00\x00\x00\x00 ; await \r\n\r\n ; send HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok ; close";

#[test]
fn a_proxy_is_asked_for_connections() {
    same(|engine| {
        let mut seen = Vec::new();
        for script in [
            SERVES,
            r"await HAProxy\x00 ; send \x00\x5b\x00\x00\x00\x00\x00\x00 ; hang",
            r"await HAProxy\x00 ; close",
            r"await HAProxy\x00 ; hang",
        ] {
            let (proxy, port) = (Origin::with(Mode::Script(script.to_owned()))?, free_port());
            let address = proxy.address();
            let body =
                format!("    retries 1\n    timeout connect 400ms\n    server s1 127.0.0.1:{port} socks4 {address}");
            let program = Launch::new(engine)?.start(&one_backend(&body))?;
            let response = get(program.address("fe"), "/a")?;
            let text = if response.status == 200 { response.text() } else { String::new() };
            let admin = program.admin();
            let counted =
                ["econ", "wretr", "connect"].map(|column| admin.stat("app", "s1", column).unwrap_or_default());
            check_eq!(proxy.connections(), counted[2].parse::<usize>()?);
            drop(program);
            let asked = lb_testkit::until("the end of connections", || {
                let all = proxy.received();
                (all.len() == proxy.connections()).then_some(all)
            })?;
            // Version 4, connect, the port and the address of the server, the user.
            let begin = [&[4, 1], &port.to_be_bytes()[..], &[127, 0, 0, 1], b"HAProxy\0"].concat();
            check_eq!(asked.iter().all(|all| all.bytes.starts_with(&begin)), true, "{asked:?}");
            seen.push((response.status, text, counted));
        }
        Ok(seen)
    });
}
