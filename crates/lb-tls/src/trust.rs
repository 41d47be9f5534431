//! Files of authorities' certificates.

use crate::pem;
use crate::x509::Certificate;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use std::sync::Arc;

/// A `ca-file`.
#[derive(Debug, Clone)]
pub struct Trust {
    /// Its certificates, in order.
    pub certificates: Vec<CertificateDer<'static>>,
    roots: Arc<RootCertStore>,
}

impl Trust {
    /// Reads the certificates of a text.
    ///
    /// # Errors
    /// What is wrong; a text without certificates is.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let blocks = pem::blocks(text)?;
        let certificates: Vec<CertificateDer<'static>> = blocks
            .into_iter()
            .filter(|block| matches!(block.label.as_str(), "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE"))
            .map(|block| CertificateDer::from(block.der))
            .collect();
        if certificates.is_empty() {
            return Err("there is no certificate in it".to_owned());
        }
        Ok(Self::of(certificates))
    }

    /// From certificates; those that cannot be an authority's are kept to be shown, and to be met as they are.
    pub fn of(certificates: Vec<CertificateDer<'static>>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates.iter().cloned());
        Self { certificates, roots: Arc::new(roots) }
    }

    pub(crate) fn roots(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.roots)
    }

    /// Whether this very certificate is one of them.
    pub(crate) fn contains(&self, certificate: &CertificateDer<'_>) -> bool {
        self.certificates.iter().any(|own| own.as_ref() == certificate.as_ref())
    }

    /// What each says.
    pub fn described(&self) -> impl Iterator<Item = Certificate> + '_ {
        self.certificates.iter().filter_map(|der| Certificate::parse(der))
    }
}
