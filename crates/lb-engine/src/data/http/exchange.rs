//! One request's way to a server and its response's way back.

use super::super::connect::{self, Ask, Failure};
use super::super::pick::{self, NoServer};
use super::super::session::Cut;
use super::super::stick::{self, Stores};
use super::cookie::Demand;
use super::forward;
use super::relay::{Outcome, Relay};
use super::txn::Txn;
use super::{Next, captures, cookie, outgoing, press, respond, rules};
use crate::buffer::Buffer;
use crate::data::accept::Client;
use crate::shared::ProxyState;
use crate::stream::Stream;
use lb_balance::key::{UriPart, url_parameter};
use lb_config::model::{Balance, HttpReuse, LogStep};
use lb_http::{HeadEdit, RequestHead};
use lb_model::{TermCause, TermPhase};
use lb_sample::Side;

/// Forwards a request whose head stands at the front of `buffer`.
pub async fn run(
    client: &Client,
    stream: &mut Stream,
    buffer: &mut Buffer,
    txn: &mut Txn,
    backend: &'static ProxyState,
    head: RequestHead,
) -> Next {
    let mut demand = Demand::Usual;
    let mut insists = backend.config.options.persist;
    if !backend.config.persist_rules.is_empty() {
        demand = Demand::of(backend, &txn.view(client, Some((buffer.data(), &head)), None));
        insists |= demand == Demand::Force;
    }
    if !backend.config.use_server.is_empty() {
        let view = txn.view(client, Some((buffer.data(), &head)), None);
        txn.used = pick::used_server(&view, backend, insists);
    }
    if !backend.config.stick_rules.is_empty() {
        let mut stores = Stores::new();
        let view = txn.view(client, Some((buffer.data(), &head)), None);
        txn.stuck = stick::on_request(&view, backend, demand, &mut stores);
        txn.stores = stores;
    }
    let Some((mut head, key)) = prepare(client, buffer, txn, backend, head, demand) else {
        txn.end(TermCause::Proxy, TermPhase::Request);
        respond::error(client, stream, txn, 500).await;
        return Next::Linger;
    };
    txn.log_step(client, LogStep::Request);
    let mut replays = 0_u32;
    let (mut avoid, mut held) = (None, None);
    let mut left = false;
    loop {
        let ask = Ask {
            watched: Some(&*stream).filter(|_| backend.config.options.abortonclose),
            insists,
            persistent: bound_to(client, backend, txn).filter(|_| !left),
            avoid,
            key,
            // Where one kept connection is found dead, the others mostly are too.
            may_reuse: replays == 0 && may_reuse(client, backend),
            request: Some((buffer.data(), &head)),
            unique: Some(&txn.unique),
            vars: Some(&txn.vars),
            replayed: held,
        };
        let upstream = match connect::connect(client, backend, ask, &mut txn.route).await {
            Ok(upstream) => {
                if backend.config.options.prefer_last_server {
                    client.session.last_server.set(txn.route.server.map(|index| (backend.index, index)));
                }
                if txn.route.redispatched && txn.persistence.server != txn.route.server {
                    txn.persistence.left();
                }
                upstream
            }
            Err(failure) => return refuse(client, stream, buffer, txn, &head, failure).await,
        };
        txn.route.note_ends(client, &upstream);
        txn.log_step(client, LogStep::Connect);
        let server = txn.route.server;
        let pool = server.and_then(|index| client.ctx.pool(backend.index, index));
        pool.inspect(|pool| pool.begin());
        client.session.server_fd.set(upstream.stream.fd());
        if let Some(name) = &backend.config.name_header {
            head = outgoing::named(client, buffer, head, name, server.and_then(|index| backend.servers.get(index)));
        }
        let relay = Relay::new(client, stream, buffer, upstream, &head, backend, server);
        let outcome = forward::run(relay, txn, &head).await;
        pool.inspect(|pool| pool.end());
        client.session.server_fd.set(-1);
        if !matches!(outcome, Outcome::Replay | Outcome::Retry) {
            connect::release(client, backend, &txn.route);
        }
        match outcome {
            // The pooled connection had been closed by the server: nothing of the request was served.
            Outcome::Replay if replays < 3 => {
                replays += 1;
                held = txn.route.server;
                txn.route.connected_us = 0;
            }
            Outcome::Replay => {
                connect::release(client, backend, &txn.route);
                txn.end(TermCause::ServerAbort, TermPhase::Headers);
                return respond::after_failure(client, stream, txn, 502, false).await;
            }
            Outcome::Retry => {
                let bound = bound_to(client, backend, txn).is_some() && !left;
                avoid = connect::retry(client, backend, &mut txn.route, bound);
                left |= avoid.is_some();
                held = txn.route.server.filter(|_| avoid.is_none());
            }
            Outcome::Done(next) => return next,
            Outcome::Replaced { reply, complete } => {
                let keep = complete && head.keep_alive && head.minor == 1;
                return respond::reply(client, stream, txn, reply, keep).await;
            }
            Outcome::Error { status, complete } => {
                let keep = complete && status >= 500 && head.keep_alive && head.minor == 1;
                return respond::after_failure(client, stream, txn, status, keep).await;
            }
        }
    }
}

/// The server that the request's persistence names.
fn bound_to(client: &Client, backend: &'static ProxyState, txn: &Txn) -> Option<usize> {
    let persistent = txn.used.or(txn.persistence.server).or(txn.stuck).or_else(|| client.private_server(backend.index));
    match backend.config.options.prefer_last_server {
        true => persistent.or_else(|| pick::last_server(client, backend)),
        false => persistent,
    }
}

/// Edits the request for its way to the server. Returns the edited head and the balancing key's hash.
fn prepare(
    client: &Client,
    buffer: &mut Buffer,
    txn: &mut Txn,
    backend: &'static ProxyState,
    head: RequestHead,
    demand: Demand,
) -> Option<(RequestHead, Option<u32>)> {
    let buf = buffer.data();
    captures::keep_cookie(client, txn, Side::Request, (buf, &head.headers));
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
    if let Some(name) = &client.proxy.config.unique_id_header {
        let view = txn.view(client, Some((buf, &head)), None);
        edit.add(name.as_bytes(), txn.unique_id(&view).unwrap_or_default().as_bytes());
    }
    press::settle(client, txn, backend, (buf, &head), &mut edit);
    outgoing::add_ways(client, txn, backend, (buf, &head), &mut edit);
    let close_server = options.httpclose || options.http_server_close || client.proxy.config.options.httpclose;
    if close_server && !head.upgrade && !options.pretend_keepalive {
        edit.add(b"connection", b"close");
    } else if head.minor == 0 {
        edit.add(b"connection", b"keep-alive");
    }
    if let Some(config) = &backend.config.cookie {
        txn.persistence = cookie::read_request(backend, config, demand, (buf, &head), &mut edit);
        if txn.used.is_some() {
            txn.persistence.passed_by();
        }
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

/// Sends the client where its server's `redir` says, and ends the connection, as observed.
async fn redirect(client: &Client, stream: &mut Stream, buffer: &Buffer, txn: &mut Txn, head: &RequestHead) -> Next {
    let server = txn.backend.and_then(|backend| backend.servers.get(txn.route.server?));
    let prefix = server.and_then(|server| server.config().redir.clone()).unwrap_or_default();
    let location = [prefix.as_bytes(), from_path(head.target.get(buffer.data()))].concat();
    if let Some(backend) = txn.backend {
        connect::release(client, backend, &txn.route);
    }
    txn.end(TermCause::Local, TermPhase::Connect);
    let fields: [(&str, &[u8]); 2] = [("cache-control", b"no-cache"), ("location", &location)];
    respond::reply(client, stream, txn, (302, Some(lb_http::static_response(302, &fields, b"", false))), false).await
}

/// A target from its path on.
fn from_path(target: &[u8]) -> &[u8] {
    if target.first() == Some(&b'/') {
        return target;
    }
    let authority = memchr::memmem::find(target, b"://").and_then(|at| target.get(at + 3..)).unwrap_or_default();
    let path = authority.iter().position(|b| *b == b'/').and_then(|at| authority.get(at..));
    path.unwrap_or(b"/")
}

/// A session that ended before a server was reached.
async fn ended(client: &Client, stream: &mut Stream, txn: &mut Txn, cut: Cut, phase: TermPhase) -> Next {
    match cut {
        Cut::Killed(cause) => {
            txn.end(cause, phase);
            client.session.revive();
        }
        Cut::Gone => {
            txn.end(TermCause::ClientAbort, phase);
            return Next::Abort;
        }
        Cut::Timeout => return Next::Abort,
    }
    respond::after_failure(client, stream, txn, 503, false).await
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
        Failure::NoServer(NoServer::Ended(cut)) => return ended(client, stream, txn, cut, TermPhase::Queue).await,
        Failure::Ended(cut) => return ended(client, stream, txn, cut, TermPhase::Connect).await,
        Failure::Redirected => return redirect(client, stream, buffer, txn, head).await,
    }
    let keep = head.framing == lb_http::BodyFraming::None && head.keep_alive && head.minor == 1;
    if keep {
        buffer.consume(head.len as usize);
    }
    respond::after_failure(client, stream, txn, 503, keep).await
}
