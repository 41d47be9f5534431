//! Addresses and networks.

use crate::SampleError;
use crate::args;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A network: its address without the bits behind the mask, and its number of bits or, where the mask is no number of
/// bits, the mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Network {
    V4(u32, u32),
    V6(u128, u32),
    Masked(u32, u32),
}

/// Reads an address with an optional mask.
pub(super) fn network(word: &str) -> Result<Network, SampleError> {
    let (address, mask) = match word.split_once('/') {
        Some((address, mask)) => (address, Some(mask)),
        None => (word, None),
    };
    if let (Some(ip), Some(mask)) = (abbreviated(address), mask.map_or(Some(Ipv4Addr::BROADCAST), args::mask4)) {
        let (ip, mask) = (u32::from(ip), u32::from(mask));
        let bits = mask.leading_ones();
        return Ok(if mask == mask4(bits) { Network::V4(ip & mask, bits) } else { Network::Masked(ip & mask, mask) });
    }
    // Only a number of bits is a mask of an IPv6 network.
    let bits = mask.map_or(Some(128), |m| m.parse().ok().filter(|bits| *bits <= 128));
    if let (Ok(ip), Some(bits)) = (address.parse::<Ipv6Addr>(), bits) {
        return Ok(Network::V6(u128::from(ip) & mask6(bits), bits));
    }
    let error = SampleError::new(format!("'{word}' is not a valid IPv4 or IPv6 address"));
    Err(if address.contains(|c: char| c.is_ascii_alphabetic()) && !address.contains(':') {
        error.help("host names are not resolved here: write the address")
    } else {
        error
    })
}

/// The mask of so many bits.
pub(super) fn mask4(bits: u32) -> u32 {
    u32::MAX.checked_shl(32 - bits.min(32)).unwrap_or(0)
}

/// The mask of so many bits.
pub(super) fn mask6(bits: u32) -> u128 {
    u128::MAX.checked_shl(128 - bits.min(128)).unwrap_or(0)
}

/// An IPv4 address of one to four parts: the last one fills the octets left out (`10.12` is 10.0.0.12).
fn abbreviated(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<&str> = text.split('.').collect();
    let (last, first) = parts.split_last()?;
    if first.len() > 3 || !parts.iter().all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    let mut ip = 0u64;
    for part in first {
        ip = (ip << 8) | part.parse::<u64>().ok().filter(|n| *n <= 255)?;
    }
    let width = 8 * (4 - first.len());
    let last = last.parse::<u64>().ok().filter(|n| *n < 1 << width)?;
    u32::try_from((ip << width) | last).ok().map(Ipv4Addr::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abbreviations() {
        let of = |s: &str| abbreviated(s).map(|ip| ip.to_string());
        assert_eq!(of("10.12").as_deref(), Some("10.0.0.12"));
        assert_eq!(of("127").as_deref(), Some("0.0.0.127"));
        assert_eq!(of("192.168.1").as_deref(), Some("192.168.0.1"));
        assert_eq!(of("192.168.0.1").as_deref(), Some("192.168.0.1"));
        assert_eq!(of("1.2.3.4.5"), None);
        assert_eq!(of("256.1"), None);
        assert_eq!(of("a.1"), None);
    }
}
