//! The system calls that need `unsafe`, each with its proof. Nothing else in the program is unsafe.

#![expect(unsafe_code, reason = "fork, the environment, adopted descriptors and signal actions have no safe form")]

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::unistd::ForkResult;
use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Whether this process has one thread.
pub fn single_threaded() -> bool {
    std::fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.count() == 1)
}

/// Forks. Refused with `EBUSY` when another thread exists.
pub fn fork() -> nix::Result<ForkResult> {
    if !single_threaded() {
        return Err(Errno::EBUSY);
    }
    // SAFETY: after a fork in a program with several threads the child may only make
    // async-signal-safe calls. There is one thread, as just checked, so no lock can be held by a
    // thread that the child lacks, and the child may do anything.
    unsafe { nix::unistd::fork() }
}

/// Sets an environment variable, or removes it. Refused with `EBUSY` when another thread exists, or
/// when that cannot be told.
pub fn set_env(name: &OsStr, value: Option<&OsStr>) -> nix::Result<()> {
    use std::os::unix::ffi::OsStrExt;
    let name_bytes = name.as_bytes();
    // The library panics on names and values the environment cannot hold.
    let holdable = !name_bytes.is_empty()
        && !name_bytes.contains(&b'=')
        && !name_bytes.contains(&0)
        && value.is_none_or(|value| !value.as_bytes().contains(&0));
    if !holdable {
        return Err(Errno::EINVAL);
    }
    if !single_threaded() {
        return Err(Errno::EBUSY);
    }
    // SAFETY: the environment may not be changed while another thread reads it. There is one
    // thread, as just checked.
    unsafe {
        match value {
            Some(value) => std::env::set_var(name, value),
            None => std::env::remove_var(name),
        }
    }
    Ok(())
}

/// Takes ownership of a descriptor that was handed over by number: by an earlier image of this
/// process, or in a message from another process. `None` when no such descriptor is open.
///
/// The caller gets the number from the hand-over and adopts it once; the descriptor is set to close
/// on exec.
pub fn adopt(number: RawFd) -> Option<OwnedFd> {
    if number <= 2 {
        return None;
    }
    // SAFETY: the borrow only asks the kernel about the number; an unused number is answered with
    // EBADF and the borrow ends with the statement.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    fcntl(borrowed, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).ok()?;
    // SAFETY: the descriptor is open, as the kernel just said, and by this function's contract
    // nothing else in this process owns it: the numbers come from a hand-over, each once.
    Some(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Lets a descriptor survive the next exec.
pub fn keep_over_exec(fd: impl AsFd) -> nix::Result<()> {
    fcntl(fd, FcntlArg::F_SETFD(FdFlag::empty())).map(drop)
}

/// A duplicate of an inherited descriptor, which stays open as it was.
pub fn duplicate(number: RawFd) -> nix::Result<OwnedFd> {
    if number < 0 {
        return Err(Errno::EBADF);
    }
    // SAFETY: the borrow only asks the kernel to duplicate; a closed descriptor is answered with EBADF,
    // and nothing in this process closes descriptors it was merely given.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    let copy = fcntl(borrowed, FcntlArg::F_DUPFD_CLOEXEC(3))?;
    // SAFETY: the kernel has just made this descriptor for us, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Makes reads and writes return at once.
pub fn unblock(fd: impl AsFd) -> nix::Result<()> {
    let flags = OFlag::from_bits_truncate(fcntl(&fd, FcntlArg::F_GETFL)?);
    fcntl(&fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK)).map(drop)
}

/// Gives a signal its default action back.
pub fn restore_default(which: Signal) {
    // SAFETY: SIG_DFL is no handler: nothing of this program is called by it.
    let _ = unsafe { signal(which, SigHandler::SigDfl) };
}
