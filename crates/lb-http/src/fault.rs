//! Where a message is wrong, for people who look at a captured one. The parsers say what is wrong; this goes through the
//! bytes again, once the message is refused, and finds the place as a running HAProxy tells it.

/// The offset of the byte that makes a request invalid; 0 when the fault is not at one place.
pub fn request_fault(buf: &[u8], max_fields: usize) -> usize {
    let mut scan = Scan { buf, at: 0 };
    scan.skip_while(|b| b == b'\r' || b == b'\n');
    let line = scan.at;
    let method = (line, scan.token());
    if method.1 == line || scan.byte() != Some(b' ') {
        return scan.at;
    }
    scan.skip_while(|b| b == b' ');
    let target = scan.at;
    scan.skip_while(|b| matches!(b, 0x21..=0x7e) && b != b'#');
    let target = (target, scan.at);
    if target.0 == target.1 || scan.byte() != Some(b' ') {
        return scan.at;
    }
    scan.skip_while(|b| b == b' ');
    let version = scan.at;
    scan.skip_while(is_version_byte);
    if !scan.line_end() {
        return scan.at;
    }
    if !is_version(buf.get(version..).unwrap_or_default()) {
        return version;
    }
    if slice(buf, method) == b"CONNECT" && !slice(buf, target).contains(&b':') {
        return target.0;
    }
    scan.fields(max_fields, authority(slice(buf, target)))
}

/// The offset of the byte that makes a response invalid; 0 when the fault is not at one place.
pub fn response_fault(buf: &[u8], max_fields: usize) -> usize {
    let mut scan = Scan { buf, at: 0 };
    scan.skip_while(|b| b == b'\r' || b == b'\n');
    let version = scan.at;
    scan.skip_while(is_version_byte);
    if scan.byte() != Some(b' ') {
        return scan.at;
    }
    if !is_version(buf.get(version..).unwrap_or_default()) {
        return version;
    }
    scan.skip_while(|b| b == b' ');
    scan.skip_while(|b| b.is_ascii_digit());
    if !matches!(scan.byte(), Some(b' ' | b'\r' | b'\n')) {
        return scan.at;
    }
    scan.skip_while(|b| b != b'\r' && b != b'\n');
    if !scan.line_end() {
        return scan.at;
    }
    scan.fields(max_fields, None)
}

struct Scan<'b> {
    buf: &'b [u8],
    at: usize,
}

impl<'b> Scan<'b> {
    fn byte(&self) -> Option<u8> {
        self.buf.get(self.at).copied()
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        while self.byte().is_some_and(&wanted) {
            self.at += 1;
        }
    }

    /// Skips a token and returns where it ends.
    fn token(&mut self) -> usize {
        self.skip_while(is_token);
        self.at
    }

    /// Skips the end of a line. `false`: there is none, and `at` is the byte that should have been it.
    fn line_end(&mut self) -> bool {
        if self.byte() == Some(b'\r') {
            self.at += 1;
        }
        let found = self.byte() == Some(b'\n');
        self.at += usize::from(found);
        found
    }

    /// Goes through the header fields.
    fn fields(&mut self, max_fields: usize, authority: Option<&[u8]>) -> usize {
        let mut seen = Seen::default();
        for count in 0.. {
            let line = self.at;
            if count > max_fields {
                return line;
            }
            if self.line_end() {
                break;
            }
            let name = (line, self.token());
            if name.0 == name.1 || self.byte() != Some(b':') {
                return self.at;
            }
            self.at += 1;
            self.skip_while(|b| b == b' ' || b == b'\t');
            let value = self.at;
            self.skip_while(|b| !matches!(b, b'\r' | b'\n' | 0));
            let value = (value, self.at);
            if !self.line_end() {
                return self.at;
            }
            if let Some(fault) = seen.look(slice(self.buf, name), slice(self.buf, value), authority) {
                return value.0 + fault;
            }
        }
        // The body, if it is in chunks: only the first size can be told from here.
        let digits = self.buf.get(self.at..).unwrap_or_default();
        match digits.first() {
            Some(byte) if seen.chunked && !byte.is_ascii_hexdigit() => self.at,
            _ => 0,
        }
    }
}

/// What fields that may come once only have said.
#[derive(Default)]
struct Seen<'b> {
    length: Option<&'b [u8]>,
    host: Option<&'b [u8]>,
    chunked: bool,
}

impl<'b> Seen<'b> {
    /// The offset in a value of what is wrong with it.
    fn look(&mut self, name: &[u8], value: &'b [u8], authority: Option<&[u8]>) -> Option<usize> {
        let value = value.trim_ascii_end();
        if name.eq_ignore_ascii_case(b"content-length") {
            let digits = value.iter().take_while(|b| b.is_ascii_digit()).count();
            let is_list = value.contains(&b',');
            if digits < value.len() && !is_list {
                return Some(digits);
            }
            if self.length.replace(value).is_some_and(|former| former != value) {
                return Some(0);
            }
        } else if name.eq_ignore_ascii_case(b"host") {
            let differs = |former: &[u8]| !former.eq_ignore_ascii_case(value);
            if self.host.replace(value).is_some_and(differs) || authority.is_some_and(differs) {
                return Some(0);
            }
            return value.iter().position(u8::is_ascii_whitespace);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if self.chunked {
                return Some(0);
            }
            self.chunked = value.to_ascii_lowercase().ends_with(b"chunked");
        }
        None
    }
}

fn slice(buf: &[u8], (from, to): (usize, usize)) -> &[u8] {
    buf.get(from..to).unwrap_or_default()
}

/// Host and port of a target that has them.
fn authority(target: &[u8]) -> Option<&[u8]> {
    let start = target.windows(3).position(|w| w == b"://")? + 3;
    let rest = target.get(start..)?;
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len());
    rest.get(..end)
}

fn is_version_byte(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b'/' | b'.')
}

fn is_version(text: &[u8]) -> bool {
    matches!(text, [b'H', b'T', b'T', b'P', b'/', major, b'.', minor, ..] if major.is_ascii_digit() && minor.is_ascii_digit())
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_requests_are_where_haproxy_sees_them() {
        for (request, position) in [
            ("GET /x y z HTTP/1.1\r\nHost: a\r\n\r\n", 7),
            ("G@T / HTTP/1.1\r\n\r\n", 1),
            ("GET /\u{1} HTTP/1.1\r\n\r\n", 5),
            ("GET /#x HTTP/1.1\r\nA: 1\r\n\r\n", 5),
            ("GET / HTTP/1.1\r\nBad header\r\n\r\n", 19),
            ("GET / HTTP/1.1\r\n Fold: x\r\n\r\n", 16),
            ("GET / HTTP/1.1\r\nA: 1\r\nB\u{1}: x\r\n\r\n", 23),
            ("GET / HTTQ/1.1\r\nA: 1\r\n\r\n", 6),
            ("GET / HTTP/1.a\r\nA: 1\r\n\r\n", 13),
            ("GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 32),
            ("GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 51),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 31),
            ("\r\nGET /x y HTTP/1.1\r\n\r\n", 9),
            ("GET\r\n\r\n", 3),
            ("GET /\r\n\r\n", 5),
            ("GET / HTTP/1.1\rX\r\n\r\n", 15),
            ("GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", 21),
            ("GET / HTTP/1.1\r\nA : b\r\n\r\n", 17),
            ("GET / HTTP/1.1\r\n: b\r\n\r\n", 16),
            ("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n", 63),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 47),
            ("GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", 30),
            ("CONNECT a HTTP/1.1\r\n\r\n", 8),
            ("{}\r\n\r\n", 0),
            // The place of a NUL, which 2.6 lets pass.
            ("GET / HTTP/1.1\r\nBad: a\0b\r\n\r\n", 22),
            ("", 0),
        ] {
            assert_eq!(request_fault(request.as_bytes(), 101), position, "{request:?}");
        }
        let many: String = (0..102).map(|n| format!("A{n}: 1\r\n")).collect();
        let request = format!("GET / HTTP/1.1\r\n{many}\r\n");
        assert_eq!(request_fault(request.as_bytes(), 101), request.len() - 2);
    }

    #[test]
    fn faults_of_responses_are_where_haproxy_sees_them() {
        for (response, position) in [
            ("HTTP/1.1 200 OK\r\nBad header\r\n\r\n", 20),
            ("HTTP/1.1 20x OK\r\nA: b\r\n\r\n", 11),
            ("garbage\r\n\r\n", 0),
            ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", 33),
            ("HTTP/1.1 200 OK\r\nA b: c\r\n\r\n", 18),
            ("HTTP/1.1\r\n\r\n", 8),
            ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 52),
            ("\u{16}\u{3}\u{1}", 0),
        ] {
            assert_eq!(response_fault(response.as_bytes(), 101), position, "{response:?}");
        }
    }
}
