//! Rings: memory of fixed size that keeps the latest lines, for `log ring@name`, traces and `show events`.

use crate::shared::lock;
use lb_config::model::{self, LogWire};
use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
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
}

impl Ring {
    fn new(config: &model::Ring) -> Self {
        Self {
            name: config.name.clone(),
            description: config.description.clone(),
            format: config.format,
            max_len: config.max_len,
            size: config.size,
            kept: Mutex::default(),
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
            let Some(oldest) = kept.lines.pop_front() else { break };
            kept.bytes -= oldest.len() + OVERHEAD;
        }
        drop(kept);
        self.news.notify_waiters();
    }

    /// Lines that did not fit.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// The number of the next line.
    pub fn end(&self) -> u64 {
        lock(&self.kept).next
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
            name: ALWAYS.to_owned(),
            description: "in-memory ring buffer".to_owned(),
            format: LogWire::Timed,
            max_len: 65_536,
            size: ALWAYS_SIZE,
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
        let config = model::Ring {
            name: "r".into(),
            description: "r".into(),
            format: LogWire::Raw,
            max_len: 8,
            size: 3 * (OVERHEAD + 4),
        };
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
        let small = model::Ring {
            size: 1,
            ..model::Ring { name: "s".into(), description: String::new(), format: LogWire::Raw, max_len: 9, size: 1 }
        };
        let rings = Rings::new(&[small]);
        let ring = rings.find("s").unwrap();
        ring.push(b"x");
        assert_eq!((ring.end(), ring.dropped()), (0, 1));
        assert!(rings.find(ALWAYS).is_some() && rings.iter().count() == 2);
    }
}
