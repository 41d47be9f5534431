//! What requests tell servers of their way (`forwardfor`, `originalto`, `forwarded`, the server's name), and which of
//! their fields pass.

use super::rules::{self, Verdict};
use super::txn::Txn;
use crate::buffer::Buffer;
use crate::data::accept::Client;
use crate::data::connect::destination;
use crate::data::view::View;
use crate::shared::{ProxyState, ServerState};
use lb_config::model::{ForwardFor, Forwarded, HeaderNames, Node, NodePort};
use lb_http::{HeadEdit, RequestHead};
use lb_model::is_in_network;
use lb_sample::{Expr, Sample};
use std::net::{IpAddr, SocketAddr};

/// Adds what the frontend or the backend asks for.
pub fn add_ways(
    client: &Client,
    txn: &Txn,
    backend: &'static ProxyState,
    (buf, head): (&[u8], &RequestHead),
    edit: &mut HeadEdit,
) {
    let (front, back) = (&client.proxy.config.options, &backend.config.options);
    if let Some(config) = back.forwardfor.as_ref().or(front.forwardfor.as_ref()) {
        add_address(config, client.session.source.get(), (buf, head), edit);
    }
    if let Some(config) = back.originalto.as_ref().or(front.originalto.as_ref()) {
        let to = client.session.destination.get().or_else(|| destination(client));
        add_address(config, to, (buf, head), edit);
    }
    if let Some(config) = &back.forwarded {
        let view = txn.view(client, Some((buf, head)), None);
        let value = forwarded(config, client, &view, (buf, head));
        edit.add(b"forwarded", value.as_bytes());
    }
}

/// `option forwardfor` and `option originalto`.
fn add_address(
    config: &ForwardFor,
    address: Option<SocketAddr>,
    (buf, head): (&[u8], &RequestHead),
    edit: &mut HeadEdit,
) {
    let Some(ip) = address.map(|address| address.ip()) else { return };
    if config.except.is_some_and(|net| is_in_network(ip, net)) {
        return;
    }
    if config.if_none && head.headers.values(buf, &config.header).next().is_some() {
        return;
    }
    edit.add(config.header.as_bytes(), ip.to_string().as_bytes());
}

/// The value of the field of RFC 7239.
fn forwarded(config: &Forwarded, client: &Client, view: &View<'_>, (buf, head): (&[u8], &RequestHead)) -> String {
    let mut parts = Vec::new();
    if config.proto {
        let proto = if client.session.secured().is_some() { "https" } else { "http" };
        parts.push(format!("proto={proto}"));
    }
    if let Some(host) = &config.host {
        let value = match host {
            Some(expr) => text_of(expr, view).unwrap_or_default(),
            None => String::from_utf8_lossy(head.headers.values(buf, "host").next().unwrap_or_default()).into_owned(),
        };
        parts.push(format!("host={}", quoted(&value)));
    }
    if let Some(node) = &config.by {
        parts.push(format!("by={}", node_of(node, destination(client), view)));
    }
    if let Some(node) = &config.client {
        parts.push(format!("for={}", node_of(node, client.session.source.get(), view)));
    }
    parts.join(";")
}

fn text_of(expr: &Expr, view: &View<'_>) -> Option<String> {
    expr.eval(view).map(|sample| String::from_utf8_lossy(&sample.into_text()).into_owned())
}

/// A quoted string (RFC 9110, 5.6.4).
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

/// An end of a connection: an address, a name that hides it, or `unknown`; between quotes where its characters ask for
/// them.
fn node_of(node: &Node, address: Option<SocketAddr>, view: &View<'_>) -> String {
    let name = match &node.name {
        None => address.map_or_else(|| "unknown".to_owned(), |address| name_of(address.ip())),
        Some(expr) => match expr.eval(view) {
            Some(Sample::Ip(ip)) => name_of(ip),
            Some(sample) => {
                let text = String::from_utf8_lossy(&sample.into_text()).into_owned();
                match text.parse::<IpAddr>() {
                    Ok(ip) => name_of(ip),
                    Err(_) if is_obfuscated(&text) => text,
                    Err(_) => "unknown".to_owned(),
                }
            }
            None => "unknown".to_owned(),
        },
    };
    let port = match &node.port {
        None => None,
        Some(NodePort::Own) => address.map(|address| address.port().to_string()),
        Some(NodePort::Expr(expr)) => {
            text_of(expr, view).filter(|port| is_obfuscated(port) || port.parse::<u16>().is_ok())
        }
    };
    match port {
        Some(port) => format!("\"{name}:{port}\""),
        None if name.starts_with('[') => format!("\"{name}\""),
        None => name,
    }
}

fn name_of(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// A name or port that says nothing but to who made it (RFC 7239, 6.3).
fn is_obfuscated(text: &str) -> bool {
    text.strip_prefix('_').is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    })
}

/// `option http-restrict-req-hdr-names`, once the rules of its section have passed.
pub fn restrict(client: &Client, owner: &ProxyState, buffer: &mut Buffer, head: &mut RequestHead) -> Verdict {
    let names = owner.config.options.header_names;
    if names == HeaderNames::Preserve {
        return Verdict::Pass;
    }
    let buf = buffer.data();
    let is_plain = |name: &[u8]| name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-');
    let odd = head.headers.iter().enumerate().filter(|(_, field)| !is_plain(field.name.get(buf)));
    let mut edit = HeadEdit::default();
    for (index, _) in odd {
        if names == HeaderNames::Reject {
            return Verdict::Deny(403, None);
        }
        edit.remove(index);
    }
    if edit.is_empty() {
        return Verdict::Pass;
    }
    match rules::rewrite_request(buffer, head, &edit, client.ctx.shared.limits.maxhdr) {
        Some(edited) => {
            *head = edited.with_semantics_of(head);
            Verdict::Pass
        }
        None => Verdict::TooLarge,
    }
}

/// `http-send-name-header`: the server's name in a field of its own. A head that leaves no room stays as it is.
pub fn named(
    client: &Client,
    buffer: &mut Buffer,
    head: RequestHead,
    field: &str,
    server: Option<&ServerState>,
) -> RequestHead {
    let Some(server) = server else { return head };
    let mut edit = HeadEdit::default();
    edit.remove_all(buffer.data(), &head.headers, field);
    edit.add(field.as_bytes(), server.config().name.as_bytes());
    match rules::rewrite_request(buffer, &head, &edit, client.ctx.shared.limits.maxhdr + 4) {
        Some(edited) => edited.with_semantics_of(&head),
        None => head,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hiding_names_are_told_from_others() {
        assert_eq!(["_a.b", "_", "a", "_a b", "_A-1_"].map(is_obfuscated), [true, false, false, false, true]);
        assert_eq!(quoted("a\"b\\"), "\"a\\\"b\\\\\"");
    }
}
