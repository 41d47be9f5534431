//! `show profiling` and `set profiling`: how long each kind of task runs.

use super::{short_time, threads};
use crate::activity::FUNCTIONS;
use crate::control::Control;
use crate::counters::Counter;
use lb_admin::{Reply, Request};
use lb_config::model::Profiling;
use std::fmt::Write as _;
use std::sync::atomic::Ordering::Relaxed;

/// `set profiling { tasks | memory } …`.
pub(in crate::admin) fn set(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let next = match (request.arg(0), request.arg(1)) {
        ("tasks", "on") => Profiling::On,
        ("tasks", "off") => Profiling::Off,
        ("tasks", "auto") => Profiling::Auto,
        // Locks and allocations are not timed.
        ("tasks", "lock" | "no-lock" | "memory" | "no-memory") => return Ok(Reply::Empty),
        ("tasks", _) => return Err(Reply::err("Expects 'on', 'auto', or 'off'.")),
        ("memory", _) => return Err(Reply::err("Memory profiling not compiled in.")),
        _ => return Err(Reply::err("Expects either 'tasks' or 'memory'.")),
    };
    switch(control, next);
    Ok(Reply::Empty)
}

/// Times tasks from now on, or does not.
pub(in crate::admin) fn switch(control: &Control, next: Profiling) {
    control.admin.profiling.set(next);
    *control.admin.profile_base.borrow_mut() = counts(control);
    for (_, own) in threads(control) {
        own.profiling.store(next == Profiling::On, Relaxed);
    }
}

/// Calls and nanoseconds by kind of task.
type Counts = Vec<(u64, u64)>;

fn counts(control: &Control) -> Counts {
    let sum = |kind: usize, counter: fn(&crate::activity::TaskCounts) -> &Counter| {
        threads(control).filter_map(|(_, own)| own.tasks.get(kind)).map(|task| counter(task).get()).sum()
    };
    (0..FUNCTIONS.len()).map(|kind| (sum(kind, |task| &task.profiled), sum(kind, |task| &task.busy_ns))).collect()
}

/// `show profiling [{all|status|tasks|memory}] [byaddr|bytime|byctx|aggr] [<lines>]`.
pub(in crate::admin) fn show(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let (mut status, mut tasks, mut most) = (true, true, usize::MAX);
    let mut by_name = false;
    for word in request.args() {
        match word.as_str() {
            "all" => (status, tasks) = (true, true),
            "status" => (status, tasks) = (true, false),
            "tasks" => (status, tasks) = (false, true),
            "memory" => (status, tasks) = (false, false),
            "byaddr" => by_name = true,
            "bytime" => by_name = false,
            "byctx" | "aggr" => {}
            number => most = number.parse().map_err(|_| {
                Reply::err(
                    "Expects either 'all', 'status', 'tasks', 'memory', 'byaddr', 'bytime', 'byctx', 'aggr' or a max \
                     number of output lines.",
                )
            })?,
        }
    }
    let mut out = String::new();
    if status {
        let word = match control.admin.profiling.get() {
            Profiling::Auto => "auto-off",
            Profiling::On => "on",
            Profiling::Off => "off",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "Per-task CPU profiling              : {word:<14}# set profiling tasks {{on|auto|off}}\n\
             Memory usage profiling              : {:<14}# set profiling memory {{on|off}}",
            "off"
        );
    }
    if tasks {
        out.push_str(
            "Tasks activity:\n  function                      calls   cpu_tot   cpu_avg   lat_tot   lat_avg\n",
        );
        for (function, calls, ns) in rows(control, by_name).into_iter().take(most) {
            let average = short_time(ns / calls.max(1));
            let _ = writeln!(out, "  {function:<26} {calls:>8} {:>9} {average:>9}      -         -", short_time(ns));
        }
    }
    Ok(Reply::Raw(out.into_bytes()))
}

fn rows(control: &Control, by_name: bool) -> Vec<(&'static str, u64, u64)> {
    let base = control.admin.profile_base.borrow();
    let begin = |kind: usize| base.get(kind).copied().unwrap_or_default();
    let mut rows: Vec<_> = FUNCTIONS
        .iter()
        .zip(counts(control))
        .enumerate()
        .map(|(kind, (name, (calls, ns)))| (*name, calls - begin(kind).0.min(calls), ns - begin(kind).1.min(ns)))
        .filter(|(_, calls, _)| *calls > 0)
        .collect();
    if by_name {
        rows.sort_by_key(|(name, _, _)| *name);
    } else {
        rows.sort_by_key(|(_, _, ns)| std::cmp::Reverse(*ns));
    }
    rows
}
