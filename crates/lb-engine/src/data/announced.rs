//! A client's connection that begins with a PROXY header (`accept-proxy`, `expect-proxy`): until it was read, the
//! connection is its forwarder's; from then on, the announced client's.

use super::accept::{self, Client};
use super::secure;
use super::session::Cut;
use super::{tcp, traced};
use crate::stream::Stream;
use crate::trace::{Source, event};
use lb_config::model::{Proxy, TcpAction};
use lb_model::proxy_protocol::{self as proxy, Header, LONGEST_V2, Refusal};
use std::task::Context;
use std::task::Poll;

/// Whether some connections of a proxy begin with a header because a rule says so.
pub fn is_expected_by_rule(config: &Proxy) -> bool {
    config.tcp_request.iter().any(|rule| matches!(rule.action, TcpAction::ExpectProxy))
}

/// Why a header could not be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    Refused(Refusal),
    /// The client closed before it said anything.
    Closed,
    Broken,
    Timeout,
    /// The session was ended.
    Ended,
}

impl Failure {
    fn as_str(self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.as_str(),
            Self::Closed => "Connection closed while waiting for PROXY protocol header",
            Self::Broken => "Connection error while waiting for PROXY protocol header",
            Self::Timeout => "Timeout while waiting for PROXY protocol header",
            Self::Ended => "",
        }
    }

    /// The client did say something.
    fn is_blunder(self) -> bool {
        matches!(self, Self::Refused(_))
    }
}

/// Judges the connection by what is known of it, reads the header if there is to be one, then serves the connection.
pub async fn serve(client: Client, mut stream: Stream) {
    client.session.destination.set(stream.local());
    if !tcp::connection_accepted(&client) {
        return;
    }
    if client.listener.config.accept_proxy || client.session.is_header_expected() {
        match Box::pin(read(&client, &mut stream)).await {
            Ok(header) => take_up(&client, header),
            Err(failure) => {
                failed(&client, failure);
                if failure.is_blunder() {
                    stream.reset_on_close();
                }
                return;
            }
        }
    }
    if let Some(security) = client.listener.tls.as_deref() {
        Box::pin(secure::serve(client, stream, security)).await;
        return;
    }
    accept::count_session(&client);
    accept::run_session(client, stream).await;
}

fn take_up(client: &Client, header: Header) {
    if let Some((source, destination)) = header.addresses {
        client.session.source.set(Some(source));
        client.session.destination.set(Some(destination));
    }
    client.session.set_announced(Box::new(header));
    if client.ctx.shared.traces.is_on(Source::Session) {
        traced::session(client, event::Session::NEW);
    }
}

async fn read(client: &Client, stream: &mut Stream) -> Result<Header, Failure> {
    client.ctx.set_deadline(&client.session, client.proxy.config.timeouts.client);
    let mut seen = Vec::new();
    let waited = client.ctx.wait(&client.session, |cx| poll_header(stream, &mut seen, cx)).await;
    let header = match waited {
        Ok(result) => result?,
        Err(Cut::Timeout) => return Err(Failure::Timeout),
        Err(Cut::Killed(_) | Cut::Gone) => return Err(Failure::Ended),
    };
    // What follows the header is left for whom it is meant.
    let mut rest = header.length;
    while rest > 0 {
        let room = seen.get_mut(..rest).ok_or(Failure::Broken)?;
        match client.ctx.wait(&client.session, |cx| stream.poll_read_bytes(cx, room)).await {
            Ok(Ok(n)) if n > 0 => rest = rest.saturating_sub(n),
            _ => return Err(Failure::Broken),
        }
    }
    Ok(header)
}

/// Ready when the header was received whole, nothing of it being taken; `seen` is room for looking at it.
fn poll_header(stream: &mut Stream, seen: &mut Vec<u8>, cx: &mut Context<'_>) -> Poll<Result<Header, Failure>> {
    seen.resize(seen.len().clamp(256, LONGEST_V2), 0);
    loop {
        let mut verdict = None;
        let peeked = stream.poll_look(cx, seen, |bytes, ended| {
            verdict = match proxy::read(bytes) {
                Ok(None) if ended && bytes.is_empty() => Some(Err(Failure::Closed)),
                Ok(None) if ended => Some(Err(Failure::Refused(Refusal::Truncated))),
                Ok(None) => None,
                Ok(Some(header)) => Some(Ok(header)),
                Err(refusal) => Some(Err(Failure::Refused(refusal))),
            };
            verdict.is_some() || bytes.len() == LONGEST_V2
        });
        match (peeked, verdict) {
            (Poll::Ready(Err(_)), _) => return Poll::Ready(Err(Failure::Broken)),
            (_, Some(verdict)) => return Poll::Ready(verdict),
            (Poll::Ready(Ok(n)), None) if n < seen.len() => {}
            // It is longer than what was looked at.
            (Poll::Ready(Ok(_)), None) if seen.len() < LONGEST_V2 => seen.resize(LONGEST_V2, 0),
            (Poll::Ready(Ok(_)), None) => return Poll::Ready(Err(Failure::Refused(Refusal::Invalid))),
            (Poll::Pending, None) => return Poll::Pending,
        }
    }
}

fn failed(client: &Client, failure: Failure) {
    let config = client.proxy.config.get();
    if failure == Failure::Ended || (config.options.dontlognull && !failure.is_blunder()) {
        return;
    }
    secure::log_failure(client, failure.as_str());
}
