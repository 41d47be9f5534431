//! Verdicts on peers' certificates.

use crate::crl::Crl;
use crate::name;
use crate::server::ServerSettings;
use crate::trust::Trust;
use crate::x509::Certificate;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Which name a server's certificate must be for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Any.
    Any,
    /// The one that was asked for by SNI.
    Asked,
    /// This one (`verifyhost`).
    Fixed(String),
}

/// `verify none`: the signatures of the handshake are checked, as the protocol needs, and nothing else.
#[derive(Debug)]
pub(crate) struct Unverified(pub(crate) WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

/// `verify required` of a server.
#[derive(Debug)]
pub(crate) struct Required {
    /// `None`: there is no usable authority; only certificates that are trusted themselves pass.
    chain: Option<Arc<WebPkiServerVerifier>>,
    trust: Arc<Trust>,
    expected: Expected,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Required {
    pub(crate) fn new(
        provider: &Arc<CryptoProvider>,
        trust: Arc<Trust>,
        crl: Option<&Crl>,
        expected: Expected,
    ) -> Result<Self, String> {
        let algorithms = provider.signature_verification_algorithms;
        let roots = trust.roots();
        let chain = if roots.is_empty() {
            None
        } else {
            let mut builder = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider));
            if let Some(crl) = crl {
                builder = builder.with_crls(crl.lists.iter().cloned());
            }
            Some(builder.build().map_err(|e| e.to_string())?)
        };
        Ok(Self { chain, trust, expected, algorithms })
    }

    fn verify_chain(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<(), Error> {
        let error = match &self.chain {
            None => Error::InvalidCertificate(CertificateError::UnknownIssuer),
            Some(chain) => match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp, now) {
                Ok(_) => return Ok(()),
                // The name is looked at last, and by rules of our own.
                Err(Error::InvalidCertificate(
                    CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
                )) => return Ok(()),
                Err(error) => error,
            },
        };
        trusted_itself(&self.trust, end_entity, now, error)
    }
}

/// A certificate that stands in the `ca-file` itself needs no other to vouch for it: a self-signed one, as most tools
/// make them, claims to be an authority and would be refused as a host's.
fn trusted_itself(trust: &Trust, end_entity: &CertificateDer<'_>, now: UnixTime, error: Error) -> Result<(), Error> {
    if !trust.contains(end_entity) || matches!(error, Error::InvalidCertificate(CertificateError::Revoked)) {
        return Err(error);
    }
    let Some(certificate) = Certificate::parse(end_entity) else {
        return Err(Error::InvalidCertificate(CertificateError::BadEncoding));
    };
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if now < certificate.not_before {
        return Err(Error::InvalidCertificate(CertificateError::NotValidYet));
    }
    if now > certificate.not_after {
        return Err(Error::InvalidCertificate(CertificateError::Expired));
    }
    Ok(())
}

impl ServerCertVerifier for Required {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verify_chain(end_entity, intermediates, server_name, ocsp, now)?;
        let asked = server_name.to_str();
        let host = match &self.expected {
            Expected::Any => return Ok(ServerCertVerified::assertion()),
            Expected::Asked => asked.as_ref(),
            Expected::Fixed(host) => host.as_str(),
        };
        if Certificate::parse(end_entity).is_some_and(|certificate| name::matches(&certificate, host)) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(CertificateError::NotValidForName))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// What is asked of clients' certificates.
#[derive(Debug)]
pub(crate) struct ClientAuth {
    chain: Option<Arc<dyn ClientCertVerifier>>,
    trust: Arc<Trust>,
    mandatory: bool,
    hints: Vec<DistinguishedName>,
    ignored: BTreeSet<u32>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientAuth {
    pub(crate) fn new(
        provider: &Arc<CryptoProvider>,
        settings: &ServerSettings,
        mandatory: bool,
    ) -> Result<Self, String> {
        let trust = settings.trust.as_ref().ok_or("there is no ca-file to verify clients with")?;
        let trust = Arc::clone(&trust.held);
        let roots = trust.roots();
        let hints = if settings.no_ca_names { Vec::new() } else { roots.subjects() };
        let chain = if roots.is_empty() {
            None
        } else {
            let mut builder = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider));
            if let Some(crl) = &settings.crl {
                builder = builder.with_crls(crl.held.lists.iter().cloned());
            }
            Some(builder.build().map_err(|e| e.to_string())?)
        };
        let algorithms = provider.signature_verification_algorithms;
        Ok(Self { chain, trust, mandatory, hints, ignored: settings.ignored_verdicts.clone(), algorithms })
    }

    fn judge(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        let error = match &self.chain {
            None => Error::InvalidCertificate(CertificateError::UnknownIssuer),
            Some(chain) => match chain.verify_client_cert(end_entity, intermediates, now) {
                Ok(_) => return Ok(()),
                Err(error) => error,
            },
        };
        trusted_itself(&self.trust, end_entity, now, error)
    }

    /// OpenSSL's number for the verdict on certificates that were let through.
    pub(crate) fn verdict(&self, chain: &[CertificateDer<'_>]) -> u32 {
        // Nothing but a good verdict is let through otherwise.
        let Some((first, rest)) = chain.split_first().filter(|_| !self.ignored.is_empty()) else { return 0 };
        self.judge(first, rest, UnixTime::now()).err().and_then(|error| openssl_code(&error)).unwrap_or(0)
    }
}

impl ClientCertVerifier for ClientAuth {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match self.judge(end_entity, intermediates, now) {
            Ok(()) => Ok(ClientCertVerified::assertion()),
            Err(error) if openssl_code(&error).is_some_and(|code| self.ignored.contains(&code)) => {
                Ok(ClientCertVerified::assertion())
            }
            Err(error) => Err(error),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The number OpenSSL gives to a verdict, as `ssl_c_verify` shows it; `None`: the error is about something else.
pub fn openssl_code(error: &Error) -> Option<u32> {
    let Error::InvalidCertificate(error) = error else { return None };
    Some(match error {
        CertificateError::UnknownIssuer => 20,
        CertificateError::BadSignature => 7,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => 9,
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => 10,
        CertificateError::Revoked => 23,
        CertificateError::UnknownRevocationStatus => 3,
        CertificateError::ExpiredRevocationList | CertificateError::ExpiredRevocationListContext { .. } => 12,
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => 26,
        CertificateError::UnhandledCriticalExtension => 34,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => 62,
        _ => 1,
    })
}
