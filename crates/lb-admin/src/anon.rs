//! The anonymized mode of a connection: names in answers become hashes, so that an answer can be shown to others and
//! its parts still be told apart.
//!
//! Found by comparing with recorded answers: a name's hash is the low 24 bits of its XXH32 with the key as seed, in six
//! hexadecimal digits.

use std::borrow::Cow;

/// Whether names are shown, and the key they are hashed with otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Anon(Option<u32>);

impl Anon {
    /// Names are shown.
    pub const OFF: Self = Self(None);

    /// Names are hashed with this key.
    pub const fn with_key(key: u32) -> Self {
        Self(Some(key))
    }

    /// The key; `None` when names are shown.
    pub const fn key(self) -> Option<u32> {
        self.0
    }

    /// A name as it is to be shown.
    pub fn name(self, name: &str) -> Cow<'_, str> {
        match self.0 {
            None => Cow::Borrowed(name),
            Some(key) => Cow::Owned(format!("{:06x}", xxh32(name.as_bytes(), key) & 0xff_ffff)),
        }
    }

    /// An address as it is to be shown: what stands before its port is hashed.
    pub fn address(self, address: &str) -> Cow<'_, str> {
        match (self.0, address.rsplit_once(':')) {
            (None, _) => Cow::Borrowed(address),
            (Some(_), None) => self.name(address),
            (Some(_), Some((host, port))) => Cow::Owned(format!("{}:{port}", self.name(host))),
        }
    }
}

const PRIMES: [u32; 5] = [0x9e37_79b1, 0x85eb_ca77, 0xc2b2_ae3d, 0x27d4_eb2f, 0x1656_67b1];

/// XXH32, as its public specification has it.
fn xxh32(bytes: &[u8], seed: u32) -> u32 {
    let [p1, p2, p3, p4, p5] = PRIMES;
    let (blocks, rest) = bytes.as_chunks::<16>();
    let mut hash = if blocks.is_empty() {
        seed.wrapping_add(p5)
    } else {
        let mut lanes = [seed.wrapping_add(p1).wrapping_add(p2), seed.wrapping_add(p2), seed, seed.wrapping_sub(p1)];
        for block in blocks {
            for (lane, word) in lanes.iter_mut().zip(block.as_chunks::<4>().0) {
                let sum = lane.wrapping_add(u32::from_le_bytes(*word).wrapping_mul(p2));
                *lane = sum.rotate_left(13).wrapping_mul(p1);
            }
        }
        let [a, b, c, d] = lanes;
        let (a, b, c, d) = (a.rotate_left(1), b.rotate_left(7), c.rotate_left(12), d.rotate_left(18));
        a.wrapping_add(b).wrapping_add(c).wrapping_add(d)
    };
    // The length counts modulo 2^32.
    hash = hash.wrapping_add(bytes.len() as u32);
    let (words, tail) = rest.as_chunks::<4>();
    for word in words {
        hash = hash.wrapping_add(u32::from_le_bytes(*word).wrapping_mul(p3)).rotate_left(17).wrapping_mul(p4);
    }
    for byte in tail {
        hash = hash.wrapping_add(u32::from(*byte).wrapping_mul(p5)).rotate_left(11).wrapping_mul(p1);
    }
    hash = (hash ^ hash >> 15).wrapping_mul(p2);
    hash = (hash ^ hash >> 13).wrapping_mul(p3);
    hash ^ hash >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_hashed_as_recorded() {
        let anon = Anon::with_key(1234);
        let names = ["app", "web01", "web02", "web03", "web04", "web05", "web06", "tcpb", "db1"];
        assert_eq!(
            names.map(|name| anon.name(name).into_owned()),
            ["4e8475", "6fa4a9", "f98c2f", "55aa4f", "37eb8b", "5b375b", "31cdd8", "6f20e3", "4eeb3e"]
        );
        assert_eq!(Anon::OFF.name("app"), "app");
    }

    #[test]
    fn addresses_keep_their_port() {
        let anon = Anon::with_key(1234);
        assert_eq!(anon.address("app:80"), "4e8475:80");
        assert_eq!(anon.address("app"), "4e8475");
        assert_eq!(Anon::OFF.address("[::1]:80"), "[::1]:80");
    }

    #[test]
    fn the_hash_is_xxh32() {
        // Values of the specification's reference programs.
        assert_eq!(xxh32(b"", 0), 0x02cc_5d05);
        assert_eq!(xxh32(b"a", 0), 0x550d_7456);
        assert_eq!(xxh32(b"abc", 0), 0x32d1_53ff);
        assert_eq!(xxh32(b"Nobody inspects the spammish repetition", 0), 0xe229_3b2f);
    }
}
