//! A backend of state machines, doing what an engine does with their actions.

use std::time::Duration;

use lb_check::rules::RuleSet;
use lb_check::{
    Action, AdminCommand, BackendCounts, ForcedHealth, LbView, Monitor, Observe, Refused, ServerHealth, ServerNames,
    no_server_available,
};
use lb_model::{OpState, ParsedWeight, StatusWord, TrackedVia};

use super::answer::judge;
use super::{Answer, socket_error};

/// The bit of a check's state that maintenance sets.
const PAUSED: u8 = 8;

pub struct Server {
    pub name: String,
    pub health: ServerHealth,
    /// The balancer's picture of it.
    pub view: LbView,
    pub slow: bool,
    pub track: Option<usize>,
}

pub struct Backend {
    pub servers: Vec<Server>,
    pub rules: RuleSet,
    pub now: Duration,
    pub tick_at: Vec<(usize, Duration)>,
    pub log: Vec<String>,
    /// Usable servers before the last change.
    pub before: usize,
}

impl Backend {
    fn index(&self, name: &str) -> usize {
        self.servers.iter().position(|s| s.name == name).unwrap()
    }

    pub fn usable(&self, name: &str) -> bool {
        self.servers[self.index(name)].view.usable()
    }

    fn usable_servers(&self, backup: bool) -> usize {
        self.servers.iter().filter(|s| s.health.params().backup == backup && s.view.usable()).count()
    }

    /// Runs `event` on a server and carries out what follows.
    pub fn with<R>(&mut self, name: &str, event: impl FnOnce(&mut ServerHealth, Duration, &mut Vec<Action>) -> R) -> R {
        let (index, now) = (self.index(name), self.now);
        self.run(index, |s, out| event(s, now, out))
    }

    fn run<R>(&mut self, index: usize, event: impl FnOnce(&mut ServerHealth, &mut Vec<Action>) -> R) -> R {
        let mut out = Vec::new();
        let result = event(&mut self.servers[index].health, &mut out);
        for action in out {
            self.carry_out(index, action);
        }
        result
    }

    fn carry_out(&mut self, index: usize, action: Action) {
        match action {
            Action::StateChanged(view) => {
                self.before = self.usable_servers(false) + self.usable_servers(true);
                self.servers[index].view = view;
            }
            Action::Log(line) => {
                let server = &self.servers[index];
                let tracked = server.track.map(|t| ("app", self.servers[t].name.as_str()));
                let backup = server.health.params().backup;
                let names = ServerNames { backend: "app", server: &server.name, backup, tracked };
                let counts = BackendCounts {
                    active: self.usable_servers(false),
                    backup: self.usable_servers(true),
                    ..BackendCounts::default()
                };
                self.log.push(format!("  {}: {}", line.severity().as_str(), line.render(&names, &counts)));
            }
            Action::LastServerLine => {
                if self.before > 0 && self.usable_servers(false) + self.usable_servers(true) == 0 {
                    self.log.push(format!("  emerg: {}", no_server_available("app")));
                }
            }
            Action::NotifyTrackers => {
                let tracked = self.servers[index].health.tracked_view();
                let trackers: Vec<_> =
                    (0..self.servers.len()).rev().filter(|&t| self.servers[t].track == Some(index)).collect();
                for tracker in trackers {
                    let now = self.now;
                    self.run(tracker, |s, out| s.tracked_changed(tracked, now, out));
                }
            }
            Action::TickAfter(delay) => {
                self.tick_at.retain(|&(server, _)| server != index);
                self.tick_at.push((index, self.now + delay));
            }
            Action::KillSessions
            | Action::KillBackupSessions
            | Action::RequeuePending
            | Action::ReleaseQueue
            | Action::PurgeIdle
            | Action::SetMaxconn(_)
            | Action::RetryAfter(_)
            | Action::HurryCheck(_) => (),
        }
    }

    /// Lets the slow starts run.
    pub fn sleep(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(&(index, at)) = self.tick_at.iter().filter(|t| t.1 <= end).min_by_key(|t| t.1) {
            self.tick_at.retain(|&(server, _)| server != index);
            self.now = at;
            self.run(index, |s, out| s.slowstart_tick(at, out));
        }
        self.now = end;
    }

    /// Starts the checks that the recorder had in progress between steps.
    pub fn start_due_checks(&mut self) {
        for server in self.servers.iter_mut().filter(|s| !s.slow) {
            if server.health.check().may_start() {
                server.health.check_started();
            }
            if server.health.agent().may_start() {
                server.health.agent_started();
            }
        }
    }

    pub fn check(&mut self, name: &str, answer: &Answer) {
        let index = self.index(name);
        if self.servers[index].slow {
            self.servers[index].health.check_started();
        }
        let report = match answer {
            Answer::Reset => socket_error(),
            Answer::Bytes(bytes, ended) => {
                let stopped = self.servers[index].health.op() == OpState::Stopped;
                let verdict = judge(&self.rules, bytes, *ended, stopped);
                verdict.unwrap_or_else(|| panic!("{bytes:?} is no whole answer")).report(Duration::ZERO)
            }
        };
        self.with(name, |s, now, out| s.check_finished(report, now, out));
        self.start_due_checks();
    }

    /// A Runtime API command; refusals are logged as the recorder logs answers.
    pub fn cli(&mut self, command: &str) {
        let words: Vec<_> = command.split(' ').collect();
        let (verb, target) = match words.as_slice() {
            ["set", "server", target, rest @ ..] => (rest.to_vec(), *target),
            ["set", "weight", target, weight] => (vec!["weight", *weight], *target),
            [verb, what, target] => (vec![*verb, *what], *target),
            _ => panic!("unknown command {command}"),
        };
        let name = target.strip_prefix("app/").unwrap().to_owned();
        let result = self.with(&name, |s, now, out| apply(s, &verb, now, out));
        if let Err(refused) = result {
            self.log.push(format!("  < {refused}"));
        }
        self.start_due_checks();
    }

    /// State lines in the recorder's form.
    pub fn show(&self) -> Vec<String> {
        self.servers.iter().map(|server| self.show_server(server)).collect()
    }

    fn show_server(&self, server: &Server) -> String {
        let h = &server.health;
        let mut root = server;
        while let Some(tracked) = root.track {
            root = &self.servers[tracked];
        }
        let via = server.track.map(|t| TrackedVia { backend: "app", server: &self.servers[t].name });
        let root = server.track.map(|_| &root.health);
        let word = StatusWord::of(&h.status_inputs(root, via));
        let mut line = format!(
            "  = {}: {word} | op={} adm={} w={}/{} hl={} res={} st={} ck={} ag={}",
            server.name,
            h.op() as u8,
            h.admin().bits(),
            h.weight(),
            h.configured_weight(),
            h.check().health().value(),
            h.check().result() as u8,
            h.check().last().status.number(),
            h.check_state_bits() & !1,
            h.agent_state_bits() & !1
        );
        if h.check().is_enabled() && h.check_state_bits() & PAUSED == 0 {
            let last = h.check().last();
            line += &format!(
                " chk={} code={} fail={} down={} lc=\"{}\"",
                last.status.code(),
                code(h.check()),
                h.failed_checks(),
                h.down_transitions(),
                last.info
            );
        }
        if h.agent().is_enabled() {
            let (last, health) = (h.agent().last(), h.agent().health().value());
            line +=
                &format!(" agent={} acode={} ahl={health} la=\"{}\"", last.status.code(), code(h.agent()), last.info);
        }
        if h.params().observe != Observe::None {
            line += &format!(" hana={}", h.health_analyses());
        }
        if h.throttle_percent().is_some() {
            line += " thr=*";
        }
        line + &format!(" eff={}", h.effective_weight())
    }
}

fn code(monitor: &Monitor) -> String {
    let last = monitor.last();
    if last.status.has_code() { last.code.to_string() } else { "-".into() }
}

fn apply(s: &mut ServerHealth, words: &[&str], now: Duration, out: &mut Vec<Action>) -> Result<(), Refused> {
    match words {
        ["state", "ready"] | ["enable", "server"] => s.set_state(AdminCommand::Ready, now, out),
        ["state", "drain"] => s.set_state(AdminCommand::Drain, now, out),
        ["state", "maint"] | ["disable", "server"] => s.set_state(AdminCommand::Maint, now, out),
        ["health", "up"] => return s.force_health(ForcedHealth::Up, now, out),
        ["health", "stopping"] => return s.force_health(ForcedHealth::Stopping, now, out),
        ["health", "down"] => return s.force_health(ForcedHealth::Down, now, out),
        ["agent", word] => return s.force_agent(*word == "up", now, out),
        ["weight", weight] => return s.set_weight(ParsedWeight::parse(weight), out),
        ["enable", "health"] => return s.enable_check(true),
        ["disable", "health"] => return s.enable_check(false),
        ["enable", "agent"] => return s.enable_agent(true),
        ["disable", "agent"] => return s.enable_agent(false),
        _ => panic!("unknown words {words:?}"),
    }
    Ok(())
}
