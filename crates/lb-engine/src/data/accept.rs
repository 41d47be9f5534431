//! Accepting connections: one task per listener and thread.

use super::session::Session;
use super::thread::{ThreadCtx, accepts};
use super::traced;
use super::upstream::Upstream;
use super::{announced, http, secure, tcp};
use crate::acceptor::Acceptor;
use crate::activity::{self, task};
use crate::counters::{Counter, Counters, PerThread};
use crate::listen::{self, BoundListener};
use crate::queue;
use crate::rate::Rate;
use crate::shared::{FrontendState, ListenerState, ProxyState};
use crate::sockets;
use crate::stream::Stream;
use crate::trace::{Source, event};
use lb_config::model::KeepAlive;
use lb_model::Mode;
use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;

/// A listener registered with its thread's reactor.
pub struct Ready {
    bound: BoundListener,
    acceptor: Acceptor,
}

/// Registers a listener. Must be called on the runtime that will serve it.
///
/// # Errors
/// The system's, when descriptors run out.
pub fn prepare(bound: BoundListener) -> io::Result<Ready> {
    let acceptor = bound.socket.try_clone().and_then(Acceptor::new)?;
    Ok(Ready { bound, acceptor })
}

/// Accepts until the frontend is shut down or the process stops.
pub async fn run(ctx: &'static ThreadCtx, ready: Ready) {
    let Ready { bound, acceptor } = ready;
    let mut prepared = Some(acceptor);
    let proxy = ctx.proxy(bound.proxy);
    let Some(listener) = proxy.listeners.get(bound.listener) else { return };
    let mut changes = ctx.frontend_changes.subscribe();
    let mut deaf = false;
    loop {
        match accepts(ctx, proxy) {
            FrontendState::Stopped => return,
            FrontendState::Paused => {
                prepared = None;
                if changes.changed().await.is_err() {
                    return;
                }
            }
            FrontendState::Open => {
                if deaf && !bound.unix {
                    let _ = bound.socket.listen(bound.backlog);
                    // The control thread may have paused the frontend at the same moment: it has the last word.
                    if accepts(ctx, proxy) == FrontendState::Paused {
                        listen::pause(&bound.socket);
                    }
                }
                let acceptor = match prepared.take() {
                    Some(acceptor) => acceptor,
                    None => match bound.socket.try_clone().and_then(Acceptor::new) {
                        Ok(acceptor) => acceptor,
                        // Out of descriptors: the kernel's queue holds the connections meanwhile.
                        Err(_) => {
                            tokio::time::sleep(Duration::from_millis(50)).await;
                            continue;
                        }
                    },
                };
                let at = (listener, bound.listener);
                deaf = accept_until_change(ctx, proxy, at, &acceptor, &mut changes).await;
            }
        }
    }
}

/// Accepts until the frontends' states changed, or the socket does not listen any more (`true`).
async fn accept_until_change(
    ctx: &'static ThreadCtx,
    proxy: &'static ProxyState,
    (listener, number): (&'static ListenerState, usize),
    acceptor: &Acceptor,
    changes: &mut watch::Receiver<u64>,
) -> bool {
    let mut was_full = false;
    loop {
        let full = is_full(ctx, proxy, listener);
        if full && !was_full && at_process_limit(ctx) {
            ctx.shared.process.maxconn_reached.fetch_add(1, Relaxed);
        }
        was_full = full;
        if full {
            // Sessions that end on another thread do not notify this one: look again soon in any case.
            let _ = tokio::time::timeout(Duration::from_millis(5), ctx.room.notified()).await;
            if changes.has_changed().unwrap_or(true) {
                changes.mark_unchanged();
                return false;
            }
            continue;
        }
        tokio::select! {
            biased;
            accepted = acceptor.accept() => match accepted {
                Ok((stream, peer)) => start(ctx, proxy, (listener, number), stream, peer),
                // The connection was gone before it was accepted.
                Err(e) if matches!(e.raw_os_error(), Some(libc::ECONNABORTED | libc::EINTR | libc::EPROTO)) => {}
                Err(e) => {
                    // The socket was made deaf: by the control thread, or by another process that shares it.
                    if e.raw_os_error() == Some(libc::EINVAL) {
                        return true;
                    }
                    // Out of descriptors or memory: connections stay in the kernel's queue for a moment.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            _ = changes.changed() => return false,
        }
    }
}

fn at_process_limit(ctx: &ThreadCtx) -> bool {
    let process = &ctx.shared.process;
    process.connections.get() >= process.maxconn.load(Relaxed)
}

fn is_full(ctx: &ThreadCtx, proxy: &ProxyState, listener: &ListenerState) -> bool {
    if at_process_limit(ctx) {
        return true;
    }
    let process = &ctx.shared.process;
    let max = proxy.maxconn.load(Relaxed);
    if max > 0 && proxy.front_sessions.get() >= max {
        return true;
    }
    if listener.config.maxconn.is_some_and(|max| max > 0 && listener.sessions.get() >= max) {
        return true;
    }
    let now_ms = ctx.now_ms();
    let is_reached = |limit: u32, counters: &PerThread, rate: fn(&Counters) -> &Rate| {
        limit > 0 && counters.sum(|c| rate(c).per_second(now_ms)) >= u64::from(limit)
    };
    if listener.tls.is_some() && ssl_rate_reached(ctx, now_ms) {
        return true;
    }
    is_reached(proxy.config.rate_limit_sessions, &proxy.front, |c| &c.session_rate)
        || is_reached(process.max_connection_rate.load(Relaxed), &process.totals, |c| &c.connection_rate)
        || is_reached(process.max_session_rate.load(Relaxed), &process.totals, |c| &c.session_rate)
}

fn ssl_rate_reached(ctx: &ThreadCtx, now_ms: u64) -> bool {
    let process = &ctx.shared.process;
    let limit = process.max_ssl_rate.load(Relaxed);
    limit > 0 && process.handshakes.iter().map(|h| h.begun.per_second(now_ms)).sum::<u64>() >= u64::from(limit)
}

fn start(
    ctx: &'static ThreadCtx,
    proxy: &'static ProxyState,
    (listener, number): (&'static ListenerState, usize),
    stream: Stream,
    peer: Option<SocketAddr>,
) {
    let session = Rc::new(Session::new(ctx.now_us(), ctx.next_session_id(), proxy.index, number, stream.fd()));
    session.source.set(peer);
    if let (Some(_), Stream::Tcp(tcp)) = (listener.config.socket.max_segment, &stream) {
        sockets::shrink_segments(&socket2::SockRef::from(tcp), &listener.config.socket);
    }
    let now_ms = session.accepted_us / 1_000;
    ctx.shared.process.connections.inc();
    proxy.front_sessions.inc();
    listener.sessions.inc();
    for counters in [ctx.front(proxy), ctx.totals(), listener.counters.of(ctx.index)] {
        counters.connections.inc();
        counters.connection_rate.hit(now_ms);
    }
    ctx.sessions.insert(&session);
    if proxy.config.options.nolinger {
        stream.reset_on_close();
    }
    if let Stream::Tcp(tcp) = &stream
        && proxy.config.options.clitcpka
    {
        probe(tcp, &proxy.config.client_probes);
    }
    let client = Client { ctx, proxy, listener, session, private: Cell::new(None) };
    if ctx.shared.traces.is_on(Source::Session) {
        traced::session(&client, event::Session::NEW);
    }
    if listener.announced {
        activity::spawn(task::Secure, announced::serve(client, stream));
        return;
    }
    if let Some(security) = listener.tls.as_deref() {
        activity::spawn(task::Secure, secure::serve(client, stream, security));
        return;
    }
    count_session(&client);
    match proxy.config.mode {
        Mode::Http => activity::spawn(task::Http, http::serve(client, stream)),
        Mode::Tcp => activity::spawn(task::Tcp, tcp::serve(client, stream)),
    };
}

/// Lets the kernel ask whether a silent peer is there.
pub fn probe(tcp: &TcpStream, how: &KeepAlive) {
    let socket = socket2::SockRef::from(tcp);
    let _ = socket.set_keepalive(true);
    let mut asked = socket2::TcpKeepalive::new();
    if let Some(idle) = how.idle {
        asked = asked.with_time(idle);
    }
    if let Some(interval) = how.interval {
        asked = asked.with_interval(interval);
    }
    if let Some(count) = how.count {
        asked = asked.with_retries(count);
    }
    if *how != KeepAlive::default() {
        let _ = socket.set_tcp_keepalive(&asked);
    }
}

/// Counts a session: a plain connection is one as soon as it is accepted, a secured one after its handshake.
pub fn count_session(client: &Client) {
    let Client { ctx, proxy, listener, .. } = client;
    let now_ms = ctx.now_ms();
    let front = ctx.front(proxy);
    for counters in [front, ctx.totals(), listener.counters.of(ctx.index)] {
        counters.sessions.inc();
        counters.session_rate.hit(now_ms);
    }
    if proxy.config.mode == Mode::Http {
        front.h1_connections.inc();
    }
}

/// Serves a secured connection in its frontend's mode.
pub async fn run_session(client: Client, stream: Stream) {
    match client.proxy.config.mode {
        Mode::Http => Box::pin(http::serve(client, stream)).await,
        Mode::Tcp => Box::pin(tcp::serve(client, stream)).await,
    }
}

/// An accepted connection's place in the books; dropping it closes them.
pub struct Client {
    /// The thread.
    pub ctx: &'static ThreadCtx,
    /// The frontend.
    pub proxy: &'static ProxyState,
    /// The listener.
    pub listener: &'static ListenerState,
    /// The session's entry.
    pub session: Rc<Session>,
    private: Cell<Option<Box<Private>>>,
}

/// A server's connection that is authenticated as this client.
#[derive(Debug)]
struct Private {
    backend: usize,
    server: usize,
    upstream: Upstream,
}

impl Client {
    /// Counts for the frontend and for the listener.
    pub fn count(&self, counter: impl Fn(&Counters) -> &Counter) {
        counter(self.ctx.front(self.proxy)).inc();
        counter(self.listener.counters.of(self.ctx.index)).inc();
    }

    /// Keeps a connection for this client alone.
    pub fn keep_private(&self, backend: usize, server: usize, mut upstream: Upstream) {
        upstream.private = true;
        upstream.reused = true;
        self.private.set(Some(Box::new(Private { backend, server, upstream })));
    }

    /// The server whose private connection is kept for requests to that backend.
    pub fn private_server(&self, backend: usize) -> Option<usize> {
        let private = self.private.take();
        let server = private.as_ref().filter(|p| p.backend == backend).map(|p| p.server);
        self.private.set(private);
        server
    }

    /// Takes the private connection to that server, if it is alive.
    pub fn take_private(&self, proxy: &ProxyState, server: usize) -> Option<Upstream> {
        let private = self.private.take()?;
        if private.backend != proxy.index || private.server != server {
            self.private.set(Some(private));
            return None;
        }
        let state = proxy.servers.get(server)?;
        Some(private.upstream).filter(|upstream| upstream.is_usable(state))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.session.trackers.clear();
        // Nothing is held here in the ordinary course; a task that was cut short leaves no slot taken.
        if let Some((backend, server)) = self.session.server.take() {
            queue::give_back(self.ctx.proxy(backend), server);
        }
        if let Some(backend) = self.session.backend.take() {
            self.ctx.proxy(backend).back_sessions.dec();
        }
        if self.ctx.shared.traces.is_on(Source::Session) {
            traced::session(self, event::Session::END);
        }
        self.ctx.sessions.remove(self.session.id);
        self.listener.sessions.dec();
        self.proxy.front_sessions.dec();
        self.ctx.connection_ended();
    }
}
