//! Why a server is in its state, in words, and what would change it.

use lb_model::{AdminState, OpState};

use crate::server::ServerHealth;
use crate::suspension::Suspension;

/// Names that an explanation mentions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named<'a> {
    /// The server, as `backend/server`.
    pub server: &'a str,
    /// The directly tracked server, likewise.
    pub tracked: Option<&'a str>,
}

/// An explanation: sentences without their full stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What the state means for traffic.
    pub meaning: &'static str,
    /// Why it is in it.
    pub why: Vec<String>,
    /// What would change it.
    pub cure: Vec<String>,
}

impl ServerHealth {
    /// Explains the state.
    pub fn explain(&self, names: &Named<'_>) -> Explanation {
        let mut told = Explanation { meaning: self.meaning(), why: Vec::new(), cure: Vec::new() };
        if self.admin.in_maint() {
            self.explain_maint(names, &mut told);
            return told;
        }
        match self.op {
            OpState::Stopped => self.explain_down(names, &mut told),
            OpState::Stopping => self.explain_stopping(names, &mut told),
            OpState::Starting | OpState::Running => self.explain_up(names, &mut told),
        }
        self.explain_drain(names, &mut told);
        if self.weight == 0 {
            told.why.push("its weight is 0".to_owned());
            told.cure.push(format!("'set server {} weight {}'", names.server, self.params.weight.max(1)));
        }
        told
    }

    fn meaning(&self) -> &'static str {
        if self.admin.in_maint() {
            return "no traffic, and no checks";
        }
        match self.op {
            OpState::Stopped if self.suspension() == Some(Suspension::Trial) => "one request may try it",
            OpState::Stopped => "no traffic",
            OpState::Stopping => "only clients that are bound to it already",
            _ if self.admin.in_drain() || self.weight == 0 => "only clients that are bound to it already",
            OpState::Starting => "traffic, its share still growing",
            OpState::Running => "traffic",
        }
    }

    fn explain_maint(&self, names: &Named<'_>, told: &mut Explanation) {
        if self.admin.intersects(AdminState::FORCED_MAINT) {
            let disabled = self.admin.intersects(AdminState::CONFIG_MAINT);
            told.why.push(if disabled {
                "the configuration disables it, and nobody enabled it since".to_owned()
            } else {
                "it was put in maintenance".to_owned()
            });
            told.cure.push(format!("'set server {} state ready'", names.server));
        }
        if self.admin.intersects(AdminState::INHERITED_MAINT) {
            let tracked = names.tracked.unwrap_or("another server");
            told.why.push(format!("it tracks {tracked}, which is in maintenance"));
            told.cure.push(format!("{tracked} leaving maintenance"));
        }
        if self.admin.intersects(AdminState::RESOLUTION_MAINT) {
            told.why.push("its name has no address".to_owned());
            told.cure.push("a name server that knows the name".to_owned());
        }
    }

    fn explain_down(&self, names: &Named<'_>, told: &mut Explanation) {
        if self.params.tracks {
            let tracked = names.tracked.unwrap_or("another server");
            told.why.push(format!("it tracks {tracked}, which is down"));
            told.cure.push(format!("{tracked} coming up"));
            return;
        }
        if let (Some(suspension), Some(limit)) = (self.suspension(), self.params.fail_limit) {
            told.why.push(format!("traffic failed {} times within {:?} ('max-fails')", limit.fails, limit.within));
            told.cure.push(match suspension {
                Suspension::Resting => format!("one request that tries it {:?} after the last failure", limit.within),
                Suspension::Trial => "the next request, which may try it".to_owned(),
            });
            return;
        }
        let checked = self.check.is_enabled();
        if self.agent_holds_down() {
            told.why.push("its agent said so".to_owned());
            told.cure.push(format!("the agent saying 'up', or 'set server {} agent up'", names.server));
        }
        let health = self.check.health;
        if checked && !health.is_up() {
            told.why.push(match health.value() {
                0 => "its health checks failed, or its health was forced".to_owned(),
                passed => format!("its health checks failed; {passed} passed since, of {} in a row", health.rise()),
            });
            told.cure.push(match health.rise() - health.value() {
                1 => "one more health check that passes".to_owned(),
                missing => format!("{missing} health checks that pass in a row"),
            });
        } else if !checked {
            told.why.push(match self.check.is_configured() {
                true => "it was down when its health checks were switched off, or its health was forced".to_owned(),
                false => "its health was forced, and no health check overrules that".to_owned(),
            });
            told.cure.push(format!("'set server {} health up'", names.server));
        }
        if told.why.is_empty() {
            told.why.push("it was brought down, and its health checks have not ended since".to_owned());
            told.cure.push("a health check that passes".to_owned());
        }
    }

    fn explain_stopping(&self, names: &Named<'_>, told: &mut Explanation) {
        if self.params.tracks {
            told.why.push(format!(
                "it tracks {}, which asks for no new clients",
                names.tracked.unwrap_or("another server")
            ));
            told.cure.push("the tracked server taking new clients again".to_owned());
            return;
        }
        told.why.push("its health check, or an operator, asked for no new clients".to_owned());
        told.cure.push(match self.check.is_enabled() {
            true => "a health check that passes without condition".to_owned(),
            false => format!("'set server {} health up'", names.server),
        });
    }

    fn explain_up(&self, names: &Named<'_>, told: &mut Explanation) {
        if let Some(tracked) = names.tracked.filter(|_| self.params.tracks) {
            told.why.push(format!("it tracks {tracked}, which is up"));
        } else if !self.check.is_configured() {
            told.why.push("it has no health check, so it counts as up".to_owned());
        } else if !self.check.is_enabled() {
            told.why.push("its health checks are switched off; it was up then".to_owned());
            told.cure.push(format!("'enable health {}'", names.server));
        } else {
            let health = self.check.health;
            let left = (health.value() + 1).saturating_sub(health.rise());
            told.why.push(match health.is_full() {
                true => "its health checks pass".to_owned(),
                false => {
                    format!("its health checks still count it as up: {left} of {} before it is down", health.fall())
                }
            });
            if let Some(missing) = Some(left).filter(|_| !health.is_full()) {
                told.cure.push(format!("{} more that fail in a row bring it down", missing.max(1)));
            }
        }
        if let Some(percent) = self.throttle_percent().filter(|percent| *percent < 100) {
            told.why.push(format!("its slow start has reached {percent} % of its weight"));
        }
    }

    fn explain_drain(&self, names: &Named<'_>, told: &mut Explanation) {
        if self.admin.intersects(AdminState::FORCED_DRAIN) {
            told.why.push("it is drained".to_owned());
            told.cure.push(format!("'set server {} state ready'", names.server));
        }
        if self.admin.intersects(AdminState::INHERITED_DRAIN) {
            let tracked = names.tracked.unwrap_or("another server");
            told.why.push(format!("it tracks {tracked}, which is drained"));
            told.cure.push(format!("{tracked} leaving its drain"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AdminWord, CheckReport, ForcedHealth, ServerParams};
    use lb_model::CheckStatus;
    use std::time::Duration;

    const NAMES: Named<'_> = Named { server: "app/web1", tracked: None };

    fn told(params: ServerParams, change: impl FnOnce(&mut ServerHealth)) -> (String, String) {
        let mut server = ServerHealth::new(params, Duration::ZERO);
        change(&mut server);
        let Explanation { why, cure, .. } = server.explain(&NAMES);
        (why.join("; "), cure.join("; "))
    }

    fn checked() -> ServerParams {
        ServerParams { check: true, ..ServerParams::default() }
    }

    fn fail(server: &mut ServerHealth, times: usize, status: CheckStatus) {
        for _ in 0..times {
            let report = CheckReport { status, code: 0, info: String::new(), duration: None };
            server.check_started();
            server.check_finished(report, Duration::ZERO, &mut Vec::new());
        }
    }

    #[test]
    fn checks() {
        let text = |(why, cure): (String, String)| format!("{why} | {cure}");
        assert_eq!(text(told(ServerParams::default(), |_| ())), "it has no health check, so it counts as up | ");
        assert_eq!(text(told(checked(), |s| fail(s, 1, CheckStatus::L4Ok))), "its health checks pass | ");
        let one_failure = |s: &mut ServerHealth| {
            fail(s, 1, CheckStatus::L4Ok);
            fail(s, 1, CheckStatus::L4Connection);
        };
        assert_eq!(
            text(told(checked(), one_failure)),
            "its health checks still count it as up: 2 of 3 before it is down | 2 more that fail in a row bring it down"
        );
        assert_eq!(
            text(told(checked(), |s| fail(s, 3, CheckStatus::L4Connection))),
            "its health checks failed, or its health was forced | 2 health checks that pass in a row"
        );
        let half_way = |s: &mut ServerHealth| {
            fail(s, 3, CheckStatus::L4Connection);
            fail(s, 1, CheckStatus::L4Ok);
        };
        assert_eq!(
            text(told(checked(), half_way)),
            "its health checks failed; 1 passed since, of 2 in a row | one more health check that passes"
        );
    }

    #[test]
    fn operators() {
        let mut out = Vec::new();
        let (why, cure) = told(checked(), |s| s.set_state(AdminWord::Maint, Duration::ZERO, &mut out));
        assert_eq!((&*why, &*cure), ("it was put in maintenance", "'set server app/web1 state ready'"));
        let (why, _) = told(ServerParams { disabled: true, ..checked() }, |_| ());
        assert_eq!(why, "the configuration disables it, and nobody enabled it since");
        let (why, cure) = told(ServerParams::default(), |s| s.set_state(AdminWord::Drain, Duration::ZERO, &mut out));
        assert_eq!(why, "it has no health check, so it counts as up; it is drained");
        assert_eq!(cure, "'set server app/web1 state ready'");
        let (why, cure) = told(ServerParams { weight: 0, ..ServerParams::default() }, |_| ());
        assert!(why.ends_with("its weight is 0") && cure == "'set server app/web1 weight 1'", "{why} {cure}");
        let down = |s: &mut ServerHealth| {
            s.force_health(ForcedHealth::Down, Duration::ZERO, &mut Vec::new()).unwrap();
        };
        assert_eq!(told(ServerParams::default(), down).1, "'set server app/web1 health up'");
    }
}
