//! Sequences of commands: the table of commands says what there is, this says what is worth trying.

use super::{LENGTH, Random};
use lb_admin::{Arg, COMMANDS, Command, CommandId, Name, Since};

/// A random sequence of commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// What it comes from.
    pub seed: u64,
    /// The commands, one a line.
    pub commands: Vec<String>,
}

impl Sequence {
    /// The sequence of that seed.
    pub fn new(seed: u64) -> Sequence {
        let rows: Vec<&Command> = COMMANDS.iter().filter(|command| is_played(command)).collect();
        // Each command has numbers of its own, so that a row that joins the table changes few of them.
        let own = |nth: u64| Random::new(seed.wrapping_mul(0x1_0000).wrapping_add(nth));
        let commands = (0..LENGTH as u64).map(|nth| command(&mut own(nth), &rows)).collect();
        Sequence { seed, commands }
    }
}

/// Commands both programs have, that end by themselves and speak of more than the connection.
fn is_played(command: &Command) -> bool {
    let unfit = matches!(
        command.id,
        CommandId::Operator
            | CommandId::User
            | CommandId::Prompt
            | CommandId::Quit
            | CommandId::ExpertMode
            | CommandId::ExperimentalMode
            | CommandId::GetSocks
            // Its effects come later, and on some builds not at all.
            | CommandId::SetProfiling
    );
    command.since == Since::V2_6 && !unfit
}

/// Commands that change states are the most interesting.
fn command(random: &mut Random, rows: &[&Command]) -> String {
    let often = [CommandId::SetServer, CommandId::SetServer, CommandId::AddServer, CommandId::DelServer];
    let switches = [
        CommandId::DisableAgent,
        CommandId::DisableHealth,
        CommandId::DisableServer,
        CommandId::EnableAgent,
        CommandId::EnableHealth,
        CommandId::EnableServer,
        CommandId::SetWeight,
        CommandId::SetMaxconnServer,
    ];
    let chosen = match random.below(10) {
        0..=5 => often[random.below(often.len())].command(),
        6..=8 => switches[random.below(switches.len())].command(),
        _ => rows[random.below(rows.len())],
    };
    line(random, chosen)
}

fn line(random: &mut Random, command: &Command) -> String {
    let mut words = vec![command.words.to_owned()];
    match command.id {
        CommandId::AddServer => new_server(random, &mut words),
        // An operator's address is followed by its port, or by nothing.
        CommandId::SetServer if random.one_in(8) => {
            words.push(server(random));
            words.push("addr".to_owned());
            words.push(address(random));
            if random.one_in(2) {
                words.extend(["port".to_owned(), port(random)]);
            }
        }
        _ => {
            for arg in command.args {
                argument(random, arg, &mut words);
            }
        }
    }
    words.join(" ")
}

fn argument(random: &mut Random, arg: &Arg, words: &mut Vec<String>) {
    match arg {
        Arg::Name(Name::Server) => words.push(server(random)),
        Arg::Name(Name::Backend) => words.push(backend(random)),
        Arg::Name(Name::Frontend | Name::Proxy) => words.push(random.pick(&["fe", "app", "nope"]).to_owned()),
        Arg::OneOf(choices) => words.push(random.pick(choices).to_owned()),
        Arg::Keyed(rows) => {
            // What follows an address is chosen with care elsewhere.
            let rows: Vec<_> = rows.iter().filter(|row| !row.word.contains("addr") && row.word != "name").collect();
            let row = rows[random.below(rows.len())];
            words.push(row.word.to_owned());
            for arg in row.args {
                let text = match (row.word, arg) {
                    ("check-port" | "agent-port", _) => port(random),
                    ("agent-send", _) => random.pick(&["hello", "x"]).to_owned(),
                    _ => {
                        argument(random, arg, words);
                        continue;
                    }
                };
                words.push(text);
            }
        }
        Arg::Many(choices) => {
            for _ in 0..random.below(3) {
                let choice = &choices[random.below(choices.len())];
                argument(random, choice, words);
            }
        }
        Arg::Number => words.push(random.pick(NUMBERS).to_owned()),
        Arg::Text | Arg::Rest => words.push(random.pick(&["x", "0x1", "1"]).to_owned()),
    }
}

/// Weights, limits and what is none.
const NUMBERS: &[&str] =
    &["0", "1", "2", "10", "50", "100", "256", "300", "-1", "0%", "50%", "100%", "150%", "1000%", "x", "5x"];

/// A server of the configuration, or one that may have been added, by name or number; now and then none.
fn server(random: &mut Random) -> String {
    match random.below(40) {
        0 => backend(random),
        1 => format!("{}/", backend(random)),
        2..=4 => format!("{}/{}", backend(random), random.pick(&["s1", "s5", "d3", "#1", "#6", "nope"])),
        _ => random.pick(SERVERS).to_owned(),
    }
}

/// Servers of the configuration and those that `add server` is given.
const SERVERS: &[&str] = &[
    "app/s1", "app/s1", "app/s2", "app/s3", "app/s3", "app/s4", "app/s5", "app/d1", "app/d1", "app/d2", "app/d3",
    "#3/#1", "app/#6", "tcpb/s1", "tcpb/s2", "tcpb/s3", "tcpb/d1", "tcpb/d2", "fixed/s1", "fixed/s2", "ring/s1",
    "ring/s2", "ring/d1",
];

fn backend(random: &mut Random) -> String {
    let known = random.pick(&["app", "app", "app", "app", "app", "tcpb", "tcpb", "ring", "ring", "#3", "fixed", ""]);
    if known.is_empty() { random.pick(&["nope", "fe"]).to_owned() } else { known.to_owned() }
}

fn address(random: &mut Random) -> String {
    random.pick(&["127.0.0.1", "127.0.0.2", "192.0.2.7", "::1", "2001:db8::7"]).to_owned()
}

fn port(random: &mut Random) -> String {
    random.pick(&["1", "80", "8080", "65535"]).to_owned()
}

/// Parameters of a server that have the same effect in all versions.
const PARAMETERS: &[&str] = &[
    "weight 0",
    "weight 7",
    "weight 256",
    "weight 300",
    "backup",
    "disabled",
    "maxconn 3",
    "id 6",
    "id 9",
    "id 1",
    "check inter 1h",
    "check inter 1h rise 1 fall 1",
    "agent-check agent-port 1 agent-inter 1h",
    "agent-check",
    "agent-inter 1h",
    "slowstart 1h",
    "error-limit 3",
    "observe layer4",
    "on-marked-down shutdown-sessions",
    "pool-max-conn 2",
    "init-addr none",
    "resolvers x",
    "nonsense",
];

fn new_server(random: &mut Random, words: &mut Vec<String>) {
    words.push(format!("{}/{}", backend(random), random.pick(&["d1", "d2", "d3", "d1", "d2", "d3", "s1", "b@d"])));
    words.push(
        random
            .pick(&["127.0.0.1:20", "127.0.0.1:21", "[::1]:22", "192.0.2.1", "host.example:23", "1.2.3.4:x"])
            .to_owned(),
    );
    for _ in 0..random.below(4) {
        words.push(random.pick(PARAMETERS).to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_seed_is_a_sequence() {
        assert_eq!(Sequence::new(7), Sequence::new(7));
        assert_ne!(Sequence::new(7).commands, Sequence::new(8).commands);
    }

    #[test]
    fn every_fit_command_is_played() {
        let lines: Vec<String> = (0..400).flat_map(|seed| Sequence::new(seed).commands).collect();
        let fit: BTreeSet<&str> = COMMANDS.iter().filter(|c| is_played(c)).map(|c| c.words).collect();
        for words in fit {
            assert!(lines.iter().any(|line| line == words || line.starts_with(&format!("{words} "))), "{words}");
        }
        assert!(lines.iter().all(|line| !line.contains('\n') && !line.contains(';')));
    }
}
