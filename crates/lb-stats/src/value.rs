//! A field's value, and how each form writes it.

use std::borrow::Cow;
use std::io::Write;
use std::net::SocketAddr;

use lb_model::StatusWord;

/// A value on its way to the wire. Borrowing variants let a row be written without allocation.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// The object has no such value: an empty CSV column, no typed line, no JSON item.
    Empty,
    /// Unsigned, 32 bits.
    U32(u32),
    /// Signed, 32 bits.
    S32(i32),
    /// Unsigned, 64 bits.
    U64(u64),
    /// A fraction. Cut to an integer unless the request asked for `float`.
    Flt(f64),
    /// Text. An empty text is a value: its typed line exists.
    Str(Cow<'a, str>),
    /// A server's status word.
    Status(StatusWord<'a>),
    /// An address with its port.
    Addr(SocketAddr),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Str(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Str(Cow::Owned(text))
    }
}

impl Value<'_> {
    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// Appends the value as it is, without quoting.
    pub(crate) fn write_plain(&self, float: bool, out: &mut Vec<u8>) {
        match self {
            Self::Empty => {}
            Self::U32(n) => write_int(*n, out),
            Self::S32(n) => write_int(*n, out),
            Self::U64(n) => write_int(*n, out),
            Self::Flt(x) if float => write_float(*x, out),
            // A float to integer cast saturates, so no input is out of range.
            Self::Flt(x) => write_int(*x as u64, out),
            Self::Str(text) => out.extend_from_slice(text.as_bytes()),
            // Writing to a vector cannot fail.
            Self::Status(word) => drop(write!(out, "{word}")),
            Self::Addr(addr) => drop(write!(out, "{addr}")),
        }
    }

    /// Appends the value as one CSV column, without its comma. Most columns of most rows are zero or empty: these cost
    /// no call.
    #[inline(always)]
    pub(crate) fn write_csv(&self, out: &mut Vec<u8>) {
        match self {
            Self::Empty => {}
            Self::U32(0) | Self::S32(0) | Self::U64(0) => out.push(b'0'),
            _ => self.write_csv_text(out),
        }
    }

    #[inline(never)]
    fn write_csv_text(&self, out: &mut Vec<u8>) {
        match self {
            Self::Str(text) => {
                let start = out.len();
                out.extend_from_slice(text.as_bytes());
                quote_csv_from(start, out);
            }
            _ => self.write_plain(false, out),
        }
    }

    /// Appends the value as JSON.
    pub(crate) fn write_json(&self, float: bool, out: &mut Vec<u8>) {
        match self {
            Self::Str(_) | Self::Status(_) | Self::Addr(_) => {
                let mut text = Vec::new();
                self.write_plain(float, &mut text);
                write_json_string(&text, out);
            }
            _ => self.write_plain(float, out),
        }
    }
}

pub(crate) fn write_int(number: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Six decimals at most, trailing zeros cut: `0`, `22.705473`, `0.5`.
fn write_float(x: f64, out: &mut Vec<u8>) {
    let text = format!("{x:.6}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    out.extend_from_slice(text.as_bytes());
}

/// Quotes what was appended since `start` when it holds a comma, a quote or a line break.
/// Observed: other special bytes (tabs, `;`, blanks) are left alone.
fn quote_csv_from(start: usize, out: &mut Vec<u8>) {
    let needs = |b: &u8| matches!(b, b',' | b'"' | b'\n' | b'\r');
    if !out.get(start..).unwrap_or_default().iter().any(needs) {
        return;
    }
    let text = out.split_off(start);
    out.push(b'"');
    for byte in text {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// A JSON string. HAProxy prints quotes and control bytes as they are, which no JSON reader takes;
/// here they are escaped.
fn write_json_string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..0x20 => drop(write!(out, "\\u{byte:04x}")),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(value: Value<'_>) -> String {
        let mut out = b"x,".to_vec();
        value.write_csv(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn csv_quotes_only_what_needs_it() {
        assert_eq!(csv("plain; text".into()), "x,plain; text");
        assert_eq!(csv("tab\there (x's)".into()), "x,tab\there (x's)");
        assert_eq!(csv("a,b".into()), "x,\"a,b\"");
        assert_eq!(csv("via agent : down (a,\"b\" c)".into()), "x,\"via agent : down (a,\"\"b\"\" c)\"");
        assert_eq!(csv(Value::Empty), "x,");
        assert_eq!(csv(Value::S32(-1)), "x,-1");
    }

    #[test]
    fn floats_are_cut_or_trimmed() {
        let shown = |x, float| {
            let mut out = Vec::new();
            Value::Flt(x).write_plain(float, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(shown(0.556694, true), "0.556694");
        assert_eq!(shown(0.0, true), "0");
        assert_eq!(shown(100.0, true), "100");
        assert_eq!(shown(1795167427.603849, true), "1795167427.603849");
        assert_eq!(shown(22.7, false), "22");
        assert_eq!(shown(f64::NAN, false), "0");
    }

    #[test]
    fn json_strings_stay_json() {
        let mut out = Vec::new();
        Value::from("a\"b\\c\td\u{1}é").write_json(false, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "\"a\\\"b\\\\c\\td\\u0001é\"");
    }
}
