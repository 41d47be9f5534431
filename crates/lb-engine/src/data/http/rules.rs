//! `http-request` and `http-response` rules, and the choice of the backend.

use super::txn::Txn;
use super::{captures, respond};
use crate::buffer::Buffer;
use crate::data::accept::Client;
use crate::data::knobs;
use crate::data::session::Cut;
use crate::data::tcp_rules::{Judged, Kept, judge};
use crate::data::tell;
use crate::data::track::{self, Scope};
use crate::data::view::View;
use crate::shared::ProxyState;
use lb_config::model::{
    FieldEdit, FieldName, HttpAction, HttpRule, LineEdit, LinePart, PatternAction, PatternVerb, Redirect,
    RedirectCookie, RedirectKind, TcpStage,
};
use lb_http::{
    HeadEdit, HeaderList, RequestHead, ResponseHead, Span, normalized, parse_request, parse_response, static_response,
};
use lb_sample::{LogFormat, Target};
use std::borrow::Cow;
use std::time::Duration;

/// What the rules decided.
#[derive(Debug)]
pub enum Verdict {
    /// Go on.
    Pass,
    /// Close without an answer (`tcp-request content reject`).
    Reject,
    /// Close a connection that was already left without a word.
    Drop,
    /// Refuse with this status and these bytes; none: the page of the status.
    Deny(u16, Option<Vec<u8>>),
    /// The same after a while.
    Tarpit(u16, Option<Vec<u8>>),
    /// Ask for a name and a password under this realm.
    Challenge(&'static str),
    /// Answer with this response.
    Reply {
        /// Its status.
        status: u16,
        /// All its bytes; none: the page of the status.
        bytes: Option<Vec<u8>>,
    },
    /// Answer with metrics.
    Metrics,
    /// Go on after this time, at the rule of this number.
    Pause(Duration, usize),
    /// Go on when so many bytes of the body are there, or after this time, at the rule of this number.
    Body(Duration, Option<u64>, usize),
    /// The session ended while rules waited.
    Ended(Cut),
    /// A body that rules waited for did not come.
    NoBody,
    /// The request's target cannot be made one.
    BadTarget,
    /// An edit did not fit into the buffer.
    TooLarge,
}

/// Runs a proxy's `http-request` rules over the request at the front of `buffer`, from the given one on. Each edit is
/// applied at once, so that later rules see it.
pub fn run_request(
    client: &Client,
    txn: &mut Txn,
    (rules, from): (&'static [HttpRule], usize),
    buffer: &mut Buffer,
    head: &mut RequestHead,
) -> Verdict {
    let mut strict = true;
    for (index, rule) in rules.iter().enumerate().skip(from) {
        let mut value = Vec::new();
        let (mut captured, mut rendered) = (None, None);
        {
            let view = txn.view(client, Some((buffer.data(), head)), None);
            if rule.condition.as_ref().is_some_and(|c| !c.eval(&view)) {
                continue;
            }
            if takes_effect(&rule.action, &view) {
                continue;
            }
            match &rule.action {
                HttpAction::Pause(time) => match knobs::time(time, &view) {
                    Some(time) => return Verdict::Pause(time, index + 1),
                    None => continue,
                },
                HttpAction::WaitForBody(time, least) => return Verdict::Body(*time, *least, index + 1),
                _ => {}
            }
            if let HttpAction::Deny(reply) | HttpAction::Tarpit(reply) | HttpAction::Return(reply) = &rule.action {
                rendered = respond::rendered(reply, &view);
            }
            if let HttpAction::Capture(capture) = &rule.action {
                captured = Some((capture, capture.expr.eval(&view).map(captures::text)));
            }
            if let Some(format) = action_format(&rule.action) {
                format.render_value(&view, &mut value);
            }
        }
        if let Some((capture, value)) = captured {
            captures::put(client, txn, capture.side, capture.slot, value);
            continue;
        }
        match &rule.action {
            HttpAction::EarlyHint(name, _) => hint(txn, name, &value),
            HttpAction::Normalize(how) => {
                let mut edit = HeadEdit::default();
                let Ok(target) = normalized(head.target.get(buffer.data()), *how) else { return Verdict::BadTarget };
                if target == head.target.get(buffer.data()) {
                    continue;
                }
                let version: &[u8] = if head.minor == 0 { b" HTTP/1.0" } else { b" HTTP/1.1" };
                edit.set_first_line([head.method.get(buffer.data()), b" ", &target, version].concat());
                match rewrite_request(buffer, head, &edit, client.ctx.shared.limits.maxhdr) {
                    Some(edited) => *head = edited.with_semantics_of(head),
                    None => return Verdict::TooLarge,
                }
            }
            HttpAction::Allow => return Verdict::Pass,
            HttpAction::Deny(reply) => return Verdict::Deny(reply.status, rendered),
            HttpAction::Return(reply) => return Verdict::Reply { status: reply.status, bytes: rendered },
            HttpAction::Auth(realm) => {
                let owner = txn.backend.unwrap_or(client.proxy);
                return Verdict::Challenge(realm.as_deref().unwrap_or(&owner.config.name));
            }
            HttpAction::Metrics => return Verdict::Metrics,
            HttpAction::LogLevel(level) => txn.log_level = Some(*level),
            HttpAction::StrictMode(on) => strict = *on,
            HttpAction::Redirect(redirect) if redirect.ignore_empty && value.is_empty() => {}
            HttpAction::Redirect(redirect) => {
                let cookie = redirect_cookie(client, txn, redirect, Some((buffer.data(), head)), None);
                return redirected(redirect, &value, cookie.as_deref(), buffer.data(), head);
            }
            HttpAction::Tarpit(reply) => return Verdict::Tarpit(reply.status, rendered),
            HttpAction::Reject => return Verdict::Reject,
            HttpAction::SilentDrop => {
                crate::sys::vanish(client.session.fd);
                return Verdict::Drop;
            }
            edit => {
                let changes = request_edit(edit, &value, buffer.data(), head);
                if changes.is_empty() {
                    continue;
                }
                let max_fields = client.ctx.shared.limits.maxhdr;
                match rewrite_request(buffer, head, &changes, max_fields) {
                    Some(edited) => *head = edited.with_semantics_of(head),
                    None if strict => return Verdict::TooLarge,
                    None => client.ctx.front(client.proxy).failed_rewrites.inc(),
                }
            }
        }
    }
    Verdict::Pass
}

/// Notes an interim response that goes before the final one.
fn hint(txn: &mut Txn, name: &str, value: &[u8]) {
    // As observed, each rule makes a response of its own.
    txn.early.extend_from_slice(b"HTTP/1.1 103 Early Hints\r\n");
    txn.early.extend(name.bytes().map(|b| b.to_ascii_lowercase()));
    txn.early.extend_from_slice(b": ");
    txn.early.extend(value.iter().filter(|b| !matches!(b, b'\r' | b'\n' | 0)));
    txn.early.extend_from_slice(b"\r\n\r\n");
}

/// Carries out an action that changes something beside the message. `false`: the action is of another kind.
fn takes_effect(action: &HttpAction, view: &View<'_>) -> bool {
    match action {
        HttpAction::Var(action) => action.run(view),
        HttpAction::Track(track) => track::start(view, track, Scope::Request),
        HttpAction::Count(count) => track::count(view, count),
        HttpAction::Pattern(action) => change_patterns(action, view),
        HttpAction::Log(log) => tell::by_rule(view, log),
        HttpAction::Effect(effect) => knobs::run(view, effect, true),
        _ => return false,
    }
    true
}

/// Changes a map or an ACL. What cannot be read there changes nothing, as nobody could be told.
fn change_patterns(action: &PatternAction, view: &View<'_>) {
    let text = |format: &LogFormat| {
        let mut text = Vec::new();
        format.render_value(view, &mut text);
        text
    };
    let key = text(&action.key);
    let _ = match action.verb {
        PatternVerb::AddAcl => action.set.add_once(&key),
        PatternVerb::DelAcl | PatternVerb::DelMap => action.set.delete(Target::Key(&key)),
        PatternVerb::SetMap => action.set.set_or_add(&key, &action.value.as_deref().map(text).unwrap_or_default()),
    };
}

fn action_format(action: &HttpAction) -> Option<&LogFormat> {
    match action {
        HttpAction::SetHeader(_, format) | HttpAction::AddHeader(_, format) | HttpAction::EarlyHint(_, format) => {
            Some(format)
        }
        HttpAction::SetLine(edit) => Some(&edit.value),
        HttpAction::ReplaceField(edit) => Some(&edit.value),
        HttpAction::Redirect(redirect) => Some(&redirect.target),
        HttpAction::Allow
        | HttpAction::Auth(_)
        | HttpAction::Deny(_)
        | HttpAction::Tarpit(_)
        | HttpAction::Reject
        | HttpAction::SilentDrop
        | HttpAction::DelHeader(_)
        | HttpAction::Return(_)
        | HttpAction::Capture(_)
        | HttpAction::LogLevel(_)
        | HttpAction::StrictMode(_)
        | HttpAction::SetStatus(..)
        | HttpAction::Metrics
        | HttpAction::Var(_)
        | HttpAction::Track(_)
        | HttpAction::Count(_)
        | HttpAction::Effect(_)
        | HttpAction::Normalize(_)
        | HttpAction::Pause(_)
        | HttpAction::WaitForBody(..)
        | HttpAction::Log(_)
        | HttpAction::Pattern(_) => None,
    }
}

fn request_edit(action: &HttpAction, value: &[u8], buf: &[u8], head: &RequestHead) -> HeadEdit {
    let mut edit = HeadEdit::default();
    match action {
        HttpAction::SetHeader(name, _) => {
            edit.remove_all(buf, &head.headers, name);
            edit.add(name.as_bytes(), value);
        }
        HttpAction::AddHeader(name, _) => edit.add(name.as_bytes(), value),
        HttpAction::DelHeader(name) => remove_fields(name, buf, &head.headers, &mut edit),
        HttpAction::SetLine(line) => set_line(line, value, buf, head, &mut edit),
        HttpAction::ReplaceField(field) => replace_field(field, value, buf, &head.headers, &mut edit),
        HttpAction::Allow
        | HttpAction::Auth(_)
        | HttpAction::Deny(_)
        | HttpAction::Tarpit(_)
        | HttpAction::Reject
        | HttpAction::SilentDrop
        | HttpAction::Redirect(_)
        | HttpAction::Return(_)
        | HttpAction::Capture(_)
        | HttpAction::LogLevel(_)
        | HttpAction::StrictMode(_)
        | HttpAction::SetStatus(..)
        | HttpAction::Metrics
        | HttpAction::Var(_)
        | HttpAction::Track(_)
        | HttpAction::Count(_)
        | HttpAction::Effect(_)
        | HttpAction::Normalize(_)
        | HttpAction::Pause(_)
        | HttpAction::WaitForBody(..)
        | HttpAction::EarlyHint(..)
        | HttpAction::Log(_)
        | HttpAction::Pattern(_) => {}
    }
    edit
}

/// Changes a part of the request line.
fn set_line(line: &LineEdit, value: &[u8], buf: &[u8], head: &RequestHead, edit: &mut HeadEdit) {
    let (method, target) = (head.method.get(buf), head.target.get(buf));
    // What stands before the path of an absolute URI stays where it is.
    let scheme = memchr::memmem::find(target, b"://").filter(|_| !target.starts_with(b"/"));
    let start = scheme.map_or(0, |at| {
        let host = target.get(at + 3..).unwrap_or_default();
        at + 3 + host.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(host.len())
    });
    let (origin, rest) = target.split_at(start.min(target.len()));
    let (path, query) = rest.split_at(rest.iter().position(|&b| b == b'?').unwrap_or(rest.len()));
    let old = match line.part {
        LinePart::Method => method,
        LinePart::Path => path,
        LinePart::PathQuery => rest,
        LinePart::Query => query.get(1..).unwrap_or_default(),
        LinePart::Uri => target,
    };
    let new = match &line.rewrite {
        Some(rewrite) => match rewrite.apply(old, value) {
            Some(new) => new,
            None => return,
        },
        None => value.to_vec(),
    };
    // Blanks and what is no text would end the word.
    let new: Vec<u8> = new.into_iter().filter(u8::is_ascii_graphic).collect();
    let mark: &[u8] = if new.is_empty() { b"" } else { b"?" };
    let (method, target) = match line.part {
        LinePart::Method => (&*new, target.to_vec()),
        LinePart::Path => (method, [origin, &new, query].concat()),
        LinePart::PathQuery => (method, [origin, &new].concat()),
        LinePart::Query => (method, [origin, path, mark, &new].concat()),
        LinePart::Uri => (method, new),
    };
    let version: &[u8] = if head.minor == 0 { b" HTTP/1.0" } else { b" HTTP/1.1" };
    edit.set_first_line([method, b" ", &target, version].concat());
}

fn remove_fields(which: &FieldName, buf: &[u8], headers: &HeaderList, edit: &mut HeadEdit) {
    for (index, field) in headers.iter().enumerate() {
        if which.means(field.name.get(buf)) {
            edit.remove(index);
        }
    }
}

/// Replaces the values of a field that match, whole lines or between commas.
fn replace_field(field: &FieldEdit, value: &[u8], buf: &[u8], headers: &HeaderList, edit: &mut HeadEdit) {
    for (index, header) in headers.iter().enumerate() {
        let name = header.name.get(buf);
        if !name.eq_ignore_ascii_case(field.name.as_bytes()) {
            continue;
        }
        let old = header.value.get(buf);
        let new = if field.each {
            let mut matched = false;
            let values = old.split(|b| *b == b',').map(|one| match field.rewrite.apply(one.trim_ascii(), value) {
                Some(new) => {
                    matched = true;
                    new
                }
                None => one.to_vec(),
            });
            let joined = values.collect::<Vec<_>>().join(&b","[..]);
            matched.then_some(joined)
        } else {
            field.rewrite.apply(old, value)
        };
        if let Some(new) = new {
            edit.remove(index);
            edit.add(name, &new);
        }
    }
}

/// Applies edits to the request at the front of the buffer and parses the result. `None`: it does not fit or is no
/// longer a request.
pub fn rewrite_request(
    buffer: &mut Buffer,
    head: &RequestHead,
    edit: &HeadEdit,
    max_fields: usize,
) -> Option<RequestHead> {
    let mut out = Vec::with_capacity(head.len as usize + edit.added().len());
    let first = Span::new(head.leading as usize, head.headers.start());
    edit.write(buffer.data(), first, &head.headers, &mut out);
    if !buffer.replace_front(head.len as usize, &out) {
        return None;
    }
    parse_request(buffer.data(), max_fields).ok().flatten()
}

/// Runs a proxy's `http-response` or `http-after-response` rules over the response at the front of `buffer`.
pub fn run_response(
    client: &Client,
    txn: &mut Txn,
    (owner, rules): (&'static ProxyState, &'static [HttpRule]),
    buffer: &mut Buffer,
    head: &mut ResponseHead,
) -> Verdict {
    let mut strict = true;
    for rule in rules {
        let mut value = Vec::new();
        let (mut captured, mut rendered) = (None, None);
        {
            let view = View { owner, ..txn.view(client, None, Some((buffer.data(), head))) };
            if rule.condition.as_ref().is_some_and(|c| !c.eval(&view)) {
                continue;
            }
            if takes_effect(&rule.action, &view) {
                continue;
            }
            if let HttpAction::Deny(reply) | HttpAction::Tarpit(reply) | HttpAction::Return(reply) = &rule.action {
                rendered = respond::rendered(reply, &view);
            }
            if let HttpAction::Capture(capture) = &rule.action {
                captured = Some((capture, capture.expr.eval(&view).map(captures::text)));
            }
            if let Some(format) = action_format(&rule.action) {
                format.render_value(&view, &mut value);
            }
        }
        if let Some((capture, value)) = captured {
            captures::put(client, txn, capture.side, capture.slot, value);
            continue;
        }
        let mut edit = HeadEdit::default();
        match &rule.action {
            HttpAction::Allow => return Verdict::Pass,
            HttpAction::Redirect(redirect) if redirect.ignore_empty && value.is_empty() => continue,
            HttpAction::Redirect(redirect) => {
                let cookie = redirect_cookie(client, txn, redirect, None, Some((buffer.data(), head)));
                return redirection(redirect.code, &value, cookie.as_deref());
            }
            HttpAction::Deny(reply) => return Verdict::Deny(reply.status, rendered),
            HttpAction::Return(reply) => return Verdict::Reply { status: reply.status, bytes: rendered },
            HttpAction::SilentDrop => {
                crate::sys::vanish(client.session.fd);
                return Verdict::Drop;
            }
            HttpAction::SetHeader(name, _) => {
                edit.remove_all(buffer.data(), &head.headers, name);
                edit.add(name.as_bytes(), &value);
            }
            HttpAction::AddHeader(name, _) => edit.add(name.as_bytes(), &value),
            HttpAction::DelHeader(name) => remove_fields(name, buffer.data(), &head.headers, &mut edit),
            HttpAction::ReplaceField(field) => {
                replace_field(field, &value, buffer.data(), &head.headers, &mut edit);
                if edit.is_empty() {
                    continue;
                }
            }
            HttpAction::LogLevel(level) => {
                txn.log_level = Some(*level);
                continue;
            }
            HttpAction::StrictMode(on) => {
                strict = *on;
                continue;
            }
            HttpAction::SetStatus(status, text) => {
                edit.set_first_line(status_line(head.minor, *status, text.as_deref()));
            }
            // The parser refuses these in responses, or they were carried out.
            HttpAction::Tarpit(_)
            | HttpAction::Reject
            | HttpAction::Auth(_)
            | HttpAction::SetLine(_)
            | HttpAction::Capture(_)
            | HttpAction::Metrics
            | HttpAction::Var(_)
            | HttpAction::Track(_)
            | HttpAction::Count(_)
            | HttpAction::Effect(_)
            | HttpAction::Normalize(_)
            | HttpAction::Pause(_)
            | HttpAction::WaitForBody(..)
            | HttpAction::EarlyHint(..)
            | HttpAction::Log(_)
            | HttpAction::Pattern(_) => continue,
        }
        let (framing, max_fields) = (head.framing, client.ctx.shared.limits.maxhdr);
        match rewrite_response(buffer, head, &edit, max_fields) {
            Some(edited) => *head = ResponseHead { framing, ..edited },
            None if strict => return Verdict::TooLarge,
            None => client.ctx.back(owner).failed_rewrites.inc(),
        }
    }
    Verdict::Pass
}

fn status_line(minor: u8, status: u16, text: Option<&str>) -> Vec<u8> {
    format!("HTTP/1.{minor} {status} {}", text.unwrap_or_else(|| lb_http::reason(status))).into_bytes()
}

/// Applies edits to the response at the front of the buffer and parses the result.
pub fn rewrite_response(
    buffer: &mut Buffer,
    head: &ResponseHead,
    edit: &HeadEdit,
    max_fields: usize,
) -> Option<ResponseHead> {
    let mut out = Vec::with_capacity(head.len as usize + edit.added().len());
    edit.write(buffer.data(), Span::new(0, head.headers.start()), &head.headers, &mut out);
    if !buffer.replace_front(head.len as usize, &out) {
        return None;
    }
    parse_response(buffer.data(), max_fields, false).ok().flatten()
}

/// What a redirect says in `Set-Cookie`.
fn redirect_cookie<'r>(
    client: &Client,
    txn: &Txn,
    redirect: &'r Redirect,
    request: Option<(&[u8], &RequestHead)>,
    response: Option<(&[u8], &ResponseHead)>,
) -> Option<Cow<'r, [u8]>> {
    Some(match redirect.cookie.as_ref()? {
        RedirectCookie::Fixed(text) => Cow::Borrowed(text.as_bytes()),
        RedirectCookie::Made(format) => {
            let mut text = Vec::new();
            format.render_value(&txn.view(client, request, response), &mut text);
            text.extend_from_slice(b"; path=/;");
            Cow::Owned(text)
        }
    })
}

fn redirected(redirect: &Redirect, value: &[u8], cookie: Option<&[u8]>, buf: &[u8], head: &RequestHead) -> Verdict {
    let target = head.target.get(buf);
    let query_at = target.iter().position(|&b| b == b'?').unwrap_or(target.len());
    let (path, query) = target.split_at(query_at);
    let mut location = value.to_vec();
    match redirect.kind {
        RedirectKind::Location if redirect.keep_query && query.len() > 1 => {
            location.push(if value.contains(&b'?') { b'&' } else { b'?' });
            location.extend(query.iter().skip(1));
        }
        RedirectKind::Location => {}
        RedirectKind::Prefix | RedirectKind::Scheme => {
            if redirect.kind == RedirectKind::Scheme {
                location.extend_from_slice(b"://");
                location.extend_from_slice(head.headers.values(buf, "host").next().unwrap_or_default());
            }
            location.extend_from_slice(path);
            if redirect.drop_query && redirect.append_slash && !path.ends_with(b"/") {
                location.push(b'/');
            }
            if !redirect.drop_query {
                location.extend_from_slice(query);
            }
        }
    }
    redirection(redirect.code, &location, cookie)
}

/// Sends the client elsewhere. What holds for this time only is not to be kept by caches.
fn redirection(code: u16, location: &[u8], cookie: Option<&[u8]>) -> Verdict {
    let mut fields: Vec<(&str, &[u8])> = vec![("location", location)];
    if !matches!(code, 301 | 308) {
        fields.push(("cache-control", b"no-cache"));
    }
    fields.extend(cookie.map(|cookie| ("set-cookie", cookie)));
    Verdict::Reply { status: code, bytes: Some(static_response(code, &fields, b"", false)) }
}

/// `tcp-request content` rules of a proxy, judged on a whole request.
pub fn content_accepted(
    client: &Client,
    txn: &mut Txn,
    proxy: &'static ProxyState,
    request: (&[u8], &RequestHead),
) -> bool {
    let rules = &proxy.config.get().tcp_request;
    if rules.is_empty() {
        return true;
    }
    let mut kept = Kept::new();
    let judged = judge(rules, &txn.view(client, Some(request), None), TcpStage::Content, 0, &mut kept);
    for (side, slot, value) in kept {
        captures::put(client, txn, side, slot, value);
    }
    judged != Judged::Rejected
}
