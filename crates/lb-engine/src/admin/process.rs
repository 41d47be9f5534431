//! Short answers about the process: backends, sockets, version, start-up messages, the schema.

use crate::control::Control;
use lb_admin::Reply;
use std::fmt::Write as _;

/// The version that clients are told, whose behaviour this program has.
pub(super) const VERSION: &str = lb_config::COMPATIBLE_VERSION;

/// The day of the latest change, as `show info` tells it.
pub(super) const RELEASE_DATE: &str = "2026/11/20";

/// `show backend`.
pub(super) fn backends(control: &Control) -> Reply {
    let mut out = String::from("# name\n");
    for proxy in control.shared.proxies.live().filter(|p| p.config.kind.has_backend()) {
        out.push_str(&proxy.config.name);
        out.push('\n');
    }
    Reply::Raw(out.into_bytes())
}

/// `show cli sockets`.
pub(super) fn sockets(control: &Control) -> Reply {
    let mut out = String::from("# socket lvl processes\n");
    for socket in control.admin.sockets.borrow().iter() {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{} {} all", socket.text, socket.level);
    }
    Reply::Raw(out.into_bytes())
}

/// `show version`.
pub(super) fn version() -> Reply {
    Reply::info(VERSION)
}

/// `show startup-logs`.
pub(super) fn startup_logs(control: &Control) -> Reply {
    let log = &control.shared.process.startup_log;
    Reply::Raw(log.iter().flat_map(|line| [line.as_bytes(), b"\n"]).flatten().copied().collect())
}

/// `show schema json`.
pub(super) fn schema() -> Reply {
    let mut out = Vec::new();
    lb_stats::write_schema(&mut out);
    Reply::Raw(out)
}
