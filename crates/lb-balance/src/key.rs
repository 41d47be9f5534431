//! What is hashed, and how.

use lb_model::hash::{HashFunction, avalanche};
use std::net::IpAddr;

/// `hash-type`'s function and modifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyHash {
    /// The function.
    pub function: HashFunction,
    /// Whether its output is spread.
    pub avalanche: bool,
}

impl KeyHash {
    /// What holds when only the method is given: consistent hashing spreads, the map does not.
    pub const fn default_for(consistent: bool) -> Self {
        Self { function: HashFunction::Sdbm, avalanche: consistent }
    }

    /// The hash of text: a path, a header, a parameter.
    pub fn bytes(self, key: &[u8]) -> u32 {
        self.finish(self.function.hash(key))
    }

    /// The hash of an address (`balance source`): an IPv4 address is its own hash whatever the function.
    pub fn address(self, ip: IpAddr) -> u32 {
        self.finish(match ip {
            IpAddr::V4(ip) => u32::from(ip),
            IpAddr::V6(ip) => {
                let octets = ip.octets();
                let (words, _) = octets.as_chunks::<4>();
                words.iter().fold(0, |hash, word| hash ^ u32::from_be_bytes(*word))
            }
        })
    }

    fn finish(self, hash: u32) -> u32 {
        if self.avalanche { avalanche(hash) } else { hash }
    }
}

/// Which part of the URI `balance uri` hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UriPart {
    /// `whole`: the query too.
    pub whole: bool,
    /// `len`: at most so many bytes; 0 for all.
    pub len: usize,
    /// `depth`: at most so many directories; 0 for all.
    pub depth: usize,
    /// `path-only`: from the first slash of the path.
    pub path_only: bool,
}

impl UriPart {
    /// The part of this URI.
    pub fn of(self, uri: &[u8]) -> &[u8] {
        let uri = if self.path_only { path_of(uri) } else { uri };
        let mut slashes = 0;
        let end = uri.iter().position(|b| match b {
            b'?' => !self.whole,
            b'/' => {
                slashes += 1;
                self.depth > 0 && slashes > self.depth
            }
            _ => false,
        });
        let end = end.unwrap_or(uri.len());
        uri.get(..if self.len > 0 { end.min(self.len) } else { end }).unwrap_or_default()
    }
}

fn path_of(uri: &[u8]) -> &[u8] {
    let after_scheme =
        uri.windows(3).position(|w| w == b"://").filter(|_| !uri.starts_with(b"/")).map_or(0, |at| at + 3);
    let rest = uri.get(after_scheme..).unwrap_or_default();
    rest.iter().position(|b| *b == b'/').and_then(|at| rest.get(at..)).unwrap_or_default()
}

/// The parameter of a URI's query that `balance url_param` hashes; an empty value counts as none.
pub fn url_parameter<'a>(uri: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let query = uri.iter().position(|b| *b == b'?').and_then(|at| uri.get(at + 1..))?;
    query
        .split(|b| matches!(b, b'&' | b';'))
        .find_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
        .filter(|value| !value.is_empty())
}

/// The label that `balance hdr(host) use_domain_only` hashes: the one before the top-level domain
/// (`1wt` of `haproxy.1wt.eu`); the whole when there is only one.
pub fn main_domain(host: &[u8]) -> &[u8] {
    let end = host.iter().position(|b| *b == b':').unwrap_or(host.len());
    let mut labels = host.get(..end).unwrap_or_default().rsplit(|b| *b == b'.');
    match (labels.next(), labels.next()) {
        (_, Some(label)) if !label.is_empty() => label,
        (Some(only), _) => only,
        (None, _) => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uri_parts() {
        let of = |part: UriPart, uri: &str| String::from_utf8_lossy(part.of(uri.as_bytes())).into_owned();
        let plain = UriPart::default();
        assert_eq!(of(plain, "/a/b?x"), "/a/b");
        assert_eq!(of(UriPart { whole: true, ..plain }, "/a/b?x"), "/a/b?x");
        assert_eq!(of(UriPart { len: 3, ..plain }, "/a/b?x"), "/a/");
        assert_eq!(of(UriPart { depth: 1, ..plain }, "/a/b/c"), "/a");
        assert_eq!(of(UriPart { depth: 2, len: 2, ..plain }, "/a/b/c"), "/a");
        assert_eq!(of(plain, "http://h/a"), "http://h/a");
        assert_eq!(of(UriPart { path_only: true, ..plain }, "http://h/a?b"), "/a");
    }

    #[test]
    fn parameters_and_domains() {
        assert_eq!(url_parameter(b"/?a=1&b=2;c=3", "c"), Some(&b"3"[..]));
        assert_eq!(url_parameter(b"/?ab=1&b=", "b"), None);
        assert_eq!(url_parameter(b"/", "b"), None);
        assert_eq!(main_domain(b"haproxy.1wt.eu:80"), b"1wt");
        assert_eq!(main_domain(b"www.bb.co.uk"), b"co");
        assert_eq!(main_domain(b"localhost"), b"localhost");
        assert_eq!(main_domain(b"ab."), b"ab");
        assert_eq!(main_domain(b".ab"), b"ab");
        assert_eq!(main_domain(b""), b"");
    }
}
