//! Candidates from the nodes, for the shell's completion and the prompt's.

use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::time::Duration;

use clap::Parser;
use clap_complete::engine::{CompletionCandidate, complete};

use crate::cli::{Cli, Command, Globals};
use crate::commands::show;
use crate::context::Context;
use crate::patterns::{self, Kind};
use crate::settings::Settings;

/// A shell waits for the answer: a node that does not answer at once completes nothing.
const PATIENCE: Duration = Duration::from_millis(500);

thread_local! {
    /// At the prompt: the nodes, and the line's words.
    static PROMPT: RefCell<Option<(Context, Vec<String>)>> = const { RefCell::new(None) };
}

/// What may stand for the last of the words of one of lbctl's command lines, typed at the prompt.
pub fn at_prompt(ctx: &Context, cli: &mut clap::Command, words: &[&str]) -> Vec<String> {
    let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
    let arguments: Vec<OsString> =
        std::iter::once("lbctl".into()).chain(words.iter().map(|w| OsString::from(w.as_str()))).collect();
    let last = words.len();
    PROMPT.set(Some((ctx.clone(), words)));
    let found = complete(cli, arguments, last, None).unwrap_or_default();
    PROMPT.set(None);
    let text = |c: &CompletionCandidate| c.get_value().to_str().map(str::to_owned);
    found.iter().filter(|c| !c.is_hide_set()).filter_map(text).collect()
}

/// Servers' names that begin with what is typed.
pub fn targets(current: &OsStr) -> Vec<CompletionCandidate> {
    candidates(current, names_of_servers)
}

/// Servers, and backends alone.
pub fn loose_targets(current: &OsStr) -> Vec<CompletionCandidate> {
    candidates(current, |one| {
        let servers = names_of_servers(one);
        let mut backends: Vec<String> =
            servers.iter().filter_map(|s| s.split_once('/')).map(|(b, _)| b.to_owned()).collect();
        backends.dedup();
        [backends, servers].concat()
    })
}

/// What `lbctl show` gives names to, of the kind that the command line is about.
pub fn shown(current: &OsStr) -> Vec<CompletionCandidate> {
    let words = words();
    let noun = noun(&words).map(str::to_owned);
    candidates(current, |one| {
        let Some(noun) = &noun else { return Vec::new() };
        sheet(std::slice::from_ref(noun), one).map(|sheet| sheet.names()).unwrap_or_default()
    })
}

/// Maps.
pub fn maps(current: &OsStr) -> Vec<CompletionCandidate> {
    candidates(current, |one| patterns::names(&one.client, Kind::Map))
}

/// Lists of ACL patterns.
pub fn acls(current: &OsStr) -> Vec<CompletionCandidate> {
    candidates(current, |one| patterns::names(&one.client, Kind::Acl))
}

/// Stick tables.
pub fn tables(current: &OsStr) -> Vec<CompletionCandidate> {
    candidates(current, |one| names(one, "tables"))
}

/// Certificates.
pub fn certificates(current: &OsStr) -> Vec<CompletionCandidate> {
    candidates(current, |one| names(one, "certs"))
}

/// What the map, the list or the table that the command line names holds: its keys, its patterns.
pub fn keys(current: &OsStr) -> Vec<CompletionCandidate> {
    let words = words();
    let Some((noun, name)) = holder(&words) else { return Vec::new() };
    let asked = [format!("{noun}s"), name.to_owned()];
    candidates(current, |one| sheet(&asked, one).map(|sheet| sheet.names()).unwrap_or_default())
}

/// `map get NAME`, `acl del NAME`, `table clear NAME`: the noun and the name.
fn holder(words: &[String]) -> Option<(&str, &str)> {
    let at = words.iter().position(|word| matches!(word.as_str(), "map" | "acl" | "table"))?;
    // Behind the noun comes what is done.
    let name = words.iter().skip(at + 2).find(|word| !word.starts_with('-'))?;
    Some((words.get(at)?, name))
}

/// Columns of what is shown.
pub fn columns(current: &OsStr) -> Vec<CompletionCandidate> {
    let asked = asked();
    candidates(current, |one| sheet(&asked, one).map(|sheet| sheet.keys().to_vec()).unwrap_or_default())
}

/// Columns to sort by, from the smallest or with `-` from the largest.
pub fn orders(current: &OsStr) -> Vec<CompletionCandidate> {
    let asked = asked();
    let down = current.to_str().is_some_and(|typed| typed.starts_with('-'));
    candidates(current, |one| {
        let keys = sheet(&asked, one).map(|sheet| sheet.keys().to_vec()).unwrap_or_default();
        keys.into_iter().map(|key| if down { format!("-{key}") } else { key }).collect()
    })
}

/// Conditions: columns, and behind `COLUMN=` the values there are.
pub fn filters(current: &OsStr) -> Vec<CompletionCandidate> {
    let asked = asked();
    let column = current.to_str().and_then(|typed| typed.split_once('=')).map(|(column, _)| column.to_owned());
    candidates(current, |one| {
        let Some(sheet) = sheet(&asked, one) else { return Vec::new() };
        match &column {
            Some(column) => sheet.values(column).into_iter().map(|value| format!("{column}={value}")).collect(),
            None => sheet.keys().iter().map(|key| format!("{key}=")).collect(),
        }
    })
}

/// Names of contexts that begin with what is typed.
pub fn contexts(current: &OsStr) -> Vec<CompletionCandidate> {
    let (Some(typed), Ok(settings)) = (current.to_str(), Settings::load()) else { return Vec::new() };
    settings.contexts.into_keys().filter(|name| name.starts_with(typed)).map(CompletionCandidate::new).collect()
}

/// What a node has, as far as it begins with what is typed. At the prompt every node is asked, for a shell the
/// first one of a context.
fn candidates(current: &OsStr, of: impl Fn(&Context) -> Vec<String>) -> Vec<CompletionCandidate> {
    let Some(typed) = current.to_str() else { return Vec::new() };
    let Some(ctx) = surroundings() else { return Vec::new() };
    let mut found: Vec<String> = ctx.nodes.iter().flat_map(|node| of(&ctx.on(node))).collect();
    found.retain(|name| name.starts_with(typed));
    let mut told = std::collections::HashSet::new();
    found.retain(|name| told.insert(name.clone()));
    found.into_iter().map(CompletionCandidate::new).collect()
}

fn names_of_servers(one: &Context) -> Vec<String> {
    one.client.servers_state(None).unwrap_or_default().iter().map(|s| s.name.to_string()).collect()
}

/// Names that `lbctl show NOUN` gives.
fn names(one: &Context, noun: &str) -> Vec<String> {
    sheet(&[noun.to_owned()], one).map(|sheet| sheet.names()).unwrap_or_default()
}

/// What `lbctl show` with these words shows of one node.
fn sheet(words: &[String], one: &Context) -> Option<crate::output::Sheet> {
    let line = ["lbctl", "show"].into_iter().chain(words.iter().map(String::as_str));
    match Cli::try_parse_from(line).ok()?.command? {
        Command::Show(args) => show::data(&args, one).ok(),
        _ => None,
    }
}

/// What the command line shows, as words for [`sheet`]: a table's entries have other columns than the list of tables.
fn asked() -> Vec<String> {
    let words = words();
    let Some(noun) = noun(&words) else { return Vec::new() };
    let rest = words.iter().skip_while(|w| *w != noun).take_while(|w| !w.starts_with('-'));
    rest.cloned().collect()
}

/// The word after `show`.
fn noun(words: &[String]) -> Option<&str> {
    let command = <Cli as clap::CommandFactory>::command();
    let show = command.find_subcommand("show")?;
    let rest = words.iter().skip_while(|w| *w != "show").skip(1);
    rest.map(String::as_str).find(|word| show.find_subcommand(word).is_some())
}

/// The words of the command line that is being completed.
fn words() -> Vec<String> {
    let typed = PROMPT.with_borrow(|prompt| prompt.as_ref().map(|(_, words)| words.clone()));
    typed.unwrap_or_else(|| std::env::args().skip_while(|w| w != "--").skip(1).collect())
}

/// The nodes that the command line is about.
fn surroundings() -> Option<Context> {
    let typed = PROMPT.with_borrow(|prompt| prompt.as_ref().map(|(ctx, _)| ctx.clone()));
    if typed.is_some() {
        return typed;
    }
    let words = words();
    let mut globals = Globals { timeout: Some(PATIENCE), ..Globals::default() };
    match (value_of(&words, "-s", "--socket"), value_of(&words, "-c", "--context")) {
        (Some(socket), _) => globals.sockets = vec![socket.parse().ok()?],
        (None, context) => globals.context = context,
    }
    let mut ctx = Context::new(&globals).ok()?;
    ctx.nodes.truncate(1);
    Some(ctx)
}

/// The value of an option in a command line's words.
fn value_of(words: &[String], short: &str, long: &str) -> Option<String> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == short || word == long {
            return words.next().cloned();
        }
        let glued = word.strip_prefix(long).and_then(|rest| rest.strip_prefix('=')).or_else(|| {
            let rest = word.strip_prefix(short)?;
            (!word.starts_with("--") && !rest.is_empty()).then(|| rest.strip_prefix('=').unwrap_or(rest))
        });
        if let Some(value) = glued {
            return Some(value.to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{holder, value_of};

    #[test]
    fn what_holds_keys() {
        let of = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            holder(&words).map(|(noun, name)| format!("{noun} {name}"))
        };
        assert_eq!(of("lbctl -s /a map get hosts.map w").as_deref(), Some("map hosts.map"));
        assert_eq!(of("table clear sticky --key").as_deref(), Some("table sticky"));
        assert_eq!(of("map get"), None);
        assert_eq!(of("drain app/web1"), None);
    }

    #[test]
    fn options_of_a_command_line() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let of = |line: &str| value_of(&words(line), "-s", "--socket");
        assert_eq!(of("lbctl -s /a drain").as_deref(), Some("/a"));
        assert_eq!(of("lbctl -s/a drain").as_deref(), Some("/a"));
        assert_eq!(of("lbctl drain --socket=tcp://h:1 a/b").as_deref(), Some("tcp://h:1"));
        assert_eq!(of("lbctl --some drain a/b"), None);
        assert_eq!(value_of(&words("lbctl -c prod drain"), "-c", "--context").as_deref(), Some("prod"));
    }
}
