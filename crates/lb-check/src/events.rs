//! What happens to a server: results of its checks, its agent's words, its tracked server.

use std::time::Duration;

use lb_model::{CheckOutcome, CheckStatus, OpState};

use crate::action::Action;
use crate::agent::AgentReply;
use crate::counter::Counter;
use crate::log::{self, Cause, CheckKind, CheckSummary, LogLine};
use crate::monitor::CheckReport;
use crate::server::{ServerHealth, Tracked, inherited};

impl ServerHealth {
    /// A health check starts. Only when [`crate::Monitor::may_start`] says so.
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
            CheckOutcome::Passed if up && !self.agent_holds_down() && self.failures.suspension.is_none() => {
                self.move_to(OpState::Running, cause, now, out);
            }
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
        // The verdict counts before the administrative word, so that `ready up` leaves maintenance
        // up and `ready down` leaves it down.
        match up {
            Some(true) => self.agent.health.pass(),
            Some(false) => self.agent.health.fail(),
            None => (),
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
            Some(true)
                if self.op == OpState::Stopped && !self.check_holds_down() && self.failures.suspension.is_none() =>
            {
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
}
