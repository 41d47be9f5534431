//! Rustyline's side: completion and the prompt's colours.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use clap::CommandFactory;
use rustyline::completion::{Completer, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Result};

use super::live::Live;
use super::meta;
use super::route::{own_words, show_nouns};
use crate::cli::Cli;
use crate::output::{Palette, Tone};

/// Completes from lbctl's grammar, the node's grammar and the node's names.
pub struct Helper {
    live: Rc<RefCell<Live>>,
    palette: Palette,
}

impl Helper {
    /// For a node.
    pub fn new(live: Rc<RefCell<Live>>, palette: Palette) -> Self {
        Self { live, palette }
    }

    fn candidates(&self, before: &[&str], current: &str) -> Vec<String> {
        let mut live = self.live.borrow_mut();
        let mut all = Vec::new();
        let next = live.catalog().next(before);
        if before.is_empty() {
            all.extend(own_words());
            all.extend(meta::NAMES.iter().map(|(name, _, _)| format!("\\{name}")));
        }
        if before == ["show"] {
            all.extend(show_nouns());
        }
        all.extend(own_arguments(before, current));
        if next.servers || takes_targets(before) {
            all.extend(live.servers());
        }
        if next.backends || before == ["show", "servers"] || before == ["show", "backends"] {
            all.extend(live.backends());
        }
        if next.frontends || before == ["show", "frontends"] {
            all.extend(live.frontends());
        }
        // The node's help names its commands; their arguments are better known to the table.
        if lb_admin::find(before).is_some() {
            let line = before.iter().chain([&current]).copied().collect::<Vec<_>>().join(" ");
            let names = Known { servers: live.servers(), frontends: live.frontends() };
            // A candidate that ends in a slash is a backend whose servers are meant.
            let (partial, whole): (Vec<_>, Vec<_>) =
                lb_admin::complete(&line, &names).candidates.into_iter().partition(|c| c.ends_with('/'));
            all.extend(whole);
            all.extend(names.servers.into_iter().filter(|s| partial.iter().any(|b| s.starts_with(b.as_str()))));
        }
        all.extend(next.words);
        all.retain(|c| c.starts_with(current));
        all.sort();
        all.dedup();
        all
    }
}

/// The node's names, as the table's completion asks for them.
struct Known {
    servers: Vec<String>,
    frontends: Vec<String>,
}

impl lb_admin::Names for Known {
    fn backends(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.servers.iter().filter_map(|s| s.split_once('/')).map(|(b, _)| b.to_owned()).collect();
        names.dedup();
        names
    }

    fn frontends(&self) -> Vec<String> {
        self.frontends.clone()
    }

    fn servers(&self, backend: &str) -> Vec<String> {
        let of_backend = |s: &String| s.strip_prefix(backend)?.strip_prefix('/').map(str::to_owned);
        self.servers.iter().filter_map(of_backend).collect()
    }
}

/// The lbctl command that the words begin.
fn own_command(before: &[&str]) -> Option<clap::Command> {
    let mut command = Cli::command();
    command.build();
    let mut found = None;
    for word in before {
        match command.find_subcommand(word).cloned() {
            Some(sub) => {
                command = sub.clone();
                found = Some(sub);
            }
            None => break,
        }
    }
    found
}

/// Whether the words begin an lbctl command about servers.
fn takes_targets(before: &[&str]) -> bool {
    let is_target = |a: &clap::Arg| a.get_id() == "targets";
    own_command(before).is_some_and(|c| c.get_positionals().any(is_target))
}

/// Options of an lbctl command, and the values of the option or argument at the cursor.
fn own_arguments(before: &[&str], current: &str) -> Vec<String> {
    let Some(command) = own_command(before) else { return Vec::new() };
    let values =
        |a: &clap::Arg| -> Vec<String> { a.get_possible_values().iter().map(|v| v.get_name().to_owned()).collect() };
    let previous = before.last().copied().unwrap_or("");
    let asked = command.get_arguments().find(|a| {
        let long = a.get_long().is_some_and(|l| previous.strip_prefix("--") == Some(l));
        long || a.get_short().is_some_and(|s| previous == format!("-{s}"))
    });
    if let Some(option) = asked.filter(|a| a.get_action().takes_values()) {
        return values(option);
    }
    if current.starts_with('-') {
        return command.get_arguments().filter_map(|a| a.get_long()).map(|l| format!("--{l}")).collect();
    }
    command.get_positionals().flat_map(values).collect()
}

impl Completer for Helper {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> Result<(usize, Vec<Pair>)> {
        let typed = line.get(..pos).unwrap_or(line);
        // Completion goes on after each `;` of a chain.
        let command = typed.rsplit(';').next().unwrap_or(typed).trim_start();
        let (before, current) = command.rsplit_once([' ', '\t']).unwrap_or(("", command));
        let words: Vec<&str> = before.split_whitespace().collect();
        let found = self.candidates(&words, current);
        let pairs = found.into_iter().map(|c| Pair { display: c.clone(), replacement: format!("{c} ") });
        Ok((pos - current.len(), pairs.collect()))
    }
}

impl Highlighter for Helper {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, default: bool) -> Cow<'b, str> {
        if !default {
            return Cow::Borrowed(prompt);
        }
        let tone = if prompt.ends_with(" out> ") {
            Tone::Warn
        } else if prompt.ends_with(" unreachable> ") {
            Tone::Bad
        } else {
            Tone::Good
        };
        Cow::Owned(self.palette.tone(prompt, tone))
    }
}

impl Hinter for Helper {
    type Hint = String;
}

impl Validator for Helper {}

impl rustyline::Helper for Helper {}
