//! Lists of revoked certificates, and what they say.

use crate::der::{Element, Reader, dotted, tag};
use crate::pem;
use crate::x509::{date_text, name, one_line, time};
use rustls::pki_types::CertificateRevocationListDer;
use std::fmt::Write as _;

/// A `crl-file`.
#[derive(Debug, Clone)]
pub struct Crl {
    /// Its lists, in order.
    pub lists: Vec<CertificateRevocationListDer<'static>>,
}

impl Crl {
    /// Reads the lists of a text.
    ///
    /// # Errors
    /// What is wrong; a text without a list is.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let lists: Vec<_> = pem::blocks(text)?
            .into_iter()
            .filter(|block| block.label == "X509 CRL")
            .map(|block| CertificateRevocationListDer::from(block.der))
            .collect();
        if lists.iter().any(|list| description(list).is_none()) {
            return Err("a revocation list in it is broken".to_owned());
        }
        if lists.is_empty() { Err("there is no revocation list in it".to_owned()) } else { Ok(Self { lists }) }
    }

    /// What each says, as text.
    pub fn described(&self) -> Vec<String> {
        self.lists.iter().map(|list| description(list).unwrap_or_default()).collect()
    }
}

/// What a list says, as observed.
fn description(list: &[u8]) -> Option<String> {
    let mut fields = Reader::new(list).tagged(tag::SEQUENCE)?.inside().tagged(tag::SEQUENCE)?.inside();
    let version = fields.tagged(tag::INTEGER).and_then(|version| version.body.last().copied()).unwrap_or(0);
    let signature = fields.tagged(tag::SEQUENCE)?.inside().tagged(tag::OID)?;
    let issuer = one_line(&name(fields.tagged(tag::SEQUENCE)?));
    let this_update = time(fields.next()?)?;
    let mut text = format!(
        "Version {}\nSignature Algorithm: {}\nIssuer: {issuer}\nLast Update: {}\nNext Update: ",
        u32::from(version) + 1,
        signature_name(&dotted(signature.body)),
        date_text(this_update)
    );
    let mut next = fields.next();
    match next.and_then(time) {
        Some(update) => {
            text.push_str(&date_text(update));
            next = fields.next();
        }
        None => text.push_str("NONE"),
    }
    text.push('\n');
    // Extensions follow in another element.
    let revoked: Vec<_> = match next.filter(|element| element.tag == tag::SEQUENCE) {
        Some(revoked) => revoked.inside().filter_map(entry).collect(),
        None => Vec::new(),
    };
    if revoked.is_empty() {
        text.push_str("No Revoked Certificates.\n");
        return Some(text);
    }
    text.push_str("Revoked Certificates:\n");
    for (serial, date) in revoked {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "    Serial Number: {serial}\n        Revocation Date: {}", date_text(date));
    }
    Some(text)
}

/// A revoked certificate's serial number and when it was revoked.
fn entry(element: Element<'_>) -> Option<(String, i64)> {
    let mut fields = element.inside();
    let mut serial = fields.tagged(tag::INTEGER)?.body;
    while let [0, rest @ ..] = serial
        && !rest.is_empty()
    {
        serial = rest;
    }
    let digits = serial.iter().map(|byte| format!("{byte:02X}")).collect();
    Some((digits, time(fields.next()?)?))
}

fn signature_name(oid: &str) -> &str {
    match oid {
        "1.2.840.113549.1.1.5" => "sha1WithRSAEncryption",
        "1.2.840.113549.1.1.10" => "rsassaPss",
        "1.2.840.113549.1.1.11" => "sha256WithRSAEncryption",
        "1.2.840.113549.1.1.12" => "sha384WithRSAEncryption",
        "1.2.840.113549.1.1.13" => "sha512WithRSAEncryption",
        "1.2.840.10045.4.3.2" => "ecdsa-with-SHA256",
        "1.2.840.10045.4.3.3" => "ecdsa-with-SHA384",
        "1.2.840.10045.4.3.4" => "ecdsa-with-SHA512",
        "1.3.101.112" => "ED25519",
        other => other,
    }
}
