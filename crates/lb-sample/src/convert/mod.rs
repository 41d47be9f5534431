//! Converters: what is made of a value. One table; each row names its function.

pub(crate) mod base64;
pub(crate) mod crypto;
mod digest;
mod json;
pub(crate) mod map;
mod number;
mod table;
mod text;
mod time;

pub(crate) use text::expand;

use crate::args::{Arg, ArgKind, Signature};
use crate::sample::Type;
use crate::{Context, Sample};

/// Makes another value; `None` when the value does not allow it.
pub(crate) type Function = for<'a> fn(Sample<'a>, &'a [Arg], &'a dyn Context) -> Option<Sample<'a>>;

/// A row of the table.
pub(crate) struct Converter {
    pub(crate) name: &'static str,
    pub(crate) signature: Signature,
    pub(crate) input: Type,
    pub(crate) output: Type,
    pub(crate) function: Function,
}

const fn row(name: &'static str, input: Type, output: Type, function: Function) -> Converter {
    Converter { name, signature: Signature { kinds: &[], required: 0 }, input, output, function }
}

impl Converter {
    /// With arguments, `required` of them mandatory.
    const fn args(mut self, kinds: &'static [ArgKind], required: usize) -> Self {
        self.signature = Signature { kinds, required };
        self
    }
}

const TABLES: [&[Converter]; 9] =
    [number::ROWS, text::ROWS, digest::ROWS, crypto::ROWS, json::ROWS, time::ROWS, table::ROWS, map::ROWS, map::OTHERS];

/// Finds a converter by its name.
pub(crate) fn find(name: &str) -> Option<&'static Converter> {
    TABLES.iter().flat_map(|rows| rows.iter()).find(|c| c.name == name)
}

/// All names, for suggestions.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    TABLES.iter().flat_map(|rows| rows.iter()).map(|c| c.name)
}

/// Converters HAProxy has and this program has not.
pub(crate) fn is_known_elsewhere(name: &str) -> bool {
    const FAMILIES: [&str; 9] =
        ["jwt_decrypt", "jwt_verify", "aes_", "mqtt_", "fix_", "eth.", "ip.", "tcp.", "rfc7239_"];
    const NAMES: &[&str] = &[
        "capture-req",
        "capture-res",
        "debug",
        "fe_exists",
        "language",
        "le2dec",
        "protobuf",
        "srv_is_up",
        "srv_queue",
        "ungrpc",
        "wt6",
        "when",
        "x509_v_err_str",
        "xxh3",
    ];
    FAMILIES.iter().any(|f| name.starts_with(f)) || NAMES.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_not_also_missing() {
        let all: Vec<_> = names().collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        for name in all {
            assert!(!is_known_elsewhere(name), "{name}");
        }
    }
}
