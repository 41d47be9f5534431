//! The old processes of `-sf` and `-st`: told to leave once this one serves, or to stand aside for a
//! moment when their sockets are in the way.
//!
//! A deputy sends the signals: a small process made before the user is changed, since the old
//! processes may belong to root. It outlives a start that fails, however that ends, and then lets old
//! processes that were told to stand aside listen again.

use crate::cli::OldProcesses;
use crate::signals;
use crate::sys;
use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, pipe2, read, write};
use std::os::fd::OwnedFd;

/// To the deputy: the old processes stand aside.
const PAUSED: u8 = b'P';
/// To the deputy: tell the old processes to leave, and go.
const LEAVE: u8 = b'L';

impl OldProcesses {
    /// A deputy, if there are old processes.
    pub fn deputy(&self) -> nix::Result<Option<Deputy>> {
        if self.pids.is_empty() {
            return Ok(None);
        }
        let (from_starter, line) = pipe2(OFlag::O_CLOEXEC)?;
        match sys::fork()? {
            ForkResult::Parent { child } => Ok(Some(Deputy { line, child })),
            ForkResult::Child => {
                drop(line);
                self.serve(from_starter);
                std::process::exit(0)
            }
        }
    }

    /// Asks them to stop listening for now; says whether anyone was asked.
    fn pause(&self) -> bool {
        self.signal(Signal::SIGTTOU)
    }

    /// Asks them to leave: when their work is done, or at once.
    fn leave(&self) {
        self.signal(if self.terminate { Signal::SIGTERM } else { Signal::SIGUSR1 });
    }

    /// Sends one signal to all; says whether anyone got it.
    fn signal(&self, signal: Signal) -> bool {
        // A process that is gone is what one asked for.
        self.pids.iter().filter(|pid| kill(Pid::from_raw(**pid), signal).is_ok()).count() > 0
    }

    /// The deputy's life.
    fn serve(&self, starter: OwnedFd) {
        // What stops the starter must not stop its deputy first. This cannot fail.
        let _ = signals::block(signals::SERVING);
        let mut paused = false;
        let mut word = [0u8; 1];
        loop {
            match read(&starter, &mut word) {
                Ok(1) if word == [LEAVE] => return self.leave(),
                Ok(1) => paused = true,
                Err(nix::Error::EINTR) => {}
                // The start has failed. Nobody but those who stand aside may get this signal: it
                // stops a process that does not know it.
                Ok(_) | Err(_) => {
                    if paused {
                        self.signal(Signal::SIGTTIN);
                    }
                    return;
                }
            }
        }
    }
}

/// The way to the old processes.
#[derive(Debug)]
pub struct Deputy {
    line: OwnedFd,
    child: Pid,
}

impl Deputy {
    /// Has the old processes stand aside until they are told to leave or this process ends; says
    /// whether anyone was asked.
    pub fn pause(&self, old: &OldProcesses) -> bool {
        // Told first: the deputy must know when this process ends in between.
        write(&self.line, &[PAUSED]).is_ok() && old.pause()
    }

    /// Has the old processes leave.
    pub fn leave(self, old: &OldProcesses) {
        if write(&self.line, &[LEAVE]).is_err() {
            // Somebody killed the deputy.
            old.leave();
        }
        drop(self.line);
        // After a step into the background it is nobody's child here.
        let _ = waitpid(self.child, None);
    }
}
