//! Time of `show stat` with 10 000 servers.

use super::PROGRAM_CPU;
use super::pairs::{Pairs, Sample};
use lb_testkit::{Engine, Launch, process};
use std::time::Instant;

const BACKENDS: usize = 100;
const SERVERS: usize = 100;
const DUMPS: u32 = 10;

/// Measures it.
///
/// # Errors
/// When a run fails.
pub fn measure(pairs: &Pairs) -> anyhow::Result<()> {
    let mut config = "global\n    nbthread 1\n    stats socket {sock} level admin\n    stats timeout 60s\n\
         defaults\n    mode http\n    timeout connect 5s\n    timeout client 60s\n    timeout server 60s\n\
         frontend fe\n    bind 127.0.0.1:{port:fe}\n    default_backend b0\n"
        .to_owned();
    for backend in 0..BACKENDS {
        config.push_str(&format!("backend b{backend}\n"));
        for server in 0..SERVERS {
            config.push_str(&format!("    server s{server} 127.0.0.1:{}\n", 20_000 + server));
        }
    }
    pairs.run(&format!("show stat with {} servers", BACKENDS * SERVERS), |engine| run(engine, &config))
}

fn run(engine: &Engine, config: &str) -> anyhow::Result<Sample> {
    let program = Launch::new(engine)?.pinned(PROGRAM_CPU).start(config)?;
    let admin = program.admin();
    let rows = admin.ask("show stat")?.lines().count();
    anyhow::ensure!(rows >= BACKENDS * SERVERS, "only {rows} rows");
    let before = process::run_time(program.pid())?;
    let start = Instant::now();
    for _ in 0..DUMPS {
        admin.ask("show stat")?;
    }
    let elapsed = start.elapsed() / DUMPS;
    let used = (process::run_time(program.pid())? - before) / DUMPS;
    Ok(vec![("time of show stat, ms", elapsed.as_secs_f64() * 1e3), ("CPU of show stat, ms", used.as_secs_f64() * 1e3)])
}
