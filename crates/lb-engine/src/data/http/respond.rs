//! Answers the proxy gives itself.

use super::super::session::Cut;
use super::txn::Txn;
use crate::data::accept::Client;
use crate::stream::Stream;
use std::borrow::Cow;

/// Sends the page for a status: the backend's or the frontend's `errorfile`, else the default one.
pub async fn error(client: &Client, stream: &mut Stream, txn: &mut Txn, status: u16) {
    let files = |proxy: &'static crate::shared::ProxyState| {
        proxy.config.error_files.iter().find(|(s, _)| *s == status).map(|(_, page)| &**page)
    };
    let page = match txn.backend.and_then(files).or_else(|| files(client.proxy)) {
        Some(page) => Cow::Borrowed(page),
        None => Cow::Owned(lb_http::error_page(status)),
    };
    txn.status = status;
    txn.local = true;
    let _ = send(client, stream, txn, &page).await;
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
