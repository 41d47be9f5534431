//! Rules that take their time: `pause`, `wait-for-body`, `option http-buffer-request`, and hints sent ahead.

use super::respond;
use super::rules::{self, Verdict};
use super::txn::Txn;
use crate::buffer::Buffer;
use crate::data::accept::Client;
use crate::data::session::Cut;
use crate::stream::Stream;
use lb_config::model::HttpRule;
use lb_http::{BodyFraming, BodyTracker, RequestHead, content};
use std::task::Poll;
use std::time::Duration;

/// Runs a proxy's `http-request` rules to their end.
pub async fn run_request(
    client: &Client,
    stream: &mut Stream,
    txn: &mut Txn,
    rules: &'static [HttpRule],
    buffer: &mut Buffer,
    head: &mut RequestHead,
) -> Verdict {
    let mut from = 0;
    let verdict = loop {
        match rules::run_request(client, txn, (rules, from), buffer, head) {
            Verdict::Pause(time, next) => {
                client.ctx.set_deadline(&client.session, Some(time));
                match client.ctx.wait(&client.session, |_| Poll::<()>::Pending).await {
                    Err(Cut::Timeout) | Ok(()) => from = next,
                    Err(cut) => return Verdict::Ended(cut),
                }
            }
            Verdict::Body(time, least, next) => {
                match await_body(client, stream, txn, buffer, head, (Some(time), least)).await {
                    Ok(true) => from = next,
                    Ok(false) => return Verdict::NoBody,
                    Err(cut) => return Verdict::Ended(cut),
                }
            }
            other => break other,
        }
    };
    if !txn.early.is_empty() {
        let early = std::mem::take(&mut txn.early);
        if head.minor == 1 && !matches!(respond::send(client, stream, txn, &early).await, Ok(true)) {
            return Verdict::Ended(Cut::Gone);
        }
    }
    verdict
}

/// Waits until the body is whole, or so many bytes of it are there, or no room is left, or the time is over (`false`).
pub async fn await_body(
    client: &Client,
    stream: &mut Stream,
    txn: &mut Txn,
    buffer: &mut Buffer,
    head: &RequestHead,
    (time, least): (Option<Duration>, Option<u64>),
) -> Result<bool, Cut> {
    if head.framing == BodyFraming::None {
        return Ok(true);
    }
    let until_ms = time.map(|time| client.ctx.now_ms() + time.as_millis() as u64);
    let mut asked = false;
    loop {
        let body = buffer.data().get(head.len as usize..).unwrap_or_default();
        let whole = BodyTracker::new(head.framing).advance(body).is_ok_and(|progress| progress.done);
        let enough = least.is_some_and(|least| content(head.framing, body).len() as u64 >= least);
        // A broken body is found when it is passed on.
        if whole || enough || buffer.is_full() || BodyTracker::new(head.framing).advance(body).is_err() {
            return Ok(true);
        }
        if head.expect_continue && body.is_empty() && !asked {
            asked = true;
            if !respond::send(client, stream, txn, b"HTTP/1.1 100 Continue\r\n\r\n").await? {
                return Err(Cut::Gone);
            }
        }
        let left = until_ms.map(|until| Duration::from_millis(until.saturating_sub(client.ctx.now_ms()).max(1)));
        client.ctx.set_deadline(&client.session, left);
        buffer.compact();
        match client.ctx.wait(&client.session, |cx| stream.poll_fill(cx, buffer)).await {
            Ok(Ok(n)) if n > 0 => txn.bytes_in += n as u64,
            Ok(_) => return Err(Cut::Gone),
            Err(Cut::Timeout) => return Ok(false),
            Err(cut) => return Err(cut),
        }
    }
}
