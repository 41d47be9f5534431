//! Cipher suites by OpenSSL's names.

use rustls::crypto::{CryptoProvider, ring};
use rustls::{CipherSuite, SupportedCipherSuite};
use std::sync::Arc;

/// What `ciphers` and `ciphersuites` left.
#[derive(Debug, Clone, Default)]
pub struct Ciphers {
    /// TLS 1.2 suites in order of preference; `None`: all.
    pub tls12: Option<Vec<CipherSuite>>,
    /// TLS 1.3 suites.
    pub tls13: Option<Vec<CipherSuite>>,
}

impl Ciphers {
    /// The cryptography with these suites only.
    pub(crate) fn provider(&self) -> Arc<CryptoProvider> {
        let mut provider = ring::default_provider();
        if self.tls12.is_some() || self.tls13.is_some() {
            let chosen = |wanted: &Option<Vec<CipherSuite>>, tls13: bool| -> Vec<SupportedCipherSuite> {
                let all: Vec<_> =
                    ring::ALL_CIPHER_SUITES.iter().filter(|suite| suite.tls13().is_some() == tls13).copied().collect();
                match wanted {
                    None => all,
                    Some(ids) => {
                        ids.iter().filter_map(|id| all.iter().find(|suite| suite.suite() == *id).copied()).collect()
                    }
                }
            };
            provider.cipher_suites = chosen(&self.tls13, true);
            provider.cipher_suites.extend(chosen(&self.tls12, false));
        }
        Arc::new(provider)
    }
}

/// OpenSSL's name of a suite, and the bits of its key.
const SUITES: &[(CipherSuite, &str, u16)] = &[
    (CipherSuite::TLS13_AES_256_GCM_SHA384, "TLS_AES_256_GCM_SHA384", 256),
    (CipherSuite::TLS13_AES_128_GCM_SHA256, "TLS_AES_128_GCM_SHA256", 128),
    (CipherSuite::TLS13_CHACHA20_POLY1305_SHA256, "TLS_CHACHA20_POLY1305_SHA256", 256),
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "ECDHE-ECDSA-AES256-GCM-SHA384", 256),
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ECDHE-ECDSA-AES128-GCM-SHA256", 128),
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-ECDSA-CHACHA20-POLY1305", 256),
    (CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "ECDHE-RSA-AES256-GCM-SHA384", 256),
    (CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ECDHE-RSA-AES128-GCM-SHA256", 128),
    (CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-RSA-CHACHA20-POLY1305", 256),
];

/// OpenSSL's name of a suite.
pub fn cipher_name(suite: CipherSuite) -> &'static str {
    SUITES.iter().find(|(id, ..)| *id == suite).map_or("(NONE)", |(_, name, _)| name)
}

/// Bits of a suite's key.
pub fn strength(suite: CipherSuite) -> u16 {
    SUITES.iter().find(|(id, ..)| *id == suite).map_or(0, |(.., bits)| *bits)
}

fn is_tls13(name: &str) -> bool {
    name.starts_with("TLS_")
}

/// `ciphersuites`: TLS 1.3 suites, and the words that name none here.
///
/// # Errors
/// No suite is left.
pub fn cipher_suites(text: &str) -> Result<(Vec<CipherSuite>, Vec<String>), String> {
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    for word in text.split([':', ',', ' ']).filter(|word| !word.is_empty()) {
        match SUITES.iter().find(|(_, name, _)| *name == word && is_tls13(name)) {
            Some((id, ..)) if !found.contains(id) => found.push(*id),
            Some(_) => {}
            None => unknown.push(word.to_owned()),
        }
    }
    if found.is_empty() { Err(no_suite(text)) } else { Ok((found, unknown)) }
}

/// `ciphers`: a list as OpenSSL reads it, for TLS 1.2; and the names that no suite has here. Words for groups
/// (`HIGH`, `ECDHE+AESGCM`, `!aNULL`) choose among the suites there are.
///
/// # Errors
/// No suite is left.
pub fn ciphers(text: &str) -> Result<(Vec<CipherSuite>, Vec<String>), String> {
    let (mut found, mut unknown): (Vec<CipherSuite>, Vec<String>) = (Vec::new(), Vec::new());
    let mut banned: Vec<CipherSuite> = Vec::new();
    for word in text.split([':', ',', ' ']).filter(|word| !word.is_empty() && !word.starts_with('@')) {
        let (sign, bare) = match word.split_at_checked(1) {
            Some((sign @ ("!" | "-" | "+"), bare)) => (sign, bare),
            _ => ("", word),
        };
        let meant: Vec<CipherSuite> =
            SUITES.iter().filter(|(_, name, _)| !is_tls13(name) && is_meant(name, bare)).map(|(id, ..)| *id).collect();
        match sign {
            "" if meant.is_empty() => unknown.push(word.to_owned()),
            "" => {
                for id in meant {
                    if !found.contains(&id) && !banned.contains(&id) {
                        found.push(id);
                    }
                }
            }
            "+" => {
                let (moved, kept): (Vec<_>, Vec<_>) = found.iter().partition(|id| meant.contains(id));
                found = kept.into_iter().chain(moved).collect();
            }
            sign => {
                found.retain(|id| !meant.contains(id));
                if sign == "!" {
                    banned.extend(meant);
                }
            }
        }
    }
    if found.is_empty() { Err(no_suite(text)) } else { Ok((found, unknown)) }
}

fn no_suite(text: &str) -> String {
    format!("none of the suites of '{text}' is known to the TLS library")
}

fn is_meant(name: &str, word: &str) -> bool {
    name == word
        || word.split('+').all(|part| match part {
            "ALL" | "DEFAULT" | "HIGH" | "ECDHE" | "EECDH" | "kECDHE" | "kEECDH" | "ECDH" | "AEAD" | "TLSv1.2"
            | "FIPS" => true,
            "aRSA" => name.contains("-RSA-"),
            "aECDSA" | "ECDSA" => name.contains("-ECDSA-"),
            "AES" | "AESGCM" => name.contains("-AES"),
            "AES128" => name.contains("-AES128"),
            "AES256" => name.contains("-AES256"),
            "CHACHA20" => name.contains("-CHACHA20"),
            "SHA256" => name.ends_with("-SHA256"),
            "SHA384" => name.ends_with("-SHA384"),
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, names: &[&str], unknown: &[&str]) {
        let (found, left) = ciphers(text).unwrap();
        assert_eq!(found.into_iter().map(cipher_name).collect::<Vec<_>>(), names, "{text}");
        assert_eq!(left, unknown, "{text}");
    }

    #[test]
    fn lists_as_openssl_writes_them() {
        check("ECDHE-RSA-AES128-GCM-SHA256", &["ECDHE-RSA-AES128-GCM-SHA256"], &[]);
        check(
            "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES128-GCM-SHA256",
            &["ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256"],
            &["DHE-RSA-AES128-GCM-SHA256"],
        );
        check(
            "HIGH:!aNULL:!MD5:!ECDSA:!CHACHA20",
            &["ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256"],
            &[],
        );
        check("ECDHE+AESGCM+aRSA:-AES128", &["ECDHE-RSA-AES256-GCM-SHA384"], &[]);
        assert!(ciphers("AES128-SHA").is_err());
        assert!(cipher_suites("TLS_AES_128_GCM_SHA256:TLS_AES_128_CCM_SHA256").is_ok_and(|(_, u)| u.len() == 1));
    }

    #[test]
    fn every_suite_of_the_library_has_a_name() {
        for suite in ring::ALL_CIPHER_SUITES {
            assert!(SUITES.iter().any(|(id, ..)| *id == suite.suite()), "{:?}", suite.suite());
        }
    }
}
