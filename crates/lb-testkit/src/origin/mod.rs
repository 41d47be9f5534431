//! An origin server for tests: one thread per connection, behaviour chosen by path or for the whole server,
//! every received request recorded.
//!
//! Paths are listed at [`serve::respond`].

mod full;
mod puppet;
mod script;
mod serve;

pub use full::FullListener;
pub use puppet::{End, Puppet};
pub use script::unescaped;
pub use serve::{WEBSOCKET_REQUEST, filler};

use crate::http::Request;
use crate::ports;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// How an origin treats each new connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Mode {
    /// Speaks HTTP, as the requested path says.
    #[default]
    Http,
    /// Accepts and never reads or answers.
    Hang,
    /// Accepts and closes at once.
    Close,
    /// Accepts and resets at once.
    Reset,
    /// Sends these bytes after the first bytes of a request came, then closes.
    Bytes(Vec<u8>),
    /// Sends these bytes at once, then reads until the peer closes.
    Greet(Vec<u8>),
    /// Follows a script, `await <bytes> ; send <bytes> ; close | …`: see the module `script`.
    Script(String),
    /// Returns every byte; closes its writing side when the peer does.
    Echo,
}

/// What came over one connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Received {
    /// All bytes.
    pub bytes: Vec<u8>,
    /// The peer ended it by a reset.
    pub reset: bool,
}

/// A running origin; it stops when dropped.
#[derive(Debug)]
pub struct Origin {
    shared: Arc<Shared>,
    listener: Mutex<Option<Accepting>>,
}

#[derive(Debug)]
struct Accepting {
    socket: Arc<TcpListener>,
    thread: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    name: String,
    port: u16,
    recording: bool,
    mode: Mutex<Mode>,
    /// Status of `/health`.
    health: Mutex<u16>,
    requests: Mutex<Vec<Request>>,
    /// What peers of a script sent, each until the script's end.
    received: Mutex<Vec<Received>>,
    accepted: AtomicUsize,
    /// Open connections, to end them at the stop.
    open: Mutex<Vec<(usize, TcpStream)>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Origin {
    /// An HTTP origin that names itself `name` in `X-Origin` and in default bodies.
    ///
    /// # Errors
    /// When no port can be bound.
    pub fn http(name: &str) -> anyhow::Result<Origin> {
        Origin::start(name, Mode::Http, true)
    }

    /// An origin that treats every connection as `mode` says.
    ///
    /// # Errors
    /// When no port can be bound.
    pub fn with(mode: Mode) -> anyhow::Result<Origin> {
        Origin::start("origin", mode, true)
    }

    /// An HTTP origin that records nothing: for steady load.
    ///
    /// # Errors
    /// When no port can be bound.
    pub fn for_load(name: &str) -> anyhow::Result<Origin> {
        Origin::start(name, Mode::Http, false)
    }

    fn start(name: &str, mode: Mode, recording: bool) -> anyhow::Result<Origin> {
        let shared = Arc::new(Shared {
            name: name.to_owned(),
            port: ports::free_port(),
            recording,
            mode: Mutex::new(mode),
            health: Mutex::new(200),
            requests: Mutex::default(),
            received: Mutex::default(),
            accepted: AtomicUsize::new(0),
            open: Mutex::default(),
        });
        let origin = Origin { shared, listener: Mutex::new(None) };
        origin.listen()?;
        Ok(origin)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.shared.port))
    }

    /// Changes how new connections are treated.
    pub fn set_mode(&self, mode: Mode) {
        *locked(&self.shared.mode) = mode;
    }

    /// Changes the status that `/health` answers.
    pub fn set_health(&self, status: u16) {
        *locked(&self.shared.health) = status;
    }

    /// Requests received so far (those of `/health` too).
    pub fn requests(&self) -> Vec<Request> {
        locked(&self.shared.requests).clone()
    }

    /// Requests for one target.
    pub fn requests_for(&self, target: &str) -> Vec<Request> {
        self.requests().into_iter().filter(|request| request.target() == target).collect()
    }

    /// What was received over connections that a script has ended with, in the order of their ends.
    pub fn received(&self) -> Vec<Received> {
        locked(&self.shared.received).clone()
    }

    /// Number of connections accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.accepted.load(Ordering::Relaxed)
    }

    /// Number of connections open.
    pub fn open_connections(&self) -> usize {
        locked(&self.shared.open).len()
    }

    /// Stops listening and closes all connections: new ones are refused until [`Origin::listen`].
    pub fn refuse(&self) {
        if let Some(accepting) = locked(&self.listener).take() {
            // Shutting a listener down wakes its accept.
            let _ = socket2::SockRef::from(accepting.socket.as_ref()).shutdown(Shutdown::Both);
            let _ = accepting.thread.join();
        }
        for (_, stream) in locked(&self.shared.open).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Listens again after [`Origin::refuse`].
    ///
    /// # Errors
    /// When the port cannot be bound.
    pub fn listen(&self) -> anyhow::Result<()> {
        let mut listener = locked(&self.listener);
        if listener.is_some() {
            return Ok(());
        }
        let socket = Arc::new(ports::bind(|| TcpListener::bind(self.address()))?);
        let (shared, accepting) = (Arc::clone(&self.shared), Arc::clone(&socket));
        let thread = std::thread::spawn(move || accept(&shared, &accepting));
        *listener = Some(Accepting { socket, thread });
        Ok(())
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.refuse();
    }
}

fn accept(shared: &Arc<Shared>, listener: &TcpListener) {
    while let Ok((stream, _)) = listener.accept() {
        let id = shared.accepted.fetch_add(1, Ordering::Relaxed);
        let Ok(copy) = stream.try_clone() else { continue };
        locked(&shared.open).push((id, copy));
        let shared = Arc::clone(shared);
        std::thread::spawn(move || {
            // A peer that went away is no failure of the origin.
            let _ = serve::connection(&shared, &stream, id);
            locked(&shared.open).retain(|(open, _)| *open != id);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Client, get};

    #[test]
    fn paths_choose_the_behaviour() {
        let origin = Origin::http("o1").unwrap();
        let mut client = Client::connect(origin.address()).unwrap();
        let response = client.get("/").unwrap();
        assert_eq!((response.status, response.get("x-origin"), response.text().as_str()), (200, Some("o1"), "o1\n"));
        assert_eq!(client.get("/status/404").unwrap().status, 404);
        assert_eq!(client.get("/size/70000").unwrap().body.len(), 70_000);
        assert_eq!(client.get("/chunked/3x5").unwrap().body.len(), 15);
        assert_eq!(client.get("/health").unwrap().status, 200);
        origin.set_health(500);
        assert_eq!(client.get("/health").unwrap().status, 500);
        assert_eq!(origin.connections(), 1);
        assert_eq!(origin.requests().len(), 6);
        assert_eq!(get(origin.address(), "/until-close/9").unwrap().body.len(), 9);
        assert!(get(origin.address(), "/abort").is_err());
        assert!(get(origin.address(), "/half-head").is_err());
        client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc").unwrap();
        assert!(client.response().unwrap().text().ends_with("\r\n\r\nabc"));
    }

    #[test]
    fn a_stopped_origin_refuses_and_can_return() {
        let origin = Origin::http("o1").unwrap();
        let mut kept = Client::connect(origin.address()).unwrap();
        kept.get("/").unwrap();
        origin.refuse();
        assert_eq!(kept.read_to_end().unwrap(), b"");
        assert!(Client::connect(origin.address()).is_err());
        origin.listen().unwrap();
        assert_eq!(get(origin.address(), "/").unwrap().status, 200);
    }
}
