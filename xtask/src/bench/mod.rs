//! What `lbd` costs beside HAProxy: both run in turn, pair by pair, each alone on its processor, load and origin on
//! the other. The ratio of each pair is what counts: a machine's mood shifts both sides of a pair alike.

mod admin;
mod checks;
mod ctl;
mod idle;
mod pairs;
mod requests;
mod stat;

use crate::chore;
use anyhow::{Context, bail};
use clap::ValueEnum;
use lb_testkit::Engine;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use pairs::Pairs;
use std::path::PathBuf;

/// Arguments of `bench`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Parts to run; all without
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
    /// Pairs of runs for each part, at least 5 for a spread worth the name
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// Seconds of load in each run
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Another program in the place of lbd: with HAProxy itself, ratios show the noise
    #[arg(long)]
    subject: Option<PathBuf>,
    /// The program to compare with
    #[arg(long, default_value = "/usr/sbin/haproxy")]
    reference: PathBuf,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Processor time per HTTP request over kept connections
    Cpu,
    /// Resident memory per idle client connection
    Idle,
    /// Time of `show stat` and `show servers state` with 10 000 servers
    Stat,
    /// Latency of requests while `show stat` is asked without pause
    Latency,
    /// Processor time and lateness of health checks, room of a server
    Checks,
    /// Processor time per request in TCP mode
    Tcp,
    /// Pipelined commands on one admin connection
    Admin,
    /// `lbctl` as a whole process beside socat
    Ctl,
}

/// The processor of the program under measurement, and that of load and origin.
const PROGRAM_CPU: usize = 0;
const OTHER_CPU: usize = 1;

/// Measures the parts asked for.
///
/// # Errors
/// When a program is missing or a run fails.
pub fn run(args: &Args) -> anyhow::Result<()> {
    for program in ["taskset", "wrk", "nginx"] {
        if !chore::is_installed(program) {
            bail!("{program} is missing (apt-get install util-linux wrk nginx-light)");
        }
    }
    if std::thread::available_parallelism()?.get() < 2 {
        bail!("two processors are needed, one for the program and one for its load");
    }
    raise_open_files()?;
    let subject = match &args.subject {
        Some(path) => Engine { path: path.clone(), is_haproxy: path.ends_with("haproxy") },
        None => Engine { path: chore::build_release()?.join("lbd"), is_haproxy: false },
    };
    let reference = Engine { path: args.reference.clone(), is_haproxy: true };
    if !reference.path.is_file() {
        bail!("{} is missing (apt-get install haproxy)", reference.path.display());
    }
    let pairs = Pairs { subject, reference, count: args.pairs };
    let wanted = |part: Part| args.only.is_empty() || args.only.contains(&part);
    if wanted(Part::Cpu) {
        requests::measure(&pairs, "http", args.seconds).context("processor time per request")?;
    }
    if wanted(Part::Tcp) {
        requests::measure(&pairs, "tcp", args.seconds).context("processor time per request in TCP mode")?;
    }
    if wanted(Part::Idle) {
        idle::measure(&pairs).context("memory per idle connection")?;
    }
    if wanted(Part::Stat) {
        stat::measure(&pairs).context("time of tables")?;
    }
    if wanted(Part::Latency) {
        stat::latency(&pairs, args.seconds).context("latency during dumps")?;
    }
    if wanted(Part::Checks) {
        checks::measure(&pairs, args.seconds).context("processor time per check")?;
    }
    if wanted(Part::Admin) {
        admin::measure(&pairs).context("commands of operators")?;
    }
    if wanted(Part::Ctl) {
        ctl::measure(&pairs).context("lbctl beside socat")?;
    }
    Ok(())
}

/// Thousands of connections need as many descriptors, here and in the programs started from here.
fn raise_open_files() -> anyhow::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, hard.min(65_536), hard)?)
}
