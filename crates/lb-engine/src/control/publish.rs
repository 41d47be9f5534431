//! What data threads see of server states: one atomic word per server, one generation per backend.

use super::Control;
use super::server::BackendCtl;
use crate::shared::{ProxyState, fitness};
use lb_check::LbView;
use lb_model::OpState;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::time::Duration;

/// The word of a server in this state.
///
/// New sessions are balanced to servers that run. Persistence may also choose those that drain or ask for a soft
/// stop, not those that are down or in maintenance.
pub(super) fn fitness_word(view: LbView) -> u32 {
    let mut word = view.weight & 0xffff;
    let serves = view.op != OpState::Stopped && !view.admin.in_maint();
    if serves {
        word |= fitness::PERSISTENT;
    }
    if serves && view.op != OpState::Stopping && !view.admin.in_drain() {
        word |= fitness::BALANCED;
    }
    if let Some(sixteenths) = view.allowed {
        word |= (fitness::ALLOWED_ALL - sixteenths.min(fitness::ALLOWED_ALL)) << fitness::WITHHELD_SHIFT;
    }
    // Who takes the trial takes the bit: see `ServerState::claim_trial`.
    if view.trial && !view.admin.in_maint() && !view.admin.in_drain() {
        word |= fitness::BALANCED | fitness::TRIAL;
    }
    word
}

impl Control {
    /// Publishes a server's state. Returns whether the backend lost its last usable server by it.
    pub(super) fn publish(&self, proxy: usize, server: usize, view: LbView, now: Duration) -> bool {
        let Some(state) = self.shared.proxies.get(proxy) else { return false };
        let mut backends = self.backends.borrow_mut();
        let (Some(backend), Some(target)) = (backends.get_mut(proxy), state.servers.get(server)) else { return false };
        target.fitness.store(fitness_word(view), Relaxed);
        let Some(server) = backend.servers.get_mut(server) else { return false };
        let was_counted = std::mem::replace(&mut server.counted, view.usable());
        let is_backup = server.health.params().backup;
        let was_down = backend.is_down();
        let count = if is_backup { &mut backend.usable.backup } else { &mut backend.usable.main };
        *count = *count + u32::from(view.usable()) - u32::from(was_counted);
        announce(state, backend);
        let is_down = backend.is_down();
        if was_down != is_down {
            if was_down {
                backend.down_time += now.saturating_sub(backend.last_change);
            } else {
                backend.downs += 1;
            }
            backend.last_change = now;
        }
        is_down && !was_down
    }

    /// Publishes everything, at start.
    pub(super) fn publish_all(&self) {
        let mut backends = self.backends.borrow_mut();
        for (index, backend) in backends.entries_mut() {
            let Some(state) = self.shared.proxies.get(index) else { continue };
            for (index, server) in backend.servers.entries_mut() {
                let Some(target) = state.servers.get(index) else { continue };
                let view = server.health.lb_view();
                target.fitness.store(fitness_word(view), Relaxed);
                server.counted = view.usable();
                let count = if target.config().backup { &mut backend.usable.backup } else { &mut backend.usable.main };
                *count += u32::from(server.counted);
            }
            announce(state, backend);
        }
    }
}

/// Tells data threads that something of the backend changed.
pub(super) fn announce(state: &ProxyState, backend: &BackendCtl) {
    state.usable_main.store(backend.usable.main, Relaxed);
    state.usable_backup.store(backend.usable.backup, Relaxed);
    // Whoever sees the number sees what was stored before it.
    state.generation.fetch_add(1, Release);
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_model::AdminState;

    #[track_caller]
    fn check(op: OpState, admin: AdminState, balanced: bool, persistent: bool) {
        let word = fitness_word(LbView { op, admin, weight: 7, trial: false, allowed: None });
        assert_eq!(word & 0xffff, 7);
        assert_eq!((word & fitness::BALANCED != 0, word & fitness::PERSISTENT != 0), (balanced, persistent));
    }

    #[test]
    fn who_gets_sessions() {
        check(OpState::Running, AdminState::NONE, true, true);
        check(OpState::Starting, AdminState::CONFIG_MAINT, true, true);
        check(OpState::Stopping, AdminState::NONE, false, true);
        check(OpState::Running, AdminState::FORCED_DRAIN, false, true);
        check(OpState::Running, AdminState::INHERITED_DRAIN, false, true);
        check(OpState::Stopped, AdminState::NONE, false, false);
        check(OpState::Stopped, AdminState::FORCED_DRAIN, false, false);
        check(OpState::Stopped, AdminState::FORCED_MAINT, false, false);
        check(OpState::Running, AdminState::RESOLUTION_MAINT, false, false);
    }
}
