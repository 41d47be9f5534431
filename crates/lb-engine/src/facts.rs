//! Numbers of backends and servers that expressions ask for, read from the shared counters.

use crate::shared::{ProxyState, ServerState, Shared};
use lb_sample::{BackendNumber, ServerNumber};
use std::sync::atomic::Ordering::Relaxed;

/// The backend of that name.
pub fn backend_named(shared: &'static Shared, name: &str) -> Option<&'static ProxyState> {
    shared.proxies.live().find(|p| &*p.config.name == name && p.config.kind.has_backend())
}

/// A number of a backend.
pub fn backend_number(proxy: &ProxyState, what: BackendNumber, now_ms: u64) -> Option<i64> {
    let usable = || proxy.servers.live().filter(|s| s.balanced_weight() > 0);
    let ms = |d: Option<std::time::Duration>| d.map(|d| d.as_millis() as i64);
    Some(match what {
        BackendNumber::UsableServers => usable().count() as i64,
        BackendNumber::Connections => i64::from(proxy.back_sessions.get()),
        BackendNumber::ConnectionsFree | BackendNumber::ConnectionSlots => {
            let mut free = 0;
            for server in usable() {
                let max = i64::from(server.maxconn.load(Relaxed));
                if max == 0 {
                    return Some(-1);
                }
                free += (max - i64::from(server.sessions.get())).max(0);
                if what == BackendNumber::ConnectionSlots {
                    free += (i64::from(server.config().maxqueue) - i64::from(server.queued.get())).max(0);
                }
            }
            free
        }
        BackendNumber::SessionRate => proxy.back.sum(|c| c.session_rate.per_second(now_ms)) as i64,
        BackendNumber::Queue => i64::from(proxy.queued.get()),
        BackendNumber::AverageQueue => i64::from(proxy.queued.get()) / (usable().count() as i64).max(1),
        BackendNumber::Id => i64::from(proxy.config.id),
        BackendNumber::ServerTimeoutMs => ms(proxy.config.timeouts.server)?,
        BackendNumber::TunnelTimeoutMs => ms(proxy.config.timeouts.tunnel)?,
    })
}

/// A number of a server.
pub fn server_number(server: &ServerState, what: ServerNumber, now_ms: u64) -> i64 {
    let max = i64::from(server.maxconn.load(Relaxed));
    match what {
        ServerNumber::IsUp => i64::from(server.is_persistent()),
        ServerNumber::Connections => i64::from(server.sessions.get()),
        ServerNumber::ConnectionsFree if max == 0 => -1,
        ServerNumber::ConnectionsFree => (max - i64::from(server.sessions.get())).max(0),
        ServerNumber::Queue => i64::from(server.queued.get()),
        ServerNumber::SessionRate => server.counters.sum(|c| c.session_rate.per_second(now_ms)) as i64,
        ServerNumber::Weight | ServerNumber::UserWeight => i64::from(server.fitness.load(Relaxed) & 0xffff),
        ServerNumber::InitialWeight => i64::from(server.config().weight),
        ServerNumber::Id => i64::from(server.config().id),
    }
}

/// `fullconn`; by default a tenth of what the frontends that may choose this backend accept, and at least one.
pub fn fullconn(shared: &Shared, proxy: &ProxyState) -> u32 {
    if let Some(fullconn) = proxy.config.fullconn {
        return fullconn;
    }
    let chooses = |frontend: &&ProxyState| {
        let config = frontend.config.get();
        config.kind.has_frontend()
            && (config.default_backend.is_some_and(|b| b.0 == proxy.index)
                || config.use_backend.iter().any(|rule| rule.backend.fixed().is_some_and(|b| b.0 == proxy.index)))
    };
    let limit = |frontend: &ProxyState| frontend.config.maxconn.unwrap_or(shared.process.hard_maxconn);
    shared.proxies.live().filter(chooses).map(limit).sum::<u32>().div_ceil(10).max(1)
}
