//! A check told step by step: where it failed, and what it did before.

use std::time::Duration;

use super::{Looks, Payload, Port, Rule, RuleSet, What};

/// Where a failure of `option tcp-check` happened, as log lines say it.
pub(super) fn place(set: &RuleSet, at: usize, rule: &Rule) -> String {
    if rule.implied {
        return " at initial connection step of tcp-check".to_owned();
    }
    let what = match &rule.what {
        What::Connect(connect) => match &connect.port {
            Some(Port::Fixed(port)) => format!("connect port {port}"),
            Some(Port::Expr(_)) | None => "connect".to_owned(),
        },
        What::Send(Payload::Bytes(_)) => "send".to_owned(),
        What::Send(Payload::Format(_)) => "send log-format string".to_owned(),
        What::Send(Payload::HexFormat(_)) => "send log-format binary".to_owned(),
        What::Expect(expect) => match &expect.looks {
            Looks::Text(text) => format!("expect string '{}'", String::from_utf8_lossy(text)),
            Looks::Binary(text) => format!("expect binary '{}'", String::from_utf8_lossy(text)),
            Looks::TextRegex(_) => "expect regex".to_owned(),
            Looks::BinaryRegex(_) => "expect binary regex".to_owned(),
            Looks::TextFormat(_) => "expect log-format string".to_owned(),
            Looks::BinaryFormat(_) => "expect log-format binary".to_owned(),
            Looks::Status(_) | Looks::StatusRegex(_) | Looks::Header(_) | Looks::Frame(_) => "expect".to_owned(),
        },
        What::Request(_) | What::Comment | What::Var(_) => String::new(),
    };
    format!(" at step {} of tcp-check ({what}){}", set.number(at), quoted_comment(rule))
}

/// A comment as steps without an answer carry it.
pub(super) fn quoted_comment(rule: &Rule) -> String {
    rule.comment.as_ref().map_or(String::new(), |comment| format!(" comment: '{comment}'"))
}

/// What happened at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A connection was established.
    Connected,
    /// A connection was established and secured.
    Secured,
    /// So many bytes were sent.
    Sent(usize),
    /// So many bytes are there.
    Received(usize),
    /// The peer ended the stream after so many bytes.
    Ended(usize),
    /// What was received is as expected.
    Matched,
    /// It is not.
    Failed,
    /// The TLS handshake failed.
    NotSecured,
    /// The connection broke, or could not be established.
    Broken,
    /// Time was up.
    TimedOut,
}

/// What the last check did, for operators. Its room is used again by the next check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    entries: Vec<Entry>,
    /// How the last answer began, or why the handshake failed.
    answer: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    at_us: u32,
    rule: u16,
    event: Event,
}

/// Of a check that never ends its rounds only the first are kept.
const MAX_ENTRIES: usize = 32;
/// So much of an answer is kept.
const MAX_ANSWER: usize = 60;

impl Trace {
    /// Empty, with room for what a check by these rules does. Made before the first check, it lies beside its server: made
    /// in the midst of thousands of checks, each would leave a hole where a check's own memory was.
    pub fn with_room(set: &RuleSet) -> Self {
        let entries = (2 * set.rules().len()).clamp(2, MAX_ENTRIES);
        let answer = if set.talks() { MAX_ANSWER } else { 0 };
        Self { entries: Vec::with_capacity(entries), answer: Vec::with_capacity(answer) }
    }

    /// Empties it, keeping its room.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.answer.clear();
    }

    pub(super) fn add(&mut self, at: Duration, rule: usize, event: Event) {
        if self.entries.len() < MAX_ENTRIES {
            let at_us = u32::try_from(at.as_micros()).unwrap_or(u32::MAX);
            self.entries.push(Entry { at_us, rule: u16::try_from(rule).unwrap_or(u16::MAX), event });
        }
    }

    /// Bytes arrived at a step: all of them are `input`.
    pub(super) fn received(&mut self, at: Duration, rule: usize, input: &[u8], ended: bool) {
        self.answer.clear();
        self.answer.extend(input.iter().take_while(|b| !matches!(b, b'\r' | b'\n')).take(MAX_ANSWER));
        let event = if ended { Event::Ended(input.len()) } else { Event::Received(input.len()) };
        // Several reads of one answer are one event.
        match self.entries.last_mut() {
            Some(Entry { rule: last, event: Event::Received(_), .. }) if usize::from(*last) == rule => {
                self.entries.pop();
            }
            _ => {}
        }
        self.add(at, rule, event);
    }

    /// The handshake failed, for this reason.
    pub(super) fn not_secured(&mut self, at: Duration, rule: usize, why: &str) {
        self.answer.clear();
        self.answer.extend(why.bytes().take(MAX_ANSWER));
        self.add(at, rule, Event::NotSecured);
    }

    /// How the last answer began, or why the handshake failed.
    pub(crate) fn answer(&self) -> &[u8] {
        &self.answer
    }

    /// Whether no check ran yet.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// A line for each event: when, and what happened.
    pub fn lines(&self, set: &RuleSet) -> Vec<String> {
        self.entries.iter().map(|entry| entry.line(set, &self.answer)).collect()
    }
}

impl Entry {
    fn line(&self, set: &RuleSet, answer: &[u8]) -> String {
        let index = usize::from(self.rule);
        let silent = answer.is_empty();
        let answer = || answer.escape_ascii().to_string();
        let what = match (self.event, set.rules().get(index)) {
            (Event::Connected, _) => "connected".to_owned(),
            (Event::Secured, _) => "connected, TLS handshake done".to_owned(),
            (Event::Sent(bytes), _) => format!("sent {bytes} bytes"),
            (Event::Received(bytes), _) => format!("got {bytes} bytes: \"{}\"", answer()),
            (Event::Ended(0), _) => "the peer closed without a byte".to_owned(),
            (Event::Ended(bytes), _) => format!("got {bytes} bytes and the end: \"{}\"", answer()),
            (Event::Matched, rule) => format!("{} matched", named(set, index, rule)),
            (Event::Failed, rule) => format!("{} did not match", named(set, index, rule)),
            (Event::NotSecured, _) if silent => "the peer ended the TLS handshake".to_owned(),
            (Event::NotSecured, _) => format!("the TLS handshake failed: {}", answer()),
            (Event::Broken, rule) => format!("{} failed", named(set, index, rule)),
            (Event::TimedOut, rule) => format!("time was up during {}", named(set, index, rule)),
        };
        format!("{}.{:03} ms  {what}", self.at_us / 1_000, self.at_us % 1_000)
    }
}

/// A rule as operators know it: its number and its words.
fn named(set: &RuleSet, index: usize, rule: Option<&Rule>) -> String {
    let Some(rule) = rule else { return "a step".to_owned() };
    let words = match &rule.what {
        What::Comment => "comment".to_owned(),
        What::Var(_) => "set-var".to_owned(),
        What::Connect(_) => "connect".to_owned(),
        What::Send(_) | What::Request(_) => "send".to_owned(),
        What::Expect(expect) => expect.words(),
    };
    if rule.implied { format!("the implied '{words}'") } else { format!("rule {} '{words}'", set.number(index)) }
}
