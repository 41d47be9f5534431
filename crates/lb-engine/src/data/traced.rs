//! What sessions report to traces. Callers ask first whether the source is on; nothing here is on a request's way otherwise.

use super::accept::Client;
use crate::trace::{Level, Source, Whom, event};
use lb_http::RequestHead;

fn whom(client: &Client) -> Whom {
    let server = client.session.server.get();
    Whom {
        thread: client.ctx.index + 1,
        session: client.session.id,
        frontend: Some(client.proxy.index),
        backend: server.map(|(backend, _)| backend).or(client.session.backend.get()),
        server: server.map(|(_, server)| server),
    }
}

fn source(client: &Client) -> String {
    client.session.source.get().map_or_else(|| "unix".to_owned(), |source| source.to_string())
}

/// A client's connection begins or ends.
#[cold]
pub fn session(client: &Client, event: u32) {
    let shared = client.ctx.shared;
    let (name, source) = (&client.proxy.config.name, source(client));
    shared.trace(
        (Source::Session, event, Level::User),
        || whom(client),
        format_args!("fe={name} src={source} requests={}", client.session.requests.get()),
    );
}

/// A request's head was received.
#[cold]
pub fn request(client: &Client, buf: &[u8], head: &RequestHead) {
    let line = buf.get(head.leading as usize..head.headers.start()).unwrap_or_default();
    let line = String::from_utf8_lossy(line.trim_ascii_end());
    let (name, source) = (&client.proxy.config.name, source(client));
    client.ctx.shared.trace(
        (Source::H1, event::H1::REQUEST, Level::User),
        || whom(client),
        format_args!("fe={name} src={source} \"{}\"", line.escape_debug()),
    );
}

/// A message was invalid.
#[cold]
pub fn invalid(client: &Client, event: u32, reason: &str, position: usize) {
    client.ctx.shared.trace(
        (Source::H1, event, Level::Error),
        || whom(client),
        format_args!("src={} at {position}: {reason}", source(client)),
    );
}

/// A response's head was received.
#[cold]
pub fn response(client: &Client, status: u16) {
    client.ctx.shared.trace(
        (Source::H1, event::H1::RESPONSE, Level::User),
        || whom(client),
        format_args!("src={} status={status}", source(client)),
    );
}

/// An exchange ended.
#[cold]
pub fn done(client: &Client, status: u16, bytes_in: u64, bytes_out: u64, termination: lb_model::Termination) {
    client.ctx.shared.trace(
        (Source::H1, event::H1::DONE, Level::Proto),
        || whom(client),
        format_args!("src={} status={status} in={bytes_in} out={bytes_out} end={termination:?}", source(client)),
    );
}

/// A connection to a server is used, opened, or could not be opened.
#[cold]
pub fn way(client: &Client, event: u32, backend: &str, server: &str) {
    let level = if event == event::Stream::FAILED { Level::Error } else { Level::State };
    client.ctx.shared.trace(
        (Source::Stream, event, level),
        || whom(client),
        format_args!("src={} srv={backend}/{server}", source(client)),
    );
}
