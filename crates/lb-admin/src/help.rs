//! The texts of `help` and of the answer to an unknown command.

use std::fmt::Write;
use std::sync::LazyLock;

use crate::suggest::Suggester;
use crate::table::{COMMANDS, Command, Help};
use lb_model::Compat;

/// The answer to `help` and `help <words>`. It lists commands of all levels.
pub fn help<S: AsRef<str>>(words: &[S], compat: Compat) -> String {
    list("The following commands are valid at this level:", words, compat)
}

/// The answer to words that call no command.
pub fn unknown<S: AsRef<str>>(words: &[S], compat: Compat) -> String {
    let first = words.first().map_or("", AsRef::as_ref);
    let heading = format!("Unknown command: '{first}', but maybe one of the following ones is a better match:");
    list(&heading, words, compat)
}

/// The commands these words may have meant; all listed ones for no words.
pub fn suggestions<S: AsRef<str>>(words: &[S], compat: Compat) -> Vec<&'static Command> {
    let (listed, suggester) = match compat {
        Compat::Extended => &*LISTED,
        Compat::Strict => &*LISTED_STRICTLY,
    };
    suggester.suggest(words).into_iter().filter_map(|index| listed.get(index).copied()).collect()
}

/// The listed commands, ready to be compared with.
type Listed = (Vec<&'static Command>, Suggester<'static>);

static LISTED: LazyLock<Listed> = LazyLock::new(|| listed(Compat::Extended));
static LISTED_STRICTLY: LazyLock<Listed> = LazyLock::new(|| listed(Compat::Strict));

fn listed(compat: Compat) -> Listed {
    let here = |c: &&Command| c.help == Help::Listed && c.exists_for(compat);
    let listed: Vec<&Command> = COMMANDS.iter().filter(here).collect();
    let suggester = Suggester::new(listed.iter().map(|c| c.split_words().collect::<Vec<_>>()));
    (listed, suggester)
}

fn list<S: AsRef<str>>(heading: &str, words: &[S], compat: Compat) -> String {
    let always = COMMANDS.iter().filter(|c| c.help == Help::Always);
    let mut text = format!("{heading}\n");
    for command in suggestions(words, compat).into_iter().chain(always) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {:<40}: {}", command.usage, command.summary);
    }
    text
}
