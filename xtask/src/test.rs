//! Everything that must pass, each step timed.

use crate::chore::{Steps, cargo, is_installed, succeed};
use crate::{codegen, packages, tidy, vtc};
use clap::Parser;

/// Arguments of `test`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Do not install missing Debian packages
    #[arg(long)]
    no_install: bool,
}

/// Runs every step, even after a failure.
///
/// # Errors
/// When a step failed.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let (mut steps, skipped) = (Steps::default(), packages::prepare(!args.no_install));
    for line in &skipped {
        eprintln!("will skip {line}");
    }
    steps.run("format", || succeed(cargo().args(["fmt", "--all", "--check"])));
    steps.run("build", || succeed(cargo().args(["build", "--quiet", "--workspace", "--all-targets"])));
    steps.run("clippy", || {
        succeed(cargo().args(["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]))
    });
    steps.run("tidy", tidy::run);
    steps.run("generated files", || codegen::run(&parsed(&["codegen", "--check"])));
    steps.run("tests", || succeed(cargo().args(["test", "--quiet", "--workspace", "--no-fail-fast"])));
    if is_installed("varnishtest") {
        steps.run("varnishtest cases", || vtc::run(&parsed(&["vtc"])));
    }
    steps.finish(&skipped)
}

/// Arguments of another chore as its command line would give them.
fn parsed<A: clap::Args>(words: &[&str]) -> A {
    #[derive(Parser)]
    struct Words<A: clap::Args> {
        #[command(flatten)]
        args: A,
    }
    Words::parse_from(words).args
}
