//! Servers put out for a time by what traffic saw of them (`max-fails`, `fail-timeout`), without any check.
//!
//! ```text
//!   in service ── max-fails failures inside fail-timeout ──▶ resting
//!       ▲                                                     │ ▲
//!       │                                  fail-timeout over  ▼ │ it failed
//!       └────────────────── it was answered ─────────────── on trial
//! ```
//!
//! On trial, one request may try the server; who sees to it that it is one is the caller. A trial whose request ends
//! without a verdict is offered again after `fail-timeout`. Checks, agents and operators that bring the server down
//! end all this: it is theirs then.

use std::time::Duration;

use lb_model::OpState;

use crate::action::Action;
use crate::log::Cause;
use crate::passive::TrafficEvent;
use crate::server::ServerHealth;

/// `max-fails` and `fail-timeout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailLimit {
    /// Failures that put the server out.
    pub fails: u32,
    /// Within this time; and for this time.
    pub within: Duration,
    /// Only an answer speaks for the server; otherwise an established connection does.
    pub answers: bool,
}

impl FailLimit {
    /// Whether what was seen counts against the server. A status does not, whatever it is.
    pub const fn is_failure(event: TrafficEvent) -> bool {
        use TrafficEvent as E;
        match event {
            E::ConnectFailed | E::ResponseInvalid | E::ResponseClosed | E::ResponseReadError | E::ResponseTimeout => {
                true
            }
            E::Connected | E::ResponseOk | E::ResponseStatus => false,
        }
    }

    const fn is_success(self, event: TrafficEvent) -> bool {
        match event {
            TrafficEvent::Connected => !self.answers,
            _ => !Self::is_failure(event),
        }
    }
}

/// Where a server that was put out stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspension {
    /// It gets nothing.
    Resting,
    /// One request may try it.
    Trial,
}

/// What is remembered of failures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Failures {
    /// When the latest were seen, no more than `max-fails`.
    seen: Vec<Duration>,
    pub(crate) suspension: Option<Suspension>,
}

impl ServerHealth {
    /// Whether traffic put it out, and how far it is on its way back.
    pub fn suspension(&self) -> Option<Suspension> {
        self.failures.suspension
    }

    /// A session saw `event` of a server with `max-fails`.
    pub(crate) fn count_failure(&mut self, event: TrafficEvent, now: Duration, out: &mut Vec<Action>) {
        let Some(limit) = self.params.fail_limit.filter(|_| !self.admin.in_maint()) else { return };
        match (self.failures.suspension, FailLimit::is_failure(event)) {
            (None, true) if self.op != OpState::Stopped => {
                let seen = &mut self.failures.seen;
                seen.retain(|at| now.saturating_sub(*at) <= limit.within);
                seen.push(now);
                if seen.len() < limit.fails as usize {
                    return;
                }
                seen.clear();
                self.failures.suspension = Some(Suspension::Resting);
                let cause = Cause::Failures { count: limit.fails, last: event };
                self.move_to(OpState::Stopped, cause, now, out);
                out.push(Action::RetryAfter(limit.within));
            }
            (Some(before), true) => {
                self.failures.suspension = Some(Suspension::Resting);
                if before == Suspension::Trial {
                    out.push(Action::StateChanged(self.lb_view()));
                }
                out.push(Action::RetryAfter(limit.within));
            }
            (Some(Suspension::Trial), false) if limit.is_success(event) => {
                self.forget_failures();
                if self.check_holds_down() || self.agent_holds_down() {
                    out.push(Action::StateChanged(self.lb_view()));
                } else {
                    self.move_to(OpState::Running, Cause::Answered(event), now, out);
                }
            }
            _ => (),
        }
    }

    /// `fail-timeout` is over: one request may try the server.
    pub fn retry_tick(&mut self, out: &mut Vec<Action>) {
        let Some(limit) = self.params.fail_limit.filter(|_| self.failures.suspension.is_some()) else { return };
        if self.check_holds_down() || self.agent_holds_down() {
            // Checks say when it comes back.
            self.forget_failures();
        } else {
            self.failures.suspension = Some(Suspension::Trial);
            out.push(Action::RetryAfter(limit.within));
        }
        out.push(Action::StateChanged(self.lb_view()));
    }

    /// A former process left it down, and nobody but traffic can tell that it is well again.
    pub(crate) fn rest_from_start(&mut self, out: &mut Vec<Action>) {
        if let Some(limit) = self.params.fail_limit.filter(|_| !self.check.is_configured()) {
            self.failures.suspension = Some(Suspension::Resting);
            out.push(Action::RetryAfter(limit.within));
        }
    }

    pub(crate) fn forget_failures(&mut self) {
        self.failures = Failures::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AdminWord, CheckReport, ForcedHealth, ServerParams};
    use lb_model::CheckStatus;

    const SECOND: Duration = Duration::from_secs(1);

    fn server(fails: u32) -> ServerHealth {
        let fail_limit = Some(FailLimit { fails, within: 10 * SECOND, answers: true });
        ServerHealth::new(ServerParams { fail_limit, ..ServerParams::default() }, Duration::ZERO)
    }

    /// Feeds `<second> <event>` pairs and tells after each the state: up, resting, trial or down.
    fn walk(server: &mut ServerHealth, script: &str) -> String {
        let mut states = Vec::new();
        for step in script.split(", ") {
            let (at, event) = step.split_once(' ').unwrap();
            let now = at.parse::<u32>().unwrap() * SECOND;
            let mut out = Vec::new();
            match event {
                "refused" => server.traffic(TrafficEvent::ConnectFailed, now, &mut out),
                "timeout" => server.traffic(TrafficEvent::ResponseTimeout, now, &mut out),
                "connected" => server.traffic(TrafficEvent::Connected, now, &mut out),
                "200" | "500" => server.traffic(TrafficEvent::of_status(event.parse().unwrap()), now, &mut out),
                "tick" => server.retry_tick(&mut out),
                "maint" => server.set_state(AdminWord::Maint, now, &mut out),
                "ready" => server.set_state(AdminWord::Ready, now, &mut out),
                "forced-down" => server.force_health(ForcedHealth::Down, now, &mut out).unwrap(),
                "forced-up" => server.force_health(ForcedHealth::Up, now, &mut out).unwrap(),
                "passed" => {
                    let report =
                        CheckReport { status: CheckStatus::L4Ok, code: 0, info: String::new(), duration: None };
                    server.check_started();
                    server.check_finished(report, now, &mut out);
                }
                other => panic!("{other}"),
            }
            states.push(match (server.op(), server.suspension()) {
                (OpState::Stopped, Some(Suspension::Resting)) => "resting",
                (OpState::Stopped, Some(Suspension::Trial)) => "trial",
                (OpState::Stopped, None) => "down",
                (_, None) => "up",
                (_, Some(_)) => "broken",
            });
            let view = server.lb_view();
            assert_eq!(view.trial, states.last() == Some(&"trial"));
        }
        states.join(" ")
    }

    #[test]
    fn failures_inside_the_time_put_it_out() {
        assert_eq!(walk(&mut server(2), "0 refused, 11 refused, 12 timeout, 13 200"), "up up resting resting");
        assert_eq!(walk(&mut server(1), "0 500, 1 connected, 2 refused"), "up up resting");
    }

    #[test]
    fn one_request_tries_it() {
        let script = "0 refused, 10 tick, 10 connected, 11 500, 12 refused, 22 tick, 23 refused, 33 tick, 34 200";
        assert_eq!(walk(&mut server(1), script), "resting trial trial up resting trial resting trial up");
        // A trial without a verdict is offered again.
        assert_eq!(walk(&mut server(1), "0 refused, 10 tick, 20 tick, 21 200"), "resting trial trial up");
    }

    #[test]
    fn operators_overrule() {
        assert_eq!(walk(&mut server(1), "0 refused, 1 forced-up, 2 tick"), "resting up up");
        assert_eq!(walk(&mut server(1), "0 refused, 1 forced-down, 10 tick, 11 200"), "resting down down down");
        assert_eq!(walk(&mut server(1), "0 refused, 1 maint, 10 tick, 11 ready"), "resting down down up");
    }

    #[test]
    fn a_check_that_passes_does_not_shorten_the_rest() {
        let mut params = server(1).params().clone();
        params.check = true;
        let mut server = ServerHealth::new(params, Duration::ZERO);
        assert_eq!(walk(&mut server, "0 refused, 1 passed, 10 tick, 11 200"), "resting resting trial up");
    }
}
