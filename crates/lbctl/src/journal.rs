//! What was changed, when, by whom and why: a file of JSON lines in the state directory.
//!
//! An operation begins with its first change; a command that changes nothing leaves no trace. Every
//! change is a line of its own, written in one piece under a lock before the next change is made, so that
//! a killed command has told what it did. A line that a crash has cut short is skipped when read.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::store;

/// The journal's file in the state directory.
const FILE: &str = "journal.jsonl";

/// One change to one thing on one node, in words that can be compared and put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The node's name.
    pub node: String,
    /// The node's admin socket.
    pub address: String,
    /// A server's name; a map and a key.
    pub object: String,
    /// What of it: `state`, `weight`, `address`…
    pub what: String,
    /// What it was.
    pub before: String,
    /// What it is.
    pub after: String,
}

/// What stands at the head of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Seconds since 1970.
    pub at: u64,
    /// Who.
    pub user: String,
    /// The command line.
    pub command: String,
    /// Why.
    pub message: Option<String>,
    /// The operation that this one undoes.
    pub undoes: Option<u64>,
}

/// An operation as the journal has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub id: u64,
    /// Who, when, why.
    pub head: Head,
    /// What was changed, in order.
    pub changes: Vec<Change>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Row {
    op: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    head: Option<Head>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    change: Option<Change>,
}

/// The operation that a command line is.
#[derive(Debug)]
pub struct Operation {
    command: String,
    message: Option<String>,
    undoes: Option<u64>,
    /// Its number once something was changed.
    id: Mutex<Option<u64>>,
}

impl Operation {
    /// Of the process's own command line.
    pub fn new(message: Option<String>) -> Self {
        let words: Vec<String> = std::env::args().skip(1).collect();
        Self { command: words.join(" "), message, undoes: None, id: Mutex::new(None) }
    }

    /// Of a line at the prompt.
    #[must_use]
    pub fn of_line(mut self, words: &[String]) -> Self {
        self.command = words.join(" ");
        self
    }

    /// That undoes another.
    #[must_use]
    pub fn undoing(mut self, id: u64) -> Self {
        self.undoes = Some(id);
        self
    }

    /// Why, as the operator said.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// Writes a change down.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn record(&self, change: Change) -> Result<(), Fault> {
        let path = store::directory("")?.join(FILE);
        let mut id = self.id.lock().unwrap_or_else(PoisonError::into_inner);
        let head = || Head {
            at: now(),
            user: user(),
            command: self.command.clone(),
            message: self.message.clone(),
            undoes: self.undoes,
        };
        append(&path, &mut id, head, change).map_err(|e| store::failed(&path, &e))
    }
}

fn append(path: &Path, id: &mut Option<u64>, head: impl FnOnce() -> Head, change: Change) -> io::Result<()> {
    let file = std::fs::OpenOptions::new().create(true).append(true).read(true).open(path)?;
    let mut file = Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, e)| io::Error::from(e))?;
    let mut text = Vec::new();
    // What a crash cut short must not swallow the line after it.
    if file.seek(SeekFrom::End(-1)).is_ok() {
        let mut last = [0];
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            text.push(b'\n');
        }
    }
    let mut row = |row: &Row| -> io::Result<()> {
        serde_json::to_writer(&mut text, row)?;
        text.push(b'\n');
        Ok(())
    };
    let number = match *id {
        Some(number) => number,
        None => {
            file.seek(SeekFrom::Start(0))?;
            let mut all = Vec::new();
            file.read_to_end(&mut all)?;
            // A crash may have cut a character in two.
            let number = 1 + rows(&String::from_utf8_lossy(&all)).map(|r| r.op).max().unwrap_or(0);
            row(&Row { op: number, head: Some(head()), change: None })?;
            *id = Some(number);
            number
        }
    };
    row(&Row { op: number, head: None, change: Some(change) })?;
    file.write_all(&text)?;
    file.sync_data()
}

fn rows(text: &str) -> impl Iterator<Item = Row> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok())
}

/// The journal's file, if there is a place for one.
///
/// # Errors
/// When there is none.
pub fn path() -> Result<PathBuf, Fault> {
    Ok(store::directory("")?.join(FILE))
}

/// Every operation, the first first.
///
/// # Errors
/// When the journal cannot be read.
pub fn entries() -> Result<Vec<Entry>, Fault> {
    let path = path()?;
    match std::fs::read(&path) {
        Ok(bytes) => Ok(parse(&String::from_utf8_lossy(&bytes))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(store::failed(&path, &error)),
    }
}

fn parse(text: &str) -> Vec<Entry> {
    let mut entries: BTreeMap<u64, Entry> = BTreeMap::new();
    for row in rows(text) {
        if let Some(head) = row.head {
            entries.insert(row.op, Entry { id: row.op, head, changes: Vec::new() });
        }
        if let (Some(change), Some(entry)) = (row.change, entries.get_mut(&row.op)) {
            entry.changes.push(change);
        }
    }
    entries.into_values().collect()
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

/// Who runs the command: behind `sudo`, who called it.
pub fn user() -> String {
    let named = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    named("SUDO_USER").or_else(|| named("USER")).or_else(|| named("LOGNAME")).unwrap_or_else(|| {
        let uid = nix::unistd::getuid();
        nix::unistd::User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |u| u.name)
    })
}

/// `2026-11-21 01:50:32Z` of seconds since 1970.
pub fn utc(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // The calendar repeats every 400 years of 146 097 days; a year begins in March here, so that the leap day is its last.
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = year + era * 400 + carry;
    format!("{year:04}-{month:02}-{day_of_month:02} {:02}:{:02}:{:02}Z", rest / 3_600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(n: u32) -> Change {
        let text = |s: &str| s.to_owned();
        Change {
            node: text("lb1"),
            address: text("/run/a"),
            object: format!("app/web{n}"),
            what: text("state"),
            before: text("ready"),
            after: text("drain"),
        }
    }

    #[test]
    fn days() {
        assert_eq!(utc(0), "1970-01-01 00:00:00Z");
        assert_eq!(utc(951_782_400), "2000-02-29 00:00:00Z");
        assert_eq!(utc(1_700_000_000), "2023-11-14 22:13:20Z");
        assert_eq!(utc(4_107_542_399), "2100-02-28 23:59:59Z");
    }

    #[test]
    fn operators_side_by_side_and_a_crash() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let head = || Head { at: 1, user: "op".into(), command: "drain".into(), message: None, undoes: None };
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    let mut id = None;
                    for n in 0..5 {
                        append(&path, &mut id, head, change(n)).unwrap();
                    }
                });
            }
        });
        let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"op\":7,\"head\":{\"at\":1,\"us\xc3").unwrap();
        append(&path, &mut None, head, change(9)).unwrap();
        let entries = parse(&String::from_utf8_lossy(&std::fs::read(&path).unwrap()));
        assert_eq!(entries.iter().map(|e| e.id).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7]);
        assert!(entries.iter().take(6).all(|e| e.changes.len() == 5));
        assert_eq!(entries[6].changes, [change(9)]);
    }
}
