//! Certificates made for a test.

use anyhow::Result;
use lb_testkit::{Engine, Launch};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType, IsCa, KeyIdMethod,
    KeyPair, RevokedCertParams,
};

/// An authority.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key.
pub struct Issued {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

impl Issued {
    /// Both in one text.
    pub fn bundle(&self) -> String {
        format!("{}{}", self.certificate, self.key)
    }
}

fn named(name: &str, alternatives: &[&str]) -> CertificateParams {
    let alternatives: Vec<String> = alternatives.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(alternatives).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Test");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = named(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate for that name which nobody else signed.
    pub fn self_signed(name: &str) -> Issued {
        let key = KeyPair::generate().unwrap();
        let certificate = named(name, &[name]).self_signed(&key).unwrap().pem();
        Issued { certificate, key: key.serialize_pem() }
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A list of certificates, by their numbers, that it takes back.
    pub fn revoke(&self, serials: &[u64]) -> String {
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: (*serial).into(),
            revocation_time: rcgen::date_time_ymd(2024, 2, 3),
            reason_code: Some(rcgen::RevocationReason::KeyCompromise),
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(2024, 2, 29),
            next_update: rcgen::date_time_ymd(2091, 11, 7),
            crl_number: 7.into(),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.0).unwrap().pem().unwrap()
    }

    /// A certificate for that name.
    pub fn issue(&self, name: &str) -> Issued {
        self.issue_until(name, 2099)
    }

    /// One that ends with the beginning of that year.
    pub fn issue_until(&self, name: &str, year: i32) -> Issued {
        let mut params = named(name, &[name]);
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap().pem();
        Issued { certificate, key: key.serialize_pem() }
    }
}

/// A launch in whose directory these files are.
pub fn launch(engine: &Engine, files: &[(&str, &str)]) -> Result<Launch> {
    let mut launch = Launch::new(engine)?;
    for (name, text) in files {
        launch = launch.file(name, text)?;
    }
    Ok(launch)
}
