//! What chores share: the repository's top, cargo, timed steps, and lists that run side by side.

use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Top of the repository.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// The cargo that runs this.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Runs a command, its output shown.
///
/// # Errors
/// When it cannot be started or fails.
pub fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("starting {}", shown(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", shown(command));
    }
    Ok(())
}

/// A command as one would type it.
pub fn shown(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether a program is on the search path.
pub fn is_installed(program: &str) -> bool {
    let extra = [PathBuf::from("/usr/sbin"), PathBuf::from("/sbin")];
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).chain(extra).any(|dir| dir.join(program).is_file())
}

/// Where cargo puts what it builds with `profile`.
///
/// # Errors
/// When the running executable's place is unknown.
pub fn target_dir(profile: &str) -> anyhow::Result<PathBuf> {
    // xtask itself lies in the target directory, in the directory of its own profile.
    let me = std::env::current_exe()?;
    let target = me.parent().and_then(Path::parent).context("xtask lies outside a target directory")?;
    Ok(target.join(profile))
}

/// Builds `lbd` and `lbctl` as they are delivered, and returns the directory they are in.
///
/// # Errors
/// When the build fails.
pub fn build_release() -> anyhow::Result<PathBuf> {
    succeed(cargo().args(["build", "--release", "--quiet", "-p", "lbd", "-p", "lbctl"]))?;
    target_dir("release")
}

/// Steps run one after the other, each timed, all run even when one fails.
#[derive(Debug, Default)]
pub struct Steps {
    rows: Vec<(String, f64, Result<(), String>)>,
}

impl Steps {
    /// Runs a step and notes how it went.
    pub fn run(&mut self, name: &str, step: impl FnOnce() -> anyhow::Result<()>) {
        eprintln!("\n== {name}");
        let start = Instant::now();
        let result = step().map_err(|error| format!("{error:#}"));
        if let Err(error) = &result {
            eprintln!("{name} failed: {error}");
        }
        self.rows.push((name.to_owned(), start.elapsed().as_secs_f64(), result));
    }

    /// Prints the table of steps.
    ///
    /// # Errors
    /// When a step failed.
    pub fn finish(self, skipped: &[String]) -> anyhow::Result<()> {
        eprintln!();
        for (name, seconds, result) in &self.rows {
            eprintln!("{seconds:8.1} s  {:<6} {name}", if result.is_ok() { "ok" } else { "FAILED" });
        }
        for line in skipped {
            eprintln!("   skipped  {line}");
        }
        let failed = self.rows.iter().filter(|(_, _, result)| result.is_err()).count();
        if failed > 0 {
            bail!("{failed} of {} steps failed", self.rows.len());
        }
        Ok(())
    }
}
