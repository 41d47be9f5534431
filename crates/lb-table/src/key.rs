//! Keys: what entries are found by.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The type of a table's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// IPv4 addresses.
    Ip,
    /// IPv6 addresses.
    Ipv6,
    /// Numbers of 32 bits.
    Integer,
    /// Text, cut to this many bytes.
    String(usize),
    /// Bytes, cut or filled with zeroes to this length.
    Binary(usize),
}

impl KeyType {
    /// The word of the heading of `show table`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ip => "ip",
            Self::Ipv6 => "ipv6",
            Self::Integer => "integer",
            Self::String(_) => "string",
            Self::Binary(_) => "binary",
        }
    }

    /// The key of this type for an address. An IPv6 address is no IPv4 key unless it holds an IPv4 address.
    pub fn of_ip(self, ip: IpAddr) -> Option<Key> {
        match (self, ip) {
            (Self::Ip, IpAddr::V4(ip)) => Some(Key::Ip(ip)),
            (Self::Ip, IpAddr::V6(ip)) => embedded(ip).map(Key::Ip),
            (Self::Ipv6, IpAddr::V4(ip)) => Some(Key::Ipv6(ip.to_ipv6_mapped())),
            (Self::Ipv6, IpAddr::V6(ip)) => Some(Key::Ipv6(ip)),
            (Self::Integer, IpAddr::V4(ip)) => Some(Key::Integer(u32::from(ip))),
            (Self::Integer, IpAddr::V6(_)) => None,
            (Self::String(_), ip) => self.of_bytes(ip.to_string().as_bytes()),
            (Self::Binary(_), IpAddr::V4(ip)) => self.of_bytes(&ip.octets()),
            (Self::Binary(_), IpAddr::V6(ip)) => self.of_bytes(&ip.octets()),
        }
    }

    /// The key of this type for a number: its low 32 bits.
    pub fn of_int(self, n: i64) -> Option<Key> {
        match self {
            Self::Integer => Some(Key::Integer(n as u32)),
            Self::Ip | Self::Ipv6 => self.of_ip(IpAddr::V4(Ipv4Addr::from(n as u32))),
            Self::String(_) => self.of_bytes(n.to_string().as_bytes()),
            Self::Binary(_) => self.of_bytes(&n.to_be_bytes()),
        }
    }

    /// The key of this type for text or bytes. Text that is empty is no key.
    pub fn of_bytes(self, bytes: &[u8]) -> Option<Key> {
        match self {
            Self::String(len) => (!bytes.is_empty()).then(|| Key::Bytes(bytes.get(..len).unwrap_or(bytes).into())),
            Self::Binary(len) => {
                let mut key = bytes.get(..len).unwrap_or(bytes).to_vec();
                key.resize(len, 0);
                Some(Key::Bytes(key.into()))
            }
            Self::Ip | Self::Ipv6 => self.of_ip(std::str::from_utf8(bytes).ok()?.parse().ok()?),
            Self::Integer => self.of_int(leading_int(bytes)?),
        }
    }

    /// The key that an operator's word names. `None`: it is none of this type, or the type cannot be typed.
    pub fn typed(self, word: &str) -> Option<Key> {
        match self {
            Self::Ip => word.parse().ok().map(Key::Ip),
            Self::Ipv6 => word.parse().ok().map(Key::Ipv6),
            Self::Integer => leading_int(word.as_bytes()).and_then(|n| u32::try_from(n).ok()).map(Key::Integer),
            Self::String(_) => self.of_bytes(word.as_bytes()),
            Self::Binary(_) => None,
        }
    }
}

/// The digits text begins with.
fn leading_int(bytes: &[u8]) -> Option<i64> {
    let digits = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    let text = std::str::from_utf8(bytes.get(..digits)?).ok()?;
    text.parse().ok()
}

/// The IPv4 address inside an IPv6 one: `::ffff:a.b.c.d`, `::a.b.c.d` or `2002:aabb:ccdd::`.
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let [.., a, b, c, d] = ip.octets();
    match ip.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, _, _] => Some(Ipv4Addr::new(a, b, c, d)),
        [0x2002, high, low, ..] => Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))),
        _ => None,
    }
}

/// A key. Ordered as `show table` lists entries.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// An IPv4 address.
    Ip(Ipv4Addr),
    /// An IPv6 address.
    Ipv6(Ipv6Addr),
    /// A number.
    Integer(u32),
    /// Text or bytes.
    Bytes(Box<[u8]>),
}

impl Key {
    /// The key as `show table` prints it for this type: text with escapes, bytes in hexadecimal.
    pub fn shown(&self, as_type: KeyType) -> Shown<'_> {
        Shown { key: self, hexadecimal: matches!(as_type, KeyType::Binary(_)) }
    }
}

/// A key on its way to a line.
#[derive(Debug)]
pub struct Shown<'a> {
    key: &'a Key,
    hexadecimal: bool,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key {
            Key::Ip(ip) => write!(f, "{ip}"),
            Key::Ipv6(ip) => write!(f, "{ip}"),
            Key::Integer(n) => write!(f, "{n}"),
            Key::Bytes(bytes) if self.hexadecimal => bytes.iter().try_for_each(|b| write!(f, "{b:02X}")),
            Key::Bytes(bytes) => bytes.iter().try_for_each(|&b| match b {
                b'\t' => f.write_str("\\t"),
                b'\n' => f.write_str("\\n"),
                b'\r' => f.write_str("\\r"),
                0x1b => f.write_str("\\e"),
                b'\\' | b'=' | b' ' => write!(f, "\\{}", char::from(b)),
                0x21..=0x7e => write!(f, "{}", char::from(b)),
                _ => write!(f, "\\x{b:02x}"),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_keys_of_the_tables_type() {
        let shown = |t: KeyType, key: Option<Key>| key.map_or("-".to_owned(), |key| key.shown(t).to_string());
        let of_ip = |t: KeyType, ip: &str| shown(t, t.of_ip(ip.parse().unwrap()));
        assert_eq!(of_ip(KeyType::Ip, "::ffff:1.2.3.4"), "1.2.3.4");
        assert_eq!(of_ip(KeyType::Ip, "2002:102:304::1"), "1.2.3.4");
        assert_eq!(of_ip(KeyType::Ip, "2001::1"), "-");
        assert_eq!(of_ip(KeyType::Ipv6, "1.2.3.4"), "::ffff:1.2.3.4");
        assert_eq!(of_ip(KeyType::Integer, "0.0.1.1"), "257");
        assert_eq!(of_ip(KeyType::String(4), "1.2.3.4"), "1.2.");
        assert_eq!(of_ip(KeyType::Binary(5), "1.2.3.4"), "0102030400");
        let of_bytes = |t: KeyType, text: &[u8]| shown(t, t.of_bytes(text));
        assert_eq!(of_bytes(KeyType::String(40), b"a b\"c=\\\x01"), "a\\ b\"c\\=\\\\\\x01");
        assert_eq!(of_bytes(KeyType::Binary(4), b"ab"), "61620000");
        assert_eq!(of_bytes(KeyType::Integer, b"12x"), "12");
        assert_eq!(of_bytes(KeyType::Integer, b"x"), "-");
        assert_eq!(of_bytes(KeyType::String(3), b""), "-");
        assert_eq!(shown(KeyType::Integer, KeyType::Integer.of_int(-1)), "4294967295");
    }

    #[test]
    fn operators_type_keys() {
        assert_eq!(KeyType::Ip.typed("1.2.3.4"), Some(Key::Ip([1, 2, 3, 4].into())));
        assert_eq!(KeyType::Ip.typed("notip"), None);
        assert_eq!(KeyType::Ipv6.typed("1.2.3.4"), None);
        assert_eq!(KeyType::Integer.typed("7x"), Some(Key::Integer(7)));
        assert_eq!((KeyType::Integer.typed("-3"), KeyType::Integer.typed("foo")), (None, None));
        assert_eq!(KeyType::Binary(4).typed("abcd"), None);
    }
}
