//! Patterns: sets of them, by file or by line, and how values are compared with them.

mod address;
mod element;
mod index;
mod list;
mod number;
mod output;
mod set;
mod sets;
mod table;
mod text;

pub use element::Element;
pub(crate) use number::Operator;
pub(crate) use output::Output;
pub use set::{Answer, Discarded, Entry, PatternError, PatternSet, Target};
pub(crate) use sets::Matcher;
pub use sets::{PatternSets, split_entry};

use crate::SampleError;
use crate::sample::Type;

/// Whether a method can read a pattern.
pub(crate) fn check(method: Method, ignore_case: bool, pattern: &str) -> Result<(), SampleError> {
    index::parse(method, ignore_case, pattern.as_bytes()).map(|_| ())
}

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// There is a value.
    Found,
    /// The value is not zero.
    Bool,
    /// In a range of numbers.
    Int,
    /// In a network.
    Ip,
    /// The same bytes.
    Bin,
    /// The text's length is in a range.
    Len,
    /// The same text.
    Str,
    /// Contains a text.
    Sub,
    /// A regular expression.
    Reg,
    /// Begins with a text.
    Beg,
    /// Ends with a text.
    End,
    /// Has a text between slashes.
    Dir,
    /// Has a text between dots, slashes, colons or question marks.
    Dom,
}

impl Method {
    const NAMES: [(&'static str, Self); 13] = [
        ("found", Self::Found),
        ("bool", Self::Bool),
        ("int", Self::Int),
        ("ip", Self::Ip),
        ("bin", Self::Bin),
        ("len", Self::Len),
        ("str", Self::Str),
        ("sub", Self::Sub),
        ("reg", Self::Reg),
        ("beg", Self::Beg),
        ("end", Self::End),
        ("dir", Self::Dir),
        ("dom", Self::Dom),
    ];

    /// From the word after `-m`, or after the `_` of an ACL keyword.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(name, _)| *name == word).map(|(_, method)| *method)
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, method)| *method == self).map_or("", |(name, _)| name)
    }

    /// What a type is compared with when nothing is said.
    pub(crate) fn default_for(output: Type) -> Option<Self> {
        Some(match output {
            Type::Bool => Self::Bool,
            Type::Int => Self::Int,
            Type::Ipv4 | Type::Ipv6 | Type::Addr => Self::Ip,
            Type::Str | Type::Method => Self::Str,
            // A variable may hold anything.
            Type::Bin | Type::Any => return None,
        })
    }

    /// Whether patterns have no meaning for it.
    pub(crate) fn needs_no_pattern(self) -> bool {
        matches!(self, Self::Found | Self::Bool)
    }
}
