//! What operators can change of a server: taken as a picture, compared, and put back.

use super::{AgentTarget, CheckTarget, Control, ServerCtl};
use crate::shared::{ServerState, Target};
use lb_check::{Action, AdminWord, ForcedHealth};
use lb_model::{AdminState, OpState, ParsedWeight};
use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// What operators can change of a server, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Its name.
    pub name: Arc<str>,
    /// The administrative state of its own.
    pub state: AdminWord,
    /// Weight in use.
    pub weight: u32,
    /// Most sessions; 0: no limit.
    pub maxconn: u32,
    /// Where it is.
    pub target: Target,
    /// Where its checks go.
    pub check: CheckTarget,
    /// Where its agent checks go and what they say.
    pub agent: AgentTarget,
    /// Whether the health check is switched on.
    pub check_on: bool,
    /// Whether the agent check is switched on.
    pub agent_on: bool,
}

/// The word of an administrative state.
pub const fn state_word(state: AdminWord) -> &'static str {
    match state {
        AdminWord::Ready => "ready",
        AdminWord::Drain => "drain",
        AdminWord::Maint => "maint",
    }
}

impl Settings {
    pub(super) fn of(own: &ServerCtl, shared: &ServerState) -> Self {
        let health = &own.health;
        Self {
            name: Arc::clone(&shared.config().name),
            state: own_state(health.admin()),
            weight: health.weight(),
            maxconn: shared.maxconn.load(Relaxed),
            target: shared.target(),
            check: own.check.clone(),
            agent: own.agent.clone(),
            check_on: health.check().is_enabled(),
            agent_on: health.agent().is_enabled(),
        }
    }

    /// What differs, as `weight 1 -> 5`.
    pub fn differences(&self, to: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let mut tell = |what: &str, from: &dyn Display, to: &dyn Display| found.push(format!("{what} {from} -> {to}"));
        if self.name != to.name {
            tell("name", &self.name, &to.name);
        }
        if self.state != to.state {
            tell("state", &state_word(self.state), &state_word(to.state));
        }
        if self.weight != to.weight {
            tell("weight", &self.weight, &to.weight);
        }
        if self.maxconn != to.maxconn {
            tell("maxconn", &self.maxconn, &to.maxconn);
        }
        if self.target != to.target {
            tell("address", &target_text(&self.target), &target_text(&to.target));
        }
        if self.check != to.check {
            tell("check target", &check_text(&self.check), &check_text(&to.check));
        }
        if (self.agent.addr, self.agent.port) != (to.agent.addr, to.agent.port) {
            let text = |agent: &AgentTarget| {
                check_text(&CheckTarget { addr: agent.addr, port: Some(agent.port).filter(|port| *port > 0) })
            };
            tell("agent target", &text(&self.agent), &text(&to.agent));
        }
        if self.agent.send != to.agent.send {
            tell("agent-send", &self.agent.send.escape_debug(), &to.agent.send.escape_debug());
        }
        if self.check_on != to.check_on {
            tell("health check", &on_off(self.check_on), &on_off(to.check_on));
        }
        if self.agent_on != to.agent_on {
            tell("agent check", &on_off(self.agent_on), &on_off(to.agent_on));
        }
        found
    }
}

/// The administrative state that operators gave a server.
pub(super) fn own_state(admin: AdminState) -> AdminWord {
    if admin.intersects(AdminState::FORCED_MAINT) {
        AdminWord::Maint
    } else if admin.intersects(AdminState::FORCED_DRAIN) {
        AdminWord::Drain
    } else {
        AdminWord::Ready
    }
}

pub(super) fn target_text(target: &Target) -> String {
    match target {
        Target::Ip(address) => address.to_string(),
        Target::Unix(path) => format!("unix@{}", path.display()),
        Target::Abstract(name) => format!("abns@{name}"),
        Target::Sockpair(fd) => format!("sockpair@{fd}"),
    }
}

fn check_text(target: &CheckTarget) -> String {
    match (target.addr, target.port) {
        (None, None) => "the server's".to_owned(),
        (Some(addr), None) => addr.to_string(),
        (None, Some(port)) => format!("port {port}"),
        (Some(addr), Some(port)) => std::net::SocketAddr::new(addr, port).to_string(),
    }
}

const fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

impl Control {
    /// What operators can change of a server, as it is.
    pub fn settings(&self, proxy: usize, server: usize) -> Option<Settings> {
        let backends = self.backends.borrow();
        let own = backends.get(proxy)?.servers.get(server)?;
        Some(Settings::of(own, self.shared.proxies.get(proxy)?.servers.get(server)?))
    }

    /// Puts settings back. What is as it should be is left alone.
    pub(super) fn put_back(&self, proxy: usize, server: usize, wanted: &Settings) {
        let Some(now) = self.settings(proxy, server) else { return };
        let Some(state) = self.shared.proxies.get(proxy) else { return };
        if now.maxconn != wanted.maxconn {
            self.set_server_maxconn(state, server, wanted.maxconn);
        }
        if now.target != wanted.target
            && let Some(shared) = state.servers.get(server)
        {
            shared.set_target(wanted.target.clone());
        }
        self.change(proxy, server, |own, at, actions| {
            own.check = wanted.check.clone();
            own.agent = wanted.agent.clone();
            put_back_health(own, &now, wanted, at, actions);
        });
    }

    /// Forces a server's health to what it was.
    pub(super) fn put_back_health(&self, proxy: usize, server: usize, op: OpState) {
        let forced = match op {
            OpState::Stopped => ForcedHealth::Down,
            OpState::Stopping => ForcedHealth::Stopping,
            OpState::Starting | OpState::Running => ForcedHealth::Up,
        };
        // A tracking server has no health of its own; none was forced on it either.
        self.change(proxy, server, |own, now, actions| {
            let _ = own.health.force_health(forced, now, actions);
        });
    }
}

/// Everything here was in force before, so nothing of it can be refused.
fn put_back_health(own: &mut ServerCtl, now: &Settings, wanted: &Settings, at: Duration, actions: &mut Vec<Action>) {
    if now.check_on != wanted.check_on {
        let _ = own.health.enable_check(wanted.check_on);
    }
    if now.agent_on != wanted.agent_on {
        let _ = own.health.enable_agent(wanted.agent_on);
    }
    if now.weight != wanted.weight {
        let _ = own.health.set_weight(Ok(ParsedWeight::Absolute(wanted.weight)), actions);
    }
    if now.state != wanted.state {
        own.health.set_state(wanted.state, at, actions);
    }
}
