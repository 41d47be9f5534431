//! Who is at the other end of an admin connection.

use crate::shared::listen_text;
use crate::stream::Stream;
use lb_config::model::StatsSocket;
use std::rc::Rc;

/// Who sends commands.
#[derive(Debug)]
pub(in crate::admin) struct Caller(Rc<str>);

impl Caller {
    /// Who is at the other end of a connection to this socket: for UNIX sockets the kernel tells the user and the process.
    pub(in crate::admin) fn of(stream: &Stream, socket: &StatsSocket) -> Self {
        let place = listen_text(&socket.address);
        let who = match stream {
            Stream::Tcp(_) | Stream::Tls(_) => stream.peer().map(|peer| peer.to_string()),
            Stream::Unix(stream) => stream.peer_cred().ok().map(|cred| match cred.pid() {
                Some(pid) => format!("uid={} pid={pid}", cred.uid()),
                None => format!("uid={}", cred.uid()),
            }),
        };
        Self(format!("{} on {place}", who.as_deref().unwrap_or("somebody")).into())
    }

    /// Somebody who used the status page.
    pub(in crate::admin) fn of_page() -> Self {
        Self("the status page".into())
    }

    pub(super) fn who(&self) -> &Rc<str> {
        &self.0
    }
}
