//! What must pass before a release: `test`, then every fuzz target for a while.

use crate::chore::{Steps, cargo, root, succeed};
use crate::test;
use std::process::Command;

/// Arguments of `ci`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    test: test::Args,
    /// Seconds for each fuzz target
    #[arg(long, default_value_t = 10)]
    seconds: u32,
}

/// The targets in `fuzz/src/bin/`.
const TARGETS: [&str; 3] = ["http", "admin", "config"];

/// Runs the tests and the fuzz targets.
///
/// # Errors
/// When a step failed.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let mut steps = Steps::default();
    steps.run("test", || test::run(&args.test));
    steps.run("build fuzz targets", || succeed(fuzz(cargo()).args(["build", "--quiet", "--release", "--bins"])));
    for target in TARGETS {
        steps.run(&format!("fuzz {target}"), || {
            let seconds = args.seconds.to_string();
            succeed(fuzz(cargo()).args(["run", "--quiet", "--release", "--bin", target, "--", "--seconds", &seconds]))
        });
    }
    steps.finish(&[])
}

fn fuzz(mut command: Command) -> Command {
    command.current_dir(root().join("fuzz"));
    command
}
