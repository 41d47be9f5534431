//! The texts of `help` and of the answer to an unknown command.

use std::fmt::Write;
use std::sync::LazyLock;

use crate::suggest::Suggester;
use crate::table::{COMMANDS, Command, Help};

/// The answer to `help` and `help <words>`. It lists commands of all levels.
pub fn help<S: AsRef<str>>(words: &[S]) -> String {
    list("The following commands are valid at this level:", words)
}

/// The answer to words that call no command.
pub fn unknown<S: AsRef<str>>(words: &[S]) -> String {
    let first = words.first().map_or("", AsRef::as_ref);
    let heading = format!("Unknown command: '{first}', but maybe one of the following ones is a better match:");
    list(&heading, words)
}

/// The commands these words may have meant; all listed ones for no words.
pub fn suggestions<S: AsRef<str>>(words: &[S]) -> Vec<&'static Command> {
    let (listed, suggester) = &*LISTED;
    suggester.suggest(words).into_iter().filter_map(|index| listed.get(index).copied()).collect()
}

/// The listed commands, ready to be compared with.
static LISTED: LazyLock<(Vec<&'static Command>, Suggester<'static>)> = LazyLock::new(|| {
    let listed: Vec<&Command> = COMMANDS.iter().filter(|c| c.help == Help::Listed).collect();
    let suggester = Suggester::new(listed.iter().map(|c| c.split_words().collect::<Vec<_>>()));
    (listed, suggester)
});

fn list<S: AsRef<str>>(heading: &str, words: &[S]) -> String {
    let always = COMMANDS.iter().filter(|c| c.help == Help::Always);
    let mut text = format!("{heading}\n");
    for command in suggestions(words).into_iter().chain(always) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {:<40}: {}", command.usage, command.summary);
    }
    text
}
