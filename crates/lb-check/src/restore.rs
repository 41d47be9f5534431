//! The state that a former process left, taken over at start.
//!
//! What is taken and what the configuration overrides was found by giving a running HAProxy files that disagree with
//! its configuration:
//!
//! | in the file | taken |
//! |---|---|
//! | up | at full health |
//! | warming up | with slow start: the rest of the ramp; without: up, one success from there |
//! | asked for no new sessions | stopping; the health if it is in the upper range, else the least that is up |
//! | down | at zero health |
//! | maintenance or drain by an operator | kept, unless the configuration disables the server |
//! | maintenance by an operator on a server that was disabled | gone once the configuration enables it |
//! | ready, disabled in the configuration then and now | ready |
//! | maintenance or drain inherited from a tracked server, or for lack of an address | not: it is found out again |
//! | weight | if the configured weight is the same; a static algorithm takes only that and zero |

use std::time::Duration;

use lb_model::{AdminState, CheckStatus, OpState};

use crate::action::Action;
use crate::log::{Cause, LogLine};
use crate::monitor::CheckResult;
use crate::server::{Ramp, ServerHealth};
use crate::slowstart;

/// What is known of a server's health in a former process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SavedHealth {
    /// Operational state.
    pub op: OpState,
    /// Administrative state.
    pub admin: AdminState,
    /// Weight in use.
    pub weight: u32,
    /// Weight of that process's configuration.
    pub configured_weight: u32,
    /// Time since the state changed.
    pub age: Duration,
    /// Last check's status.
    pub status: CheckStatus,
    /// Last check's result.
    pub result: CheckResult,
    /// Health counter.
    pub health: u32,
    /// An operator switched the health check off.
    pub check_off: bool,
    /// An operator switched the agent check off.
    pub agent_off: bool,
}

impl ServerHealth {
    /// Takes over a former process's state, at start and before anything else happens. A tracking server gets
    /// [`Self::inherit_at_start`] afterwards. Yields what is worth telling and what the ramp needs; the state itself
    /// is still to be published.
    pub fn restore(&mut self, saved: &SavedHealth, now: Duration, out: &mut Vec<Action>) {
        let was_up = self.op != OpState::Stopped;
        let forced = AdminState::FORCED_MAINT.with(AdminState::FORCED_DRAIN);
        let kept = AdminState::from_bits(saved.admin.bits() & forced.bits());
        let was_disabled = saved.admin.intersects(AdminState::CONFIG_MAINT);
        self.admin = match (self.params.disabled, was_disabled) {
            (true, true) => kept.with(AdminState::CONFIG_MAINT),
            (true, false) => self.admin,
            (false, true) => kept.without(AdminState::FORCED_MAINT),
            (false, false) => kept,
        };
        self.restore_weight(saved);
        self.restore_op(saved, now, out);
        self.check.restore(saved.status, saved.result);
        if saved.check_off {
            self.check.set_enabled(false);
        }
        if saved.agent_off {
            self.agent.set_enabled(false);
        }
        self.check.set_paused(self.admin.in_maint() && self.check.is_enabled());
        self.inherited_age = saved.age;
        self.refresh_effective_weight();
        self.tell_restored(was_up, out);
    }

    fn restore_weight(&mut self, saved: &SavedHealth) {
        let configured = self.params.weight;
        let possible = self.params.dynamic_weights || saved.weight == 0 || saved.weight == configured;
        if saved.configured_weight == configured && possible {
            self.weight = saved.weight;
        }
    }

    fn restore_op(&mut self, saved: &SavedHealth, now: Duration, out: &mut Vec<Action>) {
        let (rise, full) = (self.check.health.rise(), self.check.health.full());
        if self.admin.in_maint() {
            self.op = OpState::Stopped;
            self.check.health.set(if saved.op == OpState::Stopped || !self.params.disabled { 0 } else { full });
            return;
        }
        // A server that was in maintenance was down for that alone. Checks will tell how it is; without checks nobody
        // would.
        if saved.op == OpState::Stopped && saved.admin.in_maint() && !self.check.is_configured() {
            self.op = self.up_state();
            self.start_ramp(Duration::ZERO, now, out);
            return;
        }
        let left_maint = self.params.disabled;
        self.op = match saved.op {
            OpState::Starting if self.params.slowstart.is_some() => OpState::Starting,
            OpState::Starting => OpState::Running,
            other => other,
        };
        self.check.health.set(match saved.op {
            OpState::Stopped => 0,
            OpState::Starting => (rise - 1).max(1),
            OpState::Running if left_maint => rise,
            OpState::Running => full,
            OpState::Stopping if (rise..full).contains(&saved.health) => saved.health,
            OpState::Stopping => rise,
        });
        self.start_ramp(saved.age, now, out);
        if self.op == OpState::Stopped {
            self.rest_from_start(out);
        }
    }

    /// Begins, or goes on with, a slow start that began `age` ago.
    fn start_ramp(&mut self, age: Duration, now: Duration, out: &mut Vec<Action>) {
        let Some(total) = self.params.slowstart.filter(|_| self.op == OpState::Starting) else { return };
        if age >= total {
            self.op = OpState::Running;
            return;
        }
        self.ramp = Some(Ramp { started: now, before: age, total });
        self.sixteenths = slowstart::sixteenths(age, total);
        out.push(Action::TickAfter(slowstart::step(total)));
    }

    fn tell_restored(&mut self, was_up: bool, out: &mut Vec<Action>) {
        if self.admin.in_maint() || self.params.tracks {
            return;
        }
        match self.op {
            OpState::Stopped if was_up => {
                self.down_transitions += 1;
                let to = OpState::Stopped;
                out.push(Action::Log(LogLine::OpState { to, cause: Cause::Restored, alert: false }));
            }
            OpState::Stopping => {
                let to = OpState::Stopping;
                out.push(Action::Log(LogLine::OpState { to, cause: Cause::Restored, alert: false }));
            }
            _ => (),
        }
        if self.params.disabled {
            let drain = self.admin.in_drain();
            out.push(Action::Log(LogLine::LeavesMaint { up: self.op != OpState::Stopped, drain, forced: true }));
        }
        if self.admin.in_drain() {
            out.push(Action::Log(LogLine::RemainsInForcedDrain));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::ServerParams;

    fn saved(op: OpState, admin: u8, health: u32) -> SavedHealth {
        SavedHealth {
            op,
            admin: AdminState::from_bits(admin),
            weight: 1,
            configured_weight: 1,
            age: Duration::from_secs(100),
            status: CheckStatus::L4Ok,
            result: CheckResult::Passed,
            health,
            check_off: false,
            agent_off: false,
        }
    }

    fn params() -> ServerParams {
        ServerParams { check: true, ..ServerParams::default() }
    }

    /// State, administrative mask, weight, health and check state after taking over.
    fn restored(params: ServerParams, saved: &SavedHealth) -> (u8, u8, u32, u32, u8) {
        let now = Duration::from_millis(5);
        let mut server = ServerHealth::new(params, now);
        server.restore(saved, now, &mut Vec::new());
        assert_eq!(server.since_last_change(now), Duration::from_secs(100));
        (server.op as u8, server.admin.bits(), server.weight, server.check.health.value(), server.check_state_bits())
    }

    #[test]
    fn operational_states() {
        for (op, health, expected) in [
            (OpState::Stopped, 3, (0, 0)),
            (OpState::Starting, 0, (2, 1)),
            (OpState::Running, 0, (2, 4)),
            (OpState::Stopping, 1, (3, 2)),
            (OpState::Stopping, 3, (3, 3)),
            (OpState::Stopping, 4, (3, 2)),
        ] {
            let seen = restored(params(), &saved(op, 0, health));
            assert_eq!((seen.0, seen.3), expected, "{op:?} {health}");
        }
        let params = ServerParams { rise: 3, fall: 5, ..params() };
        assert_eq!(restored(params.clone(), &saved(OpState::Starting, 0, 0)).3, 2);
        assert_eq!(restored(params.clone(), &saved(OpState::Running, 0, 0)).3, 7);
        assert_eq!(restored(params.clone(), &saved(OpState::Stopping, 0, 6)).3, 6);
        assert_eq!(restored(params, &saved(OpState::Stopping, 0, 7)).3, 3);
    }

    #[test]
    fn administrative_states() {
        let enabled = |admin| {
            let op = if admin & 3 > 0 { OpState::Stopped } else { OpState::Running };
            let seen = restored(params(), &saved(op, admin, 4));
            (seen.0, seen.1, seen.3, seen.4)
        };
        assert_eq!(enabled(1), (0, 1, 0, 14));
        assert_eq!(enabled(3), (0, 1, 0, 14));
        assert_eq!(enabled(2), (0, 0, 0, 6));
        assert_eq!(enabled(8), (2, 8, 4, 6));
        assert_eq!(enabled(10), (0, 8, 0, 6));
        assert_eq!(enabled(5), (0, 0, 0, 6));
        assert_eq!(enabled(48), (2, 0, 4, 6));
        let disabled = |admin, op| {
            let seen = restored(ServerParams { disabled: true, ..params() }, &saved(op, admin, 4));
            (seen.0, seen.1, seen.3, seen.4)
        };
        assert_eq!(disabled(0, OpState::Running), (0, 5, 4, 14));
        assert_eq!(disabled(8, OpState::Running), (0, 5, 4, 14));
        assert_eq!(disabled(1, OpState::Stopped), (0, 5, 0, 14));
        assert_eq!(disabled(5, OpState::Stopped), (0, 5, 0, 14));
        assert_eq!(disabled(4, OpState::Running), (2, 4, 2, 6));
    }

    #[test]
    fn a_server_without_checks_does_not_stay_down_after_a_maintenance_that_is_over() {
        let seen = restored(ServerParams::default(), &saved(OpState::Stopped, 5, 0));
        assert_eq!((seen.0, seen.1), (2, 0));
        let seen = restored(ServerParams::default(), &saved(OpState::Stopped, 0, 0));
        assert_eq!((seen.0, seen.1), (0, 0), "an operator forced its health");
    }

    #[test]
    fn weights() {
        let with = |weight, then, now, dynamic| {
            let params = ServerParams { weight: now, dynamic_weights: dynamic, ..params() };
            let saved = SavedHealth { weight, configured_weight: then, ..saved(OpState::Running, 0, 4) };
            restored(params, &saved).2
        };
        assert_eq!(with(5, 1, 1, true), 5);
        assert_eq!(with(5, 10, 1, true), 1, "the configuration changed");
        assert_eq!(with(5, 10, 10, false), 10);
        assert_eq!(with(0, 10, 10, false), 0);
    }

    #[test]
    fn switches_and_ramps() {
        let off = SavedHealth { check_off: true, ..saved(OpState::Running, 0, 4) };
        assert_eq!(restored(params(), &off).4, 2);
        let slow = ServerParams { slowstart: Some(Duration::from_secs(200)), weight: 100, ..params() };
        let mut server = ServerHealth::new(slow.clone(), Duration::ZERO);
        let mut out = Vec::new();
        server.restore(&saved(OpState::Starting, 0, 1), Duration::ZERO, &mut out);
        assert_eq!(server.op, OpState::Starting);
        assert!(matches!(out.as_slice(), [Action::TickAfter(_)]), "{out:?}");
        assert!((40..=60).contains(&server.effective_weight()), "{}", server.effective_weight());
        let over = ServerParams { slowstart: Some(Duration::from_secs(50)), ..slow };
        assert_eq!(restored(over, &saved(OpState::Starting, 0, 1)).0, 2);
    }
}
