//! Traces: events of the engine's own doings, chosen at run time by the command `trace`, written to a ring or a descriptor.
//!
//! ```text
//!  stopped ──start now──► running ──stop event──► stopped
//!     │                     ▲  │
//!     └─start event─► waiting ◄┘ pause event
//! ```
//!
//! A source that is stopped costs whoever might report to it one load and one branch.

use crate::clock::Clock;
use crate::log::{Logger, iso_time};
use crate::shared::lock;
use lb_model::Severity;
use std::fmt::{Arguments, Write as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

macro_rules! sources {
    ($( $id:ident, $name:literal, $description:literal, [$( $event:ident, $word:literal, $what:literal; )*]; )*) => {
        /// What reports events.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each variant is documented by its row's description")]
        pub enum Source {
            $( $id, )*
        }

        /// Events, by source; each is its bit's number.
        pub mod event {
            $(
                #[doc = $description]
                #[expect(non_snake_case, reason = "named as the source")]
                pub mod $id {
                    sources!(@events 0, $( $event, $what; )*);
                }
            )*
        }

        /// Every source.
        pub const SOURCES: &[SourceRow] = &[ $( SourceRow {
            source: Source::$id,
            name: $name,
            description: $description,
            events: &[ $( ($word, $what) ),* ],
        } ),* ];
    };
    (@events $number:expr, ) => {};
    (@events $number:expr, $event:ident, $what:literal; $( $rest:tt )*) => {
        #[doc = $what]
        pub const $event: u32 = $number;
        sources!(@events $number + 1, $( $rest )*);
    };
}

/// A source's row.
#[derive(Debug)]
pub struct SourceRow {
    /// The source.
    pub source: Source,
    /// Its name.
    pub name: &'static str,
    /// What it is about.
    pub description: &'static str,
    /// Its events: name and meaning.
    pub events: &'static [(&'static str, &'static str)],
}

sources! {
    Session, "session", "client session management", [
        NEW, "sess_new", "a client's connection was accepted";
        END, "sess_end", "a client's connection ended";
    ];
    H1, "h1", "HTTP/1 exchanges", [
        REQUEST, "rx_req", "a request's head was received";
        BAD_REQUEST, "req_err", "a request was invalid";
        RESPONSE, "rx_rsp", "a response's head was received";
        BAD_RESPONSE, "rsp_err", "a response was invalid";
        DONE, "h1s_end", "an exchange ended";
    ];
    Stream, "stream", "ways to servers", [
        REUSE, "strm_reuse", "a kept connection to a server is used";
        CONNECT, "strm_conn", "a connection to a server is opened";
        FAILED, "strm_err", "a connection to a server could not be opened";
    ];
    Check, "check", "health checks", [
        START, "chk_start", "a check began";
        END, "chk_end", "a check ended";
    ];
    Server, "server", "states of servers", [
        STATE, "srv_state", "a server's state changed";
    ];
    Applet, "applet", "admin connections", [
        COMMAND, "cli_cmd", "a command is run";
    ];
}

/// How detailed a trace is; each level has those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "documented by LEVELS")]
pub enum Level {
    Error,
    User,
    Proto,
    State,
    Data,
    Developer,
}

/// Levels with their names and meanings.
pub const LEVELS: &[(Level, &str, &str)] = &[
    (Level::Error, "error", "report errors"),
    (Level::User, "user", "also information useful to the end user"),
    (Level::Proto, "proto", "also protocol-level updates"),
    (Level::State, "state", "also report internal state changes"),
    (Level::Data, "data", "also report data transfers"),
    (Level::Developer, "developer", "also report information useful only to the developer"),
];

/// Verbosities: names and meanings.
pub const VERBOSITIES: &[(&str, &str)] = &[
    ("quiet", "only the name of what happened"),
    ("clean", "also what it happened to"),
    ("complete", "also who is concerned"),
];

/// What a trace can be held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "documented by CRITERIA")]
pub enum Criterion {
    Backend,
    Connection,
    Frontend,
    Nothing,
    Server,
    Session,
    Thread,
}

/// Criteria with their names and meanings.
pub const CRITERIA: &[(Criterion, &str, &str)] = &[
    (Criterion::Backend, "backend", "lock on the backend that started the trace"),
    (Criterion::Connection, "connection", "lock on the connection that started the trace"),
    (Criterion::Frontend, "frontend", "lock on the frontend that started the trace"),
    (Criterion::Nothing, "nothing", "do not lock on anything"),
    (Criterion::Server, "server", "lock on the server that started the trace"),
    (Criterion::Session, "session", "lock on the session that started the trace"),
    (Criterion::Thread, "thread", "lock on the thread that started the trace"),
];

/// Whom an event concerns.
#[derive(Debug, Clone, Copy, Default)]
pub struct Whom {
    /// Thread, from 1.
    pub thread: usize,
    /// Session's number; 0: none.
    pub session: u64,
    /// Index of the frontend.
    pub frontend: Option<usize>,
    /// Index of the backend.
    pub backend: Option<usize>,
    /// Index of the server in the backend.
    pub server: Option<usize>,
}

impl Whom {
    fn value(&self, criterion: Criterion) -> Option<u64> {
        let number = |index: Option<usize>| index.map(|index| index as u64);
        match criterion {
            Criterion::Backend => number(self.backend),
            Criterion::Connection | Criterion::Session => Some(self.session),
            Criterion::Frontend => number(self.frontend),
            Criterion::Nothing => None,
            Criterion::Server => Some((number(self.backend)? << 32) | number(self.server)?),
            Criterion::Thread => Some(self.thread as u64),
        }
    }
}

/// Whether a source reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "see the diagram")]
pub enum Status {
    Stopped,
    Waiting,
    Running,
}

/// Where a trace goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Sink {
    /// Nowhere.
    #[default]
    None,
    /// Standard output or error.
    Fd(i32),
    /// A ring, by name.
    Ring(String),
}

/// What was asked of a source.
#[derive(Debug, Clone)]
pub struct State {
    /// Whether it reports.
    pub status: Status,
    /// Where to.
    pub sink: Sink,
    /// How detailed.
    pub level: Level,
    /// Index in [`VERBOSITIES`].
    pub verbosity: usize,
    /// Bits of events that are written.
    pub report: u64,
    /// Bits of events that start.
    pub start: u64,
    /// Bits of events that stop.
    pub stop: u64,
    /// Bits of events that pause.
    pub pause: u64,
    /// What the trace is held to.
    pub criterion: Criterion,
    /// The source whose holding decides whom this one reports of.
    pub follow: Option<Source>,
    /// Lines that could not be written.
    pub dropped: u64,
    held: Option<u64>,
}

impl State {
    const NEW: Self = Self {
        status: Status::Stopped,
        sink: Sink::None,
        level: Level::User,
        verbosity: 1,
        report: u64::MAX,
        start: 0,
        stop: 0,
        pause: 0,
        criterion: Criterion::Nothing,
        follow: None,
        dropped: 0,
        held: None,
    };

    /// Changes whether the source reports; a trace that stops is held to nothing.
    pub fn set_status(&mut self, status: Status) {
        self.status = status;
        if status != Status::Running {
            self.held = None;
        }
    }

    /// Whether the source runs and is held to somebody whom an event concerns.
    fn holds(&self, whom: &Whom) -> bool {
        self.status == Status::Running && self.held.is_some() && self.held == whom.value(self.criterion)
    }

    /// Whether to write an event; starts, pauses and stops as asked.
    fn takes(&mut self, event: u32, level: Level, whom: &Whom) -> bool {
        let bit = 1_u64 << event;
        if self.status == Status::Waiting && self.start & bit != 0 {
            self.set_status(Status::Running);
        }
        if self.status != Status::Running {
            return false;
        }
        if self.criterion != Criterion::Nothing {
            let value = whom.value(self.criterion);
            if value.is_none() || *self.held.get_or_insert(value.unwrap_or_default()) != value.unwrap_or_default() {
                return false;
            }
        }
        let written = self.report & bit != 0 && level <= self.level;
        if self.stop & bit != 0 {
            self.set_status(Status::Stopped);
        } else if self.pause & bit != 0 {
            self.set_status(Status::Waiting);
        }
        written
    }
}

/// The sources and what was asked of them.
#[derive(Debug)]
pub struct Traces {
    /// A bit for each source that is not stopped.
    live: AtomicU32,
    states: Mutex<Vec<State>>,
}

impl Default for Traces {
    fn default() -> Self {
        Self { live: AtomicU32::new(0), states: Mutex::new(vec![State::NEW; SOURCES.len()]) }
    }
}

impl Traces {
    /// Whether a source may have to report.
    pub fn is_on(&self, source: Source) -> bool {
        self.live.load(Relaxed) & (1 << source as u32) != 0
    }

    /// A copy of what was asked of a source.
    pub fn state(&self, source: Source) -> State {
        lock(&self.states).get(source as usize).cloned().unwrap_or(State::NEW)
    }

    /// Changes what is asked of a source.
    pub fn set(&self, source: Source, change: impl FnOnce(&mut State)) {
        let mut states = lock(&self.states);
        if let Some(state) = states.get_mut(source as usize) {
            change(state);
        }
        self.note(&states);
    }

    fn note(&self, states: &[State]) {
        let live = states.iter().enumerate().filter(|(_, state)| state.status != Status::Stopped);
        self.live.store(live.map(|(number, _)| 1 << number).sum(), Relaxed);
    }

    /// Reports an event. Ask [`Traces::is_on`] first: this takes a lock.
    #[cold]
    pub fn emit(
        &self,
        (logger, clock): (&Logger, &Clock),
        (source, event, level): (Source, u32, Level),
        whom: &Whom,
        text: Arguments<'_>,
    ) {
        let mut states = lock(&self.states);
        let followed = states.get(source as usize).and_then(|state| state.follow);
        if followed.is_some_and(|other| !states.get(other as usize).is_some_and(|state| state.holds(whom))) {
            return;
        }
        let Some(state) = states.get_mut(source as usize) else { return };
        let before = state.status;
        let written = state.takes(event, level, whom);
        let (sink, verbosity) = (state.sink.clone(), state.verbosity);
        if state.status != before {
            self.note(&states);
        }
        drop(states);
        if !written || sink == Sink::None {
            return;
        }
        let row = SOURCES.get(source as usize);
        let (name, events) = row.map_or(("?", [].as_slice()), |row| (row.name, row.events));
        let (word, meaning) = events.get(event as usize).copied().unwrap_or(("?", "?"));
        let severity = if level == Level::Error { Severity::Err } else { Severity::Emerg };
        let now = clock.wall_at(clock.now_us());
        let mut line = String::with_capacity(160);
        // Writing to a string cannot fail.
        let _ = write!(
            line,
            "<{}>{} [{:02}|{name}|{}|{word}] {meaning}",
            severity.number(),
            iso_time(&now),
            whom.thread,
            level as u8
        );
        if verbosity > 0 {
            let _ = write!(line, " : {text}");
        }
        if verbosity > 1 {
            let _ = write!(
                line,
                " [session={:#x} fe={:?} be={:?} srv={:?}]",
                whom.session, whom.frontend, whom.backend, whom.server
            );
        }
        if !logger.write_raw(&sink, line.as_bytes()) {
            self.set(source, |state| state.dropped += 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whom(session: u64) -> Whom {
        Whom { session, ..Whom::default() }
    }

    #[test]
    fn a_trace_starts_pauses_and_stops_by_events() {
        let mut state = State { start: 1, pause: 2, stop: 4, status: Status::Waiting, ..State::NEW };
        assert!(!state.takes(3, Level::User, &whom(1)), "it waits");
        assert!(state.takes(0, Level::User, &whom(1)), "what starts it is written");
        assert!(state.takes(3, Level::User, &whom(1)));
        assert!(!state.takes(3, Level::Proto, &whom(1)), "too detailed");
        assert!(state.takes(1, Level::User, &whom(1)));
        assert_eq!(state.status, Status::Waiting);
        assert!(!state.takes(2, Level::User, &whom(1)), "what stops is not looked for while it waits");
        state.set_status(Status::Running);
        assert!(state.takes(2, Level::User, &whom(1)));
        assert_eq!(state.status, Status::Stopped);
    }

    #[test]
    fn a_trace_is_held_to_what_started_it() {
        let mut state = State { criterion: Criterion::Session, status: Status::Running, ..State::NEW };
        assert!(state.takes(0, Level::User, &whom(7)));
        assert!(!state.takes(0, Level::User, &whom(8)));
        assert!(state.takes(1, Level::User, &whom(7)));
        state.set_status(Status::Stopped);
        state.set_status(Status::Running);
        assert!(state.takes(0, Level::User, &whom(8)));
        state.criterion = Criterion::Backend;
        assert!(!state.takes(0, Level::User, &whom(8)), "it concerns no backend");
    }

    #[test]
    fn a_source_follows_what_another_is_held_to() {
        let mut other = State { criterion: Criterion::Session, status: Status::Running, ..State::NEW };
        assert!(!other.holds(&whom(7)), "held to nobody yet");
        assert!(other.takes(0, Level::User, &whom(7)));
        assert!(other.holds(&whom(7)) && !other.holds(&whom(8)));
        other.set_status(Status::Stopped);
        assert!(!other.holds(&whom(7)));
    }

    #[test]
    fn sources_are_in_the_order_of_their_numbers() {
        for (number, row) in SOURCES.iter().enumerate() {
            assert_eq!(row.source as usize, number);
            assert!(row.events.len() < 64);
        }
        let traces = Traces::default();
        assert!(!traces.is_on(Source::H1));
        traces.set(Source::H1, |state| state.set_status(Status::Waiting));
        assert!(traces.is_on(Source::H1) && !traces.is_on(Source::Check));
    }
}
