//! What log lines keep of messages: `capture`, `declare capture`, the `capture` actions; `unique-id-…`; `set-log-level`.

use crate::cx::Cx;
use crate::line::{Done, Fault, Line, fault};
use crate::model::{CaptureSlot, HttpAction, LogLevel};
use crate::proxy::ProxyDraft;
use crate::rules::{Action, ActionCx};
use lb_model::{Mode, Severity};
use lb_sample::{Expr, LogFormat, Place, Side};
use std::sync::Arc;

/// What a proxy's log lines keep of messages.
#[derive(Debug, Clone, Default)]
pub struct Captures {
    /// Slots for what requests hold.
    pub request: Vec<CaptureSlot>,
    /// Slots for what responses hold.
    pub response: Vec<CaptureSlot>,
    /// `capture cookie`: the beginning of the cookie's name, an equals sign at its end if the name is whole, and how many
    /// bytes are kept.
    pub cookie: Option<(String, usize)>,
}

impl Captures {
    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.request.is_empty() && self.response.is_empty() && self.cookie.is_none()
    }

    /// The slots of a side.
    pub fn slots(&self, side: Side) -> &[CaptureSlot] {
        match side {
            Side::Request => &self.request,
            Side::Response => &self.response,
        }
    }

    fn add(&mut self, side: Side, slot: CaptureSlot) -> usize {
        let slots = match side {
            Side::Request => &mut self.request,
            Side::Response => &mut self.response,
        };
        slots.push(slot);
        slots.len() - 1
    }
}

/// A `capture` action.
#[derive(Debug, Clone)]
pub struct Capture {
    /// What is kept.
    pub expr: Expr,
    /// Whose slots are meant.
    pub side: Side,
    /// The slot's number in the frontend.
    pub slot: usize,
}

fn side(word: &str) -> Option<Side> {
    match word {
        "request" => Some(Side::Request),
        "response" => Some(Side::Response),
        _ => None,
    }
}

fn length(line: &Line, at: usize) -> Result<usize, Fault> {
    let word = line.word(at);
    let refused = || fault(at, format!("'len' expects a number of bytes from 1 to 65535, not '{word}'."));
    word.parse().ok().filter(|len| (1..=65_535).contains(len)).ok_or_else(refused)
}

/// `capture request|response header <name> len <n>`, `capture cookie <name> len <n>`.
pub(crate) fn capture(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    let word = line.word(1);
    if word == "cookie" {
        let name = line.word(2);
        if line.word(3) != "len" || !line.has(4) {
            return Err(fault(line.len(), "'capture' expects 'cookie' <cookie_name> 'len' <len>."));
        }
        p.proxy.captures.cookie = Some((name.to_owned(), length(line, 4)?));
        return line.ends_after(4, "capture cookie");
    }
    let Some(side) = side(word).filter(|_| line.word(2) == "header") else {
        return Err(fault(1, "'capture' expects 'cookie' or 'request header' or 'response header'."));
    };
    if line.word(4) != "len" || !line.has(5) {
        return Err(fault(line.len(), format!("'capture {word}' expects 'header' <header_name> 'len' <len>.")));
    }
    let slot = CaptureSlot { header: Some(line.word(3).to_owned()), len: length(line, 5)? };
    p.proxy.captures.add(side, slot);
    line.ends_after(5, &format!("capture {word}"))
}

/// `declare capture request|response len <n>`.
pub(crate) fn declare(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    if line.word(1) != "capture" {
        let complaint = "'declare' needs a second keyword that specify the type of declaration ('capture')";
        return Err(fault(1, complaint));
    }
    let side = side(line.word(2))
        .ok_or_else(|| fault(2, "'declare capture' requires a direction ('request' or 'response')"))?;
    if line.word(3) != "len" {
        return Err(fault(3, "'declare capture' requires a capture length ('len')"));
    }
    p.proxy.captures.add(side, CaptureSlot { header: None, len: length(line, 4)? });
    line.ends_after(4, "declare capture")
}

/// `http-request capture <expr> len <n>|id <n>`, `http-response capture <expr> id <n>`.
pub(crate) fn action(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    let response = matches!(x.place, Place::BackendResponse | Place::FrontendResponse);
    let usage =
        if response { "expects <expression> id <idx>." } else { "expects <expression> [ 'len' <length> | id <idx> ]." };
    let first = x.next;
    if !x.line.has(first + 2) {
        return Err(fault(x.line.len(), usage));
    }
    let expr = x.expression(x.line.word(first))?;
    let (way, value) = (x.line.word(x.next), x.line.word(x.next + 1));
    let at = x.next;
    x.next += 2;
    let side = if response { Side::Response } else { Side::Request };
    let slot = match way {
        "len" if !response => {
            if !x.p.has_frontend() && x.p.kind.is_some() {
                let message = format!("proxy '{}' has no frontend capability.", x.p.proxy.name);
                return Err(fault(at, message).help("declare a slot in the frontend and name it by 'id'"));
            }
            let len = value.parse().ok().filter(|len| (1..=65_535).contains(len));
            let len = len.ok_or_else(|| fault(at + 1, "length must be > 0."))?;
            x.p.proxy.captures.add(side, CaptureSlot { header: None, len })
        }
        "id" => {
            let slot = value.parse().map_err(|_| fault(at + 1, format!("'{value}' is no number of a slot.")))?;
            let rule = if response { "http-response" } else { "http-request" };
            x.p.capture_uses.push((side, slot, rule, x.line.site(at + 1)));
            slot
        }
        other if response => return Err(fault(at, format!("expects 'id', found '{other}'."))),
        other => return Err(fault(at, format!("expects 'len' or 'id', found '{other}'."))),
    };
    Ok(Action::Http(HttpAction::Capture(Capture { expr, side, slot })))
}

/// Reports what is asked for in vain: unique ids of sessions that are no exchanges, and slots that rules of a frontend name and that it has not. Those a backend names are its frontends' matter.
pub(crate) fn check(p: &ProxyDraft, cx: &mut Cx<'_>) {
    if p.has_frontend() && p.proxy.mode == Mode::Tcp && p.proxy.unique_id.is_some() {
        let message = format!("'unique-id-format' has no effect in {}: it needs 'mode http' here.", p.title());
        cx.warn(&p.site, message);
    }
    for (side, slot, rule, site) in p.capture_uses.iter().filter(|_| p.has_frontend()) {
        if p.proxy.captures.slots(*side).len() <= *slot {
            let name = &p.proxy.name;
            let message =
                format!("Proxy '{name}': unable to find capture id '{slot}' referenced by {rule} capture rule.");
            cx.sink.alert(site, message);
        }
    }
}

/// `unique-id-format <format>`.
pub(crate) fn unique_id_format(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let text = line.need(1, "unique-id-format expects an argument.")?;
    if line.has(2) {
        return Err(fault(2, "unique-id-format expects only one argument, don't forget to escape spaces!")
            .help("put the whole format between quotes"));
    }
    let format = cx
        .with_sources(|sources| LogFormat::parse(text, sources))
        .and_then(|format| format.check(Place::FrontendRequest).map(|()| format))
        .map_err(|error| Fault::of_sample(error, 1).within("failed to parse unique-id : "))?;
    let site = line.site(1);
    p.references.extend(format.references().map(|r| (r.clone(), site.clone())));
    p.proxy.unique_id = Some(Arc::new(format));
    Ok(())
}

/// `unique-id-header <name>`.
pub(crate) fn unique_id_header(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    p.proxy.unique_id_header = Some(line.need(1, "unique-id-header expects an argument.")?.to_owned());
    line.ends_after(1, "unique-id-header")
}

/// `set-log-level <level>|silent`.
pub(crate) fn set_log_level(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    let at = x.next;
    let usage = "expects exactly 1 argument (log level name or 'silent').";
    let word = x.take(usage)?;
    let level = match word {
        "silent" => LogLevel::Silent,
        word => LogLevel::Always(Severity::parse(word).ok_or_else(|| fault(at, usage))?),
    };
    Ok(Action::Http(HttpAction::LogLevel(level)))
}
