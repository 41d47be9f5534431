//! Connections over a pair of sockets (`sockpair@N`): whoever connects makes a pair and hands one end over.

use crate::stream::Stream;
use crate::sys::{self, Message};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use socket2::{Domain, Socket, Type};
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

/// The end of a pair that connections come in on.
#[derive(Debug)]
pub struct Receiver(UnixStream);

impl Receiver {
    /// Registers a socket that does not block with the reactor.
    ///
    /// # Errors
    /// The system's.
    pub fn new(socket: OwnedFd) -> io::Result<Self> {
        UnixStream::from_std(socket.into()).map(Self)
    }

    /// Waits for the next connection; for ever, once the other end is closed.
    ///
    /// # Errors
    /// The system's, and when a message brought no descriptor.
    pub async fn accept(&self) -> io::Result<(Stream, Option<SocketAddr>)> {
        match self.0.async_io(Interest::READABLE, || sys::receive_message(self.0.as_fd())).await? {
            Message::Descriptor(fd) => adopt(fd),
            Message::Other => Err(io::Error::new(io::ErrorKind::InvalidData, "a message without a descriptor")),
            Message::End => std::future::pending().await,
        }
    }
}

/// Takes a connected socket of either family.
fn adopt(fd: OwnedFd) -> io::Result<(Stream, Option<SocketAddr>)> {
    let socket = Socket::from(fd);
    socket.set_nonblocking(true)?;
    if socket.domain()? == Domain::UNIX {
        return Ok((Stream::Unix(UnixStream::from_std(OwnedFd::from(socket).into())?), None));
    }
    let stream = TcpStream::from_std(OwnedFd::from(socket).into())?;
    let _ = stream.set_nodelay(true);
    let peer = stream.peer_addr().ok();
    Ok((Stream::Tcp(stream), peer))
}

/// Connects to whoever has the other end of the inherited socket `over`.
///
/// # Errors
/// The system's: `over` is not open, is no socket, or its peer does not take connections fast enough.
pub fn connect(over: i32) -> io::Result<UnixStream> {
    let (own, theirs) = Socket::pair(Domain::UNIX, Type::STREAM, None)?;
    let rights = [theirs.as_raw_fd()];
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    // A message needs a byte to carry a descriptor.
    sendmsg::<()>(over, &[IoSlice::new(b"\0")], &[ControlMessage::ScmRights(&rights)], flags, None)?;
    own.set_nonblocking(true)?;
    UnixStream::from_std(OwnedFd::from(own).into())
}
