//! What the kernel is told of sockets that serve (`bind` lines) and connect (`server` lines).

use crate::sys;
use lb_config::model::SocketOptions;
use nix::sched::{CloneFlags, setns};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

/// Connections whose handshake came with data that may wait to be accepted (`tfo`).
const FAST_OPEN_QUEUE: libc::c_int = 256;
/// Seconds that a connection without data waits to be accepted (`defer-accept`).
const DEFER_SECS: libc::c_int = 1;

/// A socket that does not block, for a connection to a server.
///
/// # Errors
/// The system's.
pub fn outgoing(options: &SocketOptions, to: SocketAddr) -> io::Result<Socket> {
    let kind = Type::STREAM.nonblocking();
    let socket = inside(options, || Socket::new(Domain::for_address(to), kind, Some(Protocol::TCP)))?;
    common(&socket, options)?;
    if let Some(key) = &options.md5_key {
        sys::sign_segments(socket.as_fd(), to, key.as_bytes())?;
    }
    if options.fast_open {
        sys::set_option(socket.as_fd(), libc::IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT, 1)?;
    }
    Ok(socket)
}

/// A socket to listen on, in its namespace.
///
/// # Errors
/// The system's.
pub fn listening(options: &SocketOptions, address: &SockAddr) -> io::Result<Socket> {
    let socket = inside(options, || Socket::new(address.domain(), Type::STREAM, Some(Protocol::TCP)))?;
    common(&socket, options)?;
    if let Some(interface) = &options.interface {
        socket.bind_device(Some(interface.as_bytes()))?;
    }
    if options.transparent {
        if address.is_ipv6() {
            socket.set_freebind_v6(true)?;
        } else {
            socket.set_ip_transparent_v4(true).or_else(|_| socket.set_freebind_v4(true))?;
        }
    }
    if let Some(size) = options.max_segment.and_then(|size| u32::try_from(size).ok()) {
        socket.set_tcp_mss(size)?;
    }
    if let Some(key) = &options.md5_key {
        let any: IpAddr = if address.is_ipv6() { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
        sys::sign_segments(socket.as_fd(), SocketAddr::new(any, 0), key.as_bytes())?;
    }
    if options.defer_accept {
        sys::set_option(socket.as_fd(), libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, DEFER_SECS)?;
    }
    if options.fast_open {
        sys::set_option(socket.as_fd(), libc::IPPROTO_TCP, libc::TCP_FASTOPEN, FAST_OPEN_QUEUE)?;
    }
    Ok(socket)
}

fn common(socket: &Socket, options: &SocketOptions) -> io::Result<()> {
    if let Some(timeout) = options.user_timeout {
        socket.set_tcp_user_timeout(Some(timeout))?;
    }
    if let Some(algorithm) = &options.congestion {
        socket.set_tcp_congestion(algorithm.as_bytes())?;
    }
    Ok(())
}

/// Namespaces that were opened: after a `chroot` their files are out of reach.
static NAMESPACES: Mutex<BTreeMap<String, Arc<File>>> = Mutex::new(BTreeMap::new());
/// The one that the process was started in.
static OWN: OnceLock<File> = OnceLock::new();

/// Opens a namespace while its file is in reach.
///
/// # Errors
/// The system's.
pub fn open_namespace(name: &str) -> io::Result<Arc<File>> {
    let mut known = crate::shared::lock(&NAMESPACES);
    if let Some(file) = known.get(name) {
        return Ok(Arc::clone(file));
    }
    if OWN.get().is_none() {
        // Another thread may have been faster, with the same file.
        let _ = OWN.set(File::open("/proc/self/ns/net")?);
    }
    let file = Arc::new(File::open(Path::new("/var/run/netns").join(name))?);
    known.insert(name.to_owned(), Arc::clone(&file));
    Ok(file)
}

/// Makes a socket in the namespace that the options name: a socket stays where it was made, and the thread returns.
fn inside(options: &SocketOptions, make: impl FnOnce() -> io::Result<Socket>) -> io::Result<Socket> {
    let Some(name) = &options.namespace else { return make() };
    let target = open_namespace(name)?;
    let Some(own) = OWN.get() else { return make() };
    // Who may not come back does not go.
    setns(own, CloneFlags::CLONE_NEWNET)?;
    setns(&*target, CloneFlags::CLONE_NEWNET)?;
    let made = make();
    if setns(own, CloneFlags::CLONE_NEWNET).is_err() {
        // This thread would go on in another network than its peers: there is no safe way on from here.
        std::process::abort();
    }
    made
}

/// Makes the segments of an accepted connection smaller than the kernel found fit (`mss` below 0).
pub fn shrink_segments(socket: &Socket, options: &SocketOptions) {
    if let Some(less) = options.max_segment.filter(|size| *size < 0)
        && let Ok(current) = socket.tcp_mss()
    {
        let _ = socket.set_tcp_mss(current.saturating_sub(less.unsigned_abs()).max(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn options_reach_the_kernel() {
        let timeout = Duration::from_millis(1_500);
        let options = SocketOptions {
            user_timeout: Some(timeout),
            congestion: Some("reno".to_owned()),
            fast_open: true,
            max_segment: Some(1_000),
            ..SocketOptions::default()
        };
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        for socket in [outgoing(&options, address).unwrap(), listening(&options, &address.into()).unwrap()] {
            assert_eq!(socket.tcp_user_timeout().unwrap(), Some(timeout));
            assert!(socket.tcp_congestion().unwrap().starts_with(b"reno"));
        }
        let unknown = SocketOptions { congestion: Some("nosuch".to_owned()), ..SocketOptions::default() };
        assert_eq!(outgoing(&unknown, address).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
