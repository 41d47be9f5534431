//! Metrics of what has no row in `show stat`: stick tables and name servers.

use crate::metrics::{Kind, write_head, write_label};
use crate::value::Value;
use std::io::Write as _;

/// A metric whose samples are whole numbers under two labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtherFamily {
    scope: &'static str,
    suffix: &'static str,
    description: &'static str,
    kind: Kind,
    labels: [&'static str; 2],
}

/// Metrics of stick tables: size, entries in use, updates made here.
pub const TABLE_FAMILIES: [OtherFamily; 3] = [
    table("size", "Entries that the stick table holds at most"),
    table("used", "Entries that the stick table holds"),
    table("local_updates", "Updates of the stick table's entries made here, told to peers"),
];

/// Metrics of name servers, in the order of the columns of `show stat domain resolvers`.
pub const RESOLVER_FAMILIES: [OtherFamily; 15] = [
    resolver("sent", "Questions sent"),
    resolver("send_error", "Questions that could not be sent"),
    resolver("valid", "Answers that were understood"),
    resolver("update", "Answers that changed an address"),
    resolver("cname", "Answers that held an alias alone"),
    resolver("cname_error", "Answers whose alias was wrong"),
    resolver("any_err", "Answers without any record"),
    resolver("nx", "Answers that there is no such name"),
    resolver("timeout", "Questions without an answer in time"),
    resolver("refused", "Answers that the server refuses"),
    resolver("other", "Answers with any other fault"),
    resolver("invalid", "Answers that were not understood"),
    resolver("too_big", "Answers that were too large"),
    resolver("truncated", "Answers that were cut off"),
    resolver("outdated", "Answers that came too late"),
];

const fn table(suffix: &'static str, description: &'static str) -> OtherFamily {
    OtherFamily { scope: "sticktable", suffix, description, kind: Kind::Gauge, labels: ["name", "type"] }
}

const fn resolver(suffix: &'static str, description: &'static str) -> OtherFamily {
    OtherFamily { scope: "resolver", suffix, description, kind: Kind::Counter, labels: ["resolver", "nameserver"] }
}

impl OtherFamily {
    /// Whether this is its name.
    pub fn is_named(&self, name: &str) -> bool {
        let rest = name.strip_prefix("haproxy_").and_then(|rest| rest.strip_prefix(self.scope));
        rest.and_then(|rest| rest.strip_prefix('_')) == Some(self.suffix)
    }

    /// The two comment lines before the first sample.
    pub fn write_head(&self, out: &mut Vec<u8>) {
        write_head(self.scope, self.suffix, self.description, self.kind, out);
    }

    /// One sample.
    pub fn write(&self, labels: [&str; 2], value: u64, out: &mut Vec<u8>) {
        // Writing to a vector cannot fail.
        let _ = write!(out, "haproxy_{}_{}{{{}=\"", self.scope, self.suffix, self.labels[0]);
        write_label(&Value::from(labels[0]), out);
        let _ = write!(out, "\",{}=\"", self.labels[1]);
        write_label(&Value::from(labels[1]), out);
        let _ = writeln!(out, "\"}} {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_have_their_labels() {
        let mut out = Vec::new();
        TABLE_FAMILIES[1].write_head(&mut out);
        TABLE_FAMILIES[1].write(["a\"b", "ip"], 7, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "# HELP haproxy_sticktable_used Entries that the stick table holds\n# TYPE haproxy_sticktable_used gauge\n\
             haproxy_sticktable_used{name=\"a\\\"b\",type=\"ip\"} 7\n"
        );
        assert!(RESOLVER_FAMILIES[0].is_named("haproxy_resolver_sent"));
        assert!(!RESOLVER_FAMILIES[0].is_named("haproxy_resolver_valid"));
    }
}
