//! Every command has snapshots of its success and of each way in which it can fail. The suites run them on both engines.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use regex::Regex;

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Done,
    Refused,
    Usage,
    Unreachable,
    Denied,
    NotFound,
    Deadline,
    Guard,
    Partial,
    Interrupted,
}
use End::{Deadline, Denied, Done, Guard, Interrupted, NotFound, Partial, Refused, Unreachable, Usage};

impl End {
    /// By the exit status, and by the words where one status means two things.
    fn of(code: i32, told: &str) -> Self {
        match code {
            0 => Done,
            1 => Refused,
            2 => Usage,
            3 if told.contains("Permission denied") => Denied,
            3 => Unreachable,
            4 => NotFound,
            5 => Deadline,
            6 => Guard,
            7 => Partial,
            130 => Interrupted,
            other => unreachable!("{other} is no exit status of lbctl"),
        }
    }
}

/// What commands of a kind can end in, besides [`Done`] and [`Usage`], which all can.
const CAN: &[(&[&str], &[End])] = &[
    // Whatever asks a node.
    (
        &[
            "show servers",
            "show backends",
            "show frontends",
            "show stat",
            "show info",
            "show tables",
            "show maps",
            "show acls",
            "show certs",
            "show checks",
            "explain",
            "top",
            "map get",
        ],
        &[Unreachable, NotFound, Partial],
    ),
    (&["doctor", "diff"], &[Unreachable, Partial]),
    (&["snapshot"], &[Unreachable]),
    (&["show sessions"], &[Unreachable, Denied, NotFound, Partial]),
    (&["show errors"], &[Unreachable, Denied, Partial]),
    (&["show servers"], &[Interrupted]),
    (&["raw"], &[Refused, Unreachable, Denied, NotFound, Guard, Partial]),
    (&["exec"], &[Unreachable, NotFound]),
    (&["check"], &[Unreachable, NotFound]),
    // Whatever changes one.
    (
        &["maint", "weight", "health", "kill-sessions", "server addr", "server del", "table set", "table clear"],
        &[Unreachable, Denied, NotFound, Guard, Partial],
    ),
    (&["map set", "map del", "map clear", "map load"], &[Unreachable, Denied, NotFound, Guard, Partial]),
    (&["acl add", "acl del", "acl clear", "acl load"], &[Unreachable, Denied, NotFound, Guard, Partial]),
    (&["cert set", "cert del"], &[Unreachable, Denied, NotFound, Guard, Partial]),
    (&["cert new", "counters clear"], &[Unreachable, Denied, Guard, Partial]),
    (&["agent"], &[Unreachable, Denied, NotFound, Guard]),
    (&["drain", "ready"], &[Unreachable, Denied, NotFound, Deadline, Guard, Partial, Interrupted]),
    (&["roll"], &[Refused, Unreachable, Denied, NotFound, Deadline, Guard, Interrupted]),
    (&["wait"], &[Unreachable, NotFound, Deadline, Partial, Interrupted]),
    (&["server add"], &[Refused, Unreachable, Denied, NotFound, Guard, Partial]),
    // Where the engine may have its own reasons.
    (&["weight", "health", "agent", "acl add", "acl load", "cert set", "cert new", "ready"], &[Refused]),
    // What is kept here.
    (&["undo"], &[Refused, NotFound, Guard]),
    (&["convert"], &[Partial]),
    (&["context use", "context discover"], &[NotFound]),
];

/// Ends that are told elsewhere, or that a command cannot have, and why.
const ELSEWHERE: &[(&str, End, &str)] = &[
    ("check", Done, "its answer holds times and ports: `looking` reads it"),
    ("completion", Done, "its scripts are files of the repository, compared by a suite of their own"),
    ("snapshot", Done, "its answer holds times and counters: `diffs` compares two"),
];

/// What a chunk of a suite's text runs, and the ends its snapshots hold.
fn snapshots(text: &str) -> Vec<(String, BTreeSet<End>)> {
    let start = Regex::new(r#"check(?:_each|_stdin)?\((?:\s|&\w+,)*&?(?:format!\(\s*)?"((?:[^"\\]|\\.)*)""#).unwrap();
    let exit = Regex::new(r"(?s)(.*?)--- exit (\d+)").unwrap();
    let found: Vec<_> = start.captures_iter(text).collect();
    let ends = found.iter().skip(1).map(|c| c.get(0).unwrap().start()).chain([text.len()]);
    let chunks = found.iter().zip(ends).map(|(c, end)| {
        let begin = c.get(0).unwrap().start();
        let told = exit.captures_iter(&text[begin..end]).map(|e| End::of(e[2].parse().unwrap(), &e[1])).collect();
        (c[1].to_owned(), told)
    });
    // Several at once: what was run stands in the snapshot, above what all of them said.
    let mut listed: Vec<(String, BTreeSet<End>)> = Vec::new();
    let mut told = String::new();
    for line in text.lines().map(str::trim) {
        if let Some(line) = line.strip_prefix("$ lbctl ") {
            listed.push((line.to_owned(), BTreeSet::new()));
            told.clear();
        } else if let Some(code) = line.strip_prefix("--- exit ") {
            let end = End::of(code.parse().unwrap(), &told);
            let open = listed.iter_mut().rev().take_while(|(_, ends)| ends.is_empty());
            open.for_each(|(_, ends)| ends.extend([end]));
        } else {
            told.push_str(line);
        }
    }
    chunks.chain(listed).collect()
}

/// The ends that each command's snapshots hold.
fn seen(commands: &[String]) -> BTreeMap<&str, BTreeSet<End>> {
    let mut seen: BTreeMap<&str, BTreeSet<End>> = commands.iter().map(|c| (c.as_str(), BTreeSet::new())).collect();
    for suites in ["tests/commands", "tests/prompt"] {
        for suite in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(suites)).unwrap() {
            let text = std::fs::read_to_string(suite.unwrap().path()).unwrap();
            for (line, ends) in snapshots(&text) {
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
                    seen.get_mut(command.as_str()).unwrap().extend(ends);
                }
            }
        }
    }
    seen
}

#[test]
fn every_command_has_snapshots_of_all_its_ends() {
    let commands = lbctl::commands();
    let seen = seen(&commands);
    let mut missing = Vec::new();
    for (command, ends) in &seen {
        let can = CAN.iter().filter(|(commands, _)| commands.contains(command)).flat_map(|(_, ends)| *ends);
        let wanted: BTreeSet<End> = can.copied().chain([Done, Usage]).collect();
        let excused = |end: &End| ELSEWHERE.iter().any(|(c, e, _)| c == command && e == end);
        missing.extend(wanted.difference(ends).filter(|end| !excused(end)).map(|end| format!("{command}: {end:?}")));
    }
    assert!(missing.is_empty(), "without a snapshot:\n{}", missing.join("\n"));
    for (command, end, why) in ELSEWHERE {
        assert!(!seen[command].contains(end), "{command} has a snapshot of {end:?}: strike out '{why}'");
    }
    for (named, _) in CAN {
        assert!(named.iter().all(|name| seen.contains_key(name)), "{named:?}");
    }
}
