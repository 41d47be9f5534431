//! What a certificate says: for people, for sample fetches and for the comparison of names. Whether it is to be
//! believed is not decided here.

use crate::der::{Element, Reader, dotted, tag};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A part of a distinguished name: its short name, or its identifier in dots, and its text.
pub type Attribute = (String, String);

/// A public key's kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA with this many bits.
    Rsa(usize),
    /// On a named curve with this many bits.
    Ec(usize),
    /// Anything else, by its identifier.
    Other(String),
}

impl std::fmt::Display for KeyKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rsa(bits) => write!(f, "RSA{bits}"),
            Self::Ec(bits) => write!(f, "EC{bits}"),
            Self::Other(name) => f.write_str(name),
        }
    }
}

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Version, from 1.
    pub version: u8,
    /// Serial number, as its bytes without a leading zero.
    pub serial: Vec<u8>,
    /// The subject's name, most general part first.
    pub subject: Vec<Attribute>,
    /// The issuer's name.
    pub issuer: Vec<Attribute>,
    /// The subject's name in DER.
    pub subject_der: Vec<u8>,
    /// The issuer's name in DER.
    pub issuer_der: Vec<u8>,
    /// Start of its validity, in seconds since 1970.
    pub not_before: i64,
    /// End of its validity.
    pub not_after: i64,
    /// The same two as the certificate writes them.
    pub written_dates: (String, String),
    /// Its key.
    pub key: KeyKind,
    /// Identifier of the key's algorithm, by OpenSSL's long name where it has one.
    pub key_algorithm: String,
    /// The signature's algorithm, likewise.
    pub signature_algorithm: String,
    /// The issuer's key, hashed, is not told here; this is the subject's own key as bits.
    pub key_bits: Vec<u8>,
    /// Alternative DNS names.
    pub dns_names: Vec<String>,
    /// Alternative addresses.
    pub addresses: Vec<IpAddr>,
    /// All alternative names as OpenSSL prints them.
    pub alternative_names: Vec<String>,
    /// Whether it may sign certificates, as it says.
    pub is_ca: bool,
}

impl Certificate {
    /// Reads a certificate; `None` when it is not one.
    pub fn parse(der: &[u8]) -> Option<Self> {
        let whole = Reader::new(der).tagged(tag::SEQUENCE)?;
        let mut fields = whole.inside().tagged(tag::SEQUENCE)?.inside();
        let version = fields.tagged(0xa0).and_then(|v| v.inside().next()).and_then(|v| v.body.last().copied());
        let serial = fields.tagged(tag::INTEGER)?;
        let signature = fields.tagged(tag::SEQUENCE)?.inside().tagged(tag::OID)?;
        let issuer = fields.tagged(tag::SEQUENCE)?;
        let mut validity = fields.tagged(tag::SEQUENCE)?.inside();
        let (before, after) = (validity.next()?, validity.next()?);
        let subject = fields.tagged(tag::SEQUENCE)?;
        let mut key = fields.tagged(tag::SEQUENCE)?.inside();
        let algorithm = key.tagged(tag::SEQUENCE)?;
        let bits = key.tagged(tag::BIT_STRING)?.body.get(1..)?;
        let names = alternative_names(fields);
        let mut serial_bytes = serial.body;
        while let [0, rest @ ..] = serial_bytes
            && !rest.is_empty()
        {
            serial_bytes = rest;
        }
        let (key, key_algorithm) = key_kind(algorithm, bits)?;
        Some(Self {
            version: version.unwrap_or(0) + 1,
            serial: serial_bytes.to_vec(),
            subject: name(subject),
            issuer: name(issuer),
            subject_der: subject.whole.to_vec(),
            issuer_der: issuer.whole.to_vec(),
            not_before: time(before)?,
            not_after: time(after)?,
            written_dates: (written(before), written(after)),
            key,
            key_algorithm,
            signature_algorithm: long_name(&dotted(signature.body)),
            key_bits: bits.to_vec(),
            dns_names: names.iter().filter_map(|n| n.strip_prefix("DNS:")).map(str::to_owned).collect(),
            addresses: names.iter().filter_map(|n| n.strip_prefix("IP Address:")?.parse().ok()).collect(),
            alternative_names: names,
            is_ca: is_ca(fields),
        })
    }

    /// The last common name of the subject.
    pub fn common_name(&self) -> Option<&str> {
        self.subject.iter().rev().find(|(kind, _)| kind == "CN").map(|(_, text)| text.as_str())
    }

    /// The names that may choose it: the alternative DNS names and the common name.
    pub fn host_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.dns_names.iter().map(|n| n.to_ascii_lowercase()).collect();
        let common = self.subject.iter().filter(|(kind, _)| kind == "CN").map(|(_, n)| n.to_ascii_lowercase());
        for name in common {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

/// A distinguished name on one line, as `/C=FR/O=Example/CN=host`.
pub fn one_line(name: &[Attribute]) -> String {
    name.iter().map(|(kind, text)| format!("/{kind}={text}")).collect()
}

/// A distinguished name as RFC 2253 writes it, most special part first.
pub fn rfc2253(name: &[Attribute]) -> String {
    let part = |(kind, text): &Attribute| {
        let mut out = format!("{kind}=");
        for (i, c) in text.chars().enumerate() {
            let edge = (i == 0 && matches!(c, ' ' | '#')) || (i + 1 == text.chars().count() && c == ' ');
            if edge || matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';') {
                out.push('\\');
            }
            out.push(c);
        }
        out
    };
    name.iter().rev().map(part).collect::<Vec<_>>().join(",")
}

/// `Nov 21 01:02:03 2026 GMT`.
pub fn date_text(secs: i64) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (year, month, day) = civil(secs.div_euclid(86_400));
    let second = secs.rem_euclid(86_400);
    let month = MONTHS.get(month as usize - 1).copied().unwrap_or_default();
    format!("{month} {day:2} {:02}:{:02}:{:02} {year} GMT", second / 3_600, second / 60 % 60, second % 60)
}

pub(crate) fn name(sequence: Element<'_>) -> Vec<Attribute> {
    let attribute = |part: Element<'_>| {
        let mut fields = part.inside();
        let oid = dotted(fields.tagged(tag::OID)?.body);
        Some((short_name(&oid), text(fields.next()?)))
    };
    sequence.inside().filter(|set| set.tag == tag::SET).flat_map(|set| set.inside()).filter_map(attribute).collect()
}

fn text(element: Element<'_>) -> String {
    if element.tag == tag::BMP_STRING {
        let units = element.body.chunks_exact(2).map(|pair| pair.iter().fold(0, |n, b| n << 8 | u16::from(*b)));
        return char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    }
    String::from_utf8_lossy(element.body).into_owned()
}

fn short_name(oid: &str) -> String {
    let known = match oid {
        "2.5.4.3" => "CN",
        "2.5.4.4" => "SN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "street",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.12" => "title",
        "2.5.4.42" => "GN",
        "2.5.4.97" => "organizationIdentifier",
        "1.2.840.113549.1.9.1" => "emailAddress",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        other => other,
    };
    known.to_owned()
}

fn long_name(oid: &str) -> String {
    let known = match oid {
        "1.2.840.113549.1.1.1" => "rsaEncryption",
        "1.2.840.113549.1.1.5" => "RSA-SHA1",
        "1.2.840.113549.1.1.10" => "RSASSA-PSS",
        "1.2.840.113549.1.1.11" => "RSA-SHA256",
        "1.2.840.113549.1.1.12" => "RSA-SHA384",
        "1.2.840.113549.1.1.13" => "RSA-SHA512",
        "1.2.840.10045.2.1" => "id-ecPublicKey",
        "1.2.840.10045.4.3.2" => "ecdsa-with-SHA256",
        "1.2.840.10045.4.3.3" => "ecdsa-with-SHA384",
        "1.2.840.10045.4.3.4" => "ecdsa-with-SHA512",
        "1.3.101.112" => "ED25519",
        other => other,
    };
    known.to_owned()
}

fn key_kind(algorithm: Element<'_>, bits: &[u8]) -> Option<(KeyKind, String)> {
    let mut fields = algorithm.inside();
    let oid = dotted(fields.tagged(tag::OID)?.body);
    let kind = match oid.as_str() {
        "1.2.840.113549.1.1.1" => {
            let modulus = Reader::new(bits).tagged(tag::SEQUENCE)?.inside().tagged(tag::INTEGER)?.body;
            let significant = modulus.iter().position(|b| *b != 0).and_then(|at| modulus.get(at..)).unwrap_or_default();
            let top = significant.first().map_or(0, |b| b.leading_zeros() as usize);
            KeyKind::Rsa(significant.len() * 8 - top)
        }
        "1.2.840.10045.2.1" => KeyKind::Ec(match dotted(fields.tagged(tag::OID)?.body).as_str() {
            "1.3.132.0.34" => 384,
            "1.3.132.0.35" => 521,
            _ => 256,
        }),
        other => KeyKind::Other(long_name(other)),
    };
    Some((kind, long_name(&oid)))
}

/// The extensions that follow the key, by identifier.
fn extension<'a>(fields: Reader<'a>, wanted: &str) -> Option<&'a [u8]> {
    let extensions = fields.into_iter().find(|field| field.tag == 0xa3)?.inside().tagged(tag::SEQUENCE)?;
    extensions.inside().find_map(|extension| {
        let mut parts = extension.inside();
        let oid = parts.tagged(tag::OID)?;
        if dotted(oid.body) != wanted {
            return None;
        }
        parts.find(|part| part.tag == tag::OCTET_STRING).map(|value| value.body)
    })
}

fn alternative_names(fields: Reader<'_>) -> Vec<String> {
    let Some(names) = extension(fields, "2.5.29.17").and_then(|v| Reader::new(v).tagged(tag::SEQUENCE)) else {
        return Vec::new();
    };
    let name = |name: Element<'_>| {
        let words = || String::from_utf8_lossy(name.body).into_owned();
        Some(match name.tag {
            0x81 => format!("email:{}", words()),
            0x82 => format!("DNS:{}", words()),
            0x86 => format!("URI:{}", words()),
            0x87 => format!("IP Address:{}", address(name.body)?),
            _ => return None,
        })
    };
    names.inside().filter_map(name).collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(four).into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|sixteen| Ipv6Addr::from(sixteen).into())
}

fn is_ca(fields: Reader<'_>) -> bool {
    let constraints = extension(fields, "2.5.29.19").and_then(|v| Reader::new(v).tagged(tag::SEQUENCE));
    constraints.is_some_and(|c| c.inside().tagged(0x01).is_some_and(|flag| flag.body == [0xff]))
}

fn written(element: Element<'_>) -> String {
    String::from_utf8_lossy(element.body).into_owned()
}

/// Seconds since 1970 of a time as a certificate writes it.
pub(crate) fn time(element: Element<'_>) -> Option<i64> {
    let text = std::str::from_utf8(element.body).ok()?.strip_suffix('Z')?;
    let (year, rest) = match element.tag {
        tag::UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: i64 = year.parse().ok()?;
            (if year < 50 { 2_000 + year } else { 1_900 + year }, rest)
        }
        tag::GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    let two = |at: usize| rest.get(at..at + 2)?.parse::<i64>().ok();
    let days = days_from_civil(year, two(0)?, two(2)?);
    Some(days * 86_400 + two(4)? * 3_600 + two(6)? * 60 + two(8).unwrap_or(0))
}

/// Days since 1970 of a date in the Gregorian calendar.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_there_and_back() {
        for (secs, text) in [
            (0, "Jan  1 00:00:00 1970 GMT"),
            (951_782_400, "Feb 29 00:00:00 2000 GMT"),
            (4_102_444_799, "Dec 31 23:59:59 2099 GMT"),
        ] {
            assert_eq!(date_text(secs), text);
            let (y, m, d) = civil(secs.div_euclid(86_400));
            assert_eq!(days_from_civil(y, m, d), secs.div_euclid(86_400));
        }
    }

    #[test]
    fn a_certificate_tells_what_it_was_made_of() {
        let mut params = rcgen::CertificateParams::new(vec!["a.example".into(), "*.b.example".into()]).unwrap();
        params.subject_alt_names.push(rcgen::SanType::IpAddress("127.0.0.1".parse().unwrap()));
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::OrganizationName, "Test, Inc");
        params.distinguished_name.push(rcgen::DnType::CommonName, "A.example");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.not_before = rcgen::date_time_ymd(2024, 2, 29);
        params.not_after = rcgen::date_time_ymd(2051, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        let der = params.self_signed(&key).unwrap();
        let read = Certificate::parse(der.der()).unwrap();
        assert_eq!(read.host_names(), ["a.example", "*.b.example"]);
        assert_eq!(read.common_name(), Some("A.example"));
        assert_eq!(read.addresses, ["127.0.0.1".parse::<IpAddr>().unwrap()]);
        assert_eq!(one_line(&read.subject), "/O=Test, Inc/CN=A.example");
        assert_eq!(rfc2253(&read.subject), "CN=A.example,O=Test\\, Inc");
        assert_eq!(read.subject_der, read.issuer_der);
        assert_eq!(date_text(read.not_before), "Feb 29 00:00:00 2024 GMT");
        assert_eq!(date_text(read.not_after), "Jan  1 00:00:00 2051 GMT");
        assert_eq!(read.key, KeyKind::Ec(256));
        assert_eq!((read.version, read.is_ca), (3, true));
        assert_eq!(Certificate::parse(&der.der()[..40]), None);
    }
}
