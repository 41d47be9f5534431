//! Health checks from their lines to their verdicts: the rows of `tests/data/check-rules.txt`, which the end-to-end suite
//! also runs on a proxy and beside a running HAProxy, here in no time and without a socket.

use super::{Fake, good, parse};
use lb_check::probe::Verdict;
use lb_check::rules::{Run, State, Step, Trace, World};
use lb_model::CheckStatus;
use lb_sample::{BackendNumber, Context, Scope, ServerNumber, ServerRef, Side, Vars};
use std::borrow::Cow;
use std::io;
use std::ops::ControlFlow;
use std::time::Duration;

/// A row of the table.
#[derive(Default)]
struct Row {
    name: String,
    lines: Vec<String>,
    origins: Vec<String>,
    expected: Vec<String>,
    /// Checks go elsewhere than traffic, or through a proxy.
    detour: bool,
}

fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for line in include_str!("../../../../tests/data/check-rules.txt").lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            rows.push(Row { name: name.trim_end_matches(']').to_owned(), ..Row::default() });
            continue;
        }
        let row = rows.last_mut().unwrap();
        match line.split_at(1) {
            ("@", script) => row.origins.push(script.trim().to_owned()),
            (">", words) => row.expected.push(words.trim().to_owned()),
            _ if line.starts_with("server:") => {
                row.detour = ["socks4 ", "port ", "addr "].iter().any(|word| line.contains(word));
            }
            _ => row.lines.push(line.to_owned()),
        }
    }
    rows
}

/// `\r`, `\n`, `\\` and `\xHH`.
fn unescaped(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'\\', [b'r', tail @ ..]) => (out.push(b'\r'), rest = tail).0,
            (b'\\', [b'n', tail @ ..]) => (out.push(b'\n'), rest = tail).0,
            (b'\\', [b'\\', tail @ ..]) => (out.push(b'\\'), rest = tail).0,
            (b'\\', [b'x', a, b, tail @ ..]) => {
                let digits = [*a, *b];
                out.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
                rest = tail;
            }
            _ => out.push(byte),
        }
    }
    out
}

/// The world of server `s1` in backend `b`.
struct Small;

impl World for Small {
    fn with_context(&self, state: &State, then: &mut dyn FnMut(&dyn Context)) {
        then(&View(state));
    }

    fn server_state(&self) -> String {
        "UP; address=127.0.0.1".to_owned()
    }

    fn is_stopped(&self) -> bool {
        false
    }

    fn elapsed(&self) -> Duration {
        Duration::from_micros(1_500)
    }
}

struct View<'a>(&'a State);

impl Context for View<'_> {
    fn response_buffer(&self) -> Option<&[u8]> {
        self.0.buffer()
    }

    fn response_body(&self) -> Option<Cow<'_, [u8]>> {
        self.0.response().map(|r| r.body)
    }

    fn backend_name(&self) -> Option<&str> {
        Some("b")
    }

    fn server_name(&self) -> Option<Cow<'_, str>> {
        Some("s1".into())
    }

    fn current_side(&self) -> Side {
        Side::Response
    }

    fn status(&self) -> Option<u16> {
        self.0.response().map(|r| r.status)
    }

    fn headers<'a>(&'a self, side: Side, visit: &mut dyn FnMut(&'a [u8], &'a [u8]) -> ControlFlow<()>) {
        if let Some(response) = self.0.response().filter(|_| side == Side::Response) {
            let _ = response.headers().try_for_each(|(name, value)| visit(name, value));
        }
    }

    fn backend_number(&self, _: Option<&str>, _: BackendNumber) -> Option<i64> {
        Some(1)
    }

    fn server_number(&self, _: Option<ServerRef<'_>>, _: ServerNumber) -> Option<i64> {
        Some(1)
    }

    fn vars(&self, scope: Scope) -> Option<&Vars> {
        matches!(scope, Scope::Check | Scope::Session).then(|| self.0.vars())
    }
}

/// An origin's side of one connection.
struct Peer<'s> {
    operations: Vec<&'s str>,
    sent: Vec<u8>,
}

/// What a read of the connection gives.
enum Read {
    Bytes(Vec<u8>),
    End,
    Reset,
    Nothing,
}

impl Peer<'_> {
    /// Goes on as far as it can with what it was sent.
    fn read(&mut self) -> Read {
        while !self.operations.is_empty() {
            let operation = self.operations[0];
            let (word, argument) = operation.split_once(' ').unwrap_or((operation, ""));
            let bytes = unescaped(argument);
            match word {
                "await" => {
                    let Some(at) = self.sent.windows(bytes.len()).position(|w| w == bytes) else {
                        return Read::Nothing;
                    };
                    self.sent.drain(..at + bytes.len());
                }
                "hang" => return Read::Nothing,
                "close" => return Read::End,
                "reset" => return Read::Reset,
                "send" => {
                    self.operations.remove(0);
                    return Read::Bytes(bytes);
                }
                "pause" => {}
                other => panic!("unknown operation {other}"),
            }
            self.operations.remove(0);
        }
        Read::End
    }
}

const PORTS: [u16; 2] = [41, 42];

fn config(row: &Row) -> String {
    let lines: String = row.lines.iter().map(|line| format!(" {line}\n")).collect();
    let text = format!("backend b\n mode http\n{lines} server s1 127.0.0.1:{} check\n", PORTS[0]);
    text.replace("{p1}", &PORTS[0].to_string()).replace("{p2}", &PORTS[1].to_string())
}

fn run(row: &Row) -> (Verdict, Vec<String>) {
    let config = good(&config(row));
    let set = config.proxies[0].check.rules().unwrap();
    let mut run = Run::new(set, 16_384, Trace::default());
    let mut connections = [0; 2];
    let mut peer: Option<Peer<'_>> = None;
    let verdict = loop {
        match run.step(&Small) {
            Step::Done(verdict) => break verdict,
            Step::Connect(options, port) => {
                let index = usize::from(port == Some(PORTS[1]));
                let script = &row.origins[index];
                if script == "refuse" || options.addr.is_some_and(|ip| ip.to_string() != "127.0.0.1") {
                    break run.connect_failed(&io::Error::from_raw_os_error(111), &Small);
                }
                let scripts: Vec<&str> = script.split(" | ").collect();
                let operations = scripts[connections[index] % scripts.len()].split(" ; ").collect();
                connections[index] += 1;
                let sent = if options.send_proxy { b"PROXY TCP4\r\n".to_vec() } else { Vec::new() };
                peer = Some(Peer { operations, sent });
                run.connected(false, &Small);
            }
            Step::Send(bytes) => {
                peer.as_mut().unwrap().sent.extend_from_slice(&bytes);
                run.sent(bytes.len(), &Small);
            }
            Step::Receive => match peer.as_mut().unwrap().read() {
                Read::Bytes(bytes) => {
                    run.input().extend_from_slice(&bytes);
                    run.received(false, &Small);
                }
                Read::End => run.received(true, &Small),
                Read::Reset => break run.failed(&io::Error::from_raw_os_error(104), &Small),
                Read::Nothing => break run.timed_out(&Small),
            },
        }
    };
    let lines = run.into_trace().lines(set);
    (verdict, lines)
}

/// The words of the log line that a first check with this verdict gives, on a server with rise 1 and fall 1.
fn log_words(verdict: &Verdict) -> String {
    use lb_model::CheckOutcome;
    let (ended, state) = match verdict.status.outcome() {
        CheckOutcome::Failed => ("failed", "0/1 DOWN"),
        CheckOutcome::ConditionallyPassed => ("conditionally succeeded", "1/1 UP"),
        CheckOutcome::Passed | CheckOutcome::Neutral => ("succeeded", "1/1 UP"),
    };
    let code = if verdict.status.has_code() { format!(", code: {}", verdict.code) } else { String::new() };
    let info = verdict.clone().report(Duration::ZERO).info;
    let info = if info.is_empty() { info } else { format!(", info: \"{info}\"") };
    format!("{ended}, reason: {}{code}{info}, status: {state}.", verdict.status.description())
}

#[test]
fn a_protocol_fits_the_check() {
    let of = |words: &str| {
        let timeouts = "timeout connect 1s\n timeout server 1s";
        let diagnostics = parse(&format!("backend b\n {timeouts}\n {words}\n"), &Fake::default()).diagnostics;
        diagnostics.into_iter().map(|d| d.message).collect::<Vec<_>>().join(" / ")
    };
    let unfit = "config: backend 'b': server 's' uses an incompatible MUX protocol for the selected check type";
    for (words, expected) in [
        ("server s 1.2.3.4:80 check check-proto none", ""),
        ("server s 1.2.3.4:80 check check-proto h1", unfit),
        ("server s 1.2.3.4:80 check-proto h1", ""),
        (" mode http\n option httpchk\n server s 1.2.3.4:80 check check-proto h1", ""),
        (" mode http\n option httpchk\n server s 1.2.3.4:80 check check-proto h2", ""),
        ("server s 1.2.3.4:80 check check-proto h2", unfit),
        (" mode http\n option httpchk\n server s 1.2.3.4:80 check check-proto none", unfit),
        ("server s 1.2.3.4:80 check check-proto foo", "'server b/s' : 'check-proto' :  unknown MUX protocol 'foo'."),
    ] {
        assert_eq!(of(words), expected, "{words}");
    }
    assert!(
        of(" mode http\n option httpchk\n server s 1.2.3.4:80 check check-proto fcgi").contains("check-proto fcgi")
    );
}

#[test]
fn every_row_ends_as_seen() {
    let rows = rows();
    assert!(rows.len() >= 350, "only {} rows", rows.len());
    let mut wrong = Vec::new();
    // A program is not run here, and all connections go to the server.
    let here = |row: &&Row| !row.detour && !row.lines.iter().any(|line| line.starts_with("external-check"));
    for row in rows.iter().filter(here) {
        let (verdict, trace) = run(row);
        // 3.x names the error before it describes it.
        let words =
            log_words(&verdict).replace("ECONNREFUSED returned by OS (Connection refused)", "Connection refused");
        let words = words.replace("ECONNRESET returned by OS (Connection reset by peer)", "Connection reset by peer");
        let words = words
            .replace(&format!("port {}", PORTS[0]), "port {p1}")
            .replace(&format!("port {}", PORTS[1]), "port {p2}");
        if row.expected != [verdict.status.code(), &words] {
            wrong.push(format!(
                "[{}]\n  seen: {:?}\n  here: {:?}\n  {trace:#?}",
                row.name,
                row.expected,
                (verdict.status.code(), words)
            ));
        }
        assert!(!trace.is_empty(), "{}", row.name);
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

/// What a check did is told in words.
#[test]
fn steps_are_told() {
    let row = Row {
        lines: vec!["option httpchk GET /health".into(), "http-check expect status 200".into()],
        origins: vec![r"await \r\n\r\n ; send HTTP/1.1 204 No Content\r\n\r\n ; close".into()],
        ..Row::default()
    };
    let (verdict, lines) = run(&row);
    assert_eq!((verdict.status, verdict.code), (CheckStatus::L7Status, 204));
    expect_test::expect![[r#"
            1.500 ms  connected
            1.500 ms  sent 24 bytes
            1.500 ms  got 27 bytes: "HTTP/1.1 204 No Content"
            1.500 ms  rule 1 'expect status 200' did not match"#]]
    .assert_eq(&lines.join("\n"));
}

/// Lines that a running HAProxy refuses are refused in its words.
#[test]
fn faults_are_told_as_seen() {
    for (option, lines, message) in [
        (
            "httpchk",
            "http-check send meth GET / http-check send hdr Host x",
            "unable to add http-check send rule at step 2 (missing connect rule).",
        ),
        (
            "httpchk",
            "http-check connect / http-check connect",
            "unable to add http-check connect rule at step 2 (missing expect rule).",
        ),
        (
            "httpchk",
            "http-check connect / http-check expect status 200",
            "unable to add http-check expect rule at step 2 (missing send rule).",
        ),
        (
            "httpchk",
            "http-check expect status 200 / http-check connect",
            "first step MUST also be a 'connect', optionally preceded by a 'set-var', an 'unset-var' or a 'comment', when there is a 'connect' step in the tcp-check ruleset.",
        ),
        ("httpchk", "http-check connect port", "'port' expects a port number or a sample expression as argument."),
        (
            "httpchk",
            "http-check connect port x",
            "error detected while parsing port expression : unknown fetch method 'x'",
        ),
        (
            "httpchk",
            "http-check connect port 99999",
            "expects a valid TCP port (from range 1 to 65535) or a sample expression, got 99999.",
        ),
        (
            "httpchk",
            "http-check connect foo",
            "expects 'comment', 'port', 'addr', 'send-proxy', 'ssl', 'sni', 'alpn' or 'via-socks4', 'linger', 'default' but got 'foo' as argument.",
        ),
        ("httpchk", "http-check connect addr", "'addr' expects <ipv4|ipv6> as argument."),
        ("httpchk", "http-check connect proto zz", "'proto' : unknown MUX protocol 'zz'."),
        ("httpchk", "http-check connect comment", "'comment' expects a string as argument."),
        ("httpchk", "http-check comment", "expects a string as argument."),
        (
            "httpchk",
            "http-check foo",
            "'http-check' only supports 'disable-on-404', 'send-state', 'comment', 'connect', 'send', 'expect', 'set-var-fmt(*)', 'set-var(*)', 'unset-var(*)'. but got 'foo'",
        ),
        ("httpchk", "http-check expect", "expects at least a matching pattern as arguments."),
        ("httpchk", "http-check expect min-recv", "'min-recv' expects a integer as argument."),
        (
            "httpchk",
            "http-check expect min-recv -5 status 200",
            "'min-recv' expects -1 or an integer from 0 to INT_MAX.",
        ),
        ("httpchk", "http-check expect comment x", "pattern not found."),
        (
            "httpchk",
            "http-check expect ok-status L7STS status 200",
            "'ok-status' only supports 'L4OK', 'L6OK', 'L7OK' or 'L7OKC' status (got 'L7STS').",
        ),
        (
            "httpchk",
            "http-check expect error-status L7OK status 200",
            "'error-status' only supports 'L4CON', 'L6RSP', 'L7RSP' or 'L7STS' status (got 'L7OK').",
        ),
        (
            "httpchk",
            "http-check expect tout-status L7OK status 200",
            "'tout-status' only supports 'L4TOUT', 'L6TOUT' or 'L7TOUT' status (got 'L7OK').",
        ),
        ("httpchk", "http-check expect status", "'status' expects a <pattern> as argument."),
        ("httpchk", "http-check expect status 200 string x", "only on pattern expected."),
        ("httpchk", "http-check expect status abc", "invalid character 'a' in the list of status codes."),
        ("httpchk", "http-check expect on-error %[foo] status 200", "'%[foo]' invalid log-format string ("),
        (
            "httpchk",
            "http-check expect status-code foo status 200",
            "error detected while parsing status-code expression : unknown fetch method 'foo'",
        ),
        (
            "httpchk",
            "http-check expect hdr foo",
            "'hdr' expects at the name keyword as first argument followed by a pattern.",
        ),
        (
            "httpchk",
            "http-check expect hdr name -m foo x",
            "'hdr' : '-m' only supports 'str', 'beg', 'end', 'sub' or 'reg' (got 'foo').",
        ),
        ("httpchk", "http-check expect hdr name x value", "'hdr' expect a pattern with the value keyword."),
        (
            "httpchk",
            "http-check expect hdr name-lf -m reg x",
            "'hdr': log-format string is not supported with a regex matching method.",
        ),
        ("httpchk", "http-check expect rstring [", "regex '[' is invalid ("),
        (
            "httpchk",
            "http-check send foo",
            "expects 'comment', 'meth', 'uri', 'uri-lf', 'ver', 'hdr', 'body' or 'body-lf' but got 'foo' as argument.",
        ),
        ("httpchk", "http-check send hdr x", "'hdr' expects <name> and <value> as arguments."),
        (
            "httpchk",
            "http-check set-var(foo) str(x)",
            "invalid variable name 'foo'. A variable name must be start by its scope. The scope can be 'proc', 'sess', 'txn', 'req', 'res' or 'check'",
        ),
        ("httpchk", "http-check set-var(check.foo)", "missing fetch method."),
        ("httpchk", "http-check set-var(check.foo,bar) str(x)", "unknown condition \"bar\""),
        ("tcp-check", "tcp-check expect status 200", "but got 'status' as argument."),
        (
            "tcp-check",
            "tcp-check expect binary 616",
            "invalid binary string (an even number of hex digit is expected).",
        ),
        ("tcp-check", "tcp-check expect binary zz", "invalid binary string (an hex digit is expected (found 'z'))."),
        ("tcp-check", "tcp-check send", "'string' expects a send as argument."),
        ("tcp-check", "tcp-check send a b", "expects 'comment' but got 'b' as argument."),
        (
            "tcp-check",
            "tcp-check send-binary 616",
            "'616' invalid binary string (an even number of hex digit is expected).",
        ),
        ("tcp-check", "tcp-check send-lf %[foo]", "'%[foo]' invalid log-format string ("),
        ("tcp-check", "tcp-check connect proto h2", "'proto' : invalid MUX protocol 'h2' for tcp-check."),
        ("redis-check x", "", "'option redis-check' cannot handle unexpected argument 'x'."),
        ("mysql-check foo", "", "'option mysql-check' only supports optional values: 'user' (got 'foo')."),
        ("mysql-check user", "", "'option mysql-check user' expects <username> as argument."),
        ("pgsql-check", "", "'option pgsql-check' expects 'user <username>' as argument."),
    ] {
        let lines = lines.replace(" / ", "\n ");
        let outcome = parse(
            &format!("backend b\n mode http\n option {option}\n {lines}\n server s1 127.0.0.1:80 check\n"),
            &Fake::default(),
        );
        let messages: Vec<&str> = outcome.diagnostics.iter().map(|d| d.message.as_str()).collect();
        assert!(messages.iter().any(|m| m.contains(message)), "{lines}: {message}\n{messages:#?}");
    }
}

/// `healthcheck` sections, by name, in place of the backend's check.
#[test]
fn healthcheck_sections() {
    let config = good(
        "healthcheck web\n http-check expect status 204\n type httpchk GET /h HTTP/1.1 h\n\
         healthcheck plain\n\
         backend b\n mode http\n option redis-check\n server s1 127.0.0.1:80 check healthcheck web\n \
         server s2 127.0.0.1:80 check\n server s3 127.0.0.1:80 healthcheck plain\n",
    );
    let servers = &config.proxies[0].servers;
    let own = |i: usize| servers[i].check_method.as_ref().map(|m| m.rules().unwrap().is_http());
    assert_eq!((own(0), own(1), own(2)), (Some(true), None, Some(false)));
    assert_eq!(config.healthchecks.keys().collect::<Vec<_>>(), ["plain", "web"]);
    assert_eq!(servers[0].check_method.as_ref().unwrap().rules().unwrap().host().as_deref(), Some("h"));
}

/// As a running HAProxy 3.5 words them, but for a star before the name of a section that is missing.
#[test]
fn faults_of_healthcheck_sections() {
    for (text, message) in [
        ("healthcheck", "missing name for healthcheck section."),
        ("healthcheck a\nhealthcheck a", "healthcheck section 'a' already defined at a.cfg:1."),
        ("healthcheck a\n type tcp-check\n type tcp-check", "healthcheck type already defined."),
        (
            "healthcheck a\n type tcp-check\n http-check send-state",
            "unable to configure 'http-check' rule for 'TCP' healthcheck",
        ),
        (
            "healthcheck a\n type foo",
            "unknown healthcheck type 'foo' (expects 'tcp-check', 'httpchk', 'ssl-hello-chk', 'smtpchk', 'pgsql-check', 'redis-check', 'mysql-check', 'ldap-check', 'spop-check').",
        ),
        ("healthcheck a\n option httpchk", "unknown keyword 'option' in 'healthcheck' section"),
        ("backend b\n server a 127.0.0.1:80 healthcheck zz", "healthcheck section 'zz' not found for server 'a'."),
        (
            "backend b\n option external-check\n server a 127.0.0.1:80 check",
            "unable to find required 'global.external-check'.",
        ),
        (
            "backend b\n option external-check\n server a 127.0.0.1:80 check",
            "unable to find required 'external-check command'.",
        ),
        (
            "backend b\n external-check command /x\n server a 127.0.0.1:80 check",
            "'external-check' will be ignored for backend 'b' (requires 'option external-check').",
        ),
        ("backend b\n external-check foo", "'external-check' only supports 'command' and 'path'. but got 'foo'."),
        ("global\n external-check foo", "'external-check' only supports 'preserve-env' as an argument, found 'foo'."),
    ] {
        let outcome = parse(&format!("{text}\n"), &Fake::default());
        let messages: Vec<&str> = outcome.diagnostics.iter().map(|d| d.message.as_str()).collect();
        assert!(messages.iter().any(|m| m.contains(message)), "{text}: {message}\n{messages:#?}");
    }
}

/// Words that articles put on server lines: the answer names the lines that do what is meant.
#[test]
fn words_of_articles() {
    let text = "backend b\n option httpchk\n \
                server a 127.0.0.1:80 check uri /health method HEAD expect \"all OK\" inter 1s\n \
                server b 127.0.0.1:80 check expect status 200 on-error mark-down\n \
                server c 127.0.0.1:80 check on-error mark-down\n";
    expect_test::expect![[r#"
        [ALERT]    (1) : config : parsing [a.cfg:3] : 'server b/a' : unknown keyword 'uri'.
           |   server a 127.0.0.1:80 check uri /health method HEAD expect "all OK" inter 1s
           |                               ^^^
           | help: what a check sends and expects is said in the backend, for all its servers: 'option httpchk' and 'http-check send meth GET uri /health'
        [ALERT]    (1) : config : parsing [a.cfg:3] : 'server b/a' : unknown keyword 'method'.
           |   server a 127.0.0.1:80 check uri /health method HEAD expect "all OK" inter 1s
           |                                           ^^^^^^
           | help: what a check sends and expects is said in the backend, for all its servers: 'option httpchk' and 'http-check send meth HEAD uri /'
        [ALERT]    (1) : config : parsing [a.cfg:3] : 'server b/a' : unknown keyword 'expect'.
           |   server a 127.0.0.1:80 check uri /health method HEAD expect "all OK" inter 1s
           |                                                       ^^^^^^
           | help: what a check sends and expects is said in the backend, for all its servers: 'option httpchk' and 'http-check expect string "all OK"'
        [ALERT]    (1) : config : parsing [a.cfg:4] : 'server b/b' : unknown keyword 'expect'.
           |   server b 127.0.0.1:80 check expect status 200 on-error mark-down
           |                               ^^^^^^
           | help: what a check sends and expects is said in the backend, for all its servers: 'option httpchk' and 'http-check expect status 200'
        [WARNING]  (1) : config : parsing [a.cfg:4] : 'server b/b' : 'on-error' has no effect without 'observe'.
           |   server b 127.0.0.1:80 check expect status 200 on-error mark-down
           |          ^
           | help: add 'observe layer4' to count failed connections, or 'observe layer7' for wrong answers too
        [WARNING]  (1) : config : parsing [a.cfg:5] : 'server b/c' : 'on-error' has no effect without 'observe'.
           |   server c 127.0.0.1:80 check on-error mark-down
           |          ^
           | help: add 'observe layer4' to count failed connections, or 'observe layer7' for wrong answers too
    "#]].assert_eq(&super::shown(text));
}
