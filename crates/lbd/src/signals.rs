//! Which signals the processes take, and how: all of them are blocked in every thread and read from
//! a descriptor, so no handler ever runs in a data thread.

use crate::sys;
use nix::sys::signal::{SigSet, Signal, raise};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// Signals that the serving process reads.
pub const SERVING: &[Signal] = &[
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGTTOU,
    Signal::SIGTTIN,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    // Its master reloads: the servers' states are written for the next worker.
    Signal::SIGUSR2,
];

/// Signals that the master reads.
pub const MASTER: &[Signal] = &[
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGHUP,
    Signal::SIGCHLD,
    Signal::SIGTTOU,
    Signal::SIGTTIN,
    Signal::SIGQUIT,
];

/// A set of the given signals.
pub fn set(signals: &[Signal]) -> SigSet {
    signals.iter().copied().collect()
}

/// Makes exactly these signals wait for a reader, in this thread and those it starts.
pub fn block(signals: &[Signal]) -> nix::Result<()> {
    // A mask inherited over fork or exec is replaced, not added to.
    set(signals).thread_set_mask()
}

/// A descriptor to read the blocked signals from.
pub fn reader(signals: &[Signal]) -> nix::Result<SignalFd> {
    SignalFd::with_flags(&set(signals), SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

/// Ends this process by a signal, so that the parent sees which.
pub fn die_of(which: Signal) -> ! {
    sys::restore_default(which);
    let _ = SigSet::all().thread_unblock();
    let _ = raise(which);
    // Reached only if the kernel did not deliver it to this thread.
    std::process::exit(128 + which as i32)
}
