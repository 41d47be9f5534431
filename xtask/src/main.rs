//! Every chore of the project: `cargo xtask --help`.

mod arrows;
mod axe;
mod bench;
mod chore;
mod ci;
mod clients;
mod codegen;
mod cycles;
mod demo;
mod deploy;
mod diff;
mod dist;
mod fuzz;
mod kills;
mod packages;
mod random;
mod reloads;
mod soak;
mod sources;
mod test;
mod tidy;
mod vtc;
mod wrk;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Chores of the project.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Run lbd in front of three origins under load, and take each server out and back with lbctl
    Demo(demo::Args),
    /// Build, check and test everything
    Test(test::Args),
    /// `test`, then each fuzz target for ten seconds
    Ci(ci::Args),
    /// Feed random inputs to a fuzz target, or to each of them
    Fuzz(fuzz::Args),
    /// Write manual pages, completions and the diagram of crates
    Codegen(codegen::Args),
    /// Check the crates' arrows, the pure crates' bans, what must not be in a source, and facts in the documents
    Tidy,
    /// Send lbd and HAProxy the same commands and requests, and show where the answers differ
    Diff(diff::Args),
    /// Play random sequences of admin commands on lbd and HAProxy, and compare the states they leave
    Random(random::Args),
    /// Compare lbd's costs with HAProxy's
    Bench(bench::Args),
    /// Take servers out and back a thousand times under load
    Cycles(cycles::Args),
    /// Kill and restart origins under load
    Kills(kills::Args),
    /// Roll through servers under load again and again, killing lbctl and resuming
    Deploy(deploy::Args),
    /// Fetch axe-core, which judges the status page's accessibility in the tests
    Axe,
    /// Reload lbd hundreds of times under load and long sessions, in both ways
    Reloads(reloads::Args),
    /// Play a day's traffic with deaths, changes, outages and reloads in minutes, and watch memory
    Soak(soak::Args),
    /// Make a Debian package, a tarball, a bill of materials and checksums
    Dist(dist::Args),
    /// Run the varnishtest cases on lbd and HAProxy
    Vtc(vtc::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().chore {
        Chore::Demo(args) => demo::run(&args),
        Chore::Test(args) => test::run(&args),
        Chore::Ci(args) => ci::run(&args),
        Chore::Fuzz(args) => fuzz::run(&args),
        Chore::Codegen(args) => codegen::run(&args),
        Chore::Tidy => tidy::run(),
        Chore::Diff(args) => diff::run(&args),
        Chore::Random(args) => random::run(&args),
        Chore::Bench(args) => bench::run(&args),
        Chore::Cycles(args) => cycles::run(&args),
        Chore::Kills(args) => kills::run(&args),
        Chore::Deploy(args) => deploy::run(&args),
        Chore::Axe => axe::run(),
        Chore::Reloads(args) => reloads::run(&args),
        Chore::Soak(args) => soak::run(&args),
        Chore::Dist(args) => dist::run(&args),
        Chore::Vtc(args) => vtc::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
