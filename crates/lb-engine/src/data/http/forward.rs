//! One exchange over its two connections: the request goes up while the response's head is awaited.

use super::super::session::{Cut, Phase};
use super::super::tunnel;
use super::Next;
use super::deliver::{deliver, tell_response};
use super::relay::{
    Outcome, Relay, Upload, UploadError, count_abort, count_response_error, report, report_retried, send_front,
};
use super::request::{capture, capture_response};
use super::txn::Txn;
use crate::buffer::Buffer;
use crate::data::traced;
use crate::trace::Source;
use lb_check::TrafficEvent;
use lb_config::model::RetryOn;
use lb_http::{RequestHead, ResponseHead, parse_response};
use lb_model::{TermCause, TermPhase};
use std::task::Poll;

/// What came of waiting for the response's head.
enum Reply {
    Bytes,
    End,
    /// The connection broke.
    Broken,
    /// The upload moved: the silence starts again.
    Progress,
}

/// Runs an exchange to its end.
pub async fn run(mut relay: Relay<'_>, txn: &mut Txn, head: &RequestHead) -> Outcome {
    let outcome = exchange(&mut relay, txn, head).await;
    txn.bytes_in += relay.received;
    txn.server_bytes_out += relay.uploaded;
    txn.server_bytes_in += relay.downloaded;
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
    txn.end(TermCause::Proxy, TermPhase::Headers);
    capture(relay.client, relay.request, "invalid chunked body");
    relay.client.count(|c| &c.request_errors);
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
                    Poll::Ready(Ok(n)) if n > 0 => {
                        relay.downloaded += n as u64;
                        return Poll::Ready(Ok(Reply::Bytes));
                    }
                    Poll::Ready(Ok(_)) => return Poll::Ready(Ok(Reply::End)),
                    Poll::Ready(Err(_)) => return Poll::Ready(Ok(Reply::Broken)),
                    Poll::Pending => {}
                }
                let watched = relay.backend.config.options.abortonclose && relay.upload == Upload::Done;
                if watched && let Poll::Ready(gone) = relay.stream.poll_gone(cx) {
                    return Poll::Ready(Err(gone.map_or(UploadError::ClientAbort, |()| UploadError::ClientLeft)));
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
            Ok(Ok(ended @ (Reply::End | Reply::Broken))) => {
                return Err(no_response(relay, txn, head, matches!(ended, Reply::Broken)));
            }
            Ok(Err(UploadError::BadBody)) => return Err(bad_request(relay, txn)),
            Ok(Err(aborted)) => {
                count_abort(relay, true);
                if aborted == UploadError::ClientLeft {
                    txn.end(TermCause::ClientAbort, TermPhase::Headers);
                    return Err(relay.failed(400));
                }
                txn.end(TermCause::ClientAbort, TermPhase::Data);
                return Err(Outcome::Done(Next::Abort));
            }
            Err(Cut::Timeout) if relay.client_is_late() => {
                txn.end(TermCause::ClientTimeout, TermPhase::Data);
                return Err(relay.failed(408));
            }
            Err(Cut::Timeout) if relay.waits_for_server_to_take() => {
                // As observed, nothing is answered to a client that is still sending.
                txn.end(TermCause::ServerTimeout, TermPhase::Data);
                count_abort(relay, false);
                return Err(Outcome::Done(Next::Abort));
            }
            Err(Cut::Timeout) => {
                if relay.response.is_empty() && relay.retries_on(RetryOn::RESPONSE_TIMEOUT, txn) {
                    report_retried(relay, TrafficEvent::ResponseTimeout);
                    return Err(Outcome::Retry);
                }
                report(relay, TrafficEvent::ResponseTimeout);
                txn.end(TermCause::ServerTimeout, TermPhase::Headers);
                count_response_error(relay);
                return Err(relay.failed(504));
            }
            Err(Cut::Killed(cause)) => {
                txn.end(cause, TermPhase::Headers);
                client.session.revive();
                return Err(Outcome::Error { status: 502, complete: false });
            }
            Err(Cut::Gone) => return Err(Outcome::Done(Next::Abort)),
        }
        // What answers decide on must be able to be sent again until they are read.
        if relay.keep && !relay.backend.config.retry_on.reads_answers() {
            relay.settle();
        }
        if let Some(response) = parse_head(relay, txn, head).await? {
            if relay.keep {
                relay.settle();
            }
            return Ok(response);
        }
    }
}

/// Parses what was received. `Ok(None)`: more is needed.
async fn parse_head(relay: &mut Relay<'_>, txn: &mut Txn, head: &RequestHead) -> Result<Option<ResponseHead>, Outcome> {
    let maxhdr = relay.client.ctx.shared.limits.maxhdr;
    loop {
        match parse_response(relay.response.data(), maxhdr, head.is_head) {
            // Empty lines before a response are dropped.
            Ok(Some(response)) if response.leading > 0 => relay.response.consume(response.leading as usize),
            Ok(Some(response)) if response.status < 200 && response.status != 101 => {
                if relay.keep {
                    relay.settle();
                }
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
                if relay.client.ctx.shared.traces.is_on(Source::H1) {
                    traced::response(relay.client, response.status);
                }
                let event = TrafficEvent::of_status(response.status);
                if relay.retries_status(response.status, txn) {
                    report_retried(relay, event);
                    return Err(Outcome::Retry);
                }
                report(relay, event);
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

pub fn bad_response(relay: &mut Relay<'_>, txn: &mut Txn, reason: &str) -> Outcome {
    capture_response(relay.client, txn, &relay.response, reason);
    report(relay, TrafficEvent::ResponseInvalid);
    count_response_error(relay);
    if relay.retries_on(RetryOn::JUNK_RESPONSE, txn) {
        return Outcome::Retry;
    }
    txn.end(TermCause::Proxy, TermPhase::Headers);
    relay.client.session.trackers.http_failure(relay.client.ctx.now_ms());
    relay.failed(502)
}

/// The server closed without a whole head, or its connection broke. As observed, that is an error of its own.
fn no_response(relay: &mut Relay<'_>, txn: &mut Txn, head: &RequestHead, broken: bool) -> Outcome {
    let reused = relay.upstream.as_ref().is_some_and(|u| u.reused);
    let safe_method = matches!(head_method(relay, head), b"GET" | b"HEAD" | b"OPTIONS" | b"PUT" | b"DELETE" | b"TRACE");
    if reused && relay.keep && relay.response.is_empty() && safe_method {
        return Outcome::Replay;
    }
    if broken {
        count_response_error(relay);
    }
    let event = if broken { TrafficEvent::ResponseReadError } else { TrafficEvent::ResponseClosed };
    // As observed, half a head counts as none.
    if relay.retries_on(RetryOn::EMPTY_RESPONSE, txn) {
        report_retried(relay, event);
        return Outcome::Retry;
    }
    report(relay, event);
    txn.end(TermCause::ServerAbort, TermPhase::Headers);
    relay.client.session.trackers.http_failure(relay.client.ctx.now_ms());
    count_response_error(relay);
    relay.failed(502)
}

fn head_method<'b>(relay: &'b Relay<'_>, head: &RequestHead) -> &'b [u8] {
    head.method.get(relay.request.data())
}

/// Passes the switch of protocols on and becomes a tunnel.
async fn switch_protocols(relay: &mut Relay<'_>, txn: &mut Txn, response: ResponseHead) -> Outcome {
    let client = relay.client;
    txn.status = response.status;
    tell_response(client, txn, u64::from(response.len));
    relay.settle();
    if let Err(outcome) = send_front(relay, txn, response.len as usize).await {
        return outcome;
    }
    let Some(upstream) = relay.upstream.take() else { return Outcome::Done(Next::Abort) };
    client.session.phase.set(Phase::Data);
    let response_buffer = std::mem::replace(&mut relay.response, Buffer::empty());
    let request_buffer = std::mem::replace(relay.request, Buffer::empty());
    let timeouts = tunnel::Timeouts::of(client, relay.backend);
    let ended = tunnel::run(client, relay.stream, upstream.stream, request_buffer, response_buffer, timeouts).await;
    txn.bytes_in += ended.from_client;
    txn.bytes_out += ended.to_client;
    // What is passed on is passed on as it came.
    txn.server_bytes_out += ended.from_client;
    txn.server_bytes_in += ended.to_client;
    txn.counted.0 += ended.from_client;
    txn.counted.1 += ended.to_client;
    txn.termination = ended.termination;
    tunnel::count_end(client, relay.backend, relay.server, ended.termination);
    Outcome::Done(if ended.clean { Next::Close } else { Next::Abort })
}
