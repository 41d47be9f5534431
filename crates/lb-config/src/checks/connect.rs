//! `tcp-check connect` and `http-check connect`.

use super::expression;
use crate::address::{self, Allow, Endpoint, Port as AddressPort};
use crate::cx::Cx;
use crate::keywords;
use crate::line::{Fault, Line, fault};
use crate::proxy::ProxyDraft;
use lb_check::rules::{Connect, Port, Rule, What};

/// Reads the rule's options.
pub(super) fn connect(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Result<Rule, Fault> {
    let outer = format!("'{} connect' : ", line.word(0));
    let (mut connect, mut comment) = (Connect::default(), None);
    let mut at = 2;
    while line.has(at) {
        let word = line.word(at);
        match word {
            "default" => connect.default = true,
            "send-proxy" => connect.send_proxy = true,
            "linger" => connect.linger = true,
            "port" => {
                connect.port = Some(port(p, cx, line, at + 1, &outer)?);
                at += 1;
            }
            "addr" => {
                let text = line.need(at + 1, format!("{outer}'addr' expects <ipv4|ipv6> as argument."))?;
                let parsed = address::parse(text, Allow::default(), cx);
                match parsed.map_err(|e| fault(at + 1, format!("{outer}'addr' : {}", e.message)))? {
                    Endpoint::Ip { ip, port, .. } => {
                        connect.addr = Some(ip);
                        if let AddressPort::Range(port, _) = port
                            && connect.port.is_none()
                            && port > 0
                        {
                            connect.port = Some(Port::Fixed(port));
                        }
                    }
                    _ => return Err(fault(at + 1, format!("{outer}'addr' expects <ipv4|ipv6> as argument."))),
                }
                at += 1;
            }
            "comment" => {
                let text = line.need(at + 1, format!("{outer}'comment' expects a string as argument."))?;
                comment = Some(text.to_owned());
                at += 1;
            }
            "proto" => {
                connect.http2 = multiplexer(line, at + 1, &outer)?;
                at += 1;
            }
            "ssl" => connect.ssl = true,
            "sni" => {
                let name = line.need(at + 1, format!("{outer}'sni' expects a string as argument."))?;
                connect.sni = Some(name.to_owned());
                at += 1;
            }
            "alpn" => {
                let protocols = crate::tls::protocols(line.word(at + 1));
                connect.alpn = protocols.map_err(|why| fault(at + 1, format!("{outer}{why}")))?;
                at += 1;
            }
            "via-socks4" => connect.via_socks4 = true,
            other => {
                return Err(fault(
                    at,
                    format!(
                        "{outer}expects 'comment', 'port', 'addr', 'send-proxy', 'ssl', 'sni', 'alpn' or \
                         'via-socks4', 'linger', 'default' but got '{other}' as argument."
                    ),
                ));
            }
        }
        at += 1;
    }
    Ok(Rule::new(What::Connect(connect), comment))
}

fn port(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line, at: usize, outer: &str) -> Result<Port, Fault> {
    let text = line.need(at, format!("{outer}'port' expects a port number or a sample expression as argument."))?;
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok().filter(|port| *port > 0).map(Port::Fixed).ok_or_else(|| {
            let message =
                format!("{outer}expects a valid TCP port (from range 1 to 65535) or a sample expression, got {text}.");
            fault(at, message)
        });
    }
    let outer = format!("{outer}error detected while parsing port expression : ");
    expression(p, cx, line, at, &outer).map(Port::Expr)
}

/// Whether it is HTTP/2.
fn multiplexer(line: &Line, at: usize, outer: &str) -> Result<bool, Fault> {
    let http = line.word(0) == "http-check";
    match line.need(at, format!("{outer}'proto' expects a MUX protocol as argument."))? {
        proto @ ("h1" | "h2") if http => Ok(proto == "h2"),
        "none" if !http => Ok(false),
        proto @ ("h1" | "h2" | "fcgi" | "none") if !http || proto == "none" => {
            let rules = line.word(0);
            Err(fault(at, format!("{outer}'proto' : invalid MUX protocol '{proto}' for {rules}.")))
        }
        proto @ "fcgi" => Err(fault(at, keywords::not_yet(&format!("http-check connect proto {proto}")))),
        proto => Err(fault(at, format!("{outer}'proto' : unknown MUX protocol '{proto}'."))),
    }
}
