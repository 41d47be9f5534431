//! Sample fetches: where values come from. One table; each row names its reader.

mod answer;
mod headers;
mod payload;
pub(crate) mod request;
mod secure;
mod stream;
pub(crate) mod table;

use crate::args::{Arg, ArgKind, Signature};
use crate::place::Source;
use crate::sample::Type;
use crate::{Context, Sample};
use std::ops::ControlFlow;

/// Reads one value.
pub(crate) type One = for<'a> fn(&'a dyn Context, &'a [Arg]) -> Option<Sample<'a>>;
/// Visits every value, for ACLs.
pub(crate) type Each = for<'a> fn(&'a dyn Context, &'a [Arg], &mut dyn FnMut(Sample<'a>) -> ControlFlow<()>);

/// A row of the table.
pub(crate) struct Fetch {
    pub(crate) name: &'static str,
    pub(crate) signature: Signature,
    pub(crate) output: Type,
    pub(crate) source: Source,
    pub(crate) one: One,
    /// For fetches that have several values; ACLs try them all.
    pub(crate) each: Option<Each>,
}

const fn row(name: &'static str, output: Type, source: Source, one: One) -> Fetch {
    Fetch { name, signature: Signature { kinds: &[], required: 0 }, output, source, one, each: None }
}

impl Fetch {
    /// With arguments, `required` of them mandatory.
    const fn args(mut self, kinds: &'static [ArgKind], required: usize) -> Self {
        self.signature = Signature { kinds, required };
        self
    }

    /// With several values.
    const fn each(mut self, each: Each) -> Self {
        self.each = Some(each);
        self
    }
}

/// Finds a fetch by its name.
pub(crate) fn find(name: &str) -> Option<&'static Fetch> {
    TABLES.iter().flat_map(|rows| rows.iter()).find(|f| f.name == name)
}

/// All names, for suggestions.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    TABLES.iter().flat_map(|rows| rows.iter()).map(|f| f.name)
}

const TABLES: [&[Fetch]; 10] = [
    answer::ROWS,
    payload::ROWS,
    stream::ROWS,
    request::ROWS,
    headers::ROWS,
    secure::ROWS,
    table::COUNTERS,
    table::ENTRIES,
    table::ELEMENTS,
    table::TABLES,
];

/// Fetches HAProxy has and this program has not: prefixes of families, then single names.
pub(crate) fn is_known_elsewhere(name: &str) -> bool {
    const FAMILIES: [&str; 4] = ["ssl_", "internal.", "fcgi.", "distcc_"];
    const NAMES: &[&str] = &[
        "acl",
        "aes",
        "bc_err",
        "bc_err_name",
        "bc_err_str",
        "bc_glitches",
        "bc_nb_streams",
        "bc_rtt",
        "bc_rttvar",
        "be_connect_timeout",
        "be_max_retries",
        "be_queue_timeout",
        "be_tarpit_timeout",
        "bs.aborted",
        "bs.id",
        "cookie",
        "cpu_calls",
        "cpu_ns_avg",
        "cpu_ns_tot",
        "cpu_usage_grp",
        "cpu_usage_proc",
        "cpu_usage_thr",
        "dump_all_vars",
        "fc_fackets",
        "fc_glitches",
        "fc_lost",
        "fc_nb_streams",
        "fc_reordering",
        "fc_retrans",
        "fc_rtt",
        "fc_rttvar",
        "fc_sacked",
        "fc_saved_syn",
        "fc_unacked",
        "fe_tarpit_timeout",
        "fs.aborted",
        "fs.id",
        "last_entity",
        "last_rule_file",
        "last_rule_line",
        "lat_ns_avg",
        "lat_ns_tot",
        "prio_class",
        "prio_offset",
        "quic_enabled",
        "req.cook_names",
        "req.hdrs_bin",
        "res.cache_hit",
        "res.cache_name",
        "res.comp",
        "res.comp_algo",
        "res.cook_names",
        "res.hdrs_bin",
        "term_events",
        "tgroup",
        "waiting_entity",
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
        let supported_families = ["src_port", "src_is_local"];
        let supported = |name: &&str| supported_families.contains(name) || name.starts_with("ssl_");
        for name in all.iter().filter(|n| !supported(n)) {
            assert!(!is_known_elsewhere(name), "{name}");
        }
    }
}
