//! Hashes.

use super::{Converter, row};
use crate::Sample;
use crate::args::{Arg, ArgKind};
use crate::sample::Type;
use lb_model::hash::{avalanche, crc32, crc32c, djb2, sdbm, xxh64};

/// A 32-bit hash with the optional avalanche of its first argument.
macro_rules! hash {
    ($name:literal, $function:expr) => {
        row($name, Type::Bin, Type::Int, |s, args, _| {
            let hash = s.with_bytes($function);
            let spread = Arg::int(args, 0).is_some_and(|n| n != 0);
            Some(Sample::Int(i64::from(if spread { avalanche(hash) } else { hash })))
        })
        .args(&[ArgKind::Int], 0)
    };
}

pub(super) const ROWS: &[Converter] = &[
    hash!("crc32", crc32),
    hash!("crc32c", crc32c),
    hash!("djb2", djb2),
    hash!("sdbm", sdbm),
    row("xxh32", Type::Bin, Type::Int, |s, args, _| {
        let seed = Arg::int(args, 0).unwrap_or(0) as u32;
        Some(Sample::Int(i64::from(s.with_bytes(|b| xxh32(b, seed)))))
    })
    .args(&[ArgKind::Int], 0),
    row("xxh64", Type::Bin, Type::Int, |s, args, _| {
        let seed = Arg::int(args, 0).unwrap_or(0) as u64;
        Some(Sample::Int(s.with_bytes(|b| xxh64(b, seed)) as i64))
    })
    .args(&[ArgKind::Int], 0),
];

/// XXH32, from its public specification.
fn xxh32(input: &[u8], seed: u32) -> u32 {
    const P: [u32; 5] = [0x9e37_79b1, 0x85eb_ca77, 0xc2b2_ae3d, 0x27d4_eb2f, 0x1656_67b1];
    let [p1, p2, p3, p4, p5] = P;
    let round = |acc: u32, lane: u32| acc.wrapping_add(lane.wrapping_mul(p2)).rotate_left(13).wrapping_mul(p1);
    let (stripes, rest) = input.as_chunks::<16>();
    let mut hash = if stripes.is_empty() {
        seed.wrapping_add(p5)
    } else {
        let mut acc = [seed.wrapping_add(p1).wrapping_add(p2), seed.wrapping_add(p2), seed, seed.wrapping_sub(p1)];
        for stripe in stripes {
            let (lanes, _) = stripe.as_chunks::<4>();
            for (a, lane) in acc.iter_mut().zip(lanes) {
                *a = round(*a, u32::from_le_bytes(*lane));
            }
        }
        let [a, b, c, d] = acc;
        a.rotate_left(1).wrapping_add(b.rotate_left(7)).wrapping_add(c.rotate_left(12)).wrapping_add(d.rotate_left(18))
    };
    // The length is taken modulo 2^32 by the specification.
    hash = hash.wrapping_add(input.len() as u32);
    let (words, bytes) = rest.as_chunks::<4>();
    for word in words {
        hash = hash.wrapping_add(u32::from_le_bytes(*word).wrapping_mul(p3)).rotate_left(17).wrapping_mul(p4);
    }
    for byte in bytes {
        hash = hash.wrapping_add(u32::from(*byte).wrapping_mul(p5)).rotate_left(11).wrapping_mul(p1);
    }
    hash = (hash ^ (hash >> 15)).wrapping_mul(p2);
    hash = (hash ^ (hash >> 13)).wrapping_mul(p3);
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The specification's own test vectors for these inputs.
    #[test]
    fn xxh_vectors() {
        assert_eq!(xxh32(b"", 0), 0x02cc_5d05);
        assert_eq!(xxh32(b"abc", 0), 852_579_327);
        assert_eq!(xxh32(b"Nobody inspects the spammish repetition", 0), 0xe229_3b2f);
        assert_eq!(xxh64(b"", 0), 0xef46_db37_51d8_e999);
        assert_eq!(xxh64(b"abc", 0), 4_952_883_123_889_572_249);
        assert_eq!(xxh64(b"Nobody inspects the spammish repetition", 0), 0xfbce_a83c_8a37_8bf1);
    }
}
