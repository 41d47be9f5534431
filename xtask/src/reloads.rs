//! Reloads under load, over and over: no request may fail, no session may be cut, nothing may be left behind.

use crate::chore;
use crate::wrk::Running;
use anyhow::{bail, ensure};
use lb_testkit::{Engine, LongSessions, Reloading, Way, until};
use std::path::PathBuf;
use std::time::Instant;

/// Arguments of `reloads`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Reloads of a master, half by SIGUSR2 and half by the `reload` command; then as many successions by `-sf … -x`
    #[arg(long, default_value_t = 200)]
    count: usize,
    /// Client connections of wrk
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// WebSocket connections that last from the first reload to the last
    #[arg(long, default_value_t = 8)]
    websockets: usize,
    /// Begin a download and a WebSocket connection after so many reloads
    #[arg(long, default_value_t = 10)]
    every: usize,
    /// Another program in the place of lbd
    #[arg(long)]
    subject: Option<PathBuf>,
}

/// Servers behind the program.
const SERVERS: usize = 6;
/// A download lasts so many pieces of this many milliseconds: a minute.
const DOWNLOAD: (usize, u64) = (1200, 50);

/// Runs both ways and judges them.
///
/// # Errors
/// When a request failed, a session was cut, states were lost, or something leaked.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let engine = match &args.subject {
        Some(path) => Engine { path: path.clone(), is_haproxy: path.ends_with("haproxy") },
        None => Engine { path: chore::build_release()?.join("lbd"), is_haproxy: false },
    };
    for way in [Way::Master, Way::Successor] {
        one(args, &engine, way)?;
    }
    Ok(())
}

fn one(args: &Args, engine: &Engine, way: Way) -> anyhow::Result<()> {
    let mut stage = Reloading::start(engine, way, SERVERS)?;
    let load = Running::start(stage.address(), args.connections)?;
    let mut sessions = LongSessions::new(stage.address());
    for _ in 0..args.websockets {
        sessions.websocket();
    }
    let (start, mut most) = (Instant::now(), 0);
    for number in 1..=args.count {
        if number % args.every == 1 || args.every == 1 {
            sessions.download(DOWNLOAD.0, DOWNLOAD.1);
            sessions.websocket();
            until("the sessions", || (sessions.opened() == sessions.begun()).then_some(()))?;
        }
        stage.reload(number)?;
        most = most.max(stage.processes());
        if number % 20 == 0 {
            eprintln!("{number} reloads, {:.1} s", start.elapsed().as_secs_f64());
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let report = load.stop()?;
    let endings = sessions.finish();
    let leaks = stage.judge_leaks();
    let ways = match way {
        Way::Master => "reloads of a master, half by SIGUSR2, half by the command",
        Way::Successor => "successions by -sf and -x",
    };
    println!(
        "{} {ways}, in {seconds:.1} s: {} requests, {} not 2xx, {} socket errors; {} long sessions ({} messages, {} MB), {} cut; \
         {most} processes at most",
        args.count,
        report.requests,
        report.bad_statuses,
        report.socket_errors,
        endings.sessions,
        endings.messages,
        endings.bytes >> 20,
        endings.cut.len(),
    );
    leaks?;
    println!("server states kept each time; no process and no descriptor left over");
    if !report.is_clean() {
        bail!("requests were lost");
    }
    ensure!(endings.cut.is_empty(), "sessions were cut: {:?}", endings.cut);
    Ok(())
}
