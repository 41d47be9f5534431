//! What can go wrong between a client and an engine, in sentences, with a hint of what to do next.

use std::io;
use std::time::Duration;

use crate::{Address, LineError, Refusal, TypedError};

/// Errors by what the caller can do about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The engine could not be reached, or did not answer in full.
    Unreachable,
    /// The engine, or the socket file, denies it to this user.
    Denied,
    /// What the command names does not exist.
    NotFound,
    /// The engine answered, and its answer was no.
    Refused,
    /// The caller's command could not be sent.
    Usage,
    /// The caller allowed only looking.
    Guarded,
}

/// An exchange that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// Where to.
        address: Address,
        /// Why not.
        source: io::Error,
    },
    /// Connected, then the exchange broke.
    #[error("the connection to {address} broke after {received} bytes of the answer to '{command}': {source}")]
    Broken {
        /// Where to.
        address: Address,
        /// The command sent.
        command: String,
        /// How much had come.
        received: u64,
        /// What happened.
        source: io::Error,
    },
    /// No progress for too long.
    #[error("no answer from {address} to '{command}' within {} ms ({received} bytes received)", after.as_millis())]
    Timeout {
        /// Where to.
        address: Address,
        /// The command sent.
        command: String,
        /// How long was waited.
        after: Duration,
        /// How much had come.
        received: u64,
    },
    /// A bare end of file: neither success nor failure was said.
    #[error("{address} closed the connection without answering '{command}'")]
    NoAnswer {
        /// Where to.
        address: Address,
        /// The command sent.
        command: String,
    },
    /// More than the bound.
    #[error("the answer to '{command}' is longer than {limit} bytes")]
    TooLong {
        /// The command sent.
        command: String,
        /// The bound.
        limit: usize,
    },
    /// The engine said no.
    #[error("'{command}' was refused: {}", refusal.text())]
    Refused {
        /// The command sent.
        command: String,
        /// Its answer.
        refusal: Refusal,
    },
    /// The engine accepted the command, and the state read afterwards disagrees.
    #[error("'{command}' was accepted, yet {server} is {found}")]
    NotInEffect {
        /// The command sent.
        command: String,
        /// The server.
        server: String,
        /// What was read back.
        found: String,
        /// Whether maintenance keeps a forced health from counting.
        in_maint: bool,
    },
    /// What the command names is not there.
    #[error("no {what} named '{name}' on {address}")]
    NotFound {
        /// Backend, server…
        what: &'static str,
        /// The name looked for.
        name: String,
        /// The node asked.
        address: Address,
    },
    /// The answer is not what the Runtime API answers.
    #[error("{address} answered '{command}' with something else than the Runtime API does: {source}")]
    Malformed {
        /// The node asked.
        address: Address,
        /// The command sent.
        command: String,
        /// What is wrong with it.
        source: TypedError,
    },
    /// The command could not be sent.
    #[error(transparent)]
    Line(#[from] LineError),
}

impl Error {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Connect { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => ErrorKind::Denied,
            Self::Connect { .. }
            | Self::Broken { .. }
            | Self::Timeout { .. }
            | Self::NoAnswer { .. }
            | Self::TooLong { .. }
            | Self::Malformed { .. } => ErrorKind::Unreachable,
            Self::Refused { refusal, .. } => refusal.kind(),
            Self::NotInEffect { .. } => ErrorKind::Refused,
            Self::NotFound { .. } => ErrorKind::NotFound,
            Self::Line(LineError::ReadOnly(_)) => ErrorKind::Guarded,
            Self::Line(_) => ErrorKind::Usage,
        }
    }

    /// What most likely is the matter and what to try, where there is something to say.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Connect { address, source } if source.kind() == io::ErrorKind::PermissionDenied => {
                match address.socket() {
                    Address::Unix(path) => format!(
                        "this user may not use the socket; see 'ls -l {}', and 'mode', 'user' and 'group' on the \
                     'stats socket' line",
                        path.display()
                    ),
                    _ => return None,
                }
            }
            Self::Connect { address, .. } if matches!(address.socket(), Address::Ssh(_)) => {
                "the same must work by hand: 'ssh USER@HOST'; keys, jump hosts and ports are set in ~/.ssh/config"
                    .into()
            }
            Self::NoAnswer { address, .. } if matches!(address.socket(), Address::Ssh(_)) => {
                "is the engine running there, and is the path that of its 'stats socket'? its sshd must allow \
                 'AllowStreamLocalForwarding'"
                    .into()
            }
            Self::Connect { address: Address::Unix(path), source } => match source.kind() {
                io::ErrorKind::NotFound => format!(
                    "there is no such file; is the engine running, and does its configuration have \
                     'stats socket {}'?",
                    path.display()
                ),
                io::ErrorKind::ConnectionRefused => {
                    "the file is there but nothing listens on it: the engine has stopped, or this is no socket".into()
                }
                io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => SLOTS.into(),
                _ => return None,
            },
            Self::Connect { address: Address::Tcp { host, port }, source } => match source.kind() {
                io::ErrorKind::ConnectionRefused => {
                    format!("nothing listens there; is there a 'stats socket ipv4@{host}:{port}' line?")
                }
                io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
                    "the host does not answer; a firewall, or another address?".into()
                }
                _ => return None,
            },
            Self::Timeout { received: 0, .. } => SLOTS.into(),
            Self::Timeout { .. } => "a larger --timeout gives a slow answer more time".into(),
            Self::NoAnswer { address, .. } | Self::Broken { address, received: 0, .. }
                if matches!(address.socket(), Address::Ssh(_)) =>
            {
                "ssh works, and the socket behind it does not: is there such a socket on that host, and may this user \
                 connect to it?"
                    .into()
            }
            Self::NoAnswer { .. } => {
                "the socket may speak another protocol, or the engine is stopping; whether the command was \
                 carried out is unknown: look at the state before repeating it"
                    .into()
            }
            Self::Broken { .. } => {
                "the engine may be stopping, or the command is longer than its buffer (tune.bufsize); look at the \
                 state before repeating it"
                    .into()
            }
            Self::Malformed { .. } => "is this an admin socket ('stats socket') of lbd or HAProxy?".into(),
            Self::NotInEffect { in_maint: true, .. } => {
                "a server in maintenance has no health of its own: bring it back first".into()
            }
            Self::NotInEffect { .. } => {
                "something else changes it at the same time: its health checks, its agent or another operator".into()
            }
            Self::Line(LineError::ReadOnly(_)) => {
                "without --read-only, and 'read-only' in the configuration files, it would be sent".into()
            }
            Self::Connect { .. } => return None,
            Self::Refused { refusal, .. } if cure(refusal.text()).is_some() => return cure(refusal.text()),
            Self::Refused { command, refusal } if refusal.kind() == ErrorKind::NotFound => {
                // What a command is about stands in its words.
                let lists = [(" ssl cert", "certs"), (" table", "tables"), (" map", "maps"), (" acl", "acls")];
                let (_, noun) = lists.iter().find(|(words, _)| command.contains(words))?;
                format!("'lbctl show {noun}' lists what there is")
            }
            Self::Refused { .. } | Self::TooLong { .. } | Self::NotFound { .. } | Self::Line(_) => return None,
        })
    }
}

/// What helps against refusals that are known by their words.
fn cure(refusal: &str) -> Option<String> {
    let cures = [
        ("Agent was not configured", "'agent-check' on the server line in the configuration gives it an agent"),
        ("Health check was not configured", "'check' on the server line in the configuration gives it one"),
        ("already exists!", "'lbctl cert set' replaces what is there, 'lbctl cert del' takes it away"),
    ];
    cures.iter().find(|(words, _)| refusal.contains(words)).map(|(_, cure)| (*cure).to_owned())
}

/// Ten connections are served at a time by default; the eleventh connects and waits.
const SLOTS: &str = "the engine may be busy, or all of its admin connections are taken (10 by default; 'maxconn' on \
                     the 'stats socket' line)";
