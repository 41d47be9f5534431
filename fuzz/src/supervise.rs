//! Watches the process that runs a target: its end, the time of each input, its memory.

use crate::literals::repository;
use crate::targets::Target;
use crate::worker::{Current, GREW};
use anyhow::{Result, bail};
use lb_testkit::process::rss_bytes;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// The longest one input may take. Most take microseconds; the machine may be busy.
const INPUT_LIMIT: Duration = Duration::from_secs(5);
/// The most memory a worker may use at any time.
const MEMORY_LIMIT: u64 = 1 << 30;
/// How often the worker is looked at.
const PERIOD: Duration = Duration::from_millis(50);
/// The longest that making a failing input smaller may take.
const SHRINK_LIMIT: Duration = Duration::from_secs(20);

/// Runs a target in a process of its own.
///
/// # Errors
/// When the target failed; the input is saved, and the message says how to run it again.
pub fn run(target: &Target, seed: u64, duration: Duration) -> Result<ExitCode> {
    println!("{}: {} s, seed {seed}", target.name, duration.as_secs());
    let file = std::env::temp_dir().join(format!("lb-fuzz-{}-{}", target.name, std::process::id()));
    let current = Current::open(&file)?;
    let outcome = watch(target, seed, duration, &file, &current);
    let input = current.input();
    let _ = std::fs::remove_file(&file);
    let Some(failure) = outcome? else { return Ok(ExitCode::SUCCESS) };
    if failure == Failure::Grew {
        bail!("{}: memory grew; seed {seed} makes the same inputs", target.name);
    }
    let saved = save(target, &failure, &input?)?;
    if failure == Failure::Ended {
        shrink(target, &saved);
    }
    let (name, shown) = (target.name, saved.display());
    bail!("{name} {}; replay: cargo xtask fuzz {name} --replay {shown} (seed {seed})", failure.words());
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// A panic, an abort, a signal.
    Ended,
    Hung,
    Swollen,
    Grew,
}

impl Failure {
    fn words(self) -> String {
        match self {
            Self::Ended => "failed on an input".to_owned(),
            Self::Hung => format!("took more than {} s for an input", INPUT_LIMIT.as_secs()),
            Self::Swollen => format!("used more than {} MiB for an input", MEMORY_LIMIT >> 20),
            Self::Grew => "grew".to_owned(),
        }
    }
}

fn watch(target: &Target, seed: u64, duration: Duration, file: &Path, current: &Current) -> Result<Option<Failure>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([target.name, "--seconds", &duration.as_secs().to_string(), "--seed", &seed.to_string()]);
    let mut worker = command.arg("--worker").arg(file).stdin(Stdio::null()).spawn()?;
    let mut last = (0, Instant::now());
    loop {
        if let Some(status) = worker.try_wait()? {
            return Ok(match status.code() {
                Some(0) => None,
                Some(code) if code == i32::from(GREW) => Some(Failure::Grew),
                _ => Some(Failure::Ended),
            });
        }
        let number = current.number();
        if number != last.0 {
            last = (number, Instant::now());
        }
        let failure = if last.1.elapsed() > INPUT_LIMIT {
            Some(Failure::Hung)
        } else if rss_bytes(worker.id()).is_ok_and(|used| used > MEMORY_LIMIT) {
            Some(Failure::Swollen)
        } else {
            None
        };
        if failure.is_some() {
            stop(&mut worker);
            return Ok(failure);
        }
        std::thread::sleep(PERIOD);
    }
}

fn stop(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// Writes an input below `fuzz/artifacts`, named by what it did and by its contents.
fn save(target: &Target, failure: &Failure, input: &[u8]) -> Result<PathBuf> {
    let directory = repository().join("fuzz/artifacts").canonicalize().or_else(|_| {
        let directory = repository().join("fuzz/artifacts");
        std::fs::create_dir_all(&directory).and_then(|()| directory.canonicalize())
    })?;
    let mut hash = DefaultHasher::new();
    input.hash(&mut hash);
    let kind = format!("{failure:?}").to_lowercase();
    let path = directory.join(format!("{}-{kind}-{:016x}", target.name, hash.finish()));
    std::fs::write(&path, input)?;
    Ok(path)
}

/// Makes a saved input smaller, as far as time allows; the file stays as it is when that fails.
fn shrink(target: &Target, saved: &Path) {
    let command = std::env::current_exe().map(Command::new);
    let Ok(mut child) = command.and_then(|mut c| c.arg(target.name).arg("--shrink").arg(saved).spawn()) else { return };
    let start = Instant::now();
    while matches!(child.try_wait(), Ok(None)) {
        if start.elapsed() > SHRINK_LIMIT {
            stop(&mut child);
        }
        std::thread::sleep(PERIOD);
    }
}
