//! Request heads.

use crate::body::BodyFraming;
use crate::head::{FramingFields, HeaderList, HeaderSpan, Span};
use std::mem::MaybeUninit;

/// Most header fields the parser has room for; the caller's limit may be lower.
pub(crate) const MAX_FIELDS: usize = 256;

/// A parsed request head: spans into the buffer it was parsed from.
#[derive(Debug, Clone)]
pub struct RequestHead {
    /// Bytes before the request line (empty lines a client may send first).
    pub leading: u32,
    /// Length of the head from the start of the buffer, its empty line included.
    pub len: u32,
    /// Method.
    pub method: Span,
    /// Request target.
    pub target: Span,
    /// `0` for HTTP/1.0, `1` for HTTP/1.1.
    pub minor: u8,
    /// Header fields.
    pub headers: HeaderList,
    /// How the body is delimited.
    pub framing: BodyFraming,
    /// The client would reuse its connection.
    pub keep_alive: bool,
    /// A `Connection` field stands in the head.
    pub has_connection: bool,
    /// The client asks for a protocol upgrade.
    pub upgrade: bool,
    /// `Expect: 100-continue`.
    pub expect_continue: bool,
    /// A `Content-Length` must be dropped or merged before forwarding (repeated, or beside a `Transfer-Encoding`).
    pub normalize_length: bool,
    /// Lines end in a bare LF somewhere: the head must be rewritten before it is forwarded.
    pub bare_lf: bool,
    /// The method is HEAD: the response has no body.
    pub is_head: bool,
    /// The method is CONNECT: a successful response opens a tunnel.
    pub is_connect: bool,
    /// An edit took the field away that told the body's framing: it must be told again.
    pub framing_lost: bool,
    /// Index of the first `Host` field.
    pub host: Option<u16>,
}

impl RequestHead {
    /// This head, an edited form of `original`, with what `original` said of body and connection: edits change what is
    /// passed on, never how the client's bytes are read.
    #[must_use]
    pub fn with_semantics_of(self, original: &Self) -> Self {
        Self {
            framing_lost: original.framing_lost || self.framing != original.framing,
            framing: original.framing,
            keep_alive: original.keep_alive,
            upgrade: original.upgrade,
            normalize_length: original.normalize_length,
            expect_continue: original.expect_continue,
            ..self
        }
    }
}

/// Why a request cannot be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Not an HTTP/1 request, or one with ambiguous framing.
    #[error("malformed request: {0}")]
    Malformed(&'static str),
    /// An HTTP/1 version later than 1.1. Changed to `1`, the digit at `at` makes it a request that can be served.
    #[error("an HTTP/1 version later than 1.1")]
    LaterMinor {
        /// Offset of the minor version's digit.
        at: usize,
    },
    /// More header fields than allowed.
    #[error("too many header fields")]
    TooManyFields,
    /// A body on a method without one, from a client too old to frame it safely.
    #[error("a body on a GET, HEAD or DELETE request in HTTP/1.0")]
    UnexpectedBody,
    /// A transfer coding nobody here can decode.
    #[error("unsupported transfer coding")]
    UnsupportedCoding,
}

impl RequestError {
    /// The status to answer with.
    pub const fn status(self) -> u16 {
        match self {
            Self::Malformed(_) | Self::TooManyFields | Self::LaterMinor { .. } => 400,
            Self::UnexpectedBody => 413,
            Self::UnsupportedCoding => 422,
        }
    }
}

/// Parses a request head at the start of `buf`. `Ok(None)`: more bytes are needed.
///
/// # Errors
/// [`RequestError`] when no further byte can make it a request that may be forwarded.
pub fn parse_request(buf: &[u8], max_fields: usize) -> Result<Option<RequestHead>, RequestError> {
    let mut fields = [MaybeUninit::<httparse::Header<'_>>::uninit(); MAX_FIELDS];
    let limit = max_fields.min(MAX_FIELDS);
    let mut request = httparse::Request::new(&mut []);
    let room = fields.get_mut(..limit).unwrap_or_default();
    let len = match request.parse_with_uninit_headers(buf, room) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(RequestError::TooManyFields),
        Err(httparse::Error::Token) => return Err(RequestError::Malformed("method or target")),
        Err(httparse::Error::Version) => return Err(version_error(buf)),
        Err(httparse::Error::HeaderName) => return Err(RequestError::Malformed("header name")),
        Err(httparse::Error::HeaderValue) => return Err(RequestError::Malformed("header value")),
        Err(_) => return Err(RequestError::Malformed("line end")),
    };
    let method = Span::of(buf, request.method.unwrap_or_default().as_bytes());
    let target = Span::of(buf, request.path.unwrap_or_default().as_bytes());
    build(buf, len, method, target, request.version.unwrap_or(1), request.headers).map(Some)
}

fn version_error(buf: &[u8]) -> RequestError {
    let start = buf.iter().position(|b| !matches!(b, b'\r' | b'\n')).unwrap_or(0);
    let line_end = buf.iter().skip(start).position(|&b| b == b'\n').map_or(buf.len(), |at| start + at);
    let line = buf.get(start..line_end).unwrap_or_default().trim_ascii_end();
    match line.split_last() {
        Some((b'2'..=b'9', before)) if before.ends_with(b" HTTP/1.") => {
            RequestError::LaterMinor { at: start + before.len() }
        }
        _ => RequestError::Malformed("version"),
    }
}

fn build(
    buf: &[u8],
    len: usize,
    method: Span,
    target: Span,
    minor: u8,
    fields: &[httparse::Header<'_>],
) -> Result<RequestHead, RequestError> {
    let mut headers = HeaderList::default();
    let mut framing = FramingFields::default();
    let mut expect_continue = false;
    let mut host: Option<u16> = None;
    for (index, field) in fields.iter().enumerate() {
        let name = field.name.as_bytes();
        headers.fields.push(HeaderSpan { name: Span::of(buf, name), value: Span::of(buf, field.value) });
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => {
                let known = host.and_then(|i| fields.get(usize::from(i)));
                if known.is_some_and(|first| first.value != field.value) {
                    return Err(RequestError::Malformed("two different Host fields"));
                }
                host.get_or_insert(index as u16);
            }
            6 if name.eq_ignore_ascii_case(b"expect") => {
                expect_continue |= field.value.eq_ignore_ascii_case(b"100-continue");
            }
            _ => framing.visit(name, field.value),
        }
    }
    let crlf = buf.get(len.saturating_sub(2)).is_some_and(|&b| b == b'\r');
    headers.end = (len - if crlf { 2 } else { 1 }) as u32;
    check_target(method.get(buf), target.get(buf), host.and_then(|i| fields.get(usize::from(i))).map(|f| f.value))?;
    let body = request_framing(&framing)?;
    if minor == 0 && body != BodyFraming::None && matches!(method.get(buf), b"GET" | b"HEAD" | b"DELETE") {
        return Err(RequestError::UnexpectedBody);
    }
    let asks = framing.connection_upgrade && framing.has_upgrade && minor == 1;
    let upgrade = asks && body == BodyFraming::None;
    if upgrade && wants_websocket(buf, &headers) && headers.values(buf, "sec-websocket-key").next().is_none() {
        return Err(RequestError::Malformed("a WebSocket handshake without Sec-WebSocket-Key"));
    }
    let ambiguous = framing.transfer_encoding && (framing.content_length.is_some() || minor == 0);
    Ok(RequestHead {
        leading: method.start,
        len: len as u32,
        method,
        target,
        minor,
        framing: body,
        keep_alive: !ambiguous && !framing.connection_close && (minor == 1 || framing.connection_keep_alive),
        has_connection: framing.has_connection,
        upgrade,
        expect_continue: expect_continue && minor == 1,
        normalize_length: framing.length_repeated || (framing.transfer_encoding && framing.content_length.is_some()),
        bare_lf: !crlf || has_bare_lf(buf, &headers),
        is_head: method.get(buf) == b"HEAD",
        is_connect: method.get(buf) == b"CONNECT",
        framing_lost: false,
        host,
        headers,
    })
}

/// The target must be in origin form, absolute form, authority form (CONNECT) or `*` (OPTIONS), and an absolute
/// target must agree with `Host`.
fn check_target(method: &[u8], target: &[u8], host: Option<&[u8]>) -> Result<(), RequestError> {
    if !target.iter().all(|b| b.is_ascii_graphic() && *b != b'#') {
        return Err(RequestError::Malformed("target holds a byte that must be percent-encoded"));
    }
    if host.is_some_and(|h| h.iter().any(u8::is_ascii_whitespace)) {
        return Err(RequestError::Malformed("Host holds a blank"));
    }
    if method == b"CONNECT" {
        let port = target.rsplit(|&b| b == b':').next().unwrap_or_default();
        let has_port = port.len() < target.len() && !port.is_empty() && port.iter().all(u8::is_ascii_digit);
        return if has_port { Ok(()) } else { Err(RequestError::Malformed("CONNECT needs host:port")) };
    }
    if target.first() == Some(&b'/') || (target == b"*" && method == b"OPTIONS") {
        return Ok(());
    }
    let Some(scheme_end) = memchr::memmem::find(target, b"://") else {
        return Err(RequestError::Malformed("target"));
    };
    let authority_on = target.get(scheme_end + 3..).unwrap_or_default();
    let authority = authority_on.split(|b| matches!(b, b'/' | b'?' | b'#')).next().unwrap_or_default();
    match host {
        Some(host) if !same_authority(authority, host) => {
            Err(RequestError::Malformed("the target's authority and Host differ"))
        }
        _ => Ok(()),
    }
}

fn same_authority(a: &[u8], b: &[u8]) -> bool {
    let bare = |s: &[u8]| s.strip_suffix(b":80").map_or_else(|| s.to_ascii_lowercase(), <[u8]>::to_ascii_lowercase);
    bare(a) == bare(b)
}

fn wants_websocket(buf: &[u8], headers: &HeaderList) -> bool {
    headers.values(buf, "upgrade").any(|value| crate::head::list_contains(value, "websocket"))
}

fn request_framing(framing: &FramingFields) -> Result<BodyFraming, RequestError> {
    if framing.bad {
        return Err(RequestError::Malformed("Content-Length or Transfer-Encoding"));
    }
    if framing.transfer_encoding {
        return match (framing.chunked, framing.other_coding) {
            (true, false) => Ok(BodyFraming::Chunked),
            // A request whose last coding is not `chunked` has no defined end (RFC 9112, 6.3).
            (false, _) => Err(RequestError::Malformed("Transfer-Encoding does not end in chunked")),
            (true, true) => Err(RequestError::UnsupportedCoding),
        };
    }
    Ok(match framing.content_length {
        None | Some(0) => BodyFraming::None,
        Some(n) => BodyFraming::Length(n),
    })
}

/// Whether some line of the head ends in LF alone.
pub(crate) fn has_bare_lf(buf: &[u8], headers: &HeaderList) -> bool {
    let before_lf = |start: usize| start >= 2 && buf.get(start - 2) != Some(&b'\r');
    headers.fields.iter().any(|h| before_lf(h.name.start as usize)) || before_lf(headers.end as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Option<RequestHead>, RequestError> {
        parse_request(text.as_bytes(), 101)
    }

    fn ok(text: &str) -> RequestHead {
        parse(text).unwrap().unwrap()
    }

    #[test]
    fn plain_get() {
        let text = "GET /a HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\nrest";
        let head = ok(text);
        assert_eq!(head.len as usize, text.len() - 4);
        assert_eq!(head.target.get(text.as_bytes()), b"/a");
        assert_eq!(head.framing, BodyFraming::None);
        assert!(head.keep_alive && !head.bare_lf);
        assert_eq!(head.headers.line(0).get(text.as_bytes()), b"Host: x\r\n");
        assert_eq!(head.headers.line(1).get(text.as_bytes()), b"A: b\r\n");
    }

    #[test]
    fn partial_heads_ask_for_more() {
        let text = "GET /a HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n";
        for cut in 0..text.len() {
            assert!(matches!(parse(&text[..cut]), Ok(None)), "cut at {cut}");
        }
    }

    #[test]
    fn framing() {
        for (fields, expected) in [
            ("Content-Length: 3\r\n", Some(BodyFraming::Length(3))),
            ("Content-Length: 3, 3\r\n", Some(BodyFraming::Length(3))),
            ("Content-Length: 3\r\nContent-Length: 3\r\n", Some(BodyFraming::Length(3))),
            ("Content-Length: 3\r\nContent-Length: 4\r\n", None),
            ("Content-Length: +3\r\n", None),
            ("Content-Length: 3 4\r\n", None),
            ("Content-Length: \r\n", None),
            ("Content-Length: 99999999999999999999\r\n", None),
            ("Transfer-Encoding: chunked\r\n", Some(BodyFraming::Chunked)),
            ("Transfer-Encoding: CHUNKED\r\nContent-Length: 3\r\n", Some(BodyFraming::Chunked)),
            ("Transfer-Encoding: chunked, chunked\r\n", None),
            ("Transfer-Encoding: chunked, identity\r\n", None),
            ("Transfer-Encoding: identity\r\n", None),
            ("Transfer-Encoding: xchunked\r\n", None),
            ("Transfer-Encoding: \x0bchunked\r\n", None),
        ] {
            let got = parse(&format!("POST / HTTP/1.1\r\nHost: x\r\n{fields}\r\n"));
            assert_eq!(got.as_ref().ok().and_then(|h| h.as_ref()).map(|h| h.framing), expected, "{fields:?}: {got:?}");
        }
    }

    #[test]
    fn refused_shapes() {
        for text in [
            "GET  /a HTTP/1.1\r\n\r\n",
            "GET /a b HTTP/1.1\r\n\r\n",
            "GET /a HTTP/1.1\r\nHost : x\r\n\r\n",
            "GET /a HTTP/1.1\r\nX: a\r\n b\r\n\r\n",
            "GET /a HTTP/1.1\r\n X: a\r\n\r\n",
            "GET /a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
            "GET http://y/a HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET /a HTTP/2.0\r\n\r\n",
            "GET /a HTTP/1.1\r\nX: \0\r\n\r\n",
            "GET /a\r\n\r\n",
            "GET a HTTP/1.1\r\n\r\n",
            "G@T /a HTTP/1.1\r\n\r\n",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_later_minor_version_is_pointed_at() {
        assert!(matches!(parse("\r\nGET /a HTTP/1.2\r\n\r\n"), Err(RequestError::LaterMinor { at: 16 })));
        assert!(matches!(parse("GET /a HTTP/2.0\r\n\r\n"), Err(RequestError::Malformed(_))));
        assert!(matches!(parse("GET /a HTTP/1.23\r\n\r\n"), Err(RequestError::Malformed(_))));
    }

    #[test]
    fn keep_alive_rules() {
        assert!(!ok("GET / HTTP/1.0\r\n\r\n").keep_alive);
        assert!(ok("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
        assert!(!ok("GET / HTTP/1.1\r\nConnection: foo, close\r\n\r\n").keep_alive);
        assert!(!ok("POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n").keep_alive);
        assert!(ok("GET / HTTP/1.1\nHost: x\n\n").bare_lf);
    }
}
