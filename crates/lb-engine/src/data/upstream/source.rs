//! Connections that leave from a chosen address (`source`): a range of ports, an interface, somebody else's address.

use super::new_socket;
use lb_config::model::{Server, Source};
use socket2::{SockRef, Socket};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};
use tokio::net::TcpStream;

/// Most ports of a range that are tried for one connection.
const MOST_TRIED: u32 = 256;

/// Connects from that source; `shown_as` takes its address's place.
///
/// # Errors
/// The system's; when every port is in use, that of the last.
pub async fn connect(
    config: &Server,
    source: &Source,
    to: SocketAddr,
    shown_as: Option<SocketAddr>,
) -> io::Result<TcpStream> {
    let (low, high) = source.ports;
    let ports = u32::from(high.saturating_sub(low)) + 1;
    let mut tries = ports.min(MOST_TRIED);
    loop {
        tries -= 1;
        match from_port(config, source, port_of(low, ports), to, shown_as).await {
            Err(error) if tries > 0 && is_taken(&error) => {}
            result => return result,
        }
    }
}

/// The next port of a range, whichever connection asks.
fn port_of(low: u16, ports: u32) -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    if ports == 1 {
        return low;
    }
    let step = u32::from(NEXT.fetch_add(1, Relaxed)) % ports;
    low.saturating_add(u16::try_from(step).unwrap_or_default())
}

fn is_taken(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::AddrNotAvailable)
}

async fn from_port(
    config: &Server,
    source: &Source,
    port: u16,
    to: SocketAddr,
    shown_as: Option<SocketAddr>,
) -> io::Result<TcpStream> {
    let socket = new_socket(config, to)?;
    bind(&SockRef::from(&socket), source, SocketAddr::new(source.ip, port), to, shown_as)?;
    socket.connect(to).await
}

/// Binds a socket as a source says.
///
/// # Errors
/// The system's.
pub fn bind(
    socket: &Socket,
    source: &Source,
    own: SocketAddr,
    to: SocketAddr,
    shown_as: Option<SocketAddr>,
) -> io::Result<()> {
    if let Some(name) = &source.interface {
        // As observed, an interface that is not there, or not to be had, is no obstacle.
        let _ = socket.bind_device(Some(name.as_bytes()));
    }
    let from = match shown_as {
        Some(address) => {
            socket.set_ip_transparent_v4(true)?;
            address
        }
        None => own,
    };
    if from.is_ipv4() != to.is_ipv4() {
        return Ok(());
    }
    // Nothing is chosen.
    if from.ip().is_unspecified() && from.port() == 0 {
        return Ok(());
    }
    if from.port() > 0 {
        // The same port serves connections to several servers.
        socket.set_reuse_address(true)?;
    }
    socket.bind(&from.into())
}
