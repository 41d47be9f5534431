//! `debug dev hash` and `debug counters`.

use crate::control::Control;
use lb_admin::{Reply, Request};
use std::fmt::Write as _;
use std::sync::atomic::Ordering::Relaxed;

/// `debug dev hash <text>`: the text as this connection shows names.
pub(in crate::admin) fn hash(request: &Request) -> Reply {
    Reply::info(request.anon.name(request.arg(0)))
}

/// An event that is not part of the ordinary course: type, where, what, and how often.
type Event = (&'static str, &'static str, &'static str, u64);

const USAGE: &str = "\
Usage: debug counters [reset|show|on|off|all|bug|chk|cnt|glt]*
Shows how often something out of the ordinary happened; without 'all', only what did happen.
";

/// `debug counters [reset|show|on|off|all|bug|chk|cnt|glt|?]*`.
pub(in crate::admin) fn counters(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let (mut all, mut kinds, mut reset) = (false, Vec::new(), false);
    for word in request.args() {
        match word.as_str() {
            "all" => all = true,
            // Events are always counted.
            "show" | "on" | "off" => {}
            "reset" => reset = true,
            kind @ ("bug" | "chk" | "cnt" | "glt") => kinds.push(kind.to_owned()),
            "?" => return Ok(Reply::info(USAGE)),
            _ => return Err(Reply::err(USAGE)),
        }
    }
    let mut events = events(control);
    {
        let base = control.admin.debug_base.borrow();
        for (event, before) in events.iter_mut().zip(base.iter()) {
            event.3 = event.3.saturating_sub(*before);
        }
    }
    if reset {
        if request.level < lb_model::Level::Admin {
            return Err(Reply::err("Permission denied\n"));
        }
        *control.admin.debug_base.borrow_mut() = self::events(control).iter().map(|event| event.3).collect();
        return Ok(Reply::Empty);
    }
    let mut out = String::from("Count     Type Location: description\n");
    for (kind, place, what, count) in events {
        let wanted = kinds.is_empty() || kinds.iter().any(|wanted| kind.eq_ignore_ascii_case(wanted));
        if wanted && (all || count > 0) {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{count:<9}  {kind} {place}: {what}");
        }
    }
    Ok(Reply::Raw(out.into_bytes()))
}

fn events(control: &Control) -> Vec<Event> {
    let shared = control.shared;
    let sum = |count: fn(&crate::activity::Activity) -> u64| shared.activity.iter().map(count).sum::<u64>();
    let fronts = |count: fn(&crate::counters::Counters) -> u64| shared.proxies.live().map(|p| p.front.sum(count)).sum();
    let backs = |count: fn(&crate::counters::Counters) -> u64| shared.proxies.live().map(|p| p.back.sum(count)).sum();
    vec![
        ("CNT", "data/accept", "accepting met the process's limit", shared.process.maxconn_reached.load(Relaxed)),
        ("CNT", "data/upstream", "an idle connection was dead when it was needed", sum(|own| own.dead_idle.get())),
        ("CNT", "timer", "a session's deadline passed", sum(|own| own.expired.get())),
        ("CNT", "log", "a log line could not be sent", shared.logger.dropped()),
        ("CNT", "data/http", "a request was invalid", fronts(|c| c.request_errors.get())),
        ("CNT", "data/http", "a response was invalid or incomplete", backs(|c| c.response_errors.get())),
        ("CNT", "data/connect", "a connection attempt failed", backs(|c| c.connect_errors.get())),
        ("CHK", "data/http", "an exchange ended in an internal error", fronts(|c| c.internal_errors.get())),
        ("CHK", "data/http", "a rewrite of a header failed", backs(|c| c.failed_rewrites.get())),
    ]
}
