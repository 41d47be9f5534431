//! A day's traffic in minutes, with deaths of servers, changes by operators, outages of log targets and reloads: memory
//! must stay where it was after the first minute.
//!
//! Two processes take the same. One is never reloaded: all that it allocates in the whole time is its own. The other is a
//! master's, reloaded again and again: there the master is compared with itself, and its serving worker with a worker of
//! the same age at the beginning, since workers do not live long enough to be compared with themselves.

mod traffic;
mod trouble;

use crate::chore;
use crate::wrk::Running;
use anyhow::{Context, bail, ensure};
use lb_testkit::{Engine, Launch, Origin, Program, process, until};
use nix::sys::signal::Signal;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use traffic::Traffic;

/// Arguments of `soak`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How long, in minutes
    #[arg(long, default_value_t = 20.0)]
    minutes: f64,
    /// By how many percent memory may grow after the first minute
    #[arg(long, default_value_t = 5.0)]
    growth: f64,
    /// Seconds between reloads
    #[arg(long, default_value_t = 20)]
    reload_every: u64,
    /// Another program in the place of lbd
    #[arg(long)]
    subject: Option<PathBuf>,
}

/// Servers behind each program.
const SERVERS: usize = 6;
/// Memory is the median of so many looks, one every [`LOOK_PAUSE`]: a buffer more or less is no trend.
const LOOKS: usize = 11;
const LOOK_PAUSE: Duration = Duration::from_millis(300);

/// What everybody in the soak goes by.
#[derive(Debug)]
struct Stage {
    stop: AtomicBool,
    origins: Vec<Origin>,
}

impl Stage {
    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Sleeps, but not beyond the end.
    fn pause(&self, time: Duration) {
        let end = Instant::now() + time;
        while !self.is_over() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20).min(end.saturating_duration_since(Instant::now())));
        }
    }
}

/// Bytes that the three kinds of process hold.
#[derive(Debug, Clone, Copy)]
struct Memory {
    steady: u64,
    master: u64,
    worker: u64,
}

/// Runs the soak and judges it.
///
/// # Errors
/// When a process died, answered no more, kept descriptors, or grew.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let engine = match &args.subject {
        Some(path) => Engine { path: path.clone(), is_haproxy: false },
        None => Engine { path: chore::build_release()?.join("lbd"), is_haproxy: false },
    };
    let report = soak(&engine, Duration::from_secs_f64(args.minutes * 60.0), args.reload_every)?;
    println!("{report}");
    report.judge(args.growth)
}

/// What a soak has seen.
#[derive(Debug)]
struct Report {
    first: Memory,
    last: Memory,
    reloads: u64,
    requests: u64,
    text: String,
}

impl Report {
    fn judge(&self, percent: f64) -> anyhow::Result<()> {
        for (what, first, last) in [
            ("the process that was never reloaded", self.first.steady, self.last.steady),
            ("the master", self.first.master, self.last.master),
            ("the serving worker", self.first.worker, self.last.worker),
        ] {
            if last as f64 > first as f64 * (1.0 + percent / 100.0) {
                bail!("{what} grew from {} to {} kB, by more than {percent} %", first / 1024, last / 1024);
            }
        }
        Ok(())
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let line = |name: &str, first: u64, last: u64| {
            let change = (last as f64 / first as f64 - 1.0) * 100.0;
            format!("  {name:<22}{:>8} kB  {:>8} kB  {change:+.1} %\n", first / 1024, last / 1024)
        };
        write!(
            f,
            "{} requests, {} reloads; {}\nmemory                 first minute     at the end\n",
            self.requests, self.reloads, self.text
        )?;
        write!(f, "{}", line("never reloaded", self.first.steady, self.last.steady))?;
        write!(f, "{}", line("master", self.first.master, self.last.master))?;
        write!(f, "{}", line("worker of one age", self.first.worker, self.last.worker))
    }
}

fn soak(engine: &Engine, time: Duration, reload_every: u64) -> anyhow::Result<Report> {
    let origins = (0..SERVERS).map(|n| Origin::for_load(&format!("s{n}"))).collect::<anyhow::Result<_>>()?;
    let stage = Arc::new(Stage { stop: AtomicBool::new(false), origins });
    let logs = trouble::LogTargets::new()?;
    let mut steady = launch(engine, &stage, &logs)?.start(CONFIG)?;
    let mut reloaded = launch(engine, &stage, &logs)?
        .argument("-W")
        .argument("-S")
        .argument("{dir}/master.sock,mode,600")
        .start(CONFIG)?;
    until("the worker", || reloaded.admin().info("Pid").ok())?;
    let idle_files = process::open_files(steady.pid())?;
    let addresses = [steady.address("fe"), reloaded.address("fe")];
    let loads = addresses.map(|address| Running::start(address, 4));
    let traffic = Traffic::start(&stage, &addresses);
    let admins = [steady.admin(), reloaded.admin()];
    let mut troubles = vec![trouble::deaths(&stage), trouble::outages(&stage, logs)];
    troubles.extend(admins.into_iter().map(|admin| trouble::operators(&stage, admin)));
    let outcome = watch(&mut steady, &mut reloaded, time, reload_every);
    stage.stop.store(true, Ordering::Relaxed);
    let mut changes = 0;
    for trouble in troubles {
        changes += trouble.join().ok().context("a trouble-maker panicked")??;
    }
    let counts = traffic.finish();
    let mut requests = counts.requests;
    for load in loads {
        requests += load?.stop()?.requests;
    }
    let (first, last, reloads) = outcome?;
    for program in [&mut steady, &mut reloaded] {
        program.check_alive()?;
        until("the last session's end", || (program.admin().info("CurrConns").ok()? == "0").then_some(()))?;
    }
    let mut files = 0;
    // Pooled connections are given up by and by.
    lb_testkit::wait::until_within(Duration::from_secs(120), "the descriptors of an idle process", || {
        files = process::open_files(steady.pid()).ok()?;
        (files <= idle_files + 2 * SERVERS).then_some(())
    })
    .with_context(|| format!("there are {files}, and were {idle_files} before"))?;
    let text =
        format!("{counts}, {changes} changes, deaths and outages; {files} descriptors at rest, {idle_files} before");
    Ok(Report { first, last, reloads, requests, text })
}

/// Reloads, and looks at memory at the beginning and at the end.
fn watch(
    steady: &mut Program,
    reloaded: &mut Program,
    time: Duration,
    reload_every: u64,
) -> anyhow::Result<(Memory, Memory, u64)> {
    let (start, period) = (Instant::now(), Duration::from_secs(reload_every).min(time / 4));
    let first_at = Duration::from_secs(60).min(time / 2);
    let (mut first, mut reloads, mut last) = (None, 0, None);
    while start.elapsed() < time || last.is_none() {
        let begun = Instant::now();
        reload(reloaded, reloads)?;
        reloads += 1;
        // Each worker is looked at when it has served for most of its time.
        let looks = LOOK_PAUSE * LOOKS as u32;
        std::thread::sleep(period.saturating_sub(looks).saturating_sub(begun.elapsed()));
        let now = look(steady, reloaded)?;
        if start.elapsed() >= first_at && first.is_none() {
            first = Some(now);
        } else if first.is_some() {
            last = Some(now);
        }
        steady.check_alive()?;
        reloaded.check_alive()?;
        if reloads % 10 == 0 {
            let kb = [now.steady, now.master, now.worker].map(|bytes| bytes / 1024);
            eprintln!("{:.1} min, {reloads} reloads, memory {kb:?} kB", start.elapsed().as_secs_f64() / 60.0);
        }
    }
    Ok((first.context("no first look")?, last.context("no last look")?, reloads))
}

fn reload(master: &Program, number: u64) -> anyhow::Result<()> {
    let old = master.admin().info("Pid")?;
    if number.is_multiple_of(2) {
        master.signal(Signal::SIGUSR2)?;
    } else {
        let answer = lb_testkit::Admin::new(master.dir().join("master.sock")).ask("reload")?;
        ensure!(answer.starts_with("Success=1\n"), "`reload` was answered {answer:?}");
    }
    until("another worker", || master.admin().info("Pid").ok().filter(|pid| *pid != old)).map(drop)
}

fn look(steady: &Program, reloaded: &Program) -> anyhow::Result<Memory> {
    let worker: u32 = reloaded.admin().info("Pid")?.parse()?;
    let mut seen = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..LOOKS {
        for (pid, seen) in [steady.pid(), reloaded.pid(), worker].into_iter().zip(&mut seen) {
            seen.push(process::rss_bytes(pid)?);
        }
        std::thread::sleep(LOOK_PAUSE);
    }
    let [steady, master, worker] = seen.map(|mut seen| {
        seen.sort_unstable();
        seen.get(LOOKS / 2).copied().unwrap_or_default()
    });
    Ok(Memory { steady, master, worker })
}

fn launch(engine: &Engine, stage: &Stage, logs: &trouble::LogTargets) -> anyhow::Result<Launch> {
    let mut launch = Launch::new(engine)?.set("udp", logs.udp).set("unix", logs.path.display());
    for (n, origin) in stage.origins.iter().enumerate() {
        launch = launch.set(&format!("s{n}"), origin.address());
    }
    launch.file("hosts.map", "a.example app\n")
}

const CONFIG: &str = "\
global
    stats socket {sock} mode 600 level admin
    stats timeout 30s
    nbthread 2
    maxconn 1000
    log {udp} local0
    log {unix} local1
    hard-stop-after 15s
defaults
    mode http
    log global
    option httplog
    option redispatch
    retries 3
    timeout connect 2s
    timeout client 10s
    timeout server 10s
    timeout queue 2s
    timeout http-keep-alive 2s
frontend fe
    bind 127.0.0.1:{port:fe}
    http-request capture req.hdr(user-agent) len 60
    http-request set-header X-Where %[req.hdr(host),map({dir}/hosts.map,app)]
    http-request track-sc0 src table counts
    http-request track-sc1 path table paths
    http-request deny if { path_beg /denied }
    http-request return status 200 content-type text/plain string ok if { path_beg /own }
    default_backend app
backend app
    balance leastconn
    cookie S insert indirect nocache
    option httpchk GET /health
    server s0 {s0} check inter 200ms cookie s0 maxconn 60
    server s1 {s1} check inter 200ms cookie s1 maxconn 60
    server s2 {s2} check inter 200ms cookie s2 maxconn 60
    server s3 {s3} check inter 200ms cookie s3
    server s4 {s4} check inter 200ms cookie s4 observe layer7 error-limit 20 on-error mark-down
    server s5 {s5} check inter 200ms cookie s5
backend counts
    stick-table type ip size 10k expire 30s store http_req_rate(10s),conn_cur,bytes_out_rate(10s)
backend paths
    stick-table type string len 64 size 500 expire 30s store http_req_cnt
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[ignore = "half a minute of load, which other tests would feel: `cargo test -p xtask -- --ignored`"]
    fn a_soak_of_seconds_ends_well() {
        if !chore::is_installed("wrk") {
            return;
        }
        let report = soak(&Engine::subject().unwrap(), Duration::from_secs(8), 2).unwrap();
        // So short a time says nothing about memory.
        assert!(report.requests > 0 && report.reloads >= 2, "{report}");
    }
}
