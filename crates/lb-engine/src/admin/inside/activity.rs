//! `show activity`: what the threads' machinery did since the counters were cleared.

use super::{scheduler_ns, threads};
use crate::activity::{Activity, Kind, TaskCounts, is_connection, task};
use crate::control::Control;
use lb_admin::{Reply, Request};
use std::fmt::Write as _;

/// What is known of a thread at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sample {
    uptime_us: u64,
    polls: u64,
    connection_polls: u64,
    turns: u64,
    busy_us: u64,
    jobs: u64,
    expired: u64,
    dead_idle: u64,
    accepted: u64,
    waited_ms: u64,
    checks: u64,
    // The rest is of this moment.
    waiting: u64,
    checks_now: u64,
}

impl Sample {
    fn of(control: &Control, number: usize, own: &Activity) -> Self {
        let shared = control.shared;
        let check = own.tasks.get(task::Check::NUMBER);
        let accepted = match number <= shared.threads {
            true => shared.process.totals.of(number - 1).connections.get(),
            false => control.admin.accepted.get(),
        };
        Self {
            uptime_us: shared.clock.now_us(),
            polls: own.polls(|_| true),
            connection_polls: own.polls(is_connection),
            turns: own.turns(),
            busy_us: own.busy().as_micros() as u64,
            jobs: own.jobs.get(),
            expired: own.expired.get(),
            dead_idle: own.dead_idle.get(),
            accepted,
            waited_ms: scheduler_ns(own.tid()).1 / 1_000_000,
            checks: check.map_or(0, |check| check.started.get()),
            waiting: own.woken_from_afar() as u64,
            checks_now: check.map_or(0, TaskCounts::alive),
        }
    }

    fn since(self, base: &Self) -> Self {
        Self {
            uptime_us: self.uptime_us.saturating_sub(base.uptime_us),
            polls: self.polls.saturating_sub(base.polls),
            connection_polls: self.connection_polls.saturating_sub(base.connection_polls),
            turns: self.turns.saturating_sub(base.turns),
            busy_us: self.busy_us.saturating_sub(base.busy_us),
            jobs: self.jobs.saturating_sub(base.jobs),
            expired: self.expired.saturating_sub(base.expired),
            dead_idle: self.dead_idle.saturating_sub(base.dead_idle),
            accepted: self.accepted.saturating_sub(base.accepted),
            waited_ms: self.waited_ms.saturating_sub(base.waited_ms),
            checks: self.checks.saturating_sub(base.checks),
            ..self
        }
    }
}

/// All threads' samples.
fn samples(control: &Control) -> Vec<Sample> {
    threads(control).map(|(number, own)| Sample::of(control, number, own)).collect()
}

/// Makes the present counts the ones to begin from, as `clear counters` does.
pub(crate) fn clear(control: &Control) {
    *control.admin.activity_base.borrow_mut() = samples(control);
}

/// How the number for all threads comes from the threads' own.
enum Total {
    Sum,
    Mean,
}

/// A line: its name, a thread's number, and the total.
type Line = (&'static str, fn(&Sample) -> u64, Total);

const LINES: &[Line] = &[
    ("ctxsw", |s| s.polls, Total::Sum),
    ("tasksw", |s| s.polls - s.connection_polls, Total::Sum),
    ("empty_rq", |_| 0, Total::Sum),
    ("long_rq", |_| 0, Total::Sum),
    ("curr_rq", |s| s.waiting, Total::Sum),
    ("loops", |s| s.turns, Total::Sum),
    ("wake_tasks", |s| s.jobs, Total::Sum),
    ("wake_signal", |_| 0, Total::Sum),
    ("poll_io", |_| 0, Total::Sum),
    ("poll_exp", |s| s.expired, Total::Sum),
    ("poll_drop_fd", |_| 0, Total::Sum),
    ("poll_skip_fd", |_| 0, Total::Sum),
    ("conn_dead", |s| s.dead_idle, Total::Sum),
    ("stream_calls", |s| s.connection_polls, Total::Sum),
    ("pool_fail", |_| 0, Total::Sum),
    ("buf_wait", |_| 0, Total::Sum),
    ("cpust_ms_tot", |s| s.waited_ms, Total::Sum),
    ("avg_cpu_pct", |s| (s.busy_us * 100).checked_div(s.uptime_us).unwrap_or(0).min(100), Total::Mean),
    ("avg_loop_us", |s| s.busy_us.checked_div(s.turns).unwrap_or(0), Total::Mean),
    ("accepted", |s| s.accepted, Total::Sum),
    ("accq_pushed", |_| 0, Total::Sum),
    ("accq_full", |_| 0, Total::Sum),
    ("fd_takeover", |_| 0, Total::Sum),
    ("check_adopted", |_| 0, Total::Sum),
    ("check_started", |s| s.checks, Total::Sum),
    ("check_active", |s| s.checks_now, Total::Sum),
    ("check_running", |s| s.checks_now, Total::Sum),
];

/// `show activity [-1|0|<thread>]`.
pub(in crate::admin) fn show(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let samples = samples(control);
    let thread = match request.arg(0) {
        "" => -1,
        word => word.parse::<i64>().unwrap_or(i64::MAX),
    };
    let wanted = usize::try_from(thread).ok();
    if thread < -1 || wanted.is_some_and(|number| number > samples.len()) {
        return Err(Reply::err("Thread ID number must be between -1 and nbthread"));
    }
    let base = control.admin.activity_base.borrow();
    let samples: Vec<Sample> =
        samples.iter().enumerate().map(|(i, now)| base.get(i).map_or(*now, |base| now.since(base))).collect();
    let clock = control.shared.clock;
    let (now_us, count) = (clock.now_us(), samples.len());
    let wall = clock.wall_at(now_us);
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "thread_id: {count} (1..{count})\ndate_now: {}.{:06}\nuptime_now: {}.{:06}",
        wall.unix_secs,
        wall.micros,
        now_us / 1_000_000,
        now_us % 1_000_000
    );
    for (name, number, total) in LINES {
        let numbers: Vec<u64> = samples.iter().map(number).collect();
        let sum: u64 = numbers.iter().sum();
        let all = match total {
            Total::Sum => sum,
            Total::Mean => sum / count.max(1) as u64,
        };
        let _ = match wanted {
            None => {
                let each: Vec<String> = numbers.iter().map(u64::to_string).collect();
                writeln!(out, "{name}: {all} [ {} ]", each.join(" "))
            }
            Some(0) => writeln!(out, "{name}: {all}"),
            Some(thread) => writeln!(out, "{name}: {}", numbers.get(thread - 1).copied().unwrap_or(0)),
        };
    }
    Ok(Reply::Raw(out.into_bytes()))
}
