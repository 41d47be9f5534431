//! What a listener's connections are made of: which certificate answers which name, and under which settings.

use crate::bundle::Bundle;
use crate::crl::Crl;
use crate::provider::Ciphers;
use crate::settings::{Named, Versions};
use crate::trust::Trust;
use crate::verify::ClientAuth;
use rustls::server::{
    ClientHello, NoServerSessionStorage, ProducesTickets, ResolvesServerCert, ServerSessionMemoryCache,
};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, SignatureAlgorithm};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// `verify` of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verify {
    /// Clients are not asked for a certificate.
    #[default]
    None,
    /// They are asked, and need not have one.
    Optional,
    /// They must have one.
    Required,
}

/// Settings of a listener, or of one certificate of it.
#[derive(Debug, Clone, Default)]
pub struct ServerSettings {
    /// Versions that may be spoken.
    pub versions: Versions,
    /// Suites that may be used.
    pub ciphers: Ciphers,
    /// Protocols that can be agreed on, best first.
    pub alpn: Vec<Vec<u8>>,
    /// Whether clients show certificates.
    pub verify: Verify,
    /// Who vouches for clients (`ca-file`).
    pub trust: Option<Named<Trust>>,
    /// `crl-file`.
    pub crl: Option<Named<Crl>>,
    /// `no-ca-names`: clients are not told who may vouch for them.
    pub no_ca_names: bool,
    /// `crt-ignore-err`, `ca-ignore-err`: verdicts, by OpenSSL's numbers, that do not end the handshake.
    pub ignored_verdicts: BTreeSet<u32>,
    /// `no-tls-tickets`.
    pub no_tickets: bool,
    /// `prefer-client-ciphers`.
    pub prefer_client_ciphers: bool,
}

/// A certificate of a listener.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The certificate, and the name of its file.
    pub file: Named<Bundle>,
    /// Its settings.
    pub settings: Arc<ServerSettings>,
    /// Names that choose it; none: those it is for. `!name` excludes from a wildcard, `*` makes it a default.
    pub filters: Vec<String>,
    /// The list and line that named it.
    pub line: Option<(String, u32)>,
    /// `default-crt`: it is for those that no other is for.
    pub default: bool,
}

impl Offer {
    /// The names it answers, as it is looked for; wildcards begin with `*.`.
    pub fn names(&self) -> Vec<String> {
        let positive: Vec<String> =
            self.filters.iter().filter(|f| !f.starts_with('!')).map(|f| f.to_ascii_lowercase()).collect();
        if positive.is_empty() {
            self.file.held.describe().map(|c| c.host_names()).unwrap_or_default()
        } else {
            positive
        }
    }

    /// Names it does not answer although a wildcard covers them.
    pub fn excluded(&self) -> Vec<String> {
        self.filters.iter().filter_map(|f| f.strip_prefix('!')).map(str::to_ascii_lowercase).collect()
    }
}

/// A certificate ready to answer.
#[derive(Debug)]
pub struct Site {
    /// What was configured.
    pub offer: Offer,
    key: Arc<CertifiedKey>,
    negotiating: Arc<ServerConfig>,
    plain: Arc<ServerConfig>,
    auth: Option<Arc<ClientAuth>>,
    excluded: Vec<String>,
}

#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

impl Site {
    fn new(offer: &Offer, tickets: &Option<Arc<dyn ProducesTickets>>) -> Result<Self, String> {
        let settings = &offer.settings;
        let provider = settings.ciphers.provider();
        let auth = match settings.verify {
            Verify::None => None,
            verify => Some(Arc::new(ClientAuth::new(&provider, settings, verify == Verify::Required)?)),
        };
        let key = Arc::new(offer.file.held.certified().map_err(|e| e.to_string())?);
        let builder = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&settings.versions.spoken())
            .map_err(|e| e.to_string())?;
        let builder = match &auth {
            None => builder.with_no_client_auth(),
            Some(auth) => builder.with_client_cert_verifier(Arc::clone(auth) as _),
        };
        let mut plain = builder.with_cert_resolver(Arc::new(Always(Arc::clone(&key))));
        plain.ignore_client_order = !settings.prefer_client_ciphers;
        match tickets.as_ref().filter(|_| !settings.no_tickets) {
            Some(tickets) => {
                plain.ticketer = Arc::clone(tickets);
                plain.session_storage = Arc::new(NoServerSessionStorage {});
            }
            None => plain.session_storage = ServerSessionMemoryCache::new(1_024),
        }
        let mut negotiating = plain.clone();
        negotiating.alpn_protocols.clone_from(&settings.alpn);
        Ok(Self {
            excluded: offer.excluded(),
            offer: offer.clone(),
            key,
            negotiating: Arc::new(negotiating),
            plain: Arc::new(plain),
            auth,
        })
    }

    /// What a connection with this client is made from. A client with none of the protocols here goes without.
    pub fn config(&self, hello: &ClientHello<'_>) -> Arc<ServerConfig> {
        let own = &self.offer.settings.alpn;
        let common = hello.alpn().is_some_and(|mut offered| offered.any(|name| own.iter().any(|own| own == name)));
        Arc::clone(if common { &self.negotiating } else { &self.plain })
    }

    /// OpenSSL's number for the verdict on a client's certificates that were let through.
    pub fn verdict(&self, chain: &[rustls::pki_types::CertificateDer<'_>]) -> u32 {
        self.auth.as_ref().map_or(0, |auth| auth.verdict(chain))
    }

    fn is_ecdsa(&self) -> bool {
        matches!(self.key.key.algorithm(), SignatureAlgorithm::ECDSA | SignatureAlgorithm::ED25519)
    }

    fn suits(&self, hello: &ClientHello<'_>) -> bool {
        self.key.key.choose_scheme(hello.signature_schemes()).is_some()
    }
}

/// The certificates of a listener.
#[derive(Debug)]
pub struct Sites {
    sites: Vec<Arc<Site>>,
    /// Places in `sites`, in order, by exact name.
    exact: BTreeMap<String, Vec<usize>>,
    /// The same by what follows the `*` of a wildcard.
    wild: BTreeMap<String, Vec<usize>>,
    /// For those no other is for.
    defaults: Vec<usize>,
    strict: bool,
    tickets: Option<Arc<dyn ProducesTickets>>,
}

impl Sites {
    /// From a listener's certificates, best first. `strict`: only names that are known are answered.
    ///
    /// # Errors
    /// What the library refuses, with the file's name.
    pub fn new(offers: &[Offer], strict: bool) -> Result<Self, String> {
        let tickets = rustls::crypto::ring::Ticketer::new().ok();
        Self::with_tickets(offers, strict, tickets)
    }

    /// The same with other certificates; who was here before can come back without a whole handshake.
    ///
    /// # Errors
    /// As of [`Sites::new`].
    pub fn renewed(&self, offers: &[Offer]) -> Result<Self, String> {
        Self::with_tickets(offers, self.strict, self.tickets.clone())
    }

    fn with_tickets(offers: &[Offer], strict: bool, tickets: Option<Arc<dyn ProducesTickets>>) -> Result<Self, String> {
        let mut made = Self {
            sites: Vec::with_capacity(offers.len()),
            exact: BTreeMap::new(),
            wild: BTreeMap::new(),
            defaults: Vec::new(),
            strict,
            tickets,
        };
        for (at, offer) in offers.iter().enumerate() {
            let site = Site::new(offer, &made.tickets).map_err(|why| format!("'{}' : {why}", offer.file.name))?;
            made.sites.push(Arc::new(site));
            for name in offer.names() {
                let list = match name.strip_prefix('*') {
                    Some("") => &mut made.defaults,
                    Some(suffix) => made.wild.entry(suffix.to_owned()).or_default(),
                    None => made.exact.entry(name).or_default(),
                };
                list.push(at);
            }
            if offer.default {
                made.defaults.push(at);
            }
        }
        if made.defaults.is_empty() && !offers.is_empty() {
            made.defaults.push(0);
        }
        Ok(made)
    }

    /// The certificate for a client; `None`: there is none for it.
    pub fn choose(&self, hello: &ClientHello<'_>) -> Option<Arc<Site>> {
        let name = hello.server_name().map(str::to_ascii_lowercase).unwrap_or_default();
        let known = self.exact.get(&name).map(|list| self.best(list, hello, "")).unwrap_or_else(|| {
            let suffix = name.find('.').and_then(|dot| name.get(dot..))?;
            self.best(self.wild.get(suffix)?, hello, &name)
        });
        let chosen = known.or_else(|| if self.strict { None } else { self.best(&self.defaults, hello, "") })?;
        self.sites.get(chosen).cloned()
    }

    /// Of several, that with the key the client knows best.
    fn best(&self, list: &[usize], hello: &ClientHello<'_>, name: &str) -> Option<usize> {
        let site = |at: &&usize| self.sites.get(**at);
        let allowed = || list.iter().filter(|at| site(at).is_some_and(|s| !s.excluded.iter().any(|n| n == name)));
        let suits = |at: &&usize| site(at).is_some_and(|s| s.suits(hello));
        let ecdsa = |at: &&usize| site(at).is_some_and(|s| s.is_ecdsa());
        let found = allowed().find(|at| suits(at) && ecdsa(at)).or_else(|| allowed().find(suits));
        found.or_else(|| allowed().next()).copied()
    }

    /// What was offered, in order.
    pub fn offers(&self) -> impl Iterator<Item = &Offer> {
        self.sites.iter().map(|site| &site.offer)
    }

    /// Whether this certificate answers those that no other is for.
    pub fn is_default(&self, at: usize) -> bool {
        !self.strict && self.defaults.contains(&at)
    }
}
