//! `_getsocks`: the listening sockets go to the process that takes over (`-x`), by `SCM_RIGHTS`.
//!
//! The way of speaking is HAProxy's, so that either program may take over from the other: the number of sockets as the
//! machine writes an `int`; then, for at most [`BATCH`] sockets at a time, one message with the descriptors and, for
//! each, the length and name of its namespace and of its interface, and four bytes of options. Before the next batch
//! the successor sends four bytes. Names are empty and options are 0 here: an address says all.

use crate::control::Control;
use crate::shared::lock;
use crate::stream::Stream;
use lb_config::model::StatsSocket;
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use socket2::Socket;
use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;
use tokio::io::Interest;
use tokio::net::UnixStream;

/// Descriptors in one message: the kernel takes 253.
const BATCH: usize = 252;
/// What stands for one socket: two empty names, no options.
const ENTRY: [u8; 6] = [0; 6];
/// How long the successor may take for each batch.
const PATIENCE: Duration = Duration::from_secs(10);

/// Hands the sockets over and ends the answer. A socket without `expose-fd listeners` gives nothing, nor does one that
/// cannot carry descriptors.
///
/// # Errors
/// When the successor went away or took too long.
pub(super) async fn send(control: &Control, config: &StatsSocket, stream: &Stream) -> io::Result<()> {
    let Stream::Unix(stream) = stream else { return Ok(()) };
    if !config.expose_fd_listeners {
        return Ok(());
    }
    let sockets = listening(control);
    tokio::time::timeout(PATIENCE, send_one(stream, &(sockets.len() as u32).to_ne_bytes(), &[])).await??;
    for (number, batch) in sockets.chunks(BATCH).enumerate() {
        if number > 0 {
            tokio::time::timeout(PATIENCE, acknowledged(stream)).await??;
        }
        tokio::time::timeout(PATIENCE, send_one(stream, &ENTRY.repeat(batch.len()), batch)).await??;
    }
    Ok(())
}

/// Every socket that is listened on, as descriptors of its own: they stay valid whatever happens meanwhile.
fn listening(control: &Control) -> Vec<OwnedFd> {
    let duplicate = |socket: &Socket| socket.try_clone().ok().map(OwnedFd::from);
    let listeners = control.shared.proxies.live().flat_map(|proxy| &proxy.listeners);
    // An inherited one has an address like any other: the successor may know it by that.
    listeners.flat_map(|l| lock(&l.taps).iter().filter_map(|tap| duplicate(&tap.socket)).collect::<Vec<_>>()).collect()
}

async fn send_one(stream: &UnixStream, bytes: &[u8], sockets: &[OwnedFd]) -> io::Result<()> {
    let numbers: Vec<i32> = sockets.iter().map(AsRawFd::as_raw_fd).collect();
    let sent = stream
        .async_io(Interest::WRITABLE, || {
            let rights = [ControlMessage::ScmRights(&numbers)];
            let control = if numbers.is_empty() { &[][..] } else { &rights[..] };
            Ok(sendmsg::<()>(stream.as_raw_fd(), &[IoSlice::new(bytes)], control, MsgFlags::MSG_NOSIGNAL, None)?)
        })
        .await?;
    // So little fits whole, or the successor reads nothing.
    if sent == bytes.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}

async fn acknowledged(stream: &UnixStream) -> io::Result<()> {
    let mut left = 4;
    while left > 0 {
        stream.readable().await?;
        let mut bytes = [0; 4];
        match stream.try_read(bytes.get_mut(..left).unwrap_or_default()) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => left -= read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
