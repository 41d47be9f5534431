//! Into the background: the first process waits for the one it leaves behind to be ready, and takes
//! its exit status from that.

use crate::report::Report;
use crate::sys;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, dup2_stderr, dup2_stdin, dup2_stdout, pipe2, read, setsid, write};
use std::os::fd::OwnedFd;
use std::process::ExitCode;

/// The background process's line to the one that waits in the foreground.
#[derive(Debug)]
pub struct Waiting {
    line: OwnedFd,
    null: Null,
}

impl Waiting {
    /// Lets the foreground process end with success, and lets go of the terminal.
    pub fn ready(self) {
        self.null.detach();
        // A foreground process that was killed is nobody to tell.
        let _ = write(&self.line, b"1");
    }

    /// The way to let go of the terminal alone.
    pub fn into_null(self) -> Null {
        self.null
    }
}

/// An opened `/dev/null`: another root directory may have none.
#[derive(Debug)]
pub struct Null(OwnedFd);

impl Null {
    fn open() -> nix::Result<Null> {
        open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty()).map(Null)
    }

    /// Points the standard streams there.
    pub fn detach(self) {
        // These cannot fail for open descriptors.
        let _ = dup2_stdin(&self.0);
        let _ = dup2_stdout(&self.0);
        let _ = dup2_stderr(&self.0);
    }
}

/// The two ends of a step into the background.
#[derive(Debug)]
pub enum Side {
    /// The process that stays in the foreground; it ends with this.
    Foreground(ExitCode),
    /// The process in the background, in a session of its own.
    Background(Waiting),
}

/// Splits the process in two. Must come before any thread.
pub fn daemonize(report: &Report) -> Result<Side, ExitCode> {
    let failed = |what: &str, error: nix::Error| {
        report.alert(&format!("Cannot {what}: {}.", error.desc()));
        ExitCode::FAILURE
    };
    let null = Null::open().map_err(|error| failed("open /dev/null", error))?;
    let (from_child, to_parent) = pipe2(OFlag::O_CLOEXEC).map_err(|error| failed("make a pipe", error))?;
    match sys::fork().map_err(|error| failed("fork", error))? {
        ForkResult::Parent { child } => {
            drop(to_parent);
            let mut answer = [0u8; 1];
            let ready = loop {
                match read(&from_child, &mut answer) {
                    Ok(length) => break length == 1,
                    Err(nix::Error::EINTR) => {}
                    Err(_) => break false,
                }
            };
            if !ready {
                // It said why on the standard error that both share.
                let _ = waitpid(child, None);
            }
            Ok(Side::Foreground(if ready { ExitCode::SUCCESS } else { ExitCode::FAILURE }))
        }
        ForkResult::Child => {
            drop(from_child);
            setsid().map_err(|error| failed("create a session", error))?;
            Ok(Side::Background(Waiting { line: to_parent, null }))
        }
    }
}
