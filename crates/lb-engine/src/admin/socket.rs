//! Admin sockets: opening them, accepting within limits, and the table of their connections.

use super::{connection, inside};
use crate::acceptor::Acceptor;
use crate::activity::{self, task};
use crate::control::{Control, ControlError};
use lb_config::model::{ListenAddress, Profiling, StatsSocket};
use lb_model::Level;
use socket2::{SockAddr, Socket};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// `stats maxconn`, by default.
const DEFAULT_MAXCONN: u32 = 10;
/// `stats timeout`, by default.
pub(super) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// An admin socket that listens.
#[derive(Debug)]
pub struct BoundAdmin {
    /// Its configuration.
    pub config: &'static StatsSocket,
    /// The socket.
    pub socket: Socket,
}

/// The address as `show cli sockets` prints it. An inherited socket is shown by the address it is bound to.
fn socket_text(address: &ListenAddress, socket: &Socket) -> String {
    match address {
        ListenAddress::Ip { ip, port } => ip_text(SocketAddr::new(*ip, *port)),
        ListenAddress::Unix(path) => format!("unix@{}", path.display()),
        ListenAddress::Abstract(name) => format!("abns@{name}"),
        ListenAddress::Fd(fd) => {
            let bound = socket.local_addr().ok();
            let ip = bound.as_ref().and_then(SockAddr::as_socket).map(ip_text);
            let path = bound.as_ref().and_then(SockAddr::as_pathname).map(|path| format!("unix@{}", path.display()));
            ip.or(path).unwrap_or_else(|| format!("fd@{fd}"))
        }
        ListenAddress::Sockpair(fd) => format!("sockpair@{fd}"),
    }
}

fn ip_text(address: SocketAddr) -> String {
    format!("{}@{address}", if address.is_ipv4() { "ipv4" } else { "ipv6" })
}

/// What `show sess` tells of an admin connection.
#[derive(Debug, Clone)]
pub(super) struct AdminConnection {
    /// Descriptor.
    pub fd: i32,
    /// `unix_stream`, `tcpv4` or `tcpv6`.
    pub protocol: &'static str,
    /// Client's address, or the socket's number.
    pub source: String,
    /// Microseconds since the start at which it was accepted.
    pub accepted_us: u64,
    /// Commands so far.
    pub commands: u32,
}

/// A listening admin socket, for `show cli sockets`.
#[derive(Debug, Clone)]
pub(super) struct SocketInfo {
    /// Address.
    pub text: String,
    /// Highest level of its connections.
    pub level: Level,
}

/// The admin sockets and their connections.
#[derive(Debug)]
pub struct Registry {
    pub(super) sockets: RefCell<Vec<SocketInfo>>,
    pub(super) connections: RefCell<BTreeMap<u64, AdminConnection>>,
    next_connection: Cell<u64>,
    /// Connections accepted since the start.
    pub(super) accepted: Cell<u64>,
    /// Commands run since the start.
    pub(super) commands: Cell<u64>,
    /// Bytes sent since the start.
    pub(super) bytes_out: Cell<u64>,
    /// The key `set anon on` takes by default.
    pub(super) anon_key: Cell<Option<u32>>,
    /// What the process used in the last second.
    pub(super) usage: Cell<super::info::Usage>,
    /// What `show activity` counts from.
    pub(super) activity_base: RefCell<Vec<inside::activity::Sample>>,
    /// What `set profiling tasks` was told, and the counts it began from.
    pub(super) profiling: Cell<Profiling>,
    pub(super) profile_base: RefCell<Vec<(u64, u64)>>,
    /// What `debug counters` counts from.
    pub(super) debug_base: RefCell<Vec<u64>>,
    busy: Cell<usize>,
    room: RefCell<Option<Rc<Semaphore>>>,
    stopping: watch::Sender<bool>,
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            sockets: RefCell::default(),
            connections: RefCell::default(),
            next_connection: Cell::new(1),
            accepted: Cell::new(0),
            commands: Cell::new(0),
            bytes_out: Cell::new(0),
            anon_key: Cell::new(None),
            usage: Cell::default(),
            activity_base: RefCell::default(),
            profiling: Cell::default(),
            profile_base: RefCell::default(),
            debug_base: RefCell::default(),
            busy: Cell::new(0),
            room: RefCell::new(None),
            stopping: watch::channel(false).0,
        }
    }
}

impl Registry {
    /// Connections in the middle of a command.
    pub fn busy(&self) -> usize {
        self.busy.get()
    }

    /// Closes the listening sockets; connections may finish.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Admin sockets that listen.
    pub(super) fn listeners(&self) -> usize {
        if *self.stopping.borrow() { 0 } else { self.sockets.borrow().len() }
    }

    pub(super) fn set_busy(&self, busy: bool) {
        let now = self.busy.get();
        self.busy.set(if busy { now + 1 } else { now.saturating_sub(1) });
    }

    pub(super) fn count_bytes(&self, sent: usize) {
        self.bytes_out.set(self.bytes_out.get() + sent as u64);
    }

    pub(super) fn count_command(&self, connection: u64) {
        self.commands.set(self.commands.get() + 1);
        if let Some(entry) = self.connections.borrow_mut().get_mut(&connection) {
            entry.commands += 1;
        }
    }

    fn enter(&self, connection: AdminConnection) -> u64 {
        let id = self.next_connection.get();
        self.next_connection.set(id + 1);
        self.accepted.set(self.accepted.get() + 1);
        self.connections.borrow_mut().insert(id, connection);
        id
    }

    /// All sockets together take `stats maxconn` connections: those beyond wait to be accepted.
    fn room(&self, most: u32) -> Rc<Semaphore> {
        Rc::clone(self.room.borrow_mut().get_or_insert_with(|| Rc::new(Semaphore::new(most.max(1) as usize))))
    }
}

/// Takes a connection's entry out of the table when the connection ends.
struct Entry {
    control: Rc<Control>,
    id: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.control.admin.connections.borrow_mut().remove(&self.id);
    }
}

/// Serves an admin socket from the control thread's runtime.
///
/// # Errors
/// When the socket cannot be registered with the runtime.
pub fn listen(control: &Rc<Control>, bound: BoundAdmin) -> Result<(), ControlError> {
    let config = bound.config;
    bound.socket.set_nonblocking(true)?;
    let text = socket_text(&config.address, &bound.socket);
    let acceptor = Acceptor::new(bound.socket)?;
    let number = {
        let mut sockets = control.admin.sockets.borrow_mut();
        sockets.push(SocketInfo { text, level: config.level });
        sockets.len()
    };
    activity::spawn(task::AdminAccept, accept_all(Rc::clone(control), config, acceptor, number));
    Ok(())
}

async fn accept_all(control: Rc<Control>, config: &'static StatsSocket, acceptor: Acceptor, number: usize) {
    let global = &control.shared.config.global;
    let most = global.stats_maxconn.unwrap_or(DEFAULT_MAXCONN);
    let room = match config.address {
        // A socket handed over by the process that started this one: operators' connections do not lock it out.
        ListenAddress::Fd(_) => Rc::new(Semaphore::new(most.max(1) as usize)),
        _ => control.admin.room(most),
    };
    let own_room = Rc::new(Semaphore::new(config.maxconn.map_or(Semaphore::MAX_PERMITS, |max| max.max(1) as usize)));
    let idle = global.stats_timeout.unwrap_or(DEFAULT_TIMEOUT);
    let mut stopping = control.admin.stopping.subscribe();
    loop {
        tokio::select! {
            _ = stopping.wait_for(|stop| *stop), if !config.until_end => return,
            () = accept_one(&control, config, &acceptor, number, idle, &room, &own_room) => {}
        }
    }
}

async fn accept_one(
    control: &Rc<Control>,
    config: &'static StatsSocket,
    acceptor: &Acceptor,
    number: usize,
    idle: Duration,
    room: &Rc<Semaphore>,
    own_room: &Rc<Semaphore>,
) {
    let (stream, peer) = match acceptor.accept().await {
        Ok(accepted) => accepted,
        Err(_) => {
            // Out of descriptors: the connection stays in the kernel's queue for a moment.
            tokio::time::sleep(Duration::from_millis(50)).await;
            return;
        }
    };
    // Room is taken for a connection that is there, so that a socket nobody uses takes none from the others.
    // Semaphores are never closed.
    let (Ok(own_permit), Ok(permit)) = (own_room.acquire().await, room.acquire().await) else { return };
    let protocol = match peer {
        None => "unix_stream",
        Some(peer) if peer.is_ipv4() => "tcpv4",
        Some(_) => "tcpv6",
    };
    let id = control.admin.enter(AdminConnection {
        fd: stream.fd(),
        protocol,
        source: peer.map_or_else(|| format!("unix:{number}"), |peer| peer.to_string()),
        accepted_us: control.shared.clock.now_us(),
        commands: 0,
    });
    own_permit.forget();
    permit.forget();
    let (room, own_room) = (Rc::clone(room), Rc::clone(own_room));
    let entry = Entry { control: Rc::clone(control), id };
    activity::spawn(task::Admin, async move {
        connection::serve(&entry.control, id, config, stream, idle).await;
        drop(entry);
        own_room.add_permits(1);
        room.add_permits(1);
    });
}
