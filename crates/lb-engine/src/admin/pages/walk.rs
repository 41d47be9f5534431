//! The rows of the status page in their order, taken one by one so that no long borrow keeps others waiting.

use super::super::stat_values::Viewer;
use super::cells::{Row, Wanted};
use crate::control::Control;
use crate::orders::{Scope, StatusView};
use crate::shared::ProxyState;
use lb_model::OpState;

/// Proxies that the view shows.
pub(super) fn proxies(control: &Control, scope: &Scope) -> Vec<&'static ProxyState> {
    let shown = |proxy: &&'static ProxyState| {
        let config = proxy.config.get();
        !config.disabled && scope.shows(&config.name)
    };
    control.shared.proxies.live().filter(shown).collect()
}

/// A row that can be made when its turn comes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    Frontend(&'static ProxyState),
    Server(usize, usize),
    Backend(usize),
}

/// The places of a proxy's rows.
pub(super) fn places(proxy: &'static ProxyState) -> Vec<Place> {
    let kind = proxy.config.get().kind;
    let mut found = Vec::new();
    if kind.has_frontend() {
        found.push(Place::Frontend(proxy));
    }
    if kind.has_backend() {
        found.extend(proxy.servers.live().map(|server| Place::Server(proxy.index, server.index)));
        found.push(Place::Backend(proxy.index));
    }
    found
}

/// The row of a place; `None`: the view leaves it out, or it went away.
pub(super) fn row(control: &Control, place: Place, view: &StatusView) -> Option<Row> {
    match place {
        Place::Server(proxy, server) => {
            Row::of_server(control, (proxy, server), &Wanted { up_only: view.up_only, no_maint: view.no_maint })
        }
        Place::Frontend(proxy) => {
            let backends = control.backends();
            Some(Row::of_frontend(&Viewer::new(control, &backends, true), proxy))
        }
        Place::Backend(proxy) => {
            let backends = control.backends();
            Row::of_backend(&Viewer::new(control, &backends, true), proxy)
        }
    }
}

/// Servers by what they may get.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Census {
    pub(super) up: u32,
    pub(super) draining: u32,
    pub(super) down: u32,
    pub(super) maint: u32,
}

/// Counts the servers that the view's scope shows.
pub(super) fn census(control: &Control, scope: &Scope) -> Census {
    let mut found = Census::default();
    let backends = control.backends();
    for proxy in proxies(control, scope) {
        for server in proxy.servers.live() {
            let Some(own) = backends.get(proxy.index).and_then(|b| b.servers.get(server.index)) else { continue };
            let health = &own.health;
            let count = match health.op() {
                _ if health.admin().in_maint() => &mut found.maint,
                OpState::Stopped => &mut found.down,
                OpState::Stopping => &mut found.draining,
                _ if health.admin().in_drain() => &mut found.draining,
                OpState::Starting | OpState::Running => &mut found.up,
            };
            *count += 1;
        }
    }
    found
}
