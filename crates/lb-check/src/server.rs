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

use lb_model::{AdminState, CheckOutcome, CheckStatus, OpState, ParsedWeight, StatusInputs, TrackedVia, WeightError};

use crate::action::{Action, LbView};
use crate::agent::{AdminWord, AgentReply};
use crate::counter::Counter;
use crate::log::{self, Cause, CheckKind, CheckSummary, LogLine};
use crate::monitor::{CheckReport, Monitor};
use crate::params::{InitState, ServerParams};
use crate::{schedule, slowstart};

/// An operator's administrative state for a server, `set server … state`.
pub type AdminCommand = AdminWord;

/// `set server … health`, `set server … agent` (which knows no `stopping`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForcedHealth {
    /// `up`.
    Up,
    /// `stopping`.
    Stopping,
    /// `down`.
    Down,
}

/// Why a command was refused. `Display` is the wire's sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A tracking server has no health of its own.
    #[error("cannot change health on a tracking server.")]
    Tracking,
    /// The agent check is not configured, or disabled.
    #[error("agent checks are not enabled on this server.")]
    AgentDisabled,
    /// No health check to enable.
    #[error("Health check was not configured on this server, cannot enable.")]
    CheckNotConfigured,
    /// No agent check to enable.
    #[error("Agent was not configured on this server, cannot enable.")]
    AgentNotConfigured,
    /// The algorithm's map is built at start.
    #[error("Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.")]
    StaticWeights,
    /// The weight cannot be read.
    #[error(transparent)]
    Weight(#[from] WeightError),
}

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
    tracked_op: OpState,
    weight: u32,
    ramp: Option<Ramp>,
    last_change: Duration,
    down_time: Duration,
    down_transitions: u64,
    failed_checks: u64,
}

/// A slow start in progress.
#[derive(Debug, Clone, Copy)]
struct Ramp {
    started: Duration,
    total: Duration,
    sixteenths: u32,
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
            tracked_op: OpState::Running,
            weight: params.weight,
            ramp: None,
            last_change: now,
            down_time: Duration::ZERO,
            down_transitions: 0,
            failed_checks: 0,
            params,
        };
        if server.params.disabled {
            server.admin = AdminState::FORCED_MAINT.with(AdminState::CONFIG_MAINT);
            server.op = OpState::Stopped;
            server.check.health.set(0);
            server.check.set_paused(true);
        } else {
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

    // --- events -------------------------------------------------------------------------------

    /// A health check starts. Only when [`Monitor::may_start`] says so.
    pub fn check_started(&mut self) {
        self.check.start();
    }

    /// A health check ended. One that was in progress when maintenance began still moves the
    /// counter, and nothing else.
    pub fn check_finished(&mut self, report: CheckReport, now: Duration, out: &mut Vec<Action>) {
        let before = self.check.health;
        if report.status.outcome() == CheckOutcome::Passed {
            self.consecutive_errors = 0;
        }
        self.health_check_result(report, before, now, out);
    }

    /// Applies a result to the counter; `before` is the counter the log compares with.
    pub(crate) fn health_check_result(
        &mut self,
        report: CheckReport,
        before: Counter,
        now: Duration,
        out: &mut Vec<Action>,
    ) {
        let outcome = report.status.outcome();
        match outcome {
            CheckOutcome::Neutral => (),
            CheckOutcome::Failed => {
                if !before.is_zero() {
                    self.failed_checks += 1;
                }
                self.check.health.fail();
            }
            CheckOutcome::Passed => self.check.health.pass(),
            // Only a server that is up can be asked to stop softly.
            CheckOutcome::ConditionallyPassed if self.op == OpState::Stopped => (),
            CheckOutcome::ConditionallyPassed => self.check.health.pass(),
        }
        let cause = self.record(CheckKind::Health, report, before, out);
        let up = self.check.health.is_up();
        match outcome {
            CheckOutcome::Failed if !up => self.move_to(OpState::Stopped, cause, now, out),
            CheckOutcome::Passed if up && !self.agent_holds_down() => self.move_to(OpState::Running, cause, now, out),
            CheckOutcome::ConditionallyPassed if up && self.op != OpState::Stopped => {
                self.move_to(OpState::Stopping, cause, now, out);
            }
            _ => (),
        }
    }

    /// An agent check starts.
    pub fn agent_started(&mut self) {
        self.agent.start();
    }

    /// The agent answered a whole line.
    pub fn agent_replied(&mut self, reply: &AgentReply, duration: Duration, now: Duration, out: &mut Vec<Action>) {
        let before = self.agent.health;
        let up = reply.verdict.as_ref().map(|v| v.up);
        // An `up` counts before the administrative word, so that `ready up` leaves maintenance up.
        if up == Some(true) {
            self.agent.health.pass();
        }
        if let Some(word) = reply.admin {
            self.set_state(word, now, out);
        }
        let mut warning = None;
        if let Some(weight) = reply.weight {
            warning = self.set_weight(weight, out).err().map(|refused| refused.to_string());
        }
        match reply.maxconn {
            Some(Ok(limit)) => out.push(Action::SetMaxconn(limit)),
            Some(Err(text)) => warning = warning.or_else(|| Some(text.to_owned())),
            None => (),
        }
        if up == Some(false) {
            self.agent.health.fail();
        }
        let status = match up {
            Some(true) => CheckStatus::L7Ok,
            Some(false) => CheckStatus::L7Status,
            None => CheckStatus::Checked,
        };
        let info = reply.description(warning.as_deref());
        let report = CheckReport { status, code: 0, info, duration: Some(duration) };
        let cause = self.record(CheckKind::Agent, report, before, out);
        match up {
            Some(false) => self.move_to(OpState::Stopped, cause, now, out),
            // The agent lifts what an agent or a check brought down, not a soft stop.
            Some(true) if self.op == OpState::Stopped && !self.check_holds_down() => {
                self.move_to(OpState::Running, cause, now, out);
            }
            _ => (),
        }
    }

    /// The agent could not be asked, or closed without a word. That is no verdict: the server's
    /// reachability is the health check's business.
    pub fn agent_failed(&mut self, report: CheckReport, out: &mut Vec<Action>) {
        let before = self.agent.health;
        self.record(CheckKind::Agent, report, before, out);
    }

    /// The agent closed in the middle of a line.
    pub fn agent_incomplete(&mut self, duration: Duration) {
        self.agent.note(AgentReply::INCOMPLETE, duration);
    }

    /// The tracked server changed.
    pub fn tracked_changed(&mut self, tracked: Tracked, now: Duration, out: &mut Vec<Action>) {
        self.tracked_op = tracked.op;
        self.set_admin(inherited(self.admin, tracked.admin), now, out);
        if !tracked.admin.in_maint() {
            self.move_to(tracked.op, Cause::Tracked, now, out);
        }
    }

    /// `set server … state`, `enable server`, `disable server`, an agent's word.
    pub fn set_state(&mut self, command: AdminCommand, now: Duration, out: &mut Vec<Action>) {
        let forced = AdminState::FORCED_MAINT.with(AdminState::FORCED_DRAIN);
        let base = self.admin.without(forced);
        let admin = match command {
            AdminWord::Ready => base,
            AdminWord::Drain => base.with(AdminState::FORCED_DRAIN),
            AdminWord::Maint => base.with(AdminState::FORCED_MAINT),
        };
        self.set_admin(admin, now, out);
    }

    /// Address resolution failed for good, or works again.
    pub fn set_resolution_failed(&mut self, failed: bool, now: Duration, out: &mut Vec<Action>) {
        let base = self.admin.without(AdminState::RESOLUTION_MAINT);
        self.set_admin(if failed { base.with(AdminState::RESOLUTION_MAINT) } else { base }, now, out);
    }

    /// `set server … health`. Later checks overwrite it.
    ///
    /// # Errors
    /// [`Refused::Tracking`].
    pub fn force_health(&mut self, health: ForcedHealth, now: Duration, out: &mut Vec<Action>) -> Result<(), Refused> {
        if self.params.tracks {
            return Err(Refused::Tracking);
        }
        let (value, op) = match health {
            ForcedHealth::Up => (self.check.health.full(), OpState::Running),
            ForcedHealth::Stopping => (self.check.health.full(), OpState::Stopping),
            ForcedHealth::Down => (0, OpState::Stopped),
        };
        self.check.health.set(value);
        self.move_to(op, Cause::Operator, now, out);
        Ok(())
    }

    /// `set server … agent up|down`.
    ///
    /// # Errors
    /// [`Refused::AgentDisabled`].
    pub fn force_agent(&mut self, up: bool, now: Duration, out: &mut Vec<Action>) -> Result<(), Refused> {
        if !self.agent.is_enabled() {
            return Err(Refused::AgentDisabled);
        }
        self.agent.health.set(if up { self.agent.health.full() } else { 0 });
        self.move_to(if up { OpState::Running } else { OpState::Stopped }, Cause::Operator, now, out);
        Ok(())
    }

    /// `set server … weight`, `set weight`, an agent's weight. `weight` is the parsed argument.
    ///
    /// # Errors
    /// [`Refused::Weight`], [`Refused::StaticWeights`].
    pub fn set_weight(
        &mut self,
        weight: Result<ParsedWeight, WeightError>,
        out: &mut Vec<Action>,
    ) -> Result<(), Refused> {
        let weight = weight?.resolve(self.params.weight);
        if !self.params.dynamic_weights && weight != 0 && weight != self.params.weight {
            return Err(Refused::StaticWeights);
        }
        self.weight = weight;
        out.push(Action::StateChanged(self.lb_view()));
        if !self.admin.in_maint() && self.admin.in_drain() {
            out.push(Action::Log(remains_in_drain(self.admin)));
        }
        if self.lb_view().usable() {
            out.push(Action::ReleaseQueue);
        }
        Ok(())
    }

    /// `enable health`, `disable health`.
    ///
    /// # Errors
    /// [`Refused::CheckNotConfigured`] when there is nothing to enable.
    pub fn enable_check(&mut self, enabled: bool) -> Result<(), Refused> {
        if enabled && !self.check.is_configured() {
            return Err(Refused::CheckNotConfigured);
        }
        self.check.set_enabled(enabled);
        if enabled && !self.admin.in_maint() {
            self.check.set_paused(false);
        }
        Ok(())
    }

    /// `enable agent`, `disable agent`.
    ///
    /// # Errors
    /// [`Refused::AgentNotConfigured`] when there is nothing to enable.
    pub fn enable_agent(&mut self, enabled: bool) -> Result<(), Refused> {
        if enabled && !self.agent.is_configured() {
            return Err(Refused::AgentNotConfigured);
        }
        self.agent.set_enabled(enabled);
        Ok(())
    }

    /// Time passed during a slow start: the weight takes its next step.
    pub fn slowstart_tick(&mut self, now: Duration, out: &mut Vec<Action>) {
        let Some(ramp) = self.ramp else { return };
        let sixteenths = slowstart::sixteenths(now.saturating_sub(ramp.started), ramp.total);
        if now.saturating_sub(ramp.started) >= ramp.total {
            let cause = if self.params.tracks { Cause::Tracked } else { Cause::Silent };
            self.shift(OpState::Running, now, out);
            out.push(Action::Log(LogLine::OpState { to: OpState::Running, cause, alert: false }));
            out.push(Action::ReleaseQueue);
            out.push(Action::NotifyTrackers);
            return;
        }
        if sixteenths != ramp.sixteenths {
            self.ramp = Some(Ramp { sixteenths, ..ramp });
            out.push(Action::StateChanged(self.lb_view()));
            out.push(Action::ReleaseQueue);
        }
        out.push(Action::TickAfter(slowstart::step(ramp.total)));
    }

    // --- transitions --------------------------------------------------------------------------

    /// Changes the operational state, unless maintenance forbids it or it is there already.
    fn move_to(&mut self, to: OpState, cause: Cause, now: Duration, out: &mut Vec<Action>) {
        let to = if to == OpState::Starting { OpState::Running } else { to };
        let from = if self.op == OpState::Starting { OpState::Running } else { self.op };
        if self.admin.in_maint() || from == to {
            return;
        }
        let alert = to == OpState::Stopped && from == OpState::Running && !self.admin.in_drain();
        if from == OpState::Stopped || self.admin.in_drain() {
            self.down_time += now.saturating_sub(self.last_change);
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
        out.push(Action::NotifyTrackers);
    }

    /// Changes the administrative state and whatever follows from it.
    fn set_admin(&mut self, new: AdminState, now: Duration, out: &mut Vec<Action>) {
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
        out.push(Action::NotifyTrackers);
    }

    fn enter_maint(&mut self, old: AdminState, now: Duration, out: &mut Vec<Action>) {
        let was_down = self.op == OpState::Stopped;
        let alert = !was_down && self.op != OpState::Stopping && !old.in_drain();
        let inherited = !self.admin.intersects(AdminState::FORCED_MAINT);
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
        out.push(Action::PurgeIdle);
        out.push(Action::Log(LogLine::EntersMaint { was_down, inherited, alert }));
    }

    fn leave_maint(&mut self, old: AdminState, now: Duration, out: &mut Vec<Action>) {
        if self.check.is_enabled() {
            self.check.set_paused(false);
            self.apply_init_state();
        }
        let held = self.agent_holds_down() || (self.check.is_enabled() && !self.check.health.is_up());
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
                self.last_change = now;
                let inherited = !self.admin.intersects(AdminState::FORCED_DRAIN);
                Some(LogLine::EntersDrain { down: !up, inherited })
            }
            (true, false) => {
                self.down_time += now.saturating_sub(self.last_change);
                self.last_change = now;
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
    fn shift(&mut self, to: OpState, now: Duration, out: &mut Vec<Action>) {
        self.op = to;
        self.last_change = now;
        self.ramp = match (to, self.params.slowstart) {
            (OpState::Starting, Some(total)) => {
                out.push(Action::TickAfter(slowstart::step(total)));
                Some(Ramp { started: now, total, sixteenths: 1 })
            }
            _ => None,
        };
        out.push(Action::StateChanged(self.lb_view()));
    }

    fn push_session_actions(&self, to: OpState, out: &mut Vec<Action>) {
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

    /// Records a result and logs it if asked to; yields the cause a state change would have.
    fn record(&mut self, kind: CheckKind, report: CheckReport, before: Counter, out: &mut Vec<Action>) -> Cause {
        let weightless = self.weight == 0;
        let monitor = match kind {
            CheckKind::Health => &mut self.check,
            CheckKind::Agent => &mut self.agent,
        };
        let summary = CheckSummary::new(&report);
        let status = report.status;
        let status_changed = monitor.record(report);
        if !self.params.log_health_checks {
            return Cause::Check(summary);
        }
        let health = monitor.health;
        if log::worth_logging(status, status_changed, health != before) {
            out.push(Action::Log(LogLine::Check { kind, summary, health, weightless }));
        }
        Cause::Silent
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

    fn up_state(&self) -> OpState {
        if self.params.slowstart.is_some() { OpState::Starting } else { OpState::Running }
    }

    fn agent_holds_down(&self) -> bool {
        self.agent.is_enabled() && !self.agent.health.is_up()
    }

    fn check_holds_down(&self) -> bool {
        if self.params.tracks {
            return self.tracked_op == OpState::Stopped;
        }
        self.check.is_enabled() && !self.check.health.is_up()
    }

    // --- views --------------------------------------------------------------------------------

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
        match self.ramp {
            Some(ramp) if self.params.dynamic_weights => slowstart::scale(self.weight, ramp.sixteenths),
            _ => self.weight,
        }
    }

    /// `throttle`: percent of the weight in force during a slow start that is not hidden by a
    /// drain or maintenance.
    pub fn throttle_percent(&self) -> Option<u32> {
        let ramp = self.ramp.filter(|_| !self.admin.in_maint() && !self.admin.in_drain())?;
        Some(if self.params.dynamic_weights { slowstart::percent(ramp.sixteenths) } else { 100 })
    }

    /// What the balancer needs.
    pub fn lb_view(&self) -> LbView {
        LbView { op: self.op, admin: self.admin, weight: self.effective_weight() }
    }

    /// What tracking servers need.
    pub fn tracked_view(&self) -> Tracked {
        Tracked { op: self.op, admin: self.admin }
    }

    /// `lastchg`, `srv_time_since_last_change`: time since the state changed.
    pub fn since_last_change(&self, now: Duration) -> Duration {
        now.saturating_sub(self.last_change)
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

/// `own` with the bits that the tracked server's state hands down.
fn inherited(own: AdminState, tracked: AdminState) -> AdminState {
    let mut admin = own.without(AdminState::INHERITED_MAINT).without(AdminState::INHERITED_DRAIN);
    if tracked.in_maint() {
        admin = admin.with(AdminState::INHERITED_MAINT);
    }
    if tracked.in_drain() {
        admin = admin.with(AdminState::INHERITED_DRAIN);
    }
    admin
}

fn remains_in_drain(admin: AdminState) -> LogLine {
    if admin.intersects(AdminState::FORCED_DRAIN) {
        LogLine::RemainsInForcedDrain
    } else {
        LogLine::RemainsInInheritedDrain
    }
}
