//! `shutdown session`, `shutdown sessions server`.

use super::resolve;
use super::sess::parse_id;
use crate::control::Control;
use lb_admin::{Reply, Request};
use lb_model::TermCause;
use std::rc::Rc;

/// `shutdown session`.
pub(super) async fn session(control: &Rc<Control>, request: &Request) -> Result<Reply, Reply> {
    let Some(id) = parse_id(request.arg(0)) else {
        return Err(Reply::err("Session pointer expected (use 'show sess')."));
    };
    if control.kill_session(id).await {
        Ok(Reply::Empty)
    } else {
        Err(Reply::err("No such session (use 'show sess')."))
    }
}

/// `shutdown sessions server`.
pub(super) fn server_sessions(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let target = resolve::active_server(control, request)?;
    control.kill_server_sessions(target.proxy.index, target.index, TermCause::Killed);
    Ok(Reply::Empty)
}
