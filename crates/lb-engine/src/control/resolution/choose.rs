//! Which address of an answer a server takes. Pure.

use lb_config::model::Resolution;
use lb_model::is_in_network;
use std::net::IpAddr;

/// The address for a server that has `current`, when others of its backend that follow the same name have `taken`. `None`:
/// there is none left.
pub fn address(found: &[IpAddr], rule: &Resolution, current: Option<IpAddr>, taken: &[IpAddr]) -> Option<IpAddr> {
    let worth = |ip: &IpAddr| {
        let preferred = ip.is_ipv4() == rule.prefers_v4;
        let near = rule.nets.iter().any(|net| is_in_network(*ip, *net));
        let own = current == Some(*ip);
        (preferred, near, !taken.contains(ip), own)
    };
    let free = |ip: &&IpAddr| rule.allow_duplicates || !taken.contains(ip);
    // Of equals the first, as servers order their answers.
    found.iter().filter(free).rev().max_by_key(|ip| worth(ip)).copied()
}

/// The weight of a server from that of an SRV record: 0 to 65535 becomes 1 to 256.
pub fn weight(of_record: u16) -> u32 {
    u32::from(of_record) * 256 / 65_536 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> Resolution {
        Resolution {
            section: 0,
            prefers_v4: true,
            nets: Vec::new(),
            allow_duplicates: false,
            ignore_weight: false,
            srv: None,
        }
    }

    fn ips(text: &str) -> Vec<IpAddr> {
        text.split_whitespace().map(|ip| ip.parse().unwrap()).collect()
    }

    fn chosen(found: &str, rule: &Resolution, current: &str, taken: &str) -> Option<String> {
        address(&ips(found), rule, current.parse().ok(), &ips(taken)).map(|ip| ip.to_string())
    }

    #[test]
    fn what_a_server_has_it_keeps() {
        let rule = rule();
        assert_eq!(chosen("10.0.0.1 10.0.0.2", &rule, "", ""), Some("10.0.0.1".into()));
        assert_eq!(chosen("10.0.0.1 10.0.0.2", &rule, "10.0.0.2", ""), Some("10.0.0.2".into()));
        assert_eq!(chosen("10.0.0.1 10.0.0.2", &rule, "10.0.0.9", "10.0.0.1"), Some("10.0.0.2".into()));
    }

    #[test]
    fn addresses_are_not_shared_unless_they_may_be() {
        let mut rule = rule();
        assert_eq!(chosen("10.0.0.1", &rule, "", "10.0.0.1"), None);
        rule.allow_duplicates = true;
        assert_eq!(chosen("10.0.0.1", &rule, "", "10.0.0.1"), Some("10.0.0.1".into()));
    }

    #[test]
    fn family_and_network_come_before_habit() {
        let mut rule = rule();
        assert_eq!(chosen("2001:db8::1 10.0.0.1", &rule, "2001:db8::1", ""), Some("10.0.0.1".into()));
        rule.nets = vec![("192.0.2.0".parse().unwrap(), 24)];
        assert_eq!(chosen("10.0.0.1 192.0.2.77", &rule, "10.0.0.1", ""), Some("192.0.2.77".into()));
        rule.prefers_v4 = false;
        rule.nets = vec![("2001:db8::".parse().unwrap(), 32), ("::".parse().unwrap(), 0)];
        assert_eq!(chosen("10.0.0.1 2001:db8::5", &rule, "", ""), Some("2001:db8::5".into()));
    }

    #[test]
    fn weights_fill_the_range() {
        assert_eq!([0, 10, 1_000, 65_535].map(weight), [1, 1, 4, 256]);
    }
}
