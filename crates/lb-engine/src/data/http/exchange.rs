//! One request's way to a server and its response's way back.

use super::super::pick::{self, NoServer, Wish};
use super::super::session::{Cut, Phase};
use super::super::upstream::{self, Upstream};
use super::forward;
use super::relay::{Outcome, Relay};
use super::txn::Txn;
use super::{Next, cookie, respond, rules};
use crate::buffer::Buffer;
use crate::data::accept::Client;
use crate::queue;
use crate::shared::ProxyState;
use crate::stream::Stream;
use lb_balance::key::{UriPart, url_parameter};
use lb_check::TrafficEvent;
use lb_config::model::{Balance, HttpReuse};
use lb_http::{HeadEdit, RequestHead};
use lb_model::{TermCause, TermPhase};
use std::net::IpAddr;
use std::time::Duration;

/// Forwards a request whose head stands at the front of `buffer`.
pub async fn run(
    client: &Client,
    stream: &mut Stream,
    buffer: &mut Buffer,
    txn: &mut Txn,
    backend: &'static ProxyState,
    head: RequestHead,
) -> Next {
    let Some((head, key)) = prepare(client, buffer, txn, backend, head) else {
        txn.end(TermCause::Proxy, TermPhase::Request);
        respond::error(client, stream, txn, 500).await;
        return Next::Linger;
    };
    let mut replays = 0_u32;
    loop {
        let replayed = txn.server.filter(|_| replays > 0);
        let upstream = match connect(client, stream, txn, backend, key, replayed).await {
            Ok(upstream) => upstream,
            Err(failure) => return refuse(client, stream, buffer, txn, &head, failure).await,
        };
        let server = txn.server;
        let pool = server.and_then(|index| client.ctx.pool(backend.index, index));
        pool.inspect(|pool| pool.begin());
        client.session.server_fd.set(upstream.stream.fd());
        let relay = Relay::new(client, stream, buffer, upstream, &head, backend, server);
        let outcome = forward::run(relay, txn, &head).await;
        pool.inspect(|pool| pool.end());
        client.session.server_fd.set(-1);
        if !matches!(outcome, Outcome::Replay) {
            release(client, txn, backend);
        }
        match outcome {
            // The pooled connection had been closed by the server: nothing of the request was served.
            Outcome::Replay if replays < 3 => {
                replays += 1;
                txn.connected_us = 0;
            }
            Outcome::Replay => {
                release(client, txn, backend);
                txn.end(TermCause::ServerAbort, TermPhase::Headers);
                return respond::after_failure(client, stream, txn, 502, false).await;
            }
            Outcome::Done(next) => return next,
            Outcome::Error { status, complete } => {
                let keep = complete && status >= 500 && head.keep_alive && head.minor == 1;
                return respond::after_failure(client, stream, txn, status, keep).await;
            }
        }
    }
}

/// Edits the request for its way to the server. Returns the edited head and the balancing key's hash.
fn prepare(
    client: &Client,
    buffer: &mut Buffer,
    txn: &mut Txn,
    backend: &'static ProxyState,
    head: RequestHead,
) -> Option<(RequestHead, Option<u32>)> {
    let buf = buffer.data();
    let key = balancing_key(client, backend, buf, &head);
    let mut edit = HeadEdit::default();
    if head.has_connection {
        hop_by_hop(buf, &head.headers, &mut edit);
    }
    if head.normalize_length && !head.framing_lost {
        edit.remove_all(buf, &head.headers, "content-length");
        if let lb_http::BodyFraming::Length(n) = head.framing {
            edit.add(b"content-length", n.to_string().as_bytes());
        }
    }
    if head.framing_lost {
        edit.remove_all(buf, &head.headers, "content-length");
        edit.remove_all(buf, &head.headers, "transfer-encoding");
        match head.framing {
            lb_http::BodyFraming::Length(n) => edit.add(b"content-length", n.to_string().as_bytes()),
            lb_http::BodyFraming::Chunked => edit.add(b"transfer-encoding", b"chunked"),
            lb_http::BodyFraming::None | lb_http::BodyFraming::UntilClose => {}
        }
    }
    let options = &backend.config.options;
    let close_server = options.httpclose || options.http_server_close || client.proxy.config.options.httpclose;
    if close_server && !head.upgrade {
        edit.add(b"connection", b"close");
    } else if head.minor == 0 {
        edit.add(b"connection", b"keep-alive");
    }
    forwarded_for(client, backend, buf, &head, &mut edit);
    if let Some(config) = &backend.config.cookie {
        txn.persistence = cookie::read_request(backend, config, buf, &head, &mut edit);
    }
    if edit.is_empty() && !head.bare_lf && head.leading == 0 {
        return Some((head, key));
    }
    // Flags that speak of the client's connection must survive the edit.
    let edited = rules::rewrite_request(buffer, &head, &edit, client.ctx.shared.limits.maxhdr + 4)?;
    Some((edited.with_semantics_of(&head), key))
}

/// Takes the words that speak of one hop only out of the `Connection` fields; other words stay, as observed.
pub fn hop_by_hop(buf: &[u8], headers: &lb_http::HeaderList, edit: &mut HeadEdit) {
    for (index, field) in headers.iter().enumerate() {
        if !field.name.get(buf).eq_ignore_ascii_case(b"connection") {
            continue;
        }
        let value = field.value.get(buf);
        let one_hop = |word: &&[u8]| {
            word.is_empty() || word.eq_ignore_ascii_case(b"close") || word.eq_ignore_ascii_case(b"keep-alive")
        };
        let words = || value.split(|&b| b == b',').map(<[u8]>::trim_ascii);
        if !words().any(|word| one_hop(&word)) {
            continue;
        }
        edit.remove(index);
        let rest: Vec<&[u8]> = words().filter(|word| !one_hop(word)).collect();
        if !rest.is_empty() {
            edit.add(b"connection", &rest.join(&b", "[..]));
        }
    }
}

/// `option forwardfor`, of the frontend or the backend.
fn forwarded_for(client: &Client, backend: &ProxyState, buf: &[u8], head: &RequestHead, edit: &mut HeadEdit) {
    let front = client.proxy.config.options.forwardfor.as_ref();
    let Some(config) = backend.config.options.forwardfor.as_ref().or(front) else { return };
    let Some(source) = client.session.source.get().map(|a| a.ip()) else { return };
    if config.except.is_some_and(|(net, bits)| in_network(source, net, bits)) {
        return;
    }
    if config.if_none && head.headers.values(buf, &config.header).next().is_some() {
        return;
    }
    edit.add(config.header.as_bytes(), source.to_string().as_bytes());
}

fn in_network(ip: IpAddr, net: IpAddr, bits: u8) -> bool {
    match (ip, net) {
        (IpAddr::V4(ip), IpAddr::V4(net)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32))).unwrap_or(0);
            ip.to_bits() & mask == net.to_bits() & mask
        }
        (IpAddr::V6(ip), IpAddr::V6(net)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0);
            ip.to_bits() & mask == net.to_bits() & mask
        }
        _ => false,
    }
}

/// Hash of what a hashing algorithm balances on. `None`: another algorithm, or the key is absent.
fn balancing_key(client: &Client, backend: &ProxyState, buf: &[u8], head: &RequestHead) -> Option<u32> {
    let hash = pick::key_hash(backend);
    match &backend.config.balance {
        Balance::Source => Some(hash.address(client.session.source.get()?.ip())),
        Balance::Uri { whole, len, depth } => {
            let part = UriPart { whole: *whole, len: *len, depth: *depth, path_only: false };
            Some(hash.bytes(part.of(head.target.get(buf))))
        }
        Balance::Header(name) => head.headers.values(buf, name).last().map(|value| hash.bytes(value)),
        Balance::UrlParam(name) => url_parameter(head.target.get(buf), name).map(|value| hash.bytes(value)),
        _ => None,
    }
}

/// Why there is no connection to a server.
#[derive(Debug, Clone, Copy)]
enum Failure {
    NoServer(NoServer),
    Connect { timeout: bool },
    Ended(Cut),
}

/// Gets a server's slot and a connection to it, retrying as configured. On success the slot is held. `replayed`: the
/// slot is held already, and a pooled connection to that server was found dead.
async fn connect(
    client: &Client,
    stream: &Stream,
    txn: &mut Txn,
    backend: &'static ProxyState,
    key: Option<u32>,
    replayed: Option<usize>,
) -> Result<Upstream, Failure> {
    let ctx = client.ctx;
    let mut persistent = txn.persistence.server.or_else(|| client.private_server(backend.index));
    let mut held = replayed;
    let mut avoid = None;
    loop {
        let index = match held {
            Some(index) => index,
            None => {
                let wish = Wish { persistent, avoid, key };
                let index = pick::acquire(client, Some(stream), backend, wish).await.map_err(|failure| {
                    txn.server = None;
                    Failure::NoServer(failure)
                })?;
                txn.slot_us = if backend.queued.max() > 0 { ctx.now_us() } else { txn.request_us };
                txn.server = Some(index);
                client.session.server.set(Some((backend.index, index)));
                index
            }
        };
        let Some(server) = backend.servers.get(index) else { return Err(Failure::NoServer(NoServer::Unavailable)) };
        let counters = server.counters.of(ctx.index);
        if replayed.is_none() {
            pick::count_attempt(counters, if txn.retries > 0 { ctx.now_ms() } else { txn.slot_us / 1_000 });
        }
        if let Some(private) = client.take_private(backend, index) {
            counters.reuses.inc();
            ctx.back(backend).reuses.inc();
            txn.connected_us = txn.slot_us;
            return Ok(private);
        }
        if replayed.is_none() && may_reuse(client, backend) {
            let pooled = ctx.pool(backend.index, index).and_then(|pool| pool.take(server));
            if let Some(upstream) = pooled {
                counters.reuses.inc();
                ctx.back(backend).reuses.inc();
                txn.connected_us = txn.slot_us;
                return Ok(upstream);
            }
        }
        client.session.phase.set(Phase::Connect);
        ctx.set_deadline(&client.session, backend.config.timeouts.connect);
        let port = client.session.destination.get().or_else(|| bound_address(client)).map(|a| a.port());
        let mut connecting = Box::pin(upstream::connect(server, port, backend.config.options.srvtcpka));
        let failed = match pick::wait_unless_gone(client, Some(stream), backend, |cx| {
            upstream::poll_connect(connecting.as_mut(), cx)
        })
        .await
        {
            Ok(Ok(upstream)) => {
                counters.connects.inc();
                ctx.back(backend).connects.inc();
                txn.connected_us = ctx.now_us();
                ctx.shared.report(backend.index, index, TrafficEvent::Connected);
                return Ok(upstream);
            }
            Ok(Err(_)) => Failure::Connect { timeout: false },
            Err(Cut::Timeout) => Failure::Connect { timeout: true },
            Err(cut) => {
                release(client, txn, backend);
                return Err(Failure::Ended(cut));
            }
        };
        ctx.shared.report(backend.index, index, TrafficEvent::ConnectFailed);
        if txn.retries >= backend.config.retries {
            counters.connect_errors.inc();
            ctx.back(backend).connect_errors.inc();
            release(client, txn, backend);
            return Err(failed);
        }
        txn.retries += 1;
        if pick::redispatches(backend, txn.retries, persistent == Some(index)) {
            counters.redispatches.inc();
            ctx.back(backend).redispatches.inc();
            txn.redispatched = true;
            release(client, txn, backend);
            (persistent, avoid, held) = (None, Some(index), None);
            continue;
        }
        counters.retries.inc();
        ctx.back(backend).retries.inc();
        held = Some(index);
        pause(client, stream, backend).await.map_err(|cut| {
            release(client, txn, backend);
            Failure::Ended(cut)
        })?;
        // The server may have gone out in the meantime: then any other will do.
        if !server.is_persistent() {
            release(client, txn, backend);
            (persistent, held) = (None, None);
        }
    }
}

fn bound_address(client: &Client) -> Option<std::net::SocketAddr> {
    client.listener.bound.get().copied()
}

/// A retry on the same server waits a second, or less when the connect timeout is shorter.
async fn pause(client: &Client, stream: &Stream, backend: &ProxyState) -> Result<(), Cut> {
    let wait = backend.config.timeouts.connect.unwrap_or(Duration::MAX).min(Duration::from_secs(1));
    client.ctx.set_deadline(&client.session, Some(wait));
    match pick::wait_unless_gone(client, Some(stream), backend, |_| std::task::Poll::<()>::Pending).await {
        Err(Cut::Timeout) | Ok(()) => Ok(()),
        Err(cut) => Err(cut),
    }
}

/// `http-reuse`: whether this request may go over a connection that served others.
fn may_reuse(client: &Client, backend: &ProxyState) -> bool {
    let options = &backend.config.options;
    if options.httpclose || options.http_server_close {
        return false;
    }
    match backend.config.http_reuse {
        HttpReuse::Never => false,
        // The first request of a client must not fail because a server closed an idle connection.
        HttpReuse::Safe => client.session.requests.get() > 1,
        HttpReuse::Aggressive | HttpReuse::Always => true,
    }
}

/// Gives the server's slot back.
fn release(client: &Client, txn: &Txn, backend: &'static ProxyState) {
    if let (Some(_), Some(index)) = (client.session.server.take(), txn.server) {
        queue::give_back(backend, index);
    }
}

/// A session that ended before a server was reached.
fn ended(txn: &mut Txn, cut: Cut, phase: TermPhase) -> Next {
    match cut {
        Cut::Killed(cause) => txn.end(cause, phase),
        Cut::Gone => txn.end(TermCause::ClientAbort, phase),
        Cut::Timeout => {}
    }
    Next::Abort
}

/// Answers a request that got no server.
async fn refuse(
    client: &Client,
    stream: &mut Stream,
    buffer: &mut Buffer,
    txn: &mut Txn,
    head: &RequestHead,
    failure: Failure,
) -> Next {
    match failure {
        Failure::NoServer(NoServer::Unavailable) => txn.end(TermCause::ServerAbort, TermPhase::Connect),
        Failure::NoServer(NoServer::QueueTimeout) => txn.end(TermCause::ServerTimeout, TermPhase::Queue),
        Failure::NoServer(NoServer::QueueFull) => txn.end(TermCause::ServerAbort, TermPhase::Queue),
        Failure::Connect { timeout: true } => txn.end(TermCause::ServerTimeout, TermPhase::Connect),
        Failure::Connect { timeout: false } => txn.end(TermCause::ServerAbort, TermPhase::Connect),
        Failure::NoServer(NoServer::Ended(cut)) => return ended(txn, cut, TermPhase::Queue),
        Failure::Ended(cut) => return ended(txn, cut, TermPhase::Connect),
    }
    let keep = head.framing == lb_http::BodyFraming::None && head.keep_alive && head.minor == 1;
    if keep {
        buffer.consume(head.len as usize);
    }
    respond::after_failure(client, stream, txn, 503, keep).await
}
