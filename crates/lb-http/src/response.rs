//! Response heads.

use crate::body::BodyFraming;
use crate::head::{FramingFields, HeaderList, HeaderSpan, Span};
use crate::request::{MAX_FIELDS, has_bare_lf};
use std::mem::MaybeUninit;

/// A parsed response head: spans into the buffer it was parsed from.
#[derive(Debug, Clone)]
pub struct ResponseHead {
    /// Bytes before the status line (empty lines a server may send first).
    pub leading: u32,
    /// Length of the head, its empty line included.
    pub len: u32,
    /// Status code.
    pub status: u16,
    /// `0` for HTTP/1.0, `1` for HTTP/1.1.
    pub minor: u8,
    /// Header fields.
    pub headers: HeaderList,
    /// How the body is delimited.
    pub framing: BodyFraming,
    /// The server would reuse its connection.
    pub keep_alive: bool,
    /// A `Connection` field stands in the head.
    pub has_connection: bool,
    /// A `Content-Length` must be dropped or merged before forwarding.
    pub normalize_length: bool,
    /// Lines end in a bare LF somewhere, or are folded: the head must be rewritten.
    pub bare_lf: bool,
}

/// Why a response cannot be forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed response: {0}")]
pub struct ResponseError(pub &'static str);

/// Parses a response head at the start of `buf`. `to_head` says the request was a HEAD.
/// `Ok(None)`: more bytes are needed.
///
/// # Errors
/// [`ResponseError`] when no further byte can make it a response that may be forwarded.
pub fn parse_response(buf: &[u8], max_fields: usize, to_head: bool) -> Result<Option<ResponseHead>, ResponseError> {
    let mut fields = [MaybeUninit::<httparse::Header<'_>>::uninit(); MAX_FIELDS];
    let limit = max_fields.min(MAX_FIELDS);
    let mut response = httparse::Response::new(&mut []);
    let room = fields.get_mut(..limit).unwrap_or_default();
    // Folded fields are unfolded while the head is rewritten (RFC 9112, 5.2).
    let mut config = httparse::ParserConfig::default();
    config.allow_obsolete_multiline_headers_in_responses(true);
    let len = match config.parse_response_with_uninit_headers(&mut response, buf, room) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(ResponseError("too many header fields")),
        Err(_) => return Err(ResponseError("status line or header field")),
    };
    let mut headers = HeaderList::default();
    let mut framing = FramingFields::default();
    for field in response.headers.iter() {
        headers
            .fields
            .push(HeaderSpan { name: Span::of(buf, field.name.as_bytes()), value: Span::of(buf, field.value) });
        framing.visit(field.name.as_bytes(), field.value);
    }
    let crlf = buf.get(len.saturating_sub(2)).is_some_and(|&b| b == b'\r');
    headers.end = (len - if crlf { 2 } else { 1 }) as u32;
    let status = response.code.unwrap_or(0);
    let minor = response.version.unwrap_or(1);
    if !(100..=999).contains(&status) {
        return Err(ResponseError("status code"));
    }
    let body = response_framing(&framing, status, to_head)?;
    let leading = buf.iter().position(|b| !matches!(b, b'\r' | b'\n')).unwrap_or(0);
    Ok(Some(ResponseHead {
        leading: leading as u32,
        len: len as u32,
        status,
        minor,
        framing: body,
        keep_alive: body != BodyFraming::UntilClose
            && !framing.connection_close
            && (minor == 1 || framing.connection_keep_alive)
            && !(framing.transfer_encoding && framing.content_length.is_some()),
        has_connection: framing.has_connection,
        normalize_length: framing.length_repeated || (framing.transfer_encoding && framing.content_length.is_some()),
        bare_lf: !crlf || has_bare_lf(buf, &headers) || response_is_folded(buf, &headers),
        headers,
    }))
}

fn response_is_folded(buf: &[u8], headers: &HeaderList) -> bool {
    headers.iter().any(|field| memchr::memchr(b'\n', field.value.get(buf)).is_some())
}

fn response_framing(framing: &FramingFields, status: u16, to_head: bool) -> Result<BodyFraming, ResponseError> {
    if framing.bad {
        return Err(ResponseError("Content-Length or Transfer-Encoding"));
    }
    if to_head || status < 200 || status == 204 || status == 304 {
        return Ok(BodyFraming::None);
    }
    if framing.transfer_encoding {
        return Ok(if framing.chunked { BodyFraming::Chunked } else { BodyFraming::UntilClose });
    }
    Ok(match framing.content_length {
        Some(0) => BodyFraming::None,
        Some(n) => BodyFraming::Length(n),
        None => BodyFraming::UntilClose,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framing(text: &str, to_head: bool) -> Option<BodyFraming> {
        parse_response(text.as_bytes(), 101, to_head).unwrap().map(|h| h.framing)
    }

    #[test]
    fn framing_by_status() {
        assert_eq!(framing("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false), Some(BodyFraming::Length(5)));
        assert_eq!(framing("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true), Some(BodyFraming::None));
        assert_eq!(framing("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", false), Some(BodyFraming::None));
        assert_eq!(framing("HTTP/1.1 200 OK\r\n\r\n", false), Some(BodyFraming::UntilClose));
        assert_eq!(
            framing("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", false),
            Some(BodyFraming::Chunked)
        );
        assert_eq!(framing("HTTP/1.1 200\r\n\r\n", true), Some(BodyFraming::None));
        assert_eq!(framing("HTTP/1.1 200 OK\r\nConte", false), None);
    }

    #[test]
    fn garbage_is_refused() {
        assert!(parse_response(b"hello there\r\n\r\n", 101, false).is_err());
        assert!(parse_response(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", 101, false).is_err());
    }
}
