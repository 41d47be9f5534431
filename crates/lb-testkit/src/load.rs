//! A steady load of keep-alive connections that counts every request and every failure.

use crate::client::Client;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// A running load; it ends when stopped or dropped.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    sent: AtomicU64,
    failed: AtomicU64,
    failures: Mutex<Vec<String>>,
}

/// What a load has seen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Requests sent.
    pub sent: u64,
    /// Requests without a complete response of status 200.
    pub failed: u64,
    /// What the first failures were.
    pub failures: Vec<String>,
}

impl Load {
    /// Sends `GET path` over `connections` kept connections, each pausing `pause` between requests.
    pub fn start(address: SocketAddr, path: &str, connections: usize, pause: Duration) -> Load {
        let shared = Arc::new(Shared::default());
        let threads = (0..connections)
            .map(|_| {
                let (shared, path) = (Arc::clone(&shared), path.to_owned());
                std::thread::spawn(move || shared.run(address, &path, pause))
            })
            .collect();
        Load { shared, threads }
    }

    /// The count so far.
    pub fn tally(&self) -> Tally {
        Tally {
            sent: self.shared.sent.load(Ordering::Relaxed),
            failed: self.shared.failed.load(Ordering::Relaxed),
            failures: self.shared.failures.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Ends the load after the requests in flight.
    pub fn stop(mut self) -> Tally {
        self.join();
        self.tally()
    }

    fn join(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.join();
    }
}

impl Shared {
    fn run(&self, address: SocketAddr, path: &str, pause: Duration) {
        let mut kept = None;
        while !self.stop.load(Ordering::Relaxed) {
            self.sent.fetch_add(1, Ordering::Relaxed);
            match one(address, path, kept.take()) {
                Ok(client) => kept = client,
                Err(error) => self.note(&error),
            }
            if !pause.is_zero() {
                std::thread::sleep(pause);
            }
        }
    }

    fn note(&self, error: &anyhow::Error) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() < 10 {
            failures.push(format!("{error:#}"));
        }
    }
}

/// One request, on the kept connection where there is one; returns the connection if it stays open.
fn one(address: SocketAddr, path: &str, kept: Option<Client>) -> anyhow::Result<Option<Client>> {
    let mut client = match kept {
        Some(client) => client,
        None => Client::connect(address)?,
    };
    let response = client.get(path)?;
    anyhow::ensure!(response.status == 200, "status {}", response.status);
    let closes = response.get("connection").is_some_and(|v| v.eq_ignore_ascii_case("close"));
    Ok((!closes).then_some(client))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Origin, until};

    #[test]
    fn a_load_counts_requests_and_failures() {
        let origin = Origin::for_load("o1").unwrap();
        let load = Load::start(origin.address(), "/", 4, Duration::ZERO);
        until("some requests", || (load.tally().sent > 100 && origin.connections() == 4).then_some(())).unwrap();
        let tally = load.stop();
        assert_eq!((tally.failed, tally.failures), (0, vec![]));
        assert_eq!(origin.connections(), 4, "connections are kept");
        let load = Load::start(origin.address(), "/status/500", 1, Duration::ZERO);
        until("a failure", || (load.tally().failed > 0).then_some(())).unwrap();
        assert_eq!(load.stop().failures.first().map(String::as_str), Some("status 500"));
    }
}
