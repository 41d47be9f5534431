//! A byte stream to a peer, TCP or UNIX, plain or secured.

use crate::buffer::Buffer;
use crate::tls::TlsStream;
use nix::sys::socket::{MsgFlags, recv};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// A connected stream socket.
#[derive(Debug)]
pub enum Stream {
    /// TCP.
    Tcp(TcpStream),
    /// UNIX.
    Unix(UnixStream),
    /// Secured, over either.
    Tls(Box<TlsStream>),
}

impl Stream {
    /// Peer's address, for TCP.
    pub fn peer(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(s) => s.peer_addr().ok(),
            Self::Unix(_) => None,
            Self::Tls(s) => s.socket().peer(),
        }
    }

    /// Own address, for TCP.
    pub fn local(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(s) => s.local_addr().ok(),
            Self::Unix(_) => None,
            Self::Tls(s) => s.socket().local(),
        }
    }

    /// Descriptor number, for display.
    pub fn fd(&self) -> i32 {
        use std::os::fd::AsRawFd;
        match self {
            Self::Tcp(s) => s.as_raw_fd(),
            Self::Unix(s) => s.as_raw_fd(),
            Self::Tls(s) => s.socket().fd(),
        }
    }

    /// Whether it is secured by taking up an earlier session.
    pub fn is_resumed(&self) -> bool {
        match self {
            Self::Tcp(_) | Self::Unix(_) => false,
            Self::Tls(s) => s.connection().handshake_kind() == Some(rustls::HandshakeKind::Resumed),
        }
    }

    /// Whether HTTP/2 was agreed on while it was secured.
    pub fn negotiated_http2(&self) -> bool {
        matches!(self, Self::Tls(s) if s.connection().alpn_protocol() == Some(b"h2"))
    }

    /// Ready when bytes, an end or an error can be read.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(s) => s.poll_read_ready(cx),
            Self::Unix(s) => s.poll_read_ready(cx),
            Self::Tls(s) => s.poll_readable(cx),
        }
    }

    /// Ready when the peer has ended the stream, or broken it, and nothing is left to read.
    pub fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut byte = [0_u8; 1];
        let mut room = ReadBuf::new(&mut byte);
        match self {
            Self::Tcp(s) => match s.poll_peek(cx, &mut room) {
                Poll::Ready(Ok(n)) if n > 0 => Poll::Pending,
                ended => ended.map_ok(|_| ()),
            },
            // Local clients are not watched: there is no peek for them.
            Self::Unix(_) => Poll::Pending,
            Self::Tls(s) => s.poll_gone(cx),
        }
    }

    /// Looks at what a plain socket received without taking it. `enough` is told these bytes and whether no more will
    /// come; while it says no, this waits for more. The result is how many bytes there were.
    pub fn poll_look(
        &self,
        cx: &mut Context<'_>,
        room: &mut [u8],
        mut enough: impl FnMut(&[u8], bool) -> bool,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_readable(cx))?;
            let ended = self.is_ended();
            let fd = self.fd();
            let look = || {
                let n = recv(fd, room, MsgFlags::MSG_PEEK)?;
                let seen = room.get(..n).unwrap_or_default();
                // As if nothing had come: the reactor tells when more has.
                if enough(seen, ended) || n == room.len() { Ok(n) } else { Err(io::ErrorKind::WouldBlock.into()) }
            };
            let looked = match self {
                Self::Tcp(s) => s.try_io(Interest::READABLE, look),
                Self::Unix(s) => s.try_io(Interest::READABLE, look),
                Self::Tls(_) => Err(io::ErrorKind::Unsupported.into()),
            };
            match looked {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                looked => return Poll::Ready(looked),
            }
        }
    }

    /// Whether the reactor has seen the peer's end, after [`Self::poll_readable`] was ready.
    fn is_ended(&self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        let ready = match self {
            Self::Tcp(s) => std::pin::pin!(s.ready(Interest::READABLE)).poll(&mut cx),
            Self::Unix(s) => std::pin::pin!(s.ready(Interest::READABLE)).poll(&mut cx),
            Self::Tls(_) => return false,
        };
        matches!(ready, Poll::Ready(Ok(ready)) if ready.is_read_closed())
    }

    /// Reads into the buffer's spare room. `0` is the end of the stream.
    pub fn poll_fill(&mut self, cx: &mut Context<'_>, buffer: &mut Buffer) -> Poll<io::Result<usize>> {
        let mut target = ReadBuf::new(buffer.spare());
        let polled = match self {
            Self::Tcp(s) => Pin::new(s).poll_read(cx, &mut target),
            Self::Unix(s) => Pin::new(s).poll_read(cx, &mut target),
            Self::Tls(s) => return s.poll_fill(cx, buffer),
        };
        let n = target.filled().len();
        buffer.filled(n);
        polled.map_ok(|()| n)
    }

    /// Writes some bytes.
    pub fn poll_send(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(s) => Pin::new(s).poll_write(cx, bytes),
            Self::Unix(s) => Pin::new(s).poll_write(cx, bytes),
            Self::Tls(s) => s.poll_send(cx, bytes),
        }
    }

    /// Reads some bytes into any room. `0` is the end of the stream.
    pub fn poll_read_bytes(&mut self, cx: &mut Context<'_>, bytes: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut target = ReadBuf::new(bytes);
        let polled = match self {
            Self::Tcp(s) => Pin::new(s).poll_read(cx, &mut target),
            Self::Unix(s) => Pin::new(s).poll_read(cx, &mut target),
            Self::Tls(s) => return s.poll_read_bytes(cx, bytes),
        };
        polled.map_ok(|()| target.filled().len())
    }

    /// Writes some bytes of several slices to a plain socket.
    pub fn poll_send_slices(&mut self, cx: &mut Context<'_>, slices: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(s) => Pin::new(s).poll_write_vectored(cx, slices),
            Self::Unix(s) => Pin::new(s).poll_write_vectored(cx, slices),
            Self::Tls(_) => Poll::Ready(Err(io::ErrorKind::Unsupported.into())),
        }
    }

    /// Ends the writing side.
    pub fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(s) => Pin::new(s).poll_shutdown(cx),
            Self::Unix(s) => Pin::new(s).poll_shutdown(cx),
            Self::Tls(s) => s.poll_end(cx),
        }
    }

    /// Reads some bytes; 0 is the end of the stream.
    ///
    /// # Errors
    /// The system's or the TLS library's.
    pub async fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_read_bytes(cx, bytes)).await
    }

    /// Writes some bytes.
    ///
    /// # Errors
    /// The system's or the TLS library's.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_send(cx, bytes)).await
    }

    /// Ends the writing side.
    ///
    /// # Errors
    /// The system's or the TLS library's.
    pub async fn end(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_end(cx)).await
    }

    /// Makes the close that follows a reset, so that nothing lingers (`option nolinger`, aborted transfers).
    pub fn reset_on_close(&self) {
        match self {
            Self::Tcp(s) => {
                let _ = socket2::SockRef::from(s).set_linger(Some(std::time::Duration::ZERO));
            }
            Self::Unix(_) => {}
            Self::Tls(s) => s.socket().reset_on_close(),
        }
    }
}
