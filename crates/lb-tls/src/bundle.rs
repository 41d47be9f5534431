//! A certificate with its chain and key, from the texts of one or several files.

use crate::pem;
use crate::x509::{Certificate, KeyKind};
use rustls::crypto::ring as provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};
use rustls::sign::CertifiedKey;
use std::fmt;

/// What a file brings to a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The certificate, its chain, and the key unless a file of its own has it.
    Certificate,
    /// `.key`.
    Key,
    /// `.ocsp`: a response in DER, or in base64.
    Ocsp,
    /// `.issuer`: the issuer's certificate, when it is not in the chain.
    Issuer,
    /// `.sctl`: kept, not used.
    Sctl,
}

/// Why a bundle cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BundleError {
    /// A block is broken.
    Pem(String),
    /// There is no certificate.
    NoCertificate,
    /// There is no key.
    NoKey,
    /// The key is encrypted.
    Encrypted,
    /// The key is of no known kind, or broken.
    BadKey(String),
    /// A certificate is broken.
    BadCertificate,
    /// Key and certificate do not belong together.
    Mismatch,
    /// The OCSP response is broken.
    BadOcsp,
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pem(what) => write!(f, "the text is broken: {what}"),
            Self::NoCertificate => f.write_str("no start line: there is no certificate in it"),
            Self::NoKey => f.write_str("no private key is found in it, nor beside it"),
            Self::Encrypted => f.write_str("its private key is encrypted"),
            Self::BadKey(why) => write!(f, "its private key cannot be used: {why}"),
            Self::BadCertificate => f.write_str("a certificate in it is broken"),
            Self::Mismatch => f.write_str("the private key is not the certificate's"),
            Self::BadOcsp => f.write_str("the OCSP response is broken"),
        }
    }
}

/// A certificate with its chain and key.
#[derive(Debug, Default)]
pub struct Bundle {
    /// The certificate first.
    pub chain: Vec<CertificateDer<'static>>,
    key: Option<PrivateKeyDer<'static>>,
    /// OCSP response to be stapled.
    pub ocsp: Option<Vec<u8>>,
    /// The issuer's certificate from a file of its own.
    pub issuer: Option<CertificateDer<'static>>,
    /// List of signed timestamps.
    pub sctl: Option<Vec<u8>>,
}

impl Clone for Bundle {
    fn clone(&self) -> Self {
        Self {
            chain: self.chain.clone(),
            key: self.key.as_ref().map(PrivateKeyDer::clone_key),
            ocsp: self.ocsp.clone(),
            issuer: self.issuer.clone(),
            sctl: self.sctl.clone(),
        }
    }
}

impl Bundle {
    /// Adds what a file holds. What the bundle had of the same kind is replaced.
    ///
    /// # Errors
    /// The file cannot be read as what it is; the bundle is then as before.
    pub fn add(&mut self, part: Part, text: &[u8]) -> Result<(), BundleError> {
        match part {
            Part::Certificate => {
                let blocks = pem::blocks(text).map_err(BundleError::Pem)?;
                let chain = certificates(&blocks);
                if chain.is_empty() {
                    return Err(BundleError::NoCertificate);
                }
                if chain.iter().any(|der| Certificate::parse(der).is_none()) {
                    return Err(BundleError::BadCertificate);
                }
                let key = key_of(&blocks)?;
                self.chain = chain;
                self.key = key.or(self.key.take());
            }
            Part::Key => {
                let blocks = pem::blocks(text).map_err(BundleError::Pem)?;
                self.key = Some(key_of(&blocks)?.ok_or(BundleError::NoKey)?);
            }
            Part::Ocsp => {
                let der = if text.first() == Some(&0x30) { Some(text.to_vec()) } else { pem::decode(text) };
                self.ocsp = Some(der.filter(|der| der.first() == Some(&0x30)).ok_or(BundleError::BadOcsp)?);
            }
            Part::Issuer => {
                let blocks = pem::blocks(text).map_err(BundleError::Pem)?;
                self.issuer = Some(certificates(&blocks).into_iter().next().ok_or(BundleError::NoCertificate)?);
            }
            Part::Sctl => self.sctl = Some(text.to_vec()),
        }
        Ok(())
    }

    /// Whether it has a key.
    pub fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// A copy of the key.
    ///
    /// # Errors
    /// There is none.
    pub fn key(&self) -> Result<PrivateKeyDer<'static>, BundleError> {
        self.key.as_ref().map(PrivateKeyDer::clone_key).ok_or(BundleError::NoKey)
    }

    /// What connections are signed with.
    ///
    /// # Errors
    /// Certificate and key are not there, not usable or not each other's.
    pub fn certified(&self) -> Result<CertifiedKey, BundleError> {
        if self.chain.is_empty() {
            return Err(BundleError::NoCertificate);
        }
        let key = provider::sign::any_supported_type(&self.key()?).map_err(|e| BundleError::BadKey(e.to_string()))?;
        let mut certified = CertifiedKey::new(self.chain.clone(), key);
        match certified.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {}
            Err(_) => return Err(BundleError::Mismatch),
        }
        certified.ocsp.clone_from(&self.ocsp);
        Ok(certified)
    }

    /// What the certificate says.
    pub fn describe(&self) -> Option<Certificate> {
        Certificate::parse(self.chain.first()?)
    }

    /// `rsa`, `ecdsa` or `dsa`, as lists of certificates name it.
    pub fn key_word(&self) -> &'static str {
        match self.describe().map(|c| c.key) {
            Some(KeyKind::Rsa(_)) => "rsa",
            Some(KeyKind::Ec(_)) => "ecdsa",
            _ => "-",
        }
    }

    /// Key, certificate and chain as text.
    pub fn to_pem(&self) -> String {
        let mut out = String::new();
        match &self.key {
            Some(PrivateKeyDer::Pkcs1(key)) => {
                out.push_str(&pem::encode("RSA PRIVATE KEY", key.secret_pkcs1_der()));
            }
            Some(PrivateKeyDer::Sec1(key)) => out.push_str(&pem::encode("EC PRIVATE KEY", key.secret_sec1_der())),
            Some(PrivateKeyDer::Pkcs8(key)) => out.push_str(&pem::encode("PRIVATE KEY", key.secret_pkcs8_der())),
            _ => {}
        }
        for certificate in &self.chain {
            out.push_str(&pem::encode("CERTIFICATE", certificate));
        }
        out
    }
}

/// The SHA-1 of a certificate, by which people tell them apart.
pub fn sha1(der: &[u8]) -> Vec<u8> {
    ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, der).as_ref().to_vec()
}

fn certificates(blocks: &[pem::Block]) -> Vec<CertificateDer<'static>> {
    let is_certificate = |block: &&pem::Block| {
        matches!(block.label.as_str(), "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE")
    };
    blocks.iter().filter(is_certificate).map(|block| CertificateDer::from(block.der.clone())).collect()
}

fn key_of(blocks: &[pem::Block]) -> Result<Option<PrivateKeyDer<'static>>, BundleError> {
    let Some(block) = blocks.iter().find(|block| block.label.ends_with("PRIVATE KEY")) else { return Ok(None) };
    if block.encrypted || block.label == "ENCRYPTED PRIVATE KEY" {
        return Err(BundleError::Encrypted);
    }
    let der = block.der.clone();
    Ok(Some(match block.label.as_str() {
        "RSA PRIVATE KEY" => PrivatePkcs1KeyDer::from(der).into(),
        "EC PRIVATE KEY" => PrivateSec1KeyDer::from(der).into(),
        "PRIVATE KEY" => PrivatePkcs8KeyDer::from(der).into(),
        other => return Err(BundleError::BadKey(format!("'{other}' is of no known kind"))),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(name: &str) -> (String, String) {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn a_bundle_from_one_file_and_from_two() {
        let (certificate, key) = made("a.example");
        let mut one = Bundle::default();
        one.add(Part::Certificate, format!("{certificate}{key}").as_bytes()).unwrap();
        assert!(one.certified().is_ok());
        let mut two = Bundle::default();
        two.add(Part::Certificate, certificate.as_bytes()).unwrap();
        assert_eq!(two.certified().err(), Some(BundleError::NoKey));
        two.add(Part::Key, key.as_bytes()).unwrap();
        assert!(two.certified().is_ok());
        assert_eq!(two.key_word(), "ecdsa");
        let mut again = Bundle::default();
        again.add(Part::Certificate, two.to_pem().as_bytes()).unwrap();
        assert_eq!((again.chain, again.key), (one.chain, one.key));
    }

    #[test]
    fn what_is_refused() {
        let (certificate, _) = made("a.example");
        let (_, other) = made("b.example");
        let mut bundle = Bundle::default();
        bundle.add(Part::Certificate, format!("{certificate}{other}").as_bytes()).unwrap();
        assert_eq!(bundle.certified().err(), Some(BundleError::Mismatch));
        let encrypted =
            format!("{certificate}-----BEGIN ENCRYPTED PRIVATE KEY-----\nZg==\n-----END ENCRYPTED PRIVATE KEY-----\n");
        assert_eq!(bundle.add(Part::Certificate, encrypted.as_bytes()), Err(BundleError::Encrypted));
        assert_eq!(bundle.add(Part::Certificate, b""), Err(BundleError::NoCertificate));
        assert_eq!(bundle.add(Part::Ocsp, b"hello"), Err(BundleError::BadOcsp));
    }
}
