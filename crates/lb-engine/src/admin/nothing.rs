//! Lists of what is not there: caches are refused when a configuration is read, and peers, which may be in it, are never
//! spoken to.

use crate::control::Control;
use lb_admin::{Reply, Request};

/// `show cache`.
pub(super) fn caches() -> Reply {
    Reply::Empty
}

/// `show peers [dict|-] [section]`.
pub(super) fn peers(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let section = match request.arg(0) {
        "dict" | "-" => request.arg(1),
        section => section,
    };
    let known = control.shared.config.peers.iter().any(|name| **name == *section);
    if section.is_empty() || known { Ok(Reply::Empty) } else { Err(Reply::err("No such peers")) }
}
