//! What clients do besides asking politely as fast as they can: all kinds of requests, bodies, aborts, upgrades and
//! garbage.

use super::Stage;
use lb_testkit::Client;
use lb_testkit::origin::WEBSOCKET_REQUEST;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

/// Clients of each program.
const CLIENTS: u64 = 6;

/// Clients at work.
#[derive(Debug)]
pub struct Traffic {
    counts: Arc<Tallies>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Tallies {
    requests: AtomicU64,
    failed: AtomicU64,
}

/// What they did.
#[derive(Debug)]
pub struct Counts {
    /// Requests, aborted ones and garbage included.
    pub requests: u64,
    failed: u64,
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} odd requests, {} of them cut by a death or a limit", self.requests, self.failed)
    }
}

impl Traffic {
    /// Sends some clients to each address.
    pub fn start(stage: &Arc<Stage>, addresses: &[SocketAddr]) -> Traffic {
        let counts: Arc<Tallies> = Arc::default();
        let mut threads = Vec::new();
        for (number, address) in addresses.iter().enumerate() {
            for client in 0..CLIENTS {
                let (stage, counts, address) = (Arc::clone(stage), Arc::clone(&counts), *address);
                let mut random = Random(number as u64 * 1000 + client + 1);
                threads.push(std::thread::spawn(move || {
                    while !stage.is_over() {
                        counts.requests.fetch_add(1, Relaxed);
                        if act(address, &mut random).is_err() {
                            counts.failed.fetch_add(1, Relaxed);
                        }
                        stage.pause(Duration::from_millis(random.below(20)));
                    }
                }));
            }
        }
        Traffic { counts, threads }
    }

    /// Waits for the clients, which must know already that it is over.
    pub fn finish(self) -> Counts {
        for thread in self.threads {
            let _ = thread.join();
        }
        Counts { requests: self.counts.requests.load(Relaxed), failed: self.counts.failed.load(Relaxed) }
    }
}

/// A pseudo-random number (a linear congruence: repeatable and good enough).
#[derive(Debug)]
pub struct Random(pub u64);

impl Random {
    /// Below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound.max(1)
    }
}

fn act(address: SocketAddr, random: &mut Random) -> anyhow::Result<()> {
    let mut client = Client::connect(address)?;
    match random.below(12) {
        0 => drop(client.get(&format!("/size/{}", random.below(300_000)))?),
        1 => drop(client.get(&format!("/chunked/{}x{}", random.below(50), random.below(5_000)))?),
        2 => {
            let body = "b".repeat(random.below(100_000) as usize);
            client.offer(format!("POST /echo HTTP/1.1\r\nHost: a.example\r\nContent-Length: {}\r\n\r\n", body.len()));
            client.offer(&body);
            client.response()?;
        }
        // Several on one connection, the paths never the same.
        3 => {
            for _ in 0..random.below(20) {
                client.get(&format!("/path/{}/{}", random.below(1_000_000), "x".repeat(random.below(500) as usize)))?;
            }
        }
        4 => drop(client.get(&format!("/own/{}", random.below(1_000)))?),
        5 => drop(client.get("/denied")?),
        // Gone in the middle, before or after the answer began.
        6 => {
            client.send("GET /drip/50x5 HTTP/1.1\r\nHost: t\r\n\r\n")?;
            std::thread::sleep(Duration::from_millis(random.below(100)));
            client.reset()?;
        }
        7 => {
            client.send("GET /size/3000000 HTTP/1.1\r\nHost: t\r\n\r\n")?;
            let _ = client.head();
        }
        8 => {
            client.send(WEBSOCKET_REQUEST)?;
            client.head()?;
            for number in 0..random.below(10) {
                let message = format!("message {number}");
                client.send(&message)?.expect(&message)?;
            }
        }
        9 => {
            client.offer("\x00\x01 garbage \r\n\r\nGET");
            client.read_to_end()?;
        }
        10 => drop(client.get(&format!("/slow/{}", random.below(300)))?),
        _ => {
            for path in ["/cut/5000", "/reset", "/abort", "/cut-chunks", "/half-head"] {
                if let Ok(mut client) = Client::connect(address) {
                    let _ = client.get(path);
                }
            }
        }
    }
    Ok(())
}
