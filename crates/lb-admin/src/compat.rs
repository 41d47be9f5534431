//! How this program stands to HAProxy 3.x, command by command, and the document that says so.
//!
//! A command that works has its row in [`COMMANDS`]; where it deliberately differs, [`DIFFERENCES`] says how.
//! Commands of HAProxy 3.x that have no row there have one in [`ABSENT`], with the reason.

use std::fmt::Write;

use lb_model::Level;

use crate::table::{COMMANDS, Command, CommandId, Since};

/// What became of a command of HAProxy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It works as there.
    Done,
    /// It works as there, and shows the inside of this engine.
    OwnInside(&'static str),
    /// It works, with this difference.
    Different(&'static str),
    /// It does not exist here yet, for lack of this.
    NotYet(&'static str),
    /// It makes no sense here, for this reason.
    NotApplicable(&'static str),
}

/// A command of HAProxy 3.x that this program does not have.
#[derive(Debug, Clone, Copy)]
pub struct Absent {
    /// The words that call it.
    pub words: &'static str,
    /// The words with their arguments.
    pub usage: &'static str,
    /// The lowest level that may run it.
    pub level: Level,
    /// Why it is absent.
    pub state: State,
}

macro_rules! absent {
    ($( $level:ident, $words:literal, $usage:literal, $state:ident($why:expr); )*) => {
        /// The commands that have no row in [`COMMANDS`], in alphabetical order.
        pub const ABSENT: &[Absent] = &[ $( Absent {
            words: $words,
            usage: $usage,
            level: Level::$level,
            state: State::$state($why),
        }, )* ];
    };
}

const ACME: &str =
    "certificates are not ordered: a program of their own does it, and `set ssl cert` puts them in force";
const JWT: &str = "no expression verifies tokens";
const OCSP: &str = "responses are not fetched: `set ssl ocsp-response` puts them in force";

absent! {
    Admin, "acme challenge_ready", "acme challenge_ready <certfile> domain <domain>", NotApplicable(ACME);
    Admin, "acme renew", "acme renew <certfile>", NotApplicable(ACME);
    Admin, "acme status", "acme status", NotApplicable(ACME);
    Admin, "add ssl jwt", "add ssl jwt <certfile>", NotApplicable(JWT);
    Admin, "del ssl jwt", "del ssl jwt <certfile>", NotApplicable(JWT);
    Operator, "show ssl jwt", "show ssl jwt", NotApplicable(JWT);
    Admin, "update ssl ocsp-response", "update ssl ocsp-response <certfile>", NotApplicable(OCSP);
}

/// Commands that work otherwise than HAProxy's, and how.
pub const DIFFERENCES: &[(CommandId, &str)] = &[
    (CommandId::AddSslCrtList, "a line with options in brackets is refused: those are read at start only"),
    (CommandId::DebugCounters, "`reset` needs the level admin; its events are those of this engine"),
    (CommandId::DumpStatsFile, "ages and rates are told, but a start does not take them over"),
    (
        CommandId::SetAnonOn,
        "in `show sess`, an address is shown as a hash and its port; a wrong key is refused in other words",
    ),
    (CommandId::SetProfiling, "neither locks nor allocations are timed; `auto` stays off"),
    (CommandId::SetRateLimit, "`http-compression` is kept and shown; there is no compression to limit"),
    (CommandId::SetServer, "an `addr … port` whose port is refused leaves the address alone too"),
    (CommandId::SetSslTlsKey, "keys of tickets are the TLS library's and stand in no file, so no file is known"),
    (CommandId::ShowCache, "always empty, as there is no cache"),
    (CommandId::ShowEvents, "there is no ring `dpapi`; the list is for everybody, what rings hold for operators"),
    (CommandId::ShowPeers, "always empty: stick tables are not exchanged with peers"),
    (CommandId::ShowSslCaFile, "`@system-ca` is there only where the configuration names it"),
    (CommandId::ShowSslOcspResponse, "of a response, identifier, certificate and serial number are shown"),
    (CommandId::ShowSslOcspUpdates, "always empty, as responses are not fetched"),
    (CommandId::ShowTlsKeys, "always empty, as keys of tickets are the TLS library's"),
    (CommandId::Wait, "a bare one that is interrupted answers `Interrupted.`"),
];

/// Commands that show the inside of the program: in HAProxy's form, what there is here.
pub const INSIDE: &[(CommandId, &str)] = &[
    (
        CommandId::ShowActivity,
        "the control thread is the last one; what counts machinery that is not here is 0, and stolen time is told in total only",
    ),
    (CommandId::ShowDev, "its facts are those of this engine, in other words"),
    (CommandId::ShowFd, "states are those of this engine's sockets; the owner is the session's number"),
    (CommandId::ShowPools, "its pools are those of this engine"),
    (CommandId::ShowProfiling, "its functions are those of this engine, and the time a task waits to run is not known"),
    (
        CommandId::ShowSess,
        "what it says of HAProxy's own machinery (flags, analysers, calls) is constant; `show-uri` shows requests of frontends that log, and of others from its first use on",
    ),
    (CommandId::ShowSslProviders, "it names `ring`"),
    (CommandId::ShowTasks, "it counts the tasks there are, not only those about to run"),
    (CommandId::ShowThreads, "the facts of a thread are those of this engine; the control thread is the last one"),
    (CommandId::ShowTrace, "the sources are those of this engine"),
    (CommandId::Trace, "the sources and their events are those of this engine"),
];

/// The state of a command that this program has.
pub fn state(id: CommandId) -> State {
    let row_of = |rows: &'static [(CommandId, &'static str)]| rows.iter().find(|row| row.0 == id).map(|row| row.1);
    match (row_of(DIFFERENCES), row_of(INSIDE)) {
        (Some(how), _) => State::Different(how),
        (None, Some(what)) => State::OwnInside(what),
        (None, None) => State::Done,
    }
}

/// The document, in Markdown: every command of HAProxy 3.x with its level and its state here.
pub fn document() -> String {
    let mut rows: Vec<Row> = ABSENT.iter().map(Row::from).collect();
    rows.extend(COMMANDS.iter().filter(|c| c.since != Since::Own).map(Row::from));
    rows.sort_by_key(|row| row.words);
    let mut text = String::from(INTRODUCTION);
    let counts = rows.iter().fold([0; 5], |mut counts, row| {
        if let Some(count) = counts.get_mut(rank(row.state)) {
            *count += 1;
        }
        counts
    });
    let [done, inside, different, not_yet, not_applicable] = counts;
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{done} done, {inside} done with this engine's inside, {different} different, {not_yet} not yet, {not_applicable} not applicable.\n\n\
         | command | level | state |\n|---|---|---|"
    );
    for row in rows {
        let usage = row.usage.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
        let _ = writeln!(text, "| `{usage}` | {} | {} |", row.level, words_of(row.state));
    }
    text.push_str(OWN);
    for command in COMMANDS.iter().filter(|c| c.since == Since::Own) {
        let usage = command.usage.replace('|', "\\|");
        let _ = writeln!(text, "| `{usage}` | {} | {} |", command.level, command.summary);
    }
    for (form, what) in OWN_FORMS {
        let _ = writeln!(text, "| `{}` | admin | {what} |", form.replace('|', "\\|"));
    }
    text
}

const INTRODUCTION: &str = "\
<!-- Generated by `cargo xtask codegen` from the tables in crates/lb-admin; do not edit. -->

# Compatibility

The commands of the Runtime API in HAProxy 3.x, as its `help` lists them and a few that it hides, the lowest level that
may run each, and how each stands here.

- *done*: answers and effects are those of HAProxy; help texts and usages are in words of their own;
- *done, of this engine*: the form is HAProxy's, and what is shown with it is the inside of this engine, truthfully;
- *different*: it works, with the difference that is named;
- *not yet*: an unknown command, and what it would need;
- *not applicable*: an unknown command, and why it will stay one.

";

const OWN: &str = "
## Commands of this program's own

With `compat strict` in the global section each of these is what it is to HAProxy: an unknown command, an unknown name, or
words after a complete command that mean nothing.

| command | level | what it does |
|---|---|---|
";

/// Forms of HAProxy's commands that only this program understands.
pub const OWN_FORMS: &[(&str, &str)] = &[
    (
        "set server <bk>/web[1-3],<bk2>/* state|weight|health|agent <value>",
        "several servers at once, all or none; also with `enable` and `disable`, `set weight` and `set maxconn server`",
    ),
    ("set server <bk>/<srv> state drain for <time>", "a lease: the state, or the weight, returns by itself"),
    (
        "set server <bk>/<srv> … if-unchanged <revision>",
        "refused if somebody else changed the server since that revision",
    ),
];

struct Row {
    words: &'static str,
    usage: &'static str,
    level: Level,
    state: State,
}

impl From<&Absent> for Row {
    fn from(absent: &Absent) -> Self {
        Self { words: absent.words, usage: absent.usage, level: absent.level, state: absent.state }
    }
}

impl From<&Command> for Row {
    fn from(command: &Command) -> Self {
        Self { words: command.words, usage: command.usage, level: command.level, state: state(command.id) }
    }
}

fn rank(state: State) -> usize {
    match state {
        State::Done => 0,
        State::OwnInside(_) => 1,
        State::Different(_) => 2,
        State::NotYet(_) => 3,
        State::NotApplicable(_) => 4,
    }
}

fn words_of(state: State) -> String {
    match state {
        State::Done => "done".to_owned(),
        State::OwnInside(what) => format!("done, of this engine: {what}"),
        State::Different(how) => format!("different: {how}"),
        State::NotYet(why) => format!("not yet: {why}"),
        State::NotApplicable(why) => format!("not applicable: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::find;
    use std::collections::BTreeSet;

    #[test]
    fn no_command_is_both_here_and_absent() {
        for absent in ABSENT {
            let words: Vec<&str> = absent.words.split(' ').collect();
            assert!(find(&words).is_none(), "{} works: it needs no row here", absent.words);
            assert!(absent.usage.starts_with(absent.words), "{}", absent.usage);
            assert!(matches!(absent.state, State::NotYet(_) | State::NotApplicable(_)), "{}", absent.words);
        }
        assert!(ABSENT.is_sorted_by(|a, b| a.words < b.words));
    }

    #[test]
    fn differences_are_told_once() {
        let ids: BTreeSet<_> = DIFFERENCES.iter().chain(INSIDE).map(|(id, _)| id).collect();
        assert_eq!(ids.len(), DIFFERENCES.len() + INSIDE.len());
        assert!(DIFFERENCES.len() + ABSENT.len() < 25, "the list of what is not as there grows");
        assert_eq!(state(CommandId::ShowPools), State::OwnInside("its pools are those of this engine"));
        assert_eq!(state(CommandId::Quit), State::Done);
        assert!(matches!(state(CommandId::SetServer), State::Different(_)));
    }

    #[test]
    fn the_document_has_a_line_for_every_command() {
        let text = document();
        let lines = text.lines().filter(|line| line.starts_with("| `")).count();
        assert_eq!(lines, ABSENT.len() + COMMANDS.len() + OWN_FORMS.len());
        assert!(text.contains("| `clear counters [all\\|server <bk>/<srv> [force]]` | operator | done |"));
    }
}
