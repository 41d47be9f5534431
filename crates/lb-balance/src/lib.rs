//! Picks a server.
//!
//! A [`Balancer`] is told about its servers, then asked to pick one for each connection. It knows
//! weights, states and hashes; it does not know connections, queues or clocks: loads come from the
//! caller, randomness from a seed. The same calls give the same picks.
//!
//! ```
//! use lb_balance::{Algorithm, Balancer, Request, ServerView, node};
//!
//! let up = |id, weight| ServerView { id, node: node::of_id(id), weight, usable: true, backup: false };
//! let mut balancer = Balancer::new(Algorithm::RoundRobin, &[up(1, 1), up(2, 2)], false, 0);
//! let picks: Vec<_> = (0..6).map(|_| balancer.pick(&Request::default(), |_| 0, |_| false)).collect();
//! assert_eq!(picks, [1, 1, 0, 1, 1, 0].map(Some));
//! ```

mod consistent;
mod first;
pub mod key;
mod least_conn;
mod map;
pub mod node;
mod random;
mod round_robin;

use consistent::Ring;
use first::First;
use least_conn::LeastConn;
use map::Map;
use random::Random;
use round_robin::RoundRobin;

/// What the balancer must know of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerView {
    /// Numeric id: orders `first`.
    pub id: u32,
    /// What its places on the hash ring begin with, see [`node`].
    pub node: u32,
    /// Effective weight, 0 to 256; 0 takes no new connections.
    pub weight: u32,
    /// Up and neither drained nor in maintenance.
    pub usable: bool,
    /// `backup`.
    pub backup: bool,
}

/// How servers are picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// `roundrobin`: in turns by weight, weights may change at any time.
    RoundRobin,
    /// `static-rr`: in turns by weight, from a map computed once.
    StaticRr,
    /// `leastconn`: the fewest connections for its weight.
    LeastConn,
    /// `first`: the lowest id that has a free connection slot.
    First,
    /// `random`: the least loaded of so many drawn by weight.
    Random {
        /// How many are drawn, at least 1.
        draws: u32,
    },
    /// `hash-type map-based`: the hash modulo the total weight.
    MapHash,
    /// `hash-type consistent`: the nearest point on a ring.
    ConsistentHash,
}

/// What a pick depends on beside the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Request {
    /// The key's hash (see [`key`]). Without one the hashing algorithms pick in turns.
    pub hash: Option<u32>,
    /// A server to leave out, because it just failed. It is picked all the same when it is the only one.
    pub avoid: Option<usize>,
}

/// Picks servers of one backend, by their index.
#[derive(Debug)]
pub struct Balancer {
    servers: Vec<ServerView>,
    all_backups: bool,
    /// Weights in force: 0 for what is not eligible, be it for its state or for being a backup.
    weights: Vec<u32>,
    /// Whether the eligible servers are backups.
    on_backup: bool,
    picker: Picker,
}

#[derive(Debug)]
enum Picker {
    RoundRobin(RoundRobin),
    LeastConn(LeastConn),
    First(First),
    Random(Random),
    Map { map: Map, hashed: bool },
    Ring { ring: Ring, turns: RoundRobin },
}

impl Balancer {
    /// A balancer for these servers. `all_backups` is `option allbackups`; the seed only matters to
    /// [`Algorithm::Random`].
    pub fn new(algorithm: Algorithm, servers: &[ServerView], all_backups: bool, seed: u64) -> Self {
        let picker = match algorithm {
            Algorithm::RoundRobin => Picker::RoundRobin(RoundRobin::default()),
            Algorithm::StaticRr => Picker::Map { map: Map::default(), hashed: false },
            Algorithm::LeastConn => Picker::LeastConn(LeastConn::default()),
            Algorithm::First => Picker::First(First::default()),
            Algorithm::Random { draws } => Picker::Random(Random::new(draws, seed)),
            Algorithm::MapHash => Picker::Map { map: Map::default(), hashed: true },
            Algorithm::ConsistentHash => Picker::Ring { ring: Ring::default(), turns: RoundRobin::default() },
        };
        let mut balancer =
            Self { servers: servers.to_vec(), all_backups, weights: Vec::new(), on_backup: false, picker };
        balancer.refresh();
        balancer
    }

    /// Records a server's new state or weight. An index one past the last adds a server.
    pub fn update(&mut self, index: usize, view: ServerView) {
        match self.servers.get_mut(index) {
            Some(server) => *server = view,
            None => self.servers.push(view),
        }
        self.refresh();
    }

    /// Picks a server for a new connection.
    ///
    /// `load` gives a server's connections, queued ones included; `full` says that it cannot take
    /// another one. `None`: no server is eligible, or all that the algorithm may choose are full and
    /// the connection belongs into the backend's queue. Hashing does not look at `full`: a key stays with its
    /// server and waits in that server's queue.
    pub fn pick(
        &mut self,
        request: &Request,
        load: impl Fn(usize) -> u32,
        full: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        self.pick_without(request.avoid, request.hash, &load, &full)
            .or_else(|| request.avoid.and_then(|_| self.pick_without(None, request.hash, &load, &full)))
    }

    fn pick_without(
        &mut self,
        avoid: Option<usize>,
        hash: Option<u32>,
        load: &dyn Fn(usize) -> u32,
        full: &dyn Fn(usize) -> bool,
    ) -> Option<usize> {
        let allowed = |index: usize| Some(index) != avoid;
        let free = |index: usize| allowed(index) && !full(index);
        match &mut self.picker {
            Picker::RoundRobin(turns) => turns.pick(&free),
            Picker::LeastConn(order) => order.pick(load, &free),
            Picker::First(order) => order.pick(&free),
            Picker::Random(random) => random.pick(load, &free),
            Picker::Map { map, hashed } => match hash {
                Some(hash) if *hashed => map.at(hash, &allowed),
                _ => map.next(&free),
            },
            Picker::Ring { ring, turns } => match hash {
                Some(hash) => ring.nearest(hash, &allowed),
                None => turns.pick(&free),
            },
        }
    }

    /// Records a server's connections, which may have changed other than by a pick: some ended, or came by
    /// persistence. `leastconn` orders its servers by this; the others need no notice.
    pub fn load_changed(&mut self, index: usize, load: u32) {
        if let Picker::LeastConn(order) = &mut self.picker {
            order.note_load(index, load);
        }
    }

    /// Whether [`load_changed`](Self::load_changed) has an effect, so that callers may skip it.
    pub fn wants_loads(&self) -> bool {
        matches!(self.picker, Picker::LeastConn(_))
    }

    /// Whether a server may be picked.
    pub fn is_eligible(&self, index: usize) -> bool {
        self.weights.get(index).is_some_and(|w| *w > 0)
    }

    /// The sum of the eligible servers' weights.
    pub fn total_weight(&self) -> u32 {
        self.weights.iter().sum()
    }

    /// Whether only backup servers are left.
    pub fn is_on_backup(&self) -> bool {
        self.on_backup
    }

    /// Brings the weights in force up to date: backups count only when no other server is usable,
    /// the first of them alone unless all may serve.
    fn refresh(&mut self) {
        let eligible = |s: &ServerView, backup: bool| s.usable && s.weight > 0 && s.backup == backup;
        let has_active = self.servers.iter().any(|s| eligible(s, false));
        let mut weights: Vec<u32> =
            self.servers.iter().map(|s| if eligible(s, !has_active) { s.weight } else { 0 }).collect();
        if !has_active && !self.all_backups {
            weights.iter_mut().filter(|w| **w > 0).skip(1).for_each(|w| *w = 0);
        }
        self.on_backup = !has_active && weights.iter().any(|w| *w > 0);
        let old = std::mem::replace(&mut self.weights, weights);
        let changed = (0..self.weights.len().max(old.len()))
            .map(|i| (i, old.get(i).copied().unwrap_or(0), self.weights.get(i).copied().unwrap_or(0)))
            .filter(|(_, before, after)| before != after);
        match &mut self.picker {
            Picker::RoundRobin(turns) => changed.for_each(|(i, _, weight)| turns.set(i, weight)),
            Picker::LeastConn(order) => changed.for_each(|(i, _, weight)| order.set_weight(i, weight)),
            Picker::First(order) => order.rebuild(&self.servers, &self.weights),
            Picker::Random(random) => random.rebuild(&self.weights),
            Picker::Map { map, .. } => map.rebuild(&self.weights),
            Picker::Ring { ring, turns } => {
                changed.for_each(|(i, _, weight)| turns.set(i, weight));
                ring.rebuild(&self.servers, &self.weights);
            }
        }
    }
}
