//! One server's operational and administrative state.
//!
//! ```text
//!            checks fail, agent down, tracked down, operator
//!   Running ──────────────────────────────────────────────▶ Stopped
//!     ▲ │   ◀── passed (no slow start) ────────────────────── │
//!     │ │ conditionally passed,                               │ passed, leaves maintenance
//!     │ ▼ operator                                            ▼ (with slow start)
//!   Stopping ◀── conditionally passed, operator ────────── Starting ──▶ Running (ramp over)
//!
//!   maintenance: Stopped, and nothing but leaving it moves the state
//! ```
//!
//! Every change of the operational state goes through [`ServerHealth::move_to`], every change of
//! the administrative state through [`ServerHealth::set_admin`]; each yields its log line.

use std::time::Duration;

use lb_model::{AdminState, OpState};

use crate::action::{Action, LbView};
use crate::counter::Counter;
use crate::log::{Cause, LogLine};
use crate::monitor::Monitor;
use crate::params::{InitState, ServerParams};
use crate::slowstart;
use crate::suspension::{Failures, Suspension};

/// What a tracking server inherits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tracked {
    /// Operational state of the tracked server.
    pub op: OpState,
    /// Administrative state of the tracked server.
    pub admin: AdminState,
}

/// One server's health: see the module's diagram and the crate's calling order.
#[derive(Debug, Clone)]
pub struct ServerHealth {
    pub(crate) params: ServerParams,
    pub(crate) op: OpState,
    pub(crate) admin: AdminState,
    pub(crate) check: Monitor,
    pub(crate) agent: Monitor,
    pub(crate) consecutive_errors: u32,
    pub(crate) health_analyses: u64,
    pub(crate) failures: Failures,
    pub(crate) tracked_op: OpState,
    pub(crate) weight: u32,
    pub(crate) effective: u32,
    pub(crate) ramp: Option<Ramp>,
    pub(crate) sixteenths: u32,
    pub(crate) last_change: Duration,
    /// How old the state was when the engine started; zero once it changed.
    pub(crate) inherited_age: Duration,
    pub(crate) down_time: Duration,
    pub(crate) down_transitions: u64,
    pub(crate) failed_checks: u64,
}

/// A slow start in progress.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ramp {
    pub(crate) started: Duration,
    /// What of it was over before `started`, in a former process.
    pub(crate) before: Duration,
    pub(crate) total: Duration,
}

impl ServerHealth {
    /// A server as its configuration starts it, at `now`. A tracking one then gets
    /// [`Self::inherit_at_start`].
    pub fn new(params: ServerParams, now: Duration) -> Self {
        let check = Monitor::new(params.check, Counter::new(params.rise, params.fall));
        let agent = Monitor::new(params.agent.is_some(), Counter::new(1, 1));
        let mut server = Self {
            op: OpState::Running,
            admin: AdminState::NONE,
            check,
            agent,
            consecutive_errors: 0,
            health_analyses: 0,
            failures: Failures::default(),
            tracked_op: OpState::Running,
            weight: params.weight,
            effective: params.weight,
            ramp: None,
            sixteenths: slowstart::FULL,
            last_change: now,
            inherited_age: Duration::ZERO,
            down_time: Duration::ZERO,
            down_transitions: 0,
            failed_checks: 0,
            params,
        };
        if server.params.dynamic {
            server.admin = AdminState::FORCED_MAINT;
            server.op = OpState::Stopped;
            server.check.health.set(0);
            server.agent.health.set(0);
            server.check.set_enabled(false);
            server.agent.set_enabled(false);
        }
        if server.params.disabled {
            server.admin = AdminState::FORCED_MAINT.with(AdminState::CONFIG_MAINT);
            server.op = OpState::Stopped;
            server.check.health.set(0);
            server.check.set_paused(true);
        } else if !server.params.dynamic {
            server.apply_init_state();
            if !server.check.health.is_up() {
                server.op = OpState::Stopped;
            }
        }
        server
    }

    /// Takes over the tracked server's state at start, without log lines.
    pub fn inherit_at_start(&mut self, tracked: Tracked) {
        self.tracked_op = tracked.op;
        self.admin = inherited(self.admin, tracked.admin);
        if self.admin.in_maint() {
            self.op = OpState::Stopped;
            self.check.health.set(0);
        } else {
            self.op = tracked.op;
        }
    }

    /// Time passed during a slow start: the weight takes its next step.
    pub fn slowstart_tick(&mut self, now: Duration, out: &mut Vec<Action>) {
        let Some(ramp) = self.ramp else { return };
        let elapsed = now.saturating_sub(ramp.started) + ramp.before;
        let sixteenths = slowstart::sixteenths(elapsed, ramp.total);
        if elapsed >= ramp.total {
            let cause = if self.params.tracks { Cause::Tracked } else { Cause::Silent };
            self.shift(OpState::Running, now, out);
            out.push(Action::Log(LogLine::OpState { to: OpState::Running, cause, alert: false }));
            out.push(Action::ReleaseQueue);
            out.push(Action::NotifyTrackers);
            return;
        }
        if sixteenths != self.sixteenths {
            self.sixteenths = sixteenths;
            self.refresh_effective_weight();
            out.push(Action::StateChanged(self.lb_view()));
            out.push(Action::ReleaseQueue);
        }
        out.push(Action::TickAfter(slowstart::step(ramp.total)));
    }

    /// What the balancer needs.
    pub fn lb_view(&self) -> LbView {
        LbView {
            op: self.op,
            admin: self.admin,
            weight: self.effective_weight(),
            trial: self.failures.suspension == Some(Suspension::Trial),
            allowed: self.ramp.map(|_| self.sixteenths - slowstart::FIRST),
        }
    }

    /// What tracking servers need.
    pub fn tracked_view(&self) -> Tracked {
        Tracked { op: self.op, admin: self.admin }
    }

    /// Changes the operational state, unless maintenance forbids it or it is there already.
    pub(crate) fn move_to(&mut self, to: OpState, cause: Cause, now: Duration, out: &mut Vec<Action>) {
        let to = if to == OpState::Starting { OpState::Running } else { to };
        let from = if self.op == OpState::Starting { OpState::Running } else { self.op };
        if self.admin.in_maint() || from == to {
            return;
        }
        let alert = to == OpState::Stopped && from == OpState::Running && !self.admin.in_drain();
        if from == OpState::Stopped || self.admin.in_drain() {
            self.down_time += self.since_last_change(now);
        }
        if to == OpState::Stopped {
            self.down_transitions += 1;
        }
        let target = if to == OpState::Running { self.up_state() } else { to };
        self.shift(target, now, out);
        self.push_session_actions(to, out);
        out.push(Action::Log(LogLine::OpState { to, cause, alert }));
        if self.admin.in_drain() {
            out.push(Action::Log(remains_in_drain(self.admin)));
        }
        out.extend([Action::LastServerLine, Action::NotifyTrackers]);
    }

    /// Changes the administrative state and whatever follows from it.
    pub(crate) fn set_admin(&mut self, new: AdminState, now: Duration, out: &mut Vec<Action>) {
        let old = self.admin;
        if old == new {
            return;
        }
        self.admin = new;
        match (old.in_maint(), new.in_maint()) {
            (false, true) => self.enter_maint(old, now, out),
            (true, false) => self.leave_maint(old, now, out),
            (true, true) => {
                let own = |a: AdminState| a.intersects(AdminState::FORCED_MAINT);
                let via = |a: AdminState| a.intersects(AdminState::INHERITED_MAINT);
                out.push(Action::StateChanged(self.lb_view()));
                if own(old) && !own(new) {
                    out.push(Action::Log(LogLine::RemainsInInheritedMaint));
                } else if via(old) && !via(new) {
                    out.push(Action::Log(LogLine::RemainsInForcedMaint));
                }
            }
            (false, false) => self.change_drain(old, now, out),
        }
        out.extend([Action::LastServerLine, Action::NotifyTrackers]);
    }

    fn enter_maint(&mut self, old: AdminState, now: Duration, out: &mut Vec<Action>) {
        let was_down = self.op == OpState::Stopped;
        let alert = !was_down && self.op != OpState::Stopping && !old.in_drain();
        let inherited =
            self.admin.intersects(AdminState::INHERITED_MAINT) && !self.admin.intersects(AdminState::FORCED_MAINT);
        if self.check.is_enabled() {
            self.check.set_paused(true);
            self.check.health.set(0);
        }
        if was_down {
            out.push(Action::StateChanged(self.lb_view()));
        } else {
            self.check.health.set(0);
            self.down_transitions += 1;
            self.shift(OpState::Stopped, now, out);
            self.push_session_actions(OpState::Stopped, out);
        }
        self.forget_failures();
        out.push(Action::PurgeIdle);
        out.push(Action::Log(LogLine::EntersMaint { was_down, inherited, unresolved: None, alert }));
    }

    fn leave_maint(&mut self, old: AdminState, now: Duration, out: &mut Vec<Action>) {
        if self.check.is_enabled() {
            self.check.set_paused(false);
        }
        // Without checks the counter stays as it is, and means nothing, unless `init-state` is set.
        let judged = self.check.is_enabled() || self.params.init_state != InitState::None;
        if judged {
            self.apply_init_state();
        }
        let held = self.agent_holds_down() || (judged && !self.check.health.is_up());
        let to = match self.tracked_op {
            _ if !self.params.tracks && held => OpState::Stopped,
            _ if !self.params.tracks => self.up_state(),
            OpState::Starting | OpState::Running => self.up_state(),
            other => other,
        };
        self.shift(to, now, out);
        if to != OpState::Stopped {
            self.push_session_actions(OpState::Running, out);
        }
        out.push(Action::Log(LogLine::LeavesMaint {
            up: to != OpState::Stopped,
            drain: self.admin.in_drain(),
            forced: old.intersects(AdminState::FORCED_MAINT),
        }));
        if self.admin.in_drain() {
            out.push(Action::Log(remains_in_drain(self.admin)));
        }
    }

    fn change_drain(&mut self, old: AdminState, now: Duration, out: &mut Vec<Action>) {
        let up = self.op != OpState::Stopped;
        let line = match (old.in_drain(), self.admin.in_drain()) {
            (false, false) => None,
            (true, true) => Some(remains_in_drain(self.admin)),
            (false, true) => {
                self.mark_change(now);
                let inherited = !self.admin.intersects(AdminState::FORCED_DRAIN);
                Some(LogLine::EntersDrain { down: !up, inherited })
            }
            (true, false) => {
                self.down_time += self.since_last_change(now);
                self.mark_change(now);
                Some(LogLine::LeavesDrain { up })
            }
        };
        out.push(Action::StateChanged(self.lb_view()));
        if self.admin.in_drain() {
            out.push(Action::RequeuePending);
        } else if up {
            out.push(Action::ReleaseQueue);
        }
        out.extend(line.map(Action::Log));
    }

    /// Sets the operational state and tells the balancer. Starts or ends the ramp.
    pub(crate) fn shift(&mut self, to: OpState, now: Duration, out: &mut Vec<Action>) {
        self.op = to;
        self.mark_change(now);
        if to != OpState::Stopped {
            self.forget_failures();
        }
        self.ramp = match (to, self.params.slowstart) {
            (OpState::Starting, Some(total)) => {
                out.push(Action::TickAfter(slowstart::step(total)));
                Some(Ramp { started: now, before: Duration::ZERO, total })
            }
            _ => None,
        };
        match to {
            OpState::Starting => self.sixteenths = slowstart::FIRST,
            OpState::Running => self.sixteenths = slowstart::FULL,
            // A server that goes down keeps showing the weight it had.
            OpState::Stopped | OpState::Stopping => (),
        }
        self.refresh_effective_weight();
        out.push(Action::StateChanged(self.lb_view()));
    }

    fn mark_change(&mut self, now: Duration) {
        self.last_change = now;
        self.inherited_age = Duration::ZERO;
    }

    pub(crate) fn push_session_actions(&self, to: OpState, out: &mut Vec<Action>) {
        match to {
            OpState::Stopped => {
                if self.params.on_marked_down_shutdown {
                    out.push(Action::KillSessions);
                }
                out.push(Action::RequeuePending);
            }
            OpState::Stopping => out.push(Action::RequeuePending),
            OpState::Starting | OpState::Running => {
                if self.params.on_marked_up_shutdown_backup && !self.params.backup && self.effective_weight() > 0 {
                    out.push(Action::KillBackupSessions);
                }
                out.push(Action::ReleaseQueue);
            }
        }
    }

    fn apply_init_state(&mut self) {
        let health = &mut self.check.health;
        health.set(match self.params.init_state {
            InitState::None | InitState::Up => health.rise(),
            InitState::FullyUp => health.full(),
            InitState::Down => health.rise() - 1,
            InitState::FullyDown => 0,
        });
    }

    /// The effective weight follows its inputs except in maintenance, which freezes it.
    pub(crate) fn refresh_effective_weight(&mut self) {
        if !self.admin.in_maint() {
            let full = !self.params.dynamic_weights;
            self.effective = slowstart::scale(self.weight, if full { slowstart::FULL } else { self.sixteenths });
        }
    }

    pub(crate) fn up_state(&self) -> OpState {
        if self.params.slowstart.is_some() { OpState::Starting } else { OpState::Running }
    }

    pub(crate) fn agent_holds_down(&self) -> bool {
        self.agent.is_enabled() && !self.agent.health.is_up()
    }

    pub(crate) fn check_holds_down(&self) -> bool {
        if self.params.tracks {
            return self.tracked_op == OpState::Stopped;
        }
        self.check.is_enabled() && !self.check.health.is_up()
    }
}

/// `own` with the bits that the tracked server's state hands down.
pub(crate) fn inherited(own: AdminState, tracked: AdminState) -> AdminState {
    let mut admin = own.without(AdminState::INHERITED_MAINT).without(AdminState::INHERITED_DRAIN);
    if tracked.in_maint() {
        admin = admin.with(AdminState::INHERITED_MAINT);
    }
    if tracked.in_drain() {
        admin = admin.with(AdminState::INHERITED_DRAIN);
    }
    admin
}

pub(crate) fn remains_in_drain(admin: AdminState) -> LogLine {
    if admin.intersects(AdminState::FORCED_DRAIN) {
        LogLine::RemainsInForcedDrain
    } else {
        LogLine::RemainsInInheritedDrain
    }
}
