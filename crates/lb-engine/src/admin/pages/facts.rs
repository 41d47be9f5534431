//! What the status page tells about the process: a row of facts above the tables.

use super::super::info;
use super::cells::{grouped, plain};
use super::walk;
use crate::control::{Control, short_time};
use crate::orders::Scope;
use lb_stats::{InfoField, InfoSource};
use std::time::Duration;

/// A fact: its name, its text, and the colour that a reader should notice, if any.
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) text: String,
    pub(super) class: &'static str,
}

/// The facts, always the same ones in the same order.
pub(super) fn facts(control: &Control, scope: &Scope) -> Vec<Fact> {
    let source = info::Source::new(control);
    let fact = |field| grouped(&source.value(field));
    let count = walk::census(control, scope);
    let servers = |name, n: u32, class| Fact { name, text: n.to_string(), class: if n > 0 { class } else { "" } };
    let plainly = |name, text| Fact { name, text, class: "" };
    vec![
        servers("Servers up", count.up, "up"),
        servers("Draining", count.draining, "drain"),
        servers("Down", count.down, "down"),
        servers("Maintenance", count.maint, "maint"),
        plainly("Connections", format!("{} of {}", fact(InfoField::CurrConns), fact(InfoField::Maxconn))),
        plainly("New per second", fact(InfoField::ConnRate)),
        plainly("Requests", fact(InfoField::CumReq)),
        plainly("Idle", format!("{} %", plain(&source.value(InfoField::IdlePct)))),
        plainly("Up for", short_time(Duration::from_secs(control.now().as_secs()))),
        plainly("Process", plain(&source.value(InfoField::Pid))),
    ]
}
