//! From a request's first bytes to its backend.

use super::super::pick;
use super::super::session::{Cut, Phase};
use super::captures;
use super::exchange;
use super::rules::{self, Verdict};
use super::txn::Txn;
use super::{Next, outgoing, respond, service, waiting};
use crate::buffer::Buffer;
use crate::data::accept::Client;
use crate::data::traced;
use crate::shared::{Capture, lock};
use crate::stream::Stream;
use crate::trace::{Source, event};
use lb_config::model::{LogLevel, LogStep, TimeoutKind};
use lb_http::{BodyFraming, BodyTracker, RequestError, RequestHead, parse_request};
use lb_model::{TermCause, TermPhase};
use lb_sample::Side;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Serves every request that is there, until the connection is idle again or done.
pub async fn serve_ready(client: &Client, stream: &mut Stream, mut start_us: u64) -> Next {
    let mut buffer = client.ctx.buffers.take();
    let next = loop {
        let mut txn = Txn { start_us, bytes_in: buffer.data().len() as u64, ..Txn::default() };
        let next = serve_one(client, stream, &mut buffer, &mut txn).await;
        if next != Next::KeepAlive || buffer.is_empty() {
            break next;
        }
        client.session.phase.set(Phase::Idle);
        // A pipelined request is waiting.
        start_us = client.ctx.now_us();
    };
    client.ctx.buffers.give(buffer);
    next
}

async fn serve_one(client: &Client, stream: &mut Stream, buffer: &mut Buffer, txn: &mut Txn) -> Next {
    let head = match read_head(client, stream, buffer, txn).await {
        Ok(head) => head,
        Err(HeadFailure::Silent) => return Next::Close,
        Err(HeadFailure::Answer(status)) => {
            client.count(|c| &c.request_errors);
            let front = client.ctx.front(client.proxy);
            front.requests.inc();
            client.session.trackers.http_request(client.ctx.now_ms());
            client.session.trackers.http_error(client.ctx.now_ms());
            // Bytes that are no request, and those of an answer to none, are the connection's only, as observed.
            txn.bytes_in = 0;
            txn.no_request = true;
            txn.number = client.ctx.next_number();
            respond::error(client, stream, txn, status).await;
            front.h1_bytes_out.add(std::mem::take(&mut txn.bytes_out));
            txn.close(client);
            return Next::Linger;
        }
    };
    txn.is_head = head.is_head;
    txn.number = client.ctx.next_number();
    txn.log_step(client, LogStep::Accept);
    client.session.requests.set(client.session.requests.get() + 1);
    if client.ctx.shared.traces.is_on(Source::H1) {
        traced::request(client, buffer.data(), &head);
    }
    let front = client.ctx.front(client.proxy);
    front.requests.inc();
    front.h1_streams.inc();
    front.request_rate.hit(txn.request_us / 1_000);
    client.session.trackers.http_request(txn.request_us / 1_000);
    client.ctx.totals().requests.inc();
    captures::keep(client, txn, Side::Request, (buffer.data(), &head.headers));
    let next = route(client, stream, buffer, txn, head).await;
    if next == Next::KeepAlive {
        // What is left belongs to the next request.
        txn.bytes_in = txn.bytes_in.saturating_sub(buffer.data().len() as u64);
    }
    txn.close(client);
    next
}

enum HeadFailure {
    /// Nothing to say: the client is gone, or never began.
    Silent,
    /// Answer with this status and close.
    Answer(u16),
}

async fn read_head(
    client: &Client,
    stream: &mut Stream,
    buffer: &mut Buffer,
    txn: &mut Txn,
) -> Result<RequestHead, HeadFailure> {
    let ctx = client.ctx;
    let session = &client.session;
    let config = client.proxy.config.get();
    let first = session.requests.get() == 0;
    if !buffer.is_empty() {
        txn.first_byte_us = ctx.now_us();
    }
    loop {
        if !buffer.is_empty() {
            match parse_request(buffer.data(), ctx.shared.limits.maxhdr) {
                Ok(Some(head)) if begins_badly(buffer.data(), &head) => {
                    return Err(malformed(client, txn, buffer, "invalid chunked body", 400));
                }
                Ok(Some(head)) => {
                    txn.request_us = if txn.request_us > 0 { ctx.now_us() } else { txn.first_byte_us };
                    keep_request_line(client, txn, buffer.data(), &head);
                    return Ok(head);
                }
                Ok(None) if buffer.is_full() => return Err(too_long(client, txn, buffer)),
                Ok(None) => {}
                // A later HTTP/1 is served, and passed on, as the latest one known (RFC 9110, 2.5).
                Err(RequestError::LaterMinor { at }) => {
                    if let Some(digit) = buffer.data_mut().get_mut(at) {
                        *digit = b'1';
                    }
                    continue;
                }
                Err(error) => return Err(malformed(client, txn, buffer, &error.to_string(), error.status())),
            }
            txn.request_us = 1;
            if session.phase.get() == Phase::Idle {
                session.phase.set(Phase::Request);
                // The wait for a first request is counted from the accept.
                if !first {
                    ctx.set_deadline(session, config.timeouts.http_request.or(config.timeouts.client));
                }
            }
            if config.timeouts.http_request.is_none() {
                ctx.set_deadline(session, config.timeouts.client);
            }
            buffer.compact();
        }
        match ctx.wait(session, |cx| stream.poll_fill(cx, buffer)).await {
            Ok(Ok(n)) if n > 0 => {
                if txn.first_byte_us == 0 {
                    txn.first_byte_us = ctx.now_us();
                }
                txn.bytes_in += n as u64;
            }
            // The client is gone. Before its first byte on a used connection this is the normal end.
            Ok(_) if buffer.is_empty() && !first => return Err(HeadFailure::Silent),
            Ok(_) => {
                txn.request_us = 0;
                txn.end(TermCause::ClientAbort, TermPhase::Request);
                txn.request_line = Some(Rc::from(&b"<BADREQ>"[..]));
                if buffer.is_empty() && config.options.dontlognull {
                    return Err(HeadFailure::Silent);
                }
                return Err(HeadFailure::Answer(400));
            }
            Err(Cut::Timeout) => {
                txn.request_us = 0;
                txn.end(TermCause::ClientTimeout, TermPhase::Request);
                txn.request_line = Some(Rc::from(&b"<BADREQ>"[..]));
                return Err(HeadFailure::Answer(408));
            }
            Err(Cut::Killed(_) | Cut::Gone) => return Err(HeadFailure::Silent),
        }
    }
}

/// Whether the body that came with a head has a chunk that is none: then no request was received.
fn begins_badly(buf: &[u8], head: &RequestHead) -> bool {
    head.framing == BodyFraming::Chunked
        && BodyTracker::new(head.framing).advance(buf.get(head.len as usize..).unwrap_or_default()).is_err()
}

/// A request that is none.
fn malformed(client: &Client, txn: &mut Txn, buffer: &Buffer, reason: &str, status: u16) -> HeadFailure {
    txn.end(TermCause::Proxy, TermPhase::Request);
    // As observed, the time of a bad request is not told.
    txn.request_us = 0;
    txn.request_line = Some(Rc::from(&b"<BADREQ>"[..]));
    capture(client, buffer, reason);
    HeadFailure::Answer(status)
}

/// A head that fills the buffer: its target or its fields are too long.
fn too_long(client: &Client, txn: &mut Txn, buffer: &Buffer) -> HeadFailure {
    txn.request_us = 0;
    txn.end(TermCause::ClientAbort, TermPhase::Request);
    txn.request_line = Some(Rc::from(&b"<BADREQ>"[..]));
    capture(client, buffer, "the request's head does not fit into the buffer (tune.bufsize)");
    HeadFailure::Answer(if buffer.data().contains(&b'\n') { 431 } else { 414 })
}

fn keep_request_line(client: &Client, txn: &mut Txn, buf: &[u8], head: &RequestHead) {
    let config = client.proxy.config.get();
    let is_wanted = config.makes_pages || client.ctx.keep_lines.get();
    if !is_wanted && !config.logs_sessions {
        return;
    }
    let line = buf.get(head.leading as usize..head.headers.start()).unwrap_or_default();
    let line: Rc<[u8]> = line.trim_ascii_end().into();
    client.session.request_line.set(Some(Rc::clone(&line)));
    txn.request_line = Some(line);
}

/// Counts a request that rules of the frontend or of a backend denied.
fn count_denied(client: &Client, by: &'static crate::shared::ProxyState) {
    if by.index == client.proxy.index {
        client.count(|c| &c.denied_requests);
    } else {
        client.ctx.back(by).denied_requests.inc();
    }
}

static EVENTS: AtomicU64 = AtomicU64::new(0);

/// Keeps a bad request for `show errors`.
pub fn capture(client: &Client, buffer: &Buffer, reason: &str) {
    let position = lb_http::request_fault(buffer.data(), client.ctx.shared.limits.maxhdr);
    if client.ctx.shared.traces.is_on(Source::H1) {
        traced::invalid(client, event::H1::BAD_REQUEST, reason, position);
    }
    *lock(&client.proxy.captures.request) = Some(Capture {
        event: EVENTS.fetch_add(1, Relaxed),
        at_us: client.ctx.now_us(),
        source: client.session.source.get(),
        frontend: client.proxy.index,
        backend: None,
        server: None,
        bytes: buffer.data().into(),
        position,
        reason: reason.to_owned(),
    });
}

/// Keeps a bad response for `show errors`.
pub fn capture_response(client: &Client, txn: &Txn, buffer: &Buffer, reason: &str) {
    let Some(backend) = txn.backend else { return };
    let position = lb_http::response_fault(buffer.data(), client.ctx.shared.limits.maxhdr);
    if client.ctx.shared.traces.is_on(Source::H1) {
        traced::invalid(client, event::H1::BAD_RESPONSE, reason, position);
    }
    *lock(&backend.captures.response) = Some(Capture {
        event: EVENTS.fetch_add(1, Relaxed),
        at_us: client.ctx.now_us(),
        source: client.session.source.get(),
        frontend: client.proxy.index,
        backend: Some(backend.index),
        server: txn.route.server.and_then(|i| backend.servers.get(i)).map(|s| Arc::clone(&s.config().name)),
        bytes: buffer.data().into(),
        position,
        reason: reason.to_owned(),
    });
}

/// Applies the frontend's and the backend's rules, then forwards.
async fn route(
    client: &Client,
    stream: &mut Stream,
    buffer: &mut Buffer,
    txn: &mut Txn,
    mut head: RequestHead,
) -> Next {
    let ctx = client.ctx;
    let frontend = client.proxy;
    if frontend.config.monitor_uri.as_ref().is_some_and(|uri| head.target.get(buffer.data()) == uri.as_bytes()) {
        return monitored(client, stream, buffer, txn, &head).await;
    }
    if frontend.config.options.buffer_request
        && let Some(next) = buffered(client, stream, buffer, txn, &head, frontend).await
    {
        return next;
    }
    let verdict = if rules::content_accepted(client, txn, frontend, (buffer.data(), &head)) {
        match waiting::run_request(client, stream, txn, &frontend.config.get().http_request, buffer, &mut head).await {
            Verdict::Pass => outgoing::restrict(client, frontend, buffer, &mut head),
            other => other,
        }
    } else {
        txn.request_line = Some(Rc::from(&b"<BADREQ>"[..]));
        Verdict::Reject
    };
    if !matches!(verdict, Verdict::Pass) {
        return answer(client, stream, buffer, txn, &head, verdict, frontend).await;
    }
    if let Some(page) = service::page_of(frontend, buffer.data(), &head) {
        return service::status(client, stream, buffer, txn, &head, (frontend, page)).await;
    }
    let Some(backend) = pick::backend(client, &txn.view(client, Some((buffer.data(), &head)), None)) else {
        txn.end(TermCause::ServerAbort, TermPhase::Connect);
        txn.request_us = 0;
        let keep = head.framing == BodyFraming::None && head.keep_alive && head.minor == 1;
        if keep {
            buffer.consume(head.len as usize);
        }
        return respond::after_failure(client, stream, txn, 503, keep).await;
    };
    txn.backend = Some(backend);
    client.session.backend.set(Some(backend.index));
    backend.back_sessions.inc();
    let back = ctx.back(backend);
    back.sessions.inc();
    back.session_rate.hit(txn.request_us / 1_000);
    back.last_session_ms.set(txn.request_us / 1_000 + 1);
    let verdict = if backend.index == frontend.index {
        Verdict::Pass
    } else if backend.config.options.buffer_request
        && !frontend.config.options.buffer_request
        && let Some(next) = buffered(client, stream, buffer, txn, &head, backend).await
    {
        backend.back_sessions.dec();
        client.session.backend.set(None);
        return next;
    } else if !rules::content_accepted(client, txn, backend, (buffer.data(), &head)) {
        Verdict::Reject
    } else {
        match waiting::run_request(client, stream, txn, &backend.config.get().http_request, buffer, &mut head).await {
            Verdict::Pass => outgoing::restrict(client, backend, buffer, &mut head),
            other => other,
        }
    };
    let own_page = match (&verdict, backend.index == frontend.index) {
        (Verdict::Pass, false) => service::page_of(backend, buffer.data(), &head),
        _ => None,
    };
    let next = match verdict {
        Verdict::Pass if let Some(page) = own_page => {
            service::status(client, stream, buffer, txn, &head, (backend, page)).await
        }
        Verdict::Pass => exchange::run(client, stream, buffer, txn, backend, head).await,
        other => answer(client, stream, buffer, txn, &head, other, backend).await,
    };
    backend.back_sessions.dec();
    client.session.backend.set(None);
    next
}

/// `option http-buffer-request`: waits for the body. `Some`: it did not come, and the client was told so.
async fn buffered(
    client: &Client,
    stream: &mut Stream,
    buffer: &mut Buffer,
    txn: &mut Txn,
    head: &RequestHead,
    by: &'static crate::shared::ProxyState,
) -> Option<Next> {
    let timeouts = &by.config.timeouts;
    let longest = timeouts.http_request.or(client.proxy.config.timeouts.client);
    match waiting::await_body(client, stream, txn, buffer, head, (longest, None)).await {
        Ok(true) => None,
        Ok(false) => Some(no_body(client, stream, txn).await),
        Err(cut) => Some(given_up(client, txn, cut)),
    }
}

/// Tells the client that its body was waited for in vain.
async fn no_body(client: &Client, stream: &mut Stream, txn: &mut Txn) -> Next {
    txn.end(TermCause::ClientTimeout, TermPhase::Data);
    client.count(|c| &c.request_errors);
    respond::after_failure(client, stream, txn, 408, false).await
}

/// The end of a session while its request was looked at.
fn given_up(client: &Client, txn: &mut Txn, cut: Cut) -> Next {
    match cut {
        Cut::Killed(cause) => txn.end(cause, TermPhase::Data),
        Cut::Gone | Cut::Timeout => {
            client.count(|c| &c.request_errors);
            txn.end(TermCause::ClientAbort, TermPhase::Data);
        }
    }
    Next::Abort
}

/// Tells who asks whether requests are served here. Such requests leave no line in the log.
async fn monitored(
    client: &Client,
    stream: &mut Stream,
    buffer: &mut Buffer,
    txn: &mut Txn,
    head: &RequestHead,
) -> Next {
    let fails = {
        let view = txn.view(client, Some((buffer.data(), head)), None);
        client.proxy.config.monitor_fail.iter().any(|condition| condition.eval(&view))
    };
    txn.end(TermCause::Local, TermPhase::Request);
    txn.log_level = Some(LogLevel::Silent);
    client.ctx.front(client.proxy).intercepted.inc();
    let keep = head.keep_alive && head.minor == 1 && head.framing == BodyFraming::None;
    if keep {
        buffer.consume(head.len as usize);
    }
    respond::after_failure(client, stream, txn, if fails { 503 } else { 200 }, keep).await
}

/// Sends what the rules decided.
async fn answer(
    client: &Client,
    stream: &mut Stream,
    buffer: &mut Buffer,
    txn: &mut Txn,
    head: &RequestHead,
    verdict: Verdict,
    by: &'static crate::shared::ProxyState,
) -> Next {
    let front = client.ctx.front(client.proxy);
    match verdict {
        // The waits were seen to before.
        Verdict::Pass | Verdict::Pause(..) | Verdict::Body(..) => Next::Close,
        Verdict::Ended(cut) => given_up(client, txn, cut),
        Verdict::NoBody => no_body(client, stream, txn).await,
        Verdict::BadTarget => {
            txn.end(TermCause::Proxy, TermPhase::Request);
            client.count(|c| &c.request_errors);
            respond::after_failure(client, stream, txn, 400, false).await
        }
        Verdict::Reject | Verdict::Drop => {
            txn.end(TermCause::Proxy, TermPhase::Request);
            // As observed, the time of a rejected request is not told.
            txn.request_us = 0;
            count_denied(client, by);
            client.session.trackers.http_error(client.ctx.now_ms());
            if matches!(verdict, Verdict::Drop) { Next::Abort } else { Next::Close }
        }
        Verdict::Deny(status, bytes) => {
            captures::keep_cookie(client, txn, Side::Request, (buffer.data(), &head.headers));
            txn.end(TermCause::Proxy, TermPhase::Request);
            count_denied(client, by);
            client.session.trackers.http_error(client.ctx.now_ms());
            let keep = head.keep_alive && head.minor == 1 && head.framing == BodyFraming::None;
            if keep {
                buffer.consume(head.len as usize);
            }
            respond::reply(client, stream, txn, (status, bytes), keep).await
        }
        Verdict::Tarpit(status, bytes) => {
            captures::keep_cookie(client, txn, Side::Request, (buffer.data(), &head.headers));
            txn.end(TermCause::Proxy, TermPhase::Tarpit);
            count_denied(client, by);
            client.session.trackers.http_error(client.ctx.now_ms());
            let timeouts = &by.config.timeouts;
            let longest = client.session.knobs.timeout(TimeoutKind::Tarpit, timeouts.tarpit.or(timeouts.connect));
            client.ctx.set_deadline(&client.session, longest);
            match client.ctx.wait(&client.session, |_| std::task::Poll::<()>::Pending).await {
                Err(Cut::Timeout) | Ok(()) => {}
                Err(Cut::Killed(_) | Cut::Gone) => return Next::Abort,
            }
            txn.route.slot_us = client.ctx.now_us();
            respond::reply(client, stream, txn, (status, bytes), false).await
        }
        Verdict::Challenge(realm) => {
            txn.end(TermCause::Local, TermPhase::Request);
            front.intercepted.inc();
            let keep = head.keep_alive && head.minor == 1 && head.framing == BodyFraming::None;
            if keep {
                buffer.consume(head.len as usize);
            }
            respond::challenge(client, stream, txn, realm, keep).await
        }
        Verdict::Metrics => service::metrics(client, stream, buffer, txn, head).await,
        Verdict::TooLarge => {
            txn.end(TermCause::Proxy, TermPhase::Request);
            front.failed_rewrites.inc();
            respond::error(client, stream, txn, 500).await;
            Next::Linger
        }
        Verdict::Reply { status, bytes } => {
            txn.end(TermCause::Local, TermPhase::Request);
            front.intercepted.inc();
            let keep = head.keep_alive && head.minor == 1 && head.framing == BodyFraming::None;
            if keep {
                buffer.consume(head.len as usize);
            }
            respond::reply(client, stream, txn, (status, bytes), keep).await
        }
    }
}
