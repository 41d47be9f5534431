//! Every command has a snapshot of its success and of a failure.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use regex::Regex;

/// Commands whose success or failure is told elsewhere, or that have none, and why.
const ELSEWHERE: &[(&str, bool, &str)] = &[
    ("check", true, "its answer holds times and ports: `looking` reads it"),
    ("completion", true, "its scripts are files of the repository, compared by a suite of their own"),
    ("snapshot", true, "its answer holds times and counters: `diffs` compares two"),
];

/// What a chunk of a suite's text runs, and the exit statuses its snapshots hold.
fn snapshots(text: &str) -> Vec<(String, Vec<i32>)> {
    let start = Regex::new(r#"check(?:_each|_stdin)?\((?:\s|&\w+,)*&?(?:format!\(\s*)?"((?:[^"\\]|\\.)*)""#).unwrap();
    let exit = Regex::new(r"--- exit (\d+)").unwrap();
    let found: Vec<_> = start.captures_iter(text).collect();
    let ends = found.iter().skip(1).map(|c| c.get(0).unwrap().start()).chain([text.len()]);
    // Several at once: what was run stands in the snapshot, above what all of them said.
    let mut listed: Vec<(String, Vec<i32>)> = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(line) = line.strip_prefix("$ lbctl ") {
            listed.push((line.to_owned(), Vec::new()));
        } else if let Some(code) = line.strip_prefix("--- exit ") {
            let code = code.parse().unwrap();
            listed.iter_mut().rev().take_while(|(_, exits)| exits.is_empty()).for_each(|(_, exits)| exits.push(code));
        }
    }
    let chunks = found.iter().zip(ends).map(|(c, end)| {
        let begin = c.get(0).unwrap().start();
        let exits = exit.captures_iter(&text[begin..end]).map(|e| e[1].parse().unwrap()).collect();
        (c[1].to_owned(), exits)
    });
    chunks.chain(listed).collect()
}

#[test]
fn every_command_has_snapshots() {
    let commands = lbctl::commands();
    let mut seen: BTreeMap<&str, BTreeSet<i32>> = commands.iter().map(|c| (c.as_str(), BTreeSet::new())).collect();
    let suites = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/commands");
    for suite in std::fs::read_dir(suites).unwrap() {
        let text = std::fs::read_to_string(suite.unwrap().path()).unwrap();
        for (line, exits) in snapshots(&text) {
            // Options may stand before the command.
            let words: Vec<&str> = line.split_whitespace().collect();
            let of = |from: usize| {
                let fits = |c: &&String| {
                    let own: Vec<&str> = c.split(' ').collect();
                    words[from..].starts_with(&own)
                };
                commands.iter().filter(fits).max_by_key(|c| c.len())
            };
            if let Some(command) = (0..words.len().min(5)).find_map(of) {
                seen.get_mut(command.as_str()).unwrap().extend(exits);
            }
        }
    }
    let mut missing = Vec::new();
    for (command, exits) in &seen {
        let excused = |success: bool| ELSEWHERE.iter().any(|(c, s, _)| c == command && *s == success);
        if !exits.contains(&0) && !excused(true) {
            missing.push(format!("{command}: success"));
        }
        if !exits.iter().any(|exit| *exit != 0) && !excused(false) {
            missing.push(format!("{command}: failure"));
        }
    }
    assert!(missing.is_empty(), "without a snapshot:\n{}", missing.join("\n"));
    for (command, success, why) in ELSEWHERE {
        let exits = seen.get(command).unwrap_or_else(|| panic!("there is no {command}"));
        assert!(!exits.iter().any(|exit| (*exit == 0) == *success), "{command} has a snapshot: strike out '{why}'");
    }
}
