//! What the status page's form asks for: each action is a command of the Runtime API, run for each server.

use super::super::execute::Outcome;
use super::super::own::{self, Caller};
use super::super::resolve;
use super::super::stat_values::{ServerRow, Viewer};
use crate::control::Control;
use crate::orders::Act;
use crate::shared::ProxyState;
use lb_admin::{Anon, Reply, Request, Selector};
use lb_model::{Level, Severity};
use std::rc::Rc;

/// What a server must have for an action to concern it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    Check,
    Agent,
}

/// An action of the form.
pub(super) struct Action {
    /// As it is sent.
    pub(super) name: &'static str,
    /// As it is offered; empty: only understood, for scripts that send it.
    pub(super) meaning: &'static str,
    /// The command, `{}` being the server.
    command: &'static str,
    needs: Needs,
}

const fn action(name: &'static str, meaning: &'static str, command: &'static str, needs: Needs) -> Action {
    Action { name, meaning, command, needs }
}

/// The actions, in the order they are offered.
pub(super) const ACTIONS: &[Action] = &[
    action("ready", "Ready: take new sessions", "set server {} state ready", Needs::Nothing),
    action("drain", "Drain: finish sessions, take no new ones", "set server {} state drain", Needs::Nothing),
    action("maint", "Maintenance: out, checks stop", "set server {} state maint", Needs::Nothing),
    action("shutdown", "Kill sessions", "shutdown sessions server {}", Needs::Nothing),
    action("ehlth", "Health checks on", "enable health {}", Needs::Check),
    action("dhlth", "Health checks off", "disable health {}", Needs::Check),
    action("hrunn", "Health: up", "set server {} health up", Needs::Nothing),
    action("hnolb", "Health: stopping", "set server {} health stopping", Needs::Nothing),
    action("hdown", "Health: down", "set server {} health down", Needs::Nothing),
    action("eagent", "Agent checks on", "enable agent {}", Needs::Agent),
    action("dagent", "Agent checks off", "disable agent {}", Needs::Agent),
    action("arunn", "Agent: up", "set server {} agent up", Needs::Agent),
    action("adown", "Agent: down", "set server {} agent down", Needs::Agent),
    action("enable", "", "set server {} state ready", Needs::Nothing),
    action("disable", "", "set server {} state maint", Needs::Nothing),
    action("stop", "", "set server {} state drain", Needs::Nothing),
    action("start", "", "set server {} state ready", Needs::Nothing),
];

/// How an action went, from the word in the address.
pub(super) fn outcome(word: &str) -> Option<&'static str> {
    Some(match word {
        "DONE" => "The action was carried out.",
        "NONE" => "Nothing was changed: no server was chosen that the action concerns.",
        "PART" => "Some of the servers were changed; the others are not there.",
        "ERRP" => "Nothing was changed: the request names an unknown backend, server or action.",
        "EXCD" => "Nothing was changed: the request is too large. Choose fewer servers.",
        "DENY" => "Nothing was changed: you are not allowed to.",
        _ => return None,
    })
}

/// What became of one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Done {
    Changed,
    /// The action does not concern it, or it refused.
    Untouched,
    /// There is no such server.
    Missing,
}

/// Does it, and says how it went in the word that HAProxy's page uses.
pub(super) async fn run(control: &Rc<Control>, act: &Act) -> &'static str {
    let (Some(backend), Some(action)) = (&act.backend, &act.action) else { return "NONE" };
    let proxy = resolve::backend(control, backend).filter(|proxy| act.scope.shows(&proxy.config.name));
    let action = ACTIONS.iter().find(|known| known.name == action);
    let (Some(action), Some(proxy)) = (action, proxy) else { return "ERRP" };
    let (mut changed, mut missing) = (0, 0);
    for server in &act.servers {
        match one(control, action, proxy, server).await {
            Done::Changed => changed += 1,
            Done::Missing => missing += 1,
            Done::Untouched => {}
        }
    }
    match (changed, missing) {
        (0, 0) => "NONE",
        (0, _) => "ERRP",
        (_, 0) => "DONE",
        _ => "PART",
    }
}

async fn one(control: &Rc<Control>, action: &Action, proxy: &'static ProxyState, server: &str) -> Done {
    let Some(state) = proxy.servers.live().find(|state| &*state.config().name == server) else {
        return Done::Missing;
    };
    {
        let backends = control.backends();
        let viewer = Viewer::new(control, &backends, true);
        let Some(row) = ServerRow::new(&viewer, proxy.index, state.index) else { return Done::Missing };
        let health = row.health();
        let concerned = match action.needs {
            Needs::Nothing => true,
            Needs::Check => health.check().is_configured(),
            Needs::Agent => health.agent().is_configured(),
        };
        if !concerned {
            return Done::Untouched;
        }
    }
    // Words and not a line: what a form sends is no place for a second command.
    let target = format!("{}/{server}", proxy.config.name);
    let words = action.command.split(' ').map(|word| if word == "{}" { target.clone() } else { word.to_owned() });
    if succeeds(control, words.collect()).await { Done::Changed } else { Done::Untouched }
}

async fn succeeds(control: &Rc<Control>, words: Vec<String>) -> bool {
    let Some(command) = lb_admin::find(&words) else { return false };
    // A form names one server of its backend: a selector could name others.
    if words.iter().any(|word| Selector::parse(word).is_some()) {
        return false;
    }
    let request = Request {
        id: command.id,
        words,
        payload: None,
        level: Level::Admin,
        expert: false,
        experimental: false,
        anon: Anon::default(),
    };
    match Box::pin(own::run(control, &Caller::of_page(), &request)).await {
        Outcome::Reply(Reply::Message(severity, _)) => severity > Severity::Warning,
        Outcome::Reply(_)
        | Outcome::Dump(_)
        | Outcome::Wait(_)
        | Outcome::Anon(_)
        | Outcome::Events(_)
        | Outcome::Follow(_)
        | Outcome::Sockets => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_a_command() {
        for Action { name, command, .. } in ACTIONS {
            let words: Vec<&str> = command.split(' ').collect();
            assert!(lb_admin::find(&words).is_some(), "{name}: {command}");
        }
    }

    #[test]
    fn every_outcome_has_its_words() {
        for word in ["DONE", "NONE", "PART", "ERRP", "EXCD", "DENY"] {
            assert!(outcome(word).is_some(), "{word}");
        }
        assert_eq!(outcome("<script>"), None);
    }
}
