//! Answers the proxy gives itself.

use super::super::session::Cut;
use super::Next;
use super::txn::Txn;
use crate::data::accept::Client;
use crate::stream::Stream;
use std::borrow::Cow;

/// Sends the page for a status and closes: the backend's or the frontend's `errorfile`, else the default one.
pub async fn error(client: &Client, stream: &mut Stream, txn: &mut Txn, status: u16) {
    page(client, stream, txn, status, true).await;
}

/// Sends the page for a status; `close` says whether the connection ends with it.
pub async fn page(client: &Client, stream: &mut Stream, txn: &mut Txn, status: u16, close: bool) {
    let files = |proxy: &'static crate::shared::ProxyState| {
        proxy.config.error_files.iter().find(|(s, _)| *s == status).map(|(_, page)| &**page)
    };
    let page = match txn.backend.and_then(files).or_else(|| files(client.proxy)) {
        Some(page) => Cow::Borrowed(page),
        None => Cow::Owned(lb_http::error_page(status, close)),
    };
    let head_end = memchr::memmem::find(&page, b"\r\n\r\n").map_or(page.len(), |at| at + 4);
    let shown = if txn.is_head { page.get(..head_end).unwrap_or(&page) } else { &page };
    txn.status = status;
    txn.local = true;
    let _ = send(client, stream, txn, shown).await;
}

/// Sends the page of a failure; the connection goes on if `keep`.
pub async fn after_failure(client: &Client, stream: &mut Stream, txn: &mut Txn, status: u16, keep: bool) -> Next {
    page(client, stream, txn, status, !keep).await;
    if keep { Next::KeepAlive } else { Next::Linger }
}

/// Sends bytes to the client within its timeout.
pub async fn send(client: &Client, stream: &mut Stream, txn: &mut Txn, bytes: &[u8]) -> Result<(), Cut> {
    let mut rest = bytes;
    client.ctx.set_deadline(&client.session, client.proxy.config.timeouts.client);
    while !rest.is_empty() {
        match client.ctx.wait(&client.session, |cx| stream.poll_send(cx, rest)).await? {
            Ok(n) => {
                txn.bytes_out += n as u64;
                rest = rest.get(n..).unwrap_or_default();
            }
            Err(_) => return Ok(()),
        }
    }
    Ok(())
}
