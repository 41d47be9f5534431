//! Actions that change the request line or the values of header fields.

use super::{Action, ActionCx};
use crate::line::Fault;
use crate::model::{FieldEdit, HttpAction, LineEdit, LinePart};
use lb_sample::Rewrite;

/// `set-method`, `set-path`, `set-pathq`, `set-query`, `set-uri` with a format.
pub(crate) fn set_line(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    let part = part(x.line.word(x.next - 1));
    let value = x.format("expects exactly 1 argument <format>.")?;
    Ok(Action::Http(HttpAction::SetLine(LineEdit { part, rewrite: None, value })))
}

/// `replace-path`, `replace-pathq`, `replace-uri` with an expression and a format.
pub(crate) fn replace_line(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    const COMPLAINT: &str = "expects exactly 2 arguments <match-regex> and <replace-format>.";
    let part = part(x.line.word(x.next - 1));
    let rewrite = Some(regex(x, COMPLAINT)?);
    let value = x.format(COMPLAINT)?;
    Ok(Action::Http(HttpAction::SetLine(LineEdit { part, rewrite, value })))
}

/// `replace-header`, `replace-value` with a name, an expression and a format.
pub(crate) fn replace_field(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    const COMPLAINT: &str = "expects exactly 3 arguments.";
    let each = x.line.word(x.next - 1) == "replace-value";
    let name = x.take(COMPLAINT)?.to_owned();
    let rewrite = regex(x, COMPLAINT)?;
    let value = x.format(COMPLAINT)?;
    Ok(Action::Http(HttpAction::ReplaceField(FieldEdit { name, rewrite, value, each })))
}

fn part(word: &str) -> LinePart {
    match word.rsplit('-').next().unwrap_or_default() {
        "method" => LinePart::Method,
        "pathq" => LinePart::PathQuery,
        "query" => LinePart::Query,
        "uri" => LinePart::Uri,
        _ => LinePart::Path,
    }
}

fn regex(x: &mut ActionCx<'_, '_, '_>, complaint: &str) -> Result<Rewrite, Fault> {
    let at = x.next;
    let word = x.take(complaint)?;
    Rewrite::parse(word).map_err(|error| Fault::of_sample(error, at))
}
