//! Processor time per health check.

use super::PROGRAM_CPU;
use super::pairs::{Pairs, Sample};
use anyhow::Context;
use lb_testkit::{Engine, Launch, Mode, Origin, process, until};
use std::time::{Duration, Instant};

const SERVERS: usize = 200;

/// Measures TCP checks and HTTP checks.
///
/// # Errors
/// When a run fails.
pub fn measure(pairs: &Pairs, seconds: u64) -> anyhow::Result<()> {
    let close = Mode::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec());
    for (title, line, mode) in
        [("TCP checks", "", Mode::Close), ("HTTP checks", "    option httpchk GET /health\n", close)]
    {
        let title = format!("{title} of {SERVERS} servers every 200 ms, {seconds} s a run");
        pairs.run(&title, |engine| run(engine, line, mode.clone(), seconds))?;
    }
    Ok(())
}

fn run(engine: &Engine, line: &str, mode: Mode, seconds: u64) -> anyhow::Result<Sample> {
    let origin = Origin::with(mode)?;
    let servers: String =
        (0..SERVERS).map(|n| format!("    server s{n} {} check inter 200ms\n", origin.address())).collect();
    let program = Launch::new(engine)?.pinned(PROGRAM_CPU).start(&format!(
        "global\n    nbthread 1\n\
         defaults\n    mode http\n    timeout connect 5s\n    timeout client 60s\n    timeout server 60s\n\
         listen app\n    bind 127.0.0.1:{{port:fe}}\n{line}{servers}"
    ))?;
    let begin = active_opens()?;
    until("two rounds of checks", || (active_opens().ok()? >= begin + 2 * SERVERS as u64).then_some(()))?;
    let (before, first, start) = (process::run_time(program.pid())?, active_opens()?, Instant::now());
    std::thread::sleep(Duration::from_secs(seconds));
    let used = process::run_time(program.pid())? - before;
    let checks = active_opens()? - first;
    Ok(vec![
        ("CPU per check, µs", used.as_secs_f64() * 1e6 / checks as f64),
        ("checks per second (not a cost)", checks as f64 / start.elapsed().as_secs_f64()),
    ])
}

/// Connections opened on this machine since it started. The origin cannot count the checks: HAProxy resets a TCP
/// check's connection before it is complete.
fn active_opens() -> anyhow::Result<u64> {
    let text = std::fs::read_to_string("/proc/net/snmp")?;
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Tcp: "));
    let (names, values) = (lines.next().context("no Tcp line")?, lines.next().context("no Tcp values")?);
    let at = names.split(' ').position(|name| name == "ActiveOpens").context("no ActiveOpens")?;
    Ok(values.split(' ').nth(at).context("too few values")?.parse()?)
}
