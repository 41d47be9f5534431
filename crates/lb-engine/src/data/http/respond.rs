//! Answers the proxy gives itself.

use super::super::session::Cut;
use super::txn::Txn;
use super::{Next, after};
use crate::data::accept::Client;
use crate::data::view::View;
use crate::shared::ProxyState;
use crate::stream::Stream;
use lb_config::model::{ErrorPage, Reply, ReplyContent};
use lb_sample::LogFormat;
use std::borrow::Cow;

/// Answers what was no request, and closes: a page that is always the same, of the frontend or the default one.
pub async fn error(client: &Client, stream: &mut Stream, txn: &mut Txn, status: u16) {
    let page = match named((client.proxy, txn.backend), status) {
        Some(ErrorPage::Whole(page)) if page.is_empty() => Cow::Borrowed(&**page),
        Some(ErrorPage::Whole(page)) => Cow::Owned(lb_http::with_close(page.to_vec())),
        Some(ErrorPage::Made(_)) | None => Cow::Owned(lb_http::error_page(status, true)),
    };
    txn.status = status;
    send_final(client, stream, txn, &page, false).await;
}

/// Sends the page for a status. The connection goes on if `keep`, and if the page, which may be a file that does not tell
/// its length, lets it.
pub async fn after_failure(client: &Client, stream: &mut Stream, txn: &mut Txn, status: u16, keep: bool) -> Next {
    let page = page(client, txn, status);
    send_page(client, stream, txn, (status, page), keep).await
}

/// A reply's bytes; none: the page of its status is meant, which is always the same.
pub fn rendered(reply: &Reply, view: &View<'_>) -> Option<Vec<u8>> {
    match &reply.content {
        ReplyContent::Page => match named((view.frontend, view.backend), reply.status) {
            Some(ErrorPage::Made(made)) => Some(made_page(made, view)),
            Some(ErrorPage::Whole(_)) | None => None,
        },
        ReplyContent::Whole(bytes) => Some(bytes.to_vec()),
        _ => Some(made_page(reply, view)),
    }
}

/// A response made for this request.
fn made_page(reply: &Reply, view: &View<'_>) -> Vec<u8> {
    let text = |format: &LogFormat| {
        let mut text = Vec::new();
        format.render_value(view, &mut text);
        text
    };
    let (kind, body) = match &reply.content {
        // Sections were replaced by their pages, and these are told apart before.
        ReplyContent::Empty | ReplyContent::Section(_) | ReplyContent::Page | ReplyContent::Whole(_) => {
            (None, Cow::Borrowed(&[][..]))
        }
        ReplyContent::Static(kind, body) => (Some(kind), Cow::Borrowed(&**body)),
        ReplyContent::Format(kind, format) => (Some(kind), Cow::Owned(text(format))),
    };
    let values: Vec<(&str, Vec<u8>)> = reply.fields.iter().map(|(name, format)| (&**name, text(format))).collect();
    let fields: Vec<(&str, &[u8])> = values.iter().map(|(name, value)| (*name, &**value)).collect();
    let content_type = kind.map(String::as_str);
    lb_http::Answer { status: reply.status, fields: &fields, content_type, body: &body }.bytes()
}

/// Sends what a rule answers with: these bytes, or the page of the status.
pub async fn reply(
    client: &Client,
    stream: &mut Stream,
    txn: &mut Txn,
    (status, bytes): (u16, Option<Vec<u8>>),
    keep: bool,
) -> Next {
    let Some(bytes) = bytes else { return after_failure(client, stream, txn, status, keep).await };
    send_page(client, stream, txn, (status, bytes.into()), keep).await
}

/// Sends the page of status 401, asking for a name and a password.
pub async fn challenge(client: &Client, stream: &mut Stream, txn: &mut Txn, realm: &str, keep: bool) -> Next {
    let quoted = realm.replace(['"', '\\'], "");
    let field = format!("www-authenticate: Basic realm=\"{quoted}\"\r\n");
    let mut page = page(client, txn, 401).into_owned();
    if let Some(at) = memchr::memmem::find(&page, b"\r\n\r\n") {
        page.splice(at + 2..at + 2, field.into_bytes());
    }
    send_page(client, stream, txn, (401, page.into()), keep).await
}

/// What the backend, else the frontend, says of a status.
fn named(
    (frontend, backend): (&'static ProxyState, Option<&'static ProxyState>),
    status: u16,
) -> Option<&'static ErrorPage> {
    let pages = |proxy: &'static ProxyState| {
        proxy.config.get().error_pages.iter().find(|(known, _)| *known == status).map(|(_, page)| page)
    };
    backend.and_then(pages).or_else(|| pages(frontend))
}

/// The page for a status, without a word about the connection.
fn page(client: &Client, txn: &Txn, status: u16) -> Cow<'static, [u8]> {
    match named((client.proxy, txn.backend), status) {
        Some(ErrorPage::Whole(page)) => Cow::Borrowed(page),
        Some(ErrorPage::Made(reply)) => Cow::Owned(made_page(reply, &txn.view(client, None, None))),
        None => Cow::Owned(lb_http::default_page(status)),
    }
}

async fn send_page(
    client: &Client,
    stream: &mut Stream,
    txn: &mut Txn,
    (status, page): (u16, Cow<'_, [u8]>),
    keep: bool,
) -> Next {
    txn.status = status;
    let (page, keep) = match lb_http::without_close(&page) {
        Some(page) => (Cow::Owned(page), false),
        None => (page, keep),
    };
    let keep = keep && lets_connection_live(&page);
    let page = after::to_page(client, txn, &page);
    // An empty page is sent as it is: nothing, and the end.
    let page = if keep || page.is_empty() { page } else { Cow::Owned(lb_http::with_close(page.into_owned())) };
    send_final(client, stream, txn, &page, keep).await
}

async fn send_final(client: &Client, stream: &mut Stream, txn: &mut Txn, page: &[u8], keep: bool) -> Next {
    let shown = if txn.is_head { head_of(page) } else { page };
    txn.local = true;
    match send(client, stream, txn, shown).await {
        Ok(true) if keep => Next::KeepAlive,
        Ok(true) => Next::Linger,
        Ok(false) | Err(_) => Next::Abort,
    }
}

/// Whether a page tells where it ends and does not ask for the connection's end.
fn lets_connection_live(page: &[u8]) -> bool {
    let Ok(Some(head)) = lb_http::parse_response(page, 256, false) else { return false };
    let body = page.len() - head.len as usize;
    let complete = match head.framing {
        lb_http::BodyFraming::Length(n) => n == body as u64,
        lb_http::BodyFraming::None => body == 0,
        lb_http::BodyFraming::Chunked | lb_http::BodyFraming::UntilClose => false,
    };
    complete && head.keep_alive
}

/// The head of a response, its empty line included.
pub fn head_of(response: &[u8]) -> &[u8] {
    let end = memchr::memmem::find(response, b"\r\n\r\n").map_or(response.len(), |at| at + 4);
    response.get(..end).unwrap_or(response)
}

/// Sends bytes to the client within its timeout. `false`: the client is gone.
pub async fn send(client: &Client, stream: &mut Stream, txn: &mut Txn, bytes: &[u8]) -> Result<bool, Cut> {
    let mut rest = bytes;
    client.ctx.set_deadline(&client.session, client.proxy.config.timeouts.client);
    while !rest.is_empty() {
        match client.ctx.wait(&client.session, |cx| stream.poll_send(cx, rest)).await? {
            Ok(n) => {
                txn.bytes_out += n as u64;
                rest = rest.get(n..).unwrap_or_default();
            }
            Err(_) => return Ok(false),
        }
    }
    Ok(true)
}
