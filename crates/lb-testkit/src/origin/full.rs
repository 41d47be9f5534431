//! A listener that answers no connection request: its queue is full and nobody accepts.

use crate::ports;
use socket2::{Domain, Protocol, Socket, Type};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Connecting to it takes for ever, as to a host behind a dropping firewall.
#[derive(Debug)]
pub struct FullListener {
    address: SocketAddr,
    _listener: Socket,
    _waiting: Vec<TcpStream>,
}

impl FullListener {
    /// Listens and fills the queue.
    ///
    /// # Errors
    /// When the port cannot be bound.
    pub fn new() -> anyhow::Result<FullListener> {
        let address = SocketAddr::from(([127, 0, 0, 1], ports::free_port()));
        let listener = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        // As the standard library does: what lingers of a former use does not count.
        listener.set_reuse_address(true)?;
        listener.bind(&address.into())?;
        listener.listen(0)?;
        let mut waiting = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            waiting.push(stream);
        }
        Ok(FullListener { address, _listener: listener, _waiting: waiting })
    }

    /// Where connecting hangs.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connecting_hangs() {
        let full = FullListener::new().unwrap();
        let error = TcpStream::connect_timeout(&full.address(), Duration::from_millis(100)).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    }
}
