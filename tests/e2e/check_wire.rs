//! What checks send, byte for byte, and how they go, in order or by a reset: every probe in every form beside HAProxy's,
//! to a peer that keeps what it gets.

use crate::support::{HEAD, same};
use lb_testkit::{Launch, Mode, Normaliser, Origin, until};

/// A backend's lines, words of its server line, and what the peer does.
type Case = (&'static [&'static str], &'static str, &'static str);

const MAIL: &str =
    r"send 220 mx\r\n ; await \r\n ; send 250-mx\r\n250 SIZE\r\n ; await QUIT\r\n ; send 221 bye\r\n ; hang";

const CASES: &[Case] = &[
    (&["option redis-check"], "", "hang"),
    (&["option mysql-check"], "", "hang"),
    (&["option mysql-check user bob"], "", "hang"),
    (&["option mysql-check user bob pre-41"], "", "hang"),
    (&["option mysql-check user bob post-41"], "", "hang"),
    (&["option pgsql-check user bob"], "", "hang"),
    (&["option ldap-check"], "", "hang"),
    (&["option ssl-hello-chk"], "", "hang"),
    (&["option spop-check"], "", "hang"),
    (&["option smtpchk"], "", MAIL),
    (&["option smtpchk HELO mail.example"], "", MAIL),
    (&["option smtpchk EHLO mail.example"], "", MAIL),
    (&["option smtpchk EHLO"], "", MAIL),
    (&["option smtpchk QUIT mail.example"], "", MAIL),
    (&["option smtpchk"], "", r"send 554 no\r\n ; hang"),
    (&["option smtpchk"], "", r"send 220 mx\r\n ; await \r\n ; send 550 no\r\n ; hang"),
    (&["option pgsql-check user bob"], "", r"await bob ; send E\x00\x00\x00\x0cSFATAL\x00 ; hang"),
    (&["option mysql-check"], "", r"send \x07\x00\x00\x00\xff\x15\x04Nope ; hang"),
    (
        &["option tcp-check", "tcp-check connect linger", "tcp-check send x", "tcp-check expect min-recv 1 string y"],
        "",
        "await x ; send z ; hang",
    ),
    (&["option redis-check"], "", r"await PING\r\n ; send +PONG\r\n ; hang"),
    (&["option mysql-check"], "", r"send \x05\x00\x00\x00\x0a5.1\x00 ; hang"),
    (
        &["option mysql-check user bob"],
        "",
        r"send \x05\x00\x00\x00\x0a5.1\x00 ; await bob ; send \x07\x00\x00\x02\x00\x00\x00\x02\x00\x00\x00 ; hang",
    ),
    (&["option pgsql-check user bob"], "", r"await bob ; send R\x00\x00\x00\x08\x00\x00\x00\x00 ; hang"),
    (&["option ldap-check"], "", r"await \x80\x00 ; send 0\x0c\x02\x01\x01a\x07\x0a\x01\x00\x04\x00\x04\x00 ; hang"),
    (&["option ssl-hello-chk"], "", r"await \x01\x00 ; send \x15\x03\x00\x00\x02\x02\x28 ; hang"),
    (&["option httpchk"], "", "hang"),
    (&["option httpchk /health"], "", "hang"),
    (&["option httpchk *"], "", "hang"),
    (&["option httpchk GET"], "", "hang"),
    (&["option httpchk HEAD /health"], "", "hang"),
    (&["option httpchk GET /a?b=c%20d"], "", "hang"),
    (&["option httpchk GET / HTTP/1.1"], "", "hang"),
    (
        &["option httpchk", "http-check send meth PUT uri /x ver HTTP/1.1 hdr Host a.example hdr X-A b body hello"],
        "",
        "hang",
    ),
    (&["option httpchk GET /o HTTP/1.1", "http-check send hdr X-A b"], "", "hang"),
    (&["option httpchk", "http-check send meth POST uri-lf /%[str(x)] body-lf %[str(abc)]"], "", "hang"),
    (&["option httpchk", "http-check send ver HTTP/1.1 hdr Connection keep-alive"], "", "hang"),
    (&["option httpchk", "http-check send hdr Content-Length 99 body abc"], "", "hang"),
    (&["option httpchk", "http-check send hdr Content-Length 99"], "", "hang"),
    (&["option httpchk", "http-check send hdr Transfer-Encoding chunked body abc"], "", "hang"),
    (&["option httpchk", "http-check send meth GET hdr x-lf %[srv_name] hdr x-be %[be_name]"], "", "hang"),
    (&["option httpchk", "http-check send-state"], "", "hang"),
    (&["option httpchk", "http-check connect send-proxy", "http-check send uri /1"], "", "hang"),
    (&["option httpchk", "http-check connect linger proto h1", "http-check send uri /1"], "", "hang"),
    (&["option tcp-check", "tcp-check send PING\\r\\n"], "", "hang"),
    (&["option tcp-check", "tcp-check send-lf name=%[srv_name]\\r\\n"], "", "hang"),
    (&["option tcp-check", "tcp-check send-binary 1234000001ff"], "", "hang"),
    (
        &["option tcp-check", "tcp-check set-var(check.x) str(0a0b)", "tcp-check send-binary-lf %[var(check.x)]"],
        "",
        "hang",
    ),
    (&["option tcp-check", "tcp-check send a", "tcp-check send b", "tcp-check send c"], "", "hang"),
    (&["option tcp-check", "tcp-check connect send-proxy", "tcp-check send x"], "", "hang"),
    (
        &["option tcp-check", "tcp-check connect linger", "tcp-check send x", "tcp-check expect string y"],
        "",
        "await x ; send y ; hang",
    ),
    (
        &["option tcp-check", "tcp-check connect", "tcp-check send x", "tcp-check expect string y"],
        "",
        "await x ; send y ; hang",
    ),
    (
        &["option httpchk", "http-check connect linger", "http-check send uri /1"],
        "",
        r"await \r\n\r\n ; send HTTP/1.0 200 OK\r\n\r\n ; hang",
    ),
    (&["option httpchk"], "", r"await \r\n\r\n ; send HTTP/1.0 200 OK\r\n\r\n ; hang"),
    (&["option httpchk"], "", r"await \r\n\r\n ; send HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok ; hang"),
    (&["option tcp-check", "tcp-check send x"], "check-send-proxy", "hang"),
    (&["mode tcp"], "check-send-proxy", "hang"),
    (&["option redis-check"], "check-send-proxy", "hang"),
    (&["option httpchk"], "check-send-proxy", "hang"),
];

#[test]
fn checks_send_the_same_bytes() {
    same(|engine| {
        let mut config =
            format!("{}listen fe\n    bind 127.0.0.1:{{port:fe}}\n", HEAD.replace("mode http", "mode tcp"));
        let mut origins = Vec::new();
        for (index, (lines, words, script)) in CASES.iter().enumerate() {
            let origin = Origin::with(Mode::Script((*script).to_owned()))?;
            let lines: String = lines.iter().map(|line| format!("    {line}\n")).collect();
            let address = origin.address();
            config += &format!(
                "backend b{index}\n    timeout check 400ms\n{lines}    server s1 {address} check inter 60s fall 1 rise 1 {words}\n"
            );
            origins.push(origin);
        }
        let _program = Launch::new(engine)?
            .start(&config.replace("    maxconn 500", "    maxconn 500\n    node n1\n    max-spread-checks 500ms"))?;
        let mut all = Vec::new();
        for ((lines, words, _), origin) in CASES.iter().zip(&origins) {
            let first = until("a check's end", || origin.received().into_iter().next())?;
            let text = first.bytes.escape_ascii().to_string();
            let port = origin.address().port().to_string();
            let hide = Normaliser::new()
                // The time and what stands for chance in a hello.
                .rule(r"^(\\x16\\x03\\x00\\x00y\\x01\\x00\\x00u\\x03\\x00).*(\\x00\\x00N\\x00\\x01)", "$1<random>$2")
                .rule(&format!(r"(PROXY TCP4 \S+ \S+) \d+ {port}"), "$1 <port> <own>")
                .rule(&format!(r"port={port}"), "port=<own>")
                .rule(r"(?i)(x-haproxy-server-state: )(.*?\d/\d; )", "$1");
            all.push((lines, words, hide.apply(&text), first.reset));
        }
        Ok(all)
    });
}
