//! Which of the two languages a line at the prompt is in.
//!
//! Words that only lbctl has are lbctl's. `show` is spoken by both: its nouns are lbctl's unless
//! what follows is the node's own form. Everything else goes to the node as it is.

use clap::CommandFactory;

use crate::cli::Cli;

/// Where a line goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// Out.
    Leave,
    /// A backslash command.
    Meta(Vec<String>),
    /// An lbctl command.
    Own(Vec<String>),
    /// The node.
    Node,
}

/// Beginnings that mean the node's command although lbctl has the same noun.
const NODE_FORMS: &[&[&str]] = &[
    &["show", "servers", "state"],
    &["show", "servers", "conn"],
    &["show", "stat", "desc"],
    &["show", "stat", "domain"],
    &["show", "stat", "json"],
    &["show", "stat", "no-maint"],
    &["show", "stat", "typed"],
    &["show", "stat", "up"],
    &["show", "info", "desc"],
    &["show", "info", "float"],
    &["show", "info", "json"],
    &["show", "info", "typed"],
    &["help"],
];

/// Words that leave.
pub const LEAVE: &[&str] = &["\\q", "quit", "exit"];

/// Decides.
pub fn route(text: &str) -> Route {
    let words = split_words(text.split('\n').next().unwrap_or(""));
    let Some(first) = words.first().map(String::as_str) else { return Route::Node };
    if LEAVE.contains(&first) {
        return Route::Leave;
    }
    if first.starts_with('\\') {
        return Route::Meta(words);
    }
    // A chain is the node's language.
    if text.contains(';') || text.contains('\n') {
        return Route::Node;
    }
    let is = |form: &&[&str]| form.iter().zip(&words).filter(|(a, b)| *a == b).count() == form.len();
    if NODE_FORMS.iter().any(is) {
        return Route::Node;
    }
    let second = words.get(1).map_or("", String::as_str);
    let own = match first {
        // `show stat 3 4 1` is by ids; `wait 2s srv-removable …` is the node's.
        "show" => show_nouns().any(|n| n == second) && !words.get(2).is_some_and(|w| is_number(w)),
        "wait" => words.iter().any(|w| w.contains('/')) && words.iter().any(|w| w.starts_with("--for")),
        _ => own_words().any(|w| w == first),
    };
    if own { Route::Own(words) } else { Route::Node }
}

fn is_number(word: &str) -> bool {
    word.parse::<i64>().is_ok()
}

/// lbctl's commands.
pub fn own_words() -> impl Iterator<Item = String> {
    let command = Cli::command();
    command.get_subcommands().map(|c| c.get_name().to_owned()).collect::<Vec<_>>().into_iter()
}

/// What lbctl shows.
pub fn show_nouns() -> impl Iterator<Item = String> {
    let command = Cli::command();
    let nouns = command.find_subcommand("show").map(|show| show.get_subcommands().map(|c| c.get_name().to_owned()));
    nouns.map(Iterator::collect::<Vec<_>>).unwrap_or_default().into_iter()
}

/// Splits at blanks; quotes keep blanks.
pub fn split_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in text.chars() {
        match (c, quote) {
            (c, Some(q)) if c == q => quote = None,
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &str) {
        let got = match route(line) {
            Route::Leave => "leave".to_owned(),
            Route::Meta(words) => format!("meta {}", words.join("|")),
            Route::Own(words) => format!("own {}", words.join("|")),
            Route::Node => "node".to_owned(),
        };
        assert_eq!(got, expected, "{line}");
    }

    #[test]
    fn lines() {
        check("drain app/web1 --wait", "own drain|app/web1|--wait");
        check("show servers", "own show|servers");
        check("show servers app", "own show|servers|app");
        check("show servers state", "node");
        check("show servers state app", "node");
        check("show stat", "own show|stat");
        check("show stat 3 4 1", "node");
        check("show stat -1 4 -1", "node");
        check("show stat typed", "node");
        check("show info", "own show|info");
        check("show sess", "node");
        check("show info;show stat", "node");
        check("set server app/web1 state drain", "node");
        check("wait 2s srv-removable app/web1", "node");
        check("wait app/web1 --for up", "own wait|app/web1|--for|up");
        check("help", "node");
        check("\\watch 1s show info", "meta \\watch|1s|show|info");
        check("quit", "leave");
        check("weight 'app/web 1' 5", "own weight|app/web 1|5");
    }
}
