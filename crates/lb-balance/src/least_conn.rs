//! `leastconn`: the server with the fewest connections for its weight, in turns among equals.

use std::cmp::Ordering;
use std::collections::BTreeSet;

/// Servers ordered by load.
#[derive(Debug, Default)]
pub(crate) struct LeastConn {
    servers: Vec<Option<Entry>>,
    order: BTreeSet<Entry>,
    sequence: u64,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    load: u32,
    weight: u32,
    /// When it was queued: equals are served in turns.
    sequence: u64,
    index: usize,
}

impl Entry {
    /// The load after one more connection, per weight; nothing for an idle server, whatever its weight.
    fn ahead(&self) -> u64 {
        if self.load == 0 { 0 } else { u64::from(self.load) + 1 }
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        // a/b against c/d without dividing.
        let (left, right) =
            (self.ahead() * u64::from(other.weight.max(1)), other.ahead() * u64::from(self.weight.max(1)));
        left.cmp(&right).then(self.sequence.cmp(&other.sequence)).then(self.index.cmp(&other.index))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

impl LeastConn {
    /// Sets a weight; 0 removes the server.
    pub(crate) fn set_weight(&mut self, index: usize, weight: u32) {
        let load = self.take(index).map_or(0, |entry| entry.load);
        if weight > 0 {
            self.put(index, load, weight);
        }
    }

    /// Sets a server's connections, which queues it behind its equals.
    pub(crate) fn set_load(&mut self, index: usize, load: u32) {
        if let Some(entry) = self.take(index) {
            self.put(index, load, entry.weight);
        }
    }

    /// Like [`set_load`](Self::set_load), for a server whose connections may not have changed at all: then it keeps its
    /// place.
    pub(crate) fn note_load(&mut self, index: usize, load: u32) {
        if self.servers.get(index).copied().flatten().is_some_and(|entry| entry.load != load) {
            self.set_load(index, load);
        }
    }

    /// Picks the least loaded server that `free` allows, and counts the connection it will get.
    pub(crate) fn pick(&mut self, load: &dyn Fn(usize) -> u32, free: &dyn Fn(usize) -> bool) -> Option<usize> {
        // Loads may have moved without notice. Each round corrects one server, so this many are enough.
        for _ in 0..self.order.len() {
            let best = self.order.iter().find(|entry| free(entry.index)).copied()?;
            let actual = load(best.index);
            if actual <= best.load {
                self.set_load(best.index, actual.saturating_add(1));
                return Some(best.index);
            }
            self.set_load(best.index, actual);
        }
        self.order.iter().map(|entry| entry.index).find(|index| free(*index))
    }

    fn take(&mut self, index: usize) -> Option<Entry> {
        let entry = self.servers.get_mut(index)?.take()?;
        self.order.remove(&entry);
        Some(entry)
    }

    fn put(&mut self, index: usize, load: u32, weight: u32) {
        if self.servers.len() <= index {
            self.servers.resize(index + 1, None);
        }
        self.sequence += 1;
        let entry = Entry { load, weight, sequence: self.sequence, index };
        if let Some(place) = self.servers.get_mut(index) {
            *place = Some(entry);
            self.order.insert(entry);
        }
    }
}
