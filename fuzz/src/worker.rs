//! The process that runs a target on one input after the other.

use crate::corpus::{Corpus, Signature};
use crate::mutate::mutate;
use crate::random::Random;
use crate::targets::Target;
use anyhow::{Context, Result};
use lb_testkit::process::rss_bytes;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Growth of memory over a run that is taken for a leak. What the corpus holds is bounded far below.
const GROWTH_LIMIT: u64 = 64 << 20;

/// How a worker ends that has grown.
pub const GREW: u8 = 3;

/// The input under way, as the supervisor reads it: its number and length (8 bytes each, little-endian), its bytes.
pub struct Current(File);

impl Current {
    /// The file at `path`.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        Ok(Self(file))
    }

    fn write(&self, number: u64, input: &[u8]) -> Result<()> {
        let mut record = Vec::with_capacity(16 + input.len());
        record.extend(number.to_le_bytes());
        record.extend((input.len() as u64).to_le_bytes());
        record.extend(input);
        Ok(self.0.write_all_at(&record, 0)?)
    }

    /// The number of the input under way; 0 before the first.
    pub fn number(&self) -> u64 {
        self.field(0)
    }

    /// The input under way.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn input(&self) -> Result<Vec<u8>> {
        let mut input = vec![0; self.field(8) as usize];
        self.0.read_exact_at(&mut input, 16)?;
        Ok(input)
    }

    fn field(&self, at: u64) -> u64 {
        let mut bytes = [0; 8];
        // A file that is still empty says 0.
        let _ = self.0.read_exact_at(&mut bytes, at);
        u64::from_le_bytes(bytes)
    }
}

/// Runs a target for some time.
///
/// # Errors
/// When the file for the current input cannot be written.
pub fn run(target: &Target, seed: u64, duration: Duration, current: &Path) -> Result<ExitCode> {
    let current = Current::open(current)?;
    let mut random = Random(seed);
    let (mut corpus, words) = (Corpus::default(), target.words());
    let mut number = 0;
    let mut one = |input: Vec<u8>, corpus: &mut Corpus, random: &mut Random| -> Result<()> {
        number += 1;
        current.write(number, &input)?;
        let mut signature = Signature::default();
        (target.run)(&input, &mut signature);
        corpus.consider(&input, &signature, random);
        Ok(())
    };
    for mut input in target.seeds() {
        input.truncate(target.most_bytes);
        one(input, &mut corpus, &mut random)?;
    }
    let start = Instant::now();
    let mut settled = None;
    while start.elapsed() < duration {
        let input = mutate(&mut random, &corpus, &words, target.most_bytes);
        one(input, &mut corpus, &mut random)?;
        if settled.is_none() && start.elapsed() > duration / 4 {
            settled = Some(rss_bytes(std::process::id())?);
        }
    }
    let after = rss_bytes(std::process::id())?;
    let grown = after.saturating_sub(settled.unwrap_or(after));
    println!(
        "{}: {number} inputs, {} kinds of behaviour, seed {seed}, {} MiB at the end, {} KiB more than after a quarter",
        target.name,
        corpus.kinds(),
        after >> 20,
        grown >> 10
    );
    Ok(if grown > GROWTH_LIMIT { ExitCode::from(GREW) } else { ExitCode::SUCCESS })
}

/// Runs a target on one saved input.
///
/// # Errors
/// When the file cannot be read. A failure of the target ends the process.
pub fn replay(target: &Target, file: &Path) -> Result<()> {
    let input = std::fs::read(file).with_context(|| file.display().to_string())?;
    println!("{} bytes: {}", input.len(), input.escape_ascii());
    let start = Instant::now();
    (target.run)(&input, &mut Signature::default());
    println!("passed in {:?}", start.elapsed());
    Ok(())
}

/// Makes a saved input that panics smaller while it still panics.
///
/// # Errors
/// When the file cannot be read or written.
pub fn shrink(target: &Target, file: &Path) -> Result<()> {
    std::panic::set_hook(Box::new(|_| {}));
    let fails = |input: &[u8]| {
        let attempt = AssertUnwindSafe(|| (target.run)(input, &mut Signature::default()));
        catch_unwind(attempt).is_err()
    };
    let mut input = std::fs::read(file)?;
    if !fails(&input) {
        return Ok(());
    }
    let mut size = input.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        while at < input.len() {
            let mut smaller = input.clone();
            smaller.drain(at..(at + size).min(input.len()));
            if fails(&smaller) {
                input = smaller;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
    Ok(std::fs::write(file, input)?)
}
