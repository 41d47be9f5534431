//! One command line as it goes over the wire.
//!
//! A line made from words holds exactly one command: the words are escaped so that none of them
//! can end the command or begin another. A raw line is the operator's own text and may chain
//! commands with `;` or carry a payload.

use lb_admin::CommandLine;

/// How many characters of a command a message tells.
const SHOWN: usize = 200;

/// Commands that change nothing but the connection they come on.
const LOOKING: &[&[&str]] = &[
    &["show"],
    &["get"],
    &["help"],
    &["prompt"],
    &["quit"],
    &["echo"],
    &["wait"],
    &["user"],
    &["operator"],
    &["dump"],
    &["explain"],
    &["check"],
    &["subscribe"],
    &["set", "severity-output"],
    &["set", "timeout", "cli"],
    &["set", "anon"],
];

/// A checked command line, without its final newline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    text: String,
    raw: bool,
}

/// Why a command cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// A newline would begin another command; 3.x runs the first line only, silently.
    #[error("a command holds a line break; one connection carries one command line")]
    LineBreak,
    /// A NUL byte.
    #[error("a command holds a NUL byte")]
    Nul,
    /// The payload was not ended.
    #[error("the payload does not end: expected {0}")]
    Unterminated(String),
    /// A payload that 2.6 would cut short.
    #[error(
        "a payload must not be empty nor hold empty lines: HAProxy 2.6 ends it there and runs the rest as commands"
    )]
    Payload,
    /// The client only looks.
    #[error("'{0}' would change something, and only looking is allowed")]
    ReadOnly(String),
}

impl Line {
    /// One command of the table with its arguments, each escaped so that none can end the command,
    /// begin another or begin a payload.
    ///
    /// # Errors
    /// [`LineError`] when an argument cannot be carried.
    pub fn typed(command: &CommandLine) -> Result<Self, LineError> {
        let text = command.to_line().map_err(|_| LineError::LineBreak)?;
        check_bytes(&text)?;
        Ok(Self { text, raw: false })
    }

    /// One command from its words, each escaped so that none can end the command, begin another or
    /// begin a payload.
    ///
    /// # Errors
    /// [`LineError`] when a word cannot be carried.
    pub fn words<W: AsRef<str>>(words: impl IntoIterator<Item = W>) -> Result<Self, LineError> {
        let mut text = String::new();
        for word in words {
            check_bytes(word.as_ref())?;
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&lb_admin::escape(word.as_ref()));
        }
        Ok(Self { text, raw: false })
    }

    /// The same command with a payload. It ends at an empty line, which every version understands, and so may
    /// hold none.
    ///
    /// # Errors
    /// [`LineError::Payload`] when the payload is empty or holds an empty line, [`LineError::Nul`] for a NUL byte.
    pub fn payload(self, payload: &str) -> Result<Self, LineError> {
        let body = payload.trim_end_matches('\n');
        if body.is_empty() || body.lines().any(str::is_empty) {
            return Err(LineError::Payload);
        }
        if body.contains('\0') {
            return Err(LineError::Nul);
        }
        Ok(Self { text: format!("{} <<\n{body}\n", self.text), raw: false })
    }

    /// Several lines as one, run in order on one connection.
    #[must_use]
    pub fn chain(self, then: &Self) -> Self {
        Self { text: format!("{}; {}", self.text, then.text), raw: self.raw }
    }

    /// The operator's own text, sent as it is: `;` chains commands.
    ///
    /// # Errors
    /// [`LineError`] for line breaks and NUL bytes.
    pub fn raw(text: &str) -> Result<Self, LineError> {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        check_bytes(text)?;
        Ok(Self { text: text.to_owned(), raw: true })
    }

    /// A line that ends in `<<` or `<<PATTERN`, with the payload's lines (terminator included).
    ///
    /// # Errors
    /// [`LineError::Unterminated`] when the payload lacks its end, [`LineError::Nul`] for NUL bytes.
    pub fn with_payload(text: &str) -> Result<Self, LineError> {
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        let Some(end) = payload_end(first) else { return Self::raw(text) };
        if text.contains('\0') {
            return Err(LineError::Nul);
        }
        if !rest.lines().any(|l| l == end) {
            let wanted = if end.is_empty() { "an empty line".to_owned() } else { format!("a line '{end}'") };
            return Err(LineError::Unterminated(wanted));
        }
        Ok(Self { text: text.strip_suffix('\n').unwrap_or(text).to_owned(), raw: true })
    }

    /// What goes over the wire, without the final newline.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The command for messages: without its payload, which may hold secrets, and no longer than a person reads.
    pub fn shown(&self) -> String {
        let first = self.text.split('\n').next().unwrap_or("");
        match first.char_indices().nth(SHOWN) {
            Some((cut, _)) => format!("{}…", first.get(..cut).unwrap_or("")),
            None => first.to_owned(),
        }
    }

    /// The same line for a worker behind a master's socket: there, a prefix reaches as far as the
    /// next `;` only (observed on 2.6), so that each command gets its own.
    pub(crate) fn for_worker(&self, worker: crate::Worker) -> String {
        let (first, payload) = self.text.split_once('\n').map_or((self.text.as_str(), None), |(f, p)| (f, Some(p)));
        let commands: Vec<String> = split_commands(first).map(|c| format!("{worker} {c}")).collect();
        let mut text = commands.join("; ");
        if let Some(payload) = payload {
            text.push('\n');
            text.push_str(payload);
        }
        text
    }

    /// Whether every command of the line only looks, as far as its words tell.
    pub fn only_looks(&self) -> bool {
        self.commands().all(|command| {
            let words: Vec<&str> = command.split_ascii_whitespace().collect();
            LOOKING.iter().any(|known| words.starts_with(known)) || words.is_empty()
        })
    }

    /// Whether this is the operator's own text.
    pub fn is_raw(&self) -> bool {
        self.raw
    }

    /// The commands of the first line, split at each `;` that is not escaped.
    pub fn commands(&self) -> impl Iterator<Item = &str> {
        let first = self.text.split('\n').next().unwrap_or("");
        split_commands(first)
    }
}

fn check_bytes(text: &str) -> Result<(), LineError> {
    if text.contains(['\n', '\r']) {
        return Err(LineError::LineBreak);
    }
    if text.contains('\0') {
        return Err(LineError::Nul);
    }
    Ok(())
}

fn split_commands(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let text = rest?;
        let mut escaped = false;
        let cut = text.bytes().position(|b| {
            let ends = b == b';' && !escaped;
            escaped = b == b'\\' && !escaped;
            ends
        });
        let (command, tail) = match cut {
            Some(at) => (text.get(..at)?, text.get(at + 1..)),
            None => (text, None),
        };
        rest = tail;
        Some(command.trim())
    })
}

/// The line that ends the payload which `first_line` announces, if it announces one: the empty
/// line after `<<`, PATTERN after `<<PATTERN`.
pub fn payload_end(first_line: &str) -> Option<&str> {
    let (before, last) = first_line.trim_end().rsplit_once([' ', '\t'])?;
    let pattern = last.strip_prefix("<<")?;
    // A longer one is an ordinary argument (observed on 3.5).
    (!before.trim().is_empty() && pattern.len() <= lb_admin::MAX_PATTERN).then_some(pattern)
}

/// Joins command lines and their payloads: reads lines until the command that `first` begins is
/// whole, and gives it with its payload.
pub fn gather_payload(first: &str, mut next: impl FnMut() -> Option<String>) -> String {
    let Some(end) = payload_end(first).map(str::to_owned) else { return first.to_owned() };
    let mut text = format!("{first}\n");
    while let Some(line) = next() {
        let done = line == end;
        text.push_str(&line);
        text.push('\n');
        if done {
            break;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_admin::CommandId;

    #[test]
    fn arguments_cannot_break_out() {
        let line = |arg: &str| Line::typed(&CommandLine::new(CommandId::GetWeight).arg(arg)).map(|l| l.text);
        assert_eq!(line("app/web1"), Ok("get weight app/web1".into()));
        assert_eq!(line("a;b c\\d"), Ok("get weight a\\;b\\ c\\\\d".into()));
        assert_eq!(line("<<"), Ok("get weight \\<<".into()));
        assert_eq!(line("a\nshutdown"), Err(LineError::LineBreak));
        assert_eq!(line("a\r"), Err(LineError::LineBreak));
        assert_eq!(line("a\0"), Err(LineError::Nul));
    }

    #[test]
    fn raw_lines() {
        assert_eq!(Line::raw("show info; show stat\r\n").unwrap().as_str(), "show info; show stat");
        assert_eq!(Line::raw("a\nb"), Err(LineError::LineBreak));
        let commands: Vec<String> = Line::raw("a; b \\; c ;d\\\\;e").unwrap().commands().map(str::to_owned).collect();
        assert_eq!(commands, ["a", "b \\; c", "d\\\\", "e"]);
    }

    #[test]
    fn payloads() {
        assert_eq!(payload_end("set ssl cert x <<"), Some(""));
        assert_eq!(payload_end("set ssl cert x <<EOF"), Some("EOF"));
        assert_eq!(payload_end("set ssl cert x<<"), None);
        assert_eq!(payload_end("<<"), None);
        assert!(Line::with_payload("add map m <<\na b\n\n").is_ok());
        assert_eq!(Line::with_payload("add map m <<E\na b\n\n"), Err(LineError::Unterminated("a line 'E'".into())));
        let mut lines = ["k v".to_owned(), String::new(), "show info".to_owned()].into_iter();
        assert_eq!(gather_payload("add map m <<", || lines.next()), "add map m <<\nk v\n\n");
        assert_eq!(lines.next().as_deref(), Some("show info"));
    }
}
