//! Random sequences of admin commands over `lbd` and HAProxy, which must leave the same states.

use crate::chore::{cargo, succeed, target_dir};
use anyhow::{Context, bail};
use lb_testkit::Engine;
use lb_testkit::random::{Arena, BATCH};
use std::path::PathBuf;

/// Arguments of `random`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many sequences
    #[arg(default_value_t = 2_000)]
    count: u64,
    /// Seed of the first; the others follow it
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Stop after so many that differ
    #[arg(long, default_value_t = 10)]
    most: usize,
    /// Another program in the place of lbd
    #[arg(long)]
    subject: Option<PathBuf>,
}

/// Plays the sequences and shows which differ.
///
/// # Errors
/// When a program does not start, or a sequence leaves different states.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let subject = match &args.subject {
        Some(path) => Engine { path: path.clone(), is_haproxy: path.ends_with("haproxy") },
        None => {
            succeed(cargo().args(["build", "--quiet", "-p", "lbd"]))?;
            Engine { path: target_dir("debug")?.join("lbd"), is_haproxy: false }
        }
    };
    let oracle = Engine::oracle().context("haproxy is missing (apt-get install haproxy)")?;
    let arena = Arena::new(&subject, &oracle)?;
    let (mut played, mut different) = (0, Vec::new());
    while played < args.count && different.len() < args.most {
        let seed = args.seed + played;
        let batch = BATCH.min(args.count - played);
        for divergence in arena.play(seed..seed + batch)? {
            println!("{divergence}");
            different.push(divergence.seed);
        }
        played += batch;
    }
    println!("{played} sequences from seed {}: {} differ", args.seed, different.len());
    if !different.is_empty() {
        bail!("seeds {different:?}");
    }
    Ok(())
}
