//! Server parameters that say how a connection comes about: through a SOCKS proxy, with which protocol.

use super::ServerDraft;
use crate::address::{self, Allow, Endpoint, Port};
use crate::cx::Cx;
use crate::keywords;
use std::net::SocketAddr;

/// `socks4 <addr>:<port>`.
pub(crate) fn socks4(d: &mut ServerDraft, text: &str, cx: &Cx<'_>) -> Result<(), String> {
    if text.is_empty() {
        return Err("'socks4' expects <addr>:<port> as argument.".to_owned());
    }
    let outer = format!("'socks4 {text}' :");
    let allow = Allow { port_needed: true, ..Allow::default() };
    match address::parse(text, allow, cx).map_err(|e| format!("{outer} {}.", e.message))? {
        Endpoint::Ip { ip, port: Port::Range(port, _), .. } => d.server.socks4 = Some(SocketAddr::new(ip, port)),
        _ => return Err(format!("{outer} an IP address with a port is expected.")),
    }
    Ok(())
}

/// `check-via-socks4`.
pub(crate) fn check_via_socks4(d: &mut ServerDraft, _: &str, _: &Cx<'_>) -> Result<(), String> {
    d.server.health.via_socks4 = true;
    Ok(())
}

/// What a check speaks over its connection, as `check-proto` and `proto` name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CheckProto {
    /// `h1`: HTTP/1 and nothing else, which is what HTTP checks speak anyhow.
    H1,
    /// `h2`: HTTP/2, also without TLS and whatever is negotiated.
    H2,
    /// `none`: bytes.
    None,
}

impl CheckProto {
    /// By name: `Ok(None)` for those that HAProxy knows and checks do not speak here.
    ///
    /// # Errors
    /// For a name that nobody knows.
    pub fn of(name: &str) -> Result<Option<Self>, String> {
        match name {
            "h1" => Ok(Some(Self::H1)),
            "none" => Ok(Some(Self::None)),
            "h2" => Ok(Some(Self::H2)),
            "fcgi" => Ok(None),
            _ => Err(format!("unknown MUX protocol '{name}'.")),
        }
    }
}

/// `check-proto <name>`.
pub(crate) fn check_proto(d: &mut ServerDraft, text: &str, _: &Cx<'_>) -> Result<(), String> {
    if text.is_empty() {
        return Err("'check-proto' : missing value.".to_owned());
    }
    match CheckProto::of(text).map_err(|why| format!("'check-proto' :  {why}"))? {
        None => Err(keywords::not_yet(&format!("check-proto {text}"))),
        proto => {
            d.server.health.http2 = proto == Some(CheckProto::H2);
            d.check_proto = proto;
            Ok(())
        }
    }
}
