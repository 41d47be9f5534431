//! Tables of 10 000 servers: what an answer costs, and what requests feel of it.

use super::pairs::{Pairs, Sample};
use super::{OTHER_CPU, PROGRAM_CPU};
use crate::wrk::Nginx;
use anyhow::{Context, ensure};
use lb_testkit::{Client, Engine, Launch, Program, process};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

const BACKENDS: usize = 100;
const SERVERS: usize = 100;
const DUMPS: u32 = 10;

/// Pause between two requests of the latency measurement: an engine that is not saturated.
const PACE: Duration = Duration::from_micros(500);

/// Measures time and CPU of an answer.
///
/// # Errors
/// When a run fails.
pub fn measure(pairs: &Pairs) -> anyhow::Result<()> {
    for command in ["show stat", "show servers state"] {
        let title = format!("{command} with {} servers", BACKENDS * SERVERS);
        pairs.run(&title, |engine| answer(engine, command))?;
    }
    Ok(())
}

fn answer(engine: &Engine, command: &str) -> anyhow::Result<Sample> {
    let program = start(engine, "127.0.0.1:9")?;
    let admin = program.admin();
    let rows = admin.ask(command)?.lines().count();
    ensure!(rows >= BACKENDS * SERVERS, "only {rows} rows");
    let before = process::run_time(program.pid())?;
    let start = Instant::now();
    for _ in 0..DUMPS {
        admin.drain(command)?;
    }
    let elapsed = start.elapsed() / DUMPS;
    let used = (process::run_time(program.pid())? - before) / DUMPS;
    Ok(vec![
        ("time of the answer, ms", elapsed.as_secs_f64() * 1e3),
        ("CPU of the answer, ms", used.as_secs_f64() * 1e3),
    ])
}

/// Measures the latency of requests while answers are taken one after the other, beside that without them.
///
/// # Errors
/// When a run fails.
pub fn latency(pairs: &Pairs, seconds: u64) -> anyhow::Result<()> {
    let nginx = Nginx::start(1, Some(OTHER_CPU))?;
    let origin = nginx.addresses().next().context("no origin")?.to_string();
    let title = format!("a request's 99th percentile during show stat with {} servers", BACKENDS * SERVERS);
    pairs.run(&title, |engine| disturbed(engine, &origin, Duration::from_secs(seconds)))
}

fn disturbed(engine: &Engine, origin: &str, duration: Duration) -> anyhow::Result<Sample> {
    let program = start(engine, origin)?;
    let address = program.address("fe");
    percentile(address, duration / 5)?;
    let alone = percentile(address, duration)?;
    let over = AtomicBool::new(false);
    let during = thread::scope(|scope| {
        let dumper = scope.spawn(|| {
            while !over.load(Relaxed) {
                program.admin().drain("show stat")?;
            }
            anyhow::Ok(())
        });
        let during = percentile(address, duration);
        over.store(true, Relaxed);
        dumper.join().map_err(|_| anyhow::anyhow!("the reader of answers panicked"))??;
        during
    })?;
    let micros = |latency: Duration| latency.as_secs_f64() * 1e6;
    Ok(vec![
        ("alone, µs", micros(alone)),
        ("during dumps, µs", micros(during)),
        ("during dumps / alone", micros(during) / micros(alone)),
    ])
}

/// The 99th percentile of the time of paced requests over one kept connection.
fn percentile(address: SocketAddr, duration: Duration) -> anyhow::Result<Duration> {
    let mut client = Client::connect(address)?;
    let mut times = Vec::new();
    let start = Instant::now();
    while start.elapsed() < duration {
        let sent = Instant::now();
        let response = client.get("/")?;
        times.push(sent.elapsed());
        ensure!(response.status == 200, "{response:?}");
        thread::sleep(PACE);
    }
    times.sort_unstable();
    times.get(times.len() * 99 / 100).copied().context("no request was made")
}

/// One data thread, 10 000 servers, and a frontend that uses one of them.
fn start(engine: &Engine, origin: &str) -> anyhow::Result<Program> {
    let mut config = "global\n    nbthread 1\n    stats socket {sock} level admin\n    stats timeout 60s\n\
         defaults\n    mode http\n    timeout connect 5s\n    timeout client 60s\n    timeout server 60s\n\
         frontend fe\n    bind 127.0.0.1:{port:fe}\n    default_backend used\nbackend used\n    server s {origin}\n"
        .to_owned();
    for backend in 0..BACKENDS {
        config.push_str(&format!("backend b{backend}\n"));
        for server in 0..SERVERS {
            config.push_str(&format!("    server s{server} 127.0.0.1:{}\n", 20_000 + server));
        }
    }
    Launch::new(engine)?.pinned(PROGRAM_CPU).set("origin", origin).start(&config)
}
