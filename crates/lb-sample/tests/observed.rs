//! What a running HAProxy 2.6 answered for one request, replayed.

use lb_sample::{
    BackendNumber, Condition, Context, Expr, FrontendNumber, ServerNumber, ServerRef, Side, Sources, StreamNumber,
    WallTime,
};
use std::net::SocketAddr;
use std::ops::ControlFlow;

/// The request as rules saw it: the Connection header that was sent is gone before they run.
struct Request {
    uri: &'static str,
    headers: Vec<(&'static str, &'static str)>,
}

impl Request {
    fn new(uri: &'static str, more: &[(&'static str, &'static str)]) -> Self {
        let mut headers = vec![
            ("Host", "www.Example.com:8080"),
            ("X-N", "@N"),
            ("X-M", "one, two ,three"),
            ("x-m", "four"),
            ("X-Empty", ""),
            ("X-IP", "10.1.2.3:80, [2001:db8::1]:443, junk, 2001:db8::2"),
            ("X-V", "12, abc, 15"),
            ("X-Q", "\"a,b\", c"),
            ("Cookie", "a=1; b=\"two\"; n=7"),
            ("Cookie", "a=3; q=\"x;y\"; e=; c"),
        ];
        headers.extend_from_slice(more);
        Self { uri, headers }
    }
}

impl Context for Request {
    fn src(&self) -> Option<SocketAddr> {
        "127.0.0.1:40000".parse().ok()
    }
    fn dst(&self) -> Option<SocketAddr> {
        "127.0.0.1:19310".parse().ok()
    }
    fn method(&self) -> Option<&[u8]> {
        Some(b"GET")
    }
    fn uri(&self) -> Option<&[u8]> {
        Some(self.uri.as_bytes())
    }
    fn version(&self, side: Side) -> Option<(u8, u8)> {
        (side == Side::Request).then_some((1, 1))
    }
    fn headers<'a>(&'a self, side: Side, visit: &mut dyn FnMut(&'a [u8], &'a [u8]) -> ControlFlow<()>) {
        if side == Side::Request {
            let _ = self.headers.iter().try_for_each(|(n, v)| visit(n.as_bytes(), v.as_bytes()));
        }
    }
    fn request_buffer(&self) -> Option<&[u8]> {
        Some(b"G")
    }
    fn frontend_name(&self) -> Option<&str> {
        Some("f")
    }
    fn hostname(&self) -> Option<&str> {
        Some("vm")
    }
    fn now(&self) -> Option<WallTime> {
        Some(WallTime { unix_secs: 1_795_216_042, micros: 0, utc_offset_secs: 0 })
    }
    fn random(&self) -> Option<u32> {
        Some(0x1234_5678)
    }
    fn backend_number(&self, backend: Option<&str>, what: BackendNumber) -> Option<i64> {
        (backend == Some("be")).then_some(match what {
            BackendNumber::UsableServers => 1,
            BackendNumber::ConnectionSlots | BackendNumber::ConnectionsFree => -1,
            _ => 0,
        })
    }
    fn frontend_number(&self, _: Option<&str>, what: FrontendNumber) -> Option<i64> {
        Some(match what {
            FrontendNumber::Id => 2,
            FrontendNumber::ClientTimeoutMs => 2000,
            _ => 1,
        })
    }
    fn server_number(&self, server: Option<ServerRef<'_>>, what: ServerNumber) -> Option<i64> {
        (server == Some(ServerRef { backend: Some("be"), server: "s1" })).then_some(match what {
            ServerNumber::ConnectionsFree => -1,
            _ => 1,
        })
    }
    fn number(&self, what: StreamNumber) -> Option<i64> {
        Some(match what {
            StreamNumber::FrontHttpMajor | StreamNumber::ListenerId | StreamNumber::ListenerConnections => 1,
            _ => 0,
        })
    }
}

/// What the configuration parser makes of a line before words reach this crate: quotes are removed
/// and backslashes applied.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => quoted = !quoted,
            '\\' => word.extend(chars.next()),
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            _ => word.push(c),
        }
    }
    words.push(word);
    words
}

fn sources() -> Sources<'static> {
    Sources { env: &|name| (name == "HOME").then(|| "/root".to_owned()), ..Sources::default() }
}

fn recorded(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_once('\t'))
}

#[test]
fn expressions() {
    let request = Request::new(
        "/some/pa%20th/x.html?a=1&b=two;k=3&c&d=&n=42&a=9",
        &[("Authorization", "Basic dXNlcjpwYTpzcw==")],
    );
    let mut failures = Vec::new();
    let mut unsupported = Vec::new();
    for (text, expected) in recorded(include_str!("observed/expressions.tsv")) {
        match Expr::parse(text, &sources()) {
            Err(e) if e.message.contains("not supported") => unsupported.push(text),
            Err(e) => failures.push(format!("{text}: {e}")),
            Ok(expr) => {
                let value = expr.eval(&request).map(|s| String::from_utf8_lossy(&s.into_text()).into_owned());
                // A value that is not there prints nothing.
                let shown = value.unwrap_or_default().split('\0').next().unwrap_or_default().to_owned();
                let shown = shown.replace('\r', "%0D").replace('\n', "%0A");
                if shown != expected {
                    failures.push(format!("{text}: {shown:?}, not {expected:?}"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(unsupported.len() < 20, "{unsupported:?}");
}

#[test]
fn conditions() {
    let request = Request::new("/some/x?a=1&b=two&n=42&a=9", &[]);
    let mut failures = Vec::new();
    for (text, expected) in recorded(include_str!("observed/conditions.tsv")) {
        let words = words(&format!("if {text}"));
        match Condition::parse(&words, &[], &sources()) {
            Err(e) => failures.push(format!("{text}: {e} (word {})", e.word)),
            Ok(condition) => {
                if condition.eval(&request) != (expected == "Y") {
                    failures.push(format!("{text}: not {expected}"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
