//! Actions that change the session, or hold the rules up: addresses, priorities, time-outs, marks, pauses.

use super::{Action, ActionCx};
use crate::line::{Fault, TIME_HELP, fault, time_complaint};
use crate::model::{AddressPart, Effect, HttpAction, NumberValue, TimeValue, TimeoutKind};
use lb_http::Normalizer;
use lb_model::{TimeUnit, parse_time};
use std::time::Duration;

/// `set-src <expr>`, `set-src-port <expr>`, `set-dst <expr>`, `set-dst-port <expr>`.
pub(crate) fn address(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    let keyword = x.line.word(x.next - 1).to_owned();
    let part = match keyword.as_str() {
        "set-src" => AddressPart::Source,
        "set-src-port" => AddressPart::SourcePort,
        "set-dst" => AddressPart::Destination,
        _ => AddressPart::DestinationPort,
    };
    Ok(Action::Effect(Effect::Address(part, x.expression(&keyword)?)))
}

/// `set-priority-class <expr>`, `set-priority-offset <expr>`.
pub(crate) fn priority(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    let keyword = x.line.word(x.next - 1).to_owned();
    let expr = x.expression(&keyword)?;
    Ok(Action::Effect(match keyword.as_str() {
        "set-priority-class" => Effect::PriorityClass(expr),
        _ => Effect::PriorityOffset(expr),
    }))
}

/// `set-timeout <name> <time>|<expr>`.
pub(crate) fn timeout(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    const USAGE: &str = "expects 2 arguments: <timeout> <value>.";
    let at = x.next;
    let name = x.take(USAGE)?;
    let Some((kind, _)) = TimeoutKind::ALL.into_iter().find(|(_, word)| *word == name) else {
        let names = TimeoutKind::ALL.map(|(_, word)| format!("'{word}'")).join(", ");
        return Err(fault(at, format!("'set-timeout' expects one of {names} (got '{name}').")));
    };
    let (fits, lacks) = match kind {
        TimeoutKind::Server | TimeoutKind::Tunnel | TimeoutKind::Connect | TimeoutKind::Queue => {
            (x.p.has_backend(), "backend")
        }
        TimeoutKind::Client => (x.p.has_frontend(), "frontend"),
        TimeoutKind::Tarpit => (true, ""),
    };
    if !fits && x.p.kind.is_some() {
        return Err(fault(at, format!("proxy '{}' has no {lacks} capability.", x.p.proxy.name)));
    }
    Ok(Action::Effect(Effect::Timeout(kind, time(x, "set-timeout", USAGE)?)))
}

/// `set-tos`, `set-mark` and their later names, with a number or an expression.
pub(crate) fn mark(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    let keyword = x.line.word(x.next - 1).to_owned();
    let at = x.next;
    let word = x.take("expects exactly 1 argument (integer/hex value).")?;
    let hex = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
    let number = match hex {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => word.parse().ok(),
    };
    let value = match number {
        Some(number) => NumberValue::Fixed(number),
        None if word.starts_with(|c: char| c.is_ascii_digit()) => {
            return Err(fault(at, format!("invalid value '{word}' (integer/hex value expected).")));
        }
        None => {
            x.next = at;
            NumberValue::Expr(x.expression(&keyword)?)
        }
    };
    let tos = keyword.ends_with("tos");
    if let NumberValue::Fixed(number) = value
        && tos
        && number > 255
    {
        return Err(fault(at, format!("invalid value '{number}': a type of service is below 256.")));
    }
    Ok(Action::Effect(if tos { Effect::Tos(value) } else { Effect::Mark(value) }))
}

/// `set-nice <n>`: nothing here is scheduled by it.
pub(crate) fn nice(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    let at = x.next;
    let word = x.take("expects exactly 1 argument (integer value).")?;
    let known: Option<i32> = word.parse().ok().filter(|n| (-1024..=1024).contains(n));
    known.ok_or_else(|| fault(at, format!("'{word}' is no integer from -1024 to 1024.")))?;
    x.cx.ignore("set-nice");
    Ok(Action::Nothing)
}

/// `wait-for-handshake`: requests are read when their handshake is over.
pub(crate) fn handshake(_: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    Ok(Action::Nothing)
}

/// `pause <time>|<expr>`.
pub(crate) fn pause(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    Ok(Action::Http(HttpAction::Pause(time(x, "pause", "expects 1 argument: <delay>.")?)))
}

/// `wait-for-body time <time> [at-least <bytes>]`.
pub(crate) fn body(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    let (mut longest, mut least) = (None, None);
    while !x.at_condition() {
        let at = x.next;
        x.next += 1;
        match x.line.word(at) {
            "time" => longest = Some(fixed_time(x, "time", "missing argument for 'time'.")?),
            "at-least" => {
                let at = x.next;
                let word = x.take("missing argument for 'at-least'.")?;
                least = Some(
                    lb_model::parse_size(word)
                        .map_err(|_| fault(at, format!("'at-least' expects a number of bytes, not '{word}'.")))?,
                );
            }
            "use-large-buffer" => x.cx.ignore("wait-for-body use-large-buffer"),
            other => return Err(fault(at, format!("expects 'time' or 'at-least', not '{other}'."))),
        }
    }
    let longest = longest.ok_or_else(|| fault(x.next, "expects 'time' with a time."))?;
    Ok(Action::Http(HttpAction::WaitForBody(longest, least)))
}

/// `early-hint <name> <format>`.
pub(crate) fn early_hint(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    let (name, format) = super::header(x)?;
    Ok(Action::Http(HttpAction::EarlyHint(name, format)))
}

/// `normalize-uri <normalizer> [full|strict]`.
pub(crate) fn normalize(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    let at = x.next;
    let name = x.take("missing argument <normalizer>.")?.to_owned();
    let mut option = |word: &str| {
        let said = x.line.word(x.next) == word;
        x.next += usize::from(said);
        said
    };
    let how = match name.as_str() {
        "fragment-encode" => Normalizer::FragmentEncode,
        "fragment-strip" => Normalizer::FragmentStrip,
        "path-merge-slashes" => Normalizer::PathMergeSlashes,
        "path-strip-dot" => Normalizer::PathStripDot,
        "path-strip-dotdot" => Normalizer::PathStripDotDot { full: option("full") },
        "percent-decode-unreserved" => Normalizer::PercentDecodeUnreserved { strict: option("strict") },
        "percent-to-uppercase" => Normalizer::PercentToUppercase { strict: option("strict") },
        "query-sort-by-name" => Normalizer::QuerySortByName,
        _ => return Err(fault(at, format!("unknown normalizer '{name}'."))),
    };
    Ok(Action::Http(HttpAction::Normalize(how)))
}

/// The next word as a time.
fn fixed_time(x: &mut ActionCx<'_, '_, '_>, name: &str, complaint: &str) -> Result<Duration, Fault> {
    let at = x.next;
    let word = x.take(complaint)?;
    parse_time(word, TimeUnit::Millis)
        .map_err(|error| fault(at, time_complaint(error, word, &format!("'{name}'"))).help(TIME_HELP))
}

/// The next word as a time, or as an expression of milliseconds.
fn time(x: &mut ActionCx<'_, '_, '_>, name: &str, complaint: &str) -> Result<TimeValue, Fault> {
    let at = x.next;
    let word = x.line.need(at, complaint)?;
    if word.starts_with(|c: char| c.is_ascii_digit()) {
        return fixed_time(x, name, complaint).map(TimeValue::Fixed);
    }
    x.expression(name).map(TimeValue::Expr)
}
