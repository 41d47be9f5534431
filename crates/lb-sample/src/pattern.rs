//! Patterns an ACL compares with: parsing them, matching them.

mod address;
mod number;
mod text;

use crate::args;
use crate::sample::Type;
use crate::{Sample, SampleError};
use address::Networks;
use number::Ranges;
use regex::bytes::Regex;
use text::Exact;

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

/// All patterns of one ACL.
#[derive(Debug)]
pub(crate) struct Patterns {
    method: Method,
    ranges: Ranges,
    networks: Networks,
    /// `-i` holds for the patterns after it, so both kinds may be present.
    exact: Exact,
    exact_ignoring_case: Exact,
    texts: Vec<Text>,
    regexes: Vec<Regex>,
    count: usize,
}

#[derive(Debug)]
struct Text {
    bytes: Box<[u8]>,
    ignore_case: bool,
}

impl Patterns {
    pub(crate) fn new(method: Method) -> Self {
        Self {
            method,
            ranges: Ranges::default(),
            networks: Networks::default(),
            exact: Exact::new(false),
            exact_ignoring_case: Exact::new(true),
            texts: Vec::new(),
            regexes: Vec::new(),
            count: 0,
        }
    }

    pub(crate) fn method(&self) -> Method {
        self.method
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Reads one pattern. Numbers also take operators, which hold for the numbers after them.
    pub(crate) fn push(&mut self, word: &str, ignore_case: bool) -> Result<(), SampleError> {
        self.count += 1;
        match self.method {
            Method::Found | Method::Bool => {}
            Method::Int | Method::Len => self.ranges.push(word)?,
            Method::Ip => self.networks.push(word)?,
            Method::Bin => self.exact.push(&args::hex(word)?),
            Method::Str if ignore_case => self.exact_ignoring_case.push(word.as_bytes()),
            Method::Str => self.exact.push(word.as_bytes()),
            Method::Reg => self.regexes.push(args::regex(word, ignore_case)?),
            Method::Sub | Method::Beg | Method::End => self.push_text(word.as_bytes(), ignore_case),
            Method::Dir => self.push_text(text::trim_delimiters(word.as_bytes(), text::DIRECTORY), ignore_case),
            Method::Dom => self.push_text(text::trim_delimiters(word.as_bytes(), text::DOMAIN), ignore_case),
        }
        Ok(())
    }

    fn push_text(&mut self, bytes: &[u8], ignore_case: bool) {
        self.texts.push(Text { bytes: bytes.into(), ignore_case });
    }

    /// Makes the patterns ready for matching.
    pub(crate) fn finish(&mut self) {
        self.exact.finish();
        self.exact_ignoring_case.finish();
        self.networks.finish();
    }

    /// Whether the value matches any pattern.
    pub(crate) fn matches(&self, sample: &Sample<'_>) -> bool {
        match self.method {
            Method::Found => true,
            Method::Bool => sample.to_bool().unwrap_or(false),
            Method::Int => sample.to_int().is_some_and(|n| self.ranges.contains(n)),
            Method::Len => sample.with_text(|t| i64::try_from(t.len()).is_ok_and(|n| self.ranges.contains(n))),
            Method::Ip => sample.to_ip().is_some_and(|ip| self.networks.contains(ip)),
            Method::Bin => sample.with_bytes(|b| self.exact.contains(b)),
            Method::Str => sample.with_text(|t| self.exact.contains(t) || self.exact_ignoring_case.contains(t)),
            Method::Reg => sample.with_text(|t| self.regexes.iter().any(|r| r.is_match(t))),
            Method::Sub => self.any_text(sample, text::contains),
            Method::Beg => self.any_text(sample, text::begins),
            Method::End => self.any_text(sample, text::ends),
            Method::Dir => self.any_text(sample, |t, p, i| text::contains_part(t, p, i, text::DIRECTORY)),
            Method::Dom => self.any_text(sample, |t, p, i| text::contains_part(t, p, i, text::DOMAIN)),
        }
    }

    fn any_text(&self, sample: &Sample<'_>, test: impl Fn(&[u8], &[u8], bool) -> bool) -> bool {
        sample.with_text(|t| self.texts.iter().any(|p| test(t, &p.bytes, p.ignore_case)))
    }
}
