//! The bill of materials in CycloneDX's JSON: every crate that the two programs are made of.

use crate::chore::cargo;
use anyhow::Context;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The programs.
const ROOTS: [&str; 2] = ["lbd", "lbctl"];

/// The document, for a version of the programs.
///
/// # Errors
/// When cargo does not tell.
pub fn cyclonedx(version: &str) -> anyhow::Result<String> {
    let output = cargo().args(["metadata", "--format-version=1", "--locked"]).output().context("starting cargo")?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::to_string_pretty(&document(&serde_json::from_slice(&output.stdout)?, version))? + "\n")
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// Only what is linked counts: neither crates for tests nor those that run while others are built.
fn needs(node: &Value) -> Vec<&str> {
    let linked = |dep: &&Value| list(dep, "dep_kinds").any(|kind| kind.get("kind").is_some_and(Value::is_null));
    list(node, "deps").filter(linked).map(|dep| text(dep, "pkg")).collect()
}

fn document(metadata: &Value, version: &str) -> Value {
    let packages: BTreeMap<&str, &Value> = list(metadata, "packages").map(|p| (text(p, "id"), p)).collect();
    let empty = Value::Null;
    let graph = metadata.get("resolve").unwrap_or(&empty);
    let nodes: BTreeMap<&str, Vec<&str>> = list(graph, "nodes").map(|node| (text(node, "id"), needs(node))).collect();
    let mut reached: BTreeSet<&str> = BTreeSet::new();
    let roots = packages.iter().filter(|(_, package)| ROOTS.contains(&text(package, "name"))).map(|(id, _)| *id);
    let mut ahead: Vec<&str> = roots.collect();
    while let Some(id) = ahead.pop() {
        if reached.insert(id) {
            ahead.extend(nodes.get(id).into_iter().flatten());
        }
    }
    let name_of = |id: &str| packages.get(id).map(|package| purl(package)).unwrap_or_default();
    let components: Vec<Value> = reached.iter().filter_map(|id| packages.get(id)).map(|p| component(p)).collect();
    let dependencies: Vec<Value> = reached
        .iter()
        .map(|id| {
            let on: BTreeSet<String> = nodes.get(id).into_iter().flatten().map(|id| name_of(id)).collect();
            json!({ "ref": name_of(id), "dependsOn": on })
        })
        .collect();
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": { "type": "application", "name": "lbd", "version": version, "bom-ref": "lbd-and-lbctl" },
        },
        "components": components,
        "dependencies": dependencies,
    })
}

fn purl(package: &Value) -> String {
    format!("pkg:cargo/{}@{}", text(package, "name"), text(package, "version"))
}

fn component(package: &Value) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": purl(package),
        "purl": purl(package),
        "name": text(package, "name"),
        "version": text(package, "version"),
    });
    // An older way of writing "or", which CycloneDX does not know.
    let licence = text(package, "license").replace('/', " OR ");
    let mut add = |key: &str, value: Value| {
        if let Some(fields) = component.as_object_mut() {
            fields.insert(key.to_owned(), value);
        }
    };
    if !licence.is_empty() {
        add("licenses", json!([{ "expression": licence }]));
    }
    if !text(package, "repository").is_empty() {
        add("externalReferences", json!([{ "type": "vcs", "url": text(package, "repository") }]));
    }
    component
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bill_holds_what_is_linked_and_nothing_else() {
        let text = cyclonedx("1.2.3").unwrap();
        let bill: Value = serde_json::from_str(&text).unwrap();
        let names: BTreeSet<&str> = list(&bill, "components").map(|c| super::text(c, "name")).collect();
        for there in ["lbd", "lbctl", "lb-engine", "tokio", "rustls", "nix"] {
            assert!(names.contains(there), "{there}");
        }
        for absent in ["lb-testkit", "expect-test", "xtask", "rcgen"] {
            assert!(!names.contains(absent), "{absent}");
        }
        let references: BTreeSet<&str> = list(&bill, "components").map(|c| super::text(c, "bom-ref")).collect();
        for dependency in list(&bill, "dependencies") {
            assert!(references.contains(super::text(dependency, "ref")));
            for on in list(dependency, "dependsOn") {
                assert!(references.contains(on.as_str().unwrap()), "{on}");
            }
        }
    }
}
