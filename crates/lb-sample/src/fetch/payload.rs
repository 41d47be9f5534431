//! Bytes that are not yet forwarded: their number, parts of them, and what a TLS or RDP client says first.
//!
//! Where bytes are missing and may come, there is no value yet.

use super::{Fetch, row};
use crate::args::{Arg, ArgKind};
use crate::hello::{ClientHello, Seen, client_hello, handshake_type};
use crate::place::Source;
use crate::sample::{Type, leading_int};
use crate::{Context, Sample};
use std::borrow::Cow;

const OFFSET_AND_LENGTH: &[ArgKind] = &[ArgKind::Int, ArgKind::Int];
const LENGTH_AND_VALUE: &[ArgKind] = &[ArgKind::Int, ArgKind::Int, ArgKind::Str];

/// The buffer of a direction.
type Buffer = for<'a> fn(&'a dyn Context) -> Option<&'a [u8]>;

/// A fetch of what a ClientHello says.
macro_rules! hello {
    ($name:literal, $output:ident, $function:expr) => {
        row($name, Type::$output, Source::RequestBuffer, |ctx, _| {
            let function: for<'a> fn(ClientHello<'a>) -> Option<Sample<'a>> = $function;
            match client_hello(ctx.request_buffer()?) {
                Seen::Hello(hello) => function(hello),
                Seen::Partly => missing(ctx),
                Seen::Other => None,
            }
        })
    };
}

/// A fetch of a part of a buffer.
macro_rules! payload {
    ($name:literal, $source:ident, $buffer:ident) => {
        row($name, Type::Bin, Source::$source, |ctx, args| part(ctx, args, |ctx| ctx.$buffer()))
            .args(OFFSET_AND_LENGTH, 2)
    };
}

/// A fetch of a part of a buffer that begins with its length.
macro_rules! sized {
    ($name:literal, $source:ident, $buffer:ident) => {
        row($name, Type::Bin, Source::$source, |ctx, args| sized_part(ctx, args, |ctx| ctx.$buffer()))
            .args(LENGTH_AND_VALUE, 2)
    };
}

/// The number of bytes in a buffer.
macro_rules! len {
    ($name:literal, $source:ident, $buffer:ident) => {
        row($name, Type::Int, Source::$source, |ctx, _| {
            let len = ctx.$buffer()?.len();
            let _ = ctx.awaits_more();
            Some(Sample::Int(i64::try_from(len).unwrap_or(i64::MAX)))
        })
    };
}

macro_rules! kind {
    ($name:literal, $source:ident, $buffer:ident) => {
        row($name, Type::Int, Source::$source, |ctx, _| match handshake_type(ctx.$buffer()?) {
            Seen::Hello(kind) => Some(Sample::Int(i64::from(kind))),
            Seen::Partly => missing(ctx),
            Seen::Other => None,
        })
    };
}

macro_rules! rdp {
    ($name:literal) => {
        row($name, Type::Str, Source::RequestBuffer, |ctx, args| rdp_cookie(ctx, args).map(Sample::text))
            .args(&[ArgKind::Str], 0)
    };
}

macro_rules! rdp_count {
    ($name:literal) => {
        row($name, Type::Int, Source::RequestBuffer, |ctx, args| {
            Some(Sample::Int(i64::from(rdp_cookie(ctx, args).is_some())))
        })
        .args(&[ArgKind::Str], 0)
    };
}

pub(super) const ROWS: &[Fetch] = &[
    len!("req.len", RequestBuffer, request_buffer),
    len!("req_len", RequestBuffer, request_buffer),
    len!("res.len", ResponseBuffer, response_buffer),
    payload!("payload", RequestBuffer, request_buffer),
    payload!("req.payload", RequestBuffer, request_buffer),
    payload!("res.payload", ResponseBuffer, response_buffer),
    sized!("payload_lv", RequestBuffer, request_buffer),
    sized!("req.payload_lv", RequestBuffer, request_buffer),
    sized!("res.payload_lv", ResponseBuffer, response_buffer),
    rdp!("rdp_cookie"),
    rdp!("req.rdp_cookie"),
    rdp_count!("rdp_cookie_cnt"),
    rdp_count!("req.rdp_cookie_cnt"),
    kind!("req.ssl_hello_type", RequestBuffer, request_buffer),
    kind!("req_ssl_hello_type", RequestBuffer, request_buffer),
    kind!("rep_ssl_hello_type", ResponseBuffer, response_buffer),
    kind!("res.ssl_hello_type", ResponseBuffer, response_buffer),
    hello!("req.ssl_sni", Str, |hello| hello.server_name().map(Sample::text)),
    hello!("req_ssl_sni", Str, |hello| hello.server_name().map(Sample::text)),
    hello!("req.ssl_ver", Int, version),
    hello!("req_ssl_ver", Int, version),
    hello!("req.ssl_alpn", Str, |hello| {
        let protocols = hello.protocols();
        (!protocols.is_empty()).then(|| Sample::owned(protocols.join(&b","[..])))
    }),
    hello!("req.ssl_ec_ext", Bool, |hello| hello.extension(10).map(|_| Sample::Bool(true))),
    hello!("req.ssl_st_ext", Int, |hello| {
        // No ticket is known of; an empty one is asked for; one is shown.
        Some(Sample::Int(hello.extension(35).map_or(0, |ticket| if ticket.is_empty() { 1 } else { 2 })))
    }),
    hello!("req.ssl_cipherlist", Bin, |hello| Some(Sample::Bin(Cow::Borrowed(hello.ciphers)))),
];

/// No value, unless bytes that may come change that.
fn missing<'a>(ctx: &dyn Context) -> Option<Sample<'a>> {
    let _ = ctx.awaits_more();
    None
}

fn version(hello: ClientHello<'_>) -> Option<Sample<'_>> {
    let (major, minor) = hello.version;
    Some(Sample::Int(i64::from(major) << 16 | i64::from(minor)))
}

fn number(args: &[Arg], index: usize) -> Option<usize> {
    usize::try_from(Arg::int(args, index)?).ok()
}

fn part<'a>(ctx: &'a dyn Context, args: &'a [Arg], buffer: Buffer) -> Option<Sample<'a>> {
    let (from, wanted) = (number(args, 0)?, number(args, 1)?);
    let Some(rest) = buffer(ctx)?.get(from..) else { return missing(ctx) };
    // A length of 0 means all there is, and more when it comes.
    if wanted == 0 {
        let _ = ctx.awaits_more();
        return Some(Sample::Bin(Cow::Borrowed(rest)));
    }
    match rest.get(..wanted) {
        Some(bytes) => Some(Sample::Bin(Cow::Borrowed(bytes))),
        None => missing(ctx),
    }
}

/// The length stands in so many bytes at the first offset; the value behind it, or at the third argument: from the start, or
/// with a sign from behind the length.
fn sized_part<'a>(ctx: &'a dyn Context, args: &'a [Arg], buffer: Buffer) -> Option<Sample<'a>> {
    let (at, width) = (number(args, 0)?, number(args, 1)?);
    let bytes = buffer(ctx)?;
    let Some(length) = bytes.get(at..at + width) else { return missing(ctx) };
    let length = length.iter().try_fold(0_usize, |n, b| Some(n.checked_mul(256)? + usize::from(*b)))?;
    let behind = at + width;
    let from = match Arg::text(args, 2) {
        None => behind,
        Some(text) if text.starts_with(['+', '-']) => {
            usize::try_from(i64::try_from(behind).ok()? + leading_int(text.trim_start_matches('+').as_bytes())).ok()?
        }
        Some(text) => text.parse().ok()?,
    };
    match bytes.get(from..from.checked_add(length)?) {
        Some(value) => Some(Sample::Bin(Cow::Borrowed(value))),
        None => missing(ctx),
    }
}

/// The cookie in the first message of an RDP client, that of a name or the first one.
fn rdp_cookie<'a>(ctx: &'a dyn Context, args: &'a [Arg]) -> Option<&'a [u8]> {
    const COOKIE: &[u8] = b"Cookie: ";
    let bytes = ctx.request_buffer()?;
    // TPKT (4 bytes, version 3), then X.224: length, 0xe0, 5 bytes.
    let Some(head) = bytes.get(..11) else {
        let _ = ctx.awaits_more();
        return None;
    };
    if head.first() != Some(&3) || head.get(5) != Some(&0xe0) {
        return None;
    }
    let length = usize::from(*bytes.get(2)?) << 8 | usize::from(*bytes.get(3)?);
    let Some(message) = bytes.get(11..length.max(11)) else {
        let _ = ctx.awaits_more();
        return None;
    };
    let line = message.split(|b| *b == b'\r' || *b == b'\n').next()?;
    let cookie = line
        .get(COOKIE.len()..)
        .filter(|_| line.get(..COOKIE.len()).is_some_and(|w| w.eq_ignore_ascii_case(COOKIE)))?;
    let equals = cookie.iter().position(|b| *b == b'=')?;
    let (name, value) = cookie.split_at(equals);
    let wanted = Arg::text(args, 0).filter(|name| !name.is_empty());
    (wanted.is_none_or(|wanted| name.eq_ignore_ascii_case(wanted.as_bytes()))).then(|| value.get(1..))?
}

#[cfg(test)]
mod tests {
    use crate::hello::tests::bytes;
    use crate::{Condition, Context, Expr, Sources};
    use std::cell::Cell;

    struct Received<'b> {
        bytes: &'b [u8],
        last: bool,
        awaited: Cell<bool>,
    }

    impl Context for Received<'_> {
        fn request_buffer(&self) -> Option<&[u8]> {
            Some(self.bytes)
        }
        fn awaits_more(&self) -> bool {
            self.awaited.set(!self.last);
            !self.last
        }
        fn take_awaited(&self) -> bool {
            self.awaited.take()
        }
    }

    fn value(text: &str, bytes: &[u8], last: bool) -> (Option<String>, bool) {
        let ctx = Received { bytes, last, awaited: Cell::new(false) };
        let expr = Expr::parse(text, &Sources::default()).unwrap();
        let value = expr.eval(&ctx).map(|sample| String::from_utf8_lossy(&sample.into_text()).into_owned());
        (value, ctx.take_awaited())
    }

    #[test]
    fn parts_of_what_came() {
        let some = |text: &str| Some(text.to_owned());
        for (text, last, expected) in [
            ("req.len", false, (some("10"), true)),
            ("req.len", true, (some("10"), false)),
            ("req.payload(2,3)", false, (some("234"), false)),
            ("req.payload(2,0)", false, (some("23456789"), true)),
            ("req.payload(8,3)", false, (None, true)),
            ("req.payload(8,3)", true, (None, false)),
            ("wait_end", false, (None, true)),
            ("wait_end", true, (some("1"), false)),
            ("req.ssl_sni", false, (None, false)),
        ] {
            assert_eq!(value(text, b"0123456789", last), expected, "{text} {last}");
        }
        assert_eq!(value("req.payload_lv(0,2)", b"\0\x03abcd", true).0, some("abc"));
        assert_eq!(value("req.payload_lv(0,1,+1)", b"\x02xabcd", true).0, some("ab"));
        assert_eq!(value("req.payload_lv(0,1,4)", b"\x02xabcdef", true).0, some("cd"));
        assert_eq!(value("req.payload_lv(0,2)", b"\0\x09abcd", false), (None, true));
    }

    #[test]
    fn what_clients_say_first() {
        let whole = bytes("www.example.com", &["h2", "http/1.1"]);
        let text = |text: &str| value(text, &whole, false).0.unwrap_or_default();
        assert_eq!(
            ["req.ssl_sni", "req.ssl_alpn", "req.ssl_hello_type", "req.ssl_ver", "req.ssl_ec_ext", "req.ssl_st_ext"]
                .map(text),
            ["www.example.com", "h2,http/1.1", "1", "196611", "1", "0"]
        );
        assert_eq!(value("req.ssl_sni", &whole[..20], false), (None, true));
        let rdp = b"\x03\0\0\x28\x23\xe0\0\0\0\0\0Cookie: msts=1677.2.3\r\nxxxxxxx";
        assert_eq!(value("req.rdp_cookie(MSTS)", rdp, true).0.as_deref(), Some("1677.2.3"));
        assert_eq!(value("rdp_cookie", rdp, true).0.as_deref(), Some("1677.2.3"));
        assert_eq!(value("req.rdp_cookie_cnt(other)", rdp, true).0.as_deref(), Some("0"));
    }

    #[test]
    fn conditions_wait_for_what_decides() {
        let decide = |words: &str, bytes: &[u8], last: bool| {
            let words: Vec<&str> = words.split(' ').collect();
            let condition = Condition::parse(&words, &[], &Sources::default()).unwrap();
            condition.decide(&Received { bytes, last, awaited: Cell::new(false) })
        };
        for (words, expected) in [
            ("if { req.payload(0,2) -m str ab }", Some(true)),
            ("if { req.payload(0,9) -m str ab }", None),
            ("unless { req.payload(0,9) -m str ab }", None),
            ("if !{ req.payload(0,9) -m str ab }", None),
            ("if FALSE { req.payload(0,9) -m str ab }", Some(false)),
            ("if { req.payload(0,9) -m str ab } or TRUE", Some(true)),
            ("if WAIT_END", None),
            ("if { req.len gt 1 }", Some(true)),
            ("if { req.len gt 5 }", None),
        ] {
            assert_eq!(decide(words, b"abc", false), expected, "{words}");
        }
        assert_eq!(decide("if WAIT_END", b"abc", true), Some(true));
        assert_eq!(decide("if { req.len gt 5 }", b"abc", true), Some(false));
    }
}
