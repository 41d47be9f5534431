//! `show threads` and `show tasks`.

use super::{pointer, scheduler_ns, threads};
use crate::activity::{FUNCTIONS, is_connection};
use crate::control::Control;
use lb_admin::Reply;
use std::fmt::Write as _;
use std::sync::atomic::Ordering::Relaxed;

/// `show threads`. The command itself runs on the control thread, which bears the star.
pub(in crate::admin) fn show(control: &Control) -> Reply {
    let mut out = String::new();
    for (number, own) in threads(control) {
        let is_control = number > control.shared.threads;
        let (cpu_ns, waited_ns) = scheduler_ns(own.tid());
        let busy_ns = own.busy().as_nanos() as u64;
        let connections: u64 =
            own.tasks.iter().enumerate().filter(|(kind, _)| is_connection(*kind)).map(|(_, task)| task.alive()).sum();
        let waiting = own.woken_from_afar();
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "{star} Thread {number} : id={id} act={act} glob=0 wq={wq} rq={waiting} tl=0 tlsz=0 rqsz={waiting}\n      \
             1/{number}    loops={loops} ctxsw={ctxsw} stuck=0 prof={prof} harmless={harmless} isolated=0 locks=0\n             \
             cpu_ns: poll={busy_ns} now={cpu_ns} diff={diff}\n             \
             tid={tid} name={name} waited_ns={waited_ns} connections={connections}",
            star = if is_control { '*' } else { ' ' },
            id = pointer(own),
            act = u8::from(is_control),
            wq = u8::from(own.tasks.iter().any(|task| task.alive() > 0)),
            loops = own.turns(),
            ctxsw = own.polls(|_| true),
            prof = u8::from(own.profiling.load(Relaxed)),
            harmless = u8::from(!is_control),
            diff = i128::from(cpu_ns) - i128::from(busy_ns),
            tid = own.tid(),
            name = thread_name(own.tid()),
        );
        for (function, task) in FUNCTIONS.iter().zip(&own.tasks).filter(|(_, task)| task.alive() > 0) {
            let _ = writeln!(out, "             tasks: {} fct={function} calls={}", task.alive(), task.polls.get());
        }
    }
    Reply::Raw(out.into_bytes())
}

fn thread_name(tid: i32) -> String {
    let name = std::fs::read_to_string(format!("/proc/self/task/{tid}/comm")).unwrap_or_default();
    name.trim_end().to_owned()
}

/// `show tasks`: the tasks there are, by function. The reactor does not tell which of them are about to run.
pub(in crate::admin) fn tasks(control: &Control) -> Reply {
    let count = |kind: usize| -> u64 {
        threads(control).filter_map(|(_, own)| own.tasks.get(kind)).map(crate::activity::TaskCounts::alive).sum()
    };
    let mut rows: Vec<(u64, &str)> = FUNCTIONS.iter().enumerate().map(|(kind, name)| (count(kind), *name)).collect();
    rows.retain(|(alive, _)| *alive > 0);
    rows.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    let all: u64 = rows.iter().map(|(alive, _)| alive).sum();
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "Running tasks: {all} ({} threads)\n  function                     places     %    lat_tot   lat_avg",
        control.shared.activity.len()
    );
    for (alive, function) in rows {
        let percent = alive as f64 * 100.0 / all.max(1) as f64;
        let _ = writeln!(out, "  {function:<26} {alive:>8} {percent:>5.1}          -         -");
    }
    Reply::Raw(out.into_bytes())
}
