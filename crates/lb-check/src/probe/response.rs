//! Just enough of an HTTP/1 response for a check: status line, framing, body received so far.

use std::borrow::Cow;

/// A response as far as it has arrived.
#[derive(Debug, PartialEq, Eq)]
pub struct Response<'a> {
    /// Status code.
    pub status: u16,
    /// Reason phrase, possibly empty.
    pub reason: &'a [u8],
    /// Status line and headers.
    pub(crate) head: &'a [u8],
    /// Body bytes received, unchunked.
    pub body: Cow<'a, [u8]>,
    /// Whether the body's end has been seen. Without length or chunks only the end of the stream
    /// tells.
    pub complete: bool,
    /// Whether the body's chunks make no sense: good enough for a status, not for contents.
    pub(crate) broken: bool,
}

/// What the bytes make.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed<'a> {
    /// The head is not whole.
    Partial,
    /// Not HTTP.
    Invalid,
    /// A head, and some body.
    Response(Response<'a>),
}

#[derive(Clone, Copy)]
enum Framing {
    UntilClose,
    Length(u64),
    Chunked,
}

/// Reads a response to a request whose method was HEAD or not.
pub(crate) fn parse(received: &[u8], head_request: bool) -> Parsed<'_> {
    let mut lines = Lines { rest: skip_blank_lines(received) };
    let Some(first) = lines.next_line() else {
        // Garbage need not be read to its end.
        return if could_be_status_line(lines.rest) { Parsed::Partial } else { Parsed::Invalid };
    };
    let Some((status, reason)) = parse_status_line(first) else { return Parsed::Invalid };
    let mut framing = Framing::UntilClose;
    loop {
        let Some(line) = lines.next_line() else { return Parsed::Partial };
        if line.is_empty() {
            break;
        }
        let Some(colon) = line.iter().position(|&b| b == b':') else { return Parsed::Invalid };
        let (name, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if name.is_empty() || !name.iter().copied().all(is_token) {
            return Parsed::Invalid;
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            let Some(length) = parse_number(value, 10) else { return Parsed::Invalid };
            if !matches!(framing, Framing::Chunked) {
                framing = Framing::Length(length);
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") && value.to_ascii_lowercase().ends_with(b"chunked") {
            framing = Framing::Chunked;
        }
    }
    if head_request || matches!(status, 100..=199 | 204 | 304) {
        framing = Framing::Length(0);
    }
    let body = read_body(lines.rest, framing);
    let broken = body.is_none();
    let (body, complete) = body.unwrap_or((Cow::Borrowed(&[]), true));
    let head = received.get(..received.len() - lines.rest.len()).unwrap_or_default();
    Parsed::Response(Response { status, reason, head, body, complete, broken })
}

impl<'a> Response<'a> {
    /// Name and value of each header line in order.
    pub fn headers(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let mut lines = Lines { rest: skip_blank_lines(self.head) };
        let _status = lines.next_line();
        std::iter::from_fn(move || lines.next_line()).filter_map(|line| {
            let (name, value) = line.split_at(line.iter().position(|&b| b == b':')?);
            Some((name, value.get(1..).unwrap_or_default().trim_ascii()))
        })
    }

    /// Major and minor version.
    pub fn version(&self) -> Option<(u8, u8)> {
        let [major, _, minor] = *skip_blank_lines(self.head).get(5..8)? else { return None };
        Some((major.wrapping_sub(b'0'), minor.wrapping_sub(b'0')))
    }
}

fn skip_blank_lines(mut bytes: &[u8]) -> &[u8] {
    while let Some(rest) = bytes.strip_prefix(b"\r\n").or_else(|| bytes.strip_prefix(b"\n")) {
        bytes = rest;
    }
    bytes
}

/// Lines ended by LF, with or without CR.
struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Lines<'a> {
    fn next_line(&mut self) -> Option<&'a [u8]> {
        let end = self.rest.iter().position(|&b| b == b'\n')?;
        let (line, rest) = self.rest.split_at(end);
        self.rest = rest.get(1..).unwrap_or_default();
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

/// Whether the start of a line may become a status line: the protocol's upper-case letters.
fn could_be_status_line(start: &[u8]) -> bool {
    const PROTOCOLS: [&[u8]; 2] = [b"HTTP/", b"RTSP/"];
    start.len() < 4_096
        && PROTOCOLS.iter().any(|p| {
            let n = p.len().min(start.len());
            p.get(..n) == start.get(..n)
        })
}

/// `HTTP/x.y SP+ digits [SP reason]`. Any version digits and any number are taken: the rules
/// judge the status, not the protocol.
fn parse_status_line(line: &[u8]) -> Option<(u16, &[u8])> {
    let rest = line.strip_prefix(b"HTTP/").or_else(|| line.strip_prefix(b"RTSP/"))?;
    let [major, b'.', minor, b' ', rest @ ..] = rest else { return None };
    if !major.is_ascii_digit() || !minor.is_ascii_digit() {
        return None;
    }
    let rest = rest.trim_ascii_start();
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let (number, reason) = rest.split_at(digits);
    if !(reason.is_empty() || reason.starts_with(b" ")) {
        return None;
    }
    let status = u16::try_from(parse_number(number, 10)?).ok()?;
    Some((status, reason.trim_ascii()))
}

fn parse_number(digits: &[u8], radix: u32) -> Option<u64> {
    if digits.is_empty() || digits.starts_with(b"+") {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()
}

const fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric()
        || matches!(b, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

/// The body's bytes and whether they are all; `None` for a broken chunk.
fn read_body(bytes: &[u8], framing: Framing) -> Option<(Cow<'_, [u8]>, bool)> {
    match framing {
        Framing::UntilClose => Some((Cow::Borrowed(bytes), false)),
        Framing::Length(length) => {
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            Some((Cow::Borrowed(bytes.get(..length).unwrap_or(bytes)), bytes.len() >= length))
        }
        Framing::Chunked => read_chunks(bytes).map(|(body, complete)| (Cow::Owned(body), complete)),
    }
}

fn read_chunks(bytes: &[u8]) -> Option<(Vec<u8>, bool)> {
    let mut body = Vec::new();
    let mut lines = Lines { rest: bytes };
    loop {
        let Some(line) = lines.next_line() else { return Some((body, false)) };
        let size = line.split(|&b| b == b';').next().unwrap_or_default().trim_ascii();
        let size = usize::try_from(parse_number(size, 16)?).ok()?;
        if size == 0 {
            return Some((body, true));
        }
        let Some(chunk) = lines.rest.get(..size) else {
            body.extend_from_slice(lines.rest);
            return Some((body, false));
        };
        body.extend_from_slice(chunk);
        lines.rest = lines.rest.get(size..).unwrap_or_default();
        match lines.next_line() {
            Some(line) if !line.is_empty() => return None,
            Some(_) => (),
            None => return Some((body, false)),
        }
    }
}
