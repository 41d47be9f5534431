//! Certificates, authorities and revocations as they are at run time, and changes to them that are not yet in force.

use super::listener::ListenerSecurity;
use super::server::ServerSecurity;
use crate::shared::{ListenerState, ProxyState, Shared};
use lb_config::model::TlsFiles;
use lb_tls::{Bundle, Client, Crl, Named, Offer, Sites, Trust};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What commands see and change.
#[derive(Debug)]
pub struct Store {
    /// What is in force.
    pub files: TlsFiles,
    /// Names made by `new ssl …` that hold nothing yet.
    pub empty: Names,
    /// The certificate being changed.
    pub certificate: Option<(String, Bundle)>,
    /// The `ca-file` being changed.
    pub trust: Option<(String, Trust)>,
    /// The `crl-file` being changed.
    pub crl: Option<(String, Crl)>,
}

/// Names without contents.
#[derive(Debug, Default)]
pub struct Names {
    /// Of certificates.
    pub certificates: Vec<String>,
    /// Of `ca-file`s.
    pub trusts: Vec<String>,
    /// Of `crl-file`s.
    pub crls: Vec<String>,
}

impl Store {
    /// As configured.
    pub fn new(shared: &Shared) -> Self {
        Self { files: shared.config.tls.clone(), empty: Names::default(), certificate: None, trust: None, crl: None }
    }
}

/// The secured listeners, each with its frontend.
pub fn listeners(shared: &Shared) -> Vec<(&ProxyState, &ListenerState, &ListenerSecurity)> {
    let of = |proxy: &'_ ProxyState| -> Vec<usize> { (0..proxy.listeners.len()).collect() };
    let mut found = Vec::new();
    for proxy in shared.proxies.live() {
        for listener in of(proxy).into_iter().filter_map(|at| proxy.listeners.get(at)) {
            if let Some(security) = listener.tls.as_deref() {
                found.push((proxy, listener, security));
            }
        }
    }
    found
}

/// The servers with settings for it.
fn servers(shared: &Shared) -> Vec<Arc<ServerSecurity>> {
    let servers = shared.proxies.live().flat_map(|proxy| proxy.servers.live());
    servers.filter_map(|server| server.tls().as_ref().map(Arc::clone)).collect()
}

/// A change of files made ready: nothing of it can fail any more.
#[derive(Debug)]
pub struct Prepared<'a> {
    listeners: Vec<(&'a ListenerSecurity, Arc<Sites>)>,
    servers: Vec<(Arc<ServerSecurity>, Client)>,
}

impl Prepared<'_> {
    /// How many objects it changes.
    pub fn changes(&self) -> usize {
        self.listeners.len() + self.servers.len()
    }

    /// Puts it in force for connections to come.
    pub fn apply(self) {
        for (listener, sites) in self.listeners {
            listener.put(sites);
        }
        for (server, client) in self.servers {
            server.put(client);
        }
    }
}

/// Which of a server's files changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A certificate.
    Certificate,
    /// A `ca-file`.
    Trust,
    /// A `crl-file`.
    Crl,
}

/// Makes ready what uses the file of that kind and name, with its contents in `files`.
///
/// # Errors
/// What the TLS library refuses.
pub fn prepare<'a>(shared: &'a Shared, kind: Kind, name: &str, files: &TlsFiles) -> Result<Prepared<'a>, String> {
    let mut prepared = Prepared { listeners: Vec::new(), servers: Vec::new() };
    for (_, _, security) in listeners(shared) {
        let sites = security.sites();
        if !sites.offers().any(|offer| uses(offer, kind, name)) {
            continue;
        }
        let offers: Vec<Offer> = sites.offers().map(|offer| renewed(offer, kind, name, files)).collect();
        prepared.listeners.push((security, security.prepare(&offers)?));
    }
    for security in servers(shared).into_iter().filter(|security| server_uses(security, kind, name)) {
        let client = security.prepare(files)?;
        prepared.servers.push((security, client));
    }
    Ok(prepared)
}

/// Whether something uses it.
pub fn is_used(shared: &Shared, kind: Kind, name: &str) -> bool {
    listeners(shared).iter().any(|(_, _, security)| security.sites().offers().any(|offer| uses(offer, kind, name)))
        || servers(shared).into_iter().any(|security| server_uses(&security, kind, name))
}

fn named<T>(file: &Option<Named<T>>, name: &str) -> bool {
    file.as_ref().is_some_and(|file| file.name == name)
}

fn uses(offer: &Offer, kind: Kind, name: &str) -> bool {
    match kind {
        Kind::Certificate => offer.file.name == name,
        Kind::Trust => named(&offer.settings.trust, name),
        Kind::Crl => named(&offer.settings.crl, name),
    }
}

fn server_uses(security: &ServerSecurity, kind: Kind, name: &str) -> bool {
    match kind {
        Kind::Certificate => named(&security.config.crt, name),
        Kind::Trust => named(&security.config.ca_file, name),
        Kind::Crl => named(&security.config.crl_file, name),
    }
}

fn renewed(offer: &Offer, kind: Kind, name: &str, files: &TlsFiles) -> Offer {
    let mut offer = offer.clone();
    if !uses(&offer, kind, name) {
        return offer;
    }
    if kind == Kind::Certificate {
        renew(&mut offer.file, &files.certificates);
        return offer;
    }
    let settings = Arc::make_mut(&mut offer.settings);
    if let Some(trust) = settings.trust.as_mut().filter(|_| kind == Kind::Trust) {
        renew(trust, &files.trusts);
    }
    if let Some(crl) = settings.crl.as_mut().filter(|_| kind == Kind::Crl) {
        renew(crl, &files.crls);
    }
    offer
}

fn renew<T>(file: &mut Named<T>, files: &BTreeMap<String, Arc<T>>) {
    if let Some(held) = files.get(&file.name) {
        file.held = Arc::clone(held);
    }
}
