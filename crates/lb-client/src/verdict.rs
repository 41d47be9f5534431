//! Whether an answer is a refusal.
//!
//! The Runtime API has no status codes. `set severity-output` would tag some answers, but not
//! `Permission denied` everywhere, not `Session not found.`, not on a 2.6 master, and it changes
//! the bytes; so the words decide, by what running engines answer:
//!
//! - a command that changes something succeeded when it answers one empty line, or a sentence
//!   known to report success; any other sentence is a refusal;
//! - a command that only reads was refused when it answers a sentence known to be a refusal.
//!
//! A change is believed only once the state read afterwards agrees; that is [`crate::Client::act`].

use crate::{Answer, ErrorKind, Line};

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Done, or here is what was asked for.
    Accepted,
    /// No.
    Refused(Refusal),
}

/// A refusal in the engine's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    text: String,
    kind: ErrorKind,
}

impl Refusal {
    /// An answer that is none of the known ones.
    pub(crate) fn saying(text: &str) -> Self {
        Self { text: text.to_owned(), kind: ErrorKind::Refused }
    }

    /// The engine's sentence.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What kind of refusal it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

/// First words of commands that change something.
const CHANGING: &[&str] = &[
    "abort",
    "add",
    "clear",
    "commit",
    "del",
    "disable",
    "enable",
    "new",
    "prepare",
    "publish",
    "set",
    "shutdown",
    "unpublish",
    "update",
];

/// Sentences of success, recognised anywhere in the answer's last line.
const SUCCESS: &[&str] = &[
    "IP changed from",
    "port changed from",
    "no need to change",
    "nothing changed",
    "New server registered.",
    "New backend registered.",
    "Server deleted.",
    "Backend deleted.",
    "Backend published.",
    "Backend unpublished.",
    "Server name updated.",
    "Server counters cleared.",
    "New version created:",
    "All sockets are already",
    "List of keywords supported",
    "Transaction created for",
    "Transaction updated for",
    "transaction created for",
    "transaction updated for",
    "Transaction aborted for",
    "New empty",
    "Success!",
    "' deleted!",
    "OCSP Response updated!",
];

/// Beginnings of refusals that a command which only reads may get, and what kind each is.
const REFUSALS: &[(&str, ErrorKind)] = &[
    ("Permission denied", ErrorKind::Denied),
    ("Can't allocate memory!", ErrorKind::Refused),
    ("No such ", ErrorKind::NotFound),
    ("Can't find ", ErrorKind::NotFound),
    ("Cannot find ", ErrorKind::NotFound),
    ("Couldn't find ", ErrorKind::NotFound),
    ("Session not found.", ErrorKind::NotFound),
    ("Variable not found", ErrorKind::NotFound),
    ("Key not found.", ErrorKind::NotFound),
    ("entry not found.", ErrorKind::NotFound),
    ("key or pattern not found.", ErrorKind::NotFound),
    ("Unknown map identifier.", ErrorKind::NotFound),
    ("Unknown ACL identifier.", ErrorKind::NotFound),
    ("Unknown command", ErrorKind::Refused),
    ("Unknown ", ErrorKind::Refused),
    ("Unsupported ", ErrorKind::Refused),
    ("Invalid ", ErrorKind::Refused),
    ("Missing ", ErrorKind::Refused),
    ("Require ", ErrorKind::Refused),
    ("cannot change health", ErrorKind::Refused),
    ("Absolute weight ", ErrorKind::Refused),
    ("Relative weight ", ErrorKind::Refused),
    ("Trailing garbage ", ErrorKind::Refused),
    ("Backend is using a static LB algorithm", ErrorKind::Refused),
    ("Health check was not configured", ErrorKind::Refused),
    ("Agent was not configured", ErrorKind::Refused),
    ("'set ", ErrorKind::Refused),
    ("Expects ", ErrorKind::Refused),
    ("Failed. ", ErrorKind::Refused),
    ("Interrupted.", ErrorKind::Refused),
    ("Wait delay expired.", ErrorKind::Refused),
    ("Proxy is disabled.", ErrorKind::Refused),
    ("Can't ", ErrorKind::Refused),
    ("Cannot ", ErrorKind::Refused),
    ("A frontend name is expected.", ErrorKind::Refused),
    ("Session pointer expected", ErrorKind::Refused),
    ("Version number out of range.", ErrorKind::Refused),
    ("The command line is too big", ErrorKind::Refused),
    ("The payload is too big", ErrorKind::Refused),
    ("'server' expects", ErrorKind::Refused),
    ("Usage: ", ErrorKind::Refused),
    ("usage: ", ErrorKind::Refused),
];

/// Words that say in the middle of a refusal that what was named is not there.
const MISSING: &[&str] = &["doesn't exist", "which is not referenced by the configuration"];

/// Judges the whole answer to a line.
pub fn judge(line: &Line, answer: &Answer) -> Verdict {
    let mut scan = RefusalScan::new(line);
    scan.feed(answer.bytes());
    scan.finish().map_or(Verdict::Accepted, Verdict::Refused)
}

/// Judges an answer that passes by in pieces, in bounded memory.
///
/// A line of one command is judged by the answer's first block; a chain of commands by the first
/// line of every block, since each command's answer ends in an empty line.
#[derive(Debug)]
pub struct RefusalScan {
    chained: bool,
    /// How many commands at the head of the chain change something: each answers exactly one block, so that their
    /// blocks are known by position. A dump may hold empty lines of its own, and what follows it is not.
    leading_changes: usize,
    /// Blocks ended so far, those of one empty line included.
    position: usize,
    current: Vec<u8>,
    /// The first line of the block, and its last that is not empty.
    first: Option<String>,
    last: String,
    blocks: usize,
    found: Option<Refusal>,
}

/// How much of a line is looked at.
const LINE_SHOWN: usize = 512;

impl RefusalScan {
    /// For the answer to `line`.
    pub fn new(line: &Line) -> Self {
        let commands: Vec<&str> = line.commands().collect();
        let changes = |c: &str| CHANGING.contains(&c.split_ascii_whitespace().next().unwrap_or(""));
        Self {
            chained: commands.len() > 1,
            leading_changes: commands.iter().take_while(|c| changes(c)).count(),
            position: 0,
            current: Vec::new(),
            first: None,
            last: String::new(),
            blocks: 0,
            found: None,
        }
    }

    /// The next piece of the answer.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.found.is_some() || (!self.chained && self.blocks > 0) {
            return;
        }
        for piece in bytes.split_inclusive(|&b| b == b'\n') {
            let ends = piece.ends_with(b"\n");
            let body = if ends { piece.get(..piece.len() - 1).unwrap_or(&[]) } else { piece };
            let room = LINE_SHOWN.saturating_sub(self.current.len());
            self.current.extend_from_slice(body.get(..room.min(body.len())).unwrap_or(&[]));
            if ends {
                self.end_line();
            }
        }
    }

    /// The first refusal, if there was one.
    pub fn finish(mut self) -> Option<Refusal> {
        if !self.current.is_empty() {
            self.end_line();
        }
        self.end_block();
        self.found
    }

    fn end_line(&mut self) {
        let text = String::from_utf8_lossy(&self.current).trim_end_matches('\r').to_owned();
        self.current.clear();
        if text.is_empty() {
            self.end_block();
            self.position += 1;
            return;
        }
        if self.first.is_none() {
            self.first = Some(text.clone());
        }
        self.last = text;
    }

    fn end_block(&mut self) {
        let Some(first) = self.first.take() else { return };
        self.blocks += 1;
        if self.found.is_none() && (self.chained || self.blocks == 1) {
            self.found = self.refusal(&first);
        }
    }

    fn refusal(&self, first: &str) -> Option<Refusal> {
        // A severity prefix appears where the operator asked for it on the same line.
        let plain = without_severity(first);
        let known = REFUSALS.iter().find(|(words, _)| plain.starts_with(words));
        let said_success = SUCCESS.iter().any(|words| self.last.contains(words));
        let missing = MISSING.iter().any(|words| plain.contains(words));
        let kind = match known {
            Some(_) if said_success => return None,
            Some((_, ErrorKind::Refused)) if missing => ErrorKind::NotFound,
            Some(&(_, kind)) => kind,
            None if self.position < self.leading_changes && !said_success => {
                if missing {
                    ErrorKind::NotFound
                } else {
                    ErrorKind::Refused
                }
            }
            None => return None,
        };
        Some(Refusal { text: plain.to_owned(), kind })
    }
}

/// Strips `[3]: ` and `[err]: `.
fn without_severity(line: &str) -> &str {
    let tagged = line.strip_prefix('[').and_then(|rest| rest.split_once("]: "));
    match tagged {
        Some((tag, rest))
            if lb_model::Severity::ALL.iter().any(|s| s.as_str() == tag || s.number().to_string() == tag) =>
        {
            rest
        }
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(command: &str, answer: &str, expected: &str) {
        let line = Line::raw(command).unwrap();
        let verdict = judge(&line, &Answer::from_bytes(answer.as_bytes().to_vec()));
        let got = match verdict {
            Verdict::Accepted => "ok".to_owned(),
            Verdict::Refused(r) => format!("{:?}: {}", r.kind(), r.text()),
        };
        assert_eq!(got, expected, "{command}");
        // The same, byte by byte.
        let mut scan = RefusalScan::new(&line);
        answer.bytes().for_each(|b| scan.feed(&[b]));
        assert_eq!(scan.finish().is_none(), got == "ok", "{command}, byte by byte");
    }

    #[test]
    fn changes() {
        check("set server app/web1 state drain", "\n", "ok");
        check("set server app/web1 state drain", "No such server.\n\n", "NotFound: No such server.");
        check("set server app/web1 state drain", "Permission denied\n\n", "Denied: Permission denied");
        check(
            "set server app/web1 weight 300",
            "Absolute weight can only be between 0 and 256 inclusive.\n\n",
            "Refused: Absolute weight can only be between 0 and 256 inclusive.",
        );
        check(
            "set server a/b addr 127.0.0.2",
            "IP changed from '127.0.0.1' to '127.0.0.2' by 'stats socket command'\n\n",
            "ok",
        );
        check("add server a/n 127.0.0.1:80", "New server registered.\n\n", "ok");
        check("del server a/n", "Server a/n is going DOWN for maintenance.\nServer deleted.\n\n", "ok");
        check(
            "set server a/b health up",
            "cannot change health on a tracking server.\n\n",
            "Refused: cannot change health on a tracking server.",
        );
    }

    #[test]
    fn reads() {
        check("show info", "Name: HAProxy\nVersion: 2.6.12\n\n", "ok");
        check("show sess", "Permission denied\n\n", "Denied: Permission denied");
        check("show servers state x", "Can't find backend.\n\n", "NotFound: Can't find backend.");
        check("foo", "Unknown command: 'foo', but maybe …\n  help\n\n", "Refused: Unknown command: 'foo', but maybe …");
        check("get weight a/b", "30 (initial 1)\n\n", "ok");
        check("show errors", "Total events captured on [x] : 0\n\nPermission denied\n", "ok");
    }

    #[test]
    fn what_is_named_and_not_there() {
        check("show table x", "No such table\n\n", "NotFound: No such table");
        check(
            "del ssl cert x",
            "Can't remove the certificate: certificate 'x' doesn't exist!\n\n",
            "NotFound: Can't remove the certificate: certificate 'x' doesn't exist!",
        );
        check(
            "set ssl cert x <<",
            "Can't replace a certificate which is not referenced by the configuration!\n\n",
            "NotFound: Can't replace a certificate which is not referenced by the configuration!",
        );
    }

    #[test]
    fn chains() {
        check("show cli level; foo", "admin\n\nUnknown command\n\n", "Refused: Unknown command");
        check("set server a/b state drain; set server a/c state drain", "\n\n", "ok");
        check(
            "set server a/b state drain; set server a/c state drain",
            "\nNo such server.\n\n",
            "NotFound: No such server.",
        );
        check(
            "set maxconn global 999999999; show version",
            "Value out of range.\n\n3.5.0\n\n",
            "Refused: Value out of range.",
        );
        check("set maxconn global 100; show version", "\n3.5.0\n\n", "ok");
        check("show version; set server a/b state drain", "3.5.0\n\n\n", "ok");
        check(
            "set severity-output number;set server a/b state drain",
            "\n[3]: No such server.\n\n",
            "NotFound: No such server.",
        );
    }
}
