//! A line cut into words, and what a keyword's handler needs to read it.

use crate::diagnostic::{Severity, Site};
use crate::lexer::Word;
use crate::model::Place;
use lb_model::{TimeError, TimeUnit, parse_time};
use lb_sample::SampleError;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// What stands before a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prefix {
    /// Nothing.
    None,
    /// `no`.
    No,
    /// `default`.
    Default,
}

/// A line of a section, at least one word long.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub file: Arc<str>,
    pub number: u32,
    pub raw: Arc<[u8]>,
    pub words: Vec<Word>,
    pub prefix: Prefix,
}

/// What is wrong with a line. The handler returns it; the dispatcher knows the line.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub severity: Severity,
    /// Index of the word to blame.
    pub word: usize,
    /// The last word to blame, when there are several.
    pub through: usize,
    /// Part of the word to blame, in bytes from its beginning.
    pub part: Option<Range<usize>>,
    pub message: String,
    pub help: Option<String>,
}

/// What a handler returns.
pub(crate) type Done = Result<(), Fault>;

/// A fault at a word.
pub(crate) fn fault(word: usize, message: impl Into<String>) -> Fault {
    Fault { severity: Severity::Alert, word, through: word, part: None, message: message.into(), help: None }
}

impl Fault {
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With what HAProxy puts before the message.
    pub fn within(mut self, outer: &str) -> Self {
        self.message = format!("{outer}{}", self.message);
        self
    }

    /// From an expression, an ACL or a condition whose first word is `word`.
    pub fn of_sample(error: SampleError, word: usize) -> Self {
        let part = (error.offset > 0).then(|| error.offset..error.offset + 1);
        let mut message = error.message;
        if !message.ends_with(['.', '?', ')']) {
            message.push('.');
        }
        Self {
            severity: Severity::Alert,
            word: word + error.word,
            through: word + error.word,
            part,
            message,
            help: error.help,
        }
    }
}

impl Line {
    /// A word's text; empty when there are fewer.
    pub fn word(&self, i: usize) -> &str {
        self.words.get(i).map_or("", |w| w.text.as_str())
    }

    pub fn has(&self, i: usize) -> bool {
        i < self.words.len()
    }

    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Words from `i` on.
    pub fn from(&self, i: usize) -> Vec<&str> {
        self.words.iter().skip(i).map(|w| w.text.as_str()).collect()
    }

    /// Where a word stands; the end of the line when there are fewer.
    pub fn site(&self, i: usize) -> Site {
        let end = self.words.last().map_or(0, |w| w.span.end);
        let span = self.words.get(i).map_or(end..end + 1, |w| w.span.clone());
        Site { file: Arc::clone(&self.file), line: self.number, raw: Arc::clone(&self.raw), span }
    }

    /// Where a fault stands.
    pub fn site_of(&self, fault: &Fault) -> Site {
        let mut site = self.site(fault.word);
        if let Some(last) = self.words.get(fault.through.min(self.len().saturating_sub(1)))
            && fault.through > fault.word
        {
            site.span.end = site.span.end.max(last.span.end);
        }
        if let (Some(part), Some(word)) = (&fault.part, self.words.get(fault.word)) {
            // Offsets count in the value; they hold for the source as long as nothing was replaced in it.
            let lead = usize::from(matches!(self.raw.get(word.span.start), Some(b'"' | b'\'')));
            let plain = word.span.len() == word.text.len() + 2 * lead;
            if plain && part.end <= word.text.len() + 1 {
                site.span = word.span.start + lead + part.start..word.span.start + lead + part.end;
            }
        }
        site
    }

    pub fn place(&self) -> Place {
        Place { file: Arc::clone(&self.file), line: self.number }
    }

    /// Refuses words after the argument number `last` (the keyword is number 0). `name` is the keyword
    /// as messages spell it.
    pub fn ends_after(&self, last: usize, name: &str) -> Done {
        match self.words.get(last + 1) {
            None => Ok(()),
            Some(extra) => {
                Err(fault(last + 1, format!("'{name}' cannot handle unexpected argument '{}'.", extra.text)))
            }
        }
    }

    /// The word `i`, or this complaint.
    pub fn need(&self, i: usize, complaint: impl Into<String>) -> Result<&str, Fault> {
        match self.word(i) {
            "" => Err(fault(i, complaint)),
            word => Ok(word),
        }
    }

    /// An unsigned integer at `i`, or this complaint.
    pub fn integer<T: FromStr>(&self, i: usize, complaint: impl Into<String>) -> Result<T, Fault> {
        let complaint = complaint.into();
        let word = self.need(i, complaint.clone())?;
        word.parse().map_err(|_| fault(i, complaint).help(format!("'{word}' is no integer in the accepted range")))
    }

    /// A duration at `i` in milliseconds unless it says its unit; zero is `None`. `name` as in messages.
    pub fn delay(&self, i: usize, name: &str) -> Result<Option<Duration>, Fault> {
        let word = self.need(i, format!("'{name}' expects an integer value (in milliseconds)"))?;
        match parse_time(word, TimeUnit::Millis) {
            Ok(Duration::ZERO) => Ok(None),
            Ok(delay) => Ok(Some(delay)),
            Err(error) => Err(fault(i, time_complaint(error, word, &format!("'{name}'"))).help(TIME_HELP)),
        }
    }
}

/// What durations look like.
pub(crate) const TIME_HELP: &str = "a duration is an integer and a unit: us, ms (the default), s, m, h or d";

/// Why a duration is refused, as HAProxy says it; `whose` is the setting as messages spell it.
pub(crate) fn time_complaint(error: TimeError, word: &str, whose: &str) -> String {
    match error {
        TimeError::Unexpected(c) => format!("unexpected character '{c}' in {whose}"),
        TimeError::Empty => format!("{whose} expects a duration"),
        TimeError::Overflow => {
            format!("timer overflow in argument '{word}' to {whose} (maximum value is 2147483647 ms or ~24.8 days)")
        }
        TimeError::Underflow => {
            format!("timer underflow in argument '{word}' to {whose} (minimum non-null value is 1 ms)")
        }
    }
}
