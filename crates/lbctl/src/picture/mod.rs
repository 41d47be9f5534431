//! A node as data: what it has and how each thing is set, so that two pictures can be laid side by side.
//!
//! A picture is made of a running node (`node`), of its configuration (`configured`) or of a file that `lbctl
//! snapshot` wrote. What one of two does not know is not compared: a configuration has no statuses.

mod configured;
mod node;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use configured::configured;
pub use node::{Extra, of_node};

/// Settings of one object by name.
pub type Settings = BTreeMap<String, Value>;

/// One node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    /// Its name.
    #[serde(default)]
    pub node: String,
    /// Where it was asked.
    #[serde(default)]
    pub address: String,
    /// `show info`; not compared.
    #[serde(default)]
    pub info: Settings,
    /// Its objects: kind, name, settings. A kind that is not there was not looked at.
    #[serde(flatten)]
    pub kinds: BTreeMap<String, BTreeMap<String, Object>>,
}

/// One object.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Object {
    /// How it is set: compared.
    pub settings: Settings,
    /// What it counts: not compared.
    #[serde(default, skip_serializing_if = "Settings::is_empty")]
    pub statistics: Settings,
}

/// One difference.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// `servers`, `frontends`, …
    pub kind: String,
    /// The object's name.
    pub object: String,
    /// The setting; `there` when only one of the two has the object.
    pub setting: String,
    /// On the first side.
    pub before: Value,
    /// On the second side.
    pub after: Value,
}

/// The setting's name for an object that only one side has.
pub const THERE: &str = "there";

impl Picture {
    /// Adds an object.
    fn add(&mut self, kind: &str, name: impl Into<String>, object: Object) {
        self.kinds.entry(kind.to_owned()).or_default().insert(name.into(), object);
    }

    /// Says that a kind was looked at, also where there is nothing of it.
    fn looked_at(&mut self, kind: &str) {
        self.kinds.entry(kind.to_owned()).or_default();
    }

    /// What the second has otherwise.
    pub fn compare(&self, other: &Self) -> Vec<Difference> {
        let mut found = Vec::new();
        for (kind, before) in &self.kinds {
            let Some(after) = other.kinds.get(kind) else { continue };
            let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for name in names {
                let difference = |setting: &str, before: Value, after: Value| Difference {
                    kind: kind.clone(),
                    object: name.clone(),
                    setting: setting.to_owned(),
                    before,
                    after,
                };
                match (before.get(name), after.get(name)) {
                    (Some(before), Some(after)) => {
                        // Entries of a map or list are the settings there: one that only one side has differs.
                        let keys: BTreeSet<&String> = match kind.as_str() {
                            MAPS | ACLS => before.settings.keys().chain(after.settings.keys()).collect(),
                            _ => before.settings.keys().filter(|key| after.settings.contains_key(*key)).collect(),
                        };
                        let value = |of: &Object, key: &str| of.settings.get(key).cloned().unwrap_or(Value::Null);
                        let both = keys.into_iter().map(|key| (key, value(before, key), value(after, key)));
                        found.extend(both.filter(|(_, a, b)| a != b).map(|(key, a, b)| difference(key, a, b)));
                    }
                    (before, after) => {
                        found.push(difference(THERE, before.is_some().into(), after.is_some().into()));
                    }
                }
            }
        }
        found
    }
}

/// Kinds of objects.
pub const SERVERS: &str = "servers";
/// Those that accept connections.
pub const FRONTENDS: &str = "frontends";
/// Those that have servers.
pub const BACKENDS: &str = "backends";
/// Keys and values.
pub const MAPS: &str = "maps";
/// Patterns of ACLs.
pub const ACLS: &str = "acls";
/// Stick tables.
pub const TABLES: &str = "tables";

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(text: &str) -> Picture {
        serde_json::from_str(text).unwrap()
    }

    fn told(before: &str, after: &str) -> Vec<String> {
        let line = |d: Difference| format!("{} {} {}: {} -> {}", d.kind, d.object, d.setting, d.before, d.after);
        picture(before).compare(&picture(after)).into_iter().map(line).collect()
    }

    #[test]
    fn differences() {
        let before = r#"{"servers": {"app/a": {"settings": {"weight": 1, "state": "ready"}}, "app/b": {"settings": {}}},
                         "maps": {"m": {"settings": {"k": "1", "gone": "x"}}}}"#;
        let after = r#"{"servers": {"app/a": {"settings": {"weight": 2, "status": "UP"}, "statistics": {"scur": 4}},
                         "app/c": {"settings": {}}}, "frontends": {"f": {"settings": {}}},
                         "maps": {"m": {"settings": {"k": "1", "new": "y"}}}}"#;
        assert_eq!(
            told(before, after),
            [
                r#"maps m gone: "x" -> null"#,
                r#"maps m new: null -> "y""#,
                "servers app/a weight: 1 -> 2",
                "servers app/b there: true -> false",
                "servers app/c there: false -> true",
            ]
        );
        assert_eq!(told(before, before), Vec::<String>::new());
        let again = serde_json::to_string(&picture(after)).unwrap();
        assert_eq!(picture(&again), picture(after));
    }
}
