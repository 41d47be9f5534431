//! Answers, and how their severity shows.

use lb_model::Severity;

/// What a command answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Success without words: the connection shows one empty line.
    Empty,
    /// A sentence or a short text. Carries its severity if the client asked for severities.
    Message(Severity, String),
    /// A dump. Never carries a severity.
    Raw(Vec<u8>),
    /// A dump the caller has already written itself, piece by piece; only its end is missing.
    Streamed,
    /// Nothing at all, not even the end of an answer (`user -`).
    Silent,
}

impl Reply {
    /// A failure.
    pub fn err(text: impl Into<String>) -> Self {
        Self::Message(Severity::Err, text.into())
    }

    /// Done, with something worth a warning; or nothing was to be done.
    pub fn warning(text: impl Into<String>) -> Self {
        Self::Message(Severity::Warning, text.into())
    }

    /// A notice.
    pub fn notice(text: impl Into<String>) -> Self {
        Self::Message(Severity::Notice, text.into())
    }

    /// A plain answer.
    pub fn info(text: impl Into<String>) -> Self {
        Self::Message(Severity::Info, text.into())
    }

    /// Appends the answer without its end. A message ends its last line.
    pub(crate) fn write(&self, severities: SeverityOutput, out: &mut Vec<u8>) {
        match self {
            Self::Empty | Self::Streamed | Self::Silent => {}
            Self::Message(severity, text) => {
                severities.write_prefix(*severity, out);
                out.extend_from_slice(text.as_bytes());
                if !text.ends_with('\n') {
                    out.push(b'\n');
                }
            }
            Self::Raw(bytes) => out.extend_from_slice(bytes),
        }
    }
}

/// How messages show their severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SeverityOutput {
    /// Not at all.
    #[default]
    None,
    /// As `[3]: `.
    Number,
    /// As `[err]: `.
    String,
}

impl SeverityOutput {
    /// Reads the word of `set severity-output` and of the `severity-output` keyword.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "none" => Some(Self::None),
            "number" => Some(Self::Number),
            "string" => Some(Self::String),
            _ => None,
        }
    }

    fn write_prefix(self, severity: Severity, out: &mut Vec<u8>) {
        let prefix = match self {
            Self::None => return,
            Self::Number => format!("[{}]: ", severity.number()),
            Self::String => format!("[{}]: ", severity.as_str()),
        };
        out.extend_from_slice(prefix.as_bytes());
    }
}

/// Sentences several commands answer with, as clients match them.
pub mod text {
    /// A command above the connection's level.
    pub const PERMISSION_DENIED: &str = "Permission denied";
    /// An argument that is not `backend/server`.
    pub const REQUIRE_BACKEND_SERVER: &str = "Require 'backend/server'.";
    /// An unknown backend, where a server is to be named.
    pub const NO_SUCH_BACKEND: &str = "No such backend.";
    /// An unknown server.
    pub const NO_SUCH_SERVER: &str = "No such server.";
    /// An unknown frontend.
    pub const NO_SUCH_FRONTEND: &str = "No such frontend.";
    /// An unknown proxy.
    pub const NO_SUCH_PROXY: &str = "No such proxy.";
    /// An unknown backend in `show servers …`.
    pub const CANNOT_FIND_BACKEND: &str = "Can't find backend.";
    /// A frontend's name is missing.
    pub const FRONTEND_EXPECTED: &str = "A frontend name is expected.";
    /// A line longer than the buffer.
    pub const LINE_TOO_BIG: &str = "The command line is too big for the buffer size. Please change 'tune.bufsize' in the \
                                    configuration to use a bigger command.";
    /// A payload larger than allowed.
    pub const PAYLOAD_TOO_BIG: &str = "The payload is too big. Please change 'tune.cli.max-payload-size' in the \
                                       configuration to use a bigger payload.";
}
