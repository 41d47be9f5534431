//! Listening sockets: opened once at start, before privileges are dropped.

use crate::shared::listen_text;
use crate::sockets;
use lb_config::model::{Bind, ListenAddress, SocketOptions};
use socket2::{Domain, SockAddr, Socket, Type};
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;

/// Why a socket could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("[{place}] : {what} [{address}] ({source})")]
pub struct ListenError {
    /// Where it is configured, `file:line`.
    pub place: String,
    /// What failed.
    pub what: &'static str,
    /// The address.
    pub address: String,
    /// The system's reason.
    pub source: std::io::Error,
}

/// A listening socket for one thread.
#[derive(Debug)]
pub struct BoundListener {
    /// Index of the proxy.
    pub proxy: usize,
    /// Index of the listener in the proxy.
    pub listener: usize,
    /// The socket.
    pub socket: Socket,
    /// Whether it is a UNIX socket.
    pub unix: bool,
    /// Queue length asked of the kernel.
    pub backlog: i32,
}

/// Ownership and mode of a UNIX socket's file.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileAccess {
    /// Octal mode.
    pub mode: Option<u32>,
    /// Owner.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
}

/// Listening sockets handed over by a former process, by the name of their address.
#[derive(Debug, Default)]
pub struct Inherited {
    sockets: Vec<(String, OwnedFd)>,
}

impl Inherited {
    /// The sockets that may be taken.
    pub fn new(sockets: Vec<(String, OwnedFd)>) -> Self {
        Self { sockets }
    }

    /// Takes every socket of that name. All must be accepted on: the kernel spreads connections over them.
    fn take(&mut self, name: &str) -> std::io::Result<Vec<Socket>> {
        let (taken, rest) = std::mem::take(&mut self.sockets).into_iter().partition(|(n, _)| n == name);
        self.sockets = rest;
        let taken: Vec<(String, OwnedFd)> = taken;
        taken
            .into_iter()
            .map(|(_, fd)| {
                let socket = Socket::from(fd);
                socket.set_nonblocking(true).map(|()| socket)
            })
            .collect()
    }
}

/// Opens the sockets of a `bind` line: at least one per thread. For IP the kernel spreads connections over separate
/// sockets; for other families the threads share one.
///
/// # Errors
/// [`ListenError`] names the address and the system's reason.
pub fn open_bind(
    bind: &Bind,
    threads: usize,
    backlog: i32,
    inherited: &mut Inherited,
) -> Result<Vec<Socket>, ListenError> {
    let name = listen_text(&bind.address);
    let mut attempt = || -> std::io::Result<Vec<Socket>> {
        let mut sockets = inherited.take(&name)?;
        for socket in &sockets {
            // The former process may have paused it.
            socket.listen(backlog)?;
        }
        if sockets.is_empty() {
            let access = FileAccess { mode: bind.mode, uid: bind.uid, gid: bind.gid };
            sockets.push(open(&bind.address, access, backlog, bind.v6only, &bind.socket)?);
        }
        while sockets.len() < threads {
            let Some(first) = sockets.first() else { break };
            let another = match bind.address {
                // The port may have been chosen by the kernel: bind the others to the same one.
                ListenAddress::Ip { .. } => open_ip(&first.local_addr()?, backlog, bind.v6only, &bind.socket)?,
                _ => first.try_clone()?,
            };
            sockets.push(another);
        }
        Ok(sockets)
    };
    attempt().map_err(|source| ListenError {
        place: format!("{}:{}", bind.place.file, bind.place.line),
        what: "cannot bind socket",
        address: name.clone(),
        source,
    })
}

/// Opens one listening socket.
///
/// # Errors
/// The system's.
pub fn open(
    address: &ListenAddress,
    access: FileAccess,
    backlog: i32,
    v6only: bool,
    options: &SocketOptions,
) -> std::io::Result<Socket> {
    match address {
        ListenAddress::Ip { ip, port } => open_ip(&SocketAddr::new(*ip, *port).into(), backlog, v6only, options),
        ListenAddress::Unix(path) => open_unix_path(path, access, backlog),
        ListenAddress::Abstract(name) => {
            let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
            socket.bind(&abstract_address(name)?)?;
            start_listening(socket, backlog)
        }
        ListenAddress::Fd(fd) => {
            let socket = Socket::from(crate::sys::duplicate_inherited(*fd)?);
            // Harmless when it listens already, and needed when the giver only bound it.
            start_listening(socket, backlog)
        }
        ListenAddress::Sockpair(fd) => {
            let socket = Socket::from(crate::sys::duplicate_inherited(*fd)?);
            socket.set_nonblocking(true)?;
            Ok(socket)
        }
    }
}

fn os_str(bytes: &[u8]) -> &OsStr {
    use std::os::unix::ffi::OsStrExt;
    OsStr::from_bytes(bytes)
}

fn start_listening(socket: Socket, backlog: i32) -> std::io::Result<Socket> {
    socket.set_nonblocking(true)?;
    socket.listen(backlog)?;
    Ok(socket)
}

fn open_ip(address: &SockAddr, backlog: i32, v6only: bool, options: &SocketOptions) -> std::io::Result<Socket> {
    let socket = sockets::listening(options, address)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(v6only)?;
    }
    socket.bind(address)?;
    start_listening(socket, backlog)
}

/// Binds beside the path and renames over it, so that a client always finds a listening socket there.
fn open_unix_path(path: &Path, access: FileAccess, backlog: i32) -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let temporary = Path::new(&temporary);
    let _ = std::fs::remove_file(temporary);
    socket.bind(&SockAddr::unix(temporary)?)?;
    let prepared = prepare_file(temporary, access).and_then(|()| start_listening(socket, backlog));
    match prepared.and_then(|socket| std::fs::rename(temporary, path).map(|()| socket)) {
        Ok(socket) => Ok(socket),
        Err(e) => {
            let _ = std::fs::remove_file(temporary);
            Err(e)
        }
    }
}

fn prepare_file(path: &Path, access: FileAccess) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if access.uid.is_some() || access.gid.is_some() {
        std::os::unix::fs::chown(path, access.uid, access.gid)?;
    }
    if let Some(mode) = access.mode {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// The name of a listening socket's address, as [`listen_text`] names the address of the line that may have opened it.
/// `None` when no line can have.
pub fn name_of(socket: &Socket) -> Option<String> {
    let address = socket.local_addr().ok()?;
    if let Some(ip) = address.as_socket() {
        return Some(listen_text(&ListenAddress::Ip { ip: ip.ip(), port: ip.port() }));
    }
    if let Some(name) = address.as_abstract_namespace() {
        let end = name.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let name = std::str::from_utf8(name.get(..end)?).ok()?;
        return Some(listen_text(&ListenAddress::Abstract(name.to_owned())));
    }
    let path = address.as_pathname()?;
    Some(listen_text(&ListenAddress::Unix(final_path(path).unwrap_or(path).into())))
}

/// The path that a socket was renamed to: it is bound as `PATH.PID.tmp`, by HAProxy too.
fn final_path(bound: &Path) -> Option<&Path> {
    let (path, pid) = bound.to_str()?.strip_suffix(".tmp")?.rsplit_once('.')?;
    (!pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit())).then_some(Path::new(path))
}

/// A name in the abstract namespace as the kernel gets it, without the leading zero. As HAProxy has it, it fills all the
/// room there is: a shorter address would be another one.
pub fn abstract_name(name: &str) -> Vec<u8> {
    const ROOM: usize = 107;
    let mut raw = name.as_bytes().to_vec();
    raw.resize(raw.len().max(ROOM), 0);
    raw
}

/// The address of a name in the abstract namespace.
///
/// # Errors
/// When the name is too long.
pub fn abstract_address(name: &str) -> std::io::Result<SockAddr> {
    let mut raw = vec![0];
    raw.extend(abstract_name(name));
    SockAddr::unix(os_str(&raw))
}

/// Stops a TCP listener from accepting without giving up its port.
pub fn pause(socket: &Socket) {
    let _ = socket.shutdown(std::net::Shutdown::Both);
}
