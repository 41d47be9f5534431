//! Actions that change maps and ACLs: `add-acl`, `del-acl`, `set-map`, `del-map`.

use super::{Action, ActionCx};
use crate::line::{Fault, fault};
use crate::model::{HttpAction, PatternAction, PatternVerb};

/// `add-acl(<file>) <key>`, `del-acl(<file>) <key>`, `set-map(<file>) <key> <value>`, `del-map(<file>) <key>`.
pub(crate) fn action(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    let at = x.next - 1;
    let word = x.line.word(at);
    let (name, file) = word.split_once('(').unwrap_or((word, ""));
    let verb = match name {
        "add-acl" => PatternVerb::AddAcl,
        "del-acl" => PatternVerb::DelAcl,
        "set-map" => PatternVerb::SetMap,
        _ => PatternVerb::DelMap,
    };
    let Some(file) = file.strip_suffix(')').filter(|file| !file.is_empty()) else {
        return Err(fault(at, "expects the name of a file in parentheses.").help(format!("write '{name}(<file>)'")));
    };
    let set = x.cx.patterns.file(file);
    let complaint = match verb {
        PatternVerb::SetMap => "expects exactly 2 arguments.",
        _ => "expects exactly 1 arguments.",
    };
    let key = x.format(complaint)?;
    let value = match verb {
        PatternVerb::SetMap => Some(x.format(complaint)?),
        _ => None,
    };
    Ok(Action::Http(HttpAction::Pattern(PatternAction { verb, set, key, value })))
}
