//! A worker's private admin socket, by which the master's command line reaches it.
//!
//! The master makes it, in a directory only its own user can enter, before the worker exists; the
//! worker serves the inherited descriptor like any other admin socket. It is gone with the worker.

use crate::sys;
use nix::unistd::mkdtemp;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

/// The master's side: where to connect. Dropped by the master, it removes the socket.
#[derive(Debug)]
pub struct AdminPath {
    /// The socket.
    pub path: PathBuf,
    /// The master. A worker that lets go of what it got by its birth must not remove anything.
    owner: u32,
}

/// Makes a socket: the way to it, and what the worker serves.
pub fn open() -> io::Result<(AdminPath, OwnedFd)> {
    let directory = mkdtemp(&std::env::temp_dir().join("lbd-master-XXXXXX"))?;
    // Removes the directory too, when something fails below.
    let admin = AdminPath::of(directory.join("worker.sock"));
    let listener = UnixListener::bind(&admin.path)?;
    sys::unblock(&listener)?;
    Ok((admin, listener.into()))
}

impl AdminPath {
    /// The way by an existing socket's path.
    pub fn of(path: PathBuf) -> AdminPath {
        AdminPath { path, owner: std::process::id() }
    }
}

impl Drop for AdminPath {
    fn drop(&mut self) {
        if let Some(directory) = self.path.parent().filter(|_| self.owner == std::process::id()) {
            let _ = std::fs::remove_file(&self.path);
            let _ = std::fs::remove_dir(directory);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn leaves_nothing_behind() {
        let (admin, _listener) = open().unwrap();
        let directory = admin.path.parent().unwrap().to_owned();
        assert!(UnixStream::connect(&admin.path).is_ok());
        drop(admin);
        assert!(!directory.exists());
    }
}
