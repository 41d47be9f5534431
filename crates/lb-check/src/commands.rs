//! What operators ask of a server.

use std::time::Duration;

use lb_model::{AdminState, OpState, ParsedWeight, WeightError};

use crate::action::Action;
use crate::agent::AdminWord;
use crate::log::{Cause, LogLine};
use crate::server::{ServerHealth, remains_in_drain};

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

impl ServerHealth {
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

    /// Address resolution failed for good, and why; or it works again.
    pub fn set_resolution_failed(&mut self, failed: Option<&'static str>, now: Duration, out: &mut Vec<Action>) {
        let base = self.admin.without(AdminState::RESOLUTION_MAINT);
        let first = out.len();
        self.set_admin(if failed.is_some() { base.with(AdminState::RESOLUTION_MAINT) } else { base }, now, out);
        for action in out.iter_mut().skip(first) {
            match action {
                Action::Log(LogLine::EntersMaint { unresolved, .. }) => *unresolved = failed,
                Action::Log(line @ LogLine::LeavesMaint { .. }) => *line = LogLine::ResolvesAgain,
                _ => {}
            }
        }
    }

    /// The server's address was never known: it begins in maintenance, and nobody is told.
    pub fn begin_unresolved(&mut self, now: Duration, out: &mut Vec<Action>) {
        self.set_resolution_failed(Some(""), now, out);
        out.retain(|action| !matches!(action, Action::Log(_)));
    }

    /// The host name was set at run time.
    pub fn set_named(&mut self) {
        self.admin = self.admin.with(AdminState::NAME_SET);
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
        self.forget_failures();
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
        self.forget_failures();
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
        self.refresh_effective_weight();
        out.push(Action::StateChanged(self.lb_view()));
        if !self.admin.in_maint() && self.admin.in_drain() {
            out.push(Action::Log(remains_in_drain(self.admin)));
        }
        out.push(Action::LastServerLine);
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
}
