//! Resident memory per idle client connection, each having been served one request.

use super::pairs::{Pairs, Sample};
use super::{OTHER_CPU, PROGRAM_CPU};
use crate::wrk::Nginx;
use anyhow::bail;
use lb_testkit::{Client, Engine, Launch, process};

const CONNECTIONS: usize = 2000;
/// Requests before the first measurement, so that what a program allocates once is not counted.
const WARM_UP: usize = 200;

/// Measures it.
///
/// # Errors
/// When a run fails.
pub fn measure(pairs: &Pairs) -> anyhow::Result<()> {
    let nginx = Nginx::start(1, Some(OTHER_CPU))?;
    let Some(origin) = nginx.addresses().next() else { bail!("no origin") };
    pairs.run(&format!("{CONNECTIONS} idle kept connections, after one request each"), |engine| {
        run(engine, &origin.to_string())
    })
}

fn run(engine: &Engine, origin: &str) -> anyhow::Result<Sample> {
    let program = Launch::new(engine)?.pinned(PROGRAM_CPU).set("origin", origin).start(
        "global\n    nbthread 1\n    maxconn 4000\n\
         defaults\n    mode http\n    timeout connect 5s\n    timeout client 600s\n    timeout server 600s\n\
         frontend fe\n    bind 127.0.0.1:{port:fe}\n    default_backend app\nbackend app\n    server s1 {origin}\n",
    )?;
    let address = program.address("fe");
    for _ in 0..WARM_UP {
        Client::connect(address)?.get("/")?;
    }
    let before = process::rss_bytes(program.pid())?;
    let mut idle = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut client = Client::connect(address)?;
        client.get("/")?;
        idle.push(client);
    }
    let after = process::rss_bytes(program.pid())?;
    let grown = after.saturating_sub(before) as f64;
    Ok(vec![
        ("bytes per idle connection", grown / CONNECTIONS as f64),
        ("resident with all, KiB", after as f64 / 1024.0),
    ])
}
