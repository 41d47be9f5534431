//! Answers made by the proxy itself.

/// Statuses the proxy answers with: reason phrase and the sentence of the default page.
const PAGES: &[(u16, &str, &str)] = &[
    (200, "OK", "Service ready."),
    (400, "Bad request", "The request could not be understood."),
    (401, "Unauthorized", "Valid credentials are required to see this page."),
    (403, "Forbidden", "Access to this page is refused by a rule."),
    (404, "Not Found", "There is no such page here."),
    (405, "Method Not Allowed", "This method cannot be used here."),
    (407, "Proxy Authentication Required", "Valid proxy credentials are required."),
    (408, "Request Time-out", "The complete request did not arrive in time."),
    (410, "Gone", "This page is gone for good."),
    (413, "Payload Too Large", "The request's body is larger than accepted here."),
    (414, "URI Too Long", "The request's target is longer than accepted here."),
    (421, "Misdirected Request", "This server cannot answer for that host."),
    (422, "Unprocessable Content", "The request's transfer coding is not supported."),
    (425, "Too Early", "The request was sent in early data; send it again."),
    (429, "Too Many Requests", "Too many requests were sent in a short time."),
    (431, "Request Header Fields Too Large", "The request's header fields are larger than accepted here."),
    (500, "Internal Server Error", "The proxy met an internal error."),
    (501, "Not Implemented", "The request asks for something not implemented here."),
    (502, "Bad Gateway", "The server's answer was invalid or incomplete."),
    (503, "Service Unavailable", "No server can take this request now."),
    (504, "Gateway Time-out", "The server did not answer in time."),
];

/// The reason phrase of a status.
pub fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        102 => "Processing",
        103 => "Early Hints",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        208 => "Already Reported",
        226 => "IM Used",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        305 => "Use Proxy",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        402 => "Payment Required",
        406 => "Not Acceptable",
        409 => "Conflict",
        411 => "Length Required",
        412 => "Precondition Failed",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        418 => "I'm a teapot",
        423 => "Locked",
        424 => "Failed Dependency",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        451 => "Unavailable For Legal Reasons",
        505 => "HTTP Version Not Supported",
        506 => "Variant Also Negotiates",
        507 => "Insufficient Storage",
        508 => "Loop Detected",
        511 => "Network Authentication Required",
        _ => PAGES.iter().find(|page| page.0 == status).map_or("Unknown", |page| page.1),
    }
}

/// The default page for a status, as a whole response. `close` adds the field that announces the connection's end.
pub fn error_page(status: u16, close: bool) -> Vec<u8> {
    let sentence = PAGES.iter().find(|page| page.0 == status).map_or("The request could not be served.", |page| page.2);
    let body = format!("<html><body><h1>{status} {}</h1>\n{sentence}\n</body></html>\n", reason(status));
    let mut out = format!(
        "HTTP/1.1 {status} {}\r\nContent-length: {}\r\nCache-Control: no-cache\r\n{}Content-Type: text/html\r\n\r\n",
        reason(status),
        body.len(),
        if close { "Connection: close\r\n" } else { "" }
    )
    .into_bytes();
    out.extend_from_slice(body.as_bytes());
    out
}

/// The default page for a status, as an answer to a request that was understood.
pub fn default_page(status: u16) -> Vec<u8> {
    let sentence = PAGES.iter().find(|page| page.0 == status).map_or("The request could not be served.", |page| page.2);
    let body = format!("<html><body><h1>{status} {}</h1>\n{sentence}\n</body></html>\n", reason(status));
    let mut out = format!(
        "HTTP/1.1 {status} {}\r\ncontent-length: {}\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n\r\n",
        reason(status),
        body.len()
    )
    .into_bytes();
    out.extend_from_slice(body.as_bytes());
    out
}

/// A response being made.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// Its status.
    pub status: u16,
    /// Fields, which stand first.
    pub fields: &'a [(&'a str, &'a [u8])],
    /// Content type, if there is a body.
    pub content_type: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

impl Answer<'_> {
    /// The whole response.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status)).into_bytes();
        let mut line = |name: &str, value: &[u8]| {
            out.extend(name.bytes().map(|b| b.to_ascii_lowercase()));
            out.extend_from_slice(b": ");
            out.extend(value.iter().filter(|b| !matches!(b, b'\r' | b'\n' | 0)));
            out.extend_from_slice(b"\r\n");
        };
        self.fields.iter().for_each(|(name, value)| line(name, value));
        if self.status >= 200 && self.status != 204 {
            line("content-length", self.body.len().to_string().as_bytes());
        }
        if let Some(kind) = self.content_type.filter(|_| !self.body.is_empty()) {
            line("content-type", kind.as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(self.body);
        out
    }
}

/// Takes the last field out of a response's head where it says that the connection ends; whether it did.
pub fn without_close(bytes: &[u8]) -> Option<Vec<u8>> {
    const LAST: &[u8] = b"\r\nconnection: close";
    let end = memchr::memmem::find(bytes, b"\r\n\r\n")?;
    let (before, after) = bytes.split_at(end);
    before.strip_suffix(LAST).map(|head| [head, after].concat())
}

/// Says in a response's head that its connection ends, unless the head says so last. A response of HTTP/1.0 needs no such
/// word.
pub fn with_close(mut bytes: Vec<u8>) -> Vec<u8> {
    if without_close(&bytes).is_some() {
        return bytes;
    }
    if !bytes.starts_with(b"HTTP/1.0")
        && let Some(at) = memchr::memmem::find(&bytes, b"\r\n\r\n")
    {
        bytes.splice(at + 2..at + 2, *b"connection: close\r\n");
    }
    bytes
}

/// A whole response with the given fields (name, value) and body; `Content-length` is added.
pub fn static_response(status: u16, fields: &[(&str, &[u8])], body: &[u8], close: bool) -> Vec<u8> {
    let mut out = format!("HTTP/1.1 {status} {}\r\n", reason(status)).into_bytes();
    if status >= 200 && status != 204 && status != 304 {
        out.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
    }
    for (name, value) in fields {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend(value.iter().filter(|b| !matches!(b, b'\r' | b'\n' | 0)));
        out.extend_from_slice(b"\r\n");
    }
    if close {
        out.extend_from_slice(b"connection: close\r\n");
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BodyFraming, parse_response};

    #[test]
    fn every_page_is_a_valid_response() {
        for &(status, ..) in PAGES {
            let page = error_page(status, true);
            let head = parse_response(&page, 101, false).unwrap().unwrap();
            assert_eq!(head.status, status);
            assert_eq!(head.framing, BodyFraming::Length((page.len() - head.len as usize) as u64));
            let page = with_close(default_page(status));
            let head = parse_response(&page, 101, false).unwrap().unwrap();
            assert_eq!((head.status, head.keep_alive), (status, false));
        }
    }
}
