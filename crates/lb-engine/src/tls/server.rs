//! A server's security: how connections to it are secured, and whether they are.

use lb_config::model::{Named, Server, ServerTls, TlsFiles};
use lb_tls::{Client, ClientSettings};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

/// How connections to a server are secured.
#[derive(Debug)]
pub struct ServerSecurity {
    /// Its settings.
    pub config: Arc<ServerTls>,
    enabled: AtomicBool,
    client: RwLock<Arc<Client>>,
}

impl ServerSecurity {
    /// Of a server, if it has settings for it.
    pub fn of(server: &Server) -> Option<Self> {
        let config = server.tls.as_ref().filter(|tls| tls.prepared)?;
        // The parser has made sure that the library takes them.
        let client = client(config, None).ok()?;
        Some(Self {
            config: Arc::clone(config),
            enabled: AtomicBool::new(config.enabled),
            client: RwLock::new(Arc::new(client)),
        })
    }

    /// Whether traffic is secured.
    pub fn is_enabled(&self) -> bool {
        self.enabled.load(Relaxed)
    }

    /// Switches the traffic's security.
    pub fn enable(&self, enabled: bool) {
        self.enabled.store(enabled, Relaxed);
    }

    /// Whether health checks are secured.
    pub fn secures_checks(&self) -> bool {
        self.config.check
    }

    /// How traffic is to be secured, if it is.
    pub fn for_traffic(&self) -> Option<&Self> {
        self.is_enabled().then_some(self)
    }

    /// What makes connections.
    pub fn client(&self) -> Arc<Client> {
        Arc::clone(&self.client.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What makes connections from other files, made ready for [`ServerSecurity::put`].
    ///
    /// # Errors
    /// What the TLS library refuses.
    pub fn prepare(&self, files: &TlsFiles) -> Result<Client, String> {
        client(&self.config, Some(files))
    }

    /// Makes connections with it from here on.
    pub fn put(&self, client: Client) {
        *self.client.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(client);
    }
}

fn client(config: &ServerTls, renewed: Option<&TlsFiles>) -> Result<Client, String> {
    let trust = config.ca_file.as_ref().map(|named| latest(named, renewed.map(|files| &files.trusts)));
    Client::new(&ClientSettings {
        trust: if config.verify { Some(trust.ok_or("there is no ca-file to verify servers with")?) } else { None },
        crl: config.crl_file.as_ref().map(|named| latest(named, renewed.map(|files| &files.crls))),
        certificate: config.crt.as_ref().map(|named| latest(named, renewed.map(|files| &files.certificates))),
        host: config.verifyhost.clone(),
        alpn: config.alpn.clone(),
        versions: config.versions,
        ciphers: config.ciphers.clone(),
        no_reuse: config.no_reuse,
    })
}

/// What a file holds by the latest news of it.
fn latest<T>(named: &Named<T>, renewed: Option<&BTreeMap<String, Arc<T>>>) -> Arc<T> {
    Arc::clone(renewed.and_then(|files| files.get(&named.name)).unwrap_or(&named.held))
}
