//! Loopback ports that nobody else gets.
//!
//! The range lies below the kernel's ephemeral ports, so an outgoing connection never takes one. Processes
//! that use this crate at the same time share the range through locked files, one per block of ports.

use std::fs::File;
use std::io::ErrorKind;
use std::net::{TcpListener, UdpSocket};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const FIRST: u16 = 12_000;
const BLOCK: u16 = 64;
const BLOCKS: u16 = 300;

struct Claim {
    /// Locked as long as this process lives.
    files: Vec<File>,
    /// Ports of the claimed block not handed out yet.
    left: Vec<u16>,
}

static CLAIM: Mutex<Claim> = Mutex::new(Claim { files: Vec::new(), left: Vec::new() });

/// A port free for TCP and UDP on 127.0.0.1, handed out once in the life of this process.
///
/// # Panics
/// When the whole range is in use.
pub fn free_port() -> u16 {
    let mut claim = CLAIM.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        while let Some(port) = claim.left.pop() {
            if is_free(port) {
                return port;
            }
        }
        let (file, first) = claim_block();
        claim.files.push(file);
        claim.left = (first..first + BLOCK).rev().collect();
    }
}

/// Binds to a port that was handed out here.
///
/// A thread that starts a process at the same time copies, for a moment, the descriptor with which the port was tried: so
/// this tries for a while.
///
/// # Errors
/// When the address stays in use, or another reason.
pub fn bind<S>(attempt: impl Fn() -> std::io::Result<S>) -> std::io::Result<S> {
    let start = Instant::now();
    loop {
        match attempt() {
            Err(e) if e.kind() == ErrorKind::AddrInUse && start.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(5));
            }
            done => return done,
        }
    }
}

/// How long a port may look taken.
const PATIENCE: Duration = Duration::from_secs(2);

/// Held while a port is tried and while a process is started: a process that is being started holds, until it becomes
/// another program, a copy of every descriptor, and a port tried at that moment would look taken to its owner.
static DESCRIPTORS: Mutex<()> = Mutex::new(());

/// Starts a process, or does whatever else copies descriptors, while no port is being tried.
pub fn without_trials<T>(start: impl FnOnce() -> T) -> T {
    let _held = DESCRIPTORS.lock().unwrap_or_else(PoisonError::into_inner);
    start()
}

fn is_free(port: u16) -> bool {
    let _held = DESCRIPTORS.lock().unwrap_or_else(PoisonError::into_inner);
    TcpListener::bind(("127.0.0.1", port)).is_ok() && UdpSocket::bind(("127.0.0.1", port)).is_ok()
}

#[expect(clippy::panic, reason = "a test machine without free ports cannot run any test")]
fn claim_block() -> (File, u16) {
    let dir = lock_dir();
    let start = std::process::id() as u16 % BLOCKS;
    for step in 0..BLOCKS {
        let block = (start + step) % BLOCKS;
        let Ok(file) = File::create(dir.join(block.to_string())) else { continue };
        if file.try_lock().is_ok() {
            return (file, FIRST + block * BLOCK);
        }
    }
    panic!("all test ports are in use; locks are in {}", dir.display());
}

fn lock_dir() -> PathBuf {
    let dir = std::env::temp_dir().join(format!("lb-testkit-ports-{}", nix::unistd::getuid()));
    // Failing to create it shows when no block can be locked.
    let _ = std::fs::create_dir_all(&dir);
    dir
}

#[cfg(test)]
mod tests {
    use super::free_port;
    use std::collections::BTreeSet;

    #[test]
    fn ports_are_distinct_across_threads() {
        let handles: Vec<_> =
            (0..4).map(|_| std::thread::spawn(|| (0..50).map(|_| free_port()).collect::<Vec<_>>())).collect();
        let ports: Vec<u16> = handles.into_iter().flat_map(|h| h.join().unwrap()).collect();
        assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), 200);
    }
}
