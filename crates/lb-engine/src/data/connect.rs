//! From a chosen backend to an open connection: a server's slot, a pooled or a new connection, retries and redispatch.
//! The same for HTTP exchanges and TCP sessions.

use super::accept::Client;
use super::announce;
use super::http::txn::UniqueId;
use super::pick::{self, NoServer, Wish};
use super::room;
use super::session::{Cut, Phase};
use super::traced;
use super::upstream::{self, ConnectError, Opening, ServerName, Upstream};
use super::view::View;
use crate::counters::Counters;
use crate::queue;
use crate::shared::{ProxyState, Target};
use crate::stream::Stream;
use crate::tls::{HandshakeError, ServerSecurity};
use crate::trace::{Source, event};
use lb_check::TrafficEvent;
use lb_config::model::{RetryOn, TimeoutKind};
use lb_http::RequestHead;
use lb_sample::{Expr, LogRecord, Vars};
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// A session's way to a server, as its books tell it. Times are microseconds since the engine's start; 0: not reached.
#[derive(Debug, Default)]
pub struct Route {
    /// The server, once chosen.
    pub server: Option<usize>,
    /// Server's slot got.
    pub slot_us: u64,
    /// Connected.
    pub connected_us: u64,
    /// Connect retries.
    pub retries: u32,
    /// Another server was chosen after a failure.
    pub redispatched: bool,
    /// Requests that waited for the server when this one came to wait, this one included.
    pub server_queue: u32,
    /// The same of the backend's queue.
    pub backend_queue: u32,
    /// Own and peer address of the server's connection, where a log line shows one.
    pub back: Option<Box<Ends>>,
}

/// Own and peer address of a connection.
pub type Ends = (Option<SocketAddr>, Option<SocketAddr>);

impl Route {
    /// Notes the ends of the server's connection, if log lines of the frontend show them.
    pub fn note_ends(&mut self, client: &Client, upstream: &Upstream) {
        if client.proxy.config.logs_back_address {
            self.back = Some(Box::new((upstream.stream.local(), upstream.stream.peer())));
        }
    }
}

/// Why there is no connection to a server.
#[derive(Debug, Clone, Copy)]
pub enum Failure {
    /// No server was got.
    NoServer(NoServer),
    /// The last attempt to connect failed.
    Connect {
        /// It took too long.
        timeout: bool,
    },
    /// The session ended while connecting.
    Ended(Cut),
    /// The server's clients are sent elsewhere (`redir`).
    Redirected,
}

/// What a session asks.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The client's connection, where its end is to end the wait.
    pub watched: Option<&'a Stream>,
    /// The server its persistence names.
    pub persistent: Option<usize>,
    /// That server is used even when it is down.
    pub insists: bool,
    /// The server to stay away from, if there is another.
    pub avoid: Option<usize>,
    /// Hash of the balancing key.
    pub key: Option<u32>,
    /// Whether a connection that served others will do.
    pub may_reuse: bool,
    /// The request, for what a secured connection depends on.
    pub request: Option<(&'a [u8], &'a RequestHead)>,
    /// The exchange's unique id, in HTTP.
    pub unique: Option<&'a UniqueId>,
    /// The transaction's variables.
    pub vars: Option<&'a Vars>,
    /// The slot of this server is held already: a pooled connection to it was found dead.
    pub replayed: Option<usize>,
}

/// Gets a server's slot and a connection to it, retrying as configured. On success the slot is held, until [`release`].
pub async fn connect(
    client: &Client,
    backend: &'static ProxyState,
    ask: Ask<'_>,
    route: &mut Route,
) -> Result<Upstream, Failure> {
    let mut persistent = ask.persistent;
    let mut held = ask.replayed;
    let mut avoid = ask.avoid;
    loop {
        let index = match held {
            Some(index) => index,
            None => {
                acquire(client, backend, ask, Wish { persistent, insists: ask.insists, avoid, key: ask.key }, route)
                    .await?
            }
        };
        if is_redirected(backend, index, ask) {
            return Err(Failure::Redirected);
        }
        let failed = match attempt(client, backend, index, ask, route).await {
            Ok(upstream) => return Ok(upstream),
            Err(Failure::Ended(cut)) => {
                release(client, backend, route);
                return Err(Failure::Ended(cut));
            }
            Err(failed) => failed,
        };
        let (back, server) = counters(client, backend, index);
        let retried = backend.config.retry_on.has(RetryOn::CONN_FAILURE);
        if route.retries >= backend.config.retries || !retried {
            back.connect_errors.inc();
            server.inspect(|c| c.connect_errors.inc());
            release(client, backend, route);
            return Err(failed);
        }
        route.retries += 1;
        if pick::redispatches(backend, route.retries, persistent == Some(index)) {
            back.redispatches.inc();
            server.inspect(|c| c.redispatches.inc());
            release(client, backend, route);
            (persistent, avoid, held) = (None, Some(index), None);
            continue;
        }
        back.retries.inc();
        server.inspect(|c| c.retries.inc());
        held = Some(index);
        // An attempt that took its time is followed by the next at once.
        let quick = !matches!(failed, Failure::Connect { timeout: true });
        if quick && let Err(cut) = pause(client, ask.watched, backend).await {
            release(client, backend, route);
            return Err(Failure::Ended(cut));
        }
        // The server may have gone out in the meantime: then any other will do.
        if !ask.insists && !backend.servers.get(index).is_some_and(crate::shared::ServerState::is_persistent) {
            release(client, backend, route);
            (persistent, held) = (None, None);
        }
    }
}

/// Whether the client is sent elsewhere instead (`redir`): the slot stays held.
fn is_redirected(backend: &ProxyState, index: usize, ask: Ask<'_>) -> bool {
    let redirects = backend.servers.get(index).is_some_and(|server| server.config().redir.is_some());
    redirects && ask.request.is_some_and(|(buf, head)| matches!(head.method.get(buf), b"GET" | b"HEAD"))
}

/// Another attempt after a server failed to answer (`retry-on`): on the same server, whose slot stays held, or on another.
/// Returns the server to stay away from.
pub fn retry(client: &Client, backend: &'static ProxyState, route: &mut Route, bound: bool) -> Option<usize> {
    let index = route.server?;
    let (back, server) = counters(client, backend, index);
    route.retries += 1;
    route.connected_us = 0;
    // As observed, sending again counts, and so does the attempt that follows.
    back.retries.inc();
    server.inspect(|c| c.retries.inc());
    if !pick::redispatches(backend, route.retries, bound) {
        back.retries.inc();
        server.inspect(|c| c.retries.inc());
        return None;
    }
    back.redispatches.inc();
    server.inspect(|c| c.redispatches.inc());
    release(client, backend, route);
    Some(index)
}

/// Gives the server's slot back.
pub fn release(client: &Client, backend: &'static ProxyState, route: &Route) {
    if let (Some(_), Some(index)) = (client.session.server.take(), route.server) {
        queue::give_back(backend, index);
    }
}

type Blocks = (&'static crate::counters::Counters, Option<&'static crate::counters::Counters>);

/// This thread's counters of a backend and of one of its servers.
fn counters(client: &Client, backend: &'static ProxyState, index: usize) -> Blocks {
    let thread = client.ctx.index;
    (client.ctx.back(backend), backend.servers.get(index).map(|server| server.counters.of(thread)))
}

async fn acquire(
    client: &Client,
    backend: &'static ProxyState,
    ask: Ask<'_>,
    wish: Wish,
    route: &mut Route,
) -> Result<usize, Failure> {
    match pick::acquire(client, ask.watched, backend, wish, route).await {
        Ok(index) => {
            route.slot_us = client.ctx.now_us();
            // A turn to another server that ends at the same one is none.
            route.redispatched |= wish.avoid.is_some_and(|left| left != index);
            route.server = Some(index);
            client.session.server.set(Some((backend.index, index)));
            Ok(index)
        }
        Err(failure) => {
            // The log names a server whose queue is full.
            route.server = route.server.filter(|_| failure == NoServer::QueueFull);
            if !matches!(failure, NoServer::Ended(_)) {
                client.ctx.back(backend).connect_errors.inc();
            }
            Err(Failure::NoServer(failure))
        }
    }
}

/// One attempt on a server whose slot is held: a private or pooled connection, else a new one.
async fn attempt(
    client: &Client,
    backend: &'static ProxyState,
    index: usize,
    ask: Ask<'_>,
    route: &mut Route,
) -> Result<Upstream, Failure> {
    let ctx = client.ctx;
    let Some(server) = backend.servers.get(index) else { return Err(Failure::NoServer(NoServer::Unavailable)) };
    let own = server.counters.of(ctx.index);
    let mut way = Opening {
        client_port: destination(client).map(|address| address.port()),
        keepalive: backend.config.options.srvtcpka.then_some(backend.config.server_probes),
        name: server.tls().as_ref().and_then(|tls| server_name(client, backend, index, ask, tls)),
        ..Opening::default()
    };
    if announce::is_personal(&server.config()) {
        announce::personal(client, backend, server, ask, &mut way);
    }
    if let Some(expression) = &server.config().pool_name {
        let name = pool_name(expression, &request_view(client, backend, index, ask));
        // What is opened for one client stays so.
        way.key = Some(way.key.map_or_else(|| name.as_str().into(), |own| format!("{own} {name}").into()));
    }
    if ask.replayed.is_none() {
        pick::count_attempt(own, ctx.now_ms());
        let pooled = client.take_private(backend, index).or_else(|| {
            let pool = ctx.pool(backend.index, index).filter(|_| ask.may_reuse)?;
            pool.take(server, way.key())
        });
        if let Some(upstream) = pooled {
            if ctx.shared.traces.is_on(Source::Stream) {
                traced::way(client, event::Stream::REUSE, &backend.config.name, &server.config().name);
            }
            own.reuses.inc();
            ctx.back(backend).reuses.inc();
            route.connected_us = route.slot_us;
            return Ok(upstream);
        }
    }
    if ctx.shared.traces.is_on(Source::Stream) {
        traced::way(client, event::Stream::CONNECT, &backend.config.name, &server.config().name);
    }
    // As observed, attempts count, not successes.
    own.connects.inc();
    ctx.back(backend).connects.inc();
    client.session.phase.set(Phase::Connect);
    let longest = client.session.knobs.timeout(TimeoutKind::Connect, backend.config.timeouts.connect);
    ctx.set_deadline(&client.session, longest);
    let secures = way.name.is_some();
    if secures {
        ctx.handshakes().connections.inc();
    }
    if server.config().strict_maxconn {
        Box::pin(room::make(ctx, backend, server)).await;
    }
    let mut connecting = Box::pin(upstream::connect(server, way));
    let connected = pick::wait_unless_gone(client, ask.watched, |cx| connecting.as_mut().poll(cx));
    let timeout = match connected.await {
        Ok(Ok(upstream)) => {
            route.connected_us = ctx.now_us();
            if secures {
                count_secured(client, backend, own, &upstream);
            }
            ctx.shared.report(backend.index, index, TrafficEvent::Connected);
            return Ok(upstream);
        }
        // The server is another one than the request is for: asking again helps nobody. As observed, the log line tells
        // that all retries were used.
        Ok(Err(ConnectError::Handshake(HandshakeError::WrongName))) => {
            own.ssl_failed.inc();
            ctx.back(backend).ssl_failed.inc();
            route.retries = backend.config.retries;
            false
        }
        Ok(Err(ConnectError::Handshake(_))) => {
            own.ssl_failed.inc();
            ctx.back(backend).ssl_failed.inc();
            false
        }
        Ok(Err(ConnectError::System)) => false,
        Err(Cut::Timeout) => true,
        Err(cut) => return Err(Failure::Ended(cut)),
    };
    if ctx.shared.traces.is_on(Source::Stream) {
        traced::way(client, event::Stream::FAILED, &backend.config.name, &server.config().name);
    }
    ctx.shared.report(backend.index, index, TrafficEvent::ConnectFailed);
    if client.proxy.config.logs_back_address
        && let Target::Ip(address) = server.target()
    {
        route.back = Some(Box::new((None, Some(address))));
    }
    Err(Failure::Connect { timeout })
}

fn count_secured(client: &Client, backend: &'static ProxyState, own: &Counters, upstream: &Upstream) {
    let resumed = upstream.stream.is_resumed();
    for counters in [own, client.ctx.back(backend)] {
        counters.ssl_sessions.inc();
        if resumed {
            counters.ssl_resumed.inc();
        }
    }
    if !resumed {
        client.ctx.handshakes().back_keys.hit(client.ctx.now_ms());
    }
}

/// The name that a secured connection to a server is opened for; `None`: it is not secured.
fn server_name(
    client: &Client,
    backend: &'static ProxyState,
    index: usize,
    ask: Ask<'_>,
    security: &ServerSecurity,
) -> Option<ServerName> {
    let tls = &security.for_traffic()?.config;
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().filter(|name| !name.is_empty()).map(Rc::from);
    let Some(expression) = &tls.sni else {
        let host = ask.request.filter(|_| !tls.no_sni_auto);
        let host = host.and_then(|(buf, head)| head.headers.values(buf, "host").next());
        let name = host.and_then(|host| host.split(|b| *b == b':').next()).and_then(text);
        return Some(ServerName { sni: name, guessed: true });
    };
    let view = request_view(client, backend, index, ask);
    let sni = expression.eval(&view).and_then(|sample| sample.with_text(text));
    Some(ServerName { sni, guessed: false })
}

/// A request as expressions on a server's line see it.
fn request_view<'a>(client: &'a Client, backend: &'static ProxyState, index: usize, ask: Ask<'a>) -> View<'a> {
    View {
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
        record: LogRecord::default(),
        back: None,
        vars: ask.vars,
        captures: None,
        looked: None,
        unique: ask.unique,
    }
}

/// What a kept connection may be taken for (`pool-conn-name`); an expression without a value is a name, too.
fn pool_name(expression: &Expr, view: &View<'_>) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    expression.eval(view).map_or_else(String::new, |sample| sample.with_text(text))
}

/// The address the client connected to.
pub fn destination(client: &Client) -> Option<SocketAddr> {
    client.session.destination.get().or_else(|| client.listener.bound.get().copied())
}

/// A retry on the same server waits a second, or less when the connect timeout is shorter.
async fn pause(client: &Client, watched: Option<&Stream>, backend: &ProxyState) -> Result<(), Cut> {
    let wait = backend.config.timeouts.connect.unwrap_or(Duration::MAX).min(Duration::from_secs(1));
    client.ctx.set_deadline(&client.session, Some(wait));
    match pick::wait_unless_gone(client, watched, |_| Poll::<()>::Pending).await {
        Err(Cut::Timeout) | Ok(()) => Ok(()),
        Err(cut) => Err(cut),
    }
}
