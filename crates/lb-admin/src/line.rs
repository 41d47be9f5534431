//! Writing command lines, for clients: words from the table, arguments escaped.

use crate::grammar::{MAX_PATTERN, escape};
use crate::table::CommandId;

/// Why a line cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Line feeds end commands; versions differ in what they do with an escaped one.
    #[error("the argument '{0}' holds a line break, which the admin socket cannot take")]
    LineBreak(String),
    /// A payload line that would end the payload.
    #[error("the payload holds every pattern that could end it")]
    NoPattern,
}

/// A command being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    id: CommandId,
    args: Vec<String>,
}

impl CommandLine {
    /// A command without arguments so far.
    pub fn new(id: CommandId) -> Self {
        Self { id, args: Vec::new() }
    }

    /// Adds an argument, as it is to be understood; escaping is done here.
    #[must_use]
    pub fn arg(mut self, arg: impl ToString) -> Self {
        self.args.push(arg.to_string());
        self
    }

    /// Adds `backend/server`.
    #[must_use]
    pub fn server(self, backend: &str, server: &str) -> Self {
        self.arg(format!("{backend}/{server}"))
    }

    /// The line, without its line feed.
    ///
    /// # Errors
    /// When an argument holds a line break.
    pub fn to_line(&self) -> Result<String, LineError> {
        let mut line = self.id.command().words.to_owned();
        for arg in &self.args {
            if arg.contains(['\n', '\r']) {
                return Err(LineError::LineBreak(arg.clone()));
            }
            line.push(' ');
            line.push_str(&escape(arg));
        }
        Ok(line)
    }

    /// The line and a payload after it, ready to send. The payload ends at an empty line if it
    /// holds none, which every version understands; else at a pattern, which 3.x does.
    ///
    /// # Errors
    /// When an argument holds a line break.
    pub fn with_payload(&self, payload: &str) -> Result<String, LineError> {
        let line = self.to_line()?;
        let body = payload.strip_suffix('\n').unwrap_or(payload);
        if body.lines().all(|l| !l.is_empty()) && !body.is_empty() {
            return Ok(format!("{line} <<\n{body}\n\n"));
        }
        let patterns = (1..=MAX_PATTERN).map(|length| "E".repeat(length));
        let end = patterns.into_iter().find(|p| body.lines().all(|l| l != p)).ok_or(LineError::NoPattern)?;
        Ok(format!("{line} <<{end}\n{body}\n{end}\n"))
    }
}

/// Several commands as one line, run in order on one connection.
///
/// # Errors
/// When an argument holds a line break.
pub fn chain(commands: &[CommandLine]) -> Result<String, LineError> {
    let lines: Vec<String> = commands.iter().map(CommandLine::to_line).collect::<Result<_, _>>()?;
    Ok(lines.join(";"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let drain = CommandLine::new(CommandId::SetServer).server("app", "web1").arg("state").arg("drain");
        let weight = CommandLine::new(CommandId::GetWeight).server("app", "web1");
        assert_eq!(drain.to_line().unwrap(), "set server app/web1 state drain");
        assert_eq!(chain(&[drain, weight]).unwrap(), "set server app/web1 state drain;get weight app/web1");
        assert_eq!(
            CommandLine::new(CommandId::Echo).arg("a b;c\\").arg(7).arg("<<").to_line().unwrap(),
            "echo a\\ b\\;c\\\\ 7 \\<<"
        );
        assert!(CommandLine::new(CommandId::Echo).arg("a\nb").to_line().is_err());
    }

    #[test]
    fn payloads() {
        let echo = CommandLine::new(CommandId::Echo);
        assert_eq!(echo.with_payload("a\nb\n").unwrap(), "echo <<\na\nb\n\n");
        assert_eq!(echo.with_payload("a\n\nE\n").unwrap(), "echo <<EE\na\n\nE\nEE\n");
    }
}
