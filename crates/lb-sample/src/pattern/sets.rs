//! All sets of patterns of a configuration.

use super::index::Index;
use super::{Element, Method, Output, PatternSet};
use crate::{Sample, SampleError, Sources};
use regex::bytes::Regex;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The sets of patterns that a configuration names, in the order in which it does.
#[derive(Debug, Default)]
pub struct PatternSets(Mutex<Vec<PatternSet>>);

impl PatternSets {
    fn sets(&self) -> MutexGuard<'_, Vec<PatternSet>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The set of a file, made if it was never named before. Reads nothing.
    pub fn file(&self, written: &str) -> PatternSet {
        let (name, _) = split_prefix(written);
        let mut sets = self.sets();
        if let Some(known) = sets.iter().find(|set| !set.name().is_empty() && set.name() == name) {
            return known.clone();
        }
        let set = PatternSet::of_file(name, written);
        sets.push(set.clone());
        set
    }

    /// Gives each set its number: that of `-u`, or else the lowest free one, in the order of the configuration.
    pub fn number(&self) {
        let mut sets = self.sets();
        let taken: Vec<i64> = sets.iter().map(PatternSet::id).filter(|id| *id >= 0).collect();
        let mut free = (0..).filter(|id| !taken.contains(id));
        for set in sets.iter().filter(|set| set.id() < 0) {
            if let Some(id) = free.next() {
                set.set_id(id);
            }
        }
        sets.sort_by_key(PatternSet::id);
    }

    /// All sets, by their number.
    pub fn all(&self) -> Vec<PatternSet> {
        self.sets().clone()
    }

    /// The set named by a file's name or by `#<id>`.
    pub fn find(&self, word: &str) -> Option<PatternSet> {
        let sets = self.sets();
        if let Some(id) = word.strip_prefix('#') {
            let id: i64 = id.parse().ok()?;
            return sets.iter().find(|set| set.id() == id).cloned();
        }
        let (name, _) = split_prefix(word);
        sets.iter().find(|set| !set.name().is_empty() && set.name() == name).cloned()
    }

    /// How many patterns were ever there, and how many of them are gone.
    pub fn counts(&self) -> (u64, u64) {
        let each = self.sets().iter().map(PatternSet::counts).collect::<Vec<_>>();
        each.iter().fold((0, 0), |sum, counts| (sum.0 + counts.0, sum.1 + counts.1))
    }

    fn add_line(&self, set: &PatternSet, id: Option<i64>) -> Result<(), SampleError> {
        let mut sets = self.sets();
        if let Some(id) = id {
            if sets.iter().any(|other| other.id() == id) {
                return Err(SampleError::new("the id is already used"));
            }
            set.set_id(id);
        }
        sets.push(set.clone());
        Ok(())
    }
}

/// What a file's prefix asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prefix {
    /// None, or `file@`: it must exist.
    File,
    /// `opt@`: it may be missing.
    Optional,
    /// `virt@`: there is no file. The prefix is part of the name.
    Virtual,
}

fn split_prefix(written: &str) -> (&str, Prefix) {
    if let Some(name) = written.strip_prefix("file@") {
        return (name, Prefix::File);
    }
    if let Some(name) = written.strip_prefix("opt@") {
        return (name, Prefix::Optional);
    }
    (written, if written.starts_with("virt@") { Prefix::Virtual } else { Prefix::File })
}

/// An expression's view of a set: what a method finds in it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Matcher {
    set: PatternSet,
    index: Arc<Index>,
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matcher").field("set", &self.set).field("method", &self.index.method).finish()
    }
}

impl Matcher {
    /// The patterns of a file for an ACL, or those and their values for a map.
    pub(crate) fn of_file(
        written: &str,
        method: Method,
        ignore_case: bool,
        has_values: bool,
        output: Option<Output>,
        sources: &Sources<'_>,
    ) -> Result<Self, SampleError> {
        let (name, prefix) = split_prefix(written);
        let set = match sources.patterns {
            Some(sets) => sets.file(written),
            None => PatternSet::of_file(name, written),
        };
        match set.columns() {
            None => load(&set, name, prefix, has_values, sources)?,
            Some(two) if two != has_values => {
                let word = |two| if two { "two" } else { "one" };
                return Err(SampleError::new(format!(
                    "The file \"{written}\" is already used as {} column file and cannot be used by as {} column file.",
                    word(two),
                    word(has_values)
                ))
                .help("give '-M' to an ACL that uses the keys of a map"));
            }
            Some(_) => {}
        }
        let index = set.index(method, ignore_case, output)?;
        let is_map = output.is_some();
        let (file, line) = sources.place;
        let kind = if is_map || has_values { "map" } else { "acl" };
        set.used_by(has_values, format!("{kind} at file '{file}' line {line}"));
        if !is_map && has_values {
            set.used_in_acl();
        }
        Ok(Self { set, index })
    }

    /// The patterns written in an `acl` line.
    pub(crate) fn of_line(
        words: &[String],
        method: Method,
        ignore_case: bool,
        id: Option<i64>,
        criterion: &str,
        sources: &Sources<'_>,
    ) -> Result<Self, SampleError> {
        let (file, line) = sources.place;
        let set = PatternSet::of_line(format!("acl '{criterion}' file '{file}' line {line}"));
        set.fill(false, words.iter().map(|word| (0, (word.as_bytes(), &b""[..]))));
        let index = set.index(method, ignore_case, None)?;
        if let Some(sets) = sources.patterns {
            sets.add_line(&set, id)?;
        }
        Ok(Self { set, index })
    }

    /// How values are compared.
    pub(crate) fn method(&self) -> Method {
        self.index.method
    }

    /// Whether there is no pattern.
    pub(crate) fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// Whether a pattern matches.
    pub(crate) fn matches(&self, sample: &Sample<'_>) -> bool {
        self.index.find(sample, &mut |_, _| ()).is_some()
    }

    /// Shows the pattern that matches.
    pub(crate) fn find<R>(
        &self,
        sample: &Sample<'_>,
        show: &mut dyn FnMut(&Element, Option<&Regex>) -> R,
    ) -> Option<R> {
        self.index.find(sample, show)
    }
}

/// Reads the set's file: one pattern a line. Blanks around are dropped, empty lines and those that begin with `#` are
/// passed over. In a map the first blank ends the key.
fn load(
    set: &PatternSet,
    name: &str,
    prefix: Prefix,
    has_values: bool,
    sources: &Sources<'_>,
) -> Result<(), SampleError> {
    let bytes = match prefix {
        Prefix::Virtual => Vec::new(),
        Prefix::File | Prefix::Optional => match (sources.read_file)(name) {
            Ok(bytes) => bytes,
            Err(reason) if prefix == Prefix::Optional && reason.starts_with("No such file") => Vec::new(),
            Err(reason) => {
                return Err(SampleError::new(format!("failed to open pattern file <{name}>")).help(reason));
            }
        },
    };
    let lines = (1..).zip(bytes.split(|b| *b == b'\n')).filter_map(|(number, line)| {
        // `#` begins a comment only in the first column, as the manual says.
        let text = line.trim_ascii_start();
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if line.starts_with(b"#") || text.is_empty() {
            return None;
        }
        Some((number, if has_values { split_entry(text) } else { (text, &b""[..]) }))
    });
    set.fill(has_values, lines);
    Ok(())
}

/// Cuts a line of a map: the first word is the key, the rest without blanks around it the value.
pub fn split_entry(line: &[u8]) -> (&[u8], &[u8]) {
    let line = line.trim_ascii();
    let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
    let (key, value) = line.split_at(end);
    (key, value.trim_ascii_start())
}
