//! Processor time per health check.

use super::PROGRAM_CPU;
use super::pairs::{Pairs, Sample};
use lb_testkit::{Engine, Launch, Mode, Origin, process, until};
use std::time::Duration;

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
    until("the first round of checks", || (origin.connections() >= 2 * SERVERS).then_some(()))?;
    let (before, first) = (process::run_time(program.pid())?, origin.connections());
    std::thread::sleep(Duration::from_secs(seconds));
    let used = process::run_time(program.pid())? - before;
    let checks = origin.connections() - first;
    Ok(vec![
        ("CPU per check, µs", used.as_secs_f64() * 1e6 / checks as f64),
        ("checks per second (not a cost)", checks as f64 / seconds as f64),
    ])
}
