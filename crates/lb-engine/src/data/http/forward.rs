//! Moving one exchange's bytes: the request to the server while the response comes back.

use super::super::session::{Cut, Phase};
use super::super::tunnel;
use super::super::upstream::Upstream;
use super::request::capture_response;
use super::rules::{self, Verdict};
use super::txn::Txn;
use super::{Next, cookie};
use crate::buffer::Buffer;
use crate::data::accept::Client;
use crate::shared::ProxyState;
use crate::stream::Stream;
use lb_check::TrafficEvent;
use lb_http::{BodyFraming, BodyTracker, HeadEdit, RequestHead, ResponseHead, parse_response};
use lb_model::{TermCause, TermPhase};
use std::task::{Context, Poll};
use std::time::Duration;

/// How an exchange went.
#[derive(Debug)]
pub enum Outcome {
    /// The response was sent, wholly or as far as the peers let us.
    Done(Next),
    /// Nothing was sent to the client: answer with this status.
    Error {
        /// 502, 504, 400 or 408.
        status: u16,
        /// The request was received whole: its connection may serve another.
        complete: bool,
    },
    /// The reused connection was dead: nothing was received, and the request can be sent again.
    Replay,
}

/// Where the request's way to the server stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Upload {
    /// Bytes are still to come or to be sent.
    Going,
    /// All was sent.
    Done,
    /// The server takes no more; its response may still come.
    Refused,
}

/// What stopped an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UploadError {
    ClientAbort,
    /// The request was complete; the client does not wait for its answer.
    ClientLeft,
    BadBody,
}

/// The two connections and buffers of one exchange.
pub struct Relay<'a> {
    client: &'a Client,
    stream: &'a mut Stream,
    request: &'a mut Buffer,
    response: Buffer,
    upstream: Option<Upstream>,
    backend: &'static ProxyState,
    server: Option<usize>,
    body: BodyTracker,
    /// Bytes at the front of `request` that belong to the message.
    ready: usize,
    /// Of them, bytes already sent but kept in case the request must be sent again.
    sent: usize,
    /// Sent bytes stay in the buffer until the response begins.
    keep: bool,
    upload: Upload,
}

impl<'a> Relay<'a> {
    /// An exchange about to start: the request's head is at the front of `request`.
    pub fn new(
        client: &'a Client,
        stream: &'a mut Stream,
        request: &'a mut Buffer,
        upstream: Upstream,
        head: &RequestHead,
        backend: &'static ProxyState,
        server: Option<usize>,
    ) -> Self {
        Self {
            client,
            stream,
            request,
            response: client.ctx.buffers.take(),
            upstream: Some(upstream),
            backend,
            server,
            body: BodyTracker::new(head.framing),
            ready: head.len as usize,
            sent: 0,
            keep: false,
            upload: Upload::Going,
        }
    }

    /// Moves the request on. Ready when it is complete, refused or broken.
    fn poll_upload(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), UploadError>> {
        let Some(upstream) = self.upstream.as_mut() else { return Poll::Ready(Ok(())) };
        loop {
            if self.sent < self.ready {
                let bytes = self.request.data().get(self.sent..self.ready).unwrap_or_default();
                match std::task::ready!(upstream.stream.poll_send(cx, bytes)) {
                    Ok(n) => self.sent += n,
                    Err(_) => {
                        self.upload = Upload::Refused;
                        return Poll::Ready(Ok(()));
                    }
                }
                continue;
            }
            if self.body.is_done() {
                self.upload = Upload::Done;
                return Poll::Ready(Ok(()));
            }
            self.request.consume(self.sent);
            (self.sent, self.ready) = (0, 0);
            self.request.compact();
            match std::task::ready!(self.stream.poll_fill(cx, self.request)) {
                Ok(n) if n > 0 => {
                    let progress = self.body.advance(self.request.data()).map_err(|_| UploadError::BadBody);
                    match progress {
                        Ok(progress) => self.ready = progress.consumed,
                        Err(e) => return Poll::Ready(Err(e)),
                    }
                }
                _ => return Poll::Ready(Err(UploadError::ClientAbort)),
            }
        }
    }

    /// Forgets the request's bytes once they need not be sent again.
    fn settle(&mut self) {
        self.request.consume(self.sent);
        self.ready = self.ready.saturating_sub(self.sent);
        self.sent = 0;
        self.keep = false;
    }

    /// The end of an exchange of which nothing was sent to the client.
    fn failed(&mut self, status: u16) -> Outcome {
        let complete = self.upload == Upload::Done;
        if complete && self.keep {
            self.settle();
        }
        Outcome::Error { status, complete }
    }

    fn server_timeout(&self) -> Option<Duration> {
        self.backend.config.timeouts.server
    }

    fn client_timeout(&self) -> Option<Duration> {
        self.client.proxy.config.timeouts.client
    }
}

impl Drop for Relay<'_> {
    fn drop(&mut self) {
        let empty = std::mem::replace(&mut self.response, Buffer::empty());
        self.client.ctx.buffers.give(empty);
    }
}

/// What came of waiting for the response's head.
enum Reply {
    Bytes,
    End,
}

/// Runs an exchange to its end.
pub async fn run(mut relay: Relay<'_>, txn: &mut Txn, head: &RequestHead) -> Outcome {
    let after_head = relay.request.data().get(relay.ready..).unwrap_or_default();
    match relay.body.advance(after_head) {
        Ok(progress) => relay.ready += progress.consumed,
        Err(_) => return bad_request(&mut relay, txn),
    }
    // A request that is wholly in the buffer can be sent again if a pooled connection turns out to be dead.
    relay.keep = relay.body.is_done();
    relay.client.session.phase.set(Phase::Response);
    let response = match receive_head(&mut relay, txn, head).await {
        Ok(response) => response,
        Err(outcome) => return outcome,
    };
    if response.status == 101 && head.upgrade {
        return upgrade(relay, txn, response).await;
    }
    deliver(relay, txn, head, response).await
}

fn bad_request(relay: &mut Relay<'_>, txn: &mut Txn) -> Outcome {
    txn.end(TermCause::ClientAbort, TermPhase::Data);
    relay.client.ctx.front(relay.client.proxy).request_errors.inc();
    relay.failed(400)
}

/// Sends the request and waits for a final response's head, or a switch of protocols. Interim responses are passed on.
async fn receive_head(relay: &mut Relay<'_>, txn: &mut Txn, head: &RequestHead) -> Result<ResponseHead, Outcome> {
    let client = relay.client;
    let ctx = client.ctx;
    loop {
        let timeout = if relay.upload == Upload::Going { relay.client_timeout() } else { relay.server_timeout() };
        let timeout = if relay.keep { relay.server_timeout() } else { timeout };
        ctx.set_deadline(&client.session, timeout);
        let polled = ctx
            .wait(&client.session, |cx| {
                if relay.upload == Upload::Going {
                    match relay.poll_upload(cx) {
                        Poll::Ready(Err(e)) => return Poll::Ready(Err(e)),
                        Poll::Ready(Ok(())) | Poll::Pending => {}
                    }
                }
                let Some(upstream) = relay.upstream.as_mut() else { return Poll::Ready(Ok(Reply::End)) };
                match upstream.stream.poll_fill(cx, &mut relay.response) {
                    Poll::Ready(Ok(n)) if n > 0 => return Poll::Ready(Ok(Reply::Bytes)),
                    Poll::Ready(_) => return Poll::Ready(Ok(Reply::End)),
                    Poll::Pending => {}
                }
                let watched = relay.backend.config.options.abortonclose && relay.upload == Upload::Done;
                if watched && relay.stream.poll_gone(cx).is_ready() {
                    return Poll::Ready(Err(UploadError::ClientLeft));
                }
                Poll::Pending
            })
            .await;
        match polled {
            Ok(Ok(Reply::Bytes)) => {}
            Ok(Ok(Reply::End)) => return Err(no_response(relay, txn, head)),
            Ok(Err(UploadError::BadBody)) => return Err(bad_request(relay, txn)),
            Ok(Err(aborted)) => {
                let waited = aborted == UploadError::ClientLeft;
                txn.end(TermCause::ClientAbort, if waited { TermPhase::Headers } else { TermPhase::Data });
                count_abort(relay, true);
                return Err(Outcome::Done(Next::Abort));
            }
            Err(Cut::Timeout) if relay.upload == Upload::Going && !relay.keep => {
                txn.end(TermCause::ClientTimeout, TermPhase::Data);
                return Err(relay.failed(408));
            }
            Err(Cut::Timeout) => {
                txn.end(TermCause::ServerTimeout, TermPhase::Headers);
                report(relay, TrafficEvent::ResponseTimeout);
                count_response_error(relay);
                return Err(relay.failed(504));
            }
            Err(Cut::Killed(cause)) => {
                txn.end(cause, TermPhase::Headers);
                return Err(Outcome::Done(Next::Abort));
            }
            Err(Cut::Gone) => return Err(Outcome::Done(Next::Abort)),
        }
        if relay.keep {
            relay.settle();
        }
        if let Some(response) = parse_head(relay, txn, head).await? {
            return Ok(response);
        }
    }
}

/// Parses what was received. `Ok(None)`: more is needed.
async fn parse_head(relay: &mut Relay<'_>, txn: &mut Txn, head: &RequestHead) -> Result<Option<ResponseHead>, Outcome> {
    let maxhdr = relay.client.ctx.shared.limits.maxhdr;
    loop {
        match parse_response(relay.response.data(), maxhdr, head.is_head) {
            Ok(Some(response)) if response.status < 200 && response.status != 101 => {
                if head.minor == 1 {
                    let len = response.len as usize;
                    send_front(relay, txn, len).await?;
                } else {
                    relay.response.consume(response.len as usize);
                }
                if relay.response.is_empty() {
                    return Ok(None);
                }
            }
            Ok(Some(response)) => {
                txn.response_us = relay.client.ctx.now_us();
                report(relay, TrafficEvent::of_status(response.status));
                return Ok(Some(response));
            }
            Ok(None) if relay.response.is_full() => {
                return Err(bad_response(
                    relay,
                    txn,
                    "the response's head does not fit into the buffer (tune.bufsize)",
                ));
            }
            Ok(None) => {
                relay.response.compact();
                return Ok(None);
            }
            Err(error) => return Err(bad_response(relay, txn, error.0)),
        }
    }
}

fn bad_response(relay: &mut Relay<'_>, txn: &mut Txn, reason: &str) -> Outcome {
    txn.end(TermCause::Proxy, TermPhase::Headers);
    capture_response(relay.client, txn, &relay.response, reason);
    report(relay, TrafficEvent::ResponseInvalid);
    count_response_error(relay);
    relay.failed(502)
}

/// The server closed without a whole head.
fn no_response(relay: &mut Relay<'_>, txn: &mut Txn, head: &RequestHead) -> Outcome {
    let reused = relay.upstream.as_ref().is_some_and(|u| u.reused);
    let safe_method = matches!(head_method(relay, head), b"GET" | b"HEAD" | b"OPTIONS" | b"PUT" | b"DELETE" | b"TRACE");
    if reused && relay.keep && relay.response.is_empty() && safe_method {
        return Outcome::Replay;
    }
    txn.end(TermCause::ServerAbort, TermPhase::Headers);
    report(relay, TrafficEvent::ResponseClosed);
    count_response_error(relay);
    relay.failed(502)
}

fn head_method<'b>(relay: &'b Relay<'_>, head: &RequestHead) -> &'b [u8] {
    head.method.get(relay.request.data())
}

fn count_response_error(relay: &Relay<'_>) {
    let ctx = relay.client.ctx;
    ctx.back(relay.backend).response_errors.inc();
    if let Some(server) = relay.server.and_then(|i| relay.backend.servers.get(i)) {
        server.counters.of(ctx.index).response_errors.inc();
    }
}

fn count_abort(relay: &Relay<'_>, by_client: bool) {
    let ctx = relay.client.ctx;
    let server = relay.server.and_then(|i| relay.backend.servers.get(i)).map(|s| s.counters.of(ctx.index));
    for counters in std::iter::once(ctx.back(relay.backend)).chain(server) {
        if by_client { counters.client_aborts.inc() } else { counters.server_aborts.inc() }
    }
}

fn report(relay: &Relay<'_>, event: TrafficEvent) {
    if let Some(server) = relay.server {
        relay.client.ctx.shared.report(relay.backend.index, server, event);
    }
}

/// Sends the first `len` bytes of the response buffer to the client.
async fn send_front(relay: &mut Relay<'_>, txn: &mut Txn, len: usize) -> Result<(), Outcome> {
    let client = relay.client;
    client.ctx.set_deadline(&client.session, relay.client_timeout());
    let mut left = len;
    while left > 0 {
        let sent = client
            .ctx
            .wait(&client.session, |cx| {
                relay.stream.poll_send(cx, relay.response.data().get(..left).unwrap_or_default())
            })
            .await;
        match sent {
            Ok(Ok(n)) => {
                relay.response.consume(n);
                txn.bytes_out += n as u64;
                left -= n;
            }
            Ok(Err(_)) => {
                txn.end(TermCause::ClientAbort, TermPhase::Data);
                count_abort(relay, true);
                return Err(Outcome::Done(Next::Abort));
            }
            Err(cut) => return Err(cut_while_sending(txn, cut)),
        }
    }
    Ok(())
}

fn cut_while_sending(txn: &mut Txn, cut: Cut) -> Outcome {
    match cut {
        Cut::Timeout => txn.end(TermCause::ClientTimeout, TermPhase::Data),
        Cut::Killed(cause) => txn.end(cause, TermPhase::Data),
        Cut::Gone => txn.end(TermCause::ClientAbort, TermPhase::Data),
    }
    Outcome::Done(Next::Abort)
}

/// Edits the response's head and sends all of the response.
async fn deliver(mut relay: Relay<'_>, txn: &mut Txn, head: &RequestHead, mut response: ResponseHead) -> Outcome {
    let client = relay.client;
    let backend = relay.backend;
    for by in [backend, client.proxy] {
        let rules = &by.config.http_response;
        if rules.is_empty()
            || (by.index == backend.index && by.index == client.proxy.index && relay.upload == Upload::Refused)
        {
            continue;
        }
        match rules::run_response(client, txn, rules, &mut relay.response, &mut response) {
            Verdict::Pass | Verdict::Reply { .. } => {}
            Verdict::Deny(status) => {
                txn.end(TermCause::Proxy, TermPhase::Headers);
                client.ctx.back(backend).denied_responses.inc();
                return relay.failed(status);
            }
            Verdict::TooLarge => {
                txn.end(TermCause::Proxy, TermPhase::Headers);
                client.ctx.back(backend).failed_rewrites.inc();
                return relay.failed(500);
            }
        }
        if by.index == client.proxy.index {
            break;
        }
    }
    let keep_client = keeps_client(&relay, head, &response);
    if !edit_head(&mut relay, txn, head, &mut response, keep_client) {
        txn.end(TermCause::Proxy, TermPhase::Headers);
        return relay.failed(500);
    }
    txn.status = response.status;
    client.session.phase.set(Phase::Data);
    match send_response(&mut relay, txn, &response).await {
        Ok(()) => {}
        Err(outcome) => return outcome,
    }
    finish(relay, head, &response, keep_client)
}

/// Whether the client's connection can serve another request after this response.
fn keeps_client(relay: &Relay<'_>, head: &RequestHead, response: &ResponseHead) -> bool {
    let front = &relay.client.proxy.config.options;
    let stopping = relay.client.ctx.shared.process.stopping.load(std::sync::atomic::Ordering::Relaxed);
    head.keep_alive
        && response.framing != BodyFraming::UntilClose
        && !front.httpclose
        && !relay.backend.config.options.httpclose
        && relay.upload == Upload::Done
        && !stopping
}

/// Changes the response's head for the client. `false`: it does not fit.
fn edit_head(
    relay: &mut Relay<'_>,
    txn: &mut Txn,
    head: &RequestHead,
    response: &mut ResponseHead,
    keep_client: bool,
) -> bool {
    let mut edit = HeadEdit::default();
    let buf = relay.response.data();
    if response.has_connection {
        super::exchange::hop_by_hop(buf, &response.headers, &mut edit);
    }
    if response.normalize_length {
        edit.remove_all(buf, &response.headers, "content-length");
        if let BodyFraming::Length(n) = response.framing {
            edit.add(b"content-length", n.to_string().as_bytes());
        }
    }
    if !keep_client {
        if response.minor == 1 {
            edit.add(b"connection", b"close");
        }
    } else if head.minor == 0 || response.minor == 0 {
        edit.add(b"connection", b"keep-alive");
    }
    if let (Some(config), Some(server)) = (&relay.backend.config.cookie, relay.server) {
        let is_post = head.method.len() == 4 && !head.is_head && head.framing != BodyFraming::None;
        let persistence = &mut txn.persistence;
        cookie::write_response(relay.backend, config, server, persistence, is_post, (buf, response), &mut edit);
    }
    if edit.is_empty() && !response.bare_lf {
        return true;
    }
    let ctx = relay.client.ctx;
    let mut scratch = ctx.scratch.take();
    scratch.clear();
    let first = lb_http::Span::new(0, response.headers.start());
    edit.write(buf, first, &response.headers, &mut scratch);
    let fits = relay.response.replace_front(response.len as usize, &scratch);
    response.len = scratch.len() as u32;
    ctx.scratch.set(scratch);
    fits
}

/// Sends head and body, while the rest of the request, if any, goes the other way.
async fn send_response(relay: &mut Relay<'_>, txn: &mut Txn, response: &ResponseHead) -> Result<(), Outcome> {
    let client = relay.client;
    let ctx = client.ctx;
    let mut body = BodyTracker::new(response.framing);
    let len = response.len as usize;
    let Ok(progress) = body.advance(relay.response.data().get(len..).unwrap_or_default()) else {
        return Err(bad_response(relay, txn, "chunked body"));
    };
    let mut ready = len + progress.consumed;
    loop {
        let waits_for_server = ready == 0;
        ctx.set_deadline(
            &client.session,
            if waits_for_server { relay.server_timeout() } else { relay.client_timeout() },
        );
        let step = ctx
            .wait(&client.session, |cx| {
                if relay.upload == Upload::Going && matches!(relay.poll_upload(cx), Poll::Ready(Err(_))) {
                    relay.upload = Upload::Refused;
                }
                if ready > 0 {
                    let bytes = relay.response.data().get(..ready).unwrap_or_default();
                    return relay.stream.poll_send(cx, bytes).map(Step::Sent);
                }
                relay.response.compact();
                match relay.upstream.as_mut() {
                    Some(upstream) => upstream.stream.poll_fill(cx, &mut relay.response).map(Step::Received),
                    None => Poll::Ready(Step::Received(Ok(0))),
                }
            })
            .await;
        match step {
            Ok(Step::Sent(Ok(n))) => {
                relay.response.consume(n);
                txn.bytes_out += n as u64;
                ready -= n;
                if ready == 0 && body.is_done() {
                    return Ok(());
                }
            }
            Ok(Step::Sent(Err(_))) => {
                txn.end(TermCause::ClientAbort, TermPhase::Data);
                count_abort(relay, true);
                return Err(Outcome::Done(Next::Abort));
            }
            Ok(Step::Received(Ok(n))) if n > 0 => match body.advance(relay.response.data()) {
                Ok(progress) => ready = progress.consumed,
                Err(_) => {
                    txn.end(TermCause::Proxy, TermPhase::Data);
                    count_response_error(relay);
                    return Err(Outcome::Done(Next::Abort));
                }
            },
            Ok(Step::Received(Ok(_))) if matches!(body, BodyTracker::UntilClose) => return Ok(()),
            Ok(Step::Received(_)) => {
                // The body was cut short: the client must not take it for complete.
                txn.end(TermCause::ServerAbort, TermPhase::Data);
                count_abort(relay, false);
                return Err(Outcome::Done(Next::Abort));
            }
            Err(Cut::Timeout) if waits_for_server => {
                txn.end(TermCause::ServerTimeout, TermPhase::Data);
                return Err(Outcome::Done(Next::Abort));
            }
            Err(cut) => return Err(cut_while_sending(txn, cut)),
        }
    }
}

enum Step {
    Sent(std::io::Result<usize>),
    Received(std::io::Result<usize>),
}

/// Keeps or closes both connections after a complete response.
fn finish(mut relay: Relay<'_>, head: &RequestHead, response: &ResponseHead, keep_client: bool) -> Outcome {
    let ctx = relay.client.ctx;
    let options = &relay.backend.config.options;
    let keep_server = response.keep_alive
        && relay.upload == Upload::Done
        && relay.response.is_empty()
        && !options.httpclose
        && !options.http_server_close
        && relay.backend.config.http_reuse != lb_config::model::HttpReuse::Never;
    if let (Some(upstream), Some(index)) = (relay.upstream.take().filter(|_| keep_server), relay.server) {
        let pool = ctx.pool(relay.backend.index, index);
        if let (Some(pool), Some(server)) = (pool, relay.backend.servers.get(index)) {
            pool.give(server, upstream, ctx.now_ms());
        }
    }
    let _ = head;
    Outcome::Done(if keep_client {
        Next::KeepAlive
    } else if relay.upload == Upload::Done {
        Next::Close
    } else {
        Next::Linger
    })
}

/// Passes the switch of protocols on and becomes a tunnel.
async fn upgrade(mut relay: Relay<'_>, txn: &mut Txn, response: ResponseHead) -> Outcome {
    let client = relay.client;
    txn.status = response.status;
    if let Err(outcome) = send_front(&mut relay, txn, response.len as usize).await {
        return outcome;
    }
    let Some(upstream) = relay.upstream.take() else { return Outcome::Done(Next::Abort) };
    client.session.phase.set(Phase::Data);
    let response_buffer = std::mem::replace(&mut relay.response, Buffer::empty());
    let request_buffer = std::mem::replace(relay.request, Buffer::empty());
    let timeouts = tunnel::Timeouts::of(client.proxy, relay.backend);
    let ended = tunnel::run(client, relay.stream, upstream.stream, request_buffer, response_buffer, timeouts).await;
    txn.bytes_in += ended.from_client;
    txn.bytes_out += ended.to_client;
    txn.termination = ended.termination;
    Outcome::Done(if ended.clean { Next::Close } else { Next::Abort })
}
