//! Spans and header lists shared by requests and responses.

use smallvec::SmallVec;
use std::ops::Range;

/// A range of bytes in the buffer a head was parsed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A span over `start..end`.
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    /// The span of `part`, a slice that lies inside `whole`.
    pub(crate) fn of(whole: &[u8], part: &[u8]) -> Self {
        let start = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
        Self::new(start, start + part.len())
    }

    /// The bytes, or nothing when the span does not fit the buffer.
    pub fn get(self, buf: &[u8]) -> &[u8] {
        buf.get(self.range()).unwrap_or_default()
    }

    /// As a range of indices.
    pub const fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Length in bytes.
    pub const fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether it holds no byte.
    pub const fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// One header field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeaderSpan {
    /// Field name. Its start is the start of the line.
    pub name: Span,
    /// Field value without surrounding blanks.
    pub value: Span,
}

/// The header fields of a head, in order.
#[derive(Debug, Clone, Default)]
pub struct HeaderList {
    pub(crate) fields: SmallVec<[HeaderSpan; 20]>,
    /// Where the empty line that ends the head starts.
    pub(crate) end: u32,
}

impl HeaderList {
    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The fields.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &HeaderSpan> + ExactSizeIterator {
        self.fields.iter()
    }

    /// Values of the fields called `name`, whatever the case.
    pub fn values<'a>(&'a self, buf: &'a [u8], name: &'a str) -> impl DoubleEndedIterator<Item = &'a [u8]> {
        self.fields
            .iter()
            .filter(move |h| h.name.get(buf).eq_ignore_ascii_case(name.as_bytes()))
            .map(move |h| h.value.get(buf))
    }

    /// The whole line of field `index`, line end included.
    pub fn line(&self, index: usize) -> Span {
        let Some(field) = self.fields.get(index) else { return Span::default() };
        let end = self.fields.get(index + 1).map_or(self.end, |next| next.name.start);
        Span { start: field.name.start, end }
    }

    /// Where the first header line starts, or the empty line when there is none.
    pub fn start(&self) -> usize {
        self.fields.first().map_or(self.end, |h| h.name.start) as usize
    }

    /// Where the empty line starts.
    pub fn end(&self) -> usize {
        self.end as usize
    }
}

/// Whether every byte may be part of a token (RFC 9110, 5.6.2).
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty()
        && bytes.iter().all(|b| {
            b.is_ascii_alphanumeric()
                || matches!(
                    b,
                    b'!' | b'#'
                        | b'$'
                        | b'%'
                        | b'&'
                        | b'\''
                        | b'*'
                        | b'+'
                        | b'-'
                        | b'.'
                        | b'^'
                        | b'_'
                        | b'`'
                        | b'|'
                        | b'~'
                )
        })
}

/// Whether a comma-separated list holds `token`, whatever the case.
pub fn list_contains(value: &[u8], token: &str) -> bool {
    value.split(|&b| b == b',').any(|part| part.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

/// Facts about a message's framing gathered while walking its fields.
#[derive(Debug, Default)]
pub(crate) struct FramingFields {
    pub content_length: Option<u64>,
    /// A `Content-Length` that is a list, or is repeated: must be rewritten as one number.
    pub length_repeated: bool,
    pub transfer_encoding: bool,
    /// The last coding is `chunked` and it stands once.
    pub chunked: bool,
    /// A coding other than `chunked` stands in the list.
    pub other_coding: bool,
    pub bad: bool,
    pub connection_close: bool,
    pub connection_keep_alive: bool,
    pub connection_upgrade: bool,
    pub has_connection: bool,
    pub has_upgrade: bool,
}

impl FramingFields {
    /// Takes one field into account.
    pub fn visit(&mut self, name: &[u8], value: &[u8]) {
        match name.len() {
            7 if name.eq_ignore_ascii_case(b"upgrade") => self.has_upgrade = true,
            10 if name.eq_ignore_ascii_case(b"connection") => {
                self.has_connection = true;
                self.connection_close |= list_contains(value, "close");
                self.connection_keep_alive |= list_contains(value, "keep-alive");
                self.connection_upgrade |= list_contains(value, "upgrade");
            }
            14 if name.eq_ignore_ascii_case(b"content-length") => self.visit_length(value),
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => self.visit_coding(value),
            _ => {}
        }
    }

    fn visit_length(&mut self, value: &[u8]) {
        self.length_repeated |= self.content_length.is_some();
        let mut parts = value.split(|&b| b == b',');
        let first = parts.next().unwrap_or_default();
        for part in std::iter::once(first).chain(parts) {
            match parse_length(part.trim_ascii()) {
                Some(n) if self.content_length.is_none_or(|known| known == n) => {
                    self.length_repeated |= part.len() != value.len();
                    self.content_length = Some(n);
                }
                _ => self.bad = true,
            }
        }
    }

    fn visit_coding(&mut self, value: &[u8]) {
        self.transfer_encoding = true;
        for part in value.split(|&b| b == b',').map(<[u8]>::trim_ascii) {
            // `chunked` applied before another coding, or twice, leaves the length undefined.
            self.bad |= self.chunked;
            if part.eq_ignore_ascii_case(b"chunked") {
                self.chunked = true;
            } else {
                self.other_coding = true;
                self.bad |= !is_token(part);
            }
        }
    }
}

/// Digits only: a sign, a blank or an empty text is not a length.
fn parse_length(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 19 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(text.iter().fold(0_u64, |n, d| n * 10 + u64::from(d - b'0')))
}
