//! Processor time per health check, the room of a server that is checked, and whether checks are on time.

use super::pairs::{Pairs, Sample};
use super::{OTHER_CPU, PROGRAM_CPU};
use crate::wrk::Nginx;
use anyhow::Context;
use lb_testkit::wait::until_within;
use lb_testkit::{Engine, Launch, Program, process};
use std::collections::HashMap;
use std::time::{Duration, Instant};

const SERVERS: usize = 10_000;
const INTERVAL: Duration = Duration::from_secs(1);
/// A check that starts this much after its interval is late.
const LATE: f64 = 1.05;

/// Measures TCP checks and HTTP checks.
///
/// # Errors
/// When a run fails.
pub fn measure(pairs: &Pairs, seconds: u64) -> anyhow::Result<()> {
    for (title, line) in [("TCP checks", ""), ("HTTP checks", "    option httpchk GET /health\n")] {
        let title = format!("{title} of {SERVERS} servers every second, {seconds} s a run");
        pairs.run(&title, |engine| run(engine, line, seconds))?;
    }
    Ok(())
}

fn run(engine: &Engine, line: &str, seconds: u64) -> anyhow::Result<Sample> {
    let nginx = Nginx::recording(Some(OTHER_CPU))?;
    let port = nginx.addresses().next().context("no origin")?.port();
    let empty = process::rss_bytes(start(engine, line, 1, port)?.pid())?;
    let program = start(engine, line, SERVERS, port)?;
    let begin = active_opens()?;
    // Each was checked twice: none is to be found up for the first time any more.
    let rounds = 2 * SERVERS as u64;
    until_within(Duration::from_secs(60), "two rounds of checks", || {
        (active_opens().ok()? >= begin + rounds).then_some(())
    })?;
    let (before, first, started) = (process::run_time(program.pid())?, active_opens()?, Instant::now());
    std::thread::sleep(Duration::from_secs(seconds));
    let used = process::run_time(program.pid())? - before;
    let checks = active_opens()? - first;
    let elapsed = started.elapsed().as_secs_f64();
    let grown = process::rss_bytes(program.pid())?.saturating_sub(empty) as f64;
    drop(program);
    let mut sample = vec![
        ("CPU per check, µs", used.as_secs_f64() * 1e6 / checks as f64),
        ("checks per second (not a cost)", checks as f64 / elapsed),
        ("bytes per server", grown / SERVERS as f64),
    ];
    // The origin's program sees nothing of mere connections.
    if !line.is_empty() {
        let gaps = gaps(nginx.arrivals()?);
        let late = gaps.iter().filter(|gap| **gap > LATE * INTERVAL.as_secs_f64()).count();
        sample.push(("longest gap of a server, ms", gaps.iter().copied().fold(0.0, f64::max) * 1e3));
        sample.push(("late checks of 100 000", late as f64 * 1e5 / gaps.len() as f64));
    }
    Ok(sample)
}

/// Each server has its own address, all of them are one origin.
fn start(engine: &Engine, line: &str, servers: usize, port: u16) -> anyhow::Result<Program> {
    let servers: String = (0..servers)
        .map(|n| format!("    server s{n} 127.1.{}.{}:{port} check inter 1s\n", n / 250, 1 + n % 250))
        .collect();
    Launch::new(engine)?.pinned(PROGRAM_CPU).start(&format!(
        "global\n    nbthread 1\n\
         defaults\n    mode http\n    timeout connect 5s\n    timeout client 60s\n    timeout server 60s\n\
         listen app\n    bind 127.0.0.1:{{port:fe}}\n{line}{servers}"
    ))
}

/// Seconds between one check of a server and its next.
fn gaps(arrivals: Vec<(String, f64)>) -> Vec<f64> {
    let mut last: HashMap<String, f64> = HashMap::new();
    arrivals.into_iter().filter_map(|(server, at)| last.insert(server, at).map(|before| at - before)).collect()
}

/// Connections opened on this machine since it started. The origin cannot count the checks: a TCP check's connection is
/// reset before it is complete.
fn active_opens() -> anyhow::Result<u64> {
    let text = std::fs::read_to_string("/proc/net/snmp")?;
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Tcp: "));
    let (names, values) = (lines.next().context("no Tcp line")?, lines.next().context("no Tcp values")?);
    let at = names.split(' ').position(|name| name == "ActiveOpens").context("no ActiveOpens")?;
    Ok(values.split(' ').nth(at).context("too few values")?.parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_those_of_one_server() {
        let seen = [("a", 1.0), ("b", 1.5), ("a", 2.0), ("b", 3.0), ("a", 3.5)];
        let gaps = gaps(seen.map(|(server, at)| (server.to_owned(), at)).to_vec());
        assert_eq!(gaps, [1.0, 1.5, 1.5]);
    }
}
