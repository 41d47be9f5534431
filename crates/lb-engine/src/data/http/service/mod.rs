//! Pages that the engine serves itself: metrics and the status page. They are ordered from the control thread and passed
//! on piece by piece.

mod status;

use super::super::session::Cut;
use super::txn::Txn;
use super::{Next, after, respond};
use crate::buffer::Buffer;
use crate::data::accept::Client;
use crate::orders::{Act, MetricsQuery, MetricsScope, Order, PIECES, Page, StatusView};
use crate::stream::Stream;
use lb_config::model::StatsPage;
use lb_http::{BodyFraming, RequestHead};
use lb_model::{TermCause, TermPhase};
pub use status::{page_of, status};
use std::time::Duration;
use tokio::sync::mpsc;

/// What a request gets.
enum Answer {
    /// A page.
    Page(Page, Kind),
    /// The outcome of an action: a redirect to this view of the page, which tells it.
    Act(Act, StatusView, &'static StatsPage),
    /// A response that is there already.
    Ready(u16, Vec<u8>),
    /// An error page.
    Refused(u16),
}

/// What the head says about a page.
struct Kind {
    content_type: &'static str,
    /// After this time the client should ask again.
    refresh: Option<Duration>,
}

/// Answers with metrics.
pub async fn metrics(
    client: &Client,
    stream: &mut Stream,
    buffer: &mut Buffer,
    txn: &mut Txn,
    head: &RequestHead,
) -> Next {
    let target = String::from_utf8_lossy(head.target.get(buffer.data())).into_owned();
    let answer = match metrics_query(&target) {
        Some(query) => {
            Answer::Page(Page::Metrics(query), Kind { content_type: "text/plain; version=0.0.4", refresh: None })
        }
        None => Answer::Refused(400),
    };
    deliver(client, stream, buffer, txn, (head, None), answer).await
}

/// Text of a form: `+` is a blank, `%xx` a byte.
fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escaped = tail.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match (first, escaped) {
            (b'%', Some(byte)) => {
                out.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            (b'+', _) => {
                out.push(b' ');
                rest = tail;
            }
            _ => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// What a scrape's address asks for. `None`: it is not understood.
fn metrics_query(target: &str) -> Option<MetricsQuery> {
    let mut query = MetricsQuery::default();
    let parameters = target.split_once('?').map_or("", |(_, query)| query);
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match name {
            "scope" => {
                let scopes = query.scopes.get_or_insert_default();
                match decoded(value).as_str() {
                    "" => scopes.clear(),
                    "*" => scopes.extend(MetricsScope::ALL),
                    word => scopes.push(MetricsScope::from_word(word)?),
                }
            }
            "no-maint" => query.no_maint = true,
            "extra-counters" => query.extra = true,
            "metrics" => {
                for metric in decoded(value).split(',').filter(|metric| !metric.is_empty()) {
                    match metric.strip_prefix('-') {
                        Some(name) => query.unwanted.push(name.to_owned()),
                        None => query.wanted.push(metric.trim_start_matches('+').to_owned()),
                    }
                }
            }
            _ => {}
        }
    }
    Some(query)
}

/// Sends the answer; `read` is the length of the body if it was read.
async fn deliver(
    client: &Client,
    stream: &mut Stream,
    buffer: &mut Buffer,
    txn: &mut Txn,
    (head, read): (&RequestHead, Option<usize>),
    answer: Answer,
) -> Next {
    txn.end(TermCause::Local, TermPhase::Request);
    client.ctx.front(client.proxy).intercepted.inc();
    let body = match head.framing {
        BodyFraming::None => Some(0),
        // A body that was read is behind us; another one cannot be told from a next request.
        BodyFraming::Length(n) => usize::try_from(n).ok().filter(|n| buffer.len() >= head.len as usize + n),
        BodyFraming::Chunked | BodyFraming::UntilClose => read,
    };
    let keep = head.keep_alive && head.minor == 1 && body.is_some();
    let next = match answer {
        Answer::Refused(status) => respond::after_failure(client, stream, txn, status, keep).await,
        Answer::Ready(status, bytes) => ready(client, stream, txn, keep, (status, bytes)).await,
        Answer::Act(act, view, page) => {
            let outcome = acted(client, act).await;
            let location = status::told(page, &view, &outcome);
            ready(client, stream, txn, keep, (303, status::redirect(&location))).await
        }
        Answer::Page(page, kind) => {
            let form = Form { keep, chunked: head.minor == 1, kind };
            pieces(client, stream, txn, form, page).await
        }
    };
    if next == Next::KeepAlive {
        buffer.consume(head.len as usize + body.unwrap_or(0));
    }
    next
}

async fn ready(
    client: &Client,
    stream: &mut Stream,
    txn: &mut Txn,
    keep: bool,
    (status, bytes): (u16, Vec<u8>),
) -> Next {
    txn.status = status;
    txn.local = true;
    let bytes = if keep { bytes } else { lb_http::with_close(bytes) };
    let bytes = after::to_page(client, txn, &bytes);
    let shown = if txn.is_head { respond::head_of(&bytes) } else { &bytes };
    match respond::send(client, stream, txn, shown).await {
        Ok(true) if keep => Next::KeepAlive,
        Ok(true) => Next::Linger,
        Ok(false) | Err(_) => Next::Abort,
    }
}

/// Places an order. `None`: there are too many.
fn order(client: &Client, page: Page) -> Option<mpsc::Receiver<Vec<u8>>> {
    let (pieces, receiver) = mpsc::channel(PIECES);
    client.ctx.shared.orders.get()?.try_send(Order { page, pieces }).ok()?;
    Some(receiver)
}

async fn acted(client: &Client, act: Act) -> String {
    let Some(mut pieces) = order(client, Page::Act(act)) else { return "NONE".to_owned() };
    let outcome = pieces.recv().await.unwrap_or_default();
    String::from_utf8_lossy(&outcome).into_owned()
}

/// How a page is sent.
struct Form {
    keep: bool,
    /// The client understands chunks; otherwise the connection's end is the page's end.
    chunked: bool,
    kind: Kind,
}

async fn pieces(client: &Client, stream: &mut Stream, txn: &mut Txn, form: Form, page: Page) -> Next {
    let Some(mut pieces) = order(client, page) else {
        return respond::after_failure(client, stream, txn, 503, form.keep).await;
    };
    txn.status = 200;
    txn.local = true;
    let keep = form.keep && form.chunked;
    let content_type = form.kind.content_type;
    let mut head = format!("HTTP/1.1 200 OK\r\ncache-control: no-cache\r\ncontent-type: {content_type}\r\n");
    if content_type.starts_with("text/html") {
        head.push_str(
            "x-content-type-options: nosniff\r\nreferrer-policy: same-origin\r\n\
             content-security-policy: default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
             connect-src 'self'; img-src data:; form-action 'self'; frame-ancestors 'none'\r\n",
        );
    }
    if let Some(refresh) = form.kind.refresh {
        head.push_str(&format!("refresh: {}\r\n", refresh.as_secs().max(1)));
    }
    if form.chunked {
        head.push_str("transfer-encoding: chunked\r\n");
    }
    if !keep {
        head.push_str("connection: close\r\n");
    }
    head.push_str("\r\n");
    let head = after::to_page(client, txn, head.as_bytes());
    if !matches!(respond::send(client, stream, txn, &head).await, Ok(true)) {
        return Next::Abort;
    }
    if txn.is_head {
        return if keep { Next::KeepAlive } else { Next::Close };
    }
    loop {
        // The page's maker takes its time, or waits for something to tell: that is not the client's silence.
        client.ctx.set_deadline(&client.session, None);
        let piece = match client.ctx.wait(&client.session, |cx| pieces.poll_recv(cx)).await {
            Ok(piece) => piece,
            Err(Cut::Timeout | Cut::Killed(_) | Cut::Gone) => return Next::Abort,
        };
        let Some(mut piece) = piece else { break };
        if form.chunked {
            let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
            chunk.append(&mut piece);
            chunk.extend_from_slice(b"\r\n");
            piece = chunk;
        }
        if !matches!(respond::send(client, stream, txn, &piece).await, Ok(true)) {
            txn.end(TermCause::ClientAbort, TermPhase::Data);
            return Next::Abort;
        }
    }
    if form.chunked && !matches!(respond::send(client, stream, txn, b"0\r\n\r\n").await, Ok(true)) {
        return Next::Abort;
    }
    if keep { Next::KeepAlive } else { Next::Linger }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded() {
        assert_eq!(decoded("a+b%2Fc%zz%4"), "a b/c%zz%4");
        assert_eq!(decoded("%23app"), "#app");
    }

    #[test]
    fn scrapes_are_read() {
        let query =
            metrics_query("/metrics?scope=server&scope=global&no-maint&metrics=a,-b&extra-counters&x=1").unwrap();
        assert_eq!(query.scopes, Some(vec![MetricsScope::Server, MetricsScope::Global]));
        assert!(query.no_maint && query.extra);
        assert_eq!((query.wanted, query.unwanted), (vec!["a".to_owned()], vec!["b".to_owned()]));
        assert_eq!(metrics_query("/metrics?scope=").unwrap().scopes, Some(Vec::new()));
        assert_eq!(metrics_query("/metrics").unwrap().scopes, None);
        assert!(metrics_query("/metrics?scope=foo").is_none());
    }
}
