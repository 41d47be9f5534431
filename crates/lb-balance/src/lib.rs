//! Picks a server: round robin, static round robin, least connections, first, random, map-based
//! hash and consistent hash.
//!
//! A [`Balancer`] knows servers by their position in the list it was made from. It learns of their
//! state through [`Balancer::update`] and asks for load and fullness while picking. It knows
//! nothing of connections, queues, persistence or keys' origin, and reads neither clock nor random
//! source: its seed is an argument.

mod first;
pub mod hash;
mod heap;
mod leastconn;
mod map;
mod random;
mod ring;
mod rng;
mod roundrobin;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use first::First;
use leastconn::LeastConn;
use map::Map;
use random::Random;
use ring::Ring;
use roundrobin::RoundRobin;

/// What the balancer knows of a server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerView {
    /// The server's numeric identifier: orders `first` and places the server on the hash ring.
    pub id: u32,
    /// The effective weight, 0 to 256. A server of weight 0 gets no sessions from here.
    pub weight: u32,
    /// Whether the server is up and not in maintenance.
    pub usable: bool,
    /// Whether the server serves only while no main server can.
    pub backup: bool,
}

/// The `balance` algorithms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Algorithm {
    /// Servers in turns by weight; weights may change at any time.
    RoundRobin,
    /// Servers in turns by weight, from a table that ignores changes between non-zero weights.
    StaticRr,
    /// The server with the fewest sessions for its weight, in turns among equals.
    LeastConn,
    /// The lowest identifier with a free slot.
    First,
    /// The least loaded of some servers drawn at random by weight.
    Random {
        /// How many servers are drawn, at least one.
        draws: u32,
    },
    /// The key's remainder selects from a table in which each server stands as often as it weighs.
    MapHash,
    /// The key's successor on a ring of points, of which each server has some per unit of weight.
    ConsistentHash,
}

/// The outcome of [`Balancer::pick`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// The server at this position. The hashing algorithms may name a full one when a key is
    /// given: affinity is preserved and the session waits in that server's queue.
    Server(usize),
    /// There are usable servers and every one is full: the session waits in the backend's queue.
    AllFull,
    /// No server is usable.
    None,
}

/// One backend's choice of servers.
#[derive(Debug)]
pub struct Balancer {
    servers: Vec<ServerView>,
    all_backups: bool,
    usable_mains: usize,
    /// Backup servers able to serve, in the order of the list.
    backups: BTreeSet<usize>,
    picker: Picker,
}

#[derive(Debug)]
enum Picker {
    RoundRobin(RoundRobin),
    StaticRr(Map),
    LeastConn(LeastConn),
    First(First),
    Random(Random),
    MapHash(Map),
    Ring { ring: Ring, keyless: RoundRobin },
}

impl Balancer {
    /// A balancer over `servers`. With `allbackups` all backup servers share the load once no main
    /// server is left, otherwise the first usable one takes it. `seed` drives `random`.
    pub fn new(algorithm: &Algorithm, servers: &[ServerView], allbackups: bool, seed: u64) -> Self {
        let n = servers.len();
        let picker = match algorithm {
            Algorithm::RoundRobin => Picker::RoundRobin(RoundRobin::new(n)),
            Algorithm::StaticRr => Picker::StaticRr(Map::new(n)),
            Algorithm::LeastConn => Picker::LeastConn(LeastConn::new(n)),
            Algorithm::First => Picker::First(First::default()),
            Algorithm::Random { draws } => Picker::Random(Random::new(n, *draws, seed)),
            Algorithm::MapHash => Picker::MapHash(Map::new(n)),
            Algorithm::ConsistentHash => Picker::Ring { ring: Ring::new(n), keyless: RoundRobin::new(n) },
        };
        let mut balancer = Self {
            servers: vec![ServerView::default(); n],
            all_backups: allbackups,
            usable_mains: 0,
            backups: BTreeSet::new(),
            picker,
        };
        for (index, view) in servers.iter().enumerate() {
            balancer.update(index, view.clone());
        }
        balancer.restart_turns();
        balancer
    }

    /// Takes note of a server's state. A position past the end of the list adds servers: those in
    /// between start unusable.
    pub fn update(&mut self, index: usize, view: ServerView) {
        if index >= self.servers.len() {
            self.servers.resize(index + 1, ServerView::default());
        }
        let Some(slot) = self.servers.get_mut(index) else { return };
        if *slot == view {
            return;
        }
        let old = std::mem::replace(slot, view.clone());
        if old.backup != view.backup || old.id != view.id {
            // The server leaves its old role or place entirely before it takes up the other.
            self.place(index, &ServerView { usable: false, ..old.clone() }, can_serve(&old));
            self.place(index, &view, false);
        } else {
            self.place(index, &view, can_serve(&old));
        }
    }

    /// Picks a server for one session.
    ///
    /// `load` tells a server's sessions, established and queued; `full` whether it is at its
    /// maximum. Without `key` the hashing algorithms take servers in turns. `avoid` is not picked
    /// when another server can be.
    pub fn pick(
        &mut self,
        load: impl Fn(usize) -> u32,
        full: impl Fn(usize) -> bool,
        key: Option<u64>,
        avoid: Option<usize>,
    ) -> Pick {
        let picked = match (&mut self.picker, key) {
            (Picker::MapHash(map), Some(key)) => map.pick_key(key, avoid),
            (Picker::Ring { ring, .. }, Some(key)) => ring.pick(key, avoid),
            _ => self.pick_keyless(&load, |s| full(s) || avoid == Some(s)),
        };
        // The avoided server is better than none.
        let picked = picked.or_else(|| {
            let avoided = avoid?;
            match (&mut self.picker, key) {
                (Picker::MapHash(map), Some(key)) => map.pick_key(key, None),
                (Picker::Ring { ring, .. }, Some(key)) => ring.pick(key, None),
                _ => self.pick_keyless(&load, |s| s != avoided || full(s)),
            }
        });
        match picked {
            Some(index) => Pick::Server(index),
            None if self.usable_mains > 0 || !self.backups.is_empty() => Pick::AllFull,
            None => Pick::None,
        }
    }

    fn pick_keyless(&mut self, load: &impl Fn(usize) -> u32, skip: impl Fn(usize) -> bool) -> Option<usize> {
        match &mut self.picker {
            Picker::RoundRobin(p) | Picker::Ring { keyless: p, .. } => p.pick(skip),
            Picker::StaticRr(p) | Picker::MapHash(p) => p.pick_next(skip),
            Picker::LeastConn(p) => p.pick(load, skip),
            Picker::First(p) => p.pick(skip),
            Picker::Random(p) => p.pick(load, skip),
        }
    }

    /// Moves one server in or out of service, and the backup servers with it when it is the first
    /// or the last main one.
    fn place(&mut self, index: usize, view: &ServerView, served: bool) {
        let serves = can_serve(view);
        let weight = if serves { view.weight } else { 0 };
        if view.backup {
            let before = self.first_backup();
            if serves {
                self.backups.insert(index);
            } else {
                self.backups.remove(&index);
            }
            if self.usable_mains > 0 {
                return;
            }
            if self.all_backups {
                self.set(index, weight, view.id);
                return;
            }
            let after = self.first_backup();
            if before != after
                && let Some(before) = before
            {
                let id = self.servers.get(before).map_or(view.id, |s| s.id);
                self.set(before, 0, id);
            }
            if let Some(after) = after {
                self.enable(after);
            }
            return;
        }
        let mains_before = self.usable_mains;
        self.usable_mains = mains_before + usize::from(serves) - usize::from(served);
        if mains_before == 0 && self.usable_mains > 0 {
            self.each_active_backup(|this, b| {
                let id = this.servers.get(b).map_or(0, |s| s.id);
                this.set(b, 0, id);
            });
        }
        self.set(index, weight, view.id);
        if mains_before > 0 && self.usable_mains == 0 {
            self.each_active_backup(Self::enable);
            self.restart_turns();
        }
    }

    fn first_backup(&self) -> Option<usize> {
        self.backups.first().copied()
    }

    fn each_active_backup(&mut self, act: impl Fn(&mut Self, usize)) {
        let count = if self.all_backups { self.backups.len() } else { 1 };
        let active: Vec<usize> = self.backups.iter().take(count).copied().collect();
        for index in active {
            act(self, index);
        }
    }

    fn restart_turns(&mut self) {
        if let Picker::RoundRobin(p) | Picker::Ring { keyless: p, .. } = &mut self.picker {
            p.restart();
        }
    }

    fn enable(&mut self, index: usize) {
        if let Some(view) = self.servers.get(index) {
            let (weight, id) = (view.weight, view.id);
            self.set(index, weight, id);
        }
    }

    fn set(&mut self, index: usize, weight: u32, id: u32) {
        match &mut self.picker {
            Picker::RoundRobin(p) => p.set(index, weight),
            Picker::StaticRr(p) | Picker::MapHash(p) => p.set(index, weight),
            Picker::LeastConn(p) => p.set(index, weight),
            Picker::First(p) => p.set(index, id, weight > 0),
            Picker::Random(p) => p.set(index, weight),
            Picker::Ring { ring, keyless } => {
                ring.set(index, id, weight);
                keyless.set(index, weight);
            }
        }
    }
}

fn can_serve(view: &ServerView) -> bool {
    view.usable && view.weight > 0
}
