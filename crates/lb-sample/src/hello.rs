//! TLS's first message as seen from outside: what a ClientHello says before anything is secured (RFC 8446, 4.1.2).

/// What the bytes at the start of a connection are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen<T> {
    /// More bytes are needed to tell.
    Partly,
    /// They are no TLS.
    Other,
    /// They are.
    Hello(T),
}

/// A ClientHello's parts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ClientHello<'b> {
    /// Versions as major and minor number: of the record, and of the hello.
    pub record_version: (u8, u8),
    /// The version the hello asks for, that of TLS 1.2 for later ones.
    pub version: (u8, u8),
    /// The cipher suites, two bytes each.
    pub ciphers: &'b [u8],
    extensions: &'b [u8],
}

/// A reader of lengths and parts.
struct Parts<'b>(&'b [u8]);

impl<'b> Parts<'b> {
    fn take(&mut self, n: usize) -> Option<&'b [u8]> {
        let (part, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(part)
    }

    fn number(&mut self, bytes: usize) -> Option<usize> {
        Some(self.take(bytes)?.iter().fold(0, |n, b| n << 8 | usize::from(*b)))
    }

    /// A part that begins with its length in so many bytes.
    fn sized(&mut self, bytes: usize) -> Option<&'b [u8]> {
        let n = self.number(bytes)?;
        self.take(n)
    }
}

const HANDSHAKE: u8 = 22;

/// The type of the first handshake message: 1 of a client's hello, 2 of a server's.
pub(crate) fn handshake_type(bytes: &[u8]) -> Seen<u8> {
    match bytes {
        [HANDSHAKE, 3, _, _, _, kind, ..] => Seen::Hello(*kind),
        [HANDSHAKE, 3, ..] | [HANDSHAKE] | [] => Seen::Partly,
        _ => Seen::Other,
    }
}

/// The first message of a client, once it is whole.
pub(crate) fn client_hello(bytes: &[u8]) -> Seen<ClientHello<'_>> {
    match handshake_type(bytes) {
        Seen::Partly => return Seen::Partly,
        Seen::Hello(1) => {}
        _ => return Seen::Other,
    }
    let mut record = Parts(bytes);
    let (Some(head), Some(len)) = (record.take(3), record.number(2)) else { return Seen::Partly };
    let Some(body) = record.take(len) else { return Seen::Partly };
    let version = |pair: &[u8]| (pair.first().copied().unwrap_or(0), pair.get(1).copied().unwrap_or(0));
    let record_version = version(head.get(1..).unwrap_or_default());
    match hello(body, record_version, version) {
        Some(hello) => Seen::Hello(hello),
        None => Seen::Other,
    }
}

fn hello<'b>(body: &'b [u8], record_version: (u8, u8), version: impl Fn(&[u8]) -> (u8, u8)) -> Option<ClientHello<'b>> {
    let mut message = Parts(body);
    message.take(1)?;
    let mut hello = Parts(message.sized(3)?);
    let version = version(hello.take(2)?);
    hello.take(32)?;
    hello.sized(1)?;
    let ciphers = hello.sized(2)?;
    hello.sized(1)?;
    // Extensions may be left out.
    let extensions = hello.sized(2).unwrap_or_default();
    Some(ClientHello { record_version, version, ciphers, extensions })
}

impl<'b> ClientHello<'b> {
    /// The content of an extension.
    pub fn extension(&self, kind: usize) -> Option<&'b [u8]> {
        let mut all = Parts(self.extensions);
        loop {
            let found = all.number(2)?;
            let content = all.sized(2)?;
            if found == kind {
                return Some(content);
            }
        }
    }

    /// The name of the server that is wanted (RFC 6066, 3).
    pub fn server_name(&self) -> Option<&'b [u8]> {
        let mut names = Parts(Parts(self.extension(0)?).sized(2)?);
        loop {
            let kind = names.number(1)?;
            let name = names.sized(2)?;
            if kind == 0 {
                return Some(name);
            }
        }
    }

    /// The protocols offered (RFC 7301).
    pub fn protocols(&self) -> Vec<&'b [u8]> {
        let Some(list) = self.extension(16).and_then(|content| Parts(content).sized(2)) else { return Vec::new() };
        let mut list = Parts(list);
        std::iter::from_fn(move || list.sized(1)).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A hello for that name and these protocols.
    pub(crate) fn bytes(name: &str, protocols: &[&str]) -> Vec<u8> {
        let sized = |bytes: usize, content: &[u8]| {
            let mut out = content.len().to_be_bytes()[8 - bytes..].to_vec();
            out.extend_from_slice(content);
            out
        };
        let server = [vec![0], sized(2, name.as_bytes())].concat();
        let offered: Vec<u8> = protocols.iter().flat_map(|p| sized(1, p.as_bytes())).collect();
        let extensions = [
            vec![0, 10],
            sized(2, &[0, 2, 0, 29]),
            vec![0, 0],
            sized(2, &sized(2, &server)),
            vec![0, 16],
            sized(2, &sized(2, &offered)),
        ]
        .concat();
        let hello = [
            vec![3, 3],
            vec![7; 32],
            sized(1, b"id"),
            sized(2, &[0x13, 1, 0x13, 2]),
            sized(1, &[0]),
            sized(2, &extensions),
        ]
        .concat();
        let message = [vec![1], sized(3, &hello)].concat();
        [vec![22, 3, 1], sized(2, &message)].concat()
    }

    #[test]
    fn a_hello_tells_its_name() {
        let whole = bytes("www.example.com", &["h2", "http/1.1"]);
        let Seen::Hello(hello) = client_hello(&whole) else { panic!("no hello") };
        assert_eq!(hello.server_name(), Some(&b"www.example.com"[..]));
        assert_eq!(hello.protocols(), [&b"h2"[..], b"http/1.1"]);
        assert_eq!((hello.record_version, hello.version), ((3, 1), (3, 3)));
        assert!(hello.extension(10).is_some() && hello.extension(35).is_none());
        for len in 0..whole.len() {
            assert_eq!(client_hello(&whole[..len]), Seen::Partly, "{len}");
        }
    }

    #[test]
    fn other_bytes_are_told_apart() {
        for text in ["GET / HTTP/1.1\r\n", "SSH-2.0-x\r\n", "\x15\x03\x01", "\x16\x02"] {
            assert_eq!(client_hello(text.as_bytes()), Seen::Other, "{text:?}");
        }
        // Lengths that lie lead nowhere.
        let mut broken = bytes("a", &[]);
        broken[6] = 0xff;
        assert_eq!(client_hello(&broken), Seen::Other);
        for at in 0..broken.len() {
            let mut broken = bytes("abc", &["h2"]);
            broken[at] = broken[at].wrapping_add(200);
            let _ = client_hello(&broken);
        }
    }
}
