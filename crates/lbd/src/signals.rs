//! Which signals the processes take, and how: all of them are blocked in every thread and read from
//! a descriptor, so no handler ever runs in a data thread.

use nix::sys::signal::{SigHandler, SigSet, Signal, raise, signal};
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
    // Means something to a master only; read so that it does no harm here.
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
    let deadly = SigSet::all();
    // The default action is restored so that the signal kills.
    restore_default(which);
    let _ = deadly.thread_unblock();
    let _ = raise(which);
    // Reached only if the kernel did not deliver it to this thread.
    std::process::exit(128 + which as i32)
}

#[expect(unsafe_code, reason = "installing the default action runs no code of ours")]
fn restore_default(which: Signal) {
    // SAFETY: SIG_DFL is no handler: nothing of this program is called by it.
    let _ = unsafe { signal(which, SigHandler::SigDfl) };
}
