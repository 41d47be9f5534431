//! A command that failed: what happened, what holds it, and the next thing to try.

use std::io;

use lb_client::ErrorKind;

use crate::exit::Exit;

/// A failure as it is told on standard error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The exit status.
    pub exit: Exit,
    /// One sentence: what happened and why.
    pub message: String,
    /// Further lines, such as who holds a server.
    pub details: Vec<String>,
    /// The next command to try.
    pub hint: Option<String>,
    /// The command that the engine denied: levels are worth telling.
    pub denied: Option<String>,
}

impl Fault {
    /// A failure with its sentence.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), details: Vec::new(), hint: None, denied: None }
    }

    /// A wrong command line.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// A failure that was told already, server by server.
    pub fn told(exit: Exit) -> Self {
        Self::new(exit, "")
    }

    /// With the next command to try.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With further lines.
    #[must_use]
    pub fn details(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(lines);
        self
    }
}

impl From<lb_client::Error> for Fault {
    fn from(error: lb_client::Error) -> Self {
        let denied = match &error {
            lb_client::Error::Refused { command, refusal } if refusal.kind() == ErrorKind::Denied => {
                Some(command.clone())
            }
            _ => None,
        };
        let mut fault = Self::new(error.kind().into(), error.to_string());
        fault.hint = error.hint();
        if let (lb_client::Error::NotFound { .. }, None) = (&error, &fault.hint) {
            fault.hint = Some("'lbctl show servers -o name' lists what there is".into());
        }
        fault.denied = denied;
        fault
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        // Whoever reads the output has seen enough; that is no failure.
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::told(Exit::Done);
        }
        Self::new(Exit::Refused, format!("cannot write the output: {error}"))
    }
}

impl From<csv::Error> for Fault {
    fn from(error: csv::Error) -> Self {
        io::Error::from(error).into()
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        io::Error::from(error).into()
    }
}
