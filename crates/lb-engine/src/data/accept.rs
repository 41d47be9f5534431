//! Accepting connections: one task per listener and thread.

use super::session::Session;
use super::thread::{ThreadCtx, accepts};
use super::{http, tcp};
use crate::listen::{self, BoundListener};
use crate::shared::{FrontendState, ListenerState, ProxyState};
use crate::stream::Stream;
use lb_model::Mode;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;

enum Acceptor {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Acceptor {
    fn new(bound: &BoundListener) -> io::Result<Self> {
        let socket = bound.socket.try_clone()?;
        if bound.unix {
            UnixListener::from_std(std::os::unix::net::UnixListener::from(std::os::fd::OwnedFd::from(socket)))
                .map(Self::Unix)
        } else {
            TcpListener::from_std(std::net::TcpListener::from(socket)).map(Self::Tcp)
        }
    }

    async fn accept(&self) -> io::Result<(Stream, Option<SocketAddr>)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // Responses are written whole: waiting for more bytes would only delay them.
                let _ = stream.set_nodelay(true);
                Ok((Stream::Tcp(stream), Some(peer)))
            }
            Self::Unix(listener) => listener.accept().await.map(|(stream, _)| (Stream::Unix(stream), None)),
        }
    }
}

/// Accepts until the frontend is shut down or the process stops.
pub async fn run(ctx: &'static ThreadCtx, bound: BoundListener) {
    let proxy = ctx.proxy(bound.proxy);
    let Some(listener) = proxy.listeners.get(bound.listener) else { return };
    let mut changes = ctx.frontend_changes.subscribe();
    let mut paused = false;
    loop {
        match accepts(ctx, proxy) {
            FrontendState::Stopped => return,
            FrontendState::Paused => {
                if !paused && !bound.unix {
                    listen::pause(&bound.socket);
                }
                paused = true;
                if changes.changed().await.is_err() {
                    return;
                }
            }
            FrontendState::Open => {
                if paused && !bound.unix && bound.socket.listen(bound.backlog).is_err() {
                    return;
                }
                paused = false;
                let Ok(acceptor) = Acceptor::new(&bound) else { return };
                accept_until_change(ctx, proxy, listener, &bound, &acceptor, &mut changes).await;
            }
        }
    }
}

async fn accept_until_change(
    ctx: &'static ThreadCtx,
    proxy: &'static ProxyState,
    listener: &'static ListenerState,
    bound: &BoundListener,
    acceptor: &Acceptor,
    changes: &mut watch::Receiver<u64>,
) {
    loop {
        if is_full(ctx, proxy, listener) {
            // Sessions that end on another thread do not notify this one: look again soon in any case.
            let _ = tokio::time::timeout(Duration::from_millis(5), ctx.room.notified()).await;
            if changes.has_changed().unwrap_or(true) {
                changes.mark_unchanged();
                return;
            }
            continue;
        }
        tokio::select! {
            biased;
            accepted = acceptor.accept() => match accepted {
                Ok((stream, peer)) => start(ctx, proxy, listener, bound, stream, peer),
                // Out of descriptors or memory: connections stay in the kernel's queue for a moment.
                Err(e) if is_resource_error(&e) => tokio::time::sleep(Duration::from_millis(50)).await,
                Err(_) => tokio::task::yield_now().await,
            },
            _ = changes.changed() => return,
        }
    }
}

fn is_resource_error(e: &io::Error) -> bool {
    matches!(e.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}

fn is_full(ctx: &ThreadCtx, proxy: &ProxyState, listener: &ListenerState) -> bool {
    let process = &ctx.shared.process;
    if process.connections.get() >= process.maxconn.load(Relaxed) {
        process.maxconn_reached.fetch_add(1, Relaxed);
        return true;
    }
    let max = proxy.maxconn.load(Relaxed);
    if max > 0 && proxy.front_sessions.get() >= max {
        return true;
    }
    if listener.config.maxconn.is_some_and(|max| max > 0 && listener.sessions.get() >= max) {
        return true;
    }
    let now_ms = ctx.now_ms();
    let rate_limit = u64::from(proxy.config.rate_limit_sessions);
    let global_limit = u64::from(process.max_connection_rate.load(Relaxed));
    rate_limit > 0 && proxy.front.sum(|c| c.session_rate.per_second(now_ms)) >= rate_limit
        || global_limit > 0 && process.totals.sum(|c| c.connection_rate.per_second(now_ms)) >= global_limit
}

fn start(
    ctx: &'static ThreadCtx,
    proxy: &'static ProxyState,
    listener: &'static ListenerState,
    bound: &BoundListener,
    stream: Stream,
    peer: Option<SocketAddr>,
) {
    let session = Rc::new(Session::new(ctx.shared, ctx.next_session_id(), bound.proxy, bound.listener, stream.fd()));
    session.source.set(peer);
    let now_ms = session.accepted_us / 1_000;
    ctx.shared.process.connections.inc();
    proxy.front_sessions.inc();
    listener.sessions.inc();
    let (front, totals, own) = (ctx.front(proxy), ctx.totals(), listener.counters.of(ctx.index));
    for counters in [front, totals, own] {
        counters.connections.inc();
        counters.sessions.inc();
        counters.connection_rate.hit(now_ms);
        counters.session_rate.hit(now_ms);
    }
    ctx.sessions.insert(&session);
    if proxy.config.options.nolinger {
        stream.reset_on_close();
    }
    if let Stream::Tcp(tcp) = &stream
        && proxy.config.options.clitcpka
    {
        let _ = socket2::SockRef::from(tcp).set_keepalive(true);
    }
    let client = Client { ctx, proxy, listener, session };
    match proxy.config.mode {
        Mode::Http => {
            front.h1_connections.inc();
            tokio::task::spawn_local(http::serve(client, stream));
        }
        Mode::Tcp => {
            tokio::task::spawn_local(tcp::serve(client, stream));
        }
    }
}

/// An accepted connection's place in the books; dropping it closes them.
#[derive(Debug)]
pub struct Client {
    /// The thread.
    pub ctx: &'static ThreadCtx,
    /// The frontend.
    pub proxy: &'static ProxyState,
    /// The listener.
    pub listener: &'static ListenerState,
    /// The session's entry.
    pub session: Rc<Session>,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.ctx.sessions.remove(self.session.id);
        self.listener.sessions.dec();
        self.proxy.front_sessions.dec();
        self.ctx.connection_ended();
    }
}
