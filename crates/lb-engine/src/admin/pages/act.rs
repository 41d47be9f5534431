//! What the status page's form asks for: each action is a command of the Runtime API, run for each server.

use super::super::execute::Outcome;
use super::super::own::{self, Caller};
use super::super::resolve;
use crate::control::Control;
use crate::orders::Act;
use lb_admin::{Anon, Reply, Request, Selector};
use lb_model::{Level, Severity};
use std::rc::Rc;

/// The actions of the form, and the command of each: `{}` is the server.
const ACTIONS: &[(&str, &str)] = &[
    ("ready", "set server {} state ready"),
    ("drain", "set server {} state drain"),
    ("maint", "set server {} state maint"),
    ("enable", "set server {} state ready"),
    ("disable", "set server {} state maint"),
    ("stop", "set server {} state drain"),
    ("start", "set server {} state ready"),
    ("ehlth", "enable health {}"),
    ("dhlth", "disable health {}"),
    ("hrunn", "set server {} health up"),
    ("hnolb", "set server {} health stopping"),
    ("hdown", "set server {} health down"),
    ("eagent", "enable agent {}"),
    ("dagent", "disable agent {}"),
    ("arunn", "set server {} agent up"),
    ("adown", "set server {} agent down"),
    ("shutdown", "shutdown sessions server {}"),
];

/// Does it, and says how it went in the word that HAProxy's page uses.
pub(super) async fn run(control: &Rc<Control>, act: &Act) -> &'static str {
    let Some((_, command)) = ACTIONS.iter().find(|(name, _)| *name == act.action) else { return "ERRP" };
    let Some(proxy) = resolve::backend(control, &act.backend).filter(|proxy| act.scope.shows(&proxy.config.name))
    else {
        return "ERRP";
    };
    if act.servers.is_empty() {
        return "NONE";
    }
    let mut failed = 0;
    for server in &act.servers {
        // Words and not a line: what a form sends is no place for a second command.
        let target = format!("{}/{server}", proxy.config.name);
        let words: Vec<String> =
            command.split(' ').map(|word| if word == "{}" { target.clone() } else { word.to_owned() }).collect();
        failed += u32::from(!succeeds(control, words).await);
    }
    match failed {
        0 => "DONE",
        n if n as usize == act.servers.len() => "ERRP",
        _ => "PART",
    }
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
        for (name, command) in ACTIONS {
            let words: Vec<&str> = command.split(' ').collect();
            assert!(lb_admin::find(&words).is_some(), "{name}: {command}");
        }
    }
}
