//! Rolling deploys under wrk, each killed at a random moment and resumed: the end must be the same every time.

use crate::chore;
use crate::wrk::Running;
use anyhow::{Context, bail, ensure};
use lb_testkit::{Deploy, Engine, until};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Arguments of `deploy`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Deploys, each killed once and resumed
    #[arg(long, default_value_t = 20)]
    count: usize,
    /// Servers behind each load balancer
    #[arg(long, default_value_t = 12)]
    servers: usize,
    /// Servers out at a time
    #[arg(long, default_value_t = 3)]
    batch: usize,
    /// Client connections to each load balancer
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// What the moments are drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The directory of lbd and lbctl; they are built for release without
    #[arg(long)]
    built: Option<std::path::PathBuf>,
}

/// Runs the deploys and judges them.
///
/// # Errors
/// When a server was restarted more or less than once, too few were up, or a request failed.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let built = args.built.clone().map_or_else(chore::build_release, Ok)?;
    let mut engines = vec![Engine { path: built.join("lbd"), is_haproxy: false }];
    engines.extend(Engine::oracle());
    let deploy = Deploy::start(&engines, args.servers)?;
    let guard = args.servers - args.batch;
    let loads: Vec<Running> =
        deploy.addresses().into_iter().map(|at| Running::start(at, args.connections)).collect::<anyhow::Result<_>>()?;
    let mut random = args.seed;
    let (mut last, mut slowest) = (Duration::from_secs(2), Duration::ZERO);
    for round in 1..=args.count {
        // Anywhere in the time that the last one took.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let pause = last.mul_f64((random >> 33) as f64 / (1u64 << 31) as f64);
        let start = Instant::now();
        one(&deploy, &built.join("lbctl"), args.batch, guard, round, pause)
            .with_context(|| format!("deploy {round}, killed after {pause:?}"))?;
        last = start.elapsed();
        slowest = slowest.max(last);
        let mut executed = deploy.take_executed()?;
        executed.sort_unstable();
        let mut every: Vec<String> = (1..=args.servers).map(|n| format!("web{n}")).collect();
        every.sort_unstable();
        ensure!(executed == every, "deploy {round}, killed after {pause:?}: restarted {executed:?}");
        until("every server to be up", || (deploy.up() == args.servers).then_some(()))?;
    }
    let mut lost = 0;
    let mut requests = 0;
    for load in loads {
        let report = load.stop()?;
        requests += report.requests;
        lost += report.bad_statuses + report.socket_errors;
    }
    println!(
        "{} deploys of {} servers behind {}: each server restarted once in each, {} of {} up at least (guard {guard}), \
         {requests} requests, {lost} failed, slowest deploy {:.1} s",
        args.count,
        args.servers,
        engines.iter().map(Engine::name).collect::<Vec<_>>().join(" and "),
        deploy.least_up(),
        args.servers,
        slowest.as_secs_f64()
    );
    if lost > 0 || deploy.least_up() < guard {
        bail!("somebody noticed");
    }
    Ok(())
}

fn one(deploy: &Deploy, lbctl: &Path, batch: usize, guard: usize, round: usize, pause: Duration) -> anyhow::Result<()> {
    let start = |arguments: &[&str]| {
        let mut command = Command::new(lbctl);
        command.args(arguments).env("LBCTL_STATE", deploy.dir().join("state"));
        for socket in deploy.sockets() {
            command.arg("-s").arg(socket);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
    };
    let (batch, guard, exec) = (batch.to_string(), guard.to_string(), deploy.command());
    let mut child =
        start(&["roll", "app", "--batch", &batch, "--checked", "--min-up", &guard, "--yes", "--exec", &exec])?;
    begun(&mut child)?;
    std::thread::sleep(pause);
    child.kill()?;
    child.wait()?;
    let id = round.to_string();
    let end = start(&["roll", "--resume", &id])?.wait_with_output()?;
    ensure!(end.status.success(), "{}", String::from_utf8_lossy(&end.stderr));
    Ok(())
}

/// Until the roll has told its number: then there is something to resume.
fn begun(child: &mut Child) -> anyhow::Result<()> {
    let output = child.stdout.as_mut().context("no output")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    ensure!(line.starts_with("roll "), "{line}");
    Ok(())
}
