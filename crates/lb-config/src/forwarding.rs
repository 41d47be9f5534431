//! What requests tell servers of their way: `option forwardfor`, `originalto`, `forwarded`, `http-send-name-header`, and
//! which of their fields pass.

use crate::cx::Cx;
use crate::line::{Done, Fault, Line, Prefix, fault};
use crate::model::{ForwardFor, Forwarded, HeaderNames, Node, NodePort};
use crate::options::OptionCx;
use crate::proxy::ProxyDraft;
use crate::rules::ActionCx;
use lb_sample::Expr;
use std::net::IpAddr;
use std::sync::Arc;

/// `option forwardfor [except <network>] [header <name>] [if-none]`.
pub(crate) fn forwardfor(x: &mut OptionCx<'_, '_, '_>) -> Done {
    x.no_negation()?;
    x.p.proxy.options.forwardfor = Some(address_field(x.line, "X-Forwarded-For")?);
    x.p.forwardfor_site = Some(x.line.site(1));
    Ok(())
}

/// `option originalto [except <network>] [header <name>]`.
pub(crate) fn originalto(x: &mut OptionCx<'_, '_, '_>) -> Done {
    x.no_negation()?;
    x.p.proxy.options.originalto = Some(address_field(x.line, "X-Original-To")?);
    Ok(())
}

/// What is said of a field that holds an address.
fn address_field(line: &Line, header: &str) -> Result<ForwardFor, Fault> {
    let name = line.word(1);
    let mut option = ForwardFor { except: None, header: header.to_owned(), if_none: false };
    let mut at = 2;
    while line.has(at) {
        match line.word(at) {
            "except" => {
                let complaint = format!("'option {name} except' expects <address>[/mask] as argument.");
                option.except = Some(network(line.word(at + 1)).ok_or_else(|| fault(at + 1, complaint))?);
                at += 2;
            }
            "header" => {
                let complaint = format!("'option {name} header' expects <header_name> as argument.");
                option.header = line.need(at + 1, complaint)?.to_owned();
                at += 2;
            }
            "if-none" if name == "forwardfor" => {
                option.if_none = true;
                at += 1;
            }
            _ if name == "forwardfor" => {
                let message = "'option forwardfor' only supports optional values: 'except', 'header' and 'if-none'.";
                return Err(fault(at, message));
            }
            _ => {
                let message = "'option originalto' only supports optional values: 'except' and 'header'.";
                return Err(fault(at, message));
            }
        }
    }
    Ok(option)
}

/// `option forwarded [proto] [host|host-expr <e>] [by|by-expr <e>] [by_port|by_port-expr <e>] [for|for-expr <e>]
/// [for_port|for_port-expr <e>]`; nothing said: `proto for`.
pub(crate) fn forwarded(x: &mut OptionCx<'_, '_, '_>) -> Done {
    if x.line.prefix != Prefix::None {
        x.p.proxy.options.forwarded = None;
        return Ok(());
    }
    let line = x.line;
    let mut said = Forwarded::default();
    let (mut by_port, mut for_port) = (None, None);
    if !line.has(2) {
        (said.proto, said.client) = (true, Some(Node::default()));
    }
    let place = x.p.request_place();
    let mut words = ActionCx { p: &mut *x.p, cx: &mut *x.cx, line, next: 2, place };
    while line.has(words.next) {
        let at = words.next;
        words.next += 1;
        let word = line.word(at);
        let mut expr = || -> Result<Expr, Fault> {
            let text = line.need(at + 1, format!("'option forwarded {word}' expects an expression as argument."))?;
            debug_assert!(!text.is_empty());
            words.expression("option forwarded")
        };
        match word {
            "proto" => said.proto = true,
            "host" => said.host = Some(None),
            "host-expr" => said.host = Some(Some(expr()?)),
            "by" => said.by = Some(Node::default()),
            "by-expr" => said.by = Some(Node { name: Some(expr()?), port: None }),
            "by_port" => by_port = Some(NodePort::Own),
            "by_port-expr" => by_port = Some(NodePort::Expr(expr()?)),
            "for" => said.client = Some(Node::default()),
            "for-expr" => said.client = Some(Node { name: Some(expr()?), port: None }),
            "for_port" => for_port = Some(NodePort::Own),
            "for_port-expr" => for_port = Some(NodePort::Expr(expr()?)),
            _ => {
                let message = "'option forwarded' only supports optional values: 'proto', 'host', 'host-expr', 'by', \
                               'by-expr', 'by_port', 'by_port-expr', 'for', 'for-expr', 'for_port' and \
                               'for_port-expr'.";
                return Err(fault(at, message));
            }
        }
    }
    for (node, port, names) in
        [(&mut said.by, by_port, "'by' or 'by-expr'"), (&mut said.client, for_port, "'for' or 'for-expr'")]
    {
        match (node, port) {
            (Some(node), port) => node.port = port,
            (None, Some(_)) => return Err(fault(1, format!("'option forwarded' : a port needs {names}."))),
            (None, None) => {}
        }
    }
    x.p.proxy.options.forwarded = Some(Arc::new(said));
    Ok(())
}

/// `option http-restrict-req-hdr-names preserve|delete|reject`.
pub(crate) fn header_names(x: &mut OptionCx<'_, '_, '_>) -> Done {
    x.no_negation()?;
    let usage = "'option http-restrict-req-hdr-names' expects 'preserve', 'delete' or 'reject' as argument.";
    x.p.proxy.options.header_names = match x.line.need(2, usage)? {
        "preserve" => HeaderNames::Preserve,
        "delete" => HeaderNames::Delete,
        "reject" => HeaderNames::Reject,
        _ => return Err(fault(2, usage)),
    };
    x.line.ends_after(2, "option http-restrict-req-hdr-names")
}

/// `http-send-name-header <name>`.
pub(crate) fn name_header(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    let name = line.need(1, "'http-send-name-header' requires a header string.")?;
    if !lb_http::is_token(name.as_bytes()) {
        return Err(fault(1, format!("'http-send-name-header' : '{name}' is no name of a header field.")));
    }
    let fixed = ["connection", "content-length", "transfer-encoding", "upgrade"];
    if fixed.iter().any(|word| name.eq_ignore_ascii_case(word)) {
        return Err(fault(1, format!("'http-send-name-header' : '{name}' says how the request is sent."))
            .help("give the server's name in a field of its own"));
    }
    p.proxy.name_header = Some(name.to_owned());
    line.ends_after(1, "http-send-name-header")
}

/// An address with a prefix length or an IPv4 mask.
pub(crate) fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, mask) = text.split_once('/').map_or((text, None), |(a, m)| (a, Some(m)));
    let ip: IpAddr = address.parse().ok()?;
    let most = if ip.is_ipv4() { 32 } else { 128 };
    let length = match mask {
        None => most,
        Some(mask) if mask.contains('.') => {
            let bits = u32::from(mask.parse::<std::net::Ipv4Addr>().ok()?);
            let ones = bits.leading_ones();
            (bits.count_ones() == ones && ip.is_ipv4()).then_some(ones as u8)?
        }
        Some(mask) => mask.parse().ok().filter(|length| *length <= most)?,
    };
    Some((ip, length))
}

#[cfg(test)]
mod tests {
    use super::network;

    #[test]
    fn networks() {
        for (text, expected) in [
            ("127.0.0.0/8", Some(8)),
            ("10.0.0.1", Some(32)),
            ("10.0.0.0/255.255.0.0", Some(16)),
            ("10.0.0.0/255.0.255.0", None),
            ("::1/64", Some(64)),
            ("10.0.0.0/33", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(network(text).map(|(_, length)| length), expected, "{text}");
        }
    }
}
