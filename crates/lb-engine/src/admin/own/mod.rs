//! What the Runtime API has beyond HAProxy's: commands of this program's own, and forms of HAProxy's commands that only
//! it understands. None of it exists under `compat strict`.
//!
//! Every command comes by here. Those that change servers are written down (see [`crate::control`]'s ledger), and every
//! change is told to the log with its author.
//!
//! - `change`: selectors, leases, `if-unchanged`;
//! - `revisions`, `leases`, `undo`: what was changed, and the way back;
//! - `explain`: why a server is in its state.

mod caller;
mod change;
mod explain;
mod leases;
mod revisions;
mod terms;
mod undo;

use super::execute::{self, Outcome};
use super::resolve;
use crate::control::Control;
pub(super) use caller::Caller;
use lb_admin::{CommandId, Reply, Request};
use lb_model::{Compat, Severity};
use std::rc::Rc;

/// Runs a command for somebody.
pub(super) async fn run(control: &Rc<Control>, caller: &Caller, request: &Request) -> Outcome {
    if control.shared.config.global.compat == Compat::Strict {
        return execute::run(control, request).await;
    }
    match request.id {
        CommandId::CheckServer => check(control, request).await.into(),
        CommandId::ExplainServer => explain::run(control, request).into(),
        CommandId::ShowLeases => leases::show(control).into(),
        CommandId::ShowServersRevisions => revisions::show(control, request).into(),
        CommandId::SubscribeEvents => Outcome::Follow(control.follow(request.arg(0) == "json")),
        CommandId::Undo => undo::run(control, caller, request).into(),
        id if change::is_about_servers(id) => change::run(control, caller, request).await,
        id => {
            let outcome = execute::run(control, request).await;
            if id.command().changes() && !failed(&outcome) {
                control.audit(caller.who(), &request.words.join(" "), &[]);
            }
            outcome
        }
    }
}

/// `check server <backend>/<server>`.
async fn check(control: &Rc<Control>, request: &Request) -> Result<Reply, Reply> {
    let target = resolve::server(control, request)?;
    let lines = control.try_check(target.proxy.index, target.index).await;
    let lines = lines.ok_or_else(|| Reply::err(lb_admin::text::NO_SUCH_SERVER))?;
    Ok(Reply::Raw((lines.join("\n") + "\n").into_bytes()))
}

/// Whether a command was refused.
fn failed(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Reply(Reply::Message(Severity::Err, _)))
}
