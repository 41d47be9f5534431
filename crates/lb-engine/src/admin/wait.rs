//! `wait`: an answer that comes later. The connection does the waiting; here the words are read.

use super::{backend, dynamic};
use crate::control::Control;
use lb_admin::{Reply, Request, text};
use lb_model::{TimeUnit, parse_time};
use std::time::Duration;

const USAGE: &str = "\
Usage: wait {-h|<delay>} [<condition> [<args>...]]
Answers after a delay, in milliseconds or with a unit: us, ms, s, m, h, d. With a condition, it answers as soon as that
holds, or when it never can.
  srv-removable <backend>/<server> : 'del server' would delete the server
  be-removable <backend> : 'del backend' would delete the backend
It ends early when the client closes its side of the connection.
";

/// How often a condition is looked at.
pub(super) const INTERVAL: Duration = Duration::from_millis(20);

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wait {
    /// How long at most; without a condition, how long.
    pub delay: Duration,
    /// What ends it early.
    condition: Option<Condition>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    ServerRemovable(String),
    BackendRemovable(String),
}

/// How a wait ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The time is over.
    Expired,
    /// The client sends no more.
    Interrupted,
}

impl Condition {
    /// Whether it holds; if not, why, and whether that may change by itself.
    fn holds(&self, control: &Control) -> Result<(), (String, bool)> {
        match self {
            Self::ServerRemovable(path) => {
                dynamic::removable(control, path).map_err(|because| (because.to_string(), because.may_pass()))
            }
            Self::BackendRemovable(name) => {
                backend::removable(control, name).map_err(|because| (because.to_string(), because.may_pass()))
            }
        }
    }
}

impl Wait {
    /// The answer, if there is one already.
    pub fn settled(&self, control: &Control) -> Option<Reply> {
        match self.condition.as_ref()?.holds(control) {
            Ok(()) => Some(done()),
            Err((_, true)) => None,
            Err((because, false)) => Some(Reply::err(format!("Failed. {because}"))),
        }
    }

    /// Whether something may end it early.
    pub fn has_condition(&self) -> bool {
        self.condition.is_some()
    }

    /// The answer at the end.
    pub fn ended(&self, control: &Control, end: End) -> Reply {
        let because = self.condition.as_ref().and_then(|condition| condition.holds(control).err());
        match (end, because) {
            (End::Expired, None) => done(),
            (End::Expired, Some((because, _))) => Reply::err(format!("Wait delay expired. {because}")),
            (End::Interrupted, None) => Reply::err("Interrupted."),
            (End::Interrupted, Some((because, _))) => Reply::err(format!("Interrupted. {because}")),
        }
    }
}

/// What to wait for, or the answer to give at once.
pub(super) fn run(request: &Request) -> Result<Wait, Reply> {
    let delay = match request.arg(0) {
        "" => return Err(Reply::err("Expects a duration in milliseconds.")),
        "-h" => return Err(Reply::info(USAGE)),
        delay => delay,
    };
    let delay = parse_time(delay, TimeUnit::Millis).ok().filter(|delay| !delay.is_zero());
    let delay = delay.ok_or_else(|| Reply::err("Invalid duration."))?;
    let condition = match (request.arg(1), request.arg(2)) {
        ("", _) => None,
        ("srv-removable", "") => return Err(Reply::err("Missing server name (<backend>/<server>).")),
        ("srv-removable", path) if !path.contains('/') => return Err(Reply::err(text::REQUIRE_BACKEND_SERVER)),
        ("srv-removable", path) => Some(Condition::ServerRemovable(path.to_owned())),
        ("be-removable", "") => return Err(Reply::err("Missing backend name.")),
        ("be-removable", name) => Some(Condition::BackendRemovable(name.to_owned())),
        // Observed: a condition that does not exist shows the usage.
        _ => return Err(Reply::info(USAGE)),
    };
    Ok(Wait { delay, condition })
}

fn done() -> Reply {
    Reply::info("Done.")
}
