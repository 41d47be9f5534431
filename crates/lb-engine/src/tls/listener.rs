//! A listener's security: its certificates, as they are at the moment.

use lb_config::model::{Bind, BindTls};
use lb_tls::{Offer, Sites};
use std::sync::{Arc, PoisonError, RwLock};

/// How a listener's connections are secured.
#[derive(Debug)]
pub struct ListenerSecurity {
    /// As configured.
    pub config: Arc<BindTls>,
    /// Looked at once for each handshake.
    sites: RwLock<Arc<Sites>>,
}

impl ListenerSecurity {
    /// Of a listener that is to be secured.
    ///
    /// # Errors
    /// What the TLS library refuses.
    pub fn of(bind: &Bind) -> Result<Option<Box<Self>>, String> {
        let Some(config) = &bind.tls else { return Ok(None) };
        let sites = Sites::new(&config.offers, config.strict_sni)?;
        Ok(Some(Box::new(Self { config: Arc::clone(config), sites: RwLock::new(Arc::new(sites)) })))
    }

    /// The certificates.
    pub fn sites(&self) -> Arc<Sites> {
        Arc::clone(&self.sites.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Other certificates, made ready for [`ListenerSecurity::put`].
    ///
    /// # Errors
    /// What the TLS library refuses.
    pub fn prepare(&self, offers: &[Offer]) -> Result<Arc<Sites>, String> {
        self.sites().renewed(offers).map(Arc::new)
    }

    /// Answers with these certificates from here on.
    pub fn put(&self, sites: Arc<Sites>) {
        *self.sites.write().unwrap_or_else(PoisonError::into_inner) = sites;
    }
}
