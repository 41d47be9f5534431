//! `enable` and `disable` for servers, health checks and agents.

use super::resolve;
use crate::control::Control;
use lb_admin::{Reply, Request};
use lb_check::AdminWord;

/// `enable server`, `disable server`.
pub(super) fn server(control: &Control, request: &Request, enabled: bool) -> Result<Reply, Reply> {
    let target = resolve::active_server(control, request)?;
    let word = if enabled { AdminWord::Ready } else { AdminWord::Maint };
    control.change(target.proxy.index, target.index, |server, now, actions| {
        server.health.set_state(word, now, actions);
    });
    Ok(Reply::Empty)
}

/// `enable health`, `disable health`.
pub(super) fn health(control: &Control, request: &Request, enabled: bool) -> Result<Reply, Reply> {
    let target = resolve::active_server(control, request)?;
    let changed = control.change(target.proxy.index, target.index, |server, _, _| server.health.enable_check(enabled));
    done(changed)
}

/// `enable agent`, `disable agent`.
pub(super) fn agent(control: &Control, request: &Request, enabled: bool) -> Result<Reply, Reply> {
    let target = resolve::active_server(control, request)?;
    let changed = control.change(target.proxy.index, target.index, |server, _, _| server.health.enable_agent(enabled));
    done(changed)
}

/// The answer to a change that the health machine may refuse.
pub(super) fn done(changed: Option<Result<(), lb_check::Refused>>) -> Result<Reply, Reply> {
    match changed {
        Some(Ok(())) => Ok(Reply::Empty),
        Some(Err(refused)) => Err(Reply::err(refused.to_string())),
        // A server that was resolved exists.
        None => Err(Reply::err(lb_admin::text::NO_SUCH_SERVER)),
    }
}
