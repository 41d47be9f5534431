//! Drain, maintenance and return, over and over, under load: nobody may notice.

use crate::chore;
use crate::wrk::{Nginx, Running};
use anyhow::{Context, bail};
use lb_testkit::{Admin, Engine, Launch};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Arguments of `cycles`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Cycles in all
    #[arg(long, default_value_t = 1000)]
    count: usize,
    /// Servers behind the load balancer
    #[arg(long, default_value_t = 8)]
    servers: usize,
    /// Client connections
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Another program in the place of lbd
    #[arg(long)]
    subject: Option<PathBuf>,
}

/// Runs the cycles and judges wrk's report.
///
/// # Errors
/// When a command is refused, a drain does not end, or a request failed.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let engine = match &args.subject {
        Some(path) => Engine { path: path.clone(), is_haproxy: path.ends_with("haproxy") },
        None => Engine { path: chore::build_release()?.join("lbd"), is_haproxy: false },
    };
    let nginx = Nginx::start(args.servers, None)?;
    let servers: String = nginx
        .addresses()
        .enumerate()
        .map(|(n, address)| format!("    server s{n} {address} check inter 200ms\n"))
        .collect();
    let program = Launch::new(&engine)?.start(&format!(
        "global\n    stats socket {{sock}} level admin\n    maxconn 4000\n\
         defaults\n    mode http\n    timeout connect 5s\n    timeout client 60s\n    timeout server 60s\n\
         frontend fe\n    bind 127.0.0.1:{{port:fe}}\n    default_backend app\nbackend app\n    balance roundrobin\n{servers}"
    ))?;
    let admin = program.admin();
    let load = Running::start(program.address("fe"), args.connections)?;
    let start = Instant::now();
    let mut slowest = Duration::ZERO;
    for cycle in 0..args.count {
        let name = format!("s{}", cycle % args.servers);
        slowest = slowest.max(one(&admin, &name).with_context(|| format!("cycle {cycle} on {name}"))?);
        if (cycle + 1) % 100 == 0 {
            eprintln!("{} cycles, {:.1} s, slowest drain {slowest:?}", cycle + 1, start.elapsed().as_secs_f64());
        }
    }
    let report = load.stop()?;
    println!(
        "{} cycles over {} servers in {:.1} s: {} requests, {} not 2xx, {} socket errors, slowest drain {slowest:?}",
        args.count,
        args.servers,
        start.elapsed().as_secs_f64(),
        report.requests,
        report.bad_statuses,
        report.socket_errors
    );
    if !report.is_clean() {
        bail!("requests were lost");
    }
    Ok(())
}

/// Takes one server out and back; returns how long its drain took.
fn one(admin: &Admin, name: &str) -> anyhow::Result<Duration> {
    let start = Instant::now();
    set(admin, name, "drain")?;
    admin.await_stat("app", name, "scur", "0")?;
    let drained = start.elapsed();
    set(admin, name, "maint")?;
    set(admin, name, "ready")?;
    Ok(drained)
}

fn set(admin: &Admin, name: &str, state: &str) -> anyhow::Result<()> {
    let answer = admin.ask(&format!("set server app/{name} state {state}"))?;
    if answer != "\n" {
        bail!("`state {state}` was answered {answer:?}");
    }
    Ok(())
}
