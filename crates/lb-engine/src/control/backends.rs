//! Backends that come and go at run time, like the servers in `dynamic`.

use super::dynamic::lowest_free;
use super::{BackendCtl, Control};
use crate::shared::{ProxyState, lock};
use lb_config::model::Proxy;
use lb_model::ProxyKind;
use std::sync::atomic::Ordering::Relaxed;

/// Why a backend stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BackendStays {
    /// There is none of that name.
    #[error("No such backend.")]
    NotThere,
    /// It is a frontend, too.
    #[error("Cannot delete a listen section.")]
    Listen,
    /// It keeps a table.
    #[error("Cannot remove a backend with stick-table.")]
    HasTable,
    /// A rule or an expression names it.
    #[error("This backend cannot be removed at runtime due to other configuration elements pointing to it.")]
    Referenced,
    /// Rules may lead to it.
    #[error("Backend must be unpublished prior to its deletion.")]
    Published,
    /// It has servers.
    #[error("Only a backend without server can be deleted.")]
    HasServers,
    /// Somebody is served by it.
    #[error("Backend still has streams attached to it, cannot remove it.")]
    InUse,
}

impl BackendStays {
    /// Whether time may help.
    pub const fn may_pass(self) -> bool {
        matches!(self, Self::InUse)
    }
}

impl Control {
    /// Adds a backend, without servers. `false`: there is no room for more proxies.
    pub fn add_backend(&self, mut proxy: Proxy) -> bool {
        if proxy.id == 0 {
            let taken = self.shared.proxies.live().map(|known| known.config.id).collect();
            // The first number belongs to the admin sockets' own proxy.
            proxy.id = lowest_free(taken, 2);
        }
        let own = BackendCtl::new(self.now());
        // It lasts as long as the process, as whoever met it may still look at it.
        let config: &'static Proxy = Box::leak(Box::new(proxy));
        let free = self.free_proxies.borrow_mut().pop();
        let index = match free.and_then(|index| self.shared.proxies.get(index)) {
            Some(place) => {
                place.begin_anew(config);
                place.index
            }
            None => {
                let made = |index| ProxyState::new(index, config, Vec::new(), self.shared.threads);
                let Some(index) = self.shared.proxies.push(made) else { return false };
                index
            }
        };
        let mut backends = self.backends.borrow_mut();
        let former = backends.take(index);
        backends.set(index, BackendCtl { free: former.map(|f| f.free).unwrap_or_default(), ..own });
        self.shared.proxies.link(index);
        true
    }

    /// Takes a backend out, if nothing speaks against it.
    ///
    /// # Errors
    /// What speaks against it.
    pub async fn remove_backend(&self, proxy: &'static ProxyState) -> Result<(), BackendStays> {
        match self.backend_removable(proxy) {
            Err(because) if !because.may_pass() => return Err(because),
            _ => {}
        }
        let config = proxy.config.get();
        // Whoever chose it while it was published is counted once every thread has been here.
        self.on_every_thread(|_| ()).await;
        if !std::ptr::eq(config, proxy.config.get()) {
            return Err(BackendStays::NotThere);
        }
        self.backend_removable(proxy)?;
        if !self.shared.proxies.unlink(proxy.index) {
            return Err(BackendStays::NotThere);
        }
        *lock(&proxy.captures.request) = None;
        *lock(&proxy.captures.response) = None;
        self.free_proxies.borrow_mut().push(proxy.index);
        Ok(())
    }

    /// Whether a backend could be taken out now.
    ///
    /// # Errors
    /// What speaks against it.
    pub fn backend_removable(&self, proxy: &ProxyState) -> Result<(), BackendStays> {
        let config = proxy.config.get();
        match () {
            () if config.kind == ProxyKind::Listen => Err(BackendStays::Listen),
            () if config.table.is_some() => Err(BackendStays::HasTable),
            () if proxy.published.load(Relaxed) => Err(BackendStays::Published),
            () if !proxy.servers.is_empty() => Err(BackendStays::HasServers),
            () if config.referenced => Err(BackendStays::Referenced),
            () if proxy.back_sessions.get() > 0 || proxy.queued.get() > 0 => Err(BackendStays::InUse),
            () => Ok(()),
        }
    }
}
