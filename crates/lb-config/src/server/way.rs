//! Parameters about how connections are opened, announced, limited and kept.

use super::{ServerDraft, number};
use crate::address::{self, Allow, Endpoint, Port};
use crate::cx::Cx;
use crate::line::{Done, Line, fault};
use crate::model::{Announce, Source, UseSrc};
use crate::proxy::ProxyDraft;
use lb_model::proxy_protocol::kind_of;
use lb_sample::{LogFormat, Place};
use std::sync::Arc;

type Read = Result<(), String>;

/// Handlers that add to what servers are told, or take from it.
macro_rules! announces {
    ($( $name:ident: $method:ident($set:expr); )*) => {
        $(
            pub(crate) fn $name(d: &mut ServerDraft, _: &str, _: &Cx<'_>) -> Read {
                d.server.announce = d.server.announce.$method($set);
                Ok(())
            }
        )*
    };
}

const V2_SSL: Announce = Announce::V2.with(Announce::SSL);
const V2_SSL_CN: Announce = V2_SSL.with(Announce::CERT_CN);

announces! {
    send_proxy: with(Announce::V1);
    send_proxy_v2: with(Announce::V2);
    send_proxy_v2_ssl: with(V2_SSL);
    send_proxy_v2_ssl_cn: with(V2_SSL_CN);
    no_send_proxy: without(Announce::V1);
    no_send_proxy_v2: without(Announce::V2);
    no_send_proxy_v2_ssl: without(V2_SSL);
    no_send_proxy_v2_ssl_cn: without(V2_SSL_CN);
}

/// `proxy-v2-options <option>[,…]`.
pub(crate) fn proxy_v2_options(d: &mut ServerDraft, text: &str, _: &Cx<'_>) -> Read {
    for word in text.split(',') {
        d.server.announce = d.server.announce.with(match word {
            "ssl" => Announce::SSL,
            "cert-cn" => Announce::SSL.with(Announce::CERT_CN),
            "cert-key" => Announce::SSL.with(Announce::CERT_KEY),
            "cert-sig" => Announce::SSL.with(Announce::CERT_SIG),
            "ssl-cipher" => Announce::SSL.with(Announce::CIPHER),
            "authority" => Announce::AUTHORITY,
            "crc32c" => Announce::CRC32C,
            "unique-id" => Announce::UNIQUE_ID,
            _ => return Err(format!("'{word}' : proxy v2 option not implemented.")),
        });
    }
    Ok(())
}

/// `set-proxy-v2-tlv-fmt(<id>) <format>`; the keyword comes with the format.
pub(crate) fn set_proxy_v2_tlv_fmt(d: &mut ServerDraft, text: &str, cx: &Cx<'_>) -> Read {
    let id = d.keyword.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or_default();
    let kind = kind_of(id).ok_or_else(|| {
        format!(
            "'set-proxy-v2-tlv-fmt' expects the type of an extension, a number from 0 to 255 or its name, not '{id}'."
        )
    })?;
    if text.is_empty() {
        return Err("'set-proxy-v2-tlv-fmt' expects a format as argument.".to_owned());
    }
    let refused = |e: lb_sample::SampleError| format!("'set-proxy-v2-tlv-fmt' : {}", e.message);
    let format = cx.with_sources(|sources| LogFormat::parse(text, sources)).map_err(refused)?;
    format.check(Place::BackendRequest).map_err(refused)?;
    d.server.proxy_extensions.retain(|(known, _)| *known != kind);
    d.server.proxy_extensions.push((kind, Arc::new(format)));
    Ok(())
}

/// `minconn <n>`.
pub(crate) fn minconn(d: &mut ServerDraft, text: &str, _: &Cx<'_>) -> Read {
    d.server.minconn = number(text, "minconn")?;
    Ok(())
}

/// `redir <prefix>`.
pub(crate) fn redir(d: &mut ServerDraft, text: &str, _: &Cx<'_>) -> Read {
    if text.is_empty() {
        return Err("'redir' expects <prefix> as argument.".to_owned());
    }
    if text.bytes().any(|b| b.is_ascii_control() || b == b' ') {
        return Err("'redir' : a location has no blanks and no control characters.".to_owned());
    }
    d.server.redir = Some(text.into());
    Ok(())
}

/// `max-reuse <n>`.
pub(crate) fn max_reuse(d: &mut ServerDraft, text: &str, _: &Cx<'_>) -> Read {
    let most: i32 = number(text, "max-reuse")?;
    if most < -1 {
        return Err("'max-reuse' must be >= -1".to_owned());
    }
    d.server.max_reuse = u32::try_from(most).ok();
    Ok(())
}

/// `pool-low-conn <n>`: threads never take one another's connections, which is what it asks for.
pub(crate) fn pool_low_conn(_: &mut ServerDraft, text: &str, _: &Cx<'_>) -> Read {
    number::<i32>(text, "pool-low-conn").map(drop)
}

const SOURCE_USAGE: &str =
    "'source' expects <addr>[:<port>[-<port>]], and optionally 'usesrc' <addr>, and 'interface' <name> as argument.";

/// `source <addr>[:<port>[-<port>]]`; `usesrc` and `interface` follow as words of their own.
pub(crate) fn source(d: &mut ServerDraft, text: &str, cx: &Cx<'_>) -> Read {
    d.server.source = Some(source_of(text, true, cx)?);
    Ok(())
}

fn source_of(text: &str, range: bool, cx: &Cx<'_>) -> Result<Source, String> {
    if text.is_empty() {
        return Err(SOURCE_USAGE.to_owned());
    }
    let allow = Allow { port_range: range, ..Allow::default() };
    match address::parse(text, allow, cx).map_err(|e| format!("'source' : {}", e.message))? {
        Endpoint::Ip { ip, port, .. } => {
            let ports = if let Port::Range(low, high) = port { (low, high) } else { (0, 0) };
            Ok(Source { ip, ports, interface: None, usesrc: None })
        }
        _ => Err(format!("'source' : an IP address is expected, not '{text}'")),
    }
}

/// `interface <name>`, after `source`.
pub(crate) fn interface(d: &mut ServerDraft, text: &str, _: &Cx<'_>) -> Read {
    match &mut d.server.source {
        Some(source) => set_interface(source, text),
        None => Err("'interface' only allowed after a 'source' statement.".to_owned()),
    }
}

fn set_interface(source: &mut Source, text: &str) -> Read {
    // As the kernel names them.
    if text.is_empty() || text.len() > 15 {
        return Err("'interface' : missing interface name".to_owned());
    }
    source.interface = Some(text.to_owned());
    Ok(())
}

/// `usesrc <addr>[:<port>]|client|clientip|hdr_ip(<name>[,<n>])`, after `source`.
pub(crate) fn usesrc(d: &mut ServerDraft, text: &str, cx: &Cx<'_>) -> Read {
    match &mut d.server.source {
        Some(source) => set_usesrc(source, text, cx),
        None => Err("'usesrc' only allowed after a 'source' statement.".to_owned()),
    }
}

fn set_usesrc(source: &mut Source, text: &str, cx: &Cx<'_>) -> Read {
    let header = text.strip_prefix("hdr_ip(").and_then(|rest| rest.strip_suffix(')'));
    source.usesrc = Some(match (text, header) {
        ("client", _) => UseSrc::Client,
        ("clientip", _) => UseSrc::ClientIp,
        (_, Some(words)) => {
            let (name, nth) = words.split_once(',').unwrap_or((words, "-1"));
            let nth = nth.parse().map_err(|_| format!("'usesrc' : '{nth}' is no number of an occurrence."))?;
            UseSrc::Header(name.to_owned(), nth)
        }
        ("", _) => {
            return Err(
                "'usesrc' expects <addr>[:<port>], 'client', 'clientip', or 'hdr_ip(name,#)' as argument.".to_owned()
            );
        }
        _ => {
            let shown = source_of(text, false, cx).map_err(|e| e.replace("'source'", "'usesrc'"))?;
            UseSrc::Address(shown.ip, shown.ports.0)
        }
    });
    Ok(())
}

/// The backend's `source` line: for the servers that say nothing of it themselves.
pub(crate) fn backend_source(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    line.need(1, "'source' expects <addr>[:<port>], and optionally 'usesrc' <addr>, and 'interface' <name>.")?;
    let refused = |at: usize| move |message: String| fault(at, message);
    let mut source = source_of(line.word(1), false, cx).map_err(refused(1))?;
    let mut at = 2;
    while line.has(at) {
        match line.word(at) {
            "usesrc" => set_usesrc(&mut source, line.word(at + 1), cx).map_err(refused(at))?,
            "interface" => set_interface(&mut source, line.word(at + 1)).map_err(refused(at))?,
            word => {
                let message =
                    format!("'source' only supports optional keywords 'interface' and 'usesrc', not '{word}'.");
                return Err(fault(at, message));
            }
        }
        at += 2;
    }
    p.proxy.source = Some(source);
    Ok(())
}
