//! Log lines as one JSON or CBOR object, and single values in these forms.

use crate::log_alias::Kind;
use crate::sample::{Sample, leading_int};
use crate::{SampleError, date};

/// How values are encoded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Not at all: text.
    #[default]
    Plain,
    /// JSON (RFC 8259).
    Json,
    /// CBOR (RFC 8949), in hexadecimal digits unless it may be binary.
    Cbor,
}

/// `%(name:type)`: under which key an item stands in the object, and as what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Label {
    /// The key; without one the item is not part of the object.
    pub key: Option<Box<str>>,
    /// The type asked for.
    pub wanted: Option<Wanted>,
}

/// A type that the value is made to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Text,
    Number,
    Truth,
}

impl Label {
    /// Reads what stands between the parentheses.
    pub(crate) fn parse(text: &str) -> Result<Self, SampleError> {
        let (key, wanted) = match text.split_once(':') {
            None => (text, None),
            Some((key, "str")) => (key, Some(Wanted::Text)),
            Some((key, "sint")) => (key, Some(Wanted::Number)),
            Some((key, "bool")) => (key, Some(Wanted::Truth)),
            Some((_, other)) => {
                return Err(SampleError::new(format!("unknown output type '{other}' in '({text})'"))
                    .help("types are str, sint and bool"));
            }
        };
        Ok(Self { key: Some(key).filter(|key| !key.is_empty()).map(Box::from), wanted })
    }
}

/// A value to encode.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value<'a> {
    /// Nothing is there.
    Missing,
    Number(i64),
    Truth(bool),
    /// A text the proxy made or knows.
    Text(&'a [u8]),
    /// A text out of a message. As observed, CBOR holds it as one of indefinite length.
    Message(&'a [u8]),
    /// Bytes that are no text.
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    /// The value of an alias, from its text.
    pub(crate) fn of_alias(kind: Kind, text: &'a [u8], hexadecimal: bool) -> Self {
        match kind {
            _ if text.is_empty() => Self::Missing,
            Kind::Number if hexadecimal => Self::Text(text),
            Kind::Number => Self::Number(leading_int(text)),
            Kind::Text => Self::Text(text),
            Kind::Message => Self::Message(text),
        }
    }

    /// Calls `f` with the value of an expression.
    pub(crate) fn with_sample<T>(sample: Option<&Sample<'_>>, f: impl FnOnce(Value<'_>) -> T) -> T {
        match sample {
            None => f(Value::Missing),
            Some(Sample::Int(n)) => f(Value::Number(*n)),
            Some(Sample::Bool(b)) => f(Value::Truth(*b)),
            Some(Sample::Bin(bytes)) => f(Value::Bytes(bytes)),
            Some(other) => other.with_text(|text| f(Value::Text(text))),
        }
    }

    /// Appends it, made to be of the type asked for.
    pub(crate) fn write(self, encoding: Encoding, wanted: Option<Wanted>, out: &mut Vec<u8>) {
        let mut room = Vec::new();
        let value = match wanted {
            None => self,
            Some(wanted) => self.cast(wanted, &mut room),
        };
        match encoding {
            Encoding::Cbor => value.cbor(out),
            Encoding::Json | Encoding::Plain => value.json(out),
        }
    }

    fn cast<'t>(self, wanted: Wanted, room: &'t mut Vec<u8>) -> Value<'t>
    where
        'a: 't,
    {
        let number = match self {
            Self::Missing => return Value::Missing,
            Self::Number(n) => n,
            Self::Truth(b) => i64::from(b),
            Self::Text(text) | Self::Message(text) | Self::Bytes(text) => {
                return match wanted {
                    Wanted::Text => self,
                    Wanted::Number => Value::Number(leading_int(text)),
                    Wanted::Truth => Value::Truth(text.eq_ignore_ascii_case(b"true") || leading_int(text) != 0),
                };
            }
        };
        match wanted {
            Wanted::Number => Value::Number(number),
            Wanted::Truth => Value::Truth(number != 0),
            Wanted::Text => {
                date::put(room, format_args!("{number}"));
                Value::Text(room)
            }
        }
    }

    fn json(self, out: &mut Vec<u8>) {
        match self {
            Self::Missing => out.extend_from_slice(b"null"),
            Self::Number(n) => date::put(out, format_args!("{n}")),
            Self::Truth(b) => date::put(out, format_args!("{b}")),
            Self::Text(text) | Self::Message(text) => json_text(text, out),
            Self::Bytes(bytes) => {
                out.push(b'"');
                bytes.iter().for_each(|byte| date::put(out, format_args!("{byte:02X}")));
                out.push(b'"');
            }
        }
    }

    fn cbor(self, out: &mut Vec<u8>) {
        match self {
            Self::Missing => out.push(0xf6),
            Self::Number(n) if n < 0 => cbor_head(1, !(n as u64), out),
            Self::Number(n) => cbor_head(0, n as u64, out),
            Self::Truth(b) => out.push(0xf4 + u8::from(b)),
            Self::Text(text) => cbor_text(text, out),
            Self::Message(text) => {
                out.push(0x7f);
                cbor_text(text, out);
                out.push(0xff);
            }
            Self::Bytes(bytes) => {
                cbor_head(2, bytes.len() as u64, out);
                out.extend_from_slice(bytes);
            }
        }
    }
}

/// The object that a format's named items make.
#[derive(Debug)]
pub(crate) struct Object {
    encoding: Encoding,
    is_empty: bool,
}

impl Object {
    /// Opens an object at the end of `out`.
    pub(crate) fn open(encoding: Encoding, out: &mut Vec<u8>) -> Self {
        out.push(if encoding == Encoding::Cbor { 0xbf } else { b'{' });
        Self { encoding, is_empty: true }
    }

    /// Appends a member.
    pub(crate) fn member(&mut self, key: &str, value: Value<'_>, wanted: Option<Wanted>, out: &mut Vec<u8>) {
        if self.encoding == Encoding::Cbor {
            cbor_text(key.as_bytes(), out);
        } else {
            if !self.is_empty {
                out.extend_from_slice(b", ");
            }
            json_text(key.as_bytes(), out);
            out.extend_from_slice(b": ");
        }
        self.is_empty = false;
        value.write(self.encoding, wanted, out);
    }

    /// Ends it.
    pub(crate) fn close(self, out: &mut Vec<u8>) {
        out.push(if self.encoding == Encoding::Cbor { 0xff } else { b'}' });
    }
}

/// Turns the bytes from `start` on into hexadecimal digits.
pub(crate) fn to_digits(start: usize, out: &mut Vec<u8>) {
    let bytes = out.split_off(start.min(out.len()));
    bytes.iter().for_each(|byte| date::put(out, format_args!("{byte:02X}")));
}

/// Text in quotes. What is no UTF-8 is taken for Latin-1, so that every line is JSON.
fn json_text(text: &[u8], out: &mut Vec<u8>) {
    let is_utf8 = std::str::from_utf8(text).is_ok();
    out.push(b'"');
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..32 | 127 => date::put(out, format_args!("\\u{byte:04X}")),
            128.. if !is_utf8 => date::put(out, format_args!("\\u{byte:04X}")),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

fn cbor_text(text: &[u8], out: &mut Vec<u8>) {
    cbor_head(3, text.len() as u64, out);
    out.extend_from_slice(text);
}

/// A major type and its number, in the fewest bytes.
fn cbor_head(major: u8, n: u64, out: &mut Vec<u8>) {
    let major = major << 5;
    match n {
        0..24 => out.push(major | n as u8),
        24..=0xff => out.extend([major | 24, n as u8]),
        0x100..=0xffff => {
            out.push(major | 25);
            out.extend_from_slice(&(n as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(major | 26);
            out.extend_from_slice(&(n as u32).to_be_bytes());
        }
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&n.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(value: Value<'_>, wanted: Option<Wanted>) -> String {
        let mut out = Vec::new();
        value.write(Encoding::Json, wanted, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn cbor(value: Value<'_>) -> String {
        let mut out = Vec::new();
        value.write(Encoding::Cbor, None, &mut out);
        to_digits(0, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_values() {
        for (value, wanted, text) in [
            (Value::Missing, None, "null"),
            (Value::Missing, Some(Wanted::Text), "null"),
            (Value::Number(-7), None, "-7"),
            (Value::Number(7), Some(Wanted::Text), r#""7""#),
            (Value::Number(7), Some(Wanted::Truth), "true"),
            (Value::Truth(false), None, "false"),
            (Value::Truth(true), Some(Wanted::Number), "1"),
            (Value::Text(b"12ab"), Some(Wanted::Number), "12"),
            (Value::Text(b"true"), Some(Wanted::Truth), "true"),
            (Value::Text(b""), None, r#""""#),
            (Value::Message(b"a\"b\\c\n\x01"), None, r#""a\"b\\c\n\u0001""#),
            (Value::Text("ä".as_bytes()), None, "\"ä\""),
            (Value::Text(b"\xe4"), None, r#""\u00E4""#),
            (Value::Bytes(b"\x01\xff"), None, r#""01FF""#),
        ] {
            assert_eq!(json(value, wanted), text);
        }
    }

    /// Numbers as in RFC 8949, appendix A.
    #[test]
    fn cbor_values() {
        for (value, digits) in [
            (Value::Number(0), "00"),
            (Value::Number(23), "17"),
            (Value::Number(24), "1818"),
            (Value::Number(200), "18C8"),
            (Value::Number(1_000), "1903E8"),
            (Value::Number(1_000_000), "1A000F4240"),
            (Value::Number(1_000_000_000_000), "1B000000E8D4A51000"),
            (Value::Number(-1), "20"),
            (Value::Number(-1_000), "3903E7"),
            (Value::Truth(true), "F5"),
            (Value::Missing, "F6"),
            (Value::Text(b"IETF"), "6449455446"),
            (Value::Message(b"GET"), "7F63474554FF"),
            (Value::Bytes(b"\x01\x02"), "420102"),
        ] {
            assert_eq!(cbor(value), digits);
        }
    }
}
