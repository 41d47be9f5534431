//! Ctrl-C while waiting: noticed between two looks, never in the middle of a command.

use std::os::fd::AsFd;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// Whether a signal has come to any of those that wait: each thread of a fan-out waits for itself, and the
/// signal is read by one of them.
static CAUGHT: AtomicBool = AtomicBool::new(false);
/// How many wait.
static WAITING: AtomicUsize = AtomicUsize::new(0);
/// How late one notices what another has read.
const NOTICE: Duration = Duration::from_millis(100);

/// Keeps SIGINT back from this thread for good: at a prompt it ends the command that looks for it, or nothing.
///
/// # Errors
/// Masks that are in force do not fail.
pub fn keep_back() -> std::io::Result<()> {
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGINT);
    Ok(mask.thread_block()?)
}

/// Starts a program that is not to inherit what is held back: Ctrl-C is for it, too.
///
/// # Errors
/// When it cannot be started.
pub fn spawn(command: &mut Command) -> std::io::Result<Child> {
    let mut none = SigSet::empty();
    none.add(Signal::SIGINT);
    none.add(Signal::SIGTERM);
    let former = none.thread_swap_mask(SigmaskHow::SIG_UNBLOCK)?;
    let child = command.spawn();
    former.thread_set_mask()?;
    child
}

/// Holds SIGINT and SIGTERM back for as long as it lives.
#[derive(Debug)]
pub struct Interrupt {
    /// The thread's mask before: it may have held them back already.
    former: SigSet,
    signals: SignalFd,
}

impl Interrupt {
    /// Starts holding the signals back.
    ///
    /// # Errors
    /// When the system has no descriptor left.
    pub fn new() -> std::io::Result<Self> {
        let mut mask = SigSet::empty();
        mask.add(Signal::SIGINT);
        mask.add(Signal::SIGTERM);
        let former = mask.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        if WAITING.fetch_add(1, Ordering::SeqCst) == 0 {
            CAUGHT.store(false, Ordering::SeqCst);
        }
        Ok(Self { former, signals })
    }

    /// Sleeps; gives `true` at once when a signal has come.
    pub fn sleep(&mut self, time: Duration) -> bool {
        let end = Instant::now() + time;
        loop {
            if matches!(self.signals.read_signal(), Ok(Some(_))) {
                CAUGHT.store(true, Ordering::SeqCst);
            }
            if CAUGHT.load(Ordering::SeqCst) {
                return true;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            // Rounded up, so that the last millisecond is not spent spinning.
            let slice = if WAITING.load(Ordering::SeqCst) > 1 { left.min(NOTICE) } else { left };
            let millis = u16::try_from(slice.as_millis() + 1).unwrap_or(u16::MAX);
            let mut descriptors = [PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
            match poll(&mut descriptors, PollTimeout::from(millis)) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(_) => std::thread::sleep(left),
            }
        }
    }
}

impl Interrupt {
    /// Waits until something can be read; gives `false` when a signal came before.
    ///
    /// # Errors
    /// When the descriptor cannot be waited for.
    pub fn wait_for(&mut self, input: impl AsFd) -> std::io::Result<bool> {
        loop {
            if self.sleep(Duration::ZERO) {
                return Ok(false);
            }
            let readable = PollFd::new(input.as_fd(), PollFlags::POLLIN);
            let mut descriptors = [readable, PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
            match poll(&mut descriptors, PollTimeout::NONE) {
                Ok(_) if descriptors.first().is_some_and(|d| d.any() == Some(true)) => return Ok(true),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        // A second Ctrl-C that came meanwhile has had its effect already, unless somebody waits still.
        while matches!(self.signals.read_signal(), Ok(Some(_))) {
            CAUGHT.store(true, Ordering::SeqCst);
        }
        WAITING.fetch_sub(1, Ordering::SeqCst);
        // A mask that was in force is a mask: this cannot fail.
        let _ = self.former.thread_set_mask();
    }
}
