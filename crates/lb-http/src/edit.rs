//! Edits of a head: fields removed, fields added, the first line replaced. The unchanged rest is
//! taken from the buffer as it is.

use crate::head::{HeaderList, Span};
use smallvec::SmallVec;

/// A set of edits to one head, applied while it is written out.
#[derive(Debug, Default)]
pub struct HeadEdit {
    removed: SmallVec<[u16; 4]>,
    first_line: Option<Vec<u8>>,
    added: Vec<u8>,
}

impl HeadEdit {
    /// Whether writing the head out would change nothing.
    pub fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.first_line.is_none() && self.added.is_empty()
    }

    /// Whether the only edit is lines added at the end.
    pub fn only_adds(&self) -> bool {
        self.removed.is_empty() && self.first_line.is_none()
    }

    /// The lines added.
    pub fn added(&self) -> &[u8] {
        &self.added
    }

    /// Removes every field called `name`.
    pub fn remove_all(&mut self, buf: &[u8], headers: &HeaderList, name: &str) {
        for (index, field) in headers.iter().enumerate() {
            if field.name.get(buf).eq_ignore_ascii_case(name.as_bytes()) {
                self.remove(index);
            }
        }
    }

    /// Removes the field at `index`.
    pub fn remove(&mut self, index: usize) {
        let index = index as u16;
        if !self.removed.contains(&index) {
            self.removed.push(index);
        }
    }

    /// Adds a field after the others. Line ends inside the value are dropped: a value cannot start a new field.
    pub fn add(&mut self, name: &[u8], value: &[u8]) {
        self.added.extend_from_slice(name);
        self.added.extend_from_slice(b": ");
        self.added.extend(value.iter().filter(|b| !matches!(b, b'\r' | b'\n' | 0)));
        self.added.extend_from_slice(b"\r\n");
    }

    /// Replaces the request or status line (given without its line end).
    pub fn set_first_line(&mut self, line: Vec<u8>) {
        self.first_line = Some(line);
    }

    /// Writes the edited head to `out`, every line ended by CRLF. `first_line` is where the head's first line stands.
    pub fn write(&self, buf: &[u8], first_line: Span, headers: &HeaderList, out: &mut Vec<u8>) {
        let first = self.first_line.as_deref().unwrap_or_else(|| first_line.get(buf));
        out.extend_from_slice(first.trim_ascii_end());
        out.extend_from_slice(b"\r\n");
        for index in 0..headers.len() {
            if self.removed.contains(&(index as u16)) {
                continue;
            }
            out.extend_from_slice(headers.line(index).get(buf).trim_ascii_end());
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(&self.added);
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse_request;

    #[test]
    fn edits() {
        let buf = b"GET /a HTTP/1.1\nHost: x\r\nConnection: close\r\nA: b \r\n\r\n";
        let head = parse_request(buf, 101).unwrap().unwrap();
        let mut edit = HeadEdit::default();
        edit.remove_all(buf, &head.headers, "connection");
        edit.add(b"X-Forwarded-For", b"10.0.0.1\r\nEvil: 1");
        let mut out = Vec::new();
        edit.write(buf, Span::new(0, head.headers.start()), &head.headers, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "GET /a HTTP/1.1\r\nHost: x\r\nA: b\r\nX-Forwarded-For: 10.0.0.1Evil: 1\r\n\r\n"
        );
    }
}
