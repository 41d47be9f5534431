//! One connection to the master's command line.
//!
//! ```text
//! input ──line──▶ steps ──▶ own command ──────▶ output
//!                      └──▶ relay to a worker ─▶ output   (no further step until the worker has closed)
//! ```

use super::View;
use super::commands::{Command, Parsed, Step, Target, help, payload_end, steps, understand};
use super::proc::show_proc;
use crate::master::worker::{Role, Worker};
use lb_model::Level;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags};
use nix::unistd::{read, write};
use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::SystemTime;

/// The longest line, and the longest payload for a worker.
const MAX_INPUT: usize = 128 * 1024;
/// How much is taken from a worker before the client has read the rest.
const MAX_OUTPUT: usize = 64 * 1024;

/// What becomes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It stays.
    Stay,
    /// It ends.
    Close,
    /// It waits for a reload.
    Reload {
        /// Terminate the former worker.
        hard: bool,
    },
}

/// A connection.
#[derive(Debug)]
pub struct Client {
    fd: OwnedFd,
    level: Level,
    input: Vec<u8>,
    input_ended: bool,
    output: Vec<u8>,
    steps: VecDeque<Step>,
    /// Whom commands without a prefix are for.
    selected: Target,
    prompt: bool,
    /// A line was taken and its prompt has not been shown.
    prompt_due: bool,
    relay: Option<Relay>,
    reload: Option<bool>,
    quit: bool,
}

/// A connection to a worker on behalf of a client.
#[derive(Debug)]
struct Relay {
    stream: UnixStream,
    pending: Vec<u8>,
    /// What the client says meanwhile goes to the worker too (`@@`).
    duplex: bool,
    /// Whether the worker has been told that nothing more comes.
    ended: bool,
}

impl Client {
    /// A connection that may do what `level` allows.
    pub fn new(fd: OwnedFd, level: Level) -> Client {
        Client {
            fd,
            level,
            input: Vec::new(),
            input_ended: false,
            output: Vec::new(),
            steps: VecDeque::new(),
            selected: Target::Master,
            prompt: false,
            prompt_due: false,
            relay: None,
            reload: None,
            quit: false,
        }
    }

    /// The connection's descriptor, when only an answer is still to be written.
    pub fn into_fd(self) -> OwnedFd {
        self.fd
    }

    /// Adds what may wake this connection up to `fds`.
    pub fn watch<'a>(&'a self, fds: &mut Vec<PollFd<'a>>) {
        let mut events = PollFlags::empty();
        events.set(PollFlags::POLLIN, self.wants_input());
        events.set(PollFlags::POLLOUT, !self.output.is_empty());
        fds.push(PollFd::new(self.fd.as_fd(), events));
        if let Some(relay) = &self.relay {
            let mut events = PollFlags::empty();
            events.set(PollFlags::POLLIN, self.output.len() < MAX_OUTPUT);
            events.set(PollFlags::POLLOUT, !relay.pending.is_empty());
            fds.push(PollFd::new(relay.stream.as_fd(), events));
        }
    }

    fn wants_input(&self) -> bool {
        !self.input_ended && self.input.len() < MAX_INPUT
    }

    /// Does whatever is possible without waiting.
    pub fn step(&mut self, view: View<'_>) -> Next {
        while self.wants_input() {
            match receive(self.fd.as_fd(), &mut self.input) {
                Received::Some => {}
                Received::Nothing => break,
                Received::End => self.input_ended = true,
            }
        }
        loop {
            self.pump();
            if self.relay.is_some() || self.quit || self.reload.is_some() || self.output.len() >= MAX_OUTPUT {
                break;
            }
            if let Some(step) = self.steps.pop_front() {
                if !self.run(step, view) {
                    break;
                }
            } else if std::mem::take(&mut self.prompt_due) {
                self.show_prompt(view);
            } else if let Some(line) = self.take_line() {
                self.steps = steps(&String::from_utf8_lossy(&line)).into();
                self.prompt_due = true;
            } else {
                break;
            }
        }
        if send(self.fd.as_fd(), &mut self.output).is_err() {
            return Next::Close;
        }
        if let Some(hard) = self.reload {
            return Next::Reload { hard };
        }
        let finished = self.input_ended && self.relay.is_none() && self.steps.is_empty() && self.no_line_left();
        if self.output.is_empty() && (self.quit || finished) { Next::Close } else { Next::Stay }
    }

    fn no_line_left(&self) -> bool {
        self.input.is_empty()
    }

    /// The next line of the input; at its end also one without a newline.
    fn take_line(&mut self) -> Option<Vec<u8>> {
        let end = match self.input.iter().position(|byte| *byte == b'\n') {
            Some(at) => at + 1,
            None if self.input.len() >= MAX_INPUT => {
                self.say("The command line is too big for the buffer size.\n");
                self.quit = true;
                return None;
            }
            None if self.input_ended && !self.input.is_empty() => self.input.len(),
            None => return None,
        };
        Some(self.input.drain(..end).collect())
    }

    fn say(&mut self, text: &str) {
        self.output.extend_from_slice(text.as_bytes());
    }

    fn show_prompt(&mut self, view: View<'_>) {
        if !self.prompt {
            return;
        }
        let name = match &self.selected {
            Target::Master => "master".to_owned(),
            Target::Worker(name) => find(view.workers, name).map_or_else(String::new, |worker| worker.pid.to_string()),
        };
        self.say(&format!("{name}> "));
    }

    /// Runs one step; `false` when it has to wait for more input.
    fn run(&mut self, step: Step, view: View<'_>) -> bool {
        match step {
            Step::Select(target) => {
                if let Target::Worker(name) = &target
                    && find(view.workers, name).is_none()
                {
                    self.no_such_target(&format!("@{name}"));
                } else {
                    self.selected = target;
                }
            }
            Step::Run(target, text) => {
                let whom = target.clone().unwrap_or_else(|| self.selected.clone());
                match whom {
                    Target::Master => self.run_own(&text, view),
                    Target::Worker(name) => {
                        let Some(payload) = self.payload(&text) else {
                            self.steps.push_front(Step::Run(target, text));
                            return false;
                        };
                        let mut request = text.into_bytes();
                        request.push(b'\n');
                        request.extend(payload);
                        self.start_relay(&name, "@", request, false, view);
                    }
                }
            }
            Step::Rest(name, commands) => {
                let commands = match commands.as_str() {
                    "" if self.prompt => "prompt",
                    "" => "prompt i",
                    commands => commands,
                };
                self.start_relay(&name, "@@", format!("{commands}\n").into_bytes(), true, view);
            }
        }
        true
    }

    /// The payload that a command announces, with its end; empty when there is none; `None` when it
    /// has not arrived yet.
    fn payload(&mut self, command: &str) -> Option<Vec<u8>> {
        let Some(end) = payload_end(command) else { return Some(Vec::new()) };
        let mut length = 0;
        for line in self.input.split_inclusive(|byte| *byte == b'\n') {
            length += line.len();
            if line.strip_suffix(b"\n").is_some_and(|line| line.trim_ascii_end() == end.as_bytes()) {
                return Some(self.input.drain(..length).collect());
            }
        }
        // What is there must do when nothing more can come.
        (self.input_ended || self.input.len() >= MAX_INPUT).then(|| std::mem::take(&mut self.input))
    }

    fn no_such_target(&mut self, prefix: &str) {
        self.say(&format!("Can't find the target PID matching the prefix '{prefix}'\n"));
        self.steps.clear();
        self.quit = true;
    }

    fn run_own(&mut self, text: &str, view: View<'_>) {
        let (command, words) = match understand(text, self.level) {
            Parsed::Command(command, words) => (command, words),
            Parsed::Empty => return self.say("\n"),
            Parsed::Denied => return self.say("Permission denied\n\n"),
            Parsed::Unknown(answer) => return self.say(&format!("{answer}\n")),
        };
        let answer = match command {
            Command::Echo => format!("{}\n", words.join(" ")),
            Command::Lower(level) => {
                self.level = level;
                return;
            }
            Command::Reload { hard } => {
                self.reload = Some(hard);
                return;
            }
            Command::ShowLevel => format!("{}\n", self.level),
            Command::ShowSockets => std::iter::once("# socket lvl processes\n".to_owned())
                .chain(view.sockets.iter().map(|(name, level)| format!("{name} {level} all\n")))
                .collect(),
            Command::ShowEnv => std::env::vars_os()
                .map(|(name, value)| format!("{}={}\n", name.to_string_lossy(), value.to_string_lossy()))
                .collect(),
            Command::ShowProc => show_proc(view, SystemTime::now()),
            Command::ShowStartupLogs => view.startup_log.iter().map(|line| format!("{line}\n")).collect(),
            Command::ShowVersion => format!("{}\n", env!("CARGO_PKG_VERSION")),
            Command::Help => {
                let filter: Vec<&str> = words.iter().map(String::as_str).collect();
                format!("The following commands are valid at this level:\n{}", help(&filter, self.level))
            }
            Command::Prompt => return self.set_prompt(&words),
            Command::Quit => {
                self.steps.clear();
                self.quit = true;
                return;
            }
        };
        self.say(&format!("{answer}\n"));
    }

    /// `i` and `p` choose a mode; without a word the prompt is switched on or off. A master has no
    /// mode that closes after each answer.
    fn set_prompt(&mut self, words: &[String]) {
        let mut prompt = if words.is_empty() { !self.prompt } else { self.prompt };
        for word in words {
            match word.as_str() {
                "i" => prompt = false,
                "p" => prompt = true,
                _ => {
                    return self.say(
                        "Usage: prompt [help | i | p]*\nModes:\n  - i: interactive without a prompt\n  \
                         - p: interactive with a prompt\nWithout an argument, switches between both.\n\n",
                    );
                }
            }
        }
        self.prompt = prompt;
        if !prompt {
            self.say("\n");
        }
    }

    fn start_relay(&mut self, name: &str, prefix: &str, mut request: Vec<u8>, duplex: bool, view: View<'_>) {
        let Some(worker) = find(view.workers, name) else {
            return self.no_such_target(&format!("{prefix}{name}"));
        };
        let stream = worker.admin.as_ref().and_then(|admin| UnixStream::connect(&admin.path).ok());
        let Some(stream) = stream.filter(|stream| stream.set_nonblocking(true).is_ok()) else {
            return self.say("The worker does not answer.\n\n");
        };
        if self.level < Level::Admin {
            // The worker's socket allows everything; this connection may not. The dash keeps the
            // change of level from being answered.
            request.splice(..0, format!("{} -;", self.level).into_bytes());
        }
        self.relay = Some(Relay { stream, pending: request, duplex, ended: false });
    }

    /// Moves bytes between the client and the worker.
    fn pump(&mut self) {
        let Some(relay) = &mut self.relay else { return };
        if relay.duplex {
            relay.pending.append(&mut self.input);
        }
        let mut broken = send(relay.stream.as_fd(), &mut relay.pending).is_err();
        if relay.pending.is_empty() && !relay.ended && (!relay.duplex || self.input_ended) {
            // A worker that has closed already has said all it will.
            let _ = relay.stream.shutdown(std::net::Shutdown::Write);
            relay.ended = true;
        }
        while self.output.len() < MAX_OUTPUT && !broken {
            match receive(relay.stream.as_fd(), &mut self.output) {
                Received::Some => {}
                Received::Nothing => break,
                Received::End => broken = true,
            }
        }
        if broken {
            self.relay = None;
        }
    }
}

/// A worker by what follows the `@`: its place, 1 being the serving one, or `!` and its id.
fn find<'a>(workers: &'a [Worker], name: &str) -> Option<&'a Worker> {
    match name.strip_prefix('!') {
        Some(pid) => {
            let pid: i32 = pid.parse().ok()?;
            workers.iter().find(|worker| worker.pid.as_raw() == pid)
        }
        None => {
            let place: usize = name.parse().ok()?;
            workers.iter().filter(|worker| worker.role == Role::Current).nth(place.checked_sub(1)?)
        }
    }
}

enum Received {
    Some,
    Nothing,
    End,
}

fn receive(fd: BorrowedFd<'_>, into: &mut Vec<u8>) -> Received {
    let mut buffer = [0u8; 16 * 1024];
    match read(fd, &mut buffer) {
        Ok(0) => Received::End,
        Ok(length) => {
            into.extend_from_slice(buffer.get(..length).unwrap_or_default());
            Received::Some
        }
        Err(Errno::EAGAIN | Errno::EINTR) => Received::Nothing,
        Err(_) => Received::End,
    }
}

/// Writes what can be written. A peer that reads no more is an error.
fn send(fd: BorrowedFd<'_>, from: &mut Vec<u8>) -> Result<(), Errno> {
    while !from.is_empty() {
        match write(fd, from) {
            Ok(length) => drop(from.drain(..length)),
            Err(Errno::EAGAIN) => break,
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
