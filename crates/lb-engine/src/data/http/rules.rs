//! `http-request` and `http-response` rules, and the choice of the backend.

use super::txn::Txn;
use crate::buffer::Buffer;
use crate::data::accept::Client;
use crate::data::track::{self, Scope};
use crate::data::view::View;
use crate::shared::ProxyState;
use lb_config::model::{HttpAction, HttpRule, PatternAction, PatternVerb, Redirect, RedirectKind, TcpStage};
use lb_http::{HeadEdit, RequestHead, ResponseHead, Span, parse_request, parse_response, static_response};
use lb_sample::{LogFormat, Target};

/// What the rules decided.
#[derive(Debug)]
pub enum Verdict {
    /// Go on.
    Pass,
    /// Close without an answer (`tcp-request content reject`).
    Reject,
    /// Answer with this error status.
    Deny(u16),
    /// Answer with this response.
    Reply {
        /// Its status.
        status: u16,
        /// All its bytes.
        bytes: Vec<u8>,
    },
    /// Answer with metrics.
    Metrics,
    /// An edit did not fit into the buffer.
    TooLarge,
}

/// Runs a proxy's `http-request` rules over the request at the front of `buffer`. Each edit is applied at once, so that
/// later rules see it.
pub fn run_request(
    client: &Client,
    txn: &Txn,
    rules: &'static [HttpRule],
    buffer: &mut Buffer,
    head: &mut RequestHead,
) -> Verdict {
    for rule in rules {
        let mut value = Vec::new();
        {
            let view = txn.view(client, Some((buffer.data(), head)), None);
            if rule.condition.as_ref().is_some_and(|c| !c.eval(&view)) {
                continue;
            }
            if takes_effect(&rule.action, &view) {
                continue;
            }
            if let Some(format) = action_format(&rule.action) {
                format.render_value(&view, &mut value);
            }
        }
        match &rule.action {
            HttpAction::Allow => return Verdict::Pass,
            HttpAction::Deny(status) => return Verdict::Deny(*status),
            HttpAction::Metrics => return Verdict::Metrics,
            HttpAction::Redirect(redirect) if redirect.ignore_empty && value.is_empty() => {}
            HttpAction::Redirect(redirect) => return redirected(redirect, &value, buffer.data(), head),
            HttpAction::Return(fixed) => {
                let content_type = fixed.content_type.as_deref().map(|t| ("content-type", t.as_bytes()));
                let fields: Vec<_> = content_type.into_iter().collect();
                let bytes = static_response(fixed.status, &fields, &fixed.body, false);
                return Verdict::Reply { status: fixed.status, bytes };
            }
            edit => {
                let changes = request_edit(edit, &value, buffer.data(), head);
                let max_fields = client.ctx.shared.limits.maxhdr;
                match rewrite_request(buffer, head, &changes, max_fields) {
                    Some(edited) => *head = edited.with_semantics_of(head),
                    None => return Verdict::TooLarge,
                }
            }
        }
    }
    Verdict::Pass
}

/// Carries out an action that changes something beside the message. `false`: the action is of another kind.
fn takes_effect(action: &HttpAction, view: &View<'_>) -> bool {
    match action {
        HttpAction::Var(action) => action.run(view),
        HttpAction::Track(track) => track::start(view, track, Scope::Request),
        HttpAction::Count(count) => track::count(view, count),
        HttpAction::Pattern(action) => change_patterns(action, view),
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
        HttpAction::SetHeader(_, format) | HttpAction::AddHeader(_, format) | HttpAction::SetPath(format) => {
            Some(format)
        }
        HttpAction::Redirect(redirect) => Some(&redirect.target),
        HttpAction::Allow
        | HttpAction::Deny(_)
        | HttpAction::DelHeader(_)
        | HttpAction::Return(_)
        | HttpAction::Metrics
        | HttpAction::Var(_)
        | HttpAction::Track(_)
        | HttpAction::Count(_)
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
        HttpAction::DelHeader(name) => edit.remove_all(buf, &head.headers, name),
        HttpAction::SetPath(_) => {
            let target = head.target.get(buf);
            let query = target.iter().position(|&b| b == b'?').and_then(|at| target.get(at..)).unwrap_or_default();
            let path: Vec<u8> = value.iter().copied().filter(u8::is_ascii_graphic).collect();
            edit.set_first_line(
                [head.method.get(buf), b" ", &path, query, b" HTTP/1.", if head.minor == 0 { b"0" } else { b"1" }]
                    .concat(),
            );
        }
        HttpAction::Allow
        | HttpAction::Deny(_)
        | HttpAction::Redirect(_)
        | HttpAction::Return(_)
        | HttpAction::Metrics
        | HttpAction::Var(_)
        | HttpAction::Track(_)
        | HttpAction::Count(_)
        | HttpAction::Pattern(_) => {}
    }
    edit
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

/// Runs `http-response` rules over the response at the front of `buffer`.
pub fn run_response(
    client: &Client,
    txn: &Txn,
    owner: &'static ProxyState,
    buffer: &mut Buffer,
    head: &mut ResponseHead,
) -> Verdict {
    for rule in &owner.config.http_response {
        let mut value = Vec::new();
        {
            let view = View { owner, ..txn.view(client, None, Some((buffer.data(), head))) };
            if rule.condition.as_ref().is_some_and(|c| !c.eval(&view)) {
                continue;
            }
            if takes_effect(&rule.action, &view) {
                continue;
            }
            if let Some(format) = action_format(&rule.action) {
                format.render_value(&view, &mut value);
            }
        }
        let mut edit = HeadEdit::default();
        match &rule.action {
            HttpAction::Allow => return Verdict::Pass,
            HttpAction::Deny(status) => return Verdict::Deny(*status),
            HttpAction::SetHeader(name, _) => {
                edit.remove_all(buffer.data(), &head.headers, name);
                edit.add(name.as_bytes(), &value);
            }
            HttpAction::AddHeader(name, _) => edit.add(name.as_bytes(), &value),
            HttpAction::DelHeader(name) => edit.remove_all(buffer.data(), &head.headers, name),
            // The parser refuses these in responses, or they were carried out.
            HttpAction::Redirect(_)
            | HttpAction::SetPath(_)
            | HttpAction::Return(_)
            | HttpAction::Metrics
            | HttpAction::Var(_)
            | HttpAction::Track(_)
            | HttpAction::Count(_)
            | HttpAction::Pattern(_) => continue,
        }
        let (framing, max_fields) = (head.framing, client.ctx.shared.limits.maxhdr);
        match rewrite_response(buffer, head, &edit, max_fields) {
            Some(edited) => *head = ResponseHead { framing, ..edited },
            None => return Verdict::TooLarge,
        }
    }
    Verdict::Pass
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

fn redirected(redirect: &Redirect, value: &[u8], buf: &[u8], head: &RequestHead) -> Verdict {
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
    let bytes = static_response(redirect.code, &[("location", &location)], b"", false);
    Verdict::Reply { status: redirect.code, bytes }
}

/// `tcp-request content` rules of a proxy, judged on a whole request.
pub fn content_accepted(client: &Client, txn: &Txn, proxy: &ProxyState, request: (&[u8], &RequestHead)) -> bool {
    let rules = &proxy.config.tcp_request;
    rules.is_empty()
        || crate::data::tcp::accepted(&proxy.config, &txn.view(client, Some(request), None), TcpStage::Content)
}
