//! One line of a pattern file.

use std::fmt;
use std::sync::Arc;

/// A pattern, and in a map the value it stands for. Never changes: a new value is a new element in its place.
pub struct Element {
    /// Its number in the set: what `#<ref>` means, and the order of the set.
    number: u64,
    /// Line of the file, from 1; 0 for one that was added later.
    line: u32,
    key_len: u32,
    /// The key, then the value. One allocation, as there may be millions.
    text: Box<[u8]>,
}

impl fmt::Debug for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} => {}", String::from_utf8_lossy(self.key()), String::from_utf8_lossy(self.value()))
    }
}

impl Element {
    pub(super) fn new(number: u64, line: u32, key: &[u8], value: &[u8]) -> Arc<Self> {
        let mut text = Vec::with_capacity(key.len() + value.len());
        text.extend_from_slice(key);
        text.extend_from_slice(value);
        // Longer keys than 4 GiB do not fit into any file that is read; one would be cut.
        let key_len = u32::try_from(key.len()).unwrap_or(u32::MAX);
        Arc::new(Self { number, line, key_len, text: text.into() })
    }

    /// Its number in the set.
    pub fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn line(&self) -> u32 {
        self.line
    }

    /// The pattern as written.
    pub fn key(&self) -> &[u8] {
        self.text.get(..self.key_len as usize).unwrap_or(&self.text)
    }

    /// The value; empty outside of maps.
    pub fn value(&self) -> &[u8] {
        self.text.get(self.key_len as usize..).unwrap_or_default()
    }
}
