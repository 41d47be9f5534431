//! Completion of a partial line from the command table and the live names.

use std::collections::BTreeSet;

use crate::arg::{Arg, Name};
use crate::table::{COMMANDS, Command, Help, find};

/// The names a line may mention.
pub trait Names {
    /// Backends.
    fn backends(&self) -> Vec<String>;
    /// Frontends.
    fn frontends(&self) -> Vec<String>;
    /// The servers of a backend; none for an unknown one.
    fn servers(&self, backend: &str) -> Vec<String>;
}

/// What may replace the word at the end of a line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Completion {
    /// The byte of the line where that word begins.
    pub start: usize,
    /// The words that may stand there, in order and without duplicates. One that ends in `/` goes on.
    pub candidates: Vec<String>,
}

/// Completes the last word of `line`, the part of the line before the cursor. Only the command
/// after the last `;` counts.
pub fn complete(line: &str, names: &impl Names) -> Completion {
    let start = last_boundary(line, |c| matches!(c, ' ' | '\t' | ';'));
    let command_start = last_boundary(line, |c| c == ';');
    let (before, word) = line.split_at(start);
    let given: Vec<&str> = before.get(command_start..).unwrap_or_default().split_ascii_whitespace().collect();
    let mut found = next_words(&given);
    if let Some(command) = find(&given) {
        let rest = given.get(command.word_count()..).unwrap_or_default();
        collect(command.args, rest, word, names, &mut found);
    }
    found.retain(|candidate| candidate.starts_with(word));
    Completion { start, candidates: found.into_iter().collect() }
}

/// Just after the last separator that is not escaped.
fn last_boundary(line: &str, separates: impl Fn(char) -> bool) -> usize {
    let mut boundary = 0;
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        if !escaped && separates(c) {
            boundary = at + c.len_utf8();
        }
        escaped = !escaped && c == '\\';
    }
    boundary
}

/// The words that continue `given` towards some command.
fn next_words(given: &[&str]) -> BTreeSet<String> {
    let continues = |command: &&Command| command.split_words().zip(given).all(|(a, b)| a == *b);
    (COMMANDS.iter())
        .filter(|command| command.help != Help::Hidden)
        .filter(continues)
        .filter_map(|command| command.split_words().nth(given.len()))
        .map(str::to_owned)
        .collect()
}

/// Adds what may stand after `given` arguments.
fn collect(args: &[Arg], given: &[&str], word: &str, names: &impl Names, found: &mut BTreeSet<String>) {
    let Some((arg, rest)) = args.split_first() else { return };
    match (arg, given) {
        (Arg::Many(choices), _) => choices.iter().for_each(|choice| offer(choice, word, names, found)),
        (arg, []) => offer(arg, word, names, found),
        (Arg::Keyed(keys), [key, given @ ..]) => {
            if let Some(keyed) = keys.iter().find(|keyed| keyed.word == *key) {
                collect(keyed.args, given, word, names, found);
            }
        }
        (_, [_, given @ ..]) => collect(rest, given, word, names, found),
    }
}

fn offer(arg: &Arg, word: &str, names: &impl Names, found: &mut BTreeSet<String>) {
    match arg {
        Arg::Name(kind) => found.extend(name_candidates(*kind, word, names)),
        Arg::OneOf(words) => found.extend(words.iter().map(|w| (*w).to_owned())),
        Arg::Keyed(keys) => found.extend(keys.iter().map(|k| k.word.to_owned())),
        Arg::Many(_) | Arg::Number | Arg::Text | Arg::Rest => {}
    }
}

fn name_candidates(kind: Name, word: &str, names: &impl Names) -> Vec<String> {
    match kind {
        Name::Backend => names.backends(),
        Name::Frontend => names.frontends(),
        Name::Proxy => [names.frontends(), names.backends()].concat(),
        Name::Server => match word.split_once('/') {
            Some((backend, _)) => {
                names.servers(backend).into_iter().map(|server| format!("{backend}/{server}")).collect()
            }
            None => names.backends().into_iter().map(|backend| format!("{backend}/")).collect(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Live;

    impl Names for Live {
        fn backends(&self) -> Vec<String> {
            vec!["app".into(), "api".into()]
        }
        fn frontends(&self) -> Vec<String> {
            vec!["www".into()]
        }
        fn servers(&self, backend: &str) -> Vec<String> {
            if backend == "app" { vec!["web1".into(), "web2".into(), "db".into()] } else { Vec::new() }
        }
    }

    /// `$0` is the cursor.
    #[track_caller]
    fn check(line: &str, expected: &str) {
        let before = line.split("$0").next().unwrap();
        let found = complete(before, &Live);
        assert_eq!(found.candidates.join(" "), expected, "{line}");
        assert!(before.is_char_boundary(found.start));
    }

    #[test]
    fn command_words() {
        check("sh$0", "show shutdown");
        check("show s$0", "schema servers sess ssl startup-logs stat");
        check("show servers $0", "conn revisions state");
        check("show cli level $0", "");
        check("exp$0", "explain");
        check("set server app/web1 state drain; qu$0", "quit");
        check("nothing $0", "");
    }

    #[test]
    fn names() {
        check("set server $0", "api/ app/");
        check("set server ap$0", "api/ app/");
        check("set server app/w$0", "app/web1 app/web2");
        check("set server nope/$0", "");
        check("disable frontend $0", "www");
        check("show servers state a$0", "api app");
        check("show stat w$0", "www");
    }

    #[test]
    fn arguments() {
        check("set server app/web1 st$0", "state");
        check("set server app/web1 state $0", "drain maint ready");
        check("set server app/web1 state drain $0", "");
        check("set server app/web1 addr 1.2.3.4 $0", "port");
        check("set server app/web1 bogus $0", "");
        check("show info typed d$0", "desc");
        check("clear counters $0", "all server");
        check("clear counters server app/d$0", "app/db");
        check("set severity-output n$0", "none number");
        check("a\\;set $0", "");
    }

    #[test]
    fn start_is_where_the_word_begins() {
        assert_eq!(complete("set server app/w", &Live).start, 11);
        assert_eq!(complete("", &Live).start, 0);
        assert_eq!(complete("é;sho", &Live).start, 3);
    }
}
