use std::net::IpAddr;

/// Whether `ip` lies in the network of `net`'s first `bits` bits. Never, when they are of different families.
pub fn is_in_network(ip: IpAddr, (net, bits): (IpAddr, u8)) -> bool {
    match (ip, net) {
        (IpAddr::V4(ip), IpAddr::V4(net)) => {
            let host_bits = 32_u32.saturating_sub(u32::from(bits));
            (ip.to_bits() ^ net.to_bits()).checked_shr(host_bits).unwrap_or(0) == 0
        }
        (IpAddr::V6(ip), IpAddr::V6(net)) => {
            let host_bits = 128_u32.saturating_sub(u32::from(bits));
            (ip.to_bits() ^ net.to_bits()).checked_shr(host_bits).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bits_decide() {
        let rows = [
            ("10.1.2.3", "10.1.0.0", 16, true),
            ("10.2.2.3", "10.1.0.0", 16, false),
            ("10.1.2.3", "10.1.2.3", 32, true),
            ("10.1.2.4", "10.1.2.3", 32, false),
            ("192.0.2.1", "0.0.0.0", 0, true),
            ("192.0.2.1", "192.0.2.1", 255, true),
            ("2001:db8::1", "2001:db8::", 32, true),
            ("2001:db9::1", "2001:db8::", 32, false),
            ("::1", "::", 0, true),
            ("::ffff:10.1.2.3", "10.1.0.0", 16, false),
        ];
        for (ip, net, bits, expected) in rows {
            let found = is_in_network(ip.parse().unwrap(), (net.parse().unwrap(), bits));
            assert_eq!(found, expected, "{ip} in {net}/{bits}");
        }
    }
}
