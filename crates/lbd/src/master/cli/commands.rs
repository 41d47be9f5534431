//! The master's own commands, once, and the grammar of its command line. Pure.

use lb_model::Level;
use std::fmt::Write;

/// A command of the master.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Repeat the words.
    Echo,
    /// Lower the level.
    Lower(Level),
    /// Reload; `hard` ends the former worker at once.
    Reload {
        /// The former worker is terminated instead of asked to finish.
        hard: bool,
    },
    /// The level of this connection.
    ShowLevel,
    /// The master's command sockets.
    ShowSockets,
    /// The environment.
    ShowEnv,
    /// The processes.
    ShowProc,
    /// Messages of the latest start or reload.
    ShowStartupLogs,
    /// The version.
    ShowVersion,
    /// The commands.
    Help,
    /// Prompt modes.
    Prompt,
    /// The end.
    Quit,
}

/// One command.
struct Row {
    words: &'static str,
    /// Arguments, for people.
    arguments: &'static str,
    level: Level,
    command: Command,
    summary: &'static str,
}

macro_rules! commands {
    ($($words:literal $arguments:literal $level:ident $command:expr, $summary:literal;)*) => {
        const COMMANDS: &[Row] = &[
            $(Row {
                words: $words,
                arguments: $arguments,
                level: Level::$level,
                command: $command,
                summary: $summary,
            },)*
        ];
    };
}

commands! {
    "echo" "<text>" User Command::Echo, "print the words that follow";
    "hard-reload" "" Admin Command::Reload { hard: true }, "reload and end the former worker at once";
    "operator" "" Operator Command::Lower(Level::Operator), "continue with the operator level";
    "reload" "" Admin Command::Reload { hard: false }, "reload; the former worker finishes its sessions";
    "show cli level" "" User Command::ShowLevel, "level of this connection";
    "show cli sockets" "" User Command::ShowSockets, "sockets of this command line";
    "show env" "" Operator Command::ShowEnv, "environment of the master";
    "show proc" "" User Command::ShowProc, "the master and its workers";
    "show startup-logs" "" User Command::ShowStartupLogs, "messages of the latest start or reload";
    "show version" "" User Command::ShowVersion, "version of the master";
    "user" "" User Command::Lower(Level::User), "continue with the user level";
    "help" "[<command>]" User Command::Help, "these lines, all or the matching ones";
    "prompt" "[help | i | p]*" User Command::Prompt, "show a prompt, or not";
    "quit" "" User Command::Quit, "disconnect";
}

/// Prefixes, which are no commands but listed with them.
const PREFIXES: &[(&str, &str)] = &[
    ("@<relative pid> [<command>]", "send a command, or all that follow, to a worker by its place"),
    ("@!<pid> [<command>]", "send a command, or all that follow, to a worker by its id"),
    ("@@<[!]pid> [<command>...]", "send the rest of the line to a worker on one connection"),
    ("@master [<command>]", "send a command, or all that follow, to the master"),
];

/// What the words of a command mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// A command with the words after it.
    Command(Command, Vec<String>),
    /// Nothing was said.
    Empty,
    /// Not at this level.
    Denied,
    /// No such command; the answer.
    Unknown(String),
}

/// Understands one command at a level.
pub fn understand(text: &str, level: Level) -> Parsed {
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.is_empty() {
        return Parsed::Empty;
    }
    for row in COMMANDS {
        let own: Vec<&str> = row.words.split(' ').collect();
        if words.starts_with(&own) {
            if level < row.level {
                return Parsed::Denied;
            }
            let rest = words.iter().skip(own.len()).map(|word| (*word).to_owned()).collect();
            return Parsed::Command(row.command, rest);
        }
    }
    let first = words.first().copied().unwrap_or_default();
    Parsed::Unknown(format!(
        "Unknown command: '{first}', but maybe one of the following ones is a better match:\n{}",
        help(words.get(..1).unwrap_or_default(), level)
    ))
}

/// The list of commands at a level, or of those that begin with `filter`; never without a way out.
pub fn help(filter: &[&str], level: Level) -> String {
    let mut text = String::new();
    let mut line = |left: &str, summary: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {left:<40}: {summary}");
    };
    if filter.is_empty() {
        for (prefix, summary) in PREFIXES {
            line(prefix, summary);
        }
    }
    let way_out = [Command::Help, Command::Prompt, Command::Quit];
    for row in COMMANDS.iter().filter(|row| level >= row.level) {
        if filter.is_empty() || row.words.starts_with(&filter.join(" ")) || way_out.contains(&row.command) {
            line(format!("{} {}", row.words, row.arguments).trim_end(), row.summary);
        }
    }
    text
}

/// Whom a command is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The master.
    Master,
    /// A worker, as written after the `@`: a place from 1, or `!` and a process id.
    Worker(String),
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// From here on commands are for this one.
    Select(Target),
    /// One command, for the given one or the selected one.
    Run(Option<Target>, String),
    /// The rest of the line, on one connection of this worker.
    Rest(String, String),
}

/// Cuts a line into its steps.
pub fn steps(line: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = Some(line.trim_end_matches(['\r', '\n']));
    while let Some(text) = rest {
        let text = text.trim_start();
        if let Some(after) = text.strip_prefix("@@") {
            let (worker, commands) = after.split_once([' ', '\t']).unwrap_or((after, ""));
            steps.push(Step::Rest(worker.to_owned(), commands.trim().to_owned()));
            return steps;
        }
        let (command, more) = cut(text);
        rest = more;
        let command = command.trim_end();
        let Some(after) = command.strip_prefix('@') else {
            steps.push(Step::Run(None, command.to_owned()));
            continue;
        };
        let (name, own) = after.split_once([' ', '\t']).unwrap_or((after, ""));
        let target = if matches!(name, "" | "master") { Target::Master } else { Target::Worker(name.to_owned()) };
        steps.push(match own.trim() {
            "" => Step::Select(target),
            own => Step::Run(Some(target), own.to_owned()),
        });
    }
    steps
}

/// The text before the first `;` that no backslash protects, and what follows it.
fn cut(text: &str) -> (&str, Option<&str>) {
    let mut protected = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if protected => protected = false,
            '\\' => protected = true,
            ';' => return (text.get(..at).unwrap_or_default(), text.get(at + 1..)),
            _ => {}
        }
    }
    (text, None)
}

/// The line that ends the payload a command announces with its last word, `<<` or `<<PATTERN`.
pub fn payload_end(command: &str) -> Option<String> {
    command.split_whitespace().last()?.strip_prefix("<<").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use std::collections::BTreeSet;

    fn check(line: &str, expected: Expect) {
        let shown: Vec<String> = steps(line).iter().map(|step| format!("{step:?}")).collect();
        expected.assert_eq(&shown.join(" "));
    }

    #[test]
    fn lines() {
        check("show proc", expect![[r#"Run(None, "show proc")"#]]);
        check("@1 show info; show proc\r", expect![[r#"Run(Some(Worker("1")), "show info") Run(None, "show proc")"#]]);
        check("@1", expect![[r#"Select(Worker("1"))"#]]);
        check("@ ; @master help", expect![[r#"Select(Master) Run(Some(Master), "help")"#]]);
        check("@!42 a\\;b", expect![[r#"Run(Some(Worker("!42")), "a\\;b")"#]]);
        check(
            "echo a; @@1 show info; show stat",
            expect![[r#"Run(None, "echo a") Rest("1", "show info; show stat")"#]],
        );
        check("@@!7", expect![[r#"Rest("!7", "")"#]]);
        check("", expect![[r#"Run(None, "")"#]]);
    }

    #[test]
    fn levels() {
        assert_eq!(understand("reload", Level::Operator), Parsed::Denied);
        assert_eq!(understand("user", Level::User), Parsed::Command(Command::Lower(Level::User), vec![]));
        assert_eq!(understand("operator", Level::User), Parsed::Denied);
        assert_eq!(understand("  ", Level::Admin), Parsed::Empty);
        assert_eq!(understand("echo a  b", Level::User), Parsed::Command(Command::Echo, vec!["a".into(), "b".into()]));
    }

    #[test]
    fn unknown_commands_get_the_nearest() {
        let Parsed::Unknown(text) = understand("show foo", Level::Admin) else { panic!("known") };
        assert!(text.starts_with("Unknown command: 'show', but maybe one of the following ones is a better match:\n"));
        assert!(text.contains("  show proc ") && text.contains("  quit ") && !text.contains("  reload "), "{text}");
    }

    #[test]
    fn words_are_unique_and_every_command_understands_itself() {
        let words: BTreeSet<_> = COMMANDS.iter().map(|row| row.words).collect();
        assert_eq!(words.len(), COMMANDS.len());
        for row in COMMANDS {
            assert_eq!(understand(row.words, Level::Admin), Parsed::Command(row.command, vec![]));
        }
    }

    #[test]
    fn payloads() {
        assert_eq!(payload_end("add map #1 <<"), Some(String::new()));
        assert_eq!(payload_end("add map #1 <<END"), Some("END".to_owned()));
        assert_eq!(payload_end("add map #1"), None);
    }
}
