//! Random sequences of admin commands over two programs, which must leave the same states.
//!
//! A sequence comes from its seed alone, so that whoever has the number can play it again. Many are played in one pair of
//! processes, each on backends of its own; one whose outcomes differ is played once more in fresh processes, with a look
//! after each command.

mod generate;
mod number;

pub use generate::Sequence;
pub use number::Random;

use crate::{Engine, Launch, Origin, Program, diff, until};
use anyhow::Context;
use std::ops::Range;

/// Commands of a sequence.
pub const LENGTH: usize = 30;

/// Sequences played in one pair of processes, each on backends of its own.
pub const BATCH: u64 = 50;

const HEAD: &str = "\
global
    stats socket {sock} level admin
    maxconn 100
    nbthread 1
defaults
    mode http
    timeout connect 5s
    timeout client 20s
    timeout server 20s
";

/// What a sequence is played on: servers of all kinds. The checks of the first copy run at the start, those of
/// the others minutes later, when all is over.
const GROUND: &str = "\
frontend fe
    id 2
    bind 127.0.0.1:{port:fe}
    default_backend app
backend app
    id 3
    balance roundrobin
    server s1 {origin} check inter 6h
    server s2 127.0.0.1:1 weight 50 backup
    server s3 127.0.0.1:2 track s1
    server s4 127.0.0.1:3 disabled
    server s5 127.0.0.1:4 weight 10 maxconn 5
backend tcpb
    id 4
    mode tcp
    balance leastconn
    server s1 127.0.0.1:5 track app/s1
    server s2 127.0.0.1:6 weight 100 slowstart 1h
    server s3 127.0.0.1:7 backup
backend fixed
    id 5
    balance static-rr
    server s1 127.0.0.1:8 weight 20
    server s2 127.0.0.1:9
backend ring
    id 6
    balance source
    hash-type consistent
    server s1 127.0.0.1:10
    server s2 127.0.0.1:11 track app/s3
";

/// A text about the ground with the names and ids of one of its copies.
fn on_copy(text: &str, copy: u64) -> String {
    let renamed = |word: &str| {
        let (path, rest) = match word.find(['/', '}']) {
            Some(at) => word.split_at(at),
            None => (word, ""),
        };
        if ["fe", "app", "tcpb", "fixed", "ring"].contains(&path) {
            return format!("{path}{copy}{rest}");
        }
        match path.strip_prefix('#').and_then(|id| id.parse::<u64>().ok()) {
            Some(id) => format!("#{}{rest}", id_on_copy(id, copy)),
            None => word.to_owned(),
        }
    };
    let line = |line: &str| match line.trim_start().strip_prefix("id ").and_then(|id| id.parse().ok()) {
        Some(id) => format!("    id {}\n", id_on_copy(id, copy)),
        None => {
            let line = line.replace("{port:fe}", &format!("{{port:fe{copy}}}"));
            line.split(' ').map(renamed).collect::<Vec<_>>().join(" ") + "\n"
        }
    };
    text.lines().map(line).collect::<String>()
}

/// Proxies of copy 0 begin at 10, those of copy 1 at 20.
const fn id_on_copy(id: u64, copy: u64) -> u64 {
    10 * (copy + 1) + id
}

/// Two programs to compare.
#[derive(Debug)]
pub struct Arena {
    engines: [Engine; 2],
    origin: Origin,
    config: String,
}

/// States that differ.
#[derive(Debug)]
pub struct Divergence {
    /// The sequence's seed.
    pub seed: u64,
    /// The commands up to the first that left other states.
    pub commands: Vec<String>,
    /// How the states differ.
    pub difference: String,
}

impl std::fmt::Display for Divergence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "seed {}: states differ after", self.seed)?;
        for command in &self.commands {
            writeln!(f, "    {command}")?;
        }
        f.write_str(&self.difference)
    }
}

impl Arena {
    /// An arena for `subject` and the oracle.
    ///
    /// # Errors
    /// When no origin can be started.
    pub fn new(subject: &Engine, oracle: &Engine) -> anyhow::Result<Arena> {
        let ground: String = (0..BATCH).map(|copy| on_copy(GROUND, copy)).collect();
        Ok(Arena {
            engines: [subject.clone(), oracle.clone()],
            origin: Origin::for_load("origin")?,
            config: format!("{HEAD}{ground}"),
        })
    }

    /// Plays the sequences of `seeds`, at most [`BATCH`], on both programs.
    ///
    /// # Errors
    /// When a program does not start, or stops answering.
    pub fn play(&self, seeds: Range<u64>) -> anyhow::Result<Vec<Divergence>> {
        let programs = self.start()?;
        for (copy, seed) in seeds.clone().enumerate() {
            for command in Sequence::new(seed).commands {
                for program in &programs {
                    program
                        .admin()
                        .ask(on_copy(&command, copy as u64).trim_end())
                        .with_context(|| format!("seed {seed}"))?;
                }
            }
        }
        let mut found = Vec::new();
        for (copy, seed) in seeds.enumerate() {
            let [mine, theirs] = [states(&programs[0], copy as u64)?, states(&programs[1], copy as u64)?];
            if let Some(difference) = diff(&mine, &theirs) {
                found.push(self.look_closer(seed, copy as u64, &difference)?);
            }
        }
        Ok(found)
    }

    /// Plays one sequence with a look after each command. `difference` is how its outcomes differed in the batch.
    fn look_closer(&self, seed: u64, copy: u64, difference: &str) -> anyhow::Result<Divergence> {
        let [mine, theirs] = self.start()?;
        let mut commands = Vec::new();
        for command in Sequence::new(seed).commands {
            let command = on_copy(&command, copy).trim_end().to_owned();
            let answers = [mine.admin().ask(&command)?, theirs.admin().ask(&command)?];
            commands.push(command);
            if let Some(difference) = diff(&states(&mine, copy)?, &states(&theirs, copy)?) {
                let difference = format!("answers: {answers:?}\n{difference}");
                return Ok(Divergence { seed, commands, difference });
            }
        }
        let difference = format!("at the end of the batch, and not when the sequence was played alone:\n{difference}");
        Ok(Divergence { seed, commands, difference })
    }

    fn start(&self) -> anyhow::Result<[Program; 2]> {
        let [mine, theirs] = &self.engines;
        Ok([self.launch(mine)?, self.launch(theirs)?])
    }

    /// Starts a program and waits for the only check that comes soon.
    fn launch(&self, engine: &Engine) -> anyhow::Result<Program> {
        let program = Launch::new(engine)?.set("origin", self.origin.address()).start(&self.config)?;
        until("the first check", || {
            (program.admin().stat("app0", "s1", "check_status").ok()? == "L4OK").then_some(())
        })?;
        Ok(program)
    }
}

/// What must be equal: `show servers state` without the times, and the status of each object.
fn states(program: &Program, copy: u64) -> anyhow::Result<String> {
    let admin = program.admin();
    let mut out = String::new();
    for id in 2..=6 {
        let id = id_on_copy(id, copy);
        for line in admin.ask(&format!("show servers state #{id}"))?.lines() {
            let timeless = line.split(' ').enumerate().map(|(at, word)| if at == TIME { "-" } else { word });
            out.extend(timeless.flat_map(|word| [word, " "]));
            out.push('\n');
        }
        for line in admin.ask(&format!("show stat {id} -1 -1"))?.lines().skip(1) {
            let mut cells = line.split(',');
            let object = cells.next().zip(cells.next());
            if let (Some((proxy, name)), Some(status)) = (object, cells.nth(STATUS - 2)) {
                out.push_str(&format!("{proxy}/{name} {status}\n"));
            }
        }
    }
    Ok(out)
}

/// Column of the time since the last change in `show servers state`.
const TIME: usize = 9;

/// Column of the status in `show stat`.
const STATUS: usize = 17;

#[cfg(test)]
mod tests {
    use super::on_copy;

    #[test]
    fn copies_have_names_and_numbers_of_their_own() {
        let text = "backend app\n    id 3\n    server s1 127.0.0.1:1 track app/s1\n";
        assert_eq!(on_copy(text, 2), "backend app2\n    id 33\n    server s1 127.0.0.1:1 track app2/s1\n");
        assert_eq!(on_copy("del server #3/#1", 0), "del server #13/#1\n");
        assert_eq!(on_copy("    bind 127.0.0.1:{port:fe}", 1), "    bind 127.0.0.1:{port:fe1}\n");
    }
}
