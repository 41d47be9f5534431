//! Checks that no compiler makes: the crates' arrows, the pure crates' bans, facts in the documents.

use crate::arrows::{self, ARROWS};
use crate::chore::{cargo, root};
use crate::sources;
use anyhow::{Context, bail};
use serde_json::Value;
use std::path::Path;

/// What a pure crate's `clippy.toml` must ban.
const BANNED: [&str; 5] =
    ["std::time::Instant::now", "std::time::SystemTime::now", "std::fs::", "std::net::", "std::env::"];

/// Files that a fresh clone must have at its top.
const TOP_FILES: [&str; 11] = [
    "Cargo.lock",
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "COMPATIBILITY.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "deny.toml",
    "rustfmt.toml",
    ".ci/run",
];

/// Runs every check and reports all that fail.
///
/// # Errors
/// When a check fails.
pub fn run() -> anyhow::Result<()> {
    let mut faults = Vec::new();
    let metadata = metadata()?;
    check_arrows(&metadata, &mut faults);
    check_lints(&metadata, &mut faults);
    check_purity(&mut faults);
    check_documents(&mut faults);
    sources::check(&mut faults)?;
    for fault in &faults {
        eprintln!("tidy: {fault}");
    }
    if !faults.is_empty() {
        bail!("{} faults", faults.len());
    }
    Ok(())
}

fn metadata() -> anyhow::Result<Value> {
    let output = cargo().args(["metadata", "--format-version", "1", "--no-deps", "--offline"]).output()?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice(&output.stdout).context("reading cargo metadata")
}

fn words<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn items<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn check_arrows(metadata: &Value, faults: &mut Vec<String>) {
    let packages = items(metadata, "packages");
    let is_ours = |name: &str| packages.iter().any(|package| words(package, "name") == name);
    for package in packages {
        let name = words(package, "name");
        let Some(arrow) = arrows::arrow(name) else {
            faults.push(format!("{name} has no row in xtask/src/arrows.rs"));
            continue;
        };
        for dependency in items(package, "dependencies") {
            let import = words(dependency, "name");
            let is_normal = dependency["kind"].is_null();
            if is_ours(import) && is_normal && !arrow.may.contains(&import) {
                faults.push(format!("{name} may not import {import}: see xtask/src/arrows.rs"));
            }
            if arrow.is_pure && is_normal && ["tokio", "nix", "socket2", "libc", "rand"].contains(&import) {
                faults.push(format!("{name} is pure and may not import {import}"));
            }
        }
    }
    for arrow in ARROWS.iter().filter(|arrow| !is_ours(arrow.name)) {
        faults.push(format!("{} is in xtask/src/arrows.rs and not in the workspace", arrow.name));
    }
}

fn check_lints(metadata: &Value, faults: &mut Vec<String>) {
    for package in items(metadata, "packages") {
        let manifest = std::fs::read_to_string(words(package, "manifest_path")).unwrap_or_default();
        let lines: Vec<&str> = manifest.lines().map(str::trim).collect();
        if !lines.windows(2).any(|pair| pair == ["[lints]", "workspace = true"]) {
            faults.push(format!("{} has no `[lints] workspace = true` in Cargo.toml", words(package, "name")));
        }
    }
}

fn check_purity(faults: &mut Vec<String>) {
    for arrow in ARROWS.iter().filter(|arrow| arrow.is_pure) {
        let path = root().join("crates").join(arrow.name).join("clippy.toml");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        for banned in BANNED.iter().filter(|banned| !text.contains(**banned)) {
            faults.push(format!("{} does not ban {banned}", path.display()));
        }
    }
}

fn check_documents(faults: &mut Vec<String>) {
    for file in TOP_FILES.iter().filter(|file| !root().join(file).is_file()) {
        faults.push(format!("{file} is missing"));
    }
    let readme = read("README.md");
    for command in ["cargo xtask demo", "cargo xtask test"] {
        if !readme.contains(command) {
            faults.push(format!("README.md does not show `{command}`"));
        }
    }
    let ci = read(".ci/run");
    for line in ci.lines().filter(|line| line.contains("cargo")) {
        let command = line.trim().trim_start_matches("exec ");
        if !readme.contains(command) {
            faults.push(format!("README.md does not show `{command}`, which .ci/run calls"));
        }
    }
    for document in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        for path in paths_in(&read(document)).filter(|path| !root().join(path).exists()) {
            faults.push(format!("{document} names {path}, which does not exist"));
        }
    }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_default()
}

/// Paths of the repository in backquotes or link targets.
fn paths_in(text: &str) -> impl Iterator<Item = &str> {
    text.split(['`', '(', ')'])
        .filter(|part| {
            ["crates/", "xtask/", "tests/", "fuzz/", "man/", "completions/", ".ci/"]
                .iter()
                .any(|top| part.starts_with(top))
        })
        .filter(|part| !part.contains(['*', '{', '<', ' ', '…']) && Path::new(part).components().count() > 1)
        .map(|part| part.split('#').next().unwrap_or(part))
}

#[cfg(test)]
mod tests {
    use super::paths_in;

    #[test]
    fn paths_are_found_in_text() {
        let text = "See `crates/lb-model/src/lib.rs`, [tests](tests/e2e) and `crates/*`, not `cargo test`.";
        assert_eq!(paths_in(text).collect::<Vec<_>>(), ["crates/lb-model/src/lib.rs", "tests/e2e"]);
    }
}
