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
    /// Bytes received from the client during the exchange.
    received: u64,
    /// The upload moved since the deadline was set.
    moved: bool,
    /// The response asks for an authentication that binds its connection.
    challenged: bool,
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
            received: 0,
            moved: false,
            challenged: false,
        }
    }

    /// Moves the request on. Ready when it is complete, refused or broken.
    fn poll_upload(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), UploadError>> {
        let Some(upstream) = self.upstream.as_mut() else { return Poll::Ready(Ok(())) };
        loop {
            if self.sent < self.ready {
                let bytes = self.request.data().get(self.sent..self.ready).unwrap_or_default();
                match std::task::ready!(upstream.stream.poll_send(cx, bytes)) {
                    Ok(n) => {
                        self.sent += n;
                        self.moved = true;
                    }
                    Err(_) => {
                        self.upload = Upload::Refused;
                        return Poll::Ready(Ok(()));
                    }
                }
                continue;
            }
            if self.body.is_done() {
                self.upload = Upload::Done;
                // What was sent must be gone from the buffer before the next request is looked for in it.
                if !self.keep {
                    self.settle();
                }
                return Poll::Ready(Ok(()));
            }
            self.request.consume(self.sent);
            (self.sent, self.ready) = (0, 0);
            self.request.compact();
            match std::task::ready!(self.stream.poll_fill(cx, self.request)) {
                Ok(n) if n > 0 => {
                    self.received += n as u64;
                    self.moved = true;
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
        if complete {
            self.settle();
        }
        Outcome::Error { status, complete }
    }

    /// Whether the wait under way is for the client: for more of its request's body.
    fn waits_for_client(&self) -> bool {
        self.upload == Upload::Going && self.sent == self.ready && !self.body.is_done()
    }

    /// How long the silence may last while the request is sent or its answer awaited.
    fn upload_timeout(&self) -> Option<Duration> {
        if self.waits_for_client() { self.client_timeout() } else { self.server_timeout() }
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
    /// The upload moved: the silence starts again.
    Progress,
}

/// Runs an exchange to its end.
pub async fn run(mut relay: Relay<'_>, txn: &mut Txn, head: &RequestHead) -> Outcome {
    let outcome = exchange(&mut relay, txn, head).await;
    txn.bytes_in += relay.received;
    outcome
}

async fn exchange(relay: &mut Relay<'_>, txn: &mut Txn, head: &RequestHead) -> Outcome {
    let after_head = relay.request.data().get(relay.ready..).unwrap_or_default();
    match relay.body.advance(after_head) {
        Ok(progress) => relay.ready += progress.consumed,
        Err(_) => return bad_request(relay, txn),
    }
    // A request that is wholly in the buffer can be sent again if a pooled connection turns out to be dead.
    relay.keep = relay.body.is_done();
    relay.client.session.phase.set(Phase::Response);
    let response = match receive_head(relay, txn, head).await {
        Ok(response) => response,
        Err(outcome) => return outcome,
    };
    let connected = head.is_connect && (200..300).contains(&response.status);
    if connected || response.status == 101 {
        return switch_protocols(relay, txn, response).await;
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
        ctx.set_deadline(&client.session, relay.upload_timeout());
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
                if std::mem::take(&mut relay.moved) {
                    return Poll::Ready(Ok(Reply::Progress));
                }
                Poll::Pending
            })
            .await;
        match polled {
            Ok(Ok(Reply::Bytes)) => {}
            Ok(Ok(Reply::Progress)) => continue,
            Ok(Ok(Reply::End)) => return Err(no_response(relay, txn, head)),
            Ok(Err(UploadError::BadBody)) => return Err(bad_request(relay, txn)),
            Ok(Err(aborted)) => {
                let waited = aborted == UploadError::ClientLeft;
                txn.end(TermCause::ClientAbort, if waited { TermPhase::Headers } else { TermPhase::Data });
                count_abort(relay, true);
                return Err(Outcome::Done(Next::Abort));
            }
            Err(Cut::Timeout) if relay.waits_for_client() => {
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
            Ok(Some(response)) if response.status == 101 && !head.upgrade => {
                return Err(bad_response(relay, txn, "a switch of protocols that was not asked for"));
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
async fn deliver(relay: &mut Relay<'_>, txn: &mut Txn, head: &RequestHead, mut response: ResponseHead) -> Outcome {
    let client = relay.client;
    let backend = relay.backend;
    for by in [backend, client.proxy] {
        let rules = &by.config.http_response;
        if rules.is_empty() {
            continue;
        }
        match rules::run_response(client, txn, rules, &mut relay.response, &mut response) {
            Verdict::Pass | Verdict::Reply { .. } | Verdict::Reject => {}
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
    relay.challenged = matches!(response.status, 401 | 407) && challenges_connection(relay, &response);
    let keep_client = keeps_client(relay, head, &response);
    if !edit_head(relay, txn, head, &mut response, keep_client) {
        txn.end(TermCause::Proxy, TermPhase::Headers);
        return relay.failed(500);
    }
    txn.status = response.status;
    client.session.phase.set(Phase::Data);
    match send_response(relay, txn, &response).await {
        Ok(()) => {}
        Err(outcome) => return outcome,
    }
    finish(relay, &response, keep_client)
}

/// Whether a challenge names a scheme that authenticates connections rather than requests.
fn challenges_connection(relay: &Relay<'_>, response: &ResponseHead) -> bool {
    let buf = relay.response.data();
    ["www-authenticate", "proxy-authenticate"].into_iter().any(|name| {
        response.headers.values(buf, name).any(|value| {
            let scheme = value.split(|&b| b == b' ' || b == b',').next().unwrap_or_default();
            scheme.eq_ignore_ascii_case(b"ntlm") || scheme.eq_ignore_ascii_case(b"negotiate")
        })
    })
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
        let timeout = if waits_for_server { relay.upload_timeout() } else { relay.client_timeout() };
        ctx.set_deadline(&client.session, timeout);
        let step = ctx
            .wait(&client.session, |cx| {
                if relay.upload == Upload::Going && matches!(relay.poll_upload(cx), Poll::Ready(Err(_))) {
                    relay.upload = Upload::Refused;
                }
                let step = if ready > 0 {
                    let bytes = relay.response.data().get(..ready).unwrap_or_default();
                    relay.stream.poll_send(cx, bytes).map(Step::Sent)
                } else {
                    relay.response.compact();
                    match relay.upstream.as_mut() {
                        Some(upstream) => upstream.stream.poll_fill(cx, &mut relay.response).map(Step::Received),
                        None => Poll::Ready(Step::Received(Ok(0))),
                    }
                };
                if step.is_pending() && std::mem::take(&mut relay.moved) {
                    return Poll::Ready(Step::Uploaded);
                }
                step
            })
            .await;
        match step {
            Ok(Step::Uploaded) => {}
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
    /// The upload moved: the silence starts again.
    Uploaded,
    Sent(std::io::Result<usize>),
    Received(std::io::Result<usize>),
}

/// Keeps or closes both connections after a complete response.
fn finish(relay: &mut Relay<'_>, response: &ResponseHead, keep_client: bool) -> Outcome {
    let ctx = relay.client.ctx;
    let options = &relay.backend.config.options;
    let keep_server = response.keep_alive
        && relay.upload == Upload::Done
        && relay.response.is_empty()
        && !options.httpclose
        && !options.http_server_close
        && relay.backend.config.http_reuse != lb_config::model::HttpReuse::Never;
    if let (Some(upstream), Some(index)) = (relay.upstream.take().filter(|_| keep_server), relay.server) {
        if upstream.private || binds_connection(relay, response) {
            relay.client.keep_private(relay.backend.index, index, upstream);
            return Outcome::Done(next_for(relay, keep_client));
        }
        let pool = ctx.pool(relay.backend.index, index);
        if let (Some(pool), Some(server)) = (pool, relay.backend.servers.get(index)) {
            pool.give(server, upstream, ctx.now_ms());
        }
    }
    Outcome::Done(next_for(relay, keep_client))
}

fn next_for(relay: &Relay<'_>, keep_client: bool) -> Next {
    if keep_client {
        Next::KeepAlive
    } else if relay.upload == Upload::Done {
        Next::Close
    } else {
        Next::Linger
    }
}

/// Whether the response begins an authentication of the connection itself (NTLM, Negotiate): it must then serve this
/// client alone.
fn binds_connection(relay: &Relay<'_>, response: &ResponseHead) -> bool {
    relay.challenged && matches!(response.status, 401 | 407)
}

/// Passes the switch of protocols on and becomes a tunnel.
async fn switch_protocols(relay: &mut Relay<'_>, txn: &mut Txn, response: ResponseHead) -> Outcome {
    let client = relay.client;
    txn.status = response.status;
    relay.settle();
    if let Err(outcome) = send_front(relay, txn, response.len as usize).await {
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
