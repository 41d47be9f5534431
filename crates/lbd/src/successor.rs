//! `-x`: the listening sockets of the process that this one takes over from.
//!
//! They come over the old process's admin socket, if that has `expose-fd listeners`, in HAProxy's way of
//! speaking (see `_getsocks` in the engine), so a HAProxy may be taken over from as well. Because the sockets
//! are the very same, no connection that waits in their queues is lost.

use crate::cli::Args;
use crate::engine::{self, Listener};
use crate::report::Report;
use crate::sys;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};
use std::io::{self, IoSliceMut, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;

/// How long the old process may take for each step.
const PATIENCE_S: i64 = 10;
/// The most descriptors that the kernel puts into one message.
const BATCH: usize = 253;
/// The most sockets that are believed.
const MOST: usize = 1 << 20;

/// The old process's sockets; none when `-x` does not name one.
pub fn sockets(args: &Args, report: &Report) -> Result<Vec<Listener>, ExitCode> {
    let Some(path) = args.old_socket.as_ref().filter(|path| *path != Path::new("/dev/null")) else {
        return Ok(Vec::new());
    };
    fetch(path).map_err(|error| {
        let reason = error.to_string();
        let reason = reason.split(" (os error").next().unwrap_or_default();
        report.warning(&format!("Cannot fetch sockets from the old process at '{}': {reason}.", path.display()));
        report.alert("Failed to get the sockets from the old process!");
        ExitCode::FAILURE
    })
}

fn fetch(path: &Path) -> io::Result<Vec<Listener>> {
    let mut stream = UnixStream::connect(path)?;
    let patience = TimeVal::seconds(PATIENCE_S);
    setsockopt(&stream, sockopt::ReceiveTimeout, &patience)?;
    setsockopt(&stream, sockopt::SendTimeout, &patience)?;
    stream.write_all(b"_getsocks\n")?;
    let mut count = [0; 4];
    stream.read_exact(&mut count).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            io::Error::other("it hands none over there; does its line have 'expose-fd listeners'?")
        }
        _ => error,
    })?;
    let count = usize::try_from(u32::from_ne_bytes(count)).ok().filter(|count| *count <= MOST);
    let count = count.ok_or_else(|| io::Error::other("it answers something else"))?;
    let mut found = Vec::new();
    let mut received = 0;
    while received < count {
        if received > 0 {
            stream.write_all(&u32::try_from(received).unwrap_or_default().to_ne_bytes())?;
        }
        let batch = batch(&stream)?;
        received += batch.len();
        found.extend(batch.into_iter().flatten());
    }
    Ok(found)
}

/// The sockets of one message, without those that no `bind` line of this program can mean.
fn batch(mut stream: &UnixStream) -> io::Result<Vec<Option<Listener>>> {
    let mut bytes = vec![0; 1 << 17];
    let mut space = nix::cmsg_space!([RawFd; BATCH]);
    let mut buffers = [IoSliceMut::new(&mut bytes)];
    let message = recvmsg::<()>(stream.as_raw_fd(), &mut buffers, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC)?;
    let length = message.bytes;
    let mut descriptors: Vec<OwnedFd> = Vec::new();
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(numbers) = control {
            descriptors.extend(numbers.into_iter().filter_map(sys::adopt));
        }
    }
    if descriptors.is_empty() || message.flags.contains(MsgFlags::MSG_CTRUNC) {
        return Err(io::Error::other("descriptors were lost on the way; check the limit of open files (ulimit -n)"));
    }
    bytes.truncate(length);
    let mut at = 0;
    descriptors
        .into_iter()
        .map(|fd| {
            let entry = loop {
                if let Some(entry) = entry(bytes.get(at..).unwrap_or_default()) {
                    break entry;
                }
                // A long description may come in several pieces.
                let mut more = [0; 4096];
                match stream.read(&mut more)? {
                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    read => bytes.extend_from_slice(more.get(..read).unwrap_or_default()),
                }
            };
            at += entry.length;
            Ok(entry.is_plain.then(|| engine::named(fd)).flatten())
        })
        .collect()
}

/// What describes one socket.
struct Entry {
    length: usize,
    /// It belongs to no namespace and no interface.
    is_plain: bool,
}

/// The description that `bytes` begin with, once it is whole.
fn entry(bytes: &[u8]) -> Option<Entry> {
    let namespace = usize::from(*bytes.first()?);
    let interface = usize::from(*bytes.get(1 + namespace)?);
    let length = 2 + namespace + interface + 4;
    (bytes.len() >= length).then_some(Entry { length, is_plain: namespace == 0 && interface == 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_cut() {
        let check = |bytes: &[u8]| entry(bytes).map(|entry| (entry.length, entry.is_plain));
        assert_eq!(check(&[0, 0, 0, 0, 0, 0, 9]), Some((6, true)));
        assert_eq!(check(b"\0\x02lo\0\0\0\0"), Some((8, false)));
        assert_eq!(check(b"\x01n\0\0\0\0\0"), Some((7, false)));
        assert_eq!(check(b"\0\x02lo\0\0\0"), None);
        assert_eq!(check(b"\x05"), None);
        assert_eq!(check(b""), None);
    }
}
