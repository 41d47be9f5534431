//! HTTP/1 sessions: a loop of exchanges over one client connection.
//!
//! Between exchanges a connection holds no buffer: it waits for readiness with a small future, and takes a buffer
//! and the exchange's larger future only when bytes are there.

mod cookie;
mod exchange;
mod forward;
mod request;
mod respond;
mod rules;
mod txn;

use super::accept::Client;
use super::session::{Cut, Phase};
use super::view::View;
use crate::stream::Stream;
use lb_model::{TermCause, TermPhase};
use lb_sample::LogRecord;
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
pub async fn serve(client: Client, mut stream: Stream) {
    if !admit(&client, &stream) {
        return;
    }
    let session = &client.session;
    let mut start_us = session.accepted_us;
    loop {
        let next = match idle(&client, &stream).await {
            Ok(()) => Box::pin(request::serve_ready(&client, &mut stream, start_us)).await,
            Err(cut) => Box::pin(idle_end(&client, &mut stream, cut, start_us)).await,
        };
        match next {
            Next::KeepAlive if !client.ctx.shared.process.stopping.load(std::sync::atomic::Ordering::Relaxed) => {}
            Next::KeepAlive | Next::Close => {
                let _ = std::future::poll_fn(|cx| stream.poll_end(cx)).await;
                return;
            }
            Next::Linger => return Box::pin(linger(&client, stream)).await,
            Next::Abort => {
                stream.reset_on_close();
                return;
            }
        }
        session.phase.set(Phase::Idle);
        start_us = client.ctx.now_us();
    }
}

/// `tcp-request connection` rules, and the line logged for each connection without a log format.
fn admit(client: &Client, stream: &Stream) -> bool {
    let config = client.proxy.config;
    if config.tcp_request.is_empty() && (config.log_format.is_some() || config.logs.is_empty()) {
        return true;
    }
    client.session.destination.set(stream.local());
    let view = View {
        ctx: client.ctx,
        session: &client.session,
        frontend: client.proxy,
        backend: None,
        server: None,
        request: None,
        response: None,
        request_line: None,
        record: LogRecord::default(),
        back: None,
    };
    if !super::tcp::accepted(config, &view, true) {
        client.ctx.front(client.proxy).denied_connections.inc();
        return false;
    }
    super::tcp::log_connect(client);
    true
}

/// Waits for the first bytes of a request. Small on purpose: this is all that an idle connection runs.
async fn idle(client: &Client, stream: &Stream) -> Result<(), Cut> {
    let timeouts = &client.proxy.config.timeouts;
    let first = client.session.requests.get() == 0;
    let timeout = if first {
        timeouts.http_request.or(timeouts.client)
    } else {
        timeouts.http_keep_alive.or(timeouts.http_request).or(timeouts.client)
    };
    client.ctx.set_deadline(&client.session, timeout);
    client.ctx.wait(&client.session, |cx| stream.poll_readable(cx)).await.map(drop)
}

/// The end of a connection on which no request had begun.
async fn idle_end(client: &Client, stream: &mut Stream, cut: Cut, start_us: u64) -> Next {
    if client.session.requests.get() > 0 || cut != Cut::Timeout {
        return Next::Close;
    }
    let mut txn = Txn { start_us, ..Txn::default() };
    txn.end(TermCause::ClientTimeout, TermPhase::Request);
    client.ctx.front(client.proxy).request_errors.inc();
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
