//! What a connection to a server begins with and where it comes from, where that depends on the client: the PROXY header
//! and a client's address as the source. A connection so opened serves no other client.

use super::accept::Client;
use super::connect::{Ask, destination};
use super::http::txn::UniqueId;
use super::upstream::Opening;
use super::view::View;
use crate::shared::{ProxyState, ServerState};
use crate::stream::Stream;
use lb_config::model::{Announce, Server, UseSrc};
use lb_model::proxy_protocol::{self as proxy, Extensions, SslFacts, kind};
use lb_sample::LogRecord;
use lb_sample::secure::{Secured, Shown};
use lb_tls::Certificate;
use std::net::{IpAddr, SocketAddr};

/// Whether connections to a server depend on whose they are.
pub fn is_personal(server: &Server) -> bool {
    server.announce.version() > 0 || server.source.as_ref().is_some_and(|source| source.usesrc.is_some())
}

/// Completes what a connection is opened with: its header, its source, and the key of those it may be taken for.
pub fn personal(client: &Client, backend: &'static ProxyState, server: &ServerState, ask: Ask<'_>, way: &mut Opening) {
    let config = server.config();
    let from = config.source.as_ref().and_then(|source| source.usesrc.as_ref());
    way.shown_as = from.and_then(|from| shown_as(client, ask, from));
    if client.session.destination.get().is_none() {
        client.session.destination.set(ask.watched.and_then(Stream::local));
    }
    let addresses = client.session.source.get().zip(destination(client));
    way.header = match config.announce.version() {
        0 => None,
        1 => Some(proxy::v1(addresses)),
        _ => Some(proxy::v2(addresses, &extensions(client, backend, server, ask))),
    };
    let sni = way.name.as_ref().and_then(|name| name.sni.as_deref()).unwrap_or_default();
    let header = addresses.filter(|_| way.header.is_some());
    way.key = Some(format!("{header:?} {:?} {sni}", way.shown_as).into());
}

/// The address the server sees.
fn shown_as(client: &Client, ask: Ask<'_>, from: &UseSrc) -> Option<SocketAddr> {
    let source = client.session.source.get();
    match from {
        UseSrc::Client => source,
        UseSrc::ClientIp => source.map(|source| SocketAddr::new(source.ip(), 0)),
        UseSrc::Address(ip, port) => Some(SocketAddr::new(*ip, *port)),
        UseSrc::Header(name, nth) => {
            let (buf, head) = ask.request?;
            let values: Vec<&[u8]> =
                head.headers.values(buf, name).flat_map(|value| value.split(|b| *b == b',')).collect();
            let at = match *nth {
                0 => return None,
                n if n > 0 => usize::try_from(n).ok()? - 1,
                n => values.len().checked_sub(usize::try_from(n.unsigned_abs()).ok()?)?,
            };
            let ip: IpAddr = std::str::from_utf8(values.get(at)?.trim_ascii()).ok()?.parse().ok()?;
            Some(SocketAddr::new(ip, 0))
        }
    }
}

fn extensions(client: &Client, backend: &'static ProxyState, server: &ServerState, ask: Ask<'_>) -> Extensions {
    let config = server.config();
    let wanted = |what| config.announce.has(what);
    let mut found = Extensions::new(wanted(Announce::CRC32C));
    let secured = client.session.secured();
    let alpn = secured.map(|secured| secured.alpn.as_slice()).filter(|alpn| !alpn.is_empty());
    if let Some(alpn) = alpn {
        found.push(kind::ALPN, alpn);
    }
    if wanted(Announce::AUTHORITY)
        && let Some(name) = secured.and_then(|secured| secured.sni.as_deref())
    {
        found.push(kind::AUTHORITY, name.as_bytes());
    }
    let view = |index| View {
        ctx: client.ctx,
        session: &client.session,
        frontend: client.proxy,
        owner: backend,
        backend: Some(backend),
        server: Some(index),
        request: ask.request,
        response: None,
        request_line: None,
        txn: None,
        ended: false,
        record: LogRecord {
            accepted: client.ctx.shared.clock.wall_at(client.session.accepted_us),
            requested: client.ctx.shared.clock.wall_at(client.ctx.now_us()),
            ..LogRecord::default()
        },
        back: None,
        vars: ask.vars,
        captures: None,
        looked: None,
        unique: ask.unique,
    };
    if wanted(Announce::UNIQUE_ID) {
        let own = UniqueId::default();
        let id = ask.unique.unwrap_or(&own).get(&view(server.index));
        if let Some(id) = id.filter(|id| !id.is_empty()) {
            found.push(kind::UNIQUE_ID, id.get(..128).unwrap_or(id).as_bytes());
        }
    }
    if wanted(Announce::SSL) {
        let own = secured.and_then(|secured| secured.own.as_ref()).filter(|_| wanted(Announce::CERT_KEY));
        let key = own.and_then(|own| Certificate::parse(&own.der)).map(|own| own.key.to_string());
        found.ssl(&facts(config.announce, secured, key.as_deref()));
    }
    for (kind, format) in &config.proxy_extensions {
        let mut value = Vec::new();
        format.render_value(&view(server.index), &mut value);
        found.push(*kind, &value);
    }
    found
}

fn facts<'a>(announce: Announce, secured: Option<&'a Secured>, key: Option<&'a str>) -> SslFacts<'a> {
    let Some(secured) = secured else { return SslFacts::default() };
    let own = secured.own.as_ref().filter(|_| announce.has(Announce::CERT_SIG));
    SslFacts {
        version: secured.protocol,
        certified: secured.peer.is_some(),
        verdict: secured.verdict,
        common_name: secured.peer.as_ref().filter(|_| announce.has(Announce::CERT_CN)).and_then(common),
        key_algorithm: key,
        signature_algorithm: own.map(|own| own.signature_algorithm.as_str()),
        cipher: announce.has(Announce::CIPHER).then_some(secured.cipher),
    }
}

fn common(shown: &Shown) -> Option<&str> {
    shown.subject.iter().rev().find(|(kind, _)| kind.eq_ignore_ascii_case("CN")).map(|(_, text)| text.as_str())
}
