//! A client's header.

use super::{SIGNATURE, crc32c, kind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Most bytes of a line of version 1, its end included.
pub const LONGEST_V1: usize = 107;
/// Most bytes of a header of version 2 that is read.
pub const LONGEST_V2: usize = 16_384;

/// What a header says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// Its bytes.
    pub length: usize,
    /// From and to which address the connection was made; `None`: the connection's own count.
    pub addresses: Option<(SocketAddr, SocketAddr)>,
    extensions: Vec<u8>,
}

/// Why a header is refused, in HAProxy's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is none.
    NotHeader,
    /// It is malformed.
    Invalid,
    /// It is about something else than TCP.
    Unhandled,
    /// It ended too early.
    Truncated,
}

impl Refusal {
    /// What the log line says.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotHeader => "Received something which does not look like a PROXY protocol header",
            Self::Invalid => "Received an invalid PROXY protocol header",
            Self::Unhandled => "Received an unhandled protocol in the PROXY protocol header",
            Self::Truncated => "Truncated PROXY protocol header received",
        }
    }
}

impl Header {
    /// The first extension of that type.
    pub fn extension(&self, kind: u8) -> Option<&[u8]> {
        extensions(&self.extensions).flatten().find(|(found, _)| *found == kind).map(|(_, value)| value)
    }

    /// All of them.
    pub fn extensions(&self) -> impl Iterator<Item = (u8, &[u8])> {
        extensions(&self.extensions).flatten()
    }
}

/// Reads the header that bytes begin with; `None`: more are needed.
///
/// # Errors
/// What is wrong with it.
pub fn read(bytes: &[u8]) -> Result<Option<Header>, Refusal> {
    let begins = |word: &[u8]| bytes.iter().zip(word).all(|(a, b)| a == b);
    if begins(b"PROXY ") {
        return if bytes.len() < 6 { Ok(None) } else { line(bytes) };
    }
    if begins(&SIGNATURE) {
        return if bytes.len() < 16 { Ok(None) } else { binary(bytes) };
    }
    Err(Refusal::NotHeader)
}

fn line(bytes: &[u8]) -> Result<Option<Header>, Refusal> {
    let within = bytes.get(..LONGEST_V1).unwrap_or(bytes);
    let Some(end) = within.iter().position(|b| *b == b'\n') else {
        return if bytes.len() < LONGEST_V1 { Ok(None) } else { Err(Refusal::Invalid) };
    };
    let text = within.get(6..end).and_then(|text| text.strip_suffix(b"\r")).ok_or(Refusal::Invalid)?;
    let text = std::str::from_utf8(text).map_err(|_| Refusal::Invalid)?;
    let header = |addresses| Ok(Some(Header { length: end + 1, addresses, extensions: Vec::new() }));
    let words: Vec<&str> = text.split(' ').collect();
    match words.as_slice() {
        // Whatever follows says nothing.
        ["UNKNOWN", ..] => header(None),
        [family @ ("TCP4" | "TCP6"), source, destination, from, to] => {
            let ip = |text: &str| -> Option<IpAddr> {
                match *family {
                    "TCP4" => text.parse().map(IpAddr::V4).ok(),
                    _ => text.parse().map(IpAddr::V6).ok(),
                }
            };
            let port = |text: &str| text.parse::<u16>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
            let address = |name, number| Some(SocketAddr::new(ip(name)?, port(number)?));
            match (address(source, from), address(destination, to)) {
                (Some(source), Some(destination)) => header(Some((source, destination))),
                _ => Err(Refusal::Invalid),
            }
        }
        ["TCP4" | "TCP6", ..] => Err(Refusal::Invalid),
        _ => Err(Refusal::Unhandled),
    }
}

fn binary(bytes: &[u8]) -> Result<Option<Header>, Refusal> {
    let at = |i: usize| bytes.get(i).copied().unwrap_or_default();
    let (command, family) = (at(12), at(13));
    let length = SIGNATURE.len() + 4 + usize::from(u16::from_be_bytes([at(14), at(15)]));
    if !matches!(command, 0x20 | 0x21) || length > LONGEST_V2 {
        return Err(Refusal::Invalid);
    }
    let Some(whole) = bytes.get(..length) else { return Ok(None) };
    let body = whole.get(16..).unwrap_or_default();
    let (addresses, taken) = match (command, family) {
        // The proxy's own connection, a check for example, or one without addresses: whatever follows may be padding.
        (_, 0x00) => {
            let sound = extensions(body).all(|extension| extension.is_some()) && sums_up(whole, 16);
            let extensions = if sound { body.to_vec() } else { Vec::new() };
            return Ok(Some(Header { length, addresses: None, extensions }));
        }
        (_, 0x11) => (v4(body), 12),
        (_, 0x21) => (v6(body), 36),
        // Addresses that name nobody here.
        (_, 0x31) => (None, 216),
        _ => return Err(Refusal::Unhandled),
    };
    let rest = body.get(taken..).ok_or(Refusal::Invalid)?;
    if extensions(rest).any(|extension| extension.is_none()) || !sums_up(whole, 16 + taken) {
        return Err(Refusal::Invalid);
    }
    let addresses = addresses.filter(|_| command == 0x21);
    Ok(Some(Header { length, addresses, extensions: rest.to_vec() }))
}

fn v4(body: &[u8]) -> Option<(SocketAddr, SocketAddr)> {
    let ip = |at: usize| Some(Ipv4Addr::from(<[u8; 4]>::try_from(body.get(at..at + 4)?).ok()?));
    Some((SocketAddr::new(ip(0)?.into(), port(body, 8)?), SocketAddr::new(ip(4)?.into(), port(body, 10)?)))
}

fn v6(body: &[u8]) -> Option<(SocketAddr, SocketAddr)> {
    let ip = |at: usize| Some(Ipv6Addr::from(<[u8; 16]>::try_from(body.get(at..at + 16)?).ok()?));
    Some((SocketAddr::new(ip(0)?.into(), port(body, 32)?), SocketAddr::new(ip(16)?.into(), port(body, 34)?)))
}

fn port(body: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(<[u8; 2]>::try_from(body.get(at..at + 2)?).ok()?))
}

/// The extensions in order; `None` where one is cut off, which ends them.
fn extensions(bytes: &[u8]) -> impl Iterator<Item = Option<(u8, &[u8])>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let taken = rest.split_first_chunk::<3>().and_then(|([kind, high, low], after)| {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            Some((*kind, after.get(..length)?, after.get(length..)?))
        });
        rest = taken.map_or(&[], |(_, _, after)| after);
        Some(taken.map(|(kind, value, _)| (kind, value)))
    })
}

/// Whether the checksum is right, if there is one.
fn sums_up(whole: &[u8], from: usize) -> bool {
    let mut at = from;
    for (found, value) in extensions(whole.get(from..).unwrap_or_default()).flatten() {
        if found == kind::CRC32C {
            let Ok(said) = <[u8; 4]>::try_from(value) else { return false };
            let mut blank = whole.to_vec();
            if let Some(room) = blank.get_mut(at + 3..at + 7) {
                room.fill(0);
            }
            return crc32c(&blank) == u32::from_be_bytes(said);
        }
        at += 3 + value.len();
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &[u8]) -> Refusal {
        read(bytes).unwrap_err()
    }

    fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, body].concat()
    }

    const ADDRESSES: [u8; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 4, 87, 8, 174];

    #[test]
    fn a_line_is_read_when_it_is_complete() {
        let line = b"PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n";
        for end in 0..line.len() {
            assert_eq!(read(&line[..end]), Ok(None), "{end}");
        }
        let header = read(&[&line[..], b"GET / HTTP/1.1\r\n"].concat()).unwrap().unwrap();
        assert_eq!(header.length, line.len());
        assert_eq!(header.addresses, Some(("1.2.3.4:1111".parse().unwrap(), "5.6.7.8:2222".parse().unwrap())));
        let unknown = read(b"PROXY UNKNOWN ffff:: 1 2 3\r\n").unwrap().unwrap();
        assert_eq!((unknown.addresses, unknown.length), (None, 28));
    }

    #[test]
    fn lines_that_are_wrong_are_refused() {
        assert_eq!(refusal(b"GET / HTTP/1.1\r\n"), Refusal::NotHeader);
        assert_eq!(refusal(b"proxy TCP4"), Refusal::NotHeader);
        for line in [
            "PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\n",
            "PROXY TCP4 1.2.3 5.6.7.8 1111 2222\r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 111111 2222\r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 +11 2222\r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8\r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222 x\r\n",
            "PROXY TCP6 1.2.3.4 5.6.7.8 1111 2222\r\n",
        ] {
            assert_eq!(refusal(line.as_bytes()), Refusal::Invalid, "{line}");
        }
        assert_eq!(refusal(b"PROXY TCP5 1.2.3.4 5.6.7.8 1111 2222\r\n"), Refusal::Unhandled);
        assert_eq!(refusal(b"PROXY  TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n"), Refusal::Unhandled);
        assert_eq!(refusal(&[b"PROXY UNKNOWN ", &b"x".repeat(200)[..]].concat()), Refusal::Invalid);
    }

    #[test]
    fn binary_headers_are_read_and_judged() {
        let header = |bytes: &[u8]| read(bytes).unwrap().unwrap();
        let whole = v2(0x21, 0x11, &ADDRESSES);
        for end in 0..whole.len() {
            assert_eq!(read(&whole[..end]), Ok(None), "{end}");
        }
        let addresses = Some(("1.2.3.4:1111".parse().unwrap(), "5.6.7.8:2222".parse().unwrap()));
        assert_eq!(header(&whole).addresses, addresses);
        let local = header(&v2(0x20, 0x11, &ADDRESSES));
        assert_eq!((local.addresses, local.length), (None, 28));
        assert_eq!(header(&v2(0x20, 0, b"whatever")).length, 24);
        let named = header(&v2(0x21, 0x11, &[&ADDRESSES[..], b"\x02\0\x04host\x05\0\x03uid"].concat()));
        assert_eq!(named.extension(kind::AUTHORITY), Some(&b"host"[..]));
        assert_eq!(named.extensions().count(), 2);
        for bad in [
            v2(0x31, 0x11, &ADDRESSES),
            v2(0x22, 0x11, &ADDRESSES),
            v2(0x21, 0x11, &ADDRESSES[..8]),
            v2(0x21, 0x11, &[&ADDRESSES[..], b"\x02\0\x44host"].concat()),
            v2(0x21, 0x11, &[&ADDRESSES[..], b"\x02\0"].concat()),
            v2(0x21, 0x11, &[&ADDRESSES[..], b"\x03\0\x04\x01\x02\x03\x04"].concat()),
            v2(0x21, 0x11, &[&ADDRESSES[..], &vec![0; 40_000]].concat()),
        ] {
            assert_eq!(refusal(&bad), Refusal::Invalid);
        }
        assert_eq!(refusal(&v2(0x21, 0x12, &ADDRESSES)), Refusal::Unhandled);
    }
}
