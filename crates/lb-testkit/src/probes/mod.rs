//! Answers recorded from HAProxy 3.5, compared byte for byte with those of the program under test.
//!
//! Each probe goes to a fresh process over a fresh connection. What varies between runs is hidden by
//! `hide`; where the program has fewer commands, lists of commands are compared as far as they go.

pub mod hide;

use crate::{Admin, Engine, LONG, Launch, Mode, Normaliser, Origin, Program, diff, until};
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// One recorded exchange.
#[derive(Debug, Clone)]
pub struct Probe {
    /// Level of the socket.
    pub level: String,
    /// What was sent.
    pub sent: String,
    answer: String,
    closes: bool,
    /// Whether 2.6 answered the same.
    pub also_2_6: bool,
}

/// All that were recorded.
///
/// # Errors
/// When a line of the file is not what it should be.
pub fn recorded() -> Result<Vec<Probe>> {
    let text = include_str!("../../../../tests/data/probes.jsonl");
    text.lines().map(|line| probe(line).with_context(|| format!("in probes.jsonl: {line}"))).collect()
}

fn probe(line: &str) -> Result<Probe> {
    let value: serde_json::Value = serde_json::from_str(line)?;
    let text = |key: &str| value.get(key).and_then(|text| text.as_str()).map(str::to_owned).context(key.to_owned());
    Ok(Probe {
        level: text("level")?,
        sent: text("in")?,
        answer: text("out")?,
        closes: text("end")? == "closed",
        also_2_6: value.get("also_2_6").and_then(serde_json::Value::as_bool).context("also_2_6")?,
    })
}

/// Probes whose recorded answer is not the model, each with the reason.
const NOT_COMPARED: &[(&str, &str)] = &[
    ("set server app/web01 check-addr 127.0.0.9 port 81\n", "3.5-dev5 refuses a valid address, an evident fault"),
    (
        "set server app/web01 addr 127.0.0.2 port 8081;show servers state app\n",
        "3.5 applies a change a moment after answering it",
    ),
    (
        "set server app/web01 addr 127.0.0.2 port +1;show servers state app\n",
        "3.5 changes the address and refuses the port; a refused command changes nothing here",
    ),
    ("show resolvers\n", "the name servers of this system are not those of the recording"),
    ("add server help\n", "it lists the parameters that work here"),
    ("show acl\n", "there is no internal HTTP client, whose ACLs HAProxy lists too"),
    ("prompt foo\n", "the usage is each program's own words"),
];

/// The program under the recorded configuration, its first check passed.
struct Bench {
    program: Program,
    _origins: [Origin; 3],
}

impl Bench {
    fn start(engine: &Engine) -> Result<Bench> {
        let origins = [Origin::http("o0")?, Origin::http("o1")?, Origin::with(Mode::Hang)?];
        let [o0, o1, agent] = &origins;
        let launch = Launch::new(engine)?
            .set("o0", o0.address())
            .set("o1", o1.address())
            .set("agent", agent.address().port())
            .file("deny.acl", "10.0.0.0/8\n192.168.0.0/16\n")?
            .file("hosts.map", "a.example.com app\nb.example.com tcpb\n")?;
        let config = include_str!("../../../../tests/data/probes.cfg");
        // HAProxy is what it is; only this program has more commands than were recorded.
        let strict = config.replacen("global\n", "global\n    compat strict\n", 1);
        let program = launch.start(if engine.is_haproxy { config } else { &strict })?;
        let bench = Bench { program, _origins: origins };
        let user = bench.socket("user");
        until("web01's first check", || {
            let state = user.ask("show servers state app").ok()?;
            // Check status 15 is L7OK.
            state.contains(" web01 127.0.0.1 2 0 1 1 ").then_some(())?;
            (user.stat("app", "web01", "check_status").ok()? == "L7OK").then_some(())
        })?;
        Ok(bench)
    }

    fn socket(&self, level: &str) -> Admin {
        Admin::new(self.program.dir().join(format!("{level}.sock")))
    }

    fn send(&self, probe: &Probe) -> Result<(String, bool)> {
        let mut session = self.socket(&probe.level).open()?;
        session.send(&self.filled(&probe.sent))?;
        let patience = if probe.closes { LONG } else { Duration::from_millis(500) };
        session.read_until_quiet(patience)
    }

    /// The recorder's placeholders replaced by what they stand for here.
    fn filled(&self, text: &str) -> String {
        text.replace("$DIR", &self.program.dir().display().to_string())
    }

    /// An answer of this run with placeholders where the recording has them.
    fn neutral(&self, text: &str) -> String {
        let [o0, o1, agent] = &self._origins;
        Normaliser::new()
            .literal(&self.program.dir().display().to_string(), "$DIR")
            .literal(&o0.address().port().to_string(), "<port0>")
            .literal(&o1.address().port().to_string(), "<port1>")
            .literal(&agent.address().port().to_string(), "<port1>")
            .literal(&self.program.address("fe").port().to_string(), "<front>")
            .apply(text)
    }
}

/// What became of one probe.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Equal.
    Equal,
    /// Equal in all that a smaller list of commands allows to compare.
    EqualAsFarAsItGoes,
    /// The recorded answer is not the model, for this reason.
    Skipped(&'static str),
    /// Different, and how.
    Different(String),
    /// Different, and a check was under way as the answer was made, which was not so when the recording was.
    Disturbed(String),
}

/// How often a probe is sent again because a check was under way.
const ATTEMPTS: usize = 5;

fn judge(bench: &Bench, probe: &Probe, commands: &BTreeSet<String>) -> Result<Verdict> {
    if let Some((_, why)) = NOT_COMPARED.iter().find(|(sent, _)| *sent == probe.sent) {
        return Ok(Verdict::Skipped(why));
    }
    let (answer, closed) = bench.send(probe)?;
    if closed != probe.closes {
        return Ok(Verdict::Different(format!("closed: {closed}, recorded: {}\n", probe.closes)));
    }
    // Whether the server on a closed port still counts as up depends on how many of its checks have run.
    let settled = |text: String| match probe.sent.contains(" up") || probe.sent.contains("no-maint") {
        true => text.lines().filter(|line| !line.starts_with("app,web03,")).collect::<Vec<_>>().join("\n"),
        false => text,
    };
    let answer = settled(hide::varying(&bench.neutral(&answer)));
    let recorded = settled(hide::varying(&probe.answer));
    let Some(difference) = diff(&recorded, &answer) else { return Ok(Verdict::Equal) };
    // For words that no command begins with, help lists near matches too.
    let near = probe.sent.starts_with("help foo") || recorded.contains("better match");
    let known = |text: &str| hide::unknown_commands(text, commands, near);
    if known(&recorded) == known(&answer) {
        return Ok(Verdict::EqualAsFarAsItGoes);
    }
    // It shows by a star before the status, or in a bit of the check's state.
    let checking = difference.contains("* L") || probe.sent.contains("show servers state");
    Ok(if checking { Verdict::Disturbed(difference) } else { Verdict::Different(difference) })
}

/// The commands `help` lists at the highest level, as `words and arguments`.
fn listed_commands(bench: &Bench) -> Result<BTreeSet<String>> {
    let help = bench.socket("admin").ask("help")?;
    Ok(help.lines().filter_map(hide::listed_command).map(ToOwned::to_owned).collect())
}

/// Sends every probe to a program of its own.
///
/// # Errors
/// When the program does not start at all.
pub fn replay(engine: &Engine, probes: &[Probe]) -> Result<Vec<Verdict>> {
    let commands = listed_commands(&Bench::start(engine)?)?;
    let next = AtomicUsize::new(0);
    let verdicts = Mutex::new(vec![Verdict::Skipped("not run"); probes.len()]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(probe) = probes.get(index) else { break };
                    let verdict = settled(engine, probe, &commands);
                    let mut verdicts = verdicts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    if let Some(place) = verdicts.get_mut(index) {
                        *place = verdict;
                    }
                }
            });
        }
    });
    Ok(verdicts.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
}

/// The verdict on a probe, which is sent again while a check is under way.
fn settled(engine: &Engine, probe: &Probe, commands: &BTreeSet<String>) -> Verdict {
    let attempt = || {
        Bench::start(engine)
            .and_then(|bench| judge(&bench, probe, commands))
            .with_context(|| format!("probe {:?}", probe.sent))
            .unwrap_or_else(|error| Verdict::Different(format!("{error:#}\n")))
    };
    let mut verdict = attempt();
    for _ in 1..ATTEMPTS {
        if matches!(verdict, Verdict::Disturbed(_)) {
            verdict = attempt();
        }
    }
    verdict
}

/// What a replay amounts to.
#[derive(Debug, Default)]
pub struct Summary {
    /// Equal in every byte.
    pub equal: usize,
    /// Equal but for commands that are absent by decision.
    pub absent: usize,
    /// Not compared, for a reason that is told.
    pub explained: usize,
    /// Reports on those that differ for no reason.
    pub different: Vec<String>,
    /// A line for each probe.
    pub lines: Vec<String>,
}

/// Sums up; of HAProxy 2.6, only what it answered like 3.5 counts.
pub fn summed_up(engine: &Engine, probes: &[Probe], verdicts: &[Verdict]) -> Summary {
    let mut sum = Summary::default();
    for (probe, verdict) in probes.iter().zip(verdicts) {
        let word = match verdict {
            Verdict::Equal => "equal",
            Verdict::EqualAsFarAsItGoes => "equal but for commands that are absent",
            Verdict::Skipped(why) => why,
            Verdict::Different(_) | Verdict::Disturbed(_) if engine.is_haproxy && !probe.also_2_6 => {
                "2.6 answers otherwise"
            }
            Verdict::Different(_) | Verdict::Disturbed(_) => "DIFFERENT",
        };
        sum.lines.push(format!("{:<9} {:<90} {word}", probe.level, probe.sent.escape_debug().to_string()));
        match verdict {
            Verdict::Equal => sum.equal += 1,
            Verdict::EqualAsFarAsItGoes => sum.absent += 1,
            Verdict::Skipped(_) => sum.explained += 1,
            Verdict::Different(_) | Verdict::Disturbed(_) if engine.is_haproxy && !probe.also_2_6 => sum.explained += 1,
            Verdict::Different(difference) | Verdict::Disturbed(difference) => {
                let (level, sent) = (&probe.level, &probe.sent);
                sum.different.push(format!("[{level}] {sent:?} (- recorded, + answered)\n{difference}"));
            }
        }
    }
    sum
}
