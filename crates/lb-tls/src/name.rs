//! Whether a certificate is for a host.

use crate::x509::Certificate;
use std::net::IpAddr;

/// Whether a certificate is for `host`: by its alternative names, else by its common name. A leading `*` stands for one
/// label.
pub fn matches(certificate: &Certificate, host: &str) -> bool {
    if let Ok(ip) = host.parse::<IpAddr>()
        && certificate.addresses.contains(&ip)
    {
        return true;
    }
    if certificate.dns_names.iter().any(|pattern| covers(pattern, host)) {
        return true;
    }
    certificate.dns_names.is_empty() && certificate.common_name().is_some_and(|pattern| covers(pattern, host))
}

fn covers(pattern: &str, host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    if pattern.eq_ignore_ascii_case(host) {
        return true;
    }
    let (Some(suffix), Some((label, rest))) = (pattern.strip_prefix("*."), host.split_once('.')) else { return false };
    !label.is_empty() && rest.eq_ignore_ascii_case(suffix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_wildcards() {
        for (pattern, host, expected) in [
            ("a.example", "A.example", true),
            ("a.example", "b.example", false),
            ("*.example", "b.example", true),
            ("*.example", "example", false),
            ("*.example", "c.b.example", false),
            ("*.example", ".example", false),
            ("a.example", "a.example.", true),
        ] {
            assert_eq!(covers(pattern, host), expected, "{pattern} {host}");
        }
    }
}
