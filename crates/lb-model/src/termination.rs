//! Session termination codes: the first two letters of the log's session state (`--`, `cD`, `SC`…).

use std::fmt;

/// What ended the session (first letter).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TermCause {
    /// `-`: normal completion.
    #[default]
    Normal,
    /// `C`: the client aborted.
    ClientAbort,
    /// `S`: the server aborted or refused.
    ServerAbort,
    /// `P`: the proxy ended it (a rule, a limit, a bad message).
    Proxy,
    /// `L`: handled locally, never sent to a server.
    Local,
    /// `R`: a resource of the proxy is exhausted.
    Resource,
    /// `I`: internal error.
    Internal,
    /// `D`: the server went down, sessions killed.
    Down,
    /// `U`: a backup server's session killed as a main server came up.
    Up,
    /// `K`: killed by an operator.
    Killed,
    /// `c`: the client's timeout.
    ClientTimeout,
    /// `s`: the server's timeout.
    ServerTimeout,
}

/// Where the session was when it ended (second letter).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TermPhase {
    /// `-`: normal completion.
    #[default]
    Normal,
    /// `R`: waiting for the client's request.
    Request,
    /// `Q`: in a queue.
    Queue,
    /// `C`: connecting to the server.
    Connect,
    /// `H`: waiting for the response's head.
    Headers,
    /// `D`: transferring data.
    Data,
    /// `L`: sending the last data to the client.
    Last,
    /// `T`: tarpitted.
    Tarpit,
}

/// A session's end: what and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Termination {
    /// What ended it.
    pub cause: TermCause,
    /// Where it was.
    pub phase: TermPhase,
}

impl Termination {
    /// A termination with this cause and phase.
    pub const fn new(cause: TermCause, phase: TermPhase) -> Self {
        Self { cause, phase }
    }
}

impl TermCause {
    /// The letter in the log.
    pub const fn letter(self) -> char {
        match self {
            Self::Normal => '-',
            Self::ClientAbort => 'C',
            Self::ServerAbort => 'S',
            Self::Proxy => 'P',
            Self::Local => 'L',
            Self::Resource => 'R',
            Self::Internal => 'I',
            Self::Down => 'D',
            Self::Up => 'U',
            Self::Killed => 'K',
            Self::ClientTimeout => 'c',
            Self::ServerTimeout => 's',
        }
    }
}

impl TermPhase {
    /// The letter in the log.
    pub const fn letter(self) -> char {
        match self {
            Self::Normal => '-',
            Self::Request => 'R',
            Self::Queue => 'Q',
            Self::Connect => 'C',
            Self::Headers => 'H',
            Self::Data => 'D',
            Self::Last => 'L',
            Self::Tarpit => 'T',
        }
    }
}

impl fmt::Display for Termination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.cause.letter(), self.phase.letter())
    }
}
