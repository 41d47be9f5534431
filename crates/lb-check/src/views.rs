//! What others see of a server: `show servers state`, `show stat`, the scheduler.

use std::time::Duration;

use lb_model::{AdminState, CheckStatus, OpState, StatusInputs, TrackedVia};

use crate::monitor::Monitor;
use crate::params::ServerParams;
use crate::schedule;
use crate::server::ServerHealth;
use crate::slowstart;

impl ServerHealth {
    /// The server's settings.
    pub fn params(&self) -> &ServerParams {
        &self.params
    }

    /// `srv_op_state`.
    pub fn op(&self) -> OpState {
        self.op
    }

    /// `srv_admin_state`.
    pub fn admin(&self) -> AdminState {
        self.admin
    }

    /// The health check: `srv_check_status`, `srv_check_result`, `srv_check_health`.
    pub fn check(&self) -> &Monitor {
        &self.check
    }

    /// The agent check.
    pub fn agent(&self) -> &Monitor {
        &self.agent
    }

    /// `srv_check_state`.
    pub fn check_state_bits(&self) -> u8 {
        self.check.state_bits()
    }

    /// `srv_agent_state`: 16 marks an agent.
    pub fn agent_state_bits(&self) -> u8 {
        if self.agent.is_configured() { self.agent.state_bits() | 16 } else { 0 }
    }

    /// `srv_iweight`: the configured weight.
    pub fn configured_weight(&self) -> u32 {
        self.params.weight
    }

    /// `srv_uweight`: the weight an operator or an agent set.
    pub fn weight(&self) -> u32 {
        self.weight
    }

    /// The weight in force, slow start applied: `weight` of `show stat`.
    pub fn effective_weight(&self) -> u32 {
        self.effective
    }

    /// `throttle`: percent of the weight in force during a slow start that is not hidden by a
    /// drain or maintenance.
    pub fn throttle_percent(&self) -> Option<u32> {
        self.ramp.filter(|_| !self.admin.in_maint() && !self.admin.in_drain())?;
        Some(if self.params.dynamic_weights { slowstart::percent(self.weight, self.sixteenths) } else { 100 })
    }

    /// `lastchg`, `srv_time_since_last_change`: time since the state changed.
    pub fn since_last_change(&self, now: Duration) -> Duration {
        now.saturating_sub(self.last_change) + self.inherited_age
    }

    /// `downtime`.
    pub fn down_time(&self, now: Duration) -> Duration {
        if self.op == OpState::Stopped { self.down_time + self.since_last_change(now) } else { self.down_time }
    }

    /// `chkdown`: transitions to down.
    pub fn down_transitions(&self) -> u64 {
        self.down_transitions
    }

    /// `chkfail`: checks failed while some health was left.
    pub fn failed_checks(&self) -> u64 {
        self.failed_checks
    }

    /// `hanafail`: times `error-limit` was reached.
    pub fn health_analyses(&self) -> u64 {
        self.health_analyses
    }

    /// `clear counters all`: forgets the counts.
    pub fn clear_counters(&mut self) {
        self.down_transitions = 0;
        self.failed_checks = 0;
        self.health_analyses = 0;
    }

    /// Interval from the end of a health check to the next, before `spread-checks`.
    pub fn check_interval(&self) -> Duration {
        let p = &self.params;
        let checked = self.check.last().status != CheckStatus::Init;
        schedule::interval(self.check.health, checked, p.inter, p.fastinter, p.downinter)
    }

    /// Interval from the end of an agent check to the next, before `spread-checks`.
    pub fn agent_interval(&self) -> Duration {
        self.params.agent.unwrap_or(self.params.inter)
    }

    /// What the status word depends on. `root` is the end of the tracking chain for a tracking
    /// server, `via` the directly tracked server's names.
    pub fn status_inputs<'a>(&self, root: Option<&Self>, via: Option<TrackedVia<'a>>) -> StatusInputs<'a> {
        let source = root.unwrap_or(self);
        let health = source.check.health;
        StatusInputs {
            admin: self.admin,
            op: self.op,
            checked: source.check.is_enabled(),
            health: health.value(),
            rise: health.rise(),
            fall: health.fall(),
            agent_enabled: source.agent.is_enabled(),
            agent_down: !source.agent.health.is_up(),
            via,
        }
    }
}
