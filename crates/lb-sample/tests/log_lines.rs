//! Log lines and header values, as a running HAProxy 2.6 wrote them for the same exchange.
#![expect(clippy::unwrap_used, reason = "a test stops at what it does not expect")]

use lb_model::{TermCause, TermPhase, Termination};
use lb_sample::{Context, CookieStatus, LogFormat, LogRecord, Side, Sources, StreamNumber, WallTime};
use std::net::SocketAddr;
use std::ops::ControlFlow;

/// An exchange that went well, or a request that could not be read.
struct Exchange {
    good: bool,
}

const TIME: WallTime = WallTime { unix_secs: 1_795_216_042, micros: 350_900, utc_offset_secs: 0 };
const HEADER: &[u8] = b"a\"b{c}|d#e\x7f\xe9 ]\\z";

impl Context for Exchange {
    fn src(&self) -> Option<SocketAddr> {
        "127.0.0.1:38100".parse().ok()
    }
    fn dst(&self) -> Option<SocketAddr> {
        "127.0.0.1:19502".parse().ok()
    }
    fn back_src(&self) -> Option<SocketAddr> {
        self.good.then(|| "127.0.0.1:35344".parse().ok()).flatten()
    }
    fn back_dst(&self) -> Option<SocketAddr> {
        self.good.then(|| "127.0.0.1:19499".parse().ok()).flatten()
    }
    fn method(&self) -> Option<&[u8]> {
        self.good.then_some(b"GET")
    }
    fn uri(&self) -> Option<&[u8]> {
        self.good.then_some(b"/p/q%20\"{|}x?a=b\"c")
    }
    fn version(&self, _: Side) -> Option<(u8, u8)> {
        self.good.then_some((1, 1))
    }
    fn status(&self) -> Option<u16> {
        self.good.then_some(200)
    }
    fn headers<'a>(&'a self, side: Side, visit: &mut dyn FnMut(&'a [u8], &'a [u8]) -> ControlFlow<()>) {
        if side == Side::Request {
            let _ = visit(b"x-b", HEADER);
        }
    }
    fn frontend_name(&self) -> Option<&str> {
        Some("fe")
    }
    fn backend_name(&self) -> Option<&str> {
        self.good.then_some("be")
    }
    fn server_name(&self) -> Option<std::borrow::Cow<'_, str>> {
        self.good.then_some("s1".into())
    }
    fn hostname(&self) -> Option<&str> {
        Some("vm")
    }
    fn number(&self, what: StreamNumber) -> Option<i64> {
        match what {
            StreamNumber::Pid => Some(23871),
            StreamNumber::ListenerId => Some(1),
            _ => None,
        }
    }
    fn captured_header_count(&self, side: Side) -> usize {
        match side {
            _ if !self.good => 0,
            Side::Request => 2,
            Side::Response => 1,
        }
    }
    fn captured_header(&self, side: Side, index: usize) -> Option<&[u8]> {
        match (side, index) {
            _ if !self.good => None,
            (Side::Request, 0) => Some(HEADER),
            (Side::Response, 0) => Some(b"r\"{1}|#\x01\xe9"),
            _ => None,
        }
    }
    fn captured_cookie(&self, side: Side) -> Option<&[u8]> {
        let value: &[u8] = if side == Side::Request { b"ck=v\"1" } else { b"ck=zz" };
        self.good.then_some(value)
    }
    fn log(&self) -> LogRecord {
        let base = LogRecord {
            accepted: TIME,
            requested: TIME,
            active_connections: 1,
            frontend_connections: 1,
            request_counter: 27,
            ..LogRecord::default()
        };
        if self.good {
            LogRecord {
                request_ms: 10,
                queue_ms: 0,
                connect_ms: 30,
                response_ms: 69,
                data_ms: 0,
                active_ms: 109,
                total_ms: 110,
                user_ms: 110,
                status: 200,
                bytes_read: 86,
                bytes_uploaded: 87,
                cookie: CookieStatus { client: 'N', server: 'I' },
                ..base
            }
        } else {
            LogRecord {
                active_ms: 0,
                total_ms: 0,
                user_ms: 0,
                status: 400,
                termination: Termination::new(TermCause::Proxy, TermPhase::Request),
                ..base
            }
        }
    }
}

fn render(good: bool, text: &str, value: bool) -> String {
    let sources = Sources::default();
    let format = LogFormat::parse(text, &sources).unwrap();
    let mut out = Vec::new();
    if value {
        format.render_value(&Exchange { good }, &mut out);
    } else {
        format.render(&Exchange { good }, &mut out);
    }
    out.iter().map(|b| if (32..127).contains(b) { char::from(*b).to_string() } else { format!("\\x{b:02x}") }).collect()
}

#[track_caller]
fn check(good: bool, value: bool, rows: &[(&str, &str)]) {
    for (text, expected) in rows {
        assert_eq!(render(good, text, value), *expected, "{text}");
    }
}

#[test]
fn good_request() {
    check(
        true,
        false,
        &[
            ("%ci:%cp", "127.0.0.1:38100"),
            ("%{+X}ci:%{+X}cp", "7F000001:94D4"),
            ("%fi:%fp", "127.0.0.1:19502"),
            ("%bi:%bp|%si:%sp", "127.0.0.1:35344|127.0.0.1:19499"),
            ("%{+Q}bi %{+Q}bp", "\"127.0.0.1\" 35344"),
            ("%f %ft %b %s", "fe fe be s1"),
            ("%B %U %ST", "86 87 200"),
            ("%t|%tr|%T", "20/Nov/2026:23:07:22.350|20/Nov/2026:23:07:22.350|20/Nov/2026:23:07:22 +0000"),
            ("%Tl|%trl|%Ts|%ms", "20/Nov/2026:23:07:22 +0000|20/Nov/2026:23:07:22 +0000|1795216042|350"),
            ("%{+X}Ts %{+X}pid %{+X}rt", "6B00D2AA 5D3F 001B"),
            ("%ts %tsc", "-- --NI"),
            ("%hr|%hs", r"{a#22b#7Bc#7D#7Cd#23e#7F#E9 ]\z|}|{r#22#7B1#7D#7C#23#01#E9}"),
            ("%hrl|%hsl", r"a#22b#7Bc#7D#7Cd#23e#7F#E9 ]\z -|r#22#7B1#7D#7C#23#01#E9"),
            ("%{+Q}hr", r#""{a#22b#7Bc#7D#7Cd#23e#7F#E9 ]\z|}""#),
            ("%{+Q}hrl", r#""a#22b#7Bc#7D#7Cd#23e#7F#E9 ]\z" """#),
            ("%CC|%CS", "ck=v\"1|ck=zz"),
            ("%r", "GET /p/q%20#22{|}x?a=b#22c HTTP/1.1"),
            ("%{+Q,+E}r", "\"GET /p/q%20#22{|}x?a=b#22c HTTP/1.1\""),
            ("%HM|%HP|%HPO|%HU", "GET|/p/q%20#22{|}x|/p/q%20#22{|}x|/p/q%20#22{|}x?a=b#22c"),
            ("%HQ|%HV", "?a=b#22c|HTTP/1.1"),
            ("%H|%ID|%{+Q}ID|%lc", "vm|-|\"\"|0"),
            ("%sslc|%sslv|%{+Q}sslc", "-|-|\"\""),
            ("%{+Q}o %ci %f %b %ST %{-Q}s %[src]", "\"127.0.0.1\" \"fe\" \"be\" 200 s1 \"127.0.0.1\""),
            ("%[capture.req.hdr(1)]|%{+Q}[capture.req.hdr(9)]", "-|\"\""),
            ("%{+E}[str(a]b)]", "a\\]b"),
            ("%[capture.req.hdr(0),field(1,d)]", "a\"b{c}|"),
            ("%{+Q}[int(5)]|%{+Q}ST|%{+Q}t", "\"5\"|200|20/Nov/2026:23:07:22.350"),
            ("%%ci a%%b", "%ci a%b"),
            ("a  b   %f", "a b fe"),
            (" x %hrl y", r"x a#22b#7Bc#7D#7Cd#23e#7F#E9 ]\z - y"),
            ("%{+X}o %ci %cp %B", "7F000001 94D4 86"),
            ("%(client)ci", "127.0.0.1"),
            ("%[bin(0041)]|%[env(NOPE)]", "-|-"),
            // A line break in a value would forge a line: it is the one thing written differently.
            ("%[str(a%0ab),url_dec]", "a#0Ab"),
            (
                LogFormat::HTTP,
                "127.0.0.1:38100 [20/Nov/2026:23:07:22.350] fe be/s1 10/0/30/69/109 200 86 ck=v\"1 ck=zz --NI \
                 1/1/0/0/0 0/0 {a#22b#7Bc#7D#7Cd#23e#7F#E9 ]\\z|} {r#22#7B1#7D#7C#23#01#E9} \
                 \"GET /p/q%20#22{|}x?a=b#22c HTTP/1.1\"",
            ),
            (
                LogFormat::HTTP_CLF,
                "127.0.0.1 - - [20/Nov/2026:23:07:22 +0000] \"GET /p/q%20#22{|}x?a=b#22c HTTP/1.1\" 200 86 \"\" \"\" \
                 38100 350 \"fe\" \"be\" \"s1\" 10 0 30 69 109 --NI 1 1 0 0 0 0 0 \"ck=v\"1\" \"ck=zz\" \
                 \"a#22b#7Bc#7D#7Cd#23e#7F#E9 ]\\z\" \"\" \"r#22#7B1#7D#7C#23#01#E9\"",
            ),
            (LogFormat::TCP, "127.0.0.1:38100 [20/Nov/2026:23:07:22.350] fe be/s1 0/30/110 86 -- 1/1/0/0/0 0/0"),
        ],
    );
}

#[test]
fn bad_request() {
    check(
        false,
        false,
        &[
            ("%bi:%bp", "-:-"),
            ("%f %b %s", "fe fe <NOSRV>"),
            ("%TR %Tw %Tc %Tr %Ta %Tt %Th %Ti %Tq %Td %Tu", "-1 -1 -1 -1 0 0 0 0 -1 -1 0"),
            ("%CC|%{+Q}CC", "-|\"\""),
            ("%{+Q}r|%HM|%HPO|%HQ|%HV", "\"<BADREQ>\"|<BADREQ>|<BADREQ>|<BADREQ>|<BADREQ>"),
            ("%[method] %{+Q}[method]", "- \"\""),
            (
                LogFormat::HTTP,
                "127.0.0.1:38100 [20/Nov/2026:23:07:22.350] fe fe/<NOSRV> -1/-1/-1/-1/0 400 0 - - PR-- 1/1/0/0/0 0/0 \
                 \"<BADREQ>\"",
            ),
            (
                LogFormat::HTTP_CLF,
                "127.0.0.1 - - [20/Nov/2026:23:07:22 +0000] \"<BADREQ>\" 400 0 \"\" \"\" 38100 350 \"fe\" \"fe\" \
                 \"<NOSRV>\" -1 -1 -1 -1 0 PR-- 1 1 0 0 0 0 0 \"\" \"\" ",
            ),
        ],
    );
}

#[test]
fn header_values() {
    check(
        true,
        true,
        &[
            ("a  b   c", "a  b   c"),
            ("-%[env(NOPE)]-", "--"),
            ("%[str(/a%20b%0A%01%7Fc),url_dec]", "/a b%0A%01%7Fc"),
            ("%[hdr(x-b)]", r#"a"b{c}|d#e%7F\xe9 ]\z"#),
            ("%{+Q}[hdr(x-b)]", r#"a"b{c}|d#e%7F\xe9 ]\z"#),
            ("%{+E}[hdr(x-b)]", r#"a\"b{c}|d#e%7F\xe9 \]\\z"#),
            ("%ci %{+Q}ci %cp", "127.0.0.1 \"127.0.0.1\" 38100"),
            ("%[always_true] %[src]", "1 127.0.0.1"),
            (" lead %%trail ", " lead %trail "),
            ("%[bin(00ff41)]", ""),
            ("%ID", ""),
        ],
    );
}

#[test]
fn early_and_redispatched() {
    struct Early;
    impl Context for Early {
        fn log(&self) -> LogRecord {
            LogRecord {
                early: true,
                redispatched: true,
                retries: 3,
                total_ms: 5,
                bytes_read: 86,
                ..LogRecord::default()
            }
        }
    }
    let format = LogFormat::parse("%B %Tt %rc %U", &Sources::default()).unwrap();
    let mut out = Vec::new();
    format.render(&Early, &mut out);
    assert_eq!(out, b"+86 +5 +3 0");
}
