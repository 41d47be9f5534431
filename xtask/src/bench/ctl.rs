//! `lbctl` as a whole process beside socat on the same command: what a script feels that calls it a thousand times.
//!
//! Both run in turn on the same engine, who goes first changing from pair to pair; output goes to nowhere.

use super::pairs::{Pairs, median};
use super::{OTHER_CPU, PROGRAM_CPU};
use crate::chore;
use anyhow::{Context, bail, ensure};
use lb_testkit::{Engine, Launch, Program};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Servers of a backend.
const SERVERS: usize = 100;
/// The few servers of a small site.
const FEW: usize = 10;
/// The many of a large one.
const MANY: usize = 10_000;

/// One comparison: what lbctl does, the same by socat, and what the ratio of times is to stay below.
struct Duel {
    words: &'static [&'static str],
    command: &'static str,
    servers: usize,
    runs: u32,
    limit: f64,
}

const DUELS: &[Duel] = &[
    Duel { words: &["show", "servers"], command: "show stat -1 4 -1", servers: FEW, runs: 40, limit: 1.5 },
    Duel { words: &["show", "servers"], command: "show stat -1 4 -1", servers: MANY, runs: 5, limit: 3.0 },
    Duel { words: &["raw", "show", "info"], command: "show info", servers: FEW, runs: 40, limit: 1.2 },
    Duel { words: &["raw", "show", "stat"], command: "show stat", servers: MANY, runs: 5, limit: 1.2 },
];

/// Milliseconds of processor time within which a name is completed, with [`MANY`] servers.
const COMPLETION_MS: f64 = 30.0;
/// Resident megabytes of `show servers` with [`MANY`] servers.
const RESIDENT_MB: f64 = 20.0;

/// Measures on both engines.
///
/// # Errors
/// When a run fails.
pub fn measure(pairs: &Pairs) -> anyhow::Result<()> {
    if !chore::is_installed("socat") {
        bail!("socat is missing (apt-get install socat)");
    }
    let lbctl = pairs.subject.path.with_file_name("lbctl");
    ensure!(lbctl.is_file(), "{} is missing", lbctl.display());
    for engine in [&pairs.subject, &pairs.reference] {
        let name = if engine.is_haproxy { "haproxy" } else { "lbd" };
        for servers in [FEW, MANY] {
            let program = start(engine, servers)?;
            let socket = program.dir().join("admin.sock");
            for duel in DUELS.iter().filter(|duel| duel.servers == servers) {
                println!("lbctl {} on {name} with {servers} servers", duel.words.join(" "));
                fight(duel, &lbctl, &socket, pairs.count)?;
            }
            if servers == MANY {
                completion(&lbctl, &socket, pairs.count)?;
                resident(&lbctl, &socket)?;
            }
            println!();
        }
    }
    Ok(())
}

/// Wall and processor time of one run, in milliseconds.
type Cost = (f64, f64);

fn fight(duel: &Duel, lbctl: &Path, socket: &Path, count: usize) -> anyhow::Result<()> {
    let asked = socket.with_file_name("asked");
    std::fs::write(&asked, format!("{}\n", duel.command))?;
    let mine = || {
        let mut command = pinned(lbctl);
        command.arg("-s").arg(socket).args(duel.words).stdin(Stdio::null());
        Ok(command)
    };
    let theirs = || {
        let mut command = pinned(Path::new("socat"));
        command.args(["-t", "60", "-"]).arg(format!("UNIX-CONNECT:{}", socket.display())).stdin(File::open(&asked)?);
        Ok(command)
    };
    let mut costs: Vec<(Cost, Cost)> = Vec::new();
    for pair in 0..count {
        let one = |first: bool| if first { cost(duel.runs, mine) } else { cost(duel.runs, theirs) };
        costs.push(match pair % 2 {
            0 => (one(true)?, one(false)?),
            _ => {
                let theirs = one(false)?;
                (one(true)?, theirs)
            }
        });
    }
    let column = |of: fn(&(Cost, Cost)) -> f64| median(&costs.iter().map(of).collect::<Vec<_>>());
    let (wall, cpu) = (column(|(a, b)| a.0 / b.0), column(|(a, b)| a.1 / b.1));
    let verdict = if wall <= duel.limit { "" } else { "  TOO MUCH" };
    println!(
        "  time of the process, ms          lbctl {:>8.2}   socat {:>8.2}   ratio {wall:.2} (at most {}){verdict}",
        column(|(a, _)| a.0),
        column(|(_, b)| b.0),
        duel.limit
    );
    println!(
        "  processor time, ms               lbctl {:>8.2}   socat {:>8.2}   ratio {cpu:.2}",
        column(|(a, _)| a.1),
        column(|(_, b)| b.1)
    );
    Ok(())
}

/// On the processor that the engine leaves free.
fn pinned(program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &OTHER_CPU.to_string()]).arg(program);
    command.env_remove("LBCTL_SOCKET").env_remove("LBCTL_CONTEXT").env("HOME", "/nonexistent").current_dir("/");
    command
}

/// Runs commands one after the other and gives the mean.
fn cost(runs: u32, command: impl Fn() -> anyhow::Result<Command>) -> anyhow::Result<Cost> {
    let (before, start) = (children()?, Instant::now());
    for _ in 0..runs {
        let mut command = command()?;
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().context("a run")?;
        ensure!(status.success(), "{command:?} failed: {status}");
    }
    let (cpu, wall) = (children()? - before, start.elapsed().as_secs_f64() * 1e3);
    Ok((wall / f64::from(runs), cpu / f64::from(runs)))
}

/// Processor time of the children that have ended, in milliseconds.
fn children() -> anyhow::Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    Ok((usage.user_time().num_microseconds() + usage.system_time().num_microseconds()) as f64 / 1e3)
}

/// What a shell waits for after the Tab key.
fn completion(lbctl: &Path, socket: &Path, count: usize) -> anyhow::Result<()> {
    const RUNS: u32 = 5;
    let command = || {
        let mut command = pinned(lbctl);
        command.env("COMPLETE", "bash").env("_CLAP_IFS", "\n").env("_CLAP_COMPLETE_INDEX", "2");
        command.env("LBCTL_SOCKET", socket).args(["--", "lbctl", "drain", "b42/s1"]);
        Ok::<_, anyhow::Error>(command)
    };
    let told = command()?.output()?;
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    ensure!(told.lines().filter(|line| line.starts_with("b42/s1")).count() >= 10, "completed to {told:?}");
    let costs = (0..count).map(|_| cost(RUNS, command)).collect::<anyhow::Result<Vec<Cost>>>()?;
    let (wall, cpu): (Vec<f64>, Vec<f64>) = costs.into_iter().unzip();
    let (wall, cpu) = (median(&wall), median(&cpu));
    let verdict = if cpu < COMPLETION_MS { "" } else { "  TOO MUCH" };
    println!("completion of a server's name among {MANY}");
    println!("  processor time, ms               lbctl {cpu:>8.2}   (below {COMPLETION_MS}; time {wall:.2}){verdict}");
    Ok(())
}

/// The most memory a process held: looked at whenever some of its output was read, until it is gone.
fn resident(lbctl: &Path, socket: &Path) -> anyhow::Result<()> {
    println!("resident memory of show servers with {MANY} servers");
    for form in ["table", "json", "csv", "yaml", "name", "raw"] {
        let mut command = Command::new(lbctl);
        command.arg("-s").arg(socket).args(["show", "servers", "-o", form]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let mut output = child.stdout.take().context("no output")?;
        let (mut most, mut piece) = (None, [0; 16 << 10]);
        while output.read(&mut piece)? > 0 {
            let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
            let kb = status
                .lines()
                .find_map(|l| l.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
            // Between its end and its burial a process has none.
            most = kb.or(most);
        }
        ensure!(child.wait()?.success(), "show servers failed");
        let mb = most.context("the process ended before it was looked at")? / 1024.0;
        let verdict = if mb < RESIDENT_MB { "" } else { "  TOO MUCH" };
        println!("  {form:<32} lbctl {mb:>8.1} MB   (below {RESIDENT_MB}){verdict}");
    }
    Ok(())
}

/// One data thread and so many servers.
fn start(engine: &Engine, servers: usize) -> anyhow::Result<Program> {
    let mut config = "global\n    nbthread 1\n    stats socket {sock} level admin\n    stats timeout 60s\n\
         defaults\n    mode http\n    timeout connect 5s\n    timeout client 60s\n    timeout server 60s\n\
         frontend fe\n    bind 127.0.0.1:{port:fe}\n    default_backend b0\n"
        .to_owned();
    for server in 0..servers {
        if server % SERVERS == 0 {
            config.push_str(&format!("backend b{}\n", server / SERVERS));
        }
        config.push_str(&format!("    server s{} 127.0.0.1:{}\n", server % SERVERS, 20_000 + server % SERVERS));
    }
    Launch::new(engine)?.pinned(PROGRAM_CPU).start(&config)
}
