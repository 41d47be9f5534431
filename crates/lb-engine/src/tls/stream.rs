//! A secured stream.
//!
//! Plain bytes are read straight into the caller's buffer. A send is done when its bytes, encrypted, were taken by the
//! kernel: what the caller was not told to be sent it still has, and offers again. So nothing of the caller's waits here
//! unseen, and no flush is needed after the last send.

use crate::buffer::Buffer;
use crate::stream::Stream;
use rustls::Connection;
use std::cell::{RefCell, RefMut};
use std::fmt;
use std::io::{self, Read, Write};
use std::task::{Context, Poll, ready};

/// A secured stream; its socket is within.
pub struct TlsStream {
    inner: RefCell<Inner>,
}

struct Inner {
    socket: Stream,
    connection: Connection,
    /// Plain bytes of the send under way that were encrypted already.
    owed: usize,
    /// Plain bytes received and not read.
    waiting: usize,
    /// The peer has ended, by an alert or by closing.
    ended: bool,
}

impl fmt::Debug for TlsStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream").finish_non_exhaustive()
    }
}

/// The socket as the library wants it: what blocks is an error.
pub(super) struct Wire<'a, 'c, 'w> {
    pub(super) socket: &'a mut Stream,
    pub(super) cx: &'c mut Context<'w>,
}

fn or_block<T>(polled: Poll<io::Result<T>>) -> io::Result<T> {
    match polled {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl Read for Wire<'_, '_, '_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        or_block(self.socket.poll_read_bytes(self.cx, bytes))
    }
}

impl Write for Wire<'_, '_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        or_block(self.socket.poll_send(self.cx, bytes))
    }

    fn write_vectored(&mut self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        or_block(self.socket.poll_send_slices(self.cx, slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) fn or_pending<T>(result: io::Result<T>) -> Poll<io::Result<T>> {
    match result {
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        result => Poll::Ready(result),
    }
}

impl Inner {
    /// Writes what the library has to say.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.connection.wants_write() {
            let mut wire = Wire { socket: &mut self.socket, cx };
            if ready!(or_pending(self.connection.write_tls(&mut wire)))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Receives until plain bytes wait or the peer has ended.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.waiting == 0 && !self.ended {
            // Answers of the protocol itself go out when they can: their delay holds up nothing, and a peer that takes
            // none may have left words to be read.
            let _ = self.poll_flush(cx);
            ready!(self.poll_once(cx))?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_once(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut wire = Wire { socket: &mut self.socket, cx };
        let received = ready!(or_pending(self.connection.read_tls(&mut wire)))?;
        match self.connection.process_new_packets() {
            Ok(state) => {
                self.waiting = state.plaintext_bytes_to_read();
                self.ended |= received == 0 || state.peer_has_closed();
                Poll::Ready(Ok(()))
            }
            Err(error) => {
                // The peer is told why, if it listens.
                let _ = self.poll_flush(cx);
                Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error)))
            }
        }
    }
}

impl TlsStream {
    /// A connection about to shake hands over a socket.
    pub fn new(socket: Stream, connection: Connection) -> Self {
        Self { inner: RefCell::new(Inner { socket, connection, owed: 0, waiting: 0, ended: false }) }
    }

    /// Moves the handshake on. Ready when it is complete.
    pub fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let inner = self.inner.get_mut();
        loop {
            ready!(inner.poll_flush(cx))?;
            if !inner.connection.is_handshaking() {
                return Poll::Ready(Ok(()));
            }
            ready!(inner.poll_once(cx))?;
            if inner.ended && inner.connection.is_handshaking() {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    /// The socket.
    pub fn socket(&self) -> RefMut<'_, Stream> {
        RefMut::map(self.inner.borrow_mut(), |inner| &mut inner.socket)
    }

    /// The connection, to be asked what was agreed on.
    pub fn connection(&self) -> RefMut<'_, Connection> {
        RefMut::map(self.inner.borrow_mut(), |inner| &mut inner.connection)
    }

    /// Ready when plain bytes, an end or an error can be read. Messages of the protocol itself are dealt with and are no
    /// reason to read.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.borrow_mut().poll_receive(cx)
    }

    /// Ready when the peer has ended the stream, or broken it, and nothing is left to read.
    pub fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.inner.borrow_mut();
        match inner.poll_receive(cx) {
            Poll::Ready(Ok(())) if inner.waiting > 0 => Poll::Pending,
            ended => ended,
        }
    }

    /// Reads into the buffer's spare room. `0` is the end of the stream, whether the peer said so or just closed: as
    /// observed, a missing farewell is no error.
    pub fn poll_fill(&mut self, cx: &mut Context<'_>, buffer: &mut Buffer) -> Poll<io::Result<usize>> {
        let n = ready!(self.poll_read_bytes(cx, buffer.spare()))?;
        buffer.filled(n);
        Poll::Ready(Ok(n))
    }

    /// Like [`TlsStream::poll_fill`], into any room.
    pub fn poll_read_bytes(&mut self, cx: &mut Context<'_>, bytes: &mut [u8]) -> Poll<io::Result<usize>> {
        let inner = self.inner.get_mut();
        ready!(inner.poll_receive(cx))?;
        if inner.waiting == 0 {
            return Poll::Ready(Ok(0));
        }
        let n = inner.connection.reader().read(bytes)?;
        inner.waiting -= n.min(inner.waiting);
        Poll::Ready(Ok(n))
    }

    /// Sends some bytes. Until it is ready, it must be asked again with the same bytes at the front.
    pub fn poll_send(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let inner = self.inner.get_mut();
        loop {
            ready!(inner.poll_flush(cx))?;
            if inner.owed > 0 || bytes.is_empty() {
                return Poll::Ready(Ok(std::mem::take(&mut inner.owed).min(bytes.len())));
            }
            inner.owed = inner.connection.writer().write(bytes)?;
        }
    }

    /// Says farewell and ends the writing side.
    pub fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let inner = self.inner.get_mut();
        inner.connection.send_close_notify();
        let flushed = ready!(inner.poll_flush(cx));
        let ended = ready!(inner.socket.poll_end(cx));
        Poll::Ready(flushed.and(ended))
    }
}
