//! Rings: memory of fixed size that keeps the latest lines, for `log ring@name`, traces and `show events`.

use crate::shared::lock;
use lb_config::model::{self, LogWire, RingServer};
use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::Notify;

/// The ring that is always there.
pub const ALWAYS: &str = "buf0";

/// Its size: a trace is long.
const ALWAYS_SIZE: usize = 1 << 20;

/// What a line costs besides its bytes.
const OVERHEAD: usize = size_of::<Box<[u8]>>();

/// A ring.
#[derive(Debug)]
pub struct Ring {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The form of log lines in it.
    pub format: LogWire,
    /// Bytes of a line at most.
    pub max_len: usize,
    /// Who gets all lines.
    pub servers: Vec<RingServer>,
    /// How long connecting to one of them may take.
    pub connect_timeout: Option<Duration>,
    /// How long one of them may take nothing.
    pub server_timeout: Option<Duration>,
    size: usize,
    kept: Mutex<Kept>,
    dropped: AtomicU64,
    /// Wakes those who wait for lines.
    pub news: Notify,
}

#[derive(Debug, Default)]
struct Kept {
    lines: VecDeque<Box<[u8]>>,
    bytes: usize,
    /// Number of the next line.
    next: u64,
    /// The next line of each server.
    taken: Vec<u64>,
}

impl Ring {
    fn new(config: &model::Ring) -> Self {
        Self {
            name: config.name.clone(),
            description: config.description.clone(),
            format: config.format,
            max_len: config.max_len,
            servers: config.servers.clone(),
            connect_timeout: config.connect_timeout,
            server_timeout: config.server_timeout,
            size: config.size,
            kept: Mutex::new(Kept { taken: vec![0; config.servers.len()], ..Kept::default() }),
            dropped: AtomicU64::new(0),
            news: Notify::new(),
        }
    }

    /// Adds a line, given without its line feed, in place of the oldest ones.
    pub fn push(&self, line: &[u8]) {
        let line = line.get(..self.max_len.min(line.len())).unwrap_or_default();
        if line.len() + OVERHEAD > self.size {
            self.dropped.fetch_add(1, Relaxed);
            return;
        }
        let mut kept = lock(&self.kept);
        kept.bytes += line.len() + OVERHEAD;
        kept.next += 1;
        kept.lines.push_back(line.into());
        while kept.bytes > self.size {
            let number = kept.next - kept.lines.len() as u64;
            let Some(oldest) = kept.lines.pop_front() else { break };
            kept.bytes -= oldest.len() + OVERHEAD;
            // Somebody should have got it.
            if kept.taken.iter().any(|taken| *taken <= number) {
                self.dropped.fetch_add(1, Relaxed);
            }
        }
        drop(kept);
        self.news.notify_waiters();
    }

    /// Lines that did not fit, or left before a server took them.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// The number of the next line.
    pub fn end(&self) -> u64 {
        lock(&self.kept).next
    }

    /// The number of the next line for a server.
    pub fn taken(&self, server: usize) -> u64 {
        lock(&self.kept).taken.get(server).copied().unwrap_or_default()
    }

    /// Notes that a server took all lines before this one.
    pub fn set_taken(&self, server: usize, next: u64) {
        if let Some(taken) = lock(&self.kept).taken.get_mut(server) {
            *taken = next;
        }
    }

    /// Waits until there are lines from this number on.
    pub async fn wait_beyond(&self, number: u64) {
        loop {
            let news = self.news.notified();
            if self.end() > number {
                return;
            }
            news.await;
        }
    }

    /// Appends the lines from number `from` on as a stream carries them (RFC 6587): each after its length, or before a line
    /// feed; until `out` holds `most` bytes. Returns the number to go on with.
    pub fn read_for(&self, from: u64, octet_count: bool, most: usize, out: &mut Vec<u8>) -> u64 {
        let kept = lock(&self.kept);
        let oldest = kept.next - kept.lines.len() as u64;
        let mut at = from.max(oldest);
        for line in kept.lines.iter().skip((at - oldest) as usize) {
            if out.len() >= most {
                break;
            }
            if octet_count {
                out.extend_from_slice(format!("{} ", line.len()).as_bytes());
            }
            out.extend_from_slice(line);
            if !octet_count {
                out.push(b'\n');
            }
            at += 1;
        }
        at
    }

    /// Appends the lines from number `from` on, each followed by `end`, until `out` holds `most` bytes. Returns the number
    /// to go on with, and whether that line is there already. Lines that are gone are passed over.
    pub fn read(&self, from: u64, end: u8, most: usize, out: &mut Vec<u8>) -> (u64, bool) {
        let kept = lock(&self.kept);
        let oldest = kept.next - kept.lines.len() as u64;
        let mut at = from.max(oldest);
        for line in kept.lines.iter().skip((at - oldest) as usize) {
            if out.len() >= most {
                return (at, true);
            }
            out.extend_from_slice(line);
            out.push(end);
            at += 1;
        }
        (at, false)
    }
}

/// All rings.
#[derive(Debug)]
pub struct Rings(Vec<Ring>);

impl Rings {
    /// The one that is always there, and those of the configuration.
    pub fn new(configured: &[model::Ring]) -> Self {
        let always = model::Ring {
            description: "in-memory ring buffer".to_owned(),
            format: LogWire::Timed,
            max_len: 65_536,
            size: ALWAYS_SIZE,
            ..model::Ring::named(ALWAYS)
        };
        Self(std::iter::once(&always).chain(configured).map(Ring::new).collect())
    }

    /// The ring of that name.
    pub fn find(&self, name: &str) -> Option<&Ring> {
        self.0.iter().find(|ring| ring.name == name)
    }

    /// Every ring.
    pub fn iter(&self) -> impl Iterator<Item = &Ring> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_lines_are_kept() {
        let config = model::Ring { max_len: 8, size: 3 * (OVERHEAD + 4), ..model::Ring::named("r") };
        let rings = Rings::new(&[config]);
        let ring = rings.find("r").unwrap();
        let read = |from| {
            let mut out = Vec::new();
            let next = ring.read(from, b'\n', 1_000, &mut out);
            (String::from_utf8(out).unwrap(), next)
        };
        assert_eq!(read(0), (String::new(), (0, false)));
        for line in ["aaaa", "bbbb", "cccc", "dddd"] {
            ring.push(line.as_bytes());
        }
        assert_eq!(read(0), ("bbbb\ncccc\ndddd\n".into(), (4, false)));
        assert_eq!(read(3), ("dddd\n".into(), (4, false)));
        assert_eq!(ring.end(), 4);
        // Longer than a line may be, and longer than the ring.
        ring.push(b"0123456789");
        assert_eq!(read(4).0, "01234567\n");
        let mut out = Vec::new();
        assert_eq!(ring.read(0, 0, 1, &mut out), (4, true));
        assert_eq!(out, b"dddd\0");
        let small = model::Ring { size: 1, ..model::Ring::named("s") };
        let rings = Rings::new(&[small]);
        let ring = rings.find("s").unwrap();
        ring.push(b"x");
        assert_eq!((ring.end(), ring.dropped()), (0, 1));
        assert!(rings.find(ALWAYS).is_some() && rings.iter().count() == 2);
    }

    #[test]
    fn lines_that_leave_before_a_server_took_them_are_counted() {
        let server = |name: &str| RingServer {
            name: name.into(),
            address: model::ConnectAddress::Abstract("nowhere".into()),
            port: 0,
            octet_count: false,
        };
        let config = model::Ring {
            size: 2 * (OVERHEAD + 4),
            servers: vec![server("quick"), server("slow")],
            ..model::Ring::named("r")
        };
        let rings = Rings::new(&[config]);
        let ring = rings.find("r").unwrap();
        for line in ["aaaa", "bbbb"] {
            ring.push(line.as_bytes());
        }
        let mut out = Vec::new();
        assert_eq!(ring.read_for(0, true, 1_000, &mut out), 2);
        assert_eq!(out, b"4 aaaa4 bbbb");
        ring.set_taken(0, 2);
        ring.set_taken(1, 1);
        ring.push(b"cccc");
        assert_eq!(ring.dropped(), 0, "both had the first line");
        ring.push(b"dddd");
        assert_eq!(ring.dropped(), 1, "the slow one never got the second");
        out.clear();
        assert_eq!(ring.read_for(ring.taken(1), false, 1_000, &mut out), 4);
        assert_eq!(out, b"cccc\ndddd\n");
    }
}
