//! Actions on variables: `set-var`, `set-var-fmt`, `unset-var`, and `set-var` of the global section.

use super::{Action, ActionCx};
use crate::cx::Cx;
use crate::global::GlobalDraft;
use crate::line::{Done, Fault, Line, fault};
use lb_sample::{Expr, LogFormat, Nothing, Place, Scope, VarAction, VarVerb, VarWord};
use std::sync::Arc;

/// `set-var(name[,condition]…) <expr>`, `set-var-fmt(name[,condition]…) <format>`, `unset-var(name)`.
pub(crate) fn action(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    let at = x.next - 1;
    let keyword = x.line.word(at).to_owned();
    let word = x.cx.with_sources(|s| VarWord::parse(&keyword, s.vars)).map_err(|error| Fault::of_sample(error, at))?;
    let action = match word.verb {
        VarVerb::Set => word.with_expr(x.expression(&keyword)?),
        VarVerb::SetFormat => word.with_format(x.format("expects a format as its only argument.")?),
        VarVerb::Unset => word.unset(),
    };
    Ok(Action::Var(action))
}

/// `set-var proc.<name> <expr>` and `set-var-fmt proc.<name> <format>` of the global section: the value is there from
/// the start.
pub(crate) fn global(_: &mut GlobalDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let keyword = line.word(0);
    let what = if keyword == "set-var" { "sample expression" } else { "log-format string" };
    if !line.has(2) {
        let usage = format!("'{keyword}' requires a process-wide variable name ('proc.<name>') and a {what}.");
        return Err(fault(line.len(), usage));
    }
    // Conditions follow the name after commas, as in rules.
    let word = format!("{keyword}({})", line.word(1));
    let action = cx.with_sources(|sources| -> Result<VarAction, Fault> {
        let word = VarWord::parse(&word, sources.vars).map_err(|error| Fault::of_sample(error, 1))?;
        if word.scope() != Scope::Process {
            let message = format!(
                "'{keyword}': cannot set variable '{}', only scope 'proc' is permitted in the global section.",
                word.name()
            );
            return Err(fault(1, message));
        }
        let refused = |error| Fault::of_sample(error, 2);
        match word.verb {
            VarVerb::Set => {
                let expr = Expr::parse(line.word(2), sources).map_err(refused)?;
                if !expr.source().is_available(Place::Process) {
                    let (name, source) = (word.name(), expr.source().as_str());
                    return Err(fault(
                        2,
                        format!(
                            "fetch method '{keyword}({name})' extracts information from '{source}', none of which is \
                             available here"
                        ),
                    ));
                }
                Ok(word.with_expr(expr))
            }
            _ => {
                let format = LogFormat::parse(line.word(2), sources).map_err(refused)?;
                format.check(Place::Process).map_err(refused)?;
                Ok(word.with_format(Arc::new(format)))
            }
        }
    })?;
    action.run(&Nothing);
    Ok(())
}
