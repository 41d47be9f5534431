//! Answers the proxy gives itself.

use super::super::session::Cut;
use super::txn::Txn;
use super::{Next, after};
use crate::data::accept::Client;
use crate::data::view::View;
use crate::stream::Stream;
use lb_config::model::{Reply, ReplyContent};
use lb_sample::LogFormat;
use std::borrow::Cow;

/// Sends the page for a status and closes: the backend's or the frontend's `errorfile`, else the default one.
pub async fn error(client: &Client, stream: &mut Stream, txn: &mut Txn, status: u16) {
    let (page, _) = page(client, txn, status, false);
    txn.status = status;
    send_final(client, stream, txn, &page, false).await;
}

/// Sends the page for a status. The connection goes on if `keep`, and if the page, which may be a file that says
/// otherwise, lets it.
pub async fn after_failure(client: &Client, stream: &mut Stream, txn: &mut Txn, status: u16, keep: bool) -> Next {
    let (page, keep) = page(client, txn, status, keep);
    send_page(client, stream, txn, (status, &page), keep).await
}

/// A reply's bytes; none: the page of its status is meant.
pub fn rendered(reply: &Reply, view: &View<'_>) -> Option<Vec<u8>> {
    let text = |format: &LogFormat| {
        let mut text = Vec::new();
        format.render_value(view, &mut text);
        text
    };
    let (kind, body) = match &reply.content {
        ReplyContent::Page => return None,
        ReplyContent::Whole(bytes) => return Some(bytes.to_vec()),
        ReplyContent::Empty => (None, Cow::Borrowed(&[][..])),
        ReplyContent::Static(kind, body) => (Some(kind), Cow::Borrowed(&**body)),
        ReplyContent::Format(kind, format) => (Some(kind), Cow::Owned(text(format))),
    };
    let values: Vec<(&str, Vec<u8>)> = reply.fields.iter().map(|(name, format)| (&**name, text(format))).collect();
    let mut fields: Vec<(&str, &[u8])> = values.iter().map(|(name, value)| (*name, &**value)).collect();
    fields.extend(kind.map(|kind| ("content-type", kind.as_bytes())));
    Some(lb_http::static_response(reply.status, &fields, &body, false))
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
    let keep = keep && lets_connection_live(&bytes);
    let bytes = if keep { bytes } else { super::request::with_close(bytes) };
    send_page(client, stream, txn, (status, &bytes), keep).await
}

/// Sends the page of status 401, asking for a name and a password.
pub async fn challenge(client: &Client, stream: &mut Stream, txn: &mut Txn, realm: &str, keep: bool) -> Next {
    let (page, keep) = page(client, txn, 401, keep);
    let quoted = realm.replace(['"', '\\'], "");
    let field = format!("www-authenticate: Basic realm=\"{quoted}\"\r\n");
    let mut page = page.into_owned();
    if let Some(at) = memchr::memmem::find(&page, b"\r\n\r\n") {
        page.splice(at + 2..at + 2, field.into_bytes());
    }
    send_page(client, stream, txn, (401, &page), keep).await
}

/// The page for a status, and whether the connection may go on after it.
fn page(client: &Client, txn: &Txn, status: u16, keep: bool) -> (Cow<'static, [u8]>, bool) {
    let files = |proxy: &'static crate::shared::ProxyState| {
        proxy.config.error_files.iter().find(|(s, _)| *s == status).map(|(_, page)| &**page)
    };
    let file = txn.backend.and_then(files).or_else(|| files(client.proxy));
    let keep = keep && file.is_none_or(lets_connection_live);
    let page = match file {
        Some(page) => Cow::Borrowed(page),
        None => Cow::Owned(lb_http::error_page(status, !keep)),
    };
    (page, keep)
}

async fn send_page(
    client: &Client,
    stream: &mut Stream,
    txn: &mut Txn,
    (status, page): (u16, &[u8]),
    keep: bool,
) -> Next {
    txn.status = status;
    let page = after::to_page(client, txn, page);
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

/// Whether a page from a file tells where it ends and does not ask for the connection's end.
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
