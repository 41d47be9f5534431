//! Variables of the process: `get var`, `set var`.

use crate::control::Control;
use lb_admin::{Reply, Request};
use lb_sample::{Expr, LogFormat, Nothing, Place, Sample, SampleError, Scope, Sources, VarWord};
use std::sync::Arc;

/// `get var <name>`.
pub(super) fn get(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let name = request.arg(0);
    if name.is_empty() {
        return Err(Reply::err("Missing process-wide variable identifier."));
    }
    let value = name.strip_prefix("proc.").and_then(|name| control.shared.config.vars.get(name));
    let value = value.ok_or_else(|| Reply::err("Variable not found."))?;
    let mut out = format!("{name}: type={} value=<", value.type_name()).into_bytes();
    match &value {
        // Bytes could be anything.
        Sample::Bin(_) => out.extend_from_slice(b"..."),
        other => other.with_text(|text| out.extend_from_slice(text)),
    }
    out.extend_from_slice(b">\n");
    Ok(Reply::Raw(out))
}

/// `set var <name> [expr] <expression>`, `set var <name> fmt <format>`.
pub(super) fn set(control: &Control, request: &Request) -> Result<Reply, Reply> {
    if !request.experimental {
        return Err(Reply::err("This command is restricted to experimental mode only."));
    }
    let (name, first, second) = (request.arg(0), request.arg(1), request.arg(2));
    if name.is_empty() {
        return Err(Reply::err("Missing process-wide variable identifier."));
    }
    let (as_format, text) = match (first, second) {
        ("", _) => return Err(Reply::err("Missing either 'expr', 'fmt' or expression.")),
        ("expr", text) => (false, text),
        ("fmt", text) => (true, text),
        (text, "") => (false, text),
        (other, _) => {
            return Err(Reply::err(format!("'set var': arg type must be either 'expr' or 'fmt' but got '{other}'.")));
        }
    };
    let said = |error: SampleError| Reply::err(error.message);
    let sources = Sources { vars: Some(&control.shared.config.vars), ..Sources::default() };
    let word = VarWord::parse(&format!("set-var({name})"), sources.vars).map_err(said)?;
    if word.scope() != Scope::Process {
        return Err(Reply::err(format!(
            "'set var': cannot set variable '{name}', only scope 'proc' is permitted here."
        )));
    }
    let action = if as_format {
        let format = LogFormat::parse(text, &sources).map_err(said)?;
        format.check(Place::Process).map_err(said)?;
        word.with_format(Arc::new(format))
    } else {
        let expr = Expr::parse(text, &sources).map_err(said)?;
        if !expr.source().is_available(Place::Process) {
            let source = expr.source().as_str();
            return Err(Reply::err(format!(
                "fetch method 'set-var({name})' extracts information from '{source}', none of which is available here"
            )));
        }
        word.with_expr(expr)
    };
    action.run(&Nothing);
    Ok(Reply::Empty)
}
