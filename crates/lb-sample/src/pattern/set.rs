//! A set of patterns: the contents of a file, or the words of one `acl` line.
//!
//! A set is shared by all expressions that name it. Each matching method that an expression asks for has its own index,
//! which data threads read without a lock. Changes, whether by a command or by a rule, are made under the set's lock.
//! Versions that are being prepared have indexes of their own; a commit exchanges them.

use super::element::Element;
use super::index::{self, Index, Parsed};
use super::{Method, Output};
use crate::{Sample, SampleError};
use regex::bytes::Regex;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Numbers of elements look like addresses, as clients expect of references.
const FIRST_NUMBER: u64 = 0x5500_0000_0000;
const NUMBER_STEP: u64 = 0x40;

/// A set of patterns, of a file or of an `acl` line. Cheap to clone; all clones are the same set.
#[derive(Clone)]
pub struct PatternSet(Arc<Inner>);

struct Inner {
    /// Below zero until it is known.
    id: AtomicI64,
    /// The file's name without a prefix; empty for an `acl` line's own patterns.
    name: Box<str>,
    /// The file's name as written first; for an `acl` line its criterion and place.
    written: Box<str>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Values follow the keys. `None` until the file was read.
    has_values: Option<bool>,
    in_acl: bool,
    in_map: bool,
    /// `acl at file 'f' line 1`
    users: Vec<String>,
    elements: Elements,
    uses: Vec<Use>,
    /// An index of whole keys for commands, if no use has one.
    keys: Option<Arc<Index>>,
    prepared: BTreeMap<u32, Prepared>,
    current: u32,
    next: u32,
    made: u64,
}

type Elements = BTreeMap<u64, Arc<Element>>;

/// How an expression looks at the set.
#[derive(Clone)]
struct Use {
    index: Arc<Index>,
    /// What a map's values are; `None` in an ACL.
    output: Option<Output>,
}

/// A version that is not in force yet. Its indexes are those of the uses, in their order, each once, and that of the keys.
#[derive(Default)]
struct Prepared {
    elements: Elements,
    indexes: Vec<Option<Index>>,
    keys: Option<Index>,
}

/// A pattern to add: its key and, in a map, its value.
pub type Entry<'a> = (&'a [u8], &'a [u8]);

/// Which elements a change is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// All of this key.
    Key(&'a [u8]),
    /// The one of this number.
    Number(u64),
}

impl<'a> Target<'a> {
    /// Reads a key, or `#0x…`.
    pub fn parse(word: &'a str) -> Self {
        let digits = word.strip_prefix('#').map(|digits| digits.strip_prefix("0x").unwrap_or(digits));
        match digits.map(|digits| u64::from_str_radix(digits, 16)) {
            Some(Ok(number)) => Self::Number(number),
            _ => Self::Key(word.as_bytes()),
        }
    }
}

/// Why a change was refused. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// A pattern or a value that cannot be read.
    #[error("{0}.")]
    Unreadable(String),
    /// No element has the key.
    #[error("entry not found.")]
    NoSuchKey,
    /// No element has the number.
    #[error("key or pattern not found.")]
    NoSuchNumber,
    /// No version has been prepared under this number.
    #[error("Version number in the future, please use 'prepare {0}' before.")]
    FutureVersion(&'static str),
    /// The version is in force already, or was never prepared.
    #[error("Version number out of range.")]
    VersionOutOfRange,
}

/// What a change put out of use. Dropping it may take a while when a large set was replaced.
pub struct Discarded {
    elements: Vec<Elements>,
    _indexes: Vec<Arc<dyn Send + Sync>>,
}

impl Discarded {
    /// How many elements it holds.
    pub fn len(&self) -> usize {
        self.elements.iter().map(Elements::len).sum()
    }

    /// Whether nothing was put out of use.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for Discarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Discarded")
    }
}

/// What one use of the set says of a value, for `get acl` and `get map`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The matching method's name.
    pub method: &'static str,
    /// Case does not count.
    pub ignore_case: bool,
    /// `tree` or `list`.
    pub kept_as: &'static str,
    /// The pattern that matched.
    pub key: Option<Vec<u8>>,
    /// The value and the name of its type; `None` in an ACL.
    pub value: Option<(Vec<u8>, &'static str)>,
}

impl fmt::Debug for PatternSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PatternSet({} {})", self.0.name, self.0.written)
    }
}

impl PatternSet {
    /// The set of a file: its name, and as it was written, which may have a prefix.
    pub(super) fn of_file(name: &str, written: &str) -> Self {
        Self::new(name, written)
    }

    /// The set of an `acl` line's own patterns, described by its criterion and place.
    pub(super) fn of_line(description: String) -> Self {
        let set = Self::new("", &description);
        {
            let mut state = set.state();
            state.has_values = Some(false);
            state.in_acl = true;
        }
        set
    }

    fn new(name: &str, written: &str) -> Self {
        Self(Arc::new(Inner {
            id: AtomicI64::new(-1),
            name: name.into(),
            written: written.into(),
            state: Mutex::default(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its number, as `#<id>` names it.
    pub fn id(&self) -> i64 {
        self.0.id.load(Relaxed)
    }

    pub(super) fn set_id(&self, id: i64) {
        self.0.id.store(id, Relaxed);
    }

    /// The file's name without a prefix; empty for an `acl` line's own patterns.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether an ACL uses it.
    pub fn is_acl(&self) -> bool {
        self.state().in_acl
    }

    /// Whether a map uses it.
    pub fn is_map(&self) -> bool {
        self.state().in_map
    }

    /// What `show acl` and `show map` say of it, without its number.
    pub fn description(&self) -> String {
        let state = self.state();
        let what = if self.0.name.is_empty() {
            self.0.written.to_string()
        } else {
            let users: Vec<String> = state.users.iter().map(|user| format!("by {user}")).collect();
            format!("pattern loaded from file '{}' used {}", self.0.written, users.join(", "))
        };
        let count = state.elements.len() + state.prepared.values().map(|v| v.elements.len()).sum::<usize>();
        format!(
            "({}) {what}. curr_ver={} next_ver={} entry_cnt={}",
            self.0.name,
            state.current,
            state.next,
            count * state.uses.len()
        )
    }

    /// How many patterns were ever added, and how many of them are gone.
    pub(super) fn counts(&self) -> (u64, u64) {
        let state = self.state();
        let held = state.elements.len() + state.prepared.values().map(|v| v.elements.len()).sum::<usize>();
        (state.made, state.made.saturating_sub(held as u64))
    }

    /// How many patterns are in force.
    pub fn len(&self) -> usize {
        self.state().elements.len()
    }

    /// Whether no pattern is in force.
    pub fn is_empty(&self) -> bool {
        self.state().elements.is_empty()
    }

    /// Whether the file was read.
    pub(super) fn columns(&self) -> Option<bool> {
        self.state().has_values
    }

    /// Notes who uses it: `map at file 'c.cfg' line 5`.
    pub(super) fn used_by(&self, is_map: bool, user: String) {
        let mut state = self.state();
        if is_map {
            state.in_map = true;
        } else {
            state.in_acl = true;
        }
        state.users.push(user);
    }

    /// Notes that an ACL looks at the keys of the map.
    pub(super) fn used_in_acl(&self) {
        self.state().in_acl = true;
    }

    /// Takes the lines of the file: numbers from 1, keys, values.
    pub(super) fn fill<'e>(&self, has_values: bool, lines: impl Iterator<Item = (u32, Entry<'e>)>) {
        let mut state = self.state();
        state.has_values = Some(has_values);
        let elements: Vec<_> =
            lines.map(|(line, (key, value))| Element::new(state.number(), line, key, value)).collect();
        state.elements = elements.into_iter().map(|element| (element.number(), element)).collect();
    }

    /// An index of the set for a method, shared with those who asked for the same.
    ///
    /// # Errors
    /// A pattern or a value is of another kind. The error names its line.
    pub(super) fn index(
        &self,
        method: Method,
        ignore_case: bool,
        output: Option<Output>,
    ) -> Result<Arc<Index>, SampleError> {
        let mut state = self.state();
        let same = |u: &&Use| u.index.method == method && u.index.ignore_case == ignore_case;
        if let Some(used) = state.uses.iter().filter(same).find(|u| u.output == output) {
            return Ok(Arc::clone(&used.index));
        }
        let within = |e: SampleError, line: u32| match line {
            0 => e,
            line => SampleError { message: format!("{} at line {line} of file '{}'", e.message, self.0.written), ..e },
        };
        if let Some(output) = output {
            for element in state.elements.values() {
                output.check(element.value()).map_err(|e| within(e, element.line()))?;
            }
        }
        let held = state.uses.iter().find(same).map(|used| Arc::clone(&used.index));
        let index = match held {
            Some(index) => index,
            None => {
                let mut parsed = Vec::with_capacity(state.elements.len());
                for element in state.elements.values() {
                    let pattern =
                        index::parse(method, ignore_case, element.key()).map_err(|e| within(e, element.line()))?;
                    parsed.push((Arc::clone(element), pattern));
                }
                Arc::new(Index::new(method, ignore_case, parsed.into_iter()))
            }
        };
        state.uses.push(Use { index: Arc::clone(&index), output });
        Ok(index)
    }

    /// Adds elements, to the version in force or to one that is prepared: all of them or none.
    ///
    /// # Errors
    /// A key or a value cannot be read, or the version was not prepared. `kind` is `acl` or `map`.
    pub fn add(&self, kind: &'static str, version: Option<u32>, entries: &[Entry<'_>]) -> Result<(), PatternError> {
        let mut state = self.state();
        let version = version.unwrap_or(state.current);
        if version.wrapping_sub(state.current) > state.next.wrapping_sub(state.current) {
            return Err(PatternError::FutureVersion(kind));
        }
        let mut read = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            read.push(state.read(key, value)?);
        }
        for ((key, value), parsed) in entries.iter().zip(read) {
            let element = Element::new(state.number(), 0, key, value);
            if version == state.current {
                state.put(element, parsed, true);
            } else {
                state.prepare_element(version, element, parsed);
            }
        }
        Ok(())
    }

    /// Gives another value to elements in force.
    ///
    /// # Errors
    /// There is none, or the value cannot be read.
    pub fn set(&self, target: Target<'_>, value: &[u8]) -> Result<(), PatternError> {
        let mut state = self.state();
        let found = state.find(target);
        if found.is_empty() {
            return Err(match target {
                Target::Key(_) => PatternError::NoSuchKey,
                Target::Number(_) => PatternError::NoSuchNumber,
            });
        }
        state.check_value(value)?;
        for old in found {
            let parsed = state.read_key(old.key())?;
            let element = Element::new(old.number(), old.line(), old.key(), value);
            state.put(element, parsed, false);
        }
        Ok(())
    }

    /// Sets the value of a key, adding it where it is not known: `set-map` of rules.
    ///
    /// # Errors
    /// The key or the value cannot be read.
    pub fn set_or_add(&self, key: &[u8], value: &[u8]) -> Result<(), PatternError> {
        match self.set(Target::Key(key), value) {
            Err(PatternError::NoSuchKey) => self.add("map", None, &[(key, value)]),
            done => done,
        }
    }

    /// Adds a key unless it is known: `add-acl` of rules.
    ///
    /// # Errors
    /// The key cannot be read.
    pub fn add_once(&self, key: &[u8]) -> Result<(), PatternError> {
        if self.state().find(Target::Key(key)).is_empty() { self.add("acl", None, &[(key, b"")]) } else { Ok(()) }
    }

    /// Takes elements in force away.
    ///
    /// # Errors
    /// There is none.
    pub fn delete(&self, target: Target<'_>) -> Result<(), PatternError> {
        let mut state = self.state();
        let found = state.find(target);
        if found.is_empty() {
            return Err(PatternError::NoSuchKey);
        }
        for element in found {
            state.remove(&element);
        }
        Ok(())
    }

    /// Takes all elements of a version away, of the one in force if none is named. A version that does not exist is
    /// empty already.
    pub fn clear(&self, version: Option<u32>) -> Discarded {
        let mut state = self.state();
        match version.filter(|version| *version != state.current) {
            Some(version) => {
                let old = state.prepared.remove(&version);
                Discarded { elements: old.map(|old| old.elements).into_iter().collect(), _indexes: Vec::new() }
            }
            None => state.exchange(Prepared::default()),
        }
    }

    /// Begins a version; gives its number.
    pub fn prepare(&self) -> u32 {
        let mut state = self.state();
        state.next = state.next.wrapping_add(1);
        state.next
    }

    /// Puts a prepared version in force at once. Older ones are forgotten.
    ///
    /// # Errors
    /// It was not prepared, or it is not newer than the one in force.
    pub fn commit(&self, version: u32) -> Result<Discarded, PatternError> {
        let mut state = self.state();
        let ahead = version.wrapping_sub(state.current);
        if ahead == 0 || ahead > state.next.wrapping_sub(state.current) {
            return Err(PatternError::VersionOutOfRange);
        }
        let current = state.current;
        let chosen = state.prepared.remove(&version).unwrap_or_default();
        let mut discarded = state.exchange(chosen);
        state.current = version;
        let older: Vec<u32> = state.prepared.keys().copied().filter(|v| v.wrapping_sub(current) < ahead).collect();
        discarded.elements.extend(older.iter().filter_map(|v| state.prepared.remove(v)).map(|old| old.elements));
        Ok(discarded)
    }

    /// Writes elements of a version as `show` does, those after a number, until so many bytes are there. Gives the
    /// number to go on from; `None` at the end.
    pub fn write_page(&self, version: Option<u32>, after: u64, limit: usize, out: &mut Vec<u8>) -> Option<u64> {
        let state = self.state();
        let elements = match version.filter(|version| *version != state.current) {
            Some(version) => &state.prepared.get(&version)?.elements,
            None => &state.elements,
        };
        for (number, element) in elements.range((Excluded(after), Unbounded)) {
            out.extend_from_slice(format!("0x{number:x} ").as_bytes());
            out.extend_from_slice(element.key());
            if state.has_values == Some(true) {
                out.push(b' ');
                out.extend_from_slice(element.value());
            }
            out.push(b'\n');
            if out.len() >= limit {
                return Some(*number);
            }
        }
        None
    }

    /// What each use says of a text.
    pub fn ask(&self, text: &str) -> Vec<Answer> {
        let uses = self.state().uses.clone();
        uses.iter()
            .map(|used| {
                let index = &used.index;
                let mut show = |e: &Element, _: Option<&Regex>| (e.key().to_vec(), e.value().to_vec());
                let found = index.find(&Sample::text(text.as_bytes()), &mut show);
                let (key, value) = found.unzip();
                let method = match used.output {
                    Some(Output::Groups) => "regm",
                    _ => index.method.name(),
                };
                Answer {
                    method,
                    ignore_case: index.ignore_case,
                    kept_as: index::kept_as(index.method, index.ignore_case),
                    key,
                    value: used.output.zip(value).map(|(output, value)| {
                        let name = output.type_name(&value);
                        (value, name)
                    }),
                }
            })
            .collect()
    }
}

impl State {
    fn number(&mut self) -> u64 {
        self.made += 1;
        FIRST_NUMBER + self.made * NUMBER_STEP
    }

    fn check_value(&self, value: &[u8]) -> Result<(), PatternError> {
        let outputs = self.uses.iter().filter_map(|used| used.output);
        outputs.map(|output| output.check(value)).find_map(Result::err).map_or(Ok(()), |e| Err(unreadable(e)))
    }

    /// What each use makes of a key.
    fn read_key(&self, key: &[u8]) -> Result<Vec<Parsed>, PatternError> {
        let read = |used: &Use| index::parse(used.index.method, used.index.ignore_case, key).map_err(unreadable);
        self.uses.iter().map(read).collect()
    }

    fn read(&self, key: &[u8], value: &[u8]) -> Result<Vec<Parsed>, PatternError> {
        let parsed = self.read_key(key)?;
        self.check_value(value)?;
        Ok(parsed)
    }

    /// Whether the use at this place has the same index as one before it.
    fn is_repeated(&self, at: usize) -> bool {
        let uses = self.uses.get(..=at).unwrap_or_default();
        uses.split_last().is_some_and(|(last, before)| before.iter().any(|used| Arc::ptr_eq(&used.index, &last.index)))
    }

    fn put(&mut self, element: Arc<Element>, parsed: Vec<Parsed>, is_new: bool) {
        for (at, (used, parsed)) in self.uses.iter().zip(parsed).enumerate() {
            if !self.is_repeated(at) {
                used.index.put(&element, parsed, is_new);
            }
        }
        if let Some(keys) = &self.keys
            && let Ok(parsed) = index::parse(Method::Str, false, element.key())
        {
            keys.put(&element, parsed, is_new);
        }
        self.elements.insert(element.number(), element);
    }

    fn remove(&mut self, element: &Element) {
        for (at, used) in self.uses.iter().enumerate() {
            if !self.is_repeated(at) {
                used.index.remove(element);
            }
        }
        if let Some(keys) = &self.keys {
            keys.remove(element);
        }
        self.elements.remove(&element.number());
    }

    fn prepare_element(&mut self, version: u32, element: Arc<Element>, parsed: Vec<Parsed>) {
        if !self.prepared.contains_key(&version) {
            let uses = self.uses.iter().enumerate();
            let fresh = Prepared {
                elements: Elements::new(),
                indexes: uses.map(|(at, used)| (!self.is_repeated(at)).then(|| used.index.empty())).collect(),
                keys: self.keys.as_ref().map(|keys| keys.empty()),
            };
            self.prepared.insert(version, fresh);
        }
        let Some(prepared) = self.prepared.get_mut(&version) else { return };
        for (index, parsed) in prepared.indexes.iter().zip(parsed) {
            if let Some(index) = index {
                index.put(&element, parsed, true);
            }
        }
        if let Some(keys) = &prepared.keys
            && let Ok(parsed) = index::parse(Method::Str, false, element.key())
        {
            keys.put(&element, parsed, true);
        }
        prepared.elements.insert(element.number(), element);
    }

    /// Puts a version in the place of what is in force.
    fn exchange(&mut self, version: Prepared) -> Discarded {
        let mut indexes: Vec<Arc<dyn Send + Sync>> = Vec::new();
        for (at, used) in self.uses.iter().enumerate() {
            if self.is_repeated(at) {
                continue;
            }
            indexes.push(match version.indexes.get(at) {
                Some(Some(index)) => used.index.take(index),
                _ => used.index.take(&used.index.empty()),
            });
        }
        // Made again when a command asks for it, if the version has none.
        self.keys = version.keys.map(Arc::new);
        let elements = std::mem::replace(&mut self.elements, version.elements);
        Discarded { elements: vec![elements], _indexes: indexes }
    }

    fn find(&mut self, target: Target<'_>) -> Vec<Arc<Element>> {
        let key = match target {
            Target::Number(number) => return self.elements.get(&number).cloned().into_iter().collect(),
            Target::Key(key) => key,
        };
        let whole = |used: &&Use| used.index.method == Method::Str && !used.index.ignore_case;
        let index = match self.uses.iter().find(whole) {
            Some(used) => Arc::clone(&used.index),
            None => Arc::clone(self.keys.get_or_insert_with(|| Arc::new(key_index(&self.elements)))),
        };
        let mut found = Vec::new();
        index.each_of_key(key, &mut |element| found.push(Arc::clone(element)));
        found
    }
}

fn key_index(elements: &Elements) -> Index {
    let parsed = elements.values().filter_map(|element| {
        let parsed = index::parse(Method::Str, false, element.key()).ok()?;
        Some((Arc::clone(element), parsed))
    });
    Index::new(Method::Str, false, parsed)
}

fn unreadable(error: SampleError) -> PatternError {
    PatternError::Unreadable(error.message.trim_end_matches('.').to_owned())
}
