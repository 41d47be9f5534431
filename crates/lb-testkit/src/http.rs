//! Just enough HTTP/1 for a test's client and origin: strict about framing, open about everything else.
//!
//! It is written apart from `lb-http` so that both ends of a test do not share the same mistake.

use anyhow::{Context, bail};
use std::io::{BufRead, Read};

/// A received message head: start line and fields as sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    /// First line without its line end.
    pub start: String,
    /// Fields in order, names as sent.
    pub fields: Vec<(String, String)>,
}

impl Head {
    /// First value of a field, whatever its case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// All values of a field.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str()).collect()
    }

    fn is_chunked(&self) -> bool {
        self.all("transfer-encoding").iter().any(|v| v.to_ascii_lowercase().contains("chunked"))
    }

    fn length(&self) -> anyhow::Result<Option<usize>> {
        self.get("content-length").map(|v| v.trim().parse().context("a bad Content-Length")).transpose()
    }
}

/// A received response.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Start line and fields.
    pub head: Head,
    /// Body with its framing removed.
    pub body: Vec<u8>,
}

impl Response {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// First value of a field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.head.get(name)
    }
}

/// A received request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// Request line and fields.
    pub head: Head,
    /// Body with its framing removed.
    pub body: Vec<u8>,
    /// Which of the origin's connections brought it, from 0.
    pub connection: usize,
}

impl Request {
    /// The request's method.
    pub fn method(&self) -> &str {
        self.head.start.split(' ').next().unwrap_or_default()
    }

    /// The request's target.
    pub fn target(&self) -> &str {
        self.head.start.split(' ').nth(1).unwrap_or_default()
    }

    /// Whether the connection ends after the response: asked for, or HTTP/1.0 without keep-alive.
    pub fn wants_close(&self) -> bool {
        let connection = self.head.get("connection").unwrap_or_default().to_ascii_lowercase();
        connection.contains("close") || (self.head.start.ends_with("HTTP/1.0") && !connection.contains("keep-alive"))
    }
}

/// Reads one head; `None` when the peer closed before its first byte.
///
/// # Errors
/// When the stream fails or ends within the head.
pub fn read_head(stream: &mut impl BufRead) -> anyhow::Result<Option<Head>> {
    let mut head = Head::default();
    loop {
        let mut line = Vec::new();
        stream.read_until(b'\n', &mut line)?;
        if line.is_empty() && head.start.is_empty() {
            return Ok(None);
        }
        let Some(line) = line.strip_suffix(b"\n") else {
            bail!("the peer closed within a head: {:?} then {:?}", head, String::from_utf8_lossy(&line));
        };
        let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned();
        if head.start.is_empty() {
            head.start = line;
        } else if line.is_empty() {
            return Ok(Some(head));
        } else {
            let (name, value) = line.split_once(':').with_context(|| format!("a field without a colon: {line:?}"))?;
            head.fields.push((name.to_owned(), value.trim().to_owned()));
        }
    }
}

/// Reads a request's body as its head frames it.
///
/// # Errors
/// When the framing is wrong or the peer closes early.
pub fn read_request_body(stream: &mut impl BufRead, head: &Head) -> anyhow::Result<Vec<u8>> {
    if head.is_chunked() {
        return read_chunks(stream);
    }
    read_exactly(stream, head.length()?.unwrap_or(0))
}

/// Reads a response's body: none for HEAD, 1xx, 204 and 304; chunked; by length; to the end of the stream.
///
/// # Errors
/// When the framing is wrong or the peer closes early.
pub fn read_response(stream: &mut impl BufRead, to_head: bool) -> anyhow::Result<Option<Response>> {
    let Some(head) = read_head(stream)? else { return Ok(None) };
    let status: u16 = head
        .start
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split(' ').nth(1))
        .and_then(|code| code.parse().ok())
        .with_context(|| format!("not a status line: {:?}", head.start))?;
    let bodyless = to_head || status < 200 || status == 204 || status == 304;
    let body = if bodyless {
        Vec::new()
    } else if head.is_chunked() {
        read_chunks(stream)?
    } else if let Some(length) = head.length()? {
        read_exactly(stream, length)?
    } else {
        let mut body = Vec::new();
        stream.read_to_end(&mut body)?;
        body
    };
    Ok(Some(Response { status, head, body }))
}

fn read_exactly(stream: &mut impl BufRead, length: usize) -> anyhow::Result<Vec<u8>> {
    // Room is made as bytes come, not as a peer claims.
    let mut body = Vec::new();
    stream.by_ref().take(length as u64).read_to_end(&mut body)?;
    if body.len() < length {
        bail!("a body of {length} bytes cut short after {}", body.len());
    }
    Ok(body)
}

fn read_chunks(stream: &mut impl BufRead) -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = read_line(stream)?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(digits, 16).with_context(|| format!("a bad chunk size: {line:?}"))?;
        if size == 0 {
            // Trailers end with an empty line.
            while !read_line(stream)?.is_empty() {}
            return Ok(body);
        }
        body.extend(read_exactly(stream, size)?);
        let end = read_line(stream)?;
        if !end.is_empty() {
            bail!("chunk data followed by {end:?}");
        }
    }
}

fn read_line(stream: &mut impl BufRead) -> anyhow::Result<String> {
    let mut line = Vec::new();
    stream.take(64 * 1024).read_until(b'\n', &mut line)?;
    let Some(line) = line.strip_suffix(b"\n") else {
        bail!("the peer closed within a chunked body");
    };
    Ok(String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_are_framed_as_their_heads_say() {
        let read =
            |text: &str, to_head| read_response(&mut text.as_bytes(), to_head).map(|r| r.map(|r| (r.status, r.text())));
        assert_eq!(read("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhixx", false).unwrap(), Some((200, "hi".into())));
        assert_eq!(
            read(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n1;x=y\r\n!\r\n0\r\nT: v\r\n\r\n",
                false
            )
            .unwrap(),
            Some((200, "hi!".into()))
        );
        assert_eq!(read("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", true).unwrap(), Some((200, String::new())));
        assert_eq!(read("HTTP/1.0 200 OK\r\n\r\nto the end", false).unwrap(), Some((200, "to the end".into())));
        assert_eq!(read("", false).unwrap(), None);
        assert!(read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi", false).is_err());
        assert!(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi", false).is_err());
    }
}
