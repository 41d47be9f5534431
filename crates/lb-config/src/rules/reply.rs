//! Rules that answer in place of a server or refuse: `return`, `deny`, `tarpit`.

use super::{Action, ActionCx, status};
use crate::cx::reason;
use crate::errors;
use crate::line::{Fault, fault};
use crate::model::{HttpAction, Reply, ReplyContent};
use lb_sample::Place;
use std::path::Path;

/// `return [status <n>] …`: nothing said, an empty answer.
pub(crate) fn answer(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    let reply = reply(x, Reply { status: 200, content: ReplyContent::Empty, fields: Vec::new() }, "return")?;
    Ok(Action::Http(HttpAction::Return(reply)))
}

/// `deny [status <n>] …`: nothing said, the page of status 403; of a response, which is the server's fault, 502.
pub(crate) fn deny(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    let response = matches!(x.place, Place::BackendResponse | Place::FrontendResponse);
    let status = if response { 502 } else { 403 };
    let reply = reply(x, Reply { status, content: ReplyContent::Page, fields: Vec::new() }, "deny")?;
    Ok(Action::Http(HttpAction::Deny(reply)))
}

/// `tarpit [status <n>] …`: nothing said, the page of status 500.
pub(crate) fn tarpit(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    let reply = reply(x, Reply { status: 500, content: ReplyContent::Page, fields: Vec::new() }, "tarpit")?;
    Ok(Action::Http(HttpAction::Tarpit(reply)))
}

/// `reject`: the connection is closed without a word.
pub(crate) fn reject(_: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    Ok(Action::Http(HttpAction::Reject))
}

/// Words that say what is sent: one of them at most.
const CONTENTS: [&str; 7] = ["default-errorfiles", "errorfile", "errorfiles", "file", "lf-file", "string", "lf-string"];

/// What the body is made of.
enum Body {
    Static(Vec<u8>),
    Format(std::sync::Arc<lb_sample::LogFormat>),
}

/// What a rule or `http-error` answers with.
pub(crate) fn reply(x: &mut ActionCx<'_, '_, '_>, mut reply: Reply, name: &str) -> Result<Reply, Fault> {
    let start = x.next;
    let mut content_type = None;
    let mut body = None;
    let mut said: Option<String> = None;
    while !x.at_condition() {
        let at = x.next;
        let word = x.line.word(at).to_owned();
        x.next += 1;
        if CONTENTS.contains(&word.as_str()) {
            if let Some(first) = &said {
                return Err(fault(at, format!("unexpected '{word}' argument, '{first}' already defined.")));
            }
            said = Some(word.clone());
        }
        match word.as_str() {
            "status" => {
                reply.status = status(x, 200..=599)?;
                // As observed, a status alone is an answer without a body, and not the page of that status.
                if said.is_none() {
                    reply.content = ReplyContent::Empty;
                }
            }
            "deny_status" if matches!(name, "deny" | "tarpit") => {
                reply.status = status(x, 200..=599)?;
                if said.is_none() {
                    reply.content = ReplyContent::Page;
                }
            }
            "default-errorfiles" => reply.content = ReplyContent::Page,
            "content-type" => {
                content_type = Some(x.take("'content-type' expects <ctype> as argument.")?.to_owned());
            }
            "string" => body = Some(Body::Static(x.take("'string' expects <str> as argument.")?.as_bytes().to_vec())),
            "lf-string" => body = Some(Body::Format(x.format("'lf-string' expects <fmt> as argument.")?)),
            "file" => {
                let path = x.take("'file' expects <file> as argument.")?.to_owned();
                body = Some(Body::Static(file(x, &path)?));
            }
            "errorfile" => {
                let path = x.take("'errorfile' expects <file> as argument.")?.to_owned();
                reply.content = ReplyContent::Whole(errors::read_page(&path, x.next - 1, x.cx)?);
            }
            "hdr" => {
                let complaint = "'hdr' expects <name> and <value> as arguments.";
                let field = x.take(complaint)?.to_owned();
                reply.fields.push((field, x.format(complaint)?));
            }
            "errorfiles" => {
                let section = x.take("'errorfiles' expects <name> as argument.")?;
                reply.content = ReplyContent::Section(section.into());
            }
            "lf-file" => {
                let path = x.take("'lf-file' expects <file> as argument.")?.to_owned();
                let text = String::from_utf8(file(x, &path)?)
                    .map_err(|_| fault(x.next - 1, format!("file '{path}' is not UTF-8 text.")))?;
                body = Some(Body::Format(x.format_of(&text, x.next - 1)?));
            }
            _ => {
                x.next = at;
                break;
            }
        }
    }
    let is_empty = match &body {
        None => true,
        Some(Body::Static(bytes)) => bytes.is_empty(),
        Some(Body::Format(_)) => false,
    };
    if !is_empty && content_type.is_none() {
        return Err(fault(start, "a content type must be defined when non-empty payload is configured.")
            .help("add 'content-type text/plain'"));
    }
    if let Some(unused) = content_type.take_if(|_| is_empty) {
        let message =
            format!("content-type '{unused}' ignored by the http reply because neither errorfile nor payload defined.");
        x.cx.warn(&x.line.site(start), message);
    }
    match (body.filter(|_| !is_empty), content_type) {
        (Some(Body::Static(body)), Some(kind)) => reply.content = ReplyContent::Static(kind, body.into()),
        (Some(Body::Format(body)), Some(kind)) => reply.content = ReplyContent::Format(kind, body),
        _ => {}
    }
    if reply.status == 204 && !is_empty {
        return Err(fault(start, "No body expected for 204 responses."));
    }
    let page = matches!(reply.content, ReplyContent::Page | ReplyContent::Section(_) | ReplyContent::Whole(_));
    if let ReplyContent::Section(name) = &reply.content {
        let site = x.line.site(start);
        x.p.error_uses.push((name.clone(), reply.status, site));
    }
    if !reply.fields.is_empty() && page {
        let message = "hdr parameters ignored by the http reply when used with an error page or file.".to_owned();
        x.cx.warn(&x.line.site(start), message);
        reply.fields.clear();
    }
    Ok(reply)
}

fn file(x: &ActionCx<'_, '_, '_>, path: &str) -> Result<Vec<u8>, Fault> {
    let refused = |e| fault(x.next - 1, format!("error opening file '{path}'.")).help(reason(&e));
    x.cx.host.read_file(Path::new(path)).map_err(refused)
}
