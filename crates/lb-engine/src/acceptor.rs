//! Where connections come from, whatever the family of the listening socket.

use crate::sockpair::Receiver;
use crate::stream::Stream;
use socket2::Socket;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use tokio::net::{TcpListener, UnixListener};

/// A listening socket that is registered with a reactor.
#[derive(Debug)]
pub enum Acceptor {
    /// IPv4 or IPv6.
    Tcp(TcpListener),
    /// UNIX.
    Unix(UnixListener),
    /// A connected UNIX socket on which connections are handed over.
    Sockpair(Receiver),
}

impl Acceptor {
    /// Registers a socket that does not block with the reactor of the current runtime.
    ///
    /// # Errors
    /// The system's.
    pub fn new(socket: Socket) -> io::Result<Self> {
        let is_unix = socket.local_addr().is_ok_and(|address| address.is_unix());
        match (is_unix, socket.is_listener()?) {
            (false, _) => TcpListener::from_std(OwnedFd::from(socket).into()).map(Self::Tcp),
            (true, true) => UnixListener::from_std(OwnedFd::from(socket).into()).map(Self::Unix),
            (true, false) => Receiver::new(socket.into()).map(Self::Sockpair),
        }
    }

    /// The next connection, and its source where it has one.
    ///
    /// # Errors
    /// The system's.
    pub async fn accept(&self) -> io::Result<(Stream, Option<SocketAddr>)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // What is written is whole: waiting for more bytes would only delay it.
                let _ = stream.set_nodelay(true);
                Ok((Stream::Tcp(stream), Some(peer)))
            }
            Self::Unix(listener) => listener.accept().await.map(|(stream, _)| (Stream::Unix(stream), None)),
            Self::Sockpair(receiver) => receiver.accept().await,
        }
    }
}
