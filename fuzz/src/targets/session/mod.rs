//! Whole admin sessions at level admin, on a running `lbd` that keeps its state from one input to the next:
//! connections that stay open in every mode, payloads and dumps left half done, answers nobody reads, requests
//! at the HTTP port in between.
//!
//! The program runs in a network namespace and a directory of its own. After a round of steps it is checked, stopped
//! and started anew. When one fails, the round's steps are saved, or as few of its last ones as still fail.

mod bench;
mod step;

use crate::corpus::{Corpus, Signature};
use crate::literals::repository;
use crate::mutate::mutate;
use crate::random::Random;
use crate::targets;
use anyhow::{Context, Result, bail};
use bench::Bench;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use step::{PLACES, Step};

/// The name of the target whose seeds and words are used.
const GRAMMAR: &str = "admin";
/// The longest input: a line, a payload, a few commands.
const MOST_BYTES: usize = 20 << 10;
/// Steps after which the program is started anew.
const ROUND: usize = 4_000;
/// Steps between two looks at the program.
const CHECK_EVERY: usize = 100;

const REQUESTS: &[&str] = &[
    "GET / HTTP/1.1\r\nHost: t\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: t\r\nX-App: b.example.com\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: t\r\nX-Deny: 10.1.2.3\r\nCookie: SRV=w2\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\nhalf",
    "GET",
];

/// Runs the target: first all seeds, then what is made of them for as long as is asked.
///
/// # Errors
/// When the program ended, panicked, hangs, has grown, or contradicts itself.
pub fn run(seed: u64, duration: Duration) -> Result<()> {
    println!("session: {} s, seed {seed}", duration.as_secs());
    if !bench::can_isolate() {
        println!("session: skipped, as no network namespace can be made here (unshare --net)");
        return Ok(());
    }
    let (mut random, mut corpus, mut count) = (Random(seed), Corpus::default(), 0);
    let words = targets::find(GRAMMAR).map(targets::Target::words).unwrap_or_default();
    let mut history = seeds();
    let mut played = round(history.iter(), &mut corpus, &mut random);
    let start = Instant::now();
    loop {
        count += history.len();
        if let Err(error) = played {
            bail!("{error:#}\nreplay: cargo xtask fuzz session --replay {} (seed {seed})", save(&history)?.display());
        }
        if start.elapsed() >= duration {
            break;
        }
        history.clear();
        played = mutated(start, duration, &words, &mut history, &mut corpus, &mut random);
    }
    println!("session: {count} steps, {} kinds of behaviour, seed {seed}", corpus.kinds());
    Ok(())
}

/// Plays a saved round.
///
/// # Errors
/// When the file is none, or the program fails again.
pub fn replay(file: &Path) -> Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let steps = text.lines().map(Step::of_line).collect::<Result<Vec<Step>>>()?;
    let (mut corpus, mut random) = (Corpus::default(), Random(0));
    round(steps.iter(), &mut corpus, &mut random)?;
    println!("passed: {} steps", steps.len());
    Ok(())
}

/// The recorded probes, the examples of the table, the tests of the grammar: each on a connection of its own.
fn seeds() -> Vec<Step> {
    let of_grammar = targets::find(GRAMMAR).map(targets::Target::seeds).unwrap_or_default();
    // The first byte of a seed is for the grammar's target alone.
    of_grammar.iter().map(|seed| Step::Alone(seed.get(1..).unwrap_or_default().to_vec())).collect()
}

/// A round of steps that are known.
fn round<'s>(steps: impl Iterator<Item = &'s Step>, corpus: &mut Corpus, random: &mut Random) -> Result<()> {
    let mut bench = Bench::start()?;
    for (index, step) in steps.enumerate() {
        one(&mut bench, step, index, corpus, random)?;
    }
    bench.finish()
}

/// A round of steps made on the way; they are in `history` afterwards.
fn mutated(
    start: Instant,
    duration: Duration,
    words: &[Vec<u8>],
    history: &mut Vec<Step>,
    corpus: &mut Corpus,
    random: &mut Random,
) -> Result<()> {
    let mut bench = Bench::start()?;
    while history.len() < ROUND && start.elapsed() < duration {
        let step = any_step(random, corpus, words);
        history.push(step.clone());
        one(&mut bench, &step, history.len(), corpus, random)?;
    }
    bench.finish()
}

fn one(bench: &mut Bench, step: &Step, index: usize, corpus: &mut Corpus, random: &mut Random) -> Result<()> {
    let mut signature = Signature::default();
    bench.play(step, &mut signature)?;
    if let Step::Alone(bytes) | Step::Talk(_, bytes) = step {
        corpus.consider(bytes, &signature, random);
    }
    if index.is_multiple_of(CHECK_EVERY) { bench.check() } else { Ok(()) }
}

fn any_step(random: &mut Random, corpus: &Corpus, words: &[Vec<u8>]) -> Step {
    let place = random.below(PLACES);
    let mut line = || {
        let mut input = mutate(random, corpus, words, MOST_BYTES);
        if !random.one_in(8) {
            input.push(b'\n');
        }
        input
    };
    let input = line();
    match random.below(32) {
        0..16 => Step::Alone(input),
        16..26 => Step::Talk(place, input),
        26..28 => Step::Mute(place, input),
        28 => Step::Leave(place),
        _ => Step::Traffic(random.pick(REQUESTS).as_bytes().to_vec()),
    }
}

/// Writes down as few of the last steps as still fail; all of them when fewer do not.
fn save(history: &[Step]) -> Result<PathBuf> {
    let mut kept = history;
    for length in [1, 10, 100, 1_000] {
        let Some(last) = history.len().checked_sub(length).and_then(|from| history.get(from..)) else { break };
        if round(last.iter(), &mut Corpus::default(), &mut Random(0)).is_err() {
            kept = last;
            break;
        }
    }
    let lines: String = kept.iter().map(|step| step.to_line() + "\n").collect();
    let mut hash = DefaultHasher::new();
    lines.hash(&mut hash);
    let directory = repository().join("fuzz/artifacts");
    std::fs::create_dir_all(&directory)?;
    let path = directory.canonicalize()?.join(format!("session-{:016x}", hash.finish()));
    std::fs::write(&path, lines)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_passes_on_a_running_program() {
        assert!(seeds().len() > 300);
        run(7, Duration::ZERO).unwrap();
    }
}
