//! What is put into a ring goes to the ring's servers: syslog over streams (RFC 6587).
//!
//! Each server has a task of its own. Lines that leave the ring before a server took them are counted as dropped;
//! whoever logs never waits for one.

use crate::activity::{self, task};
use crate::data::upstream::connect_abstract;
use crate::ring::Ring;
use crate::shared::Shared;
use lb_config::model::{ConnectAddress, RingServer};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

/// Bytes of lines sent at once.
const PIECE: usize = 32 * 1_024;
/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_secs(1);
/// How long connecting and sending may take by default.
const PATIENCE: Duration = Duration::from_secs(10);

/// Starts feeding all servers of all rings.
pub fn start(shared: &'static Shared) {
    for ring in shared.logger.rings().iter() {
        for (number, server) in ring.servers.iter().enumerate() {
            activity::spawn(task::LogFeed, feed(ring, number, server));
        }
    }
}

trait Connection: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Connection for T {}

async fn feed(ring: &'static Ring, number: usize, server: &'static RingServer) {
    let patience = ring.connect_timeout.unwrap_or(PATIENCE);
    loop {
        // There is nobody to connect to for nothing.
        ring.wait_beyond(ring.taken(number)).await;
        if let Ok(Ok(connection)) = tokio::time::timeout(patience, connect(server)).await {
            let _ = send(ring, number, server, connection).await;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn connect(server: &RingServer) -> io::Result<Box<dyn Connection>> {
    Ok(match &server.address {
        ConnectAddress::Ip(ip) => Box::new(TcpStream::connect(SocketAddr::new(*ip, server.port)).await?),
        ConnectAddress::Unix(path) => Box::new(UnixStream::connect(path).await?),
        ConnectAddress::Abstract(name) => Box::new(connect_abstract(name).await?),
        // The configuration refuses it.
        ConnectAddress::Sockpair(_) => return Err(io::ErrorKind::Unsupported.into()),
    })
}

/// Sends what the server has not got yet, and what comes, until the connection ends.
async fn send(ring: &Ring, number: usize, server: &RingServer, connection: Box<dyn Connection>) -> io::Result<()> {
    let patience = ring.server_timeout.unwrap_or(PATIENCE);
    let (mut received, mut sent) = tokio::io::split(connection);
    let mut piece = Vec::new();
    let mut answer = [0; 512];
    loop {
        piece.clear();
        let from = ring.taken(number);
        let next = ring.read_for(from, server.octet_count, PIECE, &mut piece);
        if piece.is_empty() {
            tokio::select! {
                () = ring.wait_beyond(next) => continue,
                // What a server of logs says is of no interest, but for its end.
                read = received.read(&mut answer) => match read? {
                    0 => return Ok(()),
                    _ => continue,
                },
            }
        }
        tokio::time::timeout(patience, sent.write_all(&piece)).await.map_err(|_| io::ErrorKind::TimedOut)??;
        ring.set_taken(number, next);
    }
}
