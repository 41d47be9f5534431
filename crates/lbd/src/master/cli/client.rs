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
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{AddressFamily, Shutdown, SockFlag, SockType, UnixAddr, connect, shutdown, socket};
use nix::unistd::{read, write};
use std::collections::VecDeque;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

/// The longest line, and the longest payload for a worker.
const MAX_INPUT: usize = 128 * 1024;
/// How much is taken from a worker before the client has read the rest.
const MAX_OUTPUT: usize = 64 * 1024;
/// How long a connection may stay without a byte in any direction.
const IDLE_LIMIT: Duration = Duration::from_secs(600);
/// How long a client may leave an answer unread.
const UNREAD_LIMIT: Duration = Duration::from_secs(10);

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
    /// It has closed both directions, or is broken: nothing can be said to it.
    gone: bool,
    /// When a byte moved last.
    moved: Instant,
}

/// A connection to a worker on behalf of a client.
#[derive(Debug)]
struct Relay {
    stream: OwnedFd,
    pending: Vec<u8>,
    /// What the client says meanwhile goes to the worker too (`@@`).
    duplex: bool,
    /// Whether the worker has been told that nothing more comes.
    ended: bool,
}

impl Client {
    /// A connection that may do what `level` allows.
    pub fn new(fd: OwnedFd, level: Level, now: Instant) -> Client {
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
            gone: false,
            moved: now,
        }
    }

    /// When this connection will have been idle for too long.
    pub fn deadline(&self) -> Instant {
        self.moved + if self.output.is_empty() { IDLE_LIMIT } else { UNREAD_LIMIT }
    }

    /// The connection's descriptor, when only an answer is still to be written.
    pub fn into_fd(self) -> OwnedFd {
        self.fd
    }

    /// Adds what may wake this connection up to `fds`. Whatever has hung up and cannot be dropped yet is
    /// left out, since it would end every wait at once.
    pub fn watch<'a>(&'a self, fds: &mut Vec<PollFd<'a>>) {
        if !self.gone || self.wants_input() {
            let mut events = PollFlags::empty();
            events.set(PollFlags::POLLIN, self.wants_input());
            events.set(PollFlags::POLLOUT, !self.output.is_empty());
            // Without any of these the end of the client still counts, and is noted by the next step.
            fds.push(PollFd::new(self.fd.as_fd(), events));
        }
        if let Some(relay) = &self.relay {
            let mut events = PollFlags::empty();
            events.set(PollFlags::POLLIN, self.output.len() < MAX_OUTPUT);
            events.set(PollFlags::POLLOUT, !relay.pending.is_empty());
            if !events.is_empty() {
                fds.push(PollFd::new(relay.stream.as_fd(), events));
            }
        }
    }

    fn wants_input(&self) -> bool {
        !self.input_ended && self.input.len() < MAX_INPUT
    }

    /// Does whatever is possible without waiting.
    pub fn step(&mut self, view: View<'_>) -> Next {
        while self.wants_input() {
            match receive(self.fd.as_fd(), &mut self.input) {
                Received::Some => self.moved = view.now,
                Received::Nothing => break,
                Received::End => self.input_ended = true,
            }
        }
        loop {
            self.pump(view.now);
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
        match send(self.fd.as_fd(), &mut self.output) {
            Ok(true) => self.moved = view.now,
            Ok(false) => {}
            Err(_) => return Next::Close,
        }
        if let Some(hard) = self.reload {
            return Next::Reload { hard };
        }
        self.gone = self.gone || hung_up(self.fd.as_fd());
        // What it asked of a worker is passed on all the same.
        let asked = self.relay.as_ref().is_none_or(|relay| relay.pending.is_empty() && relay.ended);
        if (self.gone && asked) || view.now >= self.deadline() {
            return Next::Close;
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
        let Some(stream) = worker.admin.as_ref().and_then(|admin| dial(&admin.path).ok()) else {
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
    fn pump(&mut self, now: Instant) {
        let Some(relay) = &mut self.relay else { return };
        let mut broken = false;
        loop {
            match send(relay.stream.as_fd(), &mut relay.pending) {
                Ok(true) => self.moved = now,
                Ok(false) => {}
                Err(_) => broken = true,
            }
            // Not more than that at a time, so that a worker that does not read holds its client up.
            if !relay.duplex || broken || !relay.pending.is_empty() || self.input.is_empty() {
                break;
            }
            relay.pending.append(&mut self.input);
        }
        if relay.pending.is_empty() && !relay.ended && (!relay.duplex || self.input_ended) {
            // A worker that has closed already has said all it will.
            let _ = shutdown(relay.stream.as_raw_fd(), Shutdown::Write);
            relay.ended = true;
        }
        while self.output.len() < MAX_OUTPUT && !broken {
            match receive(relay.stream.as_fd(), &mut self.output) {
                Received::Some => self.moved = now,
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

/// Connects without waiting for room in the socket's queue.
fn dial(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let stream = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    connect(stream.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(stream)
}

/// Whether the peer has closed both directions, or the connection is broken.
fn hung_up(fd: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::new(fd, PollFlags::empty())];
    let ready = poll(&mut fds, PollTimeout::ZERO);
    ready.is_ok_and(|count| count > 0)
}

/// Writes what can be written; says whether that was anything. A peer that reads no more is an error.
fn send(fd: BorrowedFd<'_>, from: &mut Vec<u8>) -> Result<bool, Errno> {
    let before = from.len();
    while !from.is_empty() {
        match write(fd, from) {
            Ok(length) => drop(from.drain(..length)),
            Err(Errno::EAGAIN) => break,
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(from.len() < before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master::admin::AdminPath;
    use crate::master::leash::leash;
    use crate::sys;
    use nix::unistd::Pid;
    use std::io::{Read, Write};
    use std::os::unix::net::{UnixListener, UnixStream};

    fn client(now: Instant) -> (UnixStream, Client) {
        let (far, near) = UnixStream::pair().unwrap();
        sys::unblock(&near).unwrap();
        (far, Client::new(near.into(), Level::Admin, now))
    }

    fn view(workers: &[Worker], now: Instant) -> View<'_> {
        View { now, workers, startup_log: &[], reloads: 0, failed: 0, since_epoch_s: 0, sockets: &[] }
    }

    /// A worker whose admin socket accepts and says nothing.
    fn silent_worker(socket: &Path) -> Worker {
        Worker {
            pid: Pid::from_raw(1),
            role: Role::Current,
            leash: leash().unwrap().0,
            reloads: 0,
            since: SystemTime::UNIX_EPOCH,
            admin: Some(AdminPath::of(socket.to_owned())),
            pending: Vec::new(),
            doomed: false,
        }
    }

    /// Whether a wait for this connection would end at once.
    fn wakes(client: &Client) -> bool {
        let mut fds = Vec::new();
        client.watch(&mut fds);
        poll(&mut fds, PollTimeout::ZERO).unwrap() > 0
    }

    #[test]
    fn an_idle_client_is_let_go() {
        let start = Instant::now();
        let (mut far, mut client) = client(start);
        let last = Duration::from_secs(1);
        assert_eq!(client.step(view(&[], start + IDLE_LIMIT - last)), Next::Stay);
        far.write_all(b"echo a\n").unwrap();
        assert_eq!(client.step(view(&[], start + IDLE_LIMIT - last)), Next::Stay);
        assert_eq!(client.deadline(), start + IDLE_LIMIT - last + IDLE_LIMIT);
        assert_eq!(client.step(view(&[], client.deadline())), Next::Close);
    }

    #[test]
    fn a_client_that_reads_nothing_is_let_go_soon() {
        let start = Instant::now();
        let (mut far, mut client) = client(start);
        far.set_nonblocking(true).unwrap();
        let line = format!("echo {}\n", "x".repeat(60_000));
        while client.output.is_empty() {
            let _ = far.write(line.as_bytes());
            assert_eq!(client.step(view(&[], start)), Next::Stay);
        }
        assert_eq!(client.deadline(), start + UNREAD_LIMIT);
        assert_eq!(client.step(view(&[], start + UNREAD_LIMIT)), Next::Close);
    }

    #[test]
    fn a_client_that_is_gone_does_not_wait_for_its_worker() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("w.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let workers = [silent_worker(&path)];
        let now = Instant::now();
        for command in ["@1 show info\n", "@@1 show info\n"] {
            let (mut far, mut client) = client(now);
            far.write_all(command.as_bytes()).unwrap();
            assert_eq!(client.step(view(&workers, now)), Next::Stay);
            assert!(!wakes(&client), "{command}");
            far.shutdown(std::net::Shutdown::Write).unwrap();
            assert_eq!(client.step(view(&workers, now)), Next::Stay);
            assert!(!wakes(&client), "{command}");
            drop(far);
            assert!(wakes(&client), "{command}");
            assert_eq!(client.step(view(&workers, now)), Next::Close);
            drop(client);
            let mut text = String::new();
            listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
            assert_eq!(text, "show info\n");
        }
    }

    #[test]
    fn a_worker_whose_queue_is_full_is_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("w.sock");
        let _listener = UnixListener::bind(&path).unwrap();
        let mut queued = Vec::new();
        let refusal = loop {
            match dial(&path) {
                Ok(stream) => queued.push(stream),
                Err(error) => break error,
            }
        };
        assert_eq!(refusal, Errno::EAGAIN);
        let workers = [silent_worker(&path)];
        let now = Instant::now();
        let (mut far, mut client) = client(now);
        far.write_all(b"@1 show info\n").unwrap();
        assert_eq!(client.step(view(&workers, now)), Next::Stay);
        let mut answer = [0u8; 100];
        let length = far.read(&mut answer).unwrap();
        assert_eq!(&answer[..length], b"The worker does not answer.\n\n");
    }
}
