//! Headers for servers.

use super::{SIGNATURE, crc32c, kind};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Extensions of a header of version 2.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extensions {
    bytes: Vec<u8>,
    checksum: bool,
}

/// Facts of a client's TLS connection, for [`Extensions::ssl`].
#[derive(Debug, Clone, Copy, Default)]
pub struct SslFacts<'a> {
    /// `TLSv1.3`; empty: the connection is plain.
    pub version: &'a str,
    /// The client showed a certificate.
    pub certified: bool,
    /// The verdict on it; 0: it is believed.
    pub verdict: u32,
    /// Its common name, where it is wanted.
    pub common_name: Option<&'a str>,
    /// Algorithm of the proxy's key, where it is wanted.
    pub key_algorithm: Option<&'a str>,
    /// Algorithm of the signature under the proxy's certificate, where it is wanted.
    pub signature_algorithm: Option<&'a str>,
    /// Cipher suite, where it is wanted.
    pub cipher: Option<&'a str>,
}

impl Extensions {
    /// None yet but perhaps a checksum.
    pub fn new(checksum: bool) -> Self {
        Self { bytes: Vec::new(), checksum }
    }

    /// Adds one; what would not fit into a header is left out.
    pub fn push(&mut self, kind: u8, value: &[u8]) {
        if let Ok(length) = u16::try_from(value.len())
            && self.bytes.len() + value.len() + 3 <= usize::from(u16::MAX / 2)
        {
            self.bytes.push(kind);
            self.bytes.extend_from_slice(&length.to_be_bytes());
            self.bytes.extend_from_slice(value);
        }
    }

    /// Adds the facts of a TLS connection.
    pub fn ssl(&mut self, facts: &SslFacts<'_>) {
        let mut inner = Self::default();
        let mut flags = 0;
        if !facts.version.is_empty() {
            flags |= 0x01;
            inner.push(kind::SSL_VERSION, facts.version.as_bytes());
            if facts.certified {
                // On this connection, and in this session.
                flags |= 0x02 | 0x04;
            }
            let wanted = [
                (kind::SSL_CN, facts.common_name.filter(|_| facts.certified)),
                (kind::SSL_KEY_ALG, facts.key_algorithm),
                (kind::SSL_SIG_ALG, facts.signature_algorithm),
                (kind::SSL_CIPHER, facts.cipher),
            ];
            for (kind, text) in wanted {
                if let Some(text) = text {
                    inner.push(kind, text.as_bytes());
                }
            }
        }
        let mut value = vec![flags];
        value.extend_from_slice(&facts.verdict.to_be_bytes());
        value.extend_from_slice(&inner.bytes);
        self.push(kind::SSL, &value);
    }
}

/// A header of version 1 for a connection from one address to another; `None`: it has none that can be told.
pub fn v1(addresses: Option<(SocketAddr, SocketAddr)>) -> Vec<u8> {
    let Some((source, destination)) = addresses else { return b"PROXY UNKNOWN\r\n".to_vec() };
    let (from, to) = of_one_family(source.ip(), destination.ip());
    let family = if from.is_ipv4() { "TCP4" } else { "TCP6" };
    format!("PROXY {family} {from} {to} {} {}\r\n", source.port(), destination.port()).into_bytes()
}

/// A header of version 2; without addresses the connection is said to be the proxy's own.
pub fn v2(addresses: Option<(SocketAddr, SocketAddr)>, extensions: &Extensions) -> Vec<u8> {
    let mut body = Vec::with_capacity(64 + extensions.bytes.len());
    let mut family = 0;
    if let Some((source, destination)) = addresses {
        match of_one_family(source.ip(), destination.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                family = 0x11;
                body.extend_from_slice(&from.octets());
                body.extend_from_slice(&to.octets());
            }
            (from, to) => {
                family = 0x21;
                body.extend_from_slice(&in_v6(from).octets());
                body.extend_from_slice(&in_v6(to).octets());
            }
        }
        body.extend_from_slice(&source.port().to_be_bytes());
        body.extend_from_slice(&destination.port().to_be_bytes());
    }
    let sum_at = extensions.checksum.then_some(SIGNATURE.len() + 4 + body.len() + 3);
    if extensions.checksum {
        body.extend_from_slice(&[kind::CRC32C, 0, 4, 0, 0, 0, 0]);
    }
    body.extend_from_slice(&extensions.bytes);
    let mut header = SIGNATURE.to_vec();
    header.extend_from_slice(&[0x20 | u8::from(addresses.is_some()), family]);
    // Extensions are kept short enough.
    header.extend_from_slice(&u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes());
    header.extend_from_slice(&body);
    if let Some(at) = sum_at {
        let sum = crc32c(&header).to_be_bytes();
        if let Some(room) = header.get_mut(at..at + 4) {
            room.copy_from_slice(&sum);
        }
    }
    header
}

/// Both addresses in the family of the wider one.
fn of_one_family(a: IpAddr, b: IpAddr) -> (IpAddr, IpAddr) {
    match (a, b) {
        (IpAddr::V4(_), IpAddr::V4(_)) => (a, b),
        _ => (in_v6(a).into(), in_v6(b).into()),
    }
}

fn in_v6(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    fn pair(from: &str, to: &str) -> Option<(SocketAddr, SocketAddr)> {
        Some((from.parse().unwrap(), to.parse().unwrap()))
    }

    #[test]
    fn the_first_version_is_a_line() {
        let text = |addresses| String::from_utf8(v1(addresses)).unwrap();
        assert_eq!(text(pair("1.2.3.4:5", "6.7.8.9:10")), "PROXY TCP4 1.2.3.4 6.7.8.9 5 10\r\n");
        assert_eq!(text(pair("[::1]:5", "[2001:db8::2]:10")), "PROXY TCP6 ::1 2001:db8::2 5 10\r\n");
        assert_eq!(text(pair("1.2.3.4:5", "[::2]:10")), "PROXY TCP6 ::ffff:1.2.3.4 ::2 5 10\r\n");
        assert_eq!(text(None), "PROXY UNKNOWN\r\n");
    }

    /// As HAProxy 2.6 sent them.
    #[test]
    fn the_second_version_is_as_observed() {
        let plain = v2(pair("127.0.0.1:37850", "127.0.0.1:17104"), &Extensions::default());
        assert_eq!(plain, b"\r\n\r\n\0\r\nQUIT\n!\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01\x93\xdaB\xd0");
        assert_eq!(v2(None, &Extensions::default()), b"\r\n\r\n\0\r\nQUIT\n \0\0\0");
        let mut all = Extensions::new(true);
        all.push(kind::ALPN, b"http/1.1");
        all.push(kind::AUTHORITY, b"front.example");
        all.push(kind::UNIQUE_ID, b"u0-1795237141");
        all.ssl(&SslFacts {
            version: "TLSv1.3",
            certified: true,
            verdict: 0,
            common_name: Some("client1"),
            key_algorithm: Some("RSA2048"),
            signature_algorithm: Some("RSA-SHA256"),
            cipher: Some("TLS_AES_256_GCM_SHA384"),
        });
        let seen = b"\r\n\r\n\0\r\nQUIT\n!\x11\0\x8a\x7f\0\0\x01\x7f\0\0\x01\xbeNC4\x03\0\x04\x14\x98\xe8\x07\
            \x01\0\x08http/1.1\x02\0\rfront.example\x05\0\ru0-1795237141 \0I\x07\0\0\0\0!\0\x07TLSv1.3\"\0\x07client1\
            %\0\x07RSA2048$\0\nRSA-SHA256#\0\x16TLS_AES_256_GCM_SHA384";
        let sent = v2(pair("127.0.0.1:48718", "127.0.0.1:17204"), &all);
        assert_eq!(String::from_utf8_lossy(&sent), String::from_utf8_lossy(seen));
        assert_eq!(sent, seen);
        let mut plain = Extensions::default();
        plain.ssl(&SslFacts::default());
        assert_eq!(v2(None, &plain), b"\r\n\r\n\0\r\nQUIT\n \0\0\x08 \0\x05\0\0\0\0\0");
    }

    #[test]
    fn what_is_written_is_read() {
        let mut extensions = Extensions::new(true);
        extensions.push(kind::UNIQUE_ID, b"id");
        for addresses in [None, pair("1.2.3.4:5", "6.7.8.9:10"), pair("[::1]:5", "[::2]:10")] {
            let header = read(&v1(addresses)).unwrap().unwrap();
            assert_eq!((header.addresses, header.length), (addresses, v1(addresses).len()));
            let bytes = v2(addresses, &extensions);
            let header = read(&bytes).unwrap().unwrap();
            assert_eq!((header.addresses, header.length), (addresses, bytes.len()));
            assert_eq!(header.extension(kind::UNIQUE_ID), Some(&b"id"[..]));
        }
    }
}
