//! HTTP/1 sessions: a loop of exchanges over one client connection.
//!
//! Between exchanges a connection holds no buffer: it waits for readiness with a small future, and takes a buffer
//! and the exchange's larger future only when bytes are there.

mod after;
mod captures;
mod cookie;
mod deliver;
mod exchange;
mod forward;
mod outgoing;
mod press;
mod relay;
mod request;
mod respond;
mod rules;
mod service;
pub(in crate::data) mod txn;
mod waiting;

pub use captures::Captures;
pub(in crate::data) use captures::{put_into, text};
pub use cookie::Demand;

use super::accept::Client;
use super::session::{Cut, Phase};
use super::thread::stopping_grace;
use super::view::View;
use crate::stream::Stream;
use lb_model::{TermCause, TermPhase};
use lb_sample::LogRecord;
use std::sync::atomic::Ordering::Relaxed;
use txn::Txn;

/// What becomes of the client's connection after an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Another request may come.
    KeepAlive,
    /// Close it, everything was sent.
    Close,
    /// Close it although the client may still be sending: let it read our answer first.
    Linger,
    /// Close it without ceremony.
    Abort,
}

/// Serves a client's connection to its end.
///
/// A block and not an `async fn`, and no borrow of a local is held while idle: this future is most of what an idle
/// connection costs.
pub fn serve(client: Client, mut stream: Stream) -> impl Future<Output = ()> {
    let mut start_us = client.session.ready_us();
    async move {
        if !admit(&client, &stream) {
            return;
        }
        loop {
            arm_idle(&client);
            let waited = client.ctx.wait(&client.session, |cx| stream.poll_readable(cx)).await;
            let next = match waited {
                Ok(_) => Box::pin(request::serve_ready(&client, &mut stream, start_us)).await,
                Err(cut) => Box::pin(idle_end(&client, &mut stream, cut, start_us)).await,
            };
            if next != Next::KeepAlive {
                return Box::pin(end(client, stream, next)).await;
            }
            client.session.phase.set(Phase::Idle);
            start_us = client.ctx.now_us();
        }
    }
}

/// Ends a connection as its last exchange asks.
async fn end(client: Client, mut stream: Stream, next: Next) {
    match next {
        Next::KeepAlive | Next::Close => {
            let _ = std::future::poll_fn(|cx| stream.poll_end(cx)).await;
        }
        Next::Linger => linger(&client, stream).await,
        Next::Abort => stream.reset_on_close(),
    }
}

/// `tcp-request connection` rules, and the line logged for each connection without a log format.
fn admit(client: &Client, stream: &Stream) -> bool {
    let config = client.proxy.config.get();
    if config.tcp_request.is_empty() && (config.logs_sessions || config.logs.is_empty()) {
        return true;
    }
    if client.session.destination.get().is_none() {
        client.session.destination.set(stream.local());
    }
    let view = View {
        ctx: client.ctx,
        session: &client.session,
        frontend: client.proxy,
        owner: client.proxy,
        backend: None,
        server: None,
        request: None,
        response: None,
        request_line: None,
        txn: None,
        ended: false,
        record: LogRecord::default(),
        back: None,
        vars: None,
        captures: None,
        looked: None,
        unique: None,
    };
    if !super::tcp::admitted(client, &view) {
        client.count(|c| &c.denied_connections);
        return false;
    }
    super::tcp::log_connect(client);
    true
}

/// Sets how long the connection may wait for the first bytes of a request.
fn arm_idle(client: &Client) {
    let timeouts = &client.proxy.config.timeouts;
    let first = client.session.requests.get() == 0;
    let timeout = if first {
        timeouts.http_request.or(timeouts.client)
    } else {
        timeouts.http_keep_alive.or(timeouts.http_request).or(timeouts.client)
    };
    let leaves =
        client.ctx.shared.process.stopping.load(Relaxed) && !client.proxy.config.options.idle_close_on_response;
    let timeout = match leaves {
        true => stopping_grace(client.ctx).map(|grace| timeout.map_or(grace, |t| t.min(grace))).or(timeout),
        false => timeout,
    };
    client.ctx.set_deadline(&client.session, timeout);
}

/// The end of a connection on which no request had begun.
async fn idle_end(client: &Client, stream: &mut Stream, cut: Cut, start_us: u64) -> Next {
    if client.session.requests.get() > 0 || cut != Cut::Timeout {
        return Next::Close;
    }
    let mut txn = Txn { start_us, no_request: true, number: client.ctx.next_number(), ..Txn::default() };
    txn.end(TermCause::ClientTimeout, TermPhase::Request);
    client.count(|c| &c.request_errors);
    if client.proxy.config.options.http_ignore_probes {
        txn.close(client);
        return Next::Close;
    }
    respond::error(client, stream, &mut txn, 408).await;
    txn.close(client);
    Next::Close
}

/// Ends our side and discards what the client still sends, for a short while, so that the kernel does not answer it
/// with a reset that would destroy our last bytes on their way.
async fn linger(client: &Client, mut stream: Stream) {
    const MOST: usize = 256 * 1024;
    let _ = std::future::poll_fn(|cx| stream.poll_end(cx)).await;
    client.ctx.set_deadline(&client.session, Some(std::time::Duration::from_secs(1)));
    let mut buffer = client.ctx.buffers.take();
    let mut discarded = 0;
    while discarded < MOST {
        buffer.clear();
        match client.ctx.wait(&client.session, |cx| stream.poll_fill(cx, &mut buffer)).await {
            Ok(Ok(n)) if n > 0 => discarded += n,
            _ => break,
        }
    }
    client.ctx.buffers.give(buffer);
}
