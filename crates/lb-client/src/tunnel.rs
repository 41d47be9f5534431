//! A UNIX socket of another host, brought here by the system's `ssh`.
//!
//! `ssh` forwards a local socket to the remote one: keys, agents, jump hosts and host checks are those
//! of the user's own `~/.ssh/config`, and the other host needs no helper. One tunnel serves all
//! commands of a client and ends with it.

use std::fs::File;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::Remote;

/// How long `ssh` may take to ask for a passphrase and log in.
const LOGIN: Duration = Duration::from_secs(30);
/// How often it is looked whether the local end is there.
const LOOK: Duration = Duration::from_millis(10);
/// How much of what `ssh` says is told.
const SAID: usize = 500;

/// A running `ssh`.
#[derive(Debug)]
pub(crate) struct Tunnel {
    child: Child,
    dir: tempfile::TempDir,
}

impl Tunnel {
    /// Starts `ssh` and waits until its local end accepts.
    ///
    /// # Errors
    /// What `ssh` said, when it ended instead, or that it took too long.
    pub fn open(remote: &Remote) -> io::Result<Self> {
        let dir = tempfile::Builder::new().prefix("lbctl-").tempdir()?;
        let said = File::create(dir.path().join("said"))?;
        let mut forward = dir.path().join("s").into_os_string();
        forward.push(":");
        forward.push(&remote.path);
        let mut command = Command::new("ssh");
        command.args(["-N", "-T", "-o", "ExitOnForwardFailure=yes", "-o", "StreamLocalBindMask=0177", "-L"]);
        command.arg(forward);
        if let Some(port) = remote.port {
            command.args(["-p", &port.to_string()]);
        }
        command.args(["--", &remote.destination]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(said);
        let child = command.spawn().map_err(|e| io::Error::new(e.kind(), format!("cannot start ssh: {e}")))?;
        let mut tunnel = Self { child, dir };
        let start = Instant::now();
        while UnixStream::connect(tunnel.local()).is_err() {
            if tunnel.child.try_wait()?.is_some() {
                let said = tunnel.said();
                let why = if said.is_empty() { "it ended without a word" } else { said.as_str() };
                return Err(io::Error::other(format!("ssh failed: {why}")));
            }
            if start.elapsed() > LOGIN {
                let said = tunnel.said();
                return Err(io::Error::new(io::ErrorKind::TimedOut, format!("ssh did not log in in time. {said}")));
            }
            thread::sleep(LOOK);
        }
        Ok(tunnel)
    }

    /// The socket on this host.
    pub fn local(&self) -> PathBuf {
        self.dir.path().join("s")
    }

    /// Whether `ssh` still runs.
    pub fn is_open(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    fn said(&self) -> String {
        let text = std::fs::read(self.dir.path().join("said")).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        text.trim().chars().take(SAID).collect()
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
