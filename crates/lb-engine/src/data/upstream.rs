//! Connections to servers: opening them, and keeping idle ones for reuse by this thread.

pub mod source;

use super::{accept, announce};
use crate::activity;
use crate::shared::{ServerState, Target};
use crate::sockets;
use crate::sockpair;
use crate::socks4;
use crate::stream::Stream;
use crate::tls::{self, HandshakeError};
use lb_config::model::{KeepAlive, Server};
use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Waker};
use tokio::net::{TcpSocket, TcpStream, UnixStream};

/// A connection to a server.
#[derive(Debug)]
pub struct Upstream {
    /// The socket.
    pub stream: Stream,
    /// It served an exchange before.
    pub reused: bool,
    /// It is authenticated as one client: it serves no other.
    pub private: bool,
    /// What it was opened for, a name or a client: it serves no request for another one.
    pub key: Option<Rc<str>>,
    /// Exchanges before this one.
    uses: u32,
    purge_epoch: u32,
}

#[derive(Debug)]
struct Idle {
    stream: Stream,
    key: Option<Rc<str>>,
    uses: u32,
    purge_epoch: u32,
    since_ms: u64,
}

/// Bytes an idle connection to a server takes here, without the kernel's.
pub const IDLE_SIZE: usize = size_of::<Idle>();
/// Bytes a connection to a server takes while it is used.
pub const UPSTREAM_SIZE: usize = size_of::<Upstream>();

/// Idle connections of one thread to one server; the most recently used first.
///
/// No more are kept than were in use at once of late: a thousand clients that came one after the other do not leave a
/// thousand idle connections behind.
#[derive(Debug, Default)]
pub struct Pool {
    idle: RefCell<Vec<Idle>>,
    in_use: Cell<usize>,
    /// Most connections in use at once lately; decays while less are.
    peak: Cell<usize>,
}

/// Idle connections kept however few were in use.
const KEEP_AT_LEAST: usize = 4;

impl Pool {
    /// Counts a connection taken or opened for an exchange.
    pub fn begin(&self) {
        self.in_use.set(self.in_use.get() + 1);
        self.peak.set(self.peak.get().max(self.in_use.get()));
    }

    /// Counts the end of an exchange.
    pub fn end(&self) {
        self.in_use.set(self.in_use.get().saturating_sub(1));
    }

    /// Takes a live connection that was opened for that name or client.
    pub fn take(&self, server: &ServerState, key: Option<&str>) -> Option<Upstream> {
        let epoch = server.purge_epoch.load(Relaxed);
        let mut idle = self.idle.borrow_mut();
        while let Some(at) = idle.iter().rposition(|candidate| candidate.key.as_deref() == key) {
            let candidate = idle.remove(at);
            server.idle.dec();
            if candidate.purge_epoch == epoch && is_quiet(&candidate.stream) {
                let Idle { stream, key, uses, .. } = candidate;
                return Some(Upstream { stream, reused: true, private: false, key, uses, purge_epoch: epoch });
            }
            activity::count(|own| &own.dead_idle);
        }
        None
    }

    /// Keeps a connection whose exchange is complete, if its server still wants it: one that is out keeps none, even of those
    /// opened as it went out.
    pub fn give(&self, server: &ServerState, upstream: Upstream, now_ms: u64) {
        let limit = server.config().pool_max_conn;
        let wanted = server.is_persistent()
            && upstream.purge_epoch == server.purge_epoch.load(Relaxed)
            && server.config().max_reuse.is_none_or(|most| upstream.uses < most)
            && self.has_room(server, &upstream)
            && (limit < 0 || (server.idle.get() as i64) < i64::from(limit))
            && !(server.config().strict_maxconn && is_beyond_limit(server));
        if wanted {
            server.idle.inc();
            self.idle.borrow_mut().push(Idle {
                stream: upstream.stream,
                key: upstream.key,
                uses: upstream.uses.saturating_add(1),
                purge_epoch: upstream.purge_epoch,
                since_ms: now_ms,
            });
        }
    }

    /// Whether another one is kept. Those that only one client can use give way, the oldest first.
    fn has_room(&self, server: &ServerState, upstream: &Upstream) -> bool {
        let mut idle = self.idle.borrow_mut();
        let full = idle.len() >= self.peak.get().max(KEEP_AT_LEAST);
        if full && upstream.key.is_some() && !idle.is_empty() && announce::is_personal(&server.config()) {
            idle.remove(0);
            server.idle.dec();
            return true;
        }
        !full
    }

    /// Drops the connection that was idle longest. Whether there was one.
    pub fn shed(&self, server: &ServerState) -> bool {
        let mut idle = self.idle.borrow_mut();
        if idle.is_empty() {
            return false;
        }
        idle.remove(0);
        server.idle.dec();
        true
    }

    /// Descriptors of the connections that are kept.
    pub fn descriptors(&self) -> Vec<i32> {
        self.idle.borrow().iter().map(|idle| idle.stream.fd()).collect()
    }

    /// How many connections are kept.
    pub fn len(&self) -> usize {
        self.idle.borrow().len()
    }

    /// Drops dead and unwanted connections, and old ones beyond the purge delay; all when the server is out.
    pub fn purge(&self, server: &ServerState, now_ms: u64) {
        self.peak.set(self.in_use.get().max(self.peak.get() - self.peak.get().div_ceil(8)));
        let mut idle = self.idle.borrow_mut();
        if idle.is_empty() {
            return;
        }
        let epoch = server.purge_epoch.load(Relaxed);
        let serves = server.is_persistent();
        let keep_ms = server.config().pool_purge_delay.as_millis() as u64;
        idle.retain(|candidate| {
            let keep = serves
                && candidate.purge_epoch == epoch
                && candidate.since_ms.saturating_add(keep_ms) > now_ms
                && is_quiet(&candidate.stream);
            if !keep {
                server.idle.dec();
            }
            keep
        });
    }
}

/// Whether a server has more connections, idle ones included, than its `maxconn` allows (`strict-maxconn`).
pub fn is_beyond_limit(server: &ServerState) -> bool {
    let most = server.maxconn.load(Relaxed);
    most > 0 && server.sessions.get() + server.idle.get() > most
}

impl Upstream {
    /// Whether the connection can serve another exchange with that server.
    pub fn is_usable(&self, server: &ServerState) -> bool {
        self.purge_epoch == server.purge_epoch.load(Relaxed) && is_quiet(&self.stream)
    }
}

/// Whether nothing was received, not even an end. Costs no system call: the reactor has seen it or not.
fn is_quiet(stream: &Stream) -> bool {
    stream.poll_readable(&mut Context::from_waker(Waker::noop())).is_pending()
}

/// What a connection is opened with.
#[derive(Debug, Default)]
pub struct Opening {
    /// The port the client connected to.
    pub client_port: Option<u16>,
    /// The kernel is to probe it when idle (`option srvtcpka`).
    pub keepalive: Option<KeepAlive>,
    /// The name it is secured for.
    pub name: Option<ServerName>,
    /// The PROXY header it begins with.
    pub header: Option<Vec<u8>>,
    /// The address it comes from, in the place of one of ours.
    pub shown_as: Option<SocketAddr>,
    /// What it may be reused for, where that is not its name alone.
    pub key: Option<Rc<str>>,
}

impl Opening {
    /// What it may be reused for.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref().or_else(|| self.name.as_ref()?.sni.as_deref())
    }
}

/// Opens a connection to a server, announces the client and secures it as the server's settings say.
///
/// # Errors
/// The system's, from socket creation or connect, or that of the handshake.
pub async fn connect(server: &ServerState, way: Opening) -> Result<Upstream, ConnectError> {
    let Opening { client_port, keepalive, name, header, shown_as, key } = way;
    let purge_epoch = server.purge_epoch.load(Relaxed);
    let mut stream = match server.target() {
        Target::Ip(_) if server.is_unresolved() => return Err(io::Error::from(io::ErrorKind::AddrNotAvailable).into()),
        Target::Ip(address) => {
            let to = with_port(&server.config(), address, client_port);
            let tcp = match server.config().socks4 {
                None => connect_tcp(&server.config(), to, shown_as).await?,
                Some(proxy) => Box::pin(through(&server.config(), proxy, to, shown_as)).await?,
            };
            if let Some(how) = keepalive {
                accept::probe(&tcp, &how);
            }
            Stream::Tcp(tcp)
        }
        Target::Unix(path) => Stream::Unix(UnixStream::connect(path).await?),
        Target::Abstract(name) => Stream::Unix(connect_abstract(&name).await?),
        Target::Sockpair(fd) => Stream::Unix(sockpair::connect(fd)?),
    };
    if let Some(header) = header {
        let mut rest = header.as_slice();
        while !rest.is_empty() {
            match stream.write(rest).await? {
                0 => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                n => rest = rest.get(n..).unwrap_or_default(),
            }
        }
    }
    let security = server.tls().as_ref().filter(|security| security.is_enabled()).map(Arc::clone);
    let Some(security) = security else {
        return Ok(Upstream { stream, reused: false, private: false, key, uses: 0, purge_epoch });
    };
    let name = name.unwrap_or_default();
    let hello = tls::Hello { sni: name.sni.as_deref(), guessed: name.guessed, alpn: None };
    let handshake = Box::pin(tls::connect(stream, &security, hello)).await;
    let stream = handshake.map_err(ConnectError::Handshake)?;
    Ok(Upstream { stream, reused: false, private: false, key: key.or(name.sni), uses: 0, purge_epoch })
}

/// Why a connection to a server could not be opened.
#[derive(Debug)]
pub enum ConnectError {
    /// The socket.
    System,
    /// The handshake.
    Handshake(HandshakeError),
}

impl From<io::Error> for ConnectError {
    fn from(_: io::Error) -> Self {
        Self::System
    }
}

/// The name a secured connection is opened for.
#[derive(Debug, Clone, Default)]
pub struct ServerName {
    /// The name, if any.
    pub sni: Option<Rc<str>>,
    /// It was not configured but follows from the request.
    pub guessed: bool,
}

/// The port: the server's, or the client's destination port with the server's offset.
fn with_port(config: &Server, address: SocketAddr, client_port: Option<u16>) -> SocketAddr {
    match (config.port_offset, client_port) {
        (Some(offset), Some(port)) => {
            SocketAddr::new(address.ip(), (i32::from(port) + offset).rem_euclid(65_536) as u16)
        }
        (None, Some(port)) if address.port() == 0 => SocketAddr::new(address.ip(), port),
        _ => address,
    }
}

async fn connect_tcp(config: &Server, address: SocketAddr, shown_as: Option<SocketAddr>) -> io::Result<TcpStream> {
    let Some(source) = &config.source else {
        let socket = new_socket(config, address)?;
        return socket.connect(address).await;
    };
    Box::pin(source::connect(config, source, address, shown_as)).await
}

fn new_socket(config: &Server, address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = match &config.socket {
        Some(options) => TcpSocket::from_std_stream(sockets::outgoing(options, address)?.into()),
        None if address.is_ipv4() => TcpSocket::new_v4()?,
        None => TcpSocket::new_v6()?,
    };
    socket.set_nodelay(true)?;
    Ok(socket)
}

/// Connects to an address through a SOCKS proxy.
async fn through(
    config: &Server,
    proxy: SocketAddr,
    to: SocketAddr,
    shown_as: Option<SocketAddr>,
) -> io::Result<TcpStream> {
    let to = socks4::target(to)?;
    let mut stream = connect_tcp(config, proxy, shown_as).await?;
    socks4::ask(&mut stream, to).await?;
    Ok(stream)
}

/// Connects to a name in the abstract namespace.
///
/// # Errors
/// The system's.
pub async fn connect_abstract(name: &str) -> io::Result<UnixStream> {
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    let address = crate::listen::abstract_address(name)?;
    match socket.connect(&address) {
        Ok(()) => {}
        Err(e) if e.raw_os_error() == Some(libc::EINPROGRESS) => {}
        Err(e) => return Err(e),
    }
    let stream = UnixStream::from_std(std::os::unix::net::UnixStream::from(socket))?;
    stream.writable().await?;
    match stream.take_error()? {
        None => Ok(stream),
        Some(e) => Err(e),
    }
}
