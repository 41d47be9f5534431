//! States that a former process left are taken over before anything is published.

use super::server::{AgentTarget, BackendCtl, CheckTarget, ServerCtl};
use super::{Control, Table};
use crate::shared::{ServerState, Shared, Target};
use lb_check::{Action, CheckResult, SavedHealth};
use lb_stats::{SavedServer, SavedTarget};
use std::net::SocketAddr;
use std::time::Duration;

/// Bits of a check's mask: configured and switched on.
const CONFIGURED: u8 = 2;
const ENABLED: u8 = 4;

/// Gives servers the states that are known of them.
pub(super) fn apply(
    shared: &Shared,
    backends: &mut Table<BackendCtl>,
    now: Duration,
    out: &mut Vec<(usize, usize, Action)>,
) {
    for proxy in shared.proxies.live() {
        for state in proxy.servers.live() {
            let (p, s) = (proxy.index, state.index);
            let Some(saved) = shared.former.server(p, s) else { continue };
            let Some(server) = backends.get_mut(p).and_then(|b| b.servers.get_mut(s)) else { continue };
            let mut actions = Vec::new();
            server.health.restore(&health(saved), now, &mut actions);
            out.extend(actions.into_iter().map(|action| (p, s, action)));
            place(state, saved);
            targets(server, saved);
        }
    }
}

fn health(saved: &SavedServer) -> SavedHealth {
    let switched_off = |mask: u8| mask & CONFIGURED > 0 && mask & ENABLED == 0;
    SavedHealth {
        op: saved.op,
        admin: saved.admin,
        weight: saved.weight,
        configured_weight: saved.configured_weight,
        age: Duration::from_secs(saved.age_s),
        status: saved.check_status,
        result: CheckResult::from_number(saved.check_result).unwrap_or_default(),
        health: saved.check_health,
        check_off: switched_off(saved.check_state),
        agent_off: switched_off(saved.agent_state),
    }
}

/// The port is taken over, and the address where the configuration has a name, as observed: an address that the
/// configuration spells out is what the operator wants.
fn place(state: &ServerState, saved: &SavedServer) {
    let Target::Ip(configured) = state.target() else { return };
    let address = saved.address.filter(|_| state.config().fqdn.is_some()).unwrap_or(configured.ip());
    let target = SocketAddr::new(address, saved.port);
    if target != configured {
        state.set_target(Target::Ip(target));
    }
}

fn targets(server: &mut ServerCtl, saved: &SavedServer) {
    if let Ok(SavedTarget { address, port }) = saved.check_target
        && server.health.check().is_configured()
    {
        let CheckTarget { addr: own_addr, port: own_port } = server.check.clone();
        server.check = CheckTarget { addr: address.or(own_addr), port: port.or(own_port) };
    }
    if let Ok(SavedTarget { address, port }) = saved.agent_target
        && server.health.agent().is_configured()
    {
        let AgentTarget { addr, port: own_port, send } = std::mem::take(&mut server.agent);
        server.agent = AgentTarget { addr: address.or(addr), port: port.unwrap_or(own_port), send };
    }
}

impl Control {
    /// Tells what the states that were taken over mean, and does what they need.
    pub(super) fn tell_restored(&self, restored: Vec<(usize, usize, Action)>) {
        let now = self.now();
        for (proxy, server, action) in restored {
            if let Some(state) = self.shared.proxies.get(proxy) {
                self.carry_out(state, server, 0, now, vec![action]);
            }
        }
    }
}
