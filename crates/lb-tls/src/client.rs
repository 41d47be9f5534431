//! What connections to a server are made of.

use crate::bundle::Bundle;
use crate::crl::Crl;
use crate::provider::Ciphers;
use crate::settings::Versions;
use crate::trust::Trust;
use crate::verify::{Expected, Required, Unverified};
use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Error};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// A server's settings.
#[derive(Debug, Clone, Default)]
pub struct ClientSettings {
    /// The authorities of `verify required`; `None`: `verify none`.
    pub trust: Option<Arc<Trust>>,
    /// `crl-file`.
    pub crl: Option<Arc<Crl>>,
    /// `crt`: what is shown to a server that asks.
    pub certificate: Option<Arc<Bundle>>,
    /// `verifyhost`.
    pub host: Option<String>,
    /// `alpn`.
    pub alpn: Vec<Vec<u8>>,
    /// Versions that may be spoken.
    pub versions: Versions,
    /// Suites that may be used.
    pub ciphers: Ciphers,
    /// `no-ssl-reuse`: each connection makes a session of its own.
    pub no_reuse: bool,
}

/// Makes connections to a server.
#[derive(Debug, Clone)]
pub struct Client {
    named: Arc<ClientConfig>,
    guessed: Arc<ClientConfig>,
    nameless: Arc<ClientConfig>,
    /// There is a fixed name.
    fixed: bool,
}

impl Client {
    /// From a server's settings.
    ///
    /// # Errors
    /// What cannot be done, as a sentence.
    pub fn new(settings: &ClientSettings) -> Result<Self, String> {
        let fixed = settings.host.clone().map_or(Expected::Any, Expected::Fixed);
        let guessed = config(settings, fixed)?;
        let mut nameless = guessed.clone();
        nameless.enable_sni = false;
        Ok(Self {
            named: Arc::new(config(settings, Expected::Asked)?),
            guessed: Arc::new(guessed),
            nameless: Arc::new(nameless),
            fixed: settings.host.is_some(),
        })
    }

    /// A connection that asks for this name by SNI, if any. A name that is none is not asked for. The certificate must be
    /// for that name, or for the fixed one when the name is only `guessed`. `alpn`: protocols offered in place of the
    /// settings'.
    ///
    /// # Errors
    /// The library's.
    pub fn connection(
        &self,
        sni: Option<&str>,
        guessed: bool,
        alpn: Option<&[Vec<u8>]>,
    ) -> Result<ClientConnection, Error> {
        let (config, name) = match sni.and_then(|name| ServerName::try_from(name.to_owned()).ok()) {
            Some(name) if guessed && self.fixed => (&self.guessed, name),
            Some(name) => (&self.named, name),
            None => (&self.nameless, ServerName::from(IpAddr::V4(Ipv4Addr::UNSPECIFIED))),
        };
        let config = Arc::clone(config);
        match alpn {
            Some(alpn) => ClientConnection::new_with_alpn(config, name, alpn.to_vec()),
            None => ClientConnection::new(config, name),
        }
    }

    /// Whether a connection made with these arguments compares the certificate with the name asked for.
    pub fn checks_sni(&self, sni: Option<&str>, guessed: bool) -> bool {
        sni.is_some() && !(guessed && self.fixed)
    }
}

fn config(settings: &ClientSettings, expected: Expected) -> Result<ClientConfig, String> {
    let provider = settings.ciphers.provider();
    let verifier: Arc<dyn ServerCertVerifier> = match &settings.trust {
        None => Arc::new(Unverified(provider.signature_verification_algorithms)),
        Some(trust) => Arc::new(Required::new(&provider, Arc::clone(trust), settings.crl.as_deref(), expected)?),
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&settings.versions.spoken())
        .map_err(|e| e.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match &settings.certificate {
        None => builder.with_no_client_auth(),
        Some(bundle) => builder
            .with_client_auth_cert(bundle.chain.clone(), bundle.key().map_err(|e| e.to_string())?)
            .map_err(|e| e.to_string())?,
    };
    config.alpn_protocols = settings.alpn.clone();
    if settings.no_reuse {
        config.resumption = Resumption::disabled();
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::Part;
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
    use rustls::server::ServerConnection;
    use rustls::{CertificateError, ServerConfig};

    struct Authority(CertifiedIssuer<'static, KeyPair>);

    impl Authority {
        fn new(name: &str) -> Self {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let key = KeyPair::generate().unwrap();
            // Each has its own name: one that is looked for by name is not found, rather than tried and found wanting.
            params.distinguished_name.push(DnType::CommonName, format!("{:x?}", key.public_key_raw()));
            Self(CertifiedIssuer::self_signed(params, key).unwrap())
        }

        fn trust(&self) -> Arc<Trust> {
            Arc::new(Trust::parse(self.0.pem().as_bytes()).unwrap())
        }

        fn issue(&self, name: &str, until: i32) -> Bundle {
            let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            params.not_before = rcgen::date_time_ymd(2000, 1, 1);
            params.not_after = rcgen::date_time_ymd(until, 1, 1);
            let key = KeyPair::generate().unwrap();
            let certificate = params.signed_by(&key, &self.0).unwrap();
            let mut bundle = Bundle::default();
            let text = format!("{}{}", certificate.pem(), key.serialize_pem());
            bundle.add(Part::Certificate, text.as_bytes()).unwrap();
            bundle
        }
    }

    /// What the client says of a handshake with a server that has this certificate.
    fn shake(settings: &ClientSettings, sni: Option<&str>, guessed: bool, bundle: &Bundle) -> Result<(), Error> {
        let config = ServerConfig::builder_with_provider(Ciphers::default().provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(bundle.chain.clone(), bundle.key().unwrap())
            .unwrap();
        let mut server = ServerConnection::new(Arc::new(config)).unwrap();
        let mut client = Client::new(settings).unwrap().connection(sni, guessed, None).unwrap();
        while client.is_handshaking() {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).unwrap();
            server.read_tls(&mut wire.as_slice()).unwrap();
            let _ = server.process_new_packets();
            let mut wire = Vec::new();
            server.write_tls(&mut wire).unwrap();
            let mut wire = wire.as_slice();
            while !wire.is_empty() {
                client.read_tls(&mut wire).unwrap();
                client.process_new_packets()?;
            }
        }
        Ok(())
    }

    fn refused(result: Result<(), Error>, expected: CertificateError) {
        assert_eq!(result, Err(Error::InvalidCertificate(expected)));
    }

    #[test]
    fn what_is_believed() {
        let authority = Authority::new("ca");
        let good = authority.issue("a.example", 2099);
        let required = ClientSettings { trust: Some(authority.trust()), ..ClientSettings::default() };
        assert_eq!(shake(&required, None, false, &good), Ok(()));
        assert_eq!(shake(&required, Some("a.example"), false, &good), Ok(()));
        refused(shake(&required, Some("b.example"), false, &good), CertificateError::NotValidForName);
        let foreign = ClientSettings { trust: Some(Authority::new("other").trust()), ..ClientSettings::default() };
        refused(shake(&foreign, None, false, &good), CertificateError::UnknownIssuer);
        assert_eq!(shake(&ClientSettings::default(), Some("b.example"), false, &good), Ok(()));
        let old = authority.issue("a.example", 2001);
        assert!(matches!(
            shake(&required, None, false, &old),
            Err(Error::InvalidCertificate(CertificateError::ExpiredContext { .. }))
        ));
    }

    #[test]
    fn a_fixed_name_counts_unless_another_was_asked_for() {
        let authority = Authority::new("ca");
        let good = authority.issue("a.example", 2099);
        let fixed = |host: &str| ClientSettings {
            trust: Some(authority.trust()),
            host: Some(host.to_owned()),
            ..ClientSettings::default()
        };
        assert_eq!(shake(&fixed("a.example"), None, false, &good), Ok(()));
        assert_eq!(shake(&fixed("a.example"), Some("b.example"), true, &good), Ok(()));
        refused(shake(&fixed("b.example"), None, false, &good), CertificateError::NotValidForName);
        assert_eq!(shake(&fixed("b.example"), Some("a.example"), false, &good), Ok(()));
    }

    #[test]
    fn a_certificate_may_be_trusted_itself() {
        let mut params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let text = params.self_signed(&key).unwrap().pem();
        let mut bundle = Bundle::default();
        bundle.add(Part::Certificate, format!("{text}{}", key.serialize_pem()).as_bytes()).unwrap();
        let trust = Some(Arc::new(Trust::parse(text.as_bytes()).unwrap()));
        let settings = ClientSettings { trust, ..ClientSettings::default() };
        assert_eq!(shake(&settings, Some("a.example"), false, &bundle), Ok(()));
        refused(shake(&settings, Some("b.example"), false, &bundle), CertificateError::NotValidForName);
    }
}
