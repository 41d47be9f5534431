//! A scripted TCP client: sends exactly the bytes it is told to.

use crate::http::{self, Head, Response};
use crate::wait::LONG;
use anyhow::{Context, bail};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// One client connection.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Connects to `address`.
    ///
    /// # Errors
    /// When nobody listens there.
    pub fn connect(address: SocketAddr) -> anyhow::Result<Client> {
        let stream = TcpStream::connect_timeout(&address, LONG).with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LONG))?;
        stream.set_write_timeout(Some(LONG))?;
        Ok(Client { stream: BufReader::new(stream) })
    }

    /// Own address, as the peer sees it.
    ///
    /// # Errors
    /// When the socket is gone.
    pub fn local_addr(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.stream.get_ref().local_addr()?)
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// When the peer does not take them.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> anyhow::Result<&mut Client> {
        self.stream.get_mut().write_all(bytes.as_ref())?;
        Ok(self)
    }

    /// Sends what the peer takes, ignoring a connection closed meanwhile: for input a server may refuse early.
    pub fn offer(&mut self, bytes: impl AsRef<[u8]>) -> &mut Client {
        let _ = self.stream.get_mut().write_all(bytes.as_ref());
        self
    }

    /// Sends a GET on a kept connection and reads its response.
    ///
    /// # Errors
    /// When the connection ends before the whole response.
    pub fn get(&mut self, path: &str) -> anyhow::Result<Response> {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n"))?;
        self.response()
    }

    /// Reads one response, whatever its status.
    ///
    /// # Errors
    /// When the connection ends before the whole response, or its framing is wrong.
    pub fn response(&mut self) -> anyhow::Result<Response> {
        http::read_response(&mut self.stream, false)?.context("the peer closed instead of responding")
    }

    /// Reads one response to a HEAD request.
    ///
    /// # Errors
    /// As [`Client::response`].
    pub fn head_response(&mut self) -> anyhow::Result<Response> {
        http::read_response(&mut self.stream, true)?.context("the peer closed instead of responding")
    }

    /// Reads one head and nothing after it.
    ///
    /// # Errors
    /// When the connection ends within it.
    pub fn head(&mut self) -> anyhow::Result<Head> {
        http::read_head(&mut self.stream)?.context("the peer closed instead of sending a head")
    }

    /// Reads exactly these bytes.
    ///
    /// # Errors
    /// When other bytes or the end come.
    pub fn expect(&mut self, bytes: impl AsRef<[u8]>) -> anyhow::Result<&mut Client> {
        let wanted = bytes.as_ref();
        let mut got = vec![0; wanted.len()];
        self.stream.read_exact(&mut got).with_context(|| format!("awaiting {:?}", String::from_utf8_lossy(wanted)))?;
        if got != wanted {
            bail!("awaited {:?}, got {:?}", String::from_utf8_lossy(wanted), String::from_utf8_lossy(&got));
        }
        Ok(self)
    }

    /// Reads up to and with the first occurrence of `mark`.
    ///
    /// # Errors
    /// When the end comes first.
    pub fn read_through(&mut self, mark: &str) -> anyhow::Result<String> {
        let mut got = Vec::new();
        while !got.ends_with(mark.as_bytes()) {
            let mut byte = [0];
            self.stream
                .read_exact(&mut byte)
                .with_context(|| format!("awaiting {mark:?} after {:?}", String::from_utf8_lossy(&got)))?;
            got.extend(byte);
        }
        Ok(String::from_utf8_lossy(&got).into_owned())
    }

    /// Reads whatever comes until the peer closes or resets.
    ///
    /// # Errors
    /// When the peer keeps the connection open.
    pub fn read_to_end(&mut self) -> anyhow::Result<Vec<u8>> {
        let mut all = Vec::new();
        match self.stream.read_to_end(&mut all) {
            Ok(_) => Ok(all),
            Err(e) if matches!(e.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => Ok(all),
            Err(e) => Err(e).with_context(|| format!("awaiting the end after {:?}", String::from_utf8_lossy(&all))),
        }
    }

    /// Whether something arrives (or the peer closes) within `limit`: for what must *not* happen yet.
    pub fn is_quiet_for(&mut self, limit: Duration) -> bool {
        if !self.stream.buffer().is_empty() || self.stream.get_ref().set_read_timeout(Some(limit)).is_err() {
            return false;
        }
        let quiet =
            matches!(self.stream.fill_buf(), Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
        let _ = self.stream.get_ref().set_read_timeout(Some(LONG));
        quiet
    }

    /// Closes the writing side only.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn half_close(&mut self) -> anyhow::Result<&mut Client> {
        self.stream.get_ref().shutdown(Shutdown::Write)?;
        Ok(self)
    }

    /// Drops the connection with a TCP reset.
    ///
    /// # Errors
    /// When the option cannot be set.
    pub fn reset(self) -> anyhow::Result<()> {
        reset(self.stream.get_ref())
    }
}

/// Makes the close of `stream` a TCP reset.
pub(crate) fn reset(stream: &TcpStream) -> anyhow::Result<()> {
    socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO))?;
    Ok(())
}

/// One GET on its own connection.
///
/// # Errors
/// When the connection or its response fails.
pub fn get(address: SocketAddr, path: &str) -> anyhow::Result<Response> {
    Client::connect(address)?.get(path)
}

/// A connection to `address` from a chosen local address, such as another one of 127.0.0.0/8.
///
/// # Errors
/// When the address cannot be bound or nobody listens.
pub fn connect_from(local: IpAddr, address: SocketAddr) -> anyhow::Result<TcpStream> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)?;
    // Its port may be used by others that use it for other peers: by a proxy that shows itself as this client.
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::new(local, 0).into())?;
    socket.connect(&address.into())?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(LONG))?;
    Ok(stream)
}
