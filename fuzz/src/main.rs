//! Random inputs for the parsers and for a running `lbd`: no crash, no hang, no growth, no broken promise.
//!
//! Stable Rust and nothing else. Inputs are made from the repository's own texts by mutation; an input that
//! makes a target behave in a way not seen before is kept and mutated further. Each run prints its seed, and
//! the same seed makes the same inputs. See `cargo xtask fuzz --help`.
//!
//! A target runs in a process of its own, watched by another ([`supervise`]), so that an abort, an endless
//! loop and a swollen memory are told and the input is saved.

mod corpus;
mod literals;
mod mutate;
mod random;
mod supervise;
mod targets;
mod worker;

use anyhow::{Context, Result};
use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Feed random inputs to a target
#[derive(Debug, Parser)]
#[command(name = "fuzz")]
struct Args {
    /// The target
    #[arg(required_unless_present = "list")]
    target: Option<String>,
    /// Name the targets
    #[arg(long)]
    list: bool,
    /// How long to run
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Repeat the inputs of a run that printed this seed
    #[arg(long)]
    seed: Option<u64>,
    /// Run one saved input
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    /// Make one saved input smaller while it still fails
    #[arg(long, value_name = "FILE", hide = true)]
    shrink: Option<PathBuf>,
    /// Run inputs in this process, and write each to this file first
    #[arg(long, value_name = "FILE", hide = true)]
    worker: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<ExitCode> {
    let name = args.target.as_deref().unwrap_or_default();
    if args.list {
        targets::names().for_each(|name| println!("{name}"));
        return Ok(ExitCode::SUCCESS);
    }
    let seed = args.seed.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        now.as_nanos() as u64 % 1_000_000_000
    });
    let duration = Duration::from_secs(args.seconds);
    if name == targets::LIVE {
        return targets::live::run(seed, duration).map(|()| ExitCode::SUCCESS);
    }
    if name == targets::SESSION {
        return match &args.replay {
            Some(file) => targets::session::replay(file),
            None => targets::session::run(seed, duration),
        }
        .map(|()| ExitCode::SUCCESS);
    }
    let target = targets::find(name).with_context(|| format!("no target {name}"))?;
    if let Some(file) = &args.replay {
        return worker::replay(target, file).map(|()| ExitCode::SUCCESS);
    }
    if let Some(file) = &args.shrink {
        return worker::shrink(target, file).map(|()| ExitCode::SUCCESS);
    }
    match &args.worker {
        Some(file) => worker::run(target, seed, duration, file),
        None => supervise::run(target, seed, duration),
    }
}
