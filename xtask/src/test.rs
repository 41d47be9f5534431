//! Everything that must pass, each step timed.

use crate::chore::{Steps, cargo, is_installed, succeed};
use crate::{axe, clients, codegen, fuzz, packages, tidy, vtc};
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
    let (mut steps, mut skipped) = (Steps::default(), packages::prepare(!args.no_install));
    skipped.extend(clients::prepare(!args.no_install));
    for line in &skipped {
        eprintln!("will skip {line}");
    }
    steps.run("format", || {
        succeed(cargo().args(["fmt", "--all", "--check"]))?;
        succeed(cargo().args(["fmt", "--check", "--manifest-path", "fuzz/Cargo.toml"]))
    });
    steps.run("clippy", || {
        let strict = ["--all-targets", "--", "-D", "warnings"];
        succeed(cargo().args(["clippy", "--quiet", "--workspace"]).args(strict))?;
        succeed(fuzz::package(&["clippy"])?.args(strict))
    });
    steps.run("tidy", tidy::run);
    steps.run("generated files", || codegen::run(&parsed(&["codegen", "--check"])));
    steps.run("build", || succeed(cargo().args(["build", "--quiet", "--workspace", "--bins"])));
    if !args.no_install
        && let Err(error) = axe::run()
    {
        skipped.push(format!("the status page's accessibility: axe-core could not be fetched ({error:#})"));
    }
    steps.run("seeds of the fuzz targets", || succeed(&mut fuzz::package(&["test"])?));
    if is_installed("varnishtest") {
        steps.run("varnishtest cases", || vtc::run(&parsed(&["vtc"])));
    }
    // The longest, and last, so that its closing lines stay in sight.
    steps.run("tests", || succeed(cargo().args(["test", "--workspace", "--no-fail-fast"])));
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
