//! Frontends: pausing, resuming and shutting their listeners. Data threads do it, told by their mailboxes.

use super::Control;
use crate::data::thread::refresh_frontends;
use crate::listen;
use crate::shared::{FrontendState, ProxyState, lock};
use lb_model::Severity;
use std::sync::atomic::Ordering::Relaxed;

/// Why a frontend stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrontendRefusal {
    /// `enable frontend` on one that listens.
    #[error("All sockets are already enabled.")]
    AlreadyEnabled,
    /// `disable frontend` on a paused one.
    #[error("All sockets are already disabled.")]
    AlreadyDisabled,
    /// `enable frontend` after `shutdown frontend`.
    #[error("Frontend was previously shut down, cannot enable.")]
    ShutDownCannotEnable,
    /// `disable frontend` after `shutdown frontend`.
    #[error("Frontend was previously shut down, cannot disable.")]
    ShutDownCannotDisable,
    /// `shutdown frontend`, twice.
    #[error("Frontend was already shut down.")]
    AlreadyShutDown,
}

impl Control {
    /// `disable frontend`.
    ///
    /// # Errors
    /// When it does not listen.
    pub fn pause_frontend(&self, proxy: &'static ProxyState) -> Result<(), FrontendRefusal> {
        match proxy.frontend_state() {
            FrontendState::Paused => return Err(FrontendRefusal::AlreadyDisabled),
            FrontendState::Stopped => return Err(FrontendRefusal::ShutDownCannotDisable),
            FrontendState::Open => {}
        }
        self.set_frontend(proxy, FrontendState::Paused);
        self.tell_proxy(proxy, Severity::Warning, &format!("Paused frontend {}.", proxy.config.name));
        Ok(())
    }

    /// `enable frontend`.
    ///
    /// # Errors
    /// When it listens already, or was shut down.
    pub fn resume_frontend(&self, proxy: &'static ProxyState) -> Result<(), FrontendRefusal> {
        match proxy.frontend_state() {
            FrontendState::Open => return Err(FrontendRefusal::AlreadyEnabled),
            FrontendState::Stopped => return Err(FrontendRefusal::ShutDownCannotEnable),
            FrontendState::Paused => {}
        }
        self.set_frontend(proxy, FrontendState::Open);
        self.tell_proxy(proxy, Severity::Warning, &format!("Resumed frontend {}.", proxy.config.name));
        Ok(())
    }

    /// `shutdown frontend`: for good.
    ///
    /// # Errors
    /// When it was shut down before.
    pub fn shut_frontend(&self, proxy: &'static ProxyState) -> Result<(), FrontendRefusal> {
        if proxy.frontend_state() == FrontendState::Stopped {
            return Err(FrontendRefusal::AlreadyShutDown);
        }
        self.set_frontend(proxy, FrontendState::Stopped);
        self.tell_stopped(proxy);
        Ok(())
    }

    /// Another process wants the ports (SIGTTOU).
    pub(super) fn pause_frontends(&self) {
        for proxy in self.frontends() {
            // Those that are paused or shut already are not asked again.
            let _ = self.pause_frontend(proxy);
        }
    }

    /// The other process did not take them (SIGTTIN).
    pub(super) fn resume_frontends(&self) {
        for proxy in self.frontends() {
            let _ = self.resume_frontend(proxy);
        }
    }

    /// No new connections at all; sessions finish.
    pub(super) fn soft_stop(&self) {
        self.shared.process.stopping_since_ms.store(self.shared.clock.uptime().as_millis() as u64, Relaxed);
        self.shared.process.stopping.store(true, Relaxed);
        self.admin.stop();
        for listener in self.shared.proxies.live().flat_map(|proxy| &proxy.listeners) {
            lock(&listener.taps).clear();
        }
        self.refresh_threads();
        for proxy in self.shared.proxies.live().filter(|p| !p.config.disabled) {
            if proxy.frontend_state() != FrontendState::Stopped || !proxy.config.kind.has_frontend() {
                self.tell_stopped(proxy);
            }
        }
    }

    fn frontends(&self) -> impl Iterator<Item = &'static ProxyState> {
        self.shared.proxies.live().filter(|p| p.config.kind.has_frontend() && !p.config.disabled)
    }

    /// The sockets obey at once, so that the answer is true when it is given; the threads are told to follow.
    fn set_frontend(&self, proxy: &ProxyState, state: FrontendState) {
        proxy.state.store(state as u8, Relaxed);
        for listener in &proxy.listeners {
            let mut taps = lock(&listener.taps);
            match state {
                FrontendState::Paused => {
                    taps.iter().filter(|tap| tap.pausable).for_each(|tap| listen::pause(&tap.socket));
                }
                FrontendState::Open => {
                    for tap in taps.iter().filter(|tap| tap.pausable) {
                        // A failure shows in the thread, which listens again itself.
                        let _ = tap.socket.listen(tap.backlog);
                    }
                }
                FrontendState::Stopped => taps.clear(),
            }
        }
        self.refresh_threads();
    }

    fn refresh_threads(&self) {
        for mailbox in self.shared.mailboxes.get().into_iter().flatten() {
            mailbox.post(Box::new(refresh_frontends));
        }
    }

    fn tell_stopped(&self, proxy: &'static ProxyState) {
        let front = proxy.front.sum(|c| c.connections.get());
        let back = proxy.back.sum(|c| c.sessions.get());
        let text = format!("Proxy {} stopped (cumulated conns: FE: {front}, BE: {back}).", proxy.config.name);
        self.tell_proxy(proxy, Severity::Warning, &text);
    }
}
