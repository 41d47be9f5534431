//! Changes to servers, believed only when they show.
//!
//! A change succeeded when the answer is exactly one empty line *and* the state read back agrees.
//! Words are compared for nothing else: they differ between versions.

use lb_admin::{CommandId, CommandLine};
use lb_model::{AdminState, OpState, ParsedWeight};

use crate::{Client, Error, Line, Refusal, ServerName, ServerState, Verdict, judge};

/// An administrative state to put a server into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminWish {
    /// Take traffic as checks allow.
    Ready,
    /// Finish what it has, take nothing new but persistent clients.
    Drain,
    /// Take nothing; checks stop.
    Maint,
}

impl AdminWish {
    /// The wire's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Drain => "drain",
            Self::Maint => "maint",
        }
    }

    /// The wish that a server's forced state fulfils: what to ask for to come back to it.
    pub const fn of(admin: AdminState) -> Self {
        if admin.intersects(AdminState::FORCED_MAINT) {
            Self::Maint
        } else if admin.intersects(AdminState::FORCED_DRAIN) {
            Self::Drain
        } else {
            Self::Ready
        }
    }
}

/// A health to force on a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthWish {
    /// Up.
    Up,
    /// Up, asking for no new sessions.
    Stopping,
    /// Down.
    Down,
}

impl HealthWish {
    /// The wire's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Stopping => "stopping",
            Self::Down => "down",
        }
    }
}

/// A change to one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// `set server … state`.
    State(AdminWish),
    /// `set server … weight`.
    Weight(ParsedWeight),
    /// `set server … health`.
    Health(HealthWish),
}

/// How a change went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acted {
    /// Nothing was sent: the server was so already.
    Already(ServerState),
    /// The server is so; the state read back.
    Done(ServerState),
}

impl Acted {
    /// The server afterwards.
    pub fn server(&self) -> &ServerState {
        match self {
            Self::Already(s) | Self::Done(s) => s,
        }
    }
}

impl Act {
    /// The command for one server.
    ///
    /// # Errors
    /// [`Error::Line`] when the name cannot be carried.
    pub fn line(&self, server: &ServerName) -> Result<Line, Error> {
        let (what, value) = match self {
            Self::State(wish) => ("state", wish.as_str().to_owned()),
            Self::Weight(ParsedWeight::Absolute(w)) => ("weight", w.to_string()),
            Self::Weight(ParsedWeight::Percent(p)) => ("weight", format!("{p}%")),
            Self::Health(wish) => ("health", wish.as_str().to_owned()),
        };
        let command =
            CommandLine::new(CommandId::SetServer).server(&server.backend, &server.server).arg(what).arg(value);
        Ok(Line::typed(&command)?)
    }

    /// Whether the server is already what the act would make of it.
    pub fn holds(&self, server: &ServerState) -> bool {
        match self {
            // What is inherited from a tracked server is not the server's own to change.
            Self::State(wish) => AdminWish::of(server.admin) == *wish,
            Self::Weight(weight) => server.weight == weight.resolve(server.initial_weight),
            Self::Health(HealthWish::Up) => matches!(server.op, OpState::Running | OpState::Starting),
            Self::Health(HealthWish::Stopping) => server.op == OpState::Stopping,
            Self::Health(HealthWish::Down) => server.op == OpState::Stopped,
        }
    }

    /// Whether the command is needed. A forced health also fills the check's counter, which the
    /// state does not tell: it is always sent.
    pub fn needed(&self, server: &ServerState) -> bool {
        matches!(self, Self::Health(_)) || !self.holds(server)
    }
}

impl Client {
    /// Changes one server and reads its state back. `before` is its state as last read; nothing is
    /// sent when that agrees already.
    ///
    /// # Errors
    /// [`Error::Refused`] with the engine's words, [`Error::NotInEffect`] when the state read back
    /// disagrees, [`Error::NotFound`] when the server has gone, and the errors of [`Client::ask`].
    pub fn act(&self, act: &Act, before: &ServerState) -> Result<Acted, Error> {
        if !act.needed(before) {
            return Ok(Acted::Already(before.clone()));
        }
        let line = act.line(&before.name)?;
        self.change(&line)?;
        let after = self.server_state(&before.name)?;
        if act.holds(&after) {
            return Ok(Acted::Done(after));
        }
        let command = line.shown();
        let mut found = after.words();
        match act {
            Act::Weight(_) => found = format!("at weight {}", after.weight),
            Act::Health(_) if after.checked && !after.admin.in_maint() => found.push_str(" (its checks decide)"),
            _ => {}
        }
        let in_maint = matches!(act, Act::Health(_)) && after.admin.in_maint();
        Err(Error::NotInEffect { command, server: after.name.to_string(), found, in_maint })
    }

    /// Brings a server back down: it serves only once its checks have passed. Both commands go on one
    /// line, since between them it would serve unchecked.
    ///
    /// # Errors
    /// As [`Client::act`], and when the server has no checks.
    pub fn ready_checked(&self, before: &ServerState) -> Result<Acted, Error> {
        let ready = Act::State(AdminWish::Ready);
        if ready.holds(before) {
            return Ok(Acted::Already(before.clone()));
        }
        let line = Self::ready_checked_line(&before.name)?;
        let answer = self.ask(&line)?;
        if let Verdict::Refused(refusal) = judge(&line, &answer) {
            return Err(Error::Refused { command: line.shown(), refusal });
        }
        let after = self.server_state(&before.name)?;
        if ready.holds(&after) {
            return Ok(Acted::Done(after));
        }
        let (command, found) = (line.shown(), after.words());
        Err(Error::NotInEffect { command, server: after.name.to_string(), found, in_maint: false })
    }

    /// What [`Client::ready_checked`] sends.
    ///
    /// # Errors
    /// [`Error::Line`] when the name cannot be carried.
    pub fn ready_checked_line(server: &ServerName) -> Result<Line, Error> {
        let down = Act::Health(HealthWish::Down).line(server)?;
        Ok(Act::State(AdminWish::Ready).line(server)?.chain(&down))
    }

    /// Sends a command whose success is one empty line; anything else is an error.
    ///
    /// # Errors
    /// [`Error::Refused`] for any words, and the errors of [`Client::ask`].
    pub fn change(&self, line: &Line) -> Result<(), Error> {
        let answer = self.ask(line)?;
        if answer.bytes() == b"\n" {
            return Ok(());
        }
        let refusal = match judge(line, &answer) {
            Verdict::Refused(refusal) => refusal,
            Verdict::Accepted => Refusal::saying(answer.text().trim()),
        };
        Err(Error::Refused { command: line.shown(), refusal })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(op: OpState, admin: u8) -> ServerState {
        ServerState {
            name: ServerName::new("app", "web1"),
            backend_id: 3,
            server_id: 1,
            address: Some("127.0.0.1".into()),
            port: 80,
            host_name: None,
            op,
            admin: AdminState::from_bits(admin),
            weight: 25,
            initial_weight: 50,
            checked: false,
            has_check: false,
            has_agent: false,
            agent_enabled: false,
        }
    }

    #[test]
    fn what_holds() {
        let holds = |act: Act, op, admin| act.holds(&server(op, admin));
        let (up, down) = (OpState::Running, OpState::Stopped);
        assert!(holds(Act::State(AdminWish::Ready), up, 0));
        assert!(holds(Act::State(AdminWish::Ready), up, 4), "the configuration's mark stays after ready");
        assert!(holds(Act::State(AdminWish::Ready), up, 16), "an inherited drain is not the server's own");
        assert!(!holds(Act::State(AdminWish::Ready), down, 5));
        assert!(holds(Act::State(AdminWish::Drain), down, 8));
        assert!(!holds(Act::State(AdminWish::Drain), down, 9));
        assert!(holds(Act::State(AdminWish::Maint), down, 1));
        assert!(!holds(Act::State(AdminWish::Maint), down, 2));
        assert!(holds(Act::Weight(ParsedWeight::Percent(50)), up, 0));
        assert!(!holds(Act::Weight(ParsedWeight::Absolute(50)), up, 0));
        assert!(holds(Act::Health(HealthWish::Up), OpState::Starting, 0));
    }

    #[test]
    fn lines() {
        let line = |act: Act| act.line(&ServerName::new("app", "web1")).unwrap().as_str().to_owned();
        assert_eq!(line(Act::State(AdminWish::Drain)), "set server app/web1 state drain");
        assert_eq!(line(Act::Weight(ParsedWeight::Percent(10))), "set server app/web1 weight 10%");
        assert_eq!(line(Act::Health(HealthWish::Stopping)), "set server app/web1 health stopping");
    }
}
