//! One connection to an admin socket, without the connection: bytes in, steps out.
//!
//! ```text
//!             feed ──► line ──► commands of the line ──► payload, if the last one has one
//!                       ▲                │
//!   interactive, prompt │                ├─ about the connection: answered here
//!                       │                └─ anything else: Step::Command ──► complete(reply)
//!                       └──── all done ◄─────────────────────────────────────────┘
//!                                 └─ single-command mode: Step::Close
//! ```
//!
//! Call [`Session::poll`] until it says [`Step::NeedInput`] or [`Step::Busy`]; then wait for bytes
//! ([`Session::feed`]), the end of input ([`Session::finish`]) or the command's end
//! ([`Session::complete`]), and poll again. Input is buffered up to the limits of a line and a
//! payload as long as nothing is fed before [`Step::NeedInput`]; a caller that reads ahead, to
//! notice a disconnect, has to bound what it reads.

use std::collections::VecDeque;
use std::time::Duration;

use lb_model::{Compat, Level};

use crate::anon::Anon;
use crate::grammar::{RawCommand, line_length, split_line};
use crate::local;
use crate::reply::{Reply, SeverityOutput, text};
use crate::request::Request;
use crate::table::find_for;

/// What a connection starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The socket's level.
    pub level: Level,
    /// The socket's `severity-output`.
    pub severity_output: SeverityOutput,
    /// The longest line, its line feed included (`tune.bufsize`).
    pub max_line: usize,
    /// The largest payload, the line that ends it included (`tune.cli.max-payload-size`).
    pub max_payload: usize,
    /// Whether this program's own commands exist.
    pub compat: Compat,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            level: Level::default(),
            severity_output: SeverityOutput::default(),
            max_line: 16_384,
            max_payload: 131_072,
            compat: Compat::Extended,
        }
    }
}

/// What the caller has to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Run this and call [`Session::complete`].
    Command(Request),
    /// Send these bytes.
    Reply(Vec<u8>),
    /// From here on, close the connection after this much idle time.
    SetIdleTimeout(Duration),
    /// Close the connection once everything is sent.
    Close,
    /// Nothing to do before more input comes.
    NeedInput,
    /// Nothing to do before the running command completes.
    Busy,
}

/// When a connection closes and whether it prompts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Closes after the commands of one line.
    Single,
    /// Stays open, silently.
    Interactive,
    /// Stays open and prompts.
    Prompt,
}

/// What the connection's own commands change.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) level: Level,
    pub(crate) severities: SeverityOutput,
    pub(crate) mode: Mode,
    /// The prompt shows the uptime.
    pub(crate) timed: bool,
    pub(crate) expert: bool,
    pub(crate) experimental: bool,
    pub(crate) anon: Anon,
    /// A timeout to tell the caller.
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) quit: bool,
    pub(crate) compat: Compat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Between two lines.
    Idle,
    /// Inside a line, between two commands.
    InLine,
    /// The caller runs a command.
    Running,
    /// Over, but for output.
    Closed,
}

#[derive(Debug)]
struct Payload {
    words: Vec<String>,
    end: String,
    data: Vec<u8>,
}

/// The state of one connection.
#[derive(Debug)]
pub struct Session {
    settings: Settings,
    context: Context,
    state: State,
    input: Vec<u8>,
    /// Where the input begins that was not read yet.
    taken: usize,
    /// No line that was not read yet ends in the input before this.
    searched: usize,
    end_of_input: bool,
    commands: VecDeque<RawCommand>,
    payload: Option<Payload>,
    output: Vec<u8>,
}

impl Session {
    /// A fresh connection, in single-command mode.
    pub fn new(settings: Settings) -> Self {
        Self {
            context: Context {
                level: settings.level,
                severities: settings.severity_output,
                mode: Mode::Single,
                timed: false,
                expert: false,
                experimental: false,
                anon: Anon::OFF,
                idle_timeout: None,
                quit: false,
                compat: settings.compat,
            },
            settings,
            state: State::Idle,
            input: Vec::new(),
            taken: 0,
            searched: 0,
            end_of_input: false,
            commands: VecDeque::new(),
            payload: None,
            output: Vec::new(),
        }
    }

    /// Takes bytes from the client.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.state != State::Closed {
            self.input.extend_from_slice(bytes);
        }
    }

    /// The client sends no more. Complete lines are still run; a last line without its line feed
    /// is not, nor is a command whose payload did not end.
    pub fn finish(&mut self) {
        self.end_of_input = true;
    }

    /// The level the connection has at this point; `user` and `operator` lower it.
    pub fn level(&self) -> Level {
        self.context.level
    }

    /// How names are shown on this connection from here on.
    pub fn set_anon(&mut self, anon: Anon) {
        self.context.anon = anon;
    }

    /// The next thing to do. `uptime` is the process's, for the timed prompt.
    pub fn poll(&mut self, uptime: Duration) -> Step {
        loop {
            if let Some(timeout) = self.context.idle_timeout.take() {
                return Step::SetIdleTimeout(timeout);
            }
            if !self.output.is_empty() {
                return Step::Reply(std::mem::take(&mut self.output));
            }
            match self.state {
                State::Closed => return Step::Close,
                State::Running => return Step::Busy,
                State::Idle => {
                    if !self.read_line() {
                        return self.starve();
                    }
                }
                State::InLine => match self.advance(uptime) {
                    Some(step) => return step,
                    None => continue,
                },
            }
        }
    }

    /// The answer of the command given by the last [`Step::Command`].
    pub fn complete(&mut self, reply: Reply, uptime: Duration) {
        if self.state == State::Running {
            self.state = State::InLine;
            self.answer(&reply, uptime);
        }
    }

    /// Reads the next line, if it is there, into `commands`.
    fn read_line(&mut self) -> bool {
        let Some(line) = self.take_line(line_length) else {
            if self.input.len() >= self.settings.max_line {
                self.refuse(text::LINE_TOO_BIG);
                return true;
            }
            return false;
        };
        if line.len() >= self.settings.max_line {
            self.refuse(text::LINE_TOO_BIG);
            return true;
        }
        self.commands = split_line(&line).into();
        self.state = State::InLine;
        true
    }

    /// Does the next thing in a line. `None`: something changed, look again.
    fn advance(&mut self, uptime: Duration) -> Option<Step> {
        if self.payload.is_some() {
            return self.read_payload(uptime);
        }
        let Some(command) = self.commands.pop_front() else {
            self.end_line();
            return None;
        };
        match command.payload {
            Some(end) => {
                self.payload = Some(Payload { words: command.words, end, data: Vec::new() });
                self.prompt_payload();
                None
            }
            None => self.run(command.words, None, uptime),
        }
    }

    fn end_line(&mut self) {
        if self.context.mode == Mode::Single {
            // Observed on 3.5: further lines are dropped silently.
            self.close();
        } else {
            self.state = State::Idle;
        }
    }

    fn read_payload(&mut self, uptime: Duration) -> Option<Step> {
        let plain_length =
            |input: &[u8], from: usize| input.get(from..)?.iter().position(|&b| b == b'\n').map(|at| from + at + 1);
        let line = self.take_line(plain_length);
        let pending = line.as_ref().map_or(self.input.len(), Vec::len);
        let payload = self.payload.as_mut()?;
        if payload.data.len() + pending > self.settings.max_payload {
            self.refuse(text::PAYLOAD_TOO_BIG);
            return None;
        }
        let Some(line) = line else { return Some(self.starve()) };
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        if line == payload.end.as_bytes() {
            let payload = self.payload.take()?;
            return self.run(payload.words, Some(payload.data), uptime);
        }
        payload.data.extend_from_slice(line);
        payload.data.push(b'\n');
        self.prompt_payload();
        None
    }

    /// Runs a command here, or hands it out.
    fn run(&mut self, words: Vec<String>, payload: Option<Vec<u8>>, uptime: Duration) -> Option<Step> {
        let reply = match find_for(&words, self.settings.compat) {
            None if words.is_empty() => Reply::Empty,
            None => Reply::info(crate::help::unknown(&words, self.settings.compat)),
            Some(command) if self.context.level < command.level => Reply::err(text::PERMISSION_DENIED),
            Some(command) => match local::answer(command, &words, &mut self.context) {
                Some(reply) => reply,
                None => {
                    self.state = State::Running;
                    let Context { level, expert, experimental, anon, .. } = self.context;
                    let id = command.id;
                    return Some(Step::Command(Request { id, words, payload, level, expert, experimental, anon }));
                }
            },
        };
        if self.context.quit {
            self.close();
        } else {
            self.answer(&reply, uptime);
        }
        None
    }

    /// Writes an answer and its end: an empty line, or a prompt on a line of its own.
    fn answer(&mut self, reply: &Reply, uptime: Duration) {
        if *reply == Reply::Silent {
            return;
        }
        reply.write(self.context.severities, &mut self.output);
        self.output.push(b'\n');
        if self.context.mode == Mode::Prompt {
            if self.context.timed {
                self.output.extend_from_slice(timed(uptime).as_bytes());
            }
            self.output.extend_from_slice(b"> ");
        }
    }

    fn prompt_payload(&mut self) {
        if self.context.mode == Mode::Prompt {
            self.output.extend_from_slice(b"+ ");
        }
    }

    /// Answers that the input is too large, and closes: where the next command begins is unknown.
    fn refuse(&mut self, why: &str) {
        Reply::err(why).write(self.context.severities, &mut self.output);
        self.output.push(b'\n');
        self.close();
    }

    fn close(&mut self) {
        self.state = State::Closed;
        self.input = Vec::new();
        (self.taken, self.searched) = (0, 0);
        self.commands.clear();
        self.payload = None;
    }

    /// No line is there.
    fn starve(&mut self) -> Step {
        if self.end_of_input {
            self.close();
            return Step::Close;
        }
        Step::NeedInput
    }

    /// Takes the first line off the input, without its line feed.
    fn take_line(&mut self, length: impl Fn(&[u8], usize) -> Option<usize>) -> Option<Vec<u8>> {
        let Some(length) = length(&self.input, self.searched) else {
            self.input.drain(..self.taken);
            self.taken = 0;
            // No line ends in what is here; whether a later line feed is escaped is seen by looking back.
            self.searched = self.input.len();
            return None;
        };
        let mut line = self.input.get(self.taken..length).unwrap_or_default().to_vec();
        line.pop();
        self.taken = length;
        self.searched = length;
        Some(line)
    }
}

/// `[0:01:02:03]`: days, hours, minutes, seconds.
fn timed(uptime: Duration) -> String {
    let seconds = uptime.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    format!("[{days}:{hours:02}:{minutes:02}:{:02}]", seconds % 60)
}
