//! A fuzzer on stable Rust: seeds, mutations, and a fingerprint of what the target saw in place of coverage.
//!
//! An input whose fingerprint is new joins the corpus, so that the search moves on from what it found. A panic, an
//! input that takes longer than a second, and memory that grows without end are failures; the input is kept in
//! `artifacts/` and can be given again as an argument.

mod mutate;

pub use mutate::Random;

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Longest input tried.
const MAX_INPUT: usize = 8192;
/// Longest time for one input.
const MAX_TIME: Duration = Duration::from_secs(1);
/// Most memory the process may take, in bytes.
const MAX_MEMORY: u64 = 1 << 30;
/// Most inputs kept in memory.
const MAX_CORPUS: usize = 20_000;

/// What a target is made of.
pub struct Target {
    /// Its name: directory of its corpus, prefix of its artifacts.
    pub name: &'static str,
    /// Words worth inserting.
    pub words: &'static [&'static str],
    /// Runs one input, panics on a broken promise, and returns a fingerprint of what it saw.
    pub run: fn(&[u8]) -> u64,
}

/// A fingerprint of anything that can be hashed.
pub fn fingerprint(seen: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    seen.hash(&mut hasher);
    hasher.finish()
}

/// Runs a target as the command line says: `--seconds N`, `--seed N`, or files to run once.
pub fn main(target: &Target) -> ExitCode {
    let (mut seconds, mut seed, mut files) = (10, 1, Vec::new());
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = |default: u64| words.next().and_then(|n| n.parse().ok()).unwrap_or(default);
        match word.as_str() {
            "--seconds" => seconds = number(10),
            "--seed" => seed = number(1),
            _ => files.push(PathBuf::from(word)),
        }
    }
    let mut hunt = Hunt::new(target, seed);
    let result = if files.is_empty() { hunt.search(Duration::from_secs(seconds)) } else { hunt.repeat(&files) };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{}: {message}", target.name);
            ExitCode::FAILURE
        }
    }
}

struct Hunt<'t> {
    target: &'t Target,
    random: Random,
    corpus: Vec<Vec<u8>>,
    seen: HashSet<u64>,
    /// The input under way and when it began, for the watchdog.
    current: Arc<Mutex<Option<Running>>>,
}

/// When an input's run began, and the input.
type Running = (Instant, Vec<u8>);

impl<'t> Hunt<'t> {
    fn new(target: &'t Target, seed: u64) -> Self {
        Self { target, random: Random::new(seed), corpus: Vec::new(), seen: HashSet::new(), current: Arc::default() }
    }

    /// Mutates seeds until the time is over.
    fn search(&mut self, limit: Duration) -> Result<(), String> {
        for (path, seed) in seeds(self.target.name)? {
            self.try_one(&seed).map_err(|error| format!("{}: {error}", path.display()))?;
            self.corpus.push(seed);
        }
        self.watch();
        let (begin, mut runs) = (Instant::now(), 0_u64);
        while begin.elapsed() < limit {
            let input = self.random.variant(&self.corpus, self.target.words, MAX_INPUT);
            let is_new = self.try_one(&input)?;
            if is_new && self.corpus.len() < MAX_CORPUS {
                self.corpus.push(input);
            }
            runs += 1;
            if runs.is_multiple_of(4096) && memory() > MAX_MEMORY {
                return Err(format!("memory has grown to {} MiB", memory() >> 20));
            }
        }
        let per_second = runs as f64 / begin.elapsed().as_secs_f64();
        println!("{}: {runs} inputs, {per_second:.0} a second, {} kinds of outcome", self.target.name, self.seen.len());
        Ok(())
    }

    fn repeat(&mut self, files: &[PathBuf]) -> Result<(), String> {
        self.watch();
        for file in files {
            let input = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
            self.try_one(&input)?;
        }
        Ok(())
    }

    /// Runs one input; says whether its outcome is of a new kind.
    fn try_one(&mut self, input: &[u8]) -> Result<bool, String> {
        let lock = |current: &Mutex<Option<_>>, value| *current.lock().unwrap_or_else(PoisonError::into_inner) = value;
        lock(&self.current, Some((Instant::now(), input.to_vec())));
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.target.run)(input)));
        lock(&self.current, None);
        match outcome {
            Ok(print) => Ok(self.seen.insert(print)),
            Err(_) => Err(format!("a panic; the input is in {}", keep(self.target.name, input))),
        }
    }

    /// Ends the process when one input takes too long: a hang cannot be returned from.
    fn watch(&self) {
        let (current, name) = (Arc::clone(&self.current), self.target.name);
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(MAX_TIME / 4);
                let slow = {
                    let current = current.lock().unwrap_or_else(PoisonError::into_inner);
                    current.as_ref().filter(|(begin, _)| begin.elapsed() > MAX_TIME).map(|(_, input)| input.clone())
                };
                if let Some(input) = slow {
                    eprintln!("{name}: an input takes over {MAX_TIME:?}; it is in {}", keep(name, &input));
                    std::process::exit(1);
                }
            }
        });
    }
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn seeds(name: &str) -> Result<Vec<(PathBuf, Vec<u8>)>, String> {
    let dir = here().join("corpus").join(name);
    let entries = std::fs::read_dir(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    Ok(paths.into_iter().filter_map(|path| Some((path.clone(), std::fs::read(path).ok()?))).collect())
}

/// Keeps a failing input and returns where.
fn keep(name: &str, input: &[u8]) -> String {
    let dir = here().join("artifacts");
    let path = dir.join(format!("{name}-{:016x}", fingerprint(&input)));
    let kept = std::fs::create_dir_all(&dir).and_then(|()| std::fs::write(&path, input));
    match kept {
        Ok(()) => path.display().to_string(),
        Err(error) => format!("this message, since {} cannot be written ({error}): {:?}", path.display(), input),
    }
}

/// Resident memory in bytes; 0 where the system does not tell.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    status.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}
