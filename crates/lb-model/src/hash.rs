//! The hash functions of `hash-type` and of the converters that carry their names.

/// A hash function by its configuration name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum HashFunction {
    /// `sdbm`: the default.
    #[default]
    Sdbm,
    /// `djb2`.
    Djb2,
    /// `wt6`. Its definition is published nowhere, so the values are this program's own.
    Wt6,
    /// `crc32`, as in Ethernet, gzip and PNG.
    Crc32,
    /// `none`: the key, as a number, is the hash.
    None,
}

impl HashFunction {
    /// All functions.
    pub const ALL: [Self; 5] = [Self::Sdbm, Self::Djb2, Self::Wt6, Self::Crc32, Self::None];

    /// The configuration's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sdbm => "sdbm",
            Self::Djb2 => "djb2",
            Self::Wt6 => "wt6",
            Self::Crc32 => "crc32",
            Self::None => "none",
        }
    }

    /// Reads the configuration's word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.as_str() == word)
    }

    /// Hashes bytes. `none` reads leading decimal digits, as numbers are written.
    pub fn hash(self, key: &[u8]) -> u32 {
        match self {
            Self::Sdbm => sdbm(key),
            Self::Djb2 => djb2(key),
            Self::Wt6 => wt6(key),
            Self::Crc32 => crc32(key),
            Self::None => key
                .iter()
                .take_while(|b| b.is_ascii_digit())
                .fold(0u32, |n, b| n.wrapping_mul(10).wrapping_add(u32::from(b - b'0'))),
        }
    }
}

/// The sdbm library's hash.
pub fn sdbm(key: &[u8]) -> u32 {
    key.iter().fold(0u32, |h, &b| u32::from(b).wrapping_add(h << 6).wrapping_add(h << 16).wrapping_sub(h))
}

/// Bernstein's hash: times 33.
pub fn djb2(key: &[u8]) -> u32 {
    key.iter().fold(5381u32, |h, &b| h.wrapping_mul(33).wrapping_add(u32::from(b)))
}

/// CRC-32 (reflected 0x04c11db7).
pub fn crc32(key: &[u8]) -> u32 {
    crc(key, 0xedb8_8320)
}

/// CRC-32C (Castagnoli, RFC 4960 appendix B).
pub fn crc32c(key: &[u8]) -> u32 {
    crc(key, 0x82f6_3b78)
}

fn crc(key: &[u8], polynomial: u32) -> u32 {
    !key.iter().fold(u32::MAX, |mut crc, &b| {
        crc ^= u32::from(b);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ polynomial } else { crc >> 1 };
        }
        crc
    })
}

/// FNV-1a followed by [`avalanche`]: stands in for `wt6`.
pub fn wt6(key: &[u8]) -> u32 {
    avalanche(key.iter().fold(0x811c_9dc5, |h: u32, &b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193)))
}

/// Spreads every input bit over the whole output: Bob Jenkins' published six-shift integer hash,
/// and a multiplication seen on a running HAProxy by comparing `sdbm` with `sdbm(1)`.
pub fn avalanche(hash: u32) -> u32 {
    let mut a = hash;
    a = a.wrapping_add(0x7ed5_5d16).wrapping_add(a << 12);
    a = (a ^ 0xc761_c23c) ^ (a >> 19);
    a = a.wrapping_add(0x1656_67b1).wrapping_add(a << 5);
    a = a.wrapping_add(0xd3a2_646c) ^ (a << 9);
    a = a.wrapping_add(0xfd70_46c5).wrapping_add(a << 3);
    a = (a ^ 0xb55a_4f09) ^ (a >> 16);
    a.wrapping_mul(0xc000_0001)
}

/// XXH64, from its public specification.
pub fn xxh64(input: &[u8], seed: u64) -> u64 {
    const P: [u64; 5] = [
        0x9e37_79b1_85eb_ca87,
        0xc2b2_ae3d_27d4_eb4f,
        0x1656_67b1_9e37_79f9,
        0x85eb_ca77_c2b2_ae63,
        0x27d4_eb2f_1656_67c5,
    ];
    let [p1, p2, p3, p4, p5] = P;
    let round = |acc: u64, lane: u64| acc.wrapping_add(lane.wrapping_mul(p2)).rotate_left(31).wrapping_mul(p1);
    let (stripes, rest) = input.as_chunks::<32>();
    let mut hash = if stripes.is_empty() {
        seed.wrapping_add(p5)
    } else {
        let mut acc = [seed.wrapping_add(p1).wrapping_add(p2), seed.wrapping_add(p2), seed, seed.wrapping_sub(p1)];
        for stripe in stripes {
            let (lanes, _) = stripe.as_chunks::<8>();
            for (a, lane) in acc.iter_mut().zip(lanes) {
                *a = round(*a, u64::from_le_bytes(*lane));
            }
        }
        let [a, b, c, d] = acc;
        let mixed = a
            .rotate_left(1)
            .wrapping_add(b.rotate_left(7))
            .wrapping_add(c.rotate_left(12))
            .wrapping_add(d.rotate_left(18));
        acc.iter().fold(mixed, |h, lane| (h ^ round(0, *lane)).wrapping_mul(p1).wrapping_add(p4))
    };
    hash = hash.wrapping_add(input.len() as u64);
    let (longs, rest) = rest.as_chunks::<8>();
    for long in longs {
        hash = (hash ^ round(0, u64::from_le_bytes(*long))).rotate_left(27).wrapping_mul(p1).wrapping_add(p4);
    }
    let (words, bytes) = rest.as_chunks::<4>();
    for word in words {
        hash = (hash ^ u64::from(u32::from_le_bytes(*word)).wrapping_mul(p1))
            .rotate_left(23)
            .wrapping_mul(p2)
            .wrapping_add(p3);
    }
    for byte in bytes {
        hash = (hash ^ u64::from(*byte).wrapping_mul(p5)).rotate_left(11).wrapping_mul(p1);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(p2);
    hash = (hash ^ (hash >> 29)).wrapping_mul(p3);
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values printed by HAProxy 2.6 for the converters of these names.
    #[test]
    fn observed_values() {
        assert_eq!(sdbm(b"abc"), 807_794_786);
        assert_eq!(avalanche(sdbm(b"abc")), 659_243_622);
        assert_eq!(djb2(b"abc"), 193_485_963);
        assert_eq!(avalanche(djb2(b"abc")), 2_235_766_107);
        assert_eq!(crc32(b"abc"), 891_568_578);
        assert_eq!(avalanche(crc32(b"abc")), 930_845_320);
        assert_eq!(crc32c(b"abc"), 910_901_175);
    }

    #[test]
    fn words() {
        for f in HashFunction::ALL {
            assert_eq!(HashFunction::parse(f.as_str()), Some(f));
        }
        assert_eq!(HashFunction::None.hash(b"42x"), 42);
    }
}
