//! What a map's values are.

use crate::{Sample, SampleError};
use std::net::IpAddr;

/// The kind of value a map converter yields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// Text.
    Str,
    /// A number: `map_…_int`.
    Int,
    /// An address: `map_…_ip`.
    Ip,
    /// The key that matched: `map_…_key`.
    Key,
    /// Text with `\1` to `\9` standing for the groups of the regular expression: `map_regm`.
    Groups,
}

impl Output {
    /// Whether a value can be read.
    pub(super) fn check(self, value: &[u8]) -> Result<(), SampleError> {
        match self.sample(value) {
            Some(_) => Ok(()),
            None => Err(SampleError::new(format!("unable to parse '{}'", String::from_utf8_lossy(value)))),
        }
    }

    /// The value as a sample.
    pub(crate) fn sample(self, value: &[u8]) -> Option<Sample<'static>> {
        let text = || std::str::from_utf8(value).ok();
        match self {
            Self::Str | Self::Key | Self::Groups => Some(Sample::owned(value.to_vec())),
            Self::Int => text()?.parse().ok().map(Sample::Int),
            Self::Ip => text()?.parse::<IpAddr>().ok().map(Sample::Ip),
        }
    }

    /// The name of a value's type in the Runtime API.
    pub(super) fn type_name(self, value: &[u8]) -> &'static str {
        self.sample(value).map_or("str", |sample| sample.type_name())
    }
}
