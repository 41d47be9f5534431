//! The two connections and buffers of one exchange, and the request's way to the server.

use super::super::session::Cut;
use super::super::upstream::Upstream;
use super::Next;
use super::txn::Txn;
use crate::buffer::Buffer;
use crate::data::accept::Client;
use crate::shared::ProxyState;
use crate::stream::Stream;
use lb_check::TrafficEvent;
use lb_config::model::{RetryOn, TimeoutKind};
use lb_http::{BodyTracker, RequestHead};
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
    /// Nothing was sent to the client: a rule answers in the server's place.
    Replaced {
        /// Status and bytes; no bytes: the page of the status.
        reply: (u16, Option<Vec<u8>>),
        /// The request was received whole.
        complete: bool,
    },
    /// The reused connection was dead: nothing was received, and the request can be sent again.
    Replay,
    /// The server failed to answer, and the request is to be sent again (`retry-on`).
    Retry,
}

/// Where the request's way to the server stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upload {
    /// Bytes are still to come or to be sent.
    Going,
    /// All was sent.
    Done,
    /// The server takes no more; its response may still come.
    Refused,
}

/// What stopped an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadError {
    ClientAbort,
    /// The request was complete; the client does not wait for its answer.
    ClientLeft,
    BadBody,
}

/// The two connections and buffers of one exchange.
pub struct Relay<'a> {
    pub(super) client: &'a Client,
    pub(super) stream: &'a mut Stream,
    pub(super) request: &'a mut Buffer,
    pub(super) response: Buffer,
    pub(super) upstream: Option<Upstream>,
    pub(super) backend: &'static ProxyState,
    pub(super) server: Option<usize>,
    pub(super) body: BodyTracker,
    /// Bytes at the front of `request` that belong to the message.
    pub(super) ready: usize,
    /// Of them, bytes already sent but kept in case the request must be sent again.
    pub(super) sent: usize,
    /// Sent bytes stay in the buffer until the response begins.
    pub(super) keep: bool,
    pub(super) upload: Upload,
    /// Bytes received from the client during the exchange.
    pub(super) received: u64,
    /// Bytes sent to the server during the exchange.
    pub(super) uploaded: u64,
    /// Bytes received from the server during the exchange.
    pub(super) downloaded: u64,
    /// The upload moved since the deadline was set.
    pub(super) moved: bool,
    /// The response asks for an authentication that binds its connection.
    pub(super) challenged: bool,
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
            uploaded: 0,
            downloaded: 0,
            moved: false,
            challenged: false,
        }
    }

    /// Moves the request on. Ready when it is complete, refused or broken.
    pub(super) fn poll_upload(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), UploadError>> {
        let Some(upstream) = self.upstream.as_mut() else { return Poll::Ready(Ok(())) };
        loop {
            if self.sent < self.ready {
                let bytes = self.request.data().get(self.sent..self.ready).unwrap_or_default();
                match std::task::ready!(upstream.stream.poll_send(cx, bytes)) {
                    Ok(n) => {
                        self.sent += n;
                        self.uploaded += n as u64;
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
    pub(super) fn settle(&mut self) {
        self.request.consume(self.sent);
        self.ready = self.ready.saturating_sub(self.sent);
        self.sent = 0;
        self.keep = false;
    }

    /// Whether the request is whole and is sent again after this failure. Asked before anything of it is counted.
    pub(super) fn retries_on(&self, failure: RetryOn, txn: &Txn) -> bool {
        let config = self.backend.config.get();
        self.keep && config.retry_on.has(failure) && txn.route.retries < config.retries
    }

    /// The same for an answer of this status.
    pub(super) fn retries_status(&self, status: u16, txn: &Txn) -> bool {
        let config = self.backend.config.get();
        self.keep && config.retry_on.has_status(status) && txn.route.retries < config.retries
    }

    /// The end of an exchange of which nothing was sent to the client.
    pub(super) fn failed(&mut self, status: u16) -> Outcome {
        let complete = self.upload == Upload::Done;
        if complete {
            self.settle();
        }
        Outcome::Error { status, complete }
    }

    /// Ends the exchange with the answer of a rule.
    pub(super) fn replaced(&mut self, status: u16, bytes: Option<Vec<u8>>) -> Outcome {
        match self.failed(status) {
            Outcome::Error { complete, .. } => Outcome::Replaced { reply: (status, bytes), complete },
            other => other,
        }
    }

    /// Whether the wait under way is for the client: for more of its request's body.
    fn waits_for_client(&self) -> bool {
        self.upload == Upload::Going && self.sent == self.ready && !self.body.is_done()
    }

    /// How long the silence may last while the request is sent or its answer comes. As observed, that is the server's time,
    /// whoever is waited for. Where the server has none, a client that is waited for has its own: HAProxy 2.6 then waits for
    /// ever.
    pub(super) fn upload_timeout(&self) -> Option<Duration> {
        if self.client_is_late() { self.client_timeout() } else { self.server_timeout() }
    }

    /// Whether it is the client whose time is over when the silence has lasted.
    pub(super) fn client_is_late(&self) -> bool {
        self.waits_for_client() && self.server_timeout().is_none()
    }

    /// Whether the server does not take what is there for it.
    pub(super) fn waits_for_server_to_take(&self) -> bool {
        self.upload == Upload::Going && self.sent < self.ready
    }

    pub(super) fn server_timeout(&self) -> Option<Duration> {
        self.client.session.knobs.timeout(TimeoutKind::Server, self.backend.config.timeouts.server)
    }

    pub(super) fn client_timeout(&self) -> Option<Duration> {
        self.client.session.knobs.timeout(TimeoutKind::Client, self.client.proxy.config.timeouts.client)
    }
}

impl Drop for Relay<'_> {
    fn drop(&mut self) {
        let empty = std::mem::replace(&mut self.response, Buffer::empty());
        self.client.ctx.buffers.give(empty);
    }
}

pub fn count_response_error(relay: &Relay<'_>) {
    let ctx = relay.client.ctx;
    ctx.back(relay.backend).response_errors.inc();
    if let Some(server) = relay.server.and_then(|i| relay.backend.servers.get(i)) {
        server.counters.of(ctx.index).response_errors.inc();
    }
}

pub fn count_abort(relay: &Relay<'_>, by_client: bool) {
    let ctx = relay.client.ctx;
    let server = relay.server.and_then(|i| relay.backend.servers.get(i)).map(|s| s.counters.of(ctx.index));
    for counters in std::iter::once(ctx.back(relay.backend)).chain(server) {
        if by_client { counters.client_aborts.inc() } else { counters.server_aborts.inc() }
    }
}

pub fn report(relay: &Relay<'_>, event: TrafficEvent) {
    if let Some(server) = relay.server {
        relay.client.ctx.shared.report(relay.backend.index, server, event);
    }
}

/// The same for what the client does not get to see, as the request is sent again: as observed, `observe` does not count it.
pub fn report_retried(relay: &Relay<'_>, event: TrafficEvent) {
    let server = relay.server.and_then(|index| relay.backend.servers.get(index));
    if server.is_some_and(|server| server.config().max_fails > 0) {
        report(relay, event);
    }
}

/// Sends the first `len` bytes of the response buffer to the client.
pub async fn send_front(relay: &mut Relay<'_>, txn: &mut Txn, len: usize) -> Result<(), Outcome> {
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
            Err(cut) => return Err(cut_while_sending(relay, txn, cut)),
        }
    }
    Ok(())
}

pub fn cut_while_sending(relay: &Relay<'_>, txn: &mut Txn, cut: Cut) -> Outcome {
    match cut {
        Cut::Timeout => {
            txn.end(TermCause::ClientTimeout, TermPhase::Data);
            count_abort(relay, true);
        }
        Cut::Killed(cause) => txn.end(cause, TermPhase::Data),
        Cut::Gone => txn.end(TermCause::ClientAbort, TermPhase::Data),
    }
    Outcome::Done(Next::Abort)
}
