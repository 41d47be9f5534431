//! `publish backend`, `unpublish backend`.

use super::resolve;
use crate::control::Control;
use crate::shared::ProxyState;
use lb_admin::{Reply, Request, text};
use std::sync::atomic::Ordering::Relaxed;

fn named(control: &Control, request: &Request) -> Result<&'static ProxyState, Reply> {
    resolve::backend(control, request.arg(0)).ok_or_else(|| Reply::err(text::NO_SUCH_BACKEND))
}

/// `publish backend <backend>`: rules lead there.
pub(super) fn publish(control: &Control, request: &Request) -> Result<Reply, Reply> {
    named(control, request)?.published.store(true, Relaxed);
    control.notice("CLI : Backend published.");
    Ok(Reply::info("Backend published."))
}

/// `unpublish backend <backend>`: rules pass it by. What it serves, it goes on serving.
pub(super) fn unpublish(control: &Control, request: &Request) -> Result<Reply, Reply> {
    named(control, request)?.published.store(false, Relaxed);
    control.notice("CLI : Backend unpublished.");
    Ok(Reply::info("Backend unpublished."))
}
