//! The old processes of `-sf` and `-st`: told to leave once this one listens, or to stand aside for
//! a moment when their sockets are in the way.

use crate::cli::OldProcesses;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

impl OldProcesses {
    /// Sends one signal to all; says whether anyone got it.
    fn signal(&self, signal: Signal) -> bool {
        // A process that is gone is what one asked for.
        self.pids.iter().filter(|pid| kill(Pid::from_raw(**pid), signal).is_ok()).count() > 0
    }

    /// Asks them to stop listening for now.
    pub fn pause(&self) -> bool {
        self.signal(Signal::SIGTTOU)
    }

    /// Takes the pause back.
    pub fn resume(&self) -> bool {
        self.signal(Signal::SIGTTIN)
    }

    /// Asks them to leave: when their work is done, or at once.
    pub fn leave(&self) -> bool {
        self.signal(if self.terminate { Signal::SIGTERM } else { Signal::SIGUSR1 })
    }
}
