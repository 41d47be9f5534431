//! `undo`: the last changes of servers, taken back.

use super::Caller;
use crate::control::Control;
use lb_admin::{Reply, Request};

/// `undo [<n>]`.
pub(super) fn run(control: &Control, caller: &Caller, request: &Request) -> Result<Reply, Reply> {
    let count = match request.arg(0) {
        "" => 1,
        text => text
            .parse()
            .ok()
            .filter(|count| *count > 0)
            .ok_or_else(|| Reply::err(format!("'undo' expects how many changes to take back, not '{text}'.")))?,
    };
    let told = control.undo(caller.who(), count).map_err(Reply::err)?;
    control.audit(caller.who(), &request.words.join(" "), &told);
    let lines: Vec<String> = told
        .iter()
        .map(|outcome| match &*outcome.differences {
            "" => format!("{} is as it was.", outcome.name),
            differences => format!("{} {differences}.", outcome.name),
        })
        .collect();
    Ok(Reply::info(lines.join("\n")))
}
