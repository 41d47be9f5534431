//! One worker, as its master sees it.

use super::admin::AdminPath;
use super::leash::MasterEnd;
use crate::engine::Listener;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::WaitStatus;
use nix::unistd::Pid;
use std::time::SystemTime;

/// A worker's place in its life.
///
/// ```text
/// Starting ──ready──▶ Current ──another is ready──▶ Former ──▶ (exit)
///     └── exit before ready: the load failed
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Reads the configuration and binds.
    Starting,
    /// Serves new connections.
    Current,
    /// Finishes what it has.
    Former,
}

impl Role {
    /// The role's name for messages and for the next image of the master.
    pub fn word(self) -> &'static str {
        match self {
            Role::Starting => "starting",
            Role::Current => "current",
            Role::Former => "former",
        }
    }

    /// The role of a name.
    pub fn from_word(word: &str) -> Option<Role> {
        [Role::Starting, Role::Current, Role::Former].into_iter().find(|role| role.word() == word)
    }
}

/// A worker process.
#[derive(Debug)]
pub struct Worker {
    /// Its id.
    pub pid: Pid,
    /// Where it is in its life.
    pub role: Role,
    /// The line it speaks on.
    pub leash: MasterEnd,
    /// How many reloads of the master it has lived through.
    pub reloads: u32,
    /// When it was started.
    pub since: SystemTime,
    /// The way to its private admin socket.
    pub admin: Option<AdminPath>,
    /// Listening sockets it has announced while starting.
    pub pending: Vec<Listener>,
    /// It was killed before it was ready, because its sockets cannot be kept.
    pub doomed: bool,
}

impl Worker {
    /// Sends it a signal. One that has just died does not mind.
    pub fn signal(&self, signal: Signal) {
        let _ = kill(self.pid, signal);
    }
}

/// How a process ended: its exit status as a shell shows it, and a word for it.
pub fn ending(status: WaitStatus) -> Option<(Pid, i32, &'static str)> {
    match status {
        WaitStatus::Exited(pid, code) => Some((
            pid,
            code,
            match code.checked_sub(128).and_then(|number| Signal::try_from(number).ok()) {
                Some(signal) => describe(signal),
                None => "Exit",
            },
        )),
        WaitStatus::Signaled(pid, signal, _) => Some((pid, 128 + signal as i32, describe(signal))),
        _ => None,
    }
}

/// The words shells use.
fn describe(signal: Signal) -> &'static str {
    match signal {
        Signal::SIGHUP => "Hangup",
        Signal::SIGINT => "Interrupt",
        Signal::SIGQUIT => "Quit",
        Signal::SIGILL => "Illegal instruction",
        Signal::SIGABRT => "Aborted",
        Signal::SIGBUS => "Bus error",
        Signal::SIGFPE => "Floating point exception",
        Signal::SIGKILL => "Killed",
        Signal::SIGSEGV => "Segmentation fault",
        Signal::SIGPIPE => "Broken pipe",
        Signal::SIGTERM => "Terminated",
        other => other.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_read_as_in_a_shell() {
        let pid = Pid::from_raw(5);
        let shown = |status| ending(status).map(|(_, code, word)| format!("{code} ({word})"));
        assert_eq!(shown(WaitStatus::Exited(pid, 0)).as_deref(), Some("0 (Exit)"));
        assert_eq!(shown(WaitStatus::Exited(pid, 1)).as_deref(), Some("1 (Exit)"));
        assert_eq!(shown(WaitStatus::Signaled(pid, Signal::SIGINT, false)).as_deref(), Some("130 (Interrupt)"));
        assert_eq!(shown(WaitStatus::Signaled(pid, Signal::SIGKILL, false)).as_deref(), Some("137 (Killed)"));
        assert_eq!(shown(WaitStatus::Exited(pid, 143)).as_deref(), Some("143 (Terminated)"));
        assert_eq!(shown(WaitStatus::StillAlive), None);
    }

    #[test]
    fn roles_have_names() {
        for role in [Role::Starting, Role::Current, Role::Former] {
            assert_eq!(Role::from_word(role.word()), Some(role));
        }
        assert_eq!(Role::from_word("listener"), None);
    }
}
