//! A peer on strings: whoever connects waits until the test says what it gets.

use crate::{ports, wait};
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::locked;

/// How an answered connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// This side ends after the answer.
    Close,
    /// It stays open until the peer closes.
    Open,
    /// A reset, instead of an answer.
    Reset,
}

/// Accepts connections and holds them, oldest first, until [`Puppet::answer`].
#[derive(Debug)]
pub struct Puppet {
    port: u16,
    listener: Arc<TcpListener>,
    waiting: Arc<Mutex<VecDeque<TcpStream>>>,
    thread: Option<JoinHandle<()>>,
}

impl Puppet {
    /// Holds connections whose peers have sent the head of a request.
    ///
    /// # Errors
    /// When no port can be bound.
    pub fn of_requests() -> anyhow::Result<Puppet> {
        Puppet::start(true)
    }

    /// Holds connections as they come.
    ///
    /// # Errors
    /// When no port can be bound.
    pub fn of_connections() -> anyhow::Result<Puppet> {
        Puppet::start(false)
    }

    fn start(heads: bool) -> anyhow::Result<Puppet> {
        let port = ports::free_port();
        let listener = Arc::new(ports::bind(|| TcpListener::bind(("127.0.0.1", port)))?);
        let waiting: Arc<Mutex<VecDeque<TcpStream>>> = Arc::default();
        let (accepting, held) = (Arc::clone(&listener), Arc::clone(&waiting));
        let thread = std::thread::spawn(move || {
            while let Ok((stream, _)) = accepting.accept() {
                if heads && !read_head(&stream) {
                    continue;
                }
                locked(&held).push_back(stream);
            }
        });
        Ok(Puppet { port, listener, waiting, thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Whether a peer waits.
    pub fn is_asked(&self) -> bool {
        !locked(&self.waiting).is_empty()
    }

    /// Gives the peer that waits longest these bytes, ends the connection so, and waits until the peer has ended it, too.
    ///
    /// # Errors
    /// When no peer comes.
    pub fn answer(&self, bytes: &[u8], end: End) -> anyhow::Result<()> {
        let mut stream = wait::until("a peer to answer", || locked(&self.waiting).pop_front())?;
        if end == End::Reset {
            return crate::client::reset(&stream);
        }
        // A peer that went away is no failure of this side.
        let _ = stream.write_all(bytes);
        if end == End::Close {
            let _ = stream.shutdown(Shutdown::Write);
        }
        stream.set_read_timeout(Some(wait::LONG))?;
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
        Ok(())
    }
}

impl Drop for Puppet {
    fn drop(&mut self) {
        // Shutting a listener down wakes its accept; a peer that never sends its head is not waited for.
        let _ = socket2::SockRef::from(self.listener.as_ref()).shutdown(Shutdown::Both);
        locked(&self.waiting).clear();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn read_head(mut stream: &TcpStream) -> bool {
    let mut head = Vec::new();
    let mut bytes = [0; 1024];
    let _ = stream.set_read_timeout(Some(wait::LONG));
    while !head.windows(4).any(|w| w == b"\r\n\r\n") {
        match stream.read(&mut bytes) {
            Ok(n @ 1..) => head.extend_from_slice(bytes.get(..n).unwrap_or_default()),
            _ => return false,
        }
    }
    true
}
