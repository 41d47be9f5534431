//! Values of expressions and how one type stands for another.

use lb_table::{Key, KeyType};
use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A value. Strings borrow from the context or the configuration where they can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sample<'a> {
    /// A boolean.
    Bool(bool),
    /// A signed number.
    Int(i64),
    /// An address.
    Ip(IpAddr),
    /// Text.
    Str(Cow<'a, [u8]>),
    /// Bytes.
    Bin(Cow<'a, [u8]>),
    /// An HTTP method.
    Method(Cow<'a, [u8]>),
}

/// A value's type as known when the configuration is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Bool,
    Int,
    Ipv4,
    Ipv6,
    /// Either family.
    Addr,
    Str,
    Bin,
    Method,
    /// Whatever comes in.
    Any,
}

impl Type {
    /// Whether a value of this type can stand where `wanted` is asked (the matrix HAProxy applies).
    pub(crate) fn casts_to(self, wanted: Self) -> bool {
        use Type::{Addr, Any, Bin, Bool, Int, Ipv4, Ipv6, Method, Str};
        matches!(
            (self, wanted),
            (_, Str | Bin | Any)
                | (Any, _)
                | (Bool | Int | Str, Bool)
                | (Bool | Int | Ipv4 | Addr | Str, Int)
                | (Int | Ipv4 | Ipv6 | Addr | Str, Addr | Ipv4 | Ipv6)
                | (Method, Method)
        )
    }
}

impl<'a> Sample<'a> {
    /// Text borrowed from somewhere.
    pub fn text(bytes: &'a [u8]) -> Self {
        Self::Str(Cow::Borrowed(bytes))
    }

    /// Text made on the way.
    pub fn owned(bytes: Vec<u8>) -> Self {
        Self::Str(Cow::Owned(bytes))
    }

    /// The value with nothing borrowed.
    pub fn into_owned(self) -> Sample<'static> {
        match self {
            Self::Bool(b) => Sample::Bool(b),
            Self::Int(n) => Sample::Int(n),
            Self::Ip(ip) => Sample::Ip(ip),
            Self::Str(s) => Sample::Str(Cow::Owned(s.into_owned())),
            Self::Bin(s) => Sample::Bin(Cow::Owned(s.into_owned())),
            Self::Method(s) => Sample::Method(Cow::Owned(s.into_owned())),
        }
    }

    /// The name of its type in the Runtime API.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Bool(_) => "bool",
            Self::Int(_) => "sint",
            Self::Ip(IpAddr::V4(_)) => "ipv4",
            Self::Ip(IpAddr::V6(_)) => "ipv6",
            Self::Str(_) => "str",
            Self::Bin(_) => "bin",
            Self::Method(_) => "meth",
        }
    }

    /// As a number. Text gives its leading digits (`5x` is 5, `x` is 0), empty text nothing.
    pub fn to_int(&self) -> Option<i64> {
        match self {
            Self::Bool(b) => Some(i64::from(*b)),
            Self::Int(n) => Some(*n),
            Self::Ip(IpAddr::V4(ip)) => Some(i64::from(u32::from(*ip))),
            Self::Ip(IpAddr::V6(_)) => None,
            Self::Str(s) => (!s.is_empty()).then(|| leading_int(s)),
            Self::Bin(_) | Self::Method(_) => None,
        }
    }

    /// As a boolean: a number that is not zero.
    pub fn to_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(b) => Some(*b),
            _ => self.to_int().map(|n| n != 0),
        }
    }

    /// As an address; a number is an IPv4 address.
    pub fn to_ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(ip) => Some(*ip),
            // The low 32 bits are the address, as in HAProxy.
            Self::Int(n) => Some(IpAddr::V4(Ipv4Addr::from(*n as u32))),
            Self::Str(s) => std::str::from_utf8(s).ok()?.parse().ok(),
            Self::Bool(_) | Self::Bin(_) | Self::Method(_) => None,
        }
    }

    /// As text, allocated only when the value is not text already.
    pub fn into_text(self) -> Cow<'a, [u8]> {
        match self {
            Self::Str(s) | Self::Bin(s) | Self::Method(s) => s,
            other => Cow::Owned(other.with_text(<[u8]>::to_vec)),
        }
    }

    /// As bytes: a number is 8 bytes big-endian, an address its octets.
    pub fn into_bytes(self) -> Cow<'a, [u8]> {
        match self {
            Self::Str(s) | Self::Bin(s) | Self::Method(s) => s,
            other => Cow::Owned(other.with_bytes(<[u8]>::to_vec)),
        }
    }

    /// As a key of a stick table of this type. `None`: it cannot be one, as text that is no address.
    pub fn to_key(&self, wanted: KeyType) -> Option<Key> {
        match self {
            Self::Ip(ip) => wanted.of_ip(*ip),
            Self::Int(n) => wanted.of_int(*n),
            Self::Bool(b) => wanted.of_int(i64::from(*b)),
            Self::Str(s) | Self::Bin(s) | Self::Method(s) => wanted.of_bytes(s),
        }
    }

    /// Shows the value's text without allocating.
    pub fn with_text<T>(&self, f: impl FnOnce(&[u8]) -> T) -> T {
        let mut small = Small::default();
        match self {
            Self::Str(s) | Self::Bin(s) | Self::Method(s) => return f(s),
            Self::Bool(b) => return f(if *b { b"1" } else { b"0" }),
            // Writing a number or an address into 48 bytes cannot fail.
            Self::Int(n) => drop(write!(small, "{n}")),
            Self::Ip(ip) => drop(write!(small, "{ip}")),
        }
        f(small.as_slice())
    }

    /// Shows the value's bytes without allocating.
    pub fn with_bytes<T>(&self, f: impl FnOnce(&[u8]) -> T) -> T {
        match self {
            Self::Str(s) | Self::Bin(s) | Self::Method(s) => f(s),
            Self::Bool(b) => f(&i64::from(*b).to_be_bytes()),
            Self::Int(n) => f(&n.to_be_bytes()),
            Self::Ip(IpAddr::V4(ip)) => f(&ip.octets()),
            Self::Ip(IpAddr::V6(ip)) => f(&ip.octets()),
        }
    }
}

/// The number text begins with: a sign, then digits; 0 without any. Saturates.
pub(crate) fn leading_int(text: &[u8]) -> i64 {
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    digits.iter().take_while(|b| b.is_ascii_digit()).fold(0i64, |n, b| {
        let digit = i64::from(b - b'0');
        n.saturating_mul(10).saturating_add(if negative { -digit } else { digit })
    })
}

/// The IPv4 address inside an IPv6 one: `::ffff:a.b.c.d`, `::a.b.c.d` or `2002:aabb:ccdd::`.
pub(crate) fn embedded_ipv4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let o = ip.octets();
    match ip.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, _, _] => Some(Ipv4Addr::new(o[12], o[13], o[14], o[15])),
        [0x2002, ..] => Some(Ipv4Addr::new(o[2], o[3], o[4], o[5])),
        _ => None,
    }
}

/// A buffer long enough for any number or address: 39 characters, 45 for an IPv6 address that
/// shows an IPv4 one.
struct Small {
    bytes: [u8; 48],
    len: usize,
}

impl Default for Small {
    fn default() -> Self {
        Self { bytes: [0; 48], len: 0 }
    }
}

impl Small {
    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }
}

impl fmt::Write for Small {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let end = self.len + s.len();
        self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(s.as_bytes());
        self.len = end;
        Ok(())
    }
}
