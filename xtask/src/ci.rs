//! What must pass before a release: `test`, then every fuzz target for a while.

use crate::chore::Steps;
use crate::{fuzz, test};

/// Arguments of `ci`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    test: test::Args,
    /// Seconds for each fuzz target
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

/// Runs the tests and the fuzz targets.
///
/// # Errors
/// When a step failed.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let mut steps = Steps::default();
    steps.run("test", || test::run(&args.test));
    fuzz::each(args.seconds, &mut steps);
    steps.finish(&[])
}
