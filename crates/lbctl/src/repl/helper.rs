//! Rustyline's side: completion, hints and colours.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use clap::CommandFactory;
use rustyline::completion::{Completer, Pair};
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::{Hinter, HistoryHinter};
use rustyline::validate::Validator;
use rustyline::{Context, Result};

use super::hint::{self, Next};
use super::live::Live;
use super::paint::{Kind, pieces};
use super::{meta, route};
use crate::cli::Cli;
use crate::complete;
use crate::output::{Palette, Tone};
use crate::patterns;

/// Completes from lbctl's grammar, the node's grammar and the node's names.
pub struct Helper {
    live: Rc<RefCell<Live>>,
    palette: Palette,
    /// lbctl's grammar.
    cli: RefCell<clap::Command>,
    history: HistoryHinter,
    /// Whether a payload is being typed, which is nobody's command.
    pub is_payload: bool,
}

impl Helper {
    /// For some nodes.
    pub fn new(live: Rc<RefCell<Live>>, palette: Palette) -> Self {
        let mut cli = Cli::command();
        cli.build();
        Self { live, palette, cli: RefCell::new(cli), history: HistoryHinter::new(), is_payload: false }
    }

    fn candidates(&self, before: &[&str], current: &str) -> Vec<String> {
        let mut all = Vec::new();
        match before.split_first() {
            Some((&"\\watch", rest)) => {
                // A time may come first.
                let rest = rest.split_first().filter(|(w, _)| crate::cli::duration(w).is_ok()).map_or(rest, |(_, r)| r);
                return self.candidates(rest, current);
            }
            Some((&"\\use", [])) => {
                let contexts = complete::contexts(std::ffi::OsStr::new(current));
                all.extend(contexts.iter().filter_map(|c| c.get_value().to_str()).map(str::to_owned));
                return all;
            }
            Some((&("\\x" | "\\timing"), [])) => all.extend(["on", "off"].map(str::to_owned)),
            Some((word, _)) if word.starts_with('\\') => return all,
            None => all.extend(meta::ALL.iter().map(|meta| format!("\\{}", meta.name))),
            Some(_) => {}
        }
        all.extend(self.of_lbctl(before, current));
        all.extend(self.of_node(before, current));
        all.retain(|c| c.starts_with(current));
        all.sort();
        all.dedup();
        all
    }

    fn of_lbctl(&self, before: &[&str], current: &str) -> Vec<String> {
        let words: Vec<&str> = before.iter().chain(&[current]).copied().collect();
        complete::at_prompt(self.live.borrow().context(), &mut self.cli.borrow_mut(), &words)
    }

    fn of_node(&self, before: &[&str], current: &str) -> Vec<String> {
        let mut live = self.live.borrow_mut();
        let next = live.catalog().next(before);
        let mut all = next.words;
        if next.servers {
            all.extend(live.servers());
        }
        if next.backends {
            all.extend(live.backends());
        }
        if next.frontends {
            all.extend(live.frontends());
        }
        // The node's help names its commands; their arguments are better known to the table.
        if lb_admin::find(before).is_some() {
            let line = before.iter().chain(&[current]).copied().collect::<Vec<_>>().join(" ");
            let names = Known { servers: live.servers(), frontends: live.frontends() };
            // A candidate that ends in a slash is a backend whose servers are meant.
            let (partial, whole): (Vec<_>, Vec<_>) =
                lb_admin::complete(&line, &names).candidates.into_iter().partition(|c| c.ends_with('/'));
            all.extend(whole);
            all.extend(names.servers.into_iter().filter(|s| partial.iter().any(|b| s.starts_with(b.as_str()))));
        }
        let files = objects(before);
        if let Some(kind) = files {
            all.extend(patterns::names(&live.context().client, kind).into_iter().filter(|name| {
                // Nodes take whole names only.
                name.contains('/') || name.starts_with('#')
            }));
        }
        all
    }

    /// How many of the first words are of a command, or of the beginning of one.
    fn known(&self, words: &[&str]) -> usize {
        let cli = self.cli.borrow();
        let mut own = 0;
        let mut command = &*cli;
        while let Some(sub) = words.get(own).and_then(|word| command.find_subcommand(word)) {
            (command, own) = (sub, own + 1);
        }
        let mut node = 0;
        let begins = |count: usize| {
            let wanted = words.get(..count).unwrap_or(&[]);
            lb_admin::COMMANDS.iter().any(|c| {
                let mut of = c.words.split(' ');
                wanted.iter().all(|word| of.next() == Some(word))
            })
        };
        while node < words.len() && begins(node + 1) {
            node += 1;
        }
        let leaves = usize::from(words.first().is_some_and(|w| route::LEAVE.contains(w)));
        own.max(node).max(leaves)
    }
}

/// Whether a map or a list of patterns comes next in one of the node's commands.
fn objects(before: &[&str]) -> Option<patterns::Kind> {
    let (verb, noun, rest) = match before {
        [verb, noun, rest @ ..] => (*verb, *noun, rest),
        _ => return None,
    };
    let kind = match noun {
        "map" => patterns::Kind::Map,
        "acl" => patterns::Kind::Acl,
        _ => return None,
    };
    let verbs = ["show", "get", "set", "add", "del", "clear", "prepare", "commit"];
    // A version may stand before it.
    let first = rest.is_empty() || matches!(rest, [version] if version.starts_with('@'));
    (verbs.contains(&verb) && first).then_some(kind)
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

impl Completer for Helper {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> Result<(usize, Vec<Pair>)> {
        if self.is_payload {
            return Ok((pos, Vec::new()));
        }
        let typed = line.get(..pos).unwrap_or(line);
        // Completion goes on after each `;` of a chain.
        let command = typed.rsplit(';').next().unwrap_or(typed).trim_start();
        let (before, current) = command.rsplit_once([' ', '\t']).unwrap_or(("", command));
        let words: Vec<&str> = before.split_whitespace().collect();
        let found = self.candidates(&words, current);
        let pairs = found.into_iter().map(|c| {
            // A condition, or a list of columns, goes on.
            let end = if c.ends_with('=') { "" } else { " " };
            Pair { display: c.clone(), replacement: format!("{c}{end}") }
        });
        Ok((pos - current.len(), pairs.collect()))
    }
}

impl Highlighter for Helper {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        if self.is_payload || !self.palette.is_on() {
            return Cow::Borrowed(line);
        }
        let live = self.live.borrow();
        let mut text = String::with_capacity(line.len() * 2);
        let mut at = 0;
        for (range, kind) in pieces(line, |words| self.known(words), |word| live.knows(word)) {
            let (Some(between), Some(word)) = (line.get(at..range.start), line.get(range.clone())) else { continue };
            text.push_str(between);
            text.push_str(&match kind {
                Kind::Command | Kind::Meta => self.palette.bold(word),
                Kind::Unknown => self.palette.tone(word, Tone::Bad),
                Kind::Option => self.palette.note(word),
                Kind::Quoted => self.palette.tone(word, Tone::Warn),
                Kind::Server => self.palette.tone(word, Tone::Good),
            });
            at = range.end;
        }
        text.push_str(line.get(at..).unwrap_or(""));
        Cow::Owned(text)
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, default: bool) -> Cow<'b, str> {
        if !default {
            return Cow::Borrowed(prompt);
        }
        let tone = if prompt.contains(" unreachable") {
            Tone::Bad
        } else if prompt.ends_with(" out> ") {
            Tone::Warn
        } else {
            Tone::Good
        };
        Cow::Owned(self.palette.tone(prompt, tone))
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(self.palette.faint(hint))
    }

    fn highlight_char(&self, _: &str, _: usize, _: CmdKind) -> bool {
        self.palette.is_on() && !self.is_payload
    }
}

impl Hinter for Helper {
    type Hint = Next;

    fn hint(&self, line: &str, pos: usize, ctx: &Context<'_>) -> Option<Next> {
        if self.is_payload || pos < line.len() || line.trim().is_empty() {
            return None;
        }
        if let Some(rest) = self.history.hint(line, pos, ctx) {
            return Next::history(rest, self.palette.is_on());
        }
        // The next word is begun by a blank.
        let command = line.rsplit(';').next().unwrap_or(line);
        if !command.ends_with(' ') {
            return None;
        }
        let words: Vec<&str> = command.split_whitespace().collect();
        let first = words.first()?;
        if let Some(meta) = first.strip_prefix('\\') {
            let usage = meta::ALL.iter().find(|m| m.name == meta).map(|m| m.usage)?;
            let wanted = usage.split_once(' ').map(|(_, rest)| rest).filter(|_| words.len() == 1)?;
            return Next::grammar(wanted);
        }
        let own = hint::of_own(&self.cli.borrow(), &words);
        Next::grammar(&own.or_else(|| hint::of_node(&words))?)
    }
}

impl Validator for Helper {}

impl rustyline::Helper for Helper {}
