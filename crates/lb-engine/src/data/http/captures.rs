//! What is kept of messages for log lines and for later rules. Made for a request only where its frontend asks for it.

use super::txn::Txn;
use crate::data::accept::Client;
use lb_config::model::{CaptureSlot, Captures as Wanted};
use lb_http::HeaderList;
use lb_sample::{Sample, Side};

/// What was kept in one exchange.
#[derive(Debug, Default)]
pub struct Captures {
    request: Kept,
    response: Kept,
}

/// What was kept of one message.
#[derive(Debug, Default)]
struct Kept {
    /// One by one as the slots; empty until there is a message.
    headers: Vec<Option<Box<[u8]>>>,
    cookie: Option<Box<[u8]>>,
}

impl Captures {
    /// What a slot holds.
    pub fn header(&self, side: Side, index: usize) -> Option<&[u8]> {
        self.of(side).headers.get(index)?.as_deref()
    }

    /// How many slots there are, none before the message came.
    pub fn count(&self, side: Side) -> usize {
        self.of(side).headers.len()
    }

    /// The captured cookie, its name with it.
    pub fn cookie(&self, side: Side) -> Option<&[u8]> {
        self.of(side).cookie.as_deref()
    }

    fn of(&self, side: Side) -> &Kept {
        match side {
            Side::Request => &self.request,
            Side::Response => &self.response,
        }
    }

    fn of_mut(&mut self, side: Side) -> &mut Kept {
        match side {
            Side::Request => &mut self.request,
            Side::Response => &mut self.response,
        }
    }
}

/// Keeps what the frontend wants of a message's fields.
pub fn keep(client: &Client, txn: &mut Txn, side: Side, (buf, fields): (&[u8], &HeaderList)) {
    let wanted = &client.proxy.config.captures;
    if wanted.is_empty() {
        return;
    }
    let captures = txn.captures.get_or_insert_default();
    if side == Side::Request {
        // A request's line shows the response's slots too, whether a response comes or not.
        captures.response.headers.resize(wanted.response.len(), None);
    }
    captures.of_mut(side).headers = wanted.slots(side).iter().map(|slot| last_line(slot, buf, fields)).collect();
}

/// Keeps the cookie that the frontend wants: of a request that goes on to a server or is denied, and of that server's response.
pub fn keep_cookie(client: &Client, txn: &mut Txn, side: Side, message: (&[u8], &HeaderList)) {
    let wanted = &client.proxy.config.captures;
    if wanted.cookie.is_some() {
        txn.captures.get_or_insert_default().of_mut(side).cookie = cookie(wanted, side, message);
    }
}

/// The last line of that name: lists are not cut.
fn last_line(slot: &CaptureSlot, buf: &[u8], fields: &HeaderList) -> Option<Box<[u8]>> {
    let value = fields.values(buf, slot.header.as_deref()?).last()?;
    Some(value.get(..slot.len).unwrap_or(value).into())
}

/// The first cookie whose name begins as wanted, name and value.
fn cookie(wanted: &Wanted, side: Side, (buf, fields): (&[u8], &HeaderList)) -> Option<Box<[u8]>> {
    let (beginning, len) = wanted.cookie.as_ref()?;
    let name = if side == Side::Request { "cookie" } else { "set-cookie" };
    let pairs = fields.values(buf, name).flat_map(|value| {
        // Attributes follow the one cookie that a response's line sets.
        let most = if side == Side::Request { usize::MAX } else { 1 };
        value.split(|b| *b == b';').take(most).map(<[u8]>::trim_ascii)
    });
    let pair = pairs.into_iter().find(|pair| pair.starts_with(beginning.as_bytes()))?;
    Some(pair.get(..*len).unwrap_or(pair).into())
}

/// Puts a value into a slot of the frontend, if there is one and if there is a value.
pub fn put(client: &Client, txn: &mut Txn, side: Side, slot: usize, value: Option<Vec<u8>>) {
    put_into(client, &mut txn.captures, side, slot, value);
}

/// The same where there is no exchange.
pub fn put_into(
    client: &Client,
    captures: &mut Option<Box<Captures>>,
    side: Side,
    slot: usize,
    value: Option<Vec<u8>>,
) {
    let wanted = &client.proxy.config.captures;
    let Some(len) = wanted.slots(side).get(slot).map(|slot| slot.len) else { return };
    let Some(mut value) = value else { return };
    value.truncate(len);
    let kept = captures.get_or_insert_default().of_mut(side);
    if kept.headers.len() <= slot {
        kept.headers.resize(wanted.slots(side).len(), None);
    }
    if let Some(place) = kept.headers.get_mut(slot) {
        *place = Some(value.into());
    }
}

/// A value as text that can be kept.
pub fn text(sample: Sample<'_>) -> Vec<u8> {
    sample.with_text(<[u8]>::to_vec)
}
