//! Long sessions that must not be cut: WebSocket connections whose every byte comes back, and downloads whose every byte
//! is the right one.

use crate::client::Client;
use crate::origin::{WEBSOCKET_REQUEST, filler};
use anyhow::{Context, ensure};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Bytes in one piece of a download, as `/flow/NxMS` of an origin sends them.
pub const FLOW_PIECE: usize = 8 * 1024;
/// Time between two messages on a WebSocket connection.
const MESSAGE_PAUSE: Duration = Duration::from_millis(50);

/// Sessions under way. They end when finished or dropped.
#[derive(Debug)]
pub struct LongSessions {
    address: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    begun: u64,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    opened: AtomicU64,
    messages: AtomicU64,
    bytes: AtomicU64,
    cut: Mutex<Vec<String>>,
}

/// What became of the sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endings {
    /// How many there were.
    pub sessions: u64,
    /// Messages that came back on WebSocket connections.
    pub messages: u64,
    /// Bytes of downloads.
    pub bytes: u64,
    /// Why sessions ended that should not have.
    pub cut: Vec<String>,
}

impl LongSessions {
    /// None yet, to this address.
    pub fn new(address: SocketAddr) -> LongSessions {
        LongSessions { address, shared: Arc::default(), threads: Vec::new(), begun: 0 }
    }

    /// Begins a WebSocket connection that lasts until the end of all.
    pub fn websocket(&mut self) {
        self.begin("a WebSocket connection", |shared, address| {
            let mut client = Client::connect(address)?;
            client.send(WEBSOCKET_REQUEST)?;
            let head = client.head()?;
            ensure!(head.start.contains(" 101 "), "answered {}", head.start);
            shared.opened.fetch_add(1, Relaxed);
            for number in 0_u64.. {
                let message = format!("message {number} ").repeat(1 + number as usize % 40);
                client.send(&message)?.expect(&message).with_context(|| format!("after {number} messages"))?;
                shared.messages.fetch_add(1, Relaxed);
                if shared.stop.load(Relaxed) {
                    break;
                }
                std::thread::sleep(MESSAGE_PAUSE);
            }
            client.half_close()?;
            ensure!(client.read_to_end()?.is_empty(), "bytes after the last message");
            Ok(())
        });
    }

    /// Begins a download that takes `pieces` times `pause_ms`.
    pub fn download(&mut self, pieces: usize, pause_ms: u64) {
        self.begin("a download", move |shared, address| {
            let mut client = Client::connect(address)?;
            client.send(format!("GET /flow/{pieces}x{pause_ms} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"))?;
            let head = client.head()?;
            ensure!(head.start.contains(" 200 "), "answered {}", head.start);
            shared.opened.fetch_add(1, Relaxed);
            let piece = filler(FLOW_PIECE);
            for number in 0..pieces {
                client.expect(&piece).with_context(|| format!("after {number} of {pieces} pieces"))?;
                shared.bytes.fetch_add(piece.len() as u64, Relaxed);
                if shared.stop.load(Relaxed) {
                    return Ok(());
                }
            }
            ensure!(client.read_to_end()?.is_empty(), "bytes after the last piece");
            Ok(())
        });
    }

    /// How many have begun to carry bytes.
    pub fn opened(&self) -> u64 {
        self.shared.opened.load(Relaxed)
    }

    /// How many there should be.
    pub fn begun(&self) -> u64 {
        self.begun
    }

    fn begin(
        &mut self,
        what: &'static str,
        session: impl FnOnce(&Shared, SocketAddr) -> anyhow::Result<()> + Send + 'static,
    ) {
        let (shared, address) = (Arc::clone(&self.shared), self.address);
        self.begun += 1;
        self.threads.push(std::thread::spawn(move || {
            if let Err(error) = session(&shared, address) {
                let text = format!("{what}: {error:#}");
                shared.cut.lock().unwrap_or_else(PoisonError::into_inner).push(text);
            }
        }));
    }

    /// Ends all, each after its next message or piece.
    pub fn finish(mut self) -> Endings {
        self.join();
        Endings {
            sessions: self.begun,
            messages: self.shared.messages.load(Relaxed),
            bytes: self.shared.bytes.load(Relaxed),
            cut: self.shared.cut.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    fn join(&mut self) {
        self.shared.stop.store(true, Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for LongSessions {
    fn drop(&mut self) {
        self.join();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::Origin;
    use crate::wait::until;

    #[test]
    fn sessions_are_whole_or_cut() {
        let origin = Origin::http("o").unwrap();
        let mut sessions = LongSessions::new(origin.address());
        sessions.websocket();
        sessions.download(3, 1);
        until("both sessions", || (sessions.opened() == 2).then_some(())).unwrap();
        let endings = sessions.finish();
        assert!(endings.cut.is_empty() && endings.messages > 0 && endings.bytes > 0, "{endings:?}");

        let mut sessions = LongSessions::new(origin.address());
        sessions.websocket();
        sessions.download(1_000_000, 5);
        until("both sessions", || (sessions.opened() == 2).then_some(())).unwrap();
        origin.refuse();
        until("both cuts", || {
            (sessions.shared.cut.lock().unwrap_or_else(PoisonError::into_inner).len() == 2).then_some(())
        })
        .unwrap();
        assert_eq!(sessions.finish().cut.len(), 2);
    }
}
