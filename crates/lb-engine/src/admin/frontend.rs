//! `enable`, `disable` and `shutdown` for frontends.

use super::resolve;
use crate::control::{Control, FrontendRefusal};
use lb_admin::{Reply, Request};

/// `disable frontend`.
pub(super) fn disable(control: &Control, request: &Request) -> Result<Reply, Reply> {
    answer(control.pause_frontend(resolve::frontend(control, request)?))
}

/// `enable frontend`.
pub(super) fn enable(control: &Control, request: &Request) -> Result<Reply, Reply> {
    answer(control.resume_frontend(resolve::frontend(control, request)?))
}

/// `shutdown frontend`.
pub(super) fn shutdown(control: &Control, request: &Request) -> Result<Reply, Reply> {
    answer(control.shut_frontend(resolve::frontend(control, request)?))
}

fn answer(done: Result<(), FrontendRefusal>) -> Result<Reply, Reply> {
    match done {
        Ok(()) => Ok(Reply::Empty),
        // Nothing was to be done: worth a notice, not a failure.
        Err(same @ (FrontendRefusal::AlreadyEnabled | FrontendRefusal::AlreadyDisabled)) => {
            Err(Reply::notice(same.to_string()))
        }
        Err(refusal) => Err(Reply::err(refusal.to_string())),
    }
}
