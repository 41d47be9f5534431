//! What a worker tells its master: which sockets it listens on, the messages of its start, then that
//! it is ready; later, that it has written its servers' states for the next worker.
//!
//! One message per packet over a pair of sockets: a letter, then the text; a listener's name has its
//! descriptor attached. The master keeps the descriptors, so that the sockets outlive the worker and
//! no connection waiting in their queues is lost when the next worker takes over.

use crate::engine::Listener;
use crate::sys;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg, sendmsg, socketpair,
};
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// The longest text of a message; longer ones are cut.
const MAX_TEXT: usize = 4096;

/// The worker's end.
#[derive(Debug)]
pub struct WorkerEnd(OwnedFd);

/// The master's end.
#[derive(Debug)]
pub struct MasterEnd(OwnedFd);

/// What arrives at the master's end.
#[derive(Debug)]
pub enum Message {
    /// The worker listens there.
    Listener(Listener),
    /// A message of its start, as it was shown.
    Log(String),
    /// The worker serves.
    Ready,
    /// It has written its servers' states, as it was asked to.
    Saved,
    /// Something that cannot be understood, or a listener whose descriptor was lost on the way, which
    /// happens when this process may have no more descriptors.
    Broken,
}

/// A new leash.
pub fn leash() -> nix::Result<(MasterEnd, WorkerEnd)> {
    let (master, worker) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
    Ok((MasterEnd(master), WorkerEnd(worker)))
}

impl WorkerEnd {
    /// Hands a listening socket to the master.
    pub fn listener(&self, name: &str, fd: BorrowedFd<'_>) -> nix::Result<()> {
        let mut packet = vec![b'L'];
        packet.extend_from_slice(name.as_bytes());
        self.send(&packet, &[ControlMessage::ScmRights(&[fd.as_raw_fd()])])
    }

    /// Repeats a message of the start.
    pub fn log(&self, text: &str) -> nix::Result<()> {
        let mut packet = vec![b'M'];
        packet.extend(text.bytes().take(MAX_TEXT));
        self.send(&packet, &[])
    }

    /// Says that the states of the servers are written as they are.
    pub fn saved(&self) -> nix::Result<()> {
        self.send(b"S", &[])
    }

    /// Says that this worker serves.
    pub fn ready(&self) -> nix::Result<()> {
        self.send(b"R", &[])
    }

    fn send(&self, packet: &[u8], control: &[ControlMessage<'_>]) -> nix::Result<()> {
        sendmsg::<()>(self.0.as_raw_fd(), &[IoSlice::new(packet)], control, MsgFlags::MSG_NOSIGNAL, None).map(drop)
    }
}

impl MasterEnd {
    /// The end that an earlier image of this process had.
    pub fn resumed(fd: OwnedFd) -> MasterEnd {
        MasterEnd(fd)
    }

    /// The next message that has arrived, if any.
    pub fn receive(&self) -> Option<Message> {
        let mut packet = [0u8; MAX_TEXT + 1];
        let mut space = nix::cmsg_space!([std::os::fd::RawFd; 4]);
        let mut buffers = [IoSliceMut::new(&mut packet)];
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_CMSG_CLOEXEC;
        let message = recvmsg::<()>(self.0.as_raw_fd(), &mut buffers, Some(&mut space), flags).ok()?;
        let length = message.bytes;
        let mut fds = Vec::new();
        for control in message.cmsgs().into_iter().flatten() {
            if let ControlMessageOwned::ScmRights(numbers) = control {
                fds.extend(numbers.into_iter().filter_map(sys::adopt));
            }
        }
        if message.flags.intersects(MsgFlags::MSG_CTRUNC | MsgFlags::MSG_TRUNC) {
            return Some(Message::Broken);
        }
        // An empty packet is the end: the worker is gone.
        let (letter, text) = packet.get(..length)?.split_first()?;
        Some(match (letter, fds.pop()) {
            (b'R', _) => Message::Ready,
            (b'S', _) => Message::Saved,
            (b'M', _) => Message::Log(String::from_utf8_lossy(text).into_owned()),
            (b'L', Some(fd)) => String::from_utf8(text.to_vec())
                .map_or(Message::Broken, |name| Message::Listener(Listener { name, fd })),
            _ => Message::Broken,
        })
    }
}

impl AsFd for MasterEnd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn descriptors_travel_with_their_names() {
        let (master, worker) = leash().unwrap();
        assert!(master.receive().is_none());
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        worker.listener("127.0.0.1:80", theirs.as_fd()).unwrap();
        worker.log("[NOTICE] (1) : hello").unwrap();
        worker.ready().unwrap();
        drop(theirs);
        let Some(Message::Listener(listener)) = master.receive() else { panic!("no listener") };
        assert_eq!(listener.name, "127.0.0.1:80");
        std::os::unix::net::UnixStream::from(listener.fd).write_all(b"x").unwrap();
        let mut byte = [0u8; 1];
        (&ours).read_exact(&mut byte).unwrap();
        assert!(matches!(master.receive(), Some(Message::Log(text)) if text == "[NOTICE] (1) : hello"));
        assert!(matches!(master.receive(), Some(Message::Ready)));
        drop(worker);
        assert!(master.receive().is_none());
    }

    #[test]
    fn a_listener_without_its_descriptor_is_no_end() {
        let (master, worker) = leash().unwrap();
        worker.send(b"L127.0.0.1:80", &[]).unwrap();
        worker.send(b"?", &[]).unwrap();
        worker.ready().unwrap();
        assert!(matches!(master.receive(), Some(Message::Broken)));
        assert!(matches!(master.receive(), Some(Message::Broken)));
        assert!(matches!(master.receive(), Some(Message::Ready)));
    }
}
