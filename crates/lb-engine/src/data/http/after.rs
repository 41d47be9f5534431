//! `http-after-response` rules: the last word on every response, the proxy's own ones included. Answers to what was no
//! request pass them by.

use super::respond::head_of;
use super::rules;
use super::txn::Txn;
use crate::buffer::Buffer;
use crate::data::accept::Client;
use crate::shared::ProxyState;
use lb_config::model::HttpRule;
use lb_http::{ResponseHead, parse_response};
use std::borrow::Cow;

/// The rules of the backend, then those of the frontend.
fn sets(client: &Client, txn: &Txn) -> impl Iterator<Item = (&'static ProxyState, &'static [HttpRule])> + use<> {
    let backend = txn.backend.filter(|backend| backend.index != client.proxy.index);
    let owners = backend.into_iter().chain(std::iter::once(client.proxy));
    owners.map(|owner| (owner, &*owner.config.get().http_after_response)).filter(|(_, rules)| !rules.is_empty())
}

/// Applies the rules to a server's response at the front of `buffer`, whose head was edited for the client.
pub fn to_response(client: &Client, txn: &mut Txn, buffer: &mut Buffer, response: &mut ResponseHead) {
    if sets(client, txn).next().is_none() {
        return;
    }
    // What the head says of the server's connection was read before the edit.
    let Ok(Some(mut edited)) = parse_response(buffer.data(), client.ctx.shared.limits.maxhdr + 4, true) else { return };
    for (owner, set) in sets(client, txn) {
        rules::run_response(client, txn, (owner, set), buffer, &mut edited);
    }
    (response.len, response.status) = (edited.len, edited.status);
}

/// Applies the rules to a response of the proxy's own, or to its head alone; gives what is to be sent.
pub fn to_page<'a>(client: &Client, txn: &mut Txn, page: &'a [u8]) -> Cow<'a, [u8]> {
    if sets(client, txn).next().is_none() {
        return Cow::Borrowed(page);
    }
    let (head, body) = page.split_at(head_of(page).len());
    let mut buffer = client.ctx.buffers.take();
    buffer.clear();
    let mut out = Cow::Borrowed(page);
    if let Some(room) = buffer.spare().get_mut(..head.len()) {
        room.copy_from_slice(head);
        buffer.filled(head.len());
        if let Ok(Some(mut parsed)) = parse_response(buffer.data(), client.ctx.shared.limits.maxhdr + 4, true) {
            for (owner, set) in sets(client, txn) {
                rules::run_response(client, txn, (owner, set), &mut buffer, &mut parsed);
            }
            txn.status = parsed.status;
            out = Cow::Owned([buffer.data(), body].concat());
        }
    }
    client.ctx.buffers.give(buffer);
    out
}
