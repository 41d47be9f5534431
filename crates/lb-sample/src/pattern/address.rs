//! Addresses and networks, looked up by mask.

use crate::SampleError;
use crate::args::{mask4, mask6};
use crate::sample::embedded_ipv4;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Networks grouped by mask: a lookup is one binary search per different mask.
#[derive(Debug, Default)]
pub(super) struct Networks {
    v4: Vec<(u32, Vec<u32>)>,
    v6: Vec<(u128, Vec<u128>)>,
}

impl Networks {
    /// Reads an address with an optional mask.
    pub(super) fn push(&mut self, word: &str) -> Result<(), SampleError> {
        let (address, mask) = match word.split_once('/') {
            Some((address, mask)) => (address, Some(mask)),
            None => (word, None),
        };
        if let (Some(ip), Some(mask)) = (abbreviated(address), mask.map_or(Some(Ipv4Addr::BROADCAST), mask4)) {
            add(&mut self.v4, u32::from(mask), u32::from(ip) & u32::from(mask));
            return Ok(());
        }
        let full = Some(Ipv6Addr::from(u128::MAX));
        // Only a number of bits is a mask of an IPv6 network.
        let bits = mask.map_or(full, |m| if m.contains(':') { None } else { mask6(m) });
        if let (Ok(ip), Some(mask)) = (address.parse::<Ipv6Addr>(), bits) {
            add(&mut self.v6, u128::from(mask), u128::from(ip) & u128::from(mask));
            return Ok(());
        }
        let error = SampleError::new(format!("'{word}' is not a valid IPv4 or IPv6 address"));
        Err(if address.contains(|c: char| c.is_ascii_alphabetic()) && !address.contains(':') {
            error.help("host names are not resolved here: write the address")
        } else {
            error
        })
    }

    pub(super) fn finish(&mut self) {
        self.v4.iter_mut().for_each(|(_, networks)| networks.sort_unstable());
        self.v6.iter_mut().for_each(|(_, networks)| networks.sort_unstable());
    }

    /// Whether a network has the address. An IPv6 address that carries an IPv4 one also matches
    /// IPv4 networks, an IPv4 address also matches `::ffff:` networks.
    pub(super) fn contains(&self, ip: IpAddr) -> bool {
        match ip {
            IpAddr::V4(ip) => self.has4(ip) || (!self.v6.is_empty() && self.has6(ip.to_ipv6_mapped())),
            IpAddr::V6(ip) => self.has6(ip) || embedded_ipv4(ip).is_some_and(|ip| self.has4(ip)),
        }
    }

    fn has4(&self, ip: Ipv4Addr) -> bool {
        let ip = u32::from(ip);
        self.v4.iter().any(|(mask, networks)| networks.binary_search(&(ip & mask)).is_ok())
    }

    fn has6(&self, ip: Ipv6Addr) -> bool {
        let ip = u128::from(ip);
        self.v6.iter().any(|(mask, networks)| networks.binary_search(&(ip & mask)).is_ok())
    }
}

fn add<T: PartialEq>(groups: &mut Vec<(T, Vec<T>)>, mask: T, network: T) {
    match groups.iter_mut().find(|(m, _)| *m == mask) {
        Some((_, networks)) => networks.push(network),
        None => groups.push((mask, vec![network])),
    }
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
