//! What a master tells the next image of itself when it re-executes for a reload: its workers, the
//! listening sockets it keeps, its command sockets and who waits for an answer. It travels in one
//! environment variable, descriptors by number.

use super::admin::AdminPath;
use super::cli::CommandSocket;
use super::leash::MasterEnd;
use super::worker::{Role, Worker};
use crate::engine::Listener;
use crate::sys;
use lb_model::Level;
use nix::unistd::Pid;
use std::ffi::OsStr;
use std::fmt::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, SystemTime};

/// The variable's name.
const VARIABLE: &str = "LBD_MASTER_STATE";

/// What survives a re-execution.
#[derive(Debug, Default)]
pub struct Handover {
    /// Workers that live, the serving one and former ones.
    pub workers: Vec<Worker>,
    /// Listening sockets of the serving worker.
    pub listeners: Vec<Listener>,
    /// Sockets of the master's command line.
    pub sockets: Vec<CommandSocket>,
    /// Connections that asked for this reload.
    pub clients: Vec<OwnedFd>,
    /// Whether the former worker is terminated once the next one serves.
    pub hard: bool,
    /// How often this master has reloaded.
    pub reloads: u32,
    /// How many of these reloads failed.
    pub failed: u32,
    /// Start of the master, seconds since 1970.
    pub since_epoch_s: u64,
    /// The limit of descriptors that workers start with, if the master has raised its own.
    pub descriptors: Option<u64>,
}

impl Handover {
    /// Puts everything into the environment and lets the descriptors survive an exec.
    pub fn store(&self) -> nix::Result<()> {
        for worker in &self.workers {
            sys::keep_over_exec(&worker.leash)?;
        }
        let listeners = self.listeners.iter().map(|listener| &listener.fd);
        for fd in listeners.chain(self.sockets.iter().map(|socket| &socket.fd)).chain(&self.clients) {
            sys::keep_over_exec(fd)?;
        }
        // Without it the next image would take itself for the first one.
        sys::set_env(OsStr::new(VARIABLE), Some(OsStr::new(&self.encode())))
    }

    /// Takes what the earlier image of this process stored; `None` when there was none.
    pub fn take() -> Option<Handover> {
        let text = std::env::var(VARIABLE).ok()?;
        Handover::forget();
        decode(&text, std::process::id())
    }

    /// Undoes [`Handover::store`] after an exec that failed.
    pub fn forget() {
        // Left behind, it would mean nothing: it names this process only, and is written before any exec.
        let _ = sys::set_env(OsStr::new(VARIABLE), None);
    }

    fn encode(&self) -> String {
        // Writing to a String cannot fail.
        let (pid, hard) = (std::process::id(), u8::from(self.hard));
        let mut text = format!("master {pid} {} {} {} {hard}", self.reloads, self.failed, self.since_epoch_s);
        if let Some(limit) = self.descriptors {
            let _ = write!(text, "\ndescriptors {limit}");
        }
        for worker in &self.workers {
            let since = worker.since.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
            let _ = write!(
                text,
                "\n{} {} {} {} {since} {}",
                worker.role.word(),
                worker.pid,
                worker.leash.as_fd().as_raw_fd(),
                worker.reloads,
                worker.admin.as_ref().map_or_else(Default::default, |admin| admin.path.to_string_lossy()),
            );
        }
        for listener in &self.listeners {
            let _ = write!(text, "\nlistener {} {}", listener.fd.as_raw_fd(), listener.name);
        }
        for socket in &self.sockets {
            let _ = write!(text, "\nsocket {} {} {}", socket.fd.as_raw_fd(), socket.level, socket.name);
        }
        for client in &self.clients {
            let _ = write!(text, "\nclient {}", client.as_raw_fd());
        }
        text
    }
}

/// `None` unless the text was written by a process of this id: the variable must not work when it
/// leaked into another process's environment.
fn decode(text: &str, own_pid: u32) -> Option<Handover> {
    let mut handover = Handover::default();
    let mut lines = text.lines();
    let mut head = lines.next()?.strip_prefix("master ")?.split(' ');
    if head.next()?.parse::<u32>().ok()? != own_pid {
        return None;
    }
    handover.reloads = head.next()?.parse().ok()?;
    handover.failed = head.next()?.parse().ok()?;
    handover.since_epoch_s = head.next()?.parse().ok()?;
    handover.hard = head.next()? == "1";
    for line in lines {
        let (word, rest) = line.split_once(' ')?;
        match word {
            "listener" => {
                let (fd, name) = rest.split_once(' ')?;
                handover.listeners.push(Listener { name: name.to_owned(), fd: adopt(fd)? });
            }
            "socket" => {
                let (fd, rest) = rest.split_once(' ')?;
                let (level, name) = rest.split_once(' ')?;
                let (level, fd) = (Level::parse(level)?, adopt(fd)?);
                handover.sockets.push(CommandSocket { name: name.to_owned(), level, fd });
            }
            "descriptors" => handover.descriptors = Some(rest.parse().ok()?),
            "client" => handover.clients.push(adopt(rest)?),
            word => handover.workers.push(worker(Role::from_word(word)?, rest)?),
        }
    }
    Some(handover)
}

fn adopt(number: &str) -> Option<OwnedFd> {
    sys::adopt(number.parse().ok()?)
}

fn worker(role: Role, text: &str) -> Option<Worker> {
    let mut words = text.splitn(5, ' ');
    let pid = Pid::from_raw(words.next()?.parse().ok()?);
    let leash = MasterEnd::resumed(adopt(words.next()?)?);
    let reloads = words.next()?.parse().ok()?;
    let since = SystemTime::UNIX_EPOCH + Duration::from_secs(words.next()?.parse().ok()?);
    let admin = words.next().filter(|path| !path.is_empty()).map(|path| AdminPath::of(path.into()));
    Some(Worker { pid, role, leash, reloads, since, admin, pending: Vec::new(), doomed: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master::leash::leash;
    use std::os::fd::IntoRawFd;

    #[test]
    fn comes_back_as_it_was() {
        let (end, _worker) = leash().unwrap();
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let text = format!(
            "master 7 3 1 99 1\ndescriptors 1024\ncurrent 123 {} 2 77 /nonexistent/a b\nlistener {} unix@/tmp/a b\n\
             socket {} operator /tmp/m\nclient {}",
            nix::unistd::dup(end.as_fd()).unwrap().into_raw_fd(),
            nix::unistd::dup(socket.as_fd()).unwrap().into_raw_fd(),
            nix::unistd::dup(socket.as_fd()).unwrap().into_raw_fd(),
            nix::unistd::dup(socket.as_fd()).unwrap().into_raw_fd(),
        );
        let handover = decode(&text, 7).unwrap();
        assert_eq!((handover.reloads, handover.failed, handover.since_epoch_s), (3, 1, 99));
        assert!(handover.hard);
        assert_eq!(handover.workers[0].role, Role::Current);
        assert_eq!(handover.sockets[0].level, Level::Operator);
        assert_eq!(handover.listeners[0].name, "unix@/tmp/a b");
        let again = handover.encode();
        assert_eq!(again.lines().skip(1).collect::<Vec<_>>(), text.lines().skip(1).collect::<Vec<_>>());
    }

    #[test]
    fn of_another_process_is_ignored() {
        assert!(decode("master 7 3 1 99 0", 8).is_none());
        assert!(decode("rubbish", 8).is_none());
        assert!(decode("", 8).is_none());
    }
}
