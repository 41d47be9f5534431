//! What a table is asked to be, and how `store` is read.

use crate::{DataKind, KeyType, Shape};
use lb_model::{TimeUnit, parse_time};

/// Most elements of an array of counters or tags.
const MOST_ELEMENTS: usize = 100;

/// A type of data that a table keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// The type.
    pub kind: DataKind,
    /// Elements of an array, else 1.
    pub elements: usize,
    /// Period of a rate in milliseconds, else 0.
    pub period_ms: u64,
}

/// What identifies a server across processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ServerKey {
    /// Its name.
    #[default]
    Name,
    /// Its address and port.
    Addr,
}

/// A table as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSpec {
    /// Type of the keys.
    pub key: KeyType,
    /// Most entries.
    pub size: usize,
    /// How long an entry lives after it was last touched, in milliseconds. `None`: until its room is needed.
    pub expire_ms: Option<u64>,
    /// A full table refuses entries instead of dropping the oldest.
    pub nopurge: bool,
    /// What `server_key` holds.
    pub server_key: ServerKey,
    /// Bytes that count as one in the rates of bytes.
    pub bytes_factor: u64,
    /// What is kept, in the order of [`DataKind`].
    pub data: Vec<Stored>,
}

impl TableSpec {
    /// A table that keeps nothing but keys.
    pub const fn new(key: KeyType, size: usize) -> Self {
        Self {
            key,
            size,
            expire_ms: None,
            nopurge: false,
            server_key: ServerKey::Name,
            bytes_factor: 1,
            data: Vec::new(),
        }
    }

    /// Adds a type of data; one that is there already stays as it is.
    pub fn store(&mut self, stored: Stored) {
        if let Err(at) = self.data.binary_search_by_key(&stored.kind, |s| s.kind) {
            self.data.insert(at, stored);
        }
    }

    /// Where a type of data is kept: its position, and the index for one that an array replaces.
    pub(crate) fn find(&self, kind: DataKind, index: usize) -> Option<(usize, usize)> {
        let position = |kind| self.data.iter().position(|s| s.kind == kind);
        match position(kind) {
            Some(at) => Some((at, index)),
            None => kind.in_array().and_then(|(array, index)| Some((position(array)?, index))),
        }
        .filter(|(at, index)| self.data.get(*at).is_some_and(|s| *index < s.elements))
    }

    /// Whether a type of data is kept, itself or by an array.
    pub fn stores(&self, kind: DataKind) -> bool {
        self.find(kind, 0).is_some()
    }
}

/// Why a list of types was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No type has this name.
    #[error("unknown store option '{0}'.")]
    Unknown(String),
    /// A number or a period in parentheses is missing.
    #[error("missing argument to store option '{0}'.")]
    Missing(String),
    /// The type takes no argument.
    #[error("unexpected argument to store option '{0}'.")]
    Unexpected(String),
    /// An argument that is not what it should be.
    #[error("invalid argument to store option '{0}'.")]
    Invalid(String),
}

impl Stored {
    /// Reads a list as `store` takes it: `gpc0,conn_rate(30s),gpc(2)`.
    ///
    /// # Errors
    /// The first type that is wrong.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, StoreError> {
        let mut found = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(['(', ',']).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            let (arguments, after) = match after.strip_prefix('(') {
                None => (None, after),
                Some(inner) => {
                    let (arguments, after) =
                        inner.split_once(')').ok_or_else(|| StoreError::Invalid(name.to_owned()))?;
                    (Some(arguments), after)
                }
            };
            rest = after.strip_prefix(',').unwrap_or(after);
            if after.len() == rest.len() && !after.is_empty() {
                return Err(StoreError::Invalid(name.to_owned()));
            }
            found.push(Self::parse(name, arguments)?);
        }
        if found.is_empty() {
            return Err(StoreError::Unknown(text.to_owned()));
        }
        found.sort_by_key(|stored| stored.kind);
        Ok(found)
    }

    fn parse(name: &str, arguments: Option<&str>) -> Result<Self, StoreError> {
        let kind = DataKind::find(name).ok_or_else(|| StoreError::Unknown(name.to_owned()))?;
        let invalid = || StoreError::Invalid(name.to_owned());
        let missing = || StoreError::Missing(name.to_owned());
        let period = |text: &str| {
            let time = parse_time(text.trim(), TimeUnit::Millis).ok().filter(|time| !time.is_zero());
            time.map(|time| time.as_millis() as u64).ok_or_else(invalid)
        };
        let elements =
            |text: &str| text.trim().parse().ok().filter(|n| (1..=MOST_ELEMENTS).contains(n)).ok_or_else(invalid);
        let given = arguments.filter(|text| !text.is_empty());
        let (elements, period_ms) = match kind.shape() {
            Shape::Count | Shape::Total | Shape::Name => match given {
                None => (1, 0),
                Some(_) => return Err(StoreError::Unexpected(name.to_owned())),
            },
            Shape::Rate => (1, period(given.ok_or_else(missing)?)?),
            Shape::Counts => (elements(given.ok_or_else(missing)?)?, 0),
            Shape::Rates => {
                let (count, time) = given.ok_or_else(missing)?.split_once(',').ok_or_else(missing)?;
                (elements(count)?, period(time)?)
            }
        };
        Ok(Self { kind, elements, period_ms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        let read = |text: &str| {
            Stored::parse_list(text).map(|list| {
                let words: Vec<_> =
                    list.iter().map(|s| format!("{}*{}/{}", s.kind.name(), s.elements, s.period_ms)).collect();
                words.join(" ")
            })
        };
        assert_eq!(read("http_req_rate(10s),gpc0"), Ok("gpc0*1/0 http_req_rate*1/10000".into()));
        assert_eq!(read("gpc_rate(2, 1m),gpt(3)"), Ok("gpt*3/0 gpc_rate*2/60000".into()));
        assert_eq!(read("foo"), Err(StoreError::Unknown("foo".into())));
        assert_eq!(read("conn_rate"), Err(StoreError::Missing("conn_rate".into())));
        assert_eq!(read("conn_rate()"), Err(StoreError::Missing("conn_rate".into())));
        assert_eq!(read("gpc0(3)"), Err(StoreError::Unexpected("gpc0".into())));
        for bad in ["conn_rate(x)", "gpc(0)", "gpc(101)", "conn_rate(1s", "conn_rate(1s)x", "conn_rate(0)"] {
            let name = bad.split('(').next().unwrap_or_default();
            assert_eq!(read(bad), Err(StoreError::Invalid(name.into())), "{bad}");
        }
    }
}
