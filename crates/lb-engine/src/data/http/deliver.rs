//! The response's way back to the client.

use super::super::session::{Cut, Phase};
use super::super::stick;
use super::forward::bad_response;
use super::press::{self, Press};
use super::relay::{Outcome, Relay, Upload, UploadError, count_abort, count_response_error, cut_while_sending};
use super::rules::{self, Verdict};
use super::txn::Txn;
use super::{Next, after, captures, cookie};
use crate::data::accept::Client;
use lb_config::model::{Coding, LogStep};
use lb_http::{BodyFraming, BodyTracker, HeadEdit, RequestHead, ResponseHead};
use lb_model::{TermCause, TermPhase};
use lb_sample::Side;
use std::task::Poll;

/// Edits the response's head and sends all of the response.
pub async fn deliver(relay: &mut Relay<'_>, txn: &mut Txn, head: &RequestHead, mut response: ResponseHead) -> Outcome {
    let client = relay.client;
    let backend = relay.backend;
    client.session.trackers.http_status(response.status, client.ctx.now_ms());
    captures::keep(client, txn, Side::Response, (relay.response.data(), &response.headers));
    captures::keep_cookie(client, txn, Side::Response, (relay.response.data(), &response.headers));
    if !backend.config.stick_rules.is_empty() {
        let mut stores = std::mem::take(&mut txn.stores);
        let view = txn.view(client, None, Some((relay.response.data(), &response)));
        stick::on_response(&view, backend, &mut stores);
        stick::store(&mut stores, backend, relay.server, client.ctx.now_ms());
    }
    let coding = press::fits(client, txn, backend, (relay.response.data(), &response));
    for by in [backend, client.proxy] {
        if by.config.http_response.is_empty() {
            continue;
        }
        match rules::run_response(client, txn, (by, &by.config.get().http_response), &mut relay.response, &mut response)
        {
            Verdict::Pass
            | Verdict::Tarpit(..)
            | Verdict::Reject
            | Verdict::Challenge(_)
            | Verdict::Metrics
            | Verdict::Pause(..)
            | Verdict::Body(..)
            | Verdict::Ended(_)
            | Verdict::NoBody
            | Verdict::BadTarget => {}
            Verdict::Drop => {
                txn.end(TermCause::Proxy, TermPhase::Request);
                txn.status = response.status;
                count_denied(relay, response.status);
                return Outcome::Done(Next::Abort);
            }
            Verdict::Reply { status, bytes } => {
                txn.end(TermCause::Local, TermPhase::Headers);
                return relay.replaced(status, bytes);
            }
            Verdict::Deny(status, bytes) => {
                txn.end(TermCause::Proxy, TermPhase::Headers);
                count_denied(relay, response.status);
                return relay.replaced(status, bytes);
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
    let Ok(press) = edit_head(relay, txn, head, &mut response, (keep_client, coding)) else {
        txn.end(TermCause::Proxy, TermPhase::Headers);
        return relay.failed(500);
    };
    after::to_response(client, txn, &mut relay.response, &mut response);
    txn.status = response.status;
    tell_response(client, txn, u64::from(response.len));
    client.session.phase.set(Phase::Data);
    match send_response(relay, txn, &response, press).await {
        Ok(()) => {}
        Err(outcome) => return outcome,
    }
    finish(relay, &response, keep_client)
}

/// The lines that are due when the response's head, of so many bytes, is about to be sent.
pub fn tell_response(client: &Client, txn: &mut Txn, head: u64) {
    let config = client.proxy.config.get();
    if config.log_steps.is_empty() && !config.options.logasap {
        return;
    }
    txn.bytes_out += head;
    if config.options.logasap {
        txn.log_early(client);
    }
    txn.log_step(client, LogStep::Response);
    txn.bytes_out -= head;
}

/// Counts a response that a rule denied. The server's class is that of what it sent.
fn count_denied(relay: &Relay<'_>, status: u16) {
    let client = relay.client;
    client.count(|c| &c.denied_responses);
    client.ctx.back(relay.backend).denied_responses.inc();
    if let Some(server) = relay.server.and_then(|index| relay.backend.servers.get(index)) {
        let counters = server.counters.of(client.ctx.index);
        counters.denied_responses.inc();
        counters.responses.get(super::txn::class(status)).inspect(|c| c.inc());
    }
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
    head.keep_alive
        && response.framing != BodyFraming::UntilClose
        && !front.httpclose
        && !relay.backend.config.options.httpclose
        && relay.upload == Upload::Done
        && !crate::data::thread::tells_to_close(relay.client.ctx)
}

/// A head that does not fit.
struct TooLarge;

/// Changes the response's head for the client, and settles whether its body is pressed.
fn edit_head(
    relay: &mut Relay<'_>,
    txn: &mut Txn,
    head: &RequestHead,
    response: &mut ResponseHead,
    (keep_client, coding): (bool, Option<Coding>),
) -> Result<Option<Box<Press>>, TooLarge> {
    let mut edit = HeadEdit::default();
    let buf = relay.response.data();
    if response.has_connection {
        super::exchange::hop_by_hop(buf, &response.headers, &mut edit);
    }
    if response.normalize_length && coding.is_none() {
        edit.remove_all(buf, &response.headers, "content-length");
        if let BodyFraming::Length(n) = response.framing {
            edit.add(b"content-length", n.to_string().as_bytes());
        }
    }
    let press = coding.map(|coding| press::begin(relay.client, relay.backend, coding, (buf, response), &mut edit));
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
        return Ok(None);
    }
    let ctx = relay.client.ctx;
    let mut scratch = ctx.scratch.take();
    scratch.clear();
    let first = lb_http::Span::new(0, response.headers.start());
    edit.write(buf, first, &response.headers, &mut scratch);
    let fits = relay.response.replace_front(response.len as usize, &scratch);
    response.len = scratch.len() as u32;
    ctx.scratch.set(scratch);
    if fits { Ok(press) } else { Err(TooLarge) }
}

/// Presses bytes at the front of the buffer; how many there are to be sent.
fn push(relay: &mut Relay<'_>, press: &mut Press, raw: usize, last: bool) -> usize {
    let (taken, made) = press.feed(relay.response.data().get(..raw).unwrap_or_default(), last);
    relay.response.consume(raw);
    let ctx = relay.client.ctx;
    for counters in [ctx.front(relay.client.proxy), ctx.back(relay.backend)] {
        counters.compressor_in.add(taken);
        counters.compressor_out.add(made);
    }
    press.ready().len()
}

/// Sends head and body, while the rest of the request, if any, goes the other way.
async fn send_response(
    relay: &mut Relay<'_>,
    txn: &mut Txn,
    response: &ResponseHead,
    mut press: Option<Box<Press>>,
) -> Result<(), Outcome> {
    let client = relay.client;
    let ctx = client.ctx;
    let mut body = BodyTracker::new(response.framing);
    let len = response.len as usize;
    let Ok(progress) = body.advance(relay.response.data().get(len..).unwrap_or_default()) else {
        return Err(bad_response(relay, txn, "chunked body"));
    };
    let mut ready = len + progress.consumed;
    if let Some(press) = &mut press {
        press.head(relay.response.data().get(..len).unwrap_or_default());
        relay.response.consume(len);
        ready = push(relay, press, progress.consumed, body.is_done());
    }
    loop {
        let waits_for_server = ready == 0;
        let timeout = if waits_for_server { relay.upload_timeout() } else { relay.client_timeout() };
        ctx.set_deadline(&client.session, timeout);
        let step = ctx
            .wait(&client.session, |cx| {
                if relay.upload == Upload::Going
                    && let Poll::Ready(Err(error)) = relay.poll_upload(cx)
                {
                    if error == UploadError::ClientAbort {
                        return Poll::Ready(Step::Left);
                    }
                    relay.upload = Upload::Refused;
                }
                let step = if ready > 0 {
                    let bytes = match &press {
                        None => relay.response.data().get(..ready).unwrap_or_default(),
                        Some(press) => press.ready(),
                    };
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
                match &mut press {
                    None => relay.response.consume(n),
                    Some(press) => press.sent(n),
                }
                txn.bytes_out += n as u64;
                txn.track_bytes(client);
                ready -= n;
                if ready == 0 && body.is_done() {
                    return Ok(());
                }
            }
            Ok(Step::Sent(Err(_)) | Step::Left) => {
                txn.end(TermCause::ClientAbort, TermPhase::Data);
                count_abort(relay, true);
                return Err(Outcome::Done(Next::Abort));
            }
            Ok(Step::Received(Ok(n))) if n > 0 => {
                relay.downloaded += n as u64;
                match body.advance(relay.response.data()) {
                    Ok(progress) => {
                        ready = progress.consumed;
                        if let Some(press) = &mut press {
                            ready = push(relay, press, progress.consumed, body.is_done());
                        }
                    }
                    Err(_) => {
                        txn.end(TermCause::ServerAbort, TermPhase::Data);
                        count_response_error(relay);
                        return Err(Outcome::Done(Next::Abort));
                    }
                }
            }
            Ok(Step::Received(Ok(_))) if matches!(body, BodyTracker::UntilClose) => return Ok(()),
            Ok(Step::Received(_)) => {
                client.session.trackers.http_failure(ctx.now_ms());
                // The body was cut short: the client must not take it for complete.
                txn.end(TermCause::ServerAbort, TermPhase::Data);
                count_response_error(relay);
                count_abort(relay, false);
                return Err(Outcome::Done(Next::Abort));
            }
            Err(Cut::Timeout) if waits_for_server && !relay.client_is_late() => {
                txn.end(TermCause::ServerTimeout, TermPhase::Data);
                count_abort(relay, false);
                return Err(Outcome::Done(Next::Abort));
            }
            Err(cut) => return Err(cut_while_sending(relay, txn, cut)),
        }
    }
}

enum Step {
    /// The client left in the middle of its request.
    Left,
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
        if upstream.private || relay.challenged {
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
