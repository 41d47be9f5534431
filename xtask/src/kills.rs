//! One of four origins is killed and started again, over and over, under load: who asks what may be asked again must not notice.

use crate::chore;
use crate::wrk::{Nginx, Running};
use anyhow::{Context, bail};
use lb_testkit::{Admin, Engine, Launch, Program};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Arguments of `kills`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Kills in all
    #[arg(long, default_value_t = 50)]
    count: usize,
    /// Client connections
    #[arg(long, default_value_t = 200)]
    connections: usize,
    /// What is retried. With `conn-failure` alone an origin that dies with a request on a connection of its own costs
    /// that request
    #[arg(long, default_value = "conn-failure empty-response")]
    retry_on: String,
    /// How long a killed origin stays away, in milliseconds
    #[arg(long, default_value_t = 300)]
    away: u64,
    /// Another program in the place of lbd
    #[arg(long)]
    subject: Option<PathBuf>,
}

const SERVERS: usize = 4;

/// Runs the kills and judges wrk's report.
///
/// # Errors
/// When an origin does not come back or a request failed.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let engine = match &args.subject {
        Some(path) => Engine { path: path.clone(), is_haproxy: path.ends_with("haproxy") },
        None => Engine { path: chore::build_release()?.join("lbd"), is_haproxy: false },
    };
    let mut origins = (0..SERVERS).map(|_| Nginx::start(1, None)).collect::<anyhow::Result<Vec<_>>>()?;
    let program = start(&engine, &origins, &args.retry_on)?;
    let admin = program.admin();
    let load = Running::start(program.address("fe"), args.connections)?;
    let start = Instant::now();
    all_up(&admin)?;
    for kill in 0..args.count {
        let Some(origin) = origins.get_mut(kill % SERVERS) else { break };
        origin.kill().with_context(|| format!("kill {kill}"))?;
        std::thread::sleep(Duration::from_millis(args.away));
        origin.restart().with_context(|| format!("start after kill {kill}"))?;
        // Two that are away at once are another story.
        all_up(&admin)?;
    }
    let report = load.stop()?;
    let counted = |column: &str| admin.stat("app", "BACKEND", column);
    println!(
        "{} kills in {:.1} s: {} requests, {} not 2xx, {} socket errors; {} retries, {} redispatches, {} failed connections, {} failed responses",
        args.count,
        start.elapsed().as_secs_f64(),
        report.requests,
        report.bad_statuses,
        report.socket_errors,
        counted("wretr")?,
        counted("wredis")?,
        counted("econ")?,
        counted("eresp")?,
    );
    if !report.is_clean() {
        bail!("requests were lost");
    }
    Ok(())
}

fn start(engine: &Engine, origins: &[Nginx], retry_on: &str) -> anyhow::Result<Program> {
    let servers: String = origins
        .iter()
        .flat_map(Nginx::addresses)
        .enumerate()
        .map(|(n, address)| format!("    server s{n} {address} check inter 100ms rise 1 fall 2\n"))
        .collect();
    Launch::new(engine)?.start(&format!(
        "global\n    stats socket {{sock}} level admin\n    maxconn 4000\n\
         defaults\n    mode http\n    timeout connect 5s\n    timeout client 60s\n    timeout server 60s\n\
         frontend fe\n    bind 127.0.0.1:{{port:fe}}\n    default_backend app\n\
         backend app\n    balance roundrobin\n    retries 3\n    option redispatch\n    retry-on {retry_on}\n{servers}"
    ))
}

fn all_up(admin: &Admin) -> anyhow::Result<()> {
    (0..SERVERS).try_for_each(|n| admin.await_stat("app", &format!("s{n}"), "status", "UP"))
}
