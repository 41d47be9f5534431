//! Commands on one admin connection, sent without waiting for answers.

use super::PROGRAM_CPU;
use super::pairs::{Pairs, Sample};
use anyhow::{Context, ensure};
use lb_testkit::{Engine, Launch, process};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Commands in a run.
const COMMANDS: usize = 100_000;

/// Measures commands that change something, and such as are none.
///
/// # Errors
/// When a run fails.
pub fn measure(pairs: &Pairs) -> anyhow::Result<()> {
    let kinds: [(&str, [&str; 2]); 3] = [
        ("set server … weight", ["set server app/s1 weight 10\n", "set server app/s1 weight 20\n"]),
        ("set server … state", ["set server app/s1 state drain\n", "set server app/s1 state ready\n"]),
        ("wrong commands", ["shwo servers state\n", "set servre app/s1 weight 10\n"]),
    ];
    for (title, lines) in kinds {
        let title = format!("{COMMANDS} pipelined commands on one connection: {title}");
        pairs.run(&title, |engine| run(engine, lines))?;
    }
    Ok(())
}

fn run(engine: &Engine, lines: [&str; 2]) -> anyhow::Result<Sample> {
    let program = Launch::new(engine)?.pinned(PROGRAM_CPU).start(
        "global\n    nbthread 1\n    stats socket {sock} level admin\n    stats timeout 60s\n\
         defaults\n    mode http\n    timeout connect 5s\n    timeout client 60s\n    timeout server 60s\n\
         frontend fe\n    bind 127.0.0.1:{port:fe}\n    default_backend app\n\
         backend app\n    balance roundrobin\n    server s1 127.0.0.1:9\n    server s2 127.0.0.1:9\n",
    )?;
    let mut stream = UnixStream::connect(program.dir().join("admin.sock")).context("the admin socket")?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.write_all(b"prompt\n")?;
    prompts(&mut stream, 1)?;
    let mut sender = stream.try_clone()?;
    let text: String = (0..COMMANDS).map(|n| lines[n % 2]).collect();
    let (before, begin) = (process::run_time(program.pid())?, Instant::now());
    let writer = std::thread::spawn(move || sender.write_all(text.as_bytes()));
    prompts(&mut stream, COMMANDS)?;
    let elapsed = begin.elapsed();
    let used = process::run_time(program.pid())? - before;
    writer.join().map_err(|_| anyhow::anyhow!("the writer panicked"))??;
    Ok(vec![
        ("time per command, µs", elapsed.as_secs_f64() * 1e6 / COMMANDS as f64),
        ("CPU per command, µs", used.as_secs_f64() * 1e6 / COMMANDS as f64),
        ("commands per second (not a cost)", COMMANDS as f64 / elapsed.as_secs_f64()),
    ])
}

/// Reads until so many prompts have come. A prompt stands at the start of a line, as no answer's text does.
fn prompts(stream: &mut UnixStream, wanted: usize) -> anyhow::Result<()> {
    let mut buffer = vec![0; 256 * 1024];
    let (mut seen, mut last) = (0, b'\n');
    while seen < wanted {
        let n = stream.read(&mut buffer)?;
        ensure!(n > 0, "the connection ended after {seen} answers");
        for &byte in buffer.get(..n).unwrap_or_default() {
            seen += usize::from(last == b'\n' && byte == b'>');
            last = byte;
        }
    }
    Ok(())
}
