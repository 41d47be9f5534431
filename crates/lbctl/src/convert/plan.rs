//! What a conversion has found: the sections of the result, and what could not be carried over.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Something a reader of the result must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Line in the source; 0: of the whole.
    pub line: usize,
    /// The source's words.
    pub what: String,
    /// What became of it.
    pub why: String,
    /// The result does not do what the source did.
    pub lost: bool,
}

/// A section with the mode it needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) tcp: bool,
    pub(super) lines: Vec<String>,
}

/// The result.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    pub(super) global: Vec<String>,
    pub(super) defaults: Vec<String>,
    /// Frontends in the order of their first address.
    pub(super) frontends: Vec<(String, Section)>,
    pub(super) backends: Vec<(String, Section)>,
    /// What became of directives, in order.
    pub findings: Vec<Finding>,
}

impl Plan {
    /// Names a directive that was not carried over.
    pub(super) fn lost(&mut self, line: usize, what: impl Into<String>, why: impl Into<String>) {
        self.findings.push(Finding { line, what: what.into(), why: why.into(), lost: true });
    }

    /// Names a directive whose counterpart needs a word.
    pub(super) fn note(&mut self, line: usize, what: impl Into<String>, why: impl Into<String>) {
        self.findings.push(Finding { line, what: what.into(), why: why.into(), lost: false });
    }

    /// A backend with these lines: an equal one that is there already, or a new one whose name begins so.
    pub(super) fn backend(&mut self, name: &str, section: Section) -> String {
        if let Some((found, _)) = self.backends.iter().find(|(known, own)| same_stem(known, name) && *own == section) {
            return found.clone();
        }
        let taken = |plan: &Self, name: &str| plan.backends.iter().any(|(known, _)| known == name);
        let unique = match taken(self, name) {
            false => name.to_owned(),
            true => (2..).map(|n| format!("{name}-{n}")).find(|candidate| !taken(self, candidate)).unwrap_or_default(),
        };
        self.backends.push((unique.clone(), section));
        unique
    }

    /// The result as text.
    pub fn text(&self, source: &str) -> String {
        let mut out = format!("# Made of {source} by lbctl convert.\n");
        let mut told: BTreeMap<(bool, usize), Vec<String>> = BTreeMap::new();
        for finding in &self.findings {
            let line = format!("#   {}{}: {}\n", place(finding.line), finding.what, finding.why);
            told.entry((!finding.lost, finding.line)).or_default().push(line);
        }
        for (is_note, heading) in [(false, "# Not carried over:\n"), (true, "# Notes:\n")] {
            let lines: Vec<&String> =
                told.iter().filter(|((note, _), _)| *note == is_note).flat_map(|(_, lines)| lines).collect();
            if !lines.is_empty() {
                out.push_str(heading);
                lines.into_iter().for_each(|line| out.push_str(line));
            }
        }
        let mut section = |head: &str, tcp: bool, lines: &[String]| {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "\n{head}");
            if tcp {
                out.push_str("    mode tcp\n");
            }
            for line in lines {
                let _ = writeln!(out, "    {line}");
            }
        };
        if !self.global.is_empty() {
            section("global", false, &self.global);
        }
        section("defaults", false, &self.defaults);
        for (name, own) in &self.frontends {
            section(&format!("frontend {name}"), own.tcp, &own.lines);
        }
        for (name, own) in &self.backends {
            section(&format!("backend {name}"), own.tcp, &own.lines);
        }
        out
    }
}

fn place(line: usize) -> String {
    if line == 0 { String::new() } else { format!("line {line}: ") }
}

/// Whether a name was made of this one: itself, or it with a number.
fn same_stem(known: &str, name: &str) -> bool {
    known.strip_prefix(name).is_some_and(|rest| {
        rest.is_empty() || rest.strip_prefix('-').is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
    })
}

/// A name that haproxy.cfg accepts.
pub(super) fn name_of(text: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let name: String = text.chars().map(fits).collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "root".to_owned() } else { name.to_owned() }
}

/// A word of haproxy.cfg, quoted if it must be.
pub(super) fn quoted(text: &str) -> String {
    let plain = |c: char| !c.is_whitespace() && !"\"'\\#$".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    // Within strong quotes everything but the quote itself stands for itself.
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// How a server that fails is noticed by traffic alone: HAProxy watches it and needs checks to bring it back.
pub(super) fn passive(own_words: bool, fails: u32, rest: &str) -> String {
    match own_words {
        true => format!(" max-fails {fails} fail-timeout {rest}"),
        false => format!(
            " check inter {rest} fastinter {rest} downinter {rest} rise 1 fall {fails} observe layer4 error-limit {fails} on-error mark-down"
        ),
    }
}
