//! The fuzz targets: a package outside the workspace, built beside `lbd`, which one of its targets runs.

use crate::chore::{Steps, cargo, shown, succeed, target_dir};
use anyhow::{Context, bail};
use std::path::PathBuf;
use std::process::Command;

/// Arguments of `fuzz`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// One of those that `--list` names; all of them without
    #[arg(required_unless_present_any = ["list", "all"])]
    target: Option<String>,
    /// Run every target
    #[arg(long, conflicts_with = "target")]
    all: bool,
    /// Name the targets
    #[arg(long)]
    list: bool,
    /// How long each target runs
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Repeat the inputs of a run that printed this seed
    #[arg(long, requires = "target")]
    seed: Option<u64>,
    /// Run one input, saved by a run that failed
    #[arg(long, value_name = "FILE", requires = "target")]
    replay: Option<PathBuf>,
}

/// Runs one target, or all.
///
/// # Errors
/// When one fails, which then says how to repeat it.
pub fn run(args: &Args) -> anyhow::Result<()> {
    if args.list {
        return succeed(fuzzer()?.arg("--list"));
    }
    let Some(target) = &args.target else {
        let mut steps = Steps::default();
        each(args.seconds, &mut steps);
        return steps.finish(&[]);
    };
    let mut command = fuzzer()?;
    command.args([target, "--seconds", &args.seconds.to_string()]);
    if let Some(seed) = args.seed {
        command.args(["--seed", &seed.to_string()]);
    }
    if let Some(file) = &args.replay {
        command.arg("--replay").arg(std::path::absolute(file)?);
    }
    succeed(&mut command)
}

/// A step for each target.
pub fn each(seconds: u64, steps: &mut Steps) {
    match targets() {
        Ok(targets) => {
            for target in targets {
                let seconds = seconds.to_string();
                steps.run(&format!("fuzz {target}"), || succeed(fuzzer()?.args([&target, "--seconds", &seconds])));
            }
        }
        Err(error) => steps.run("fuzz", || Err(error)),
    }
}

/// A cargo command on the fuzz package. It shares the workspace's target directory.
///
/// # Errors
/// When that is unknown.
pub fn package(words: &[&str]) -> anyhow::Result<Command> {
    let mut command = cargo();
    command.args(words).args(["--quiet", "--manifest-path", "fuzz/Cargo.toml", "--target-dir"]).arg(target_dir("")?);
    Ok(command)
}

fn targets() -> anyhow::Result<Vec<String>> {
    let mut command = fuzzer()?;
    command.arg("--list");
    let output = command.output().with_context(|| format!("starting {}", shown(&command)))?;
    if !output.status.success() {
        bail!("{} ended with {}: {}", shown(&command), output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?.split_whitespace().map(ToOwned::to_owned).collect())
}

fn fuzzer() -> anyhow::Result<Command> {
    succeed(cargo().args(["build", "--quiet", "-p", "lbd"]))?;
    succeed(&mut package(&["build"])?)?;
    Ok(Command::new(target_dir("debug")?.join("lb-fuzz")))
}
