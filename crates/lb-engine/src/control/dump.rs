//! The state of all servers in the log, on SIGHUP, in HAProxy's words.

use super::transition::unbound_queue;
use super::{BackendCtl, Control};
use crate::shared::ProxyState;
use lb_model::{OpState, Severity};

impl Control {
    /// Writes what memory the pools hold to standard error, on SIGQUIT. What they keep for reuse they give back by themselves.
    pub(super) fn dump_pools(&self) {
        use std::io::Write;
        // Nobody can be told that standard error is closed.
        let _ = std::io::stderr().write_all(crate::admin::pools_text(self).as_bytes());
    }

    /// Writes the state of each server and backend to its log and to standard error.
    pub(super) fn dump_servers(&self) {
        self.warn("SIGHUP received, dumping servers states.");
        let backends = self.backends.borrow();
        for proxy in self.shared.proxies.live().filter(|proxy| !proxy.config.disabled) {
            let Some(backend) = backends.get(proxy.index) else { continue };
            let config = proxy.config.get();
            let text = format!("SIGHUP received, dumping servers states for proxy {}.", config.name);
            self.shared.logger.send(&config.logs, Severity::Notice, config.log_tag.as_deref(), text.as_bytes());
            for server in proxy.servers.live() {
                let Some(own) = backend.servers.get(server.index) else { continue };
                let text = format!(
                    "SIGHUP: Server {}/{} is {}. Conn: {} act, {} pend, {} tot.",
                    config.name,
                    server.config().name,
                    if own.health.op() == OpState::Stopped { "DOWN" } else { "UP" },
                    server.sessions.get(),
                    server.queued.get(),
                    server.counters.sum(|c| c.sessions.get()),
                );
                self.tell_proxy(proxy, Severity::Notice, &text);
            }
            self.tell_proxy(proxy, Severity::Notice, &summary(proxy, backend));
        }
    }
}

fn summary(proxy: &ProxyState, backend: &BackendCtl) -> String {
    let usable = backend.usable;
    let servers = if backend.servers.is_empty() {
        "has no servers.".to_owned()
    } else if usable.count() == 0 {
        "has no server available !".to_owned()
    } else if usable.main == 0 {
        format!("is running on {} backup servers.", usable.backup)
    } else {
        format!("has {} active servers and {} backup servers available.", usable.main, usable.backup)
    };
    format!(
        "SIGHUP: Proxy {} {servers} Conn: act(FE+BE): {}+{}, {} pend ({} unass), tot(FE+BE): {}+{}.",
        proxy.config.name,
        proxy.front_sessions.get(),
        proxy.back_sessions.get(),
        proxy.queued.get(),
        unbound_queue(proxy),
        proxy.front.sum(|c| c.connections.get()),
        proxy.back.sum(|c| c.sessions.get()),
    )
}
