//! The only unsafe code of the engine: system calls without a safe wrapper.

#![expect(unsafe_code, reason = "system calls; each block states why it is sound")]

use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
use std::io;
use std::io::IoSliceMut;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Local time's distance from UTC at a moment, in seconds.
pub fn utc_offset_secs(unix_secs: i64) -> i32 {
    let time: libc::time_t = unix_secs;
    // SAFETY: an all-zero `tm` is a valid value of that plain struct.
    let mut parts: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live, properly typed locals; `localtime_r` keeps neither.
    let filled = unsafe { libc::localtime_r(&raw const time, &raw mut parts) };
    if filled.is_null() { 0 } else { parts.tm_gmtoff as i32 }
}

/// Has a program begin with no signal blocked: this process blocks those that it reads from a descriptor, and what it
/// starts would inherit that.
pub fn unblock_signals(command: &mut std::process::Command) {
    use std::os::unix::process::CommandExt;
    let begin = || nix::sys::signal::SigSet::empty().thread_set_mask().map_err(std::io::Error::from);
    // SAFETY: between fork and exec the closure makes one system call on a value of its own stack: it allocates nothing
    // and takes no lock.
    unsafe { command.pre_exec(begin) };
}

/// Takes over a private duplicate of an inherited descriptor; the inherited one stays open as it was.
///
/// # Errors
/// The system's error when the descriptor is not open.
pub fn duplicate_inherited(fd: RawFd) -> std::io::Result<OwnedFd> {
    // SAFETY: `fcntl` with F_DUPFD_CLOEXEC takes integers only and fails cleanly on a closed descriptor.
    let duplicate = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) };
    if duplicate < 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just created by the kernel for us, and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(duplicate) })
}

/// What a message on a UNIX socket brought.
#[derive(Debug)]
pub enum Message {
    /// A descriptor (`SCM_RIGHTS`).
    Descriptor(OwnedFd),
    /// No descriptor.
    Other,
    /// The peer has closed its end.
    End,
}

/// Receives one message of at most one descriptor.
///
/// # Errors
/// The system's.
pub fn receive_message(from: BorrowedFd<'_>) -> std::io::Result<Message> {
    let mut byte = [0];
    let mut space = nix::cmsg_space!([RawFd; 1]);
    let mut buffers = [IoSliceMut::new(&mut byte)];
    let message = recvmsg::<()>(from.as_raw_fd(), &mut buffers, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC)?;
    let number = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::ScmRights(numbers) => numbers.first().copied(),
        _ => None,
    });
    Ok(match number {
        // SAFETY: the kernel has just made this descriptor for us, there is one in the message, and nobody else owns it.
        Some(number) => Message::Descriptor(unsafe { OwnedFd::from_raw_fd(number) }),
        None if message.bytes == 0 => Message::End,
        None => Message::Other,
    })
}

/// A standard or inherited descriptor named by a `log fd@N` line, if it is open.
pub fn log_descriptor(fd: RawFd) -> Option<BorrowedFd<'static>> {
    // SAFETY: F_GETFD only asks about the number.
    let open = fd >= 0 && unsafe { libc::fcntl(fd, libc::F_GETFD) } >= 0;
    // SAFETY: the descriptor is open and, being standard or inherited, is never closed by the engine.
    open.then(|| unsafe { BorrowedFd::borrow_raw(fd) })
}

/// Sets an option of a socket that is a number. Whether the kernel took it.
fn set_number(fd: RawFd, level: libc::c_int, name: libc::c_int, value: libc::c_int) -> bool {
    let size = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the pointer is to a live local of the size that is given, and the kernel keeps it no longer than the call; a
    // descriptor that is no socket, or closed, fails cleanly.
    unsafe { libc::setsockopt(fd, level, name, (&raw const value).cast(), size) == 0 }
}

/// The type of service of packets that a connection sends from here on (`set-tos`).
pub fn set_tos(fd: RawFd, tos: u8) {
    // Which of them applies depends on the address family; the other one is refused.
    let _ = set_number(fd, libc::IPPROTO_IP, libc::IP_TOS, tos.into());
    let _ = set_number(fd, libc::IPPROTO_IPV6, libc::IPV6_TCLASS, tos.into());
}

/// The kernel's mark on packets that a connection sends from here on (`set-mark`). Needs a privilege, as in HAProxy.
pub fn set_mark(fd: RawFd, mark: u32) {
    let _ = set_number(fd, libc::SOL_SOCKET, libc::SO_MARK, mark.cast_signed());
}

/// Makes a TCP connection end without a word to its peer when it is closed (`silent-drop`): the kernel forgets it. Without the
/// privilege for that, its last packet is one that no router passes on.
pub fn vanish(fd: RawFd) {
    if set_number(fd, libc::IPPROTO_TCP, libc::TCP_REPAIR, 1) {
        return;
    }
    let _ = set_number(fd, libc::IPPROTO_IP, libc::IP_TTL, 1);
    let _ = set_number(fd, libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS, 1);
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let size = size_of::<libc::linger>() as libc::socklen_t;
    // SAFETY: as for `set_number`.
    let _ = unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_LINGER, (&raw const linger).cast(), size) };
}

/// Sets a socket option that is a number.
///
/// # Errors
/// The system's.
pub fn set_option(socket: BorrowedFd<'_>, level: libc::c_int, name: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let size = size_of_val(&value) as libc::socklen_t;
    // SAFETY: the pointer is to a live local of the size told; the kernel copies it.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const value).cast(), size) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// What the kernel is told of signed segments (`struct tcp_md5sig` of its `linux/tcp.h`).
#[repr(C)]
struct Md5Signature {
    address: socket2::SockAddrStorage,
    flags: u8,
    prefix_length: u8,
    key_length: u16,
    interface: libc::c_int,
    key: [u8; 80],
}

/// Has segments from and to an address signed with a key (RFC 2385); the unspecified address stands for all.
///
/// # Errors
/// The system's; that of an argument for a key longer than 80 bytes.
pub fn sign_segments(socket: BorrowedFd<'_>, peer: std::net::SocketAddr, key: &[u8]) -> io::Result<()> {
    const EXTENDED: libc::c_int = 32;
    const HAS_PREFIX: u8 = 1;
    let everybody = peer.ip().is_unspecified();
    let mut bytes = [0; 80];
    bytes.get_mut(..key.len()).ok_or(io::ErrorKind::InvalidInput)?.copy_from_slice(key);
    let signature = Md5Signature {
        address: socket2::SockAddr::from(peer).as_storage(),
        flags: if everybody { HAS_PREFIX } else { 0 },
        prefix_length: 0,
        key_length: key.len() as u16,
        interface: 0,
        key: bytes,
    };
    let name = if everybody { EXTENDED } else { libc::TCP_MD5SIG };
    let size = size_of::<Md5Signature>() as libc::socklen_t;
    // SAFETY: the pointer is to a live local of the size told, laid out as the kernel has it; the kernel copies it.
    let result =
        unsafe { libc::setsockopt(socket.as_raw_fd(), libc::IPPROTO_TCP, name, (&raw const signature).cast(), size) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
