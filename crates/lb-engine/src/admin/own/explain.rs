//! `explain server`: why a server is in its state, since when, who changed it, and what would change it.

use crate::admin::resolve;
use crate::control::{Control, Leased, short_time};
use crate::shared::ProxyState;
use lb_admin::{Reply, Request, text};
use lb_check::{AdminWord, CheckReport, Monitor, Named, likely_cause};
use lb_config::model::{CheckMethod, Server};
use lb_model::OpState;
use std::fmt::Write;

/// `explain server <backend>/<server>`.
pub(super) fn run(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let target = resolve::server(control, request)?;
    let place = (target.proxy.index, target.index);
    let missing = || Reply::err(text::NO_SUCH_SERVER);
    let name = control.server_name(place.0, place.1).ok_or_else(missing)?;
    let (status, weight) = control.status_of(place.0, place.1).ok_or_else(missing)?;
    let change = control.last_change(place.0, place.1);
    let tracked = target.server.config().track.and_then(|(proxy, server)| control.server_name(proxy.0, server));
    let backends = control.backends();
    let own = backends.get(place.0).and_then(|b| b.servers.get(place.1)).ok_or_else(missing)?;
    let health = &own.health;
    let told = health.explain(&Named { server: &name, tracked: tracked.as_deref() });
    let since = short_time(health.since_last_change(control.now()));
    let status = if status == "no check" { "UP (not checked)" } else { &status };
    let mut out = format!("{name} is {status}: {}; its weight is {weight}.\n", told.meaning);
    // Writing to a string cannot fail.
    let _ = writeln!(out, "since:       {since}");
    for why in &told.why {
        let _ = writeln!(out, "because:     {why}");
    }
    if health.op() == OpState::Stopped
        && !health.check().health().is_up()
        && let Some(cause) = likely_cause(health.check().last(), &own.trace)
    {
        let _ = writeln!(out, "likely:      {cause}");
    }
    for (what, monitor) in [("check:", health.check()), ("agent:", health.agent())] {
        if monitor.is_configured() {
            let _ = writeln!(out, "{what:<12} {}", last_result(monitor));
        }
        if what == "check:"
            && let Some(rules) = checks_of(target.proxy, &target.server.config()).rules()
        {
            for step in own.trace.lines(rules) {
                let _ = writeln!(out, "{:<12} {step}", "");
            }
        }
    }
    let _ = writeln!(
        out,
        "traffic:     {} sessions, {} queued, {} idle connections",
        target.server.sessions.get(),
        target.server.queued.get(),
        target.server.idle.get()
    );
    let changed = change.map_or_else(
        || "nothing since the start".to_owned(),
        |change| format!("{}, revision {}", control.change_text(&change), change.revision),
    );
    let _ = writeln!(out, "changed:     {changed}");
    for about in [Leased::State(AdminWord::Ready, AdminWord::Ready), Leased::Weight(0, 0)] {
        if let Some(lease) = control.lease_of(place, about) {
            let _ = writeln!(out, "lease:       {}; 'show leases' says when", lease.text());
        }
    }
    for cure in &told.cure {
        let _ = writeln!(out, "would change it: {cure}");
    }
    Ok(Reply::Raw(out.into_bytes()))
}

/// How a server is checked: by a check of its own or by its backend's.
fn checks_of<'a>(proxy: &'static ProxyState, server: &'a Server) -> &'a CheckMethod {
    server.check_method.as_ref().unwrap_or(&proxy.config.get().check)
}

fn last_result(monitor: &Monitor) -> String {
    let CheckReport { status, code, info, duration } = monitor.last();
    let mut text = status.description().to_owned();
    if status.has_code() && *code > 0 {
        let _ = write!(text, ", code {code}");
    }
    if !info.is_empty() {
        let _ = write!(text, ", \"{}\"", info.escape_debug());
    }
    if let Some(duration) = duration.filter(|duration| !duration.is_zero()) {
        let _ = write!(text, ", in {} ms", duration.as_millis());
    }
    if !monitor.is_enabled() {
        text.push_str("; switched off");
    }
    if monitor.in_progress() {
        text.push_str("; one is in progress");
    }
    text
}
