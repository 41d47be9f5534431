//! `roundrobin`: each server has the position in the sequence of picks where it is due next.
//!
//! A pick advances a server's position by the total weight over its own, an integer and a remainder
//! that is carried. The server due first is picked; at one position the one whose remainder leaves
//! most to its weight, then the one that waits longest. Servers not picked since the start
//! come by falling weight, each at the first position where nobody else is due. The rules were found
//! by comparing with sequences of a running HAProxy.

use std::cmp::Reverse;
use std::collections::BTreeSet;

/// The order of servers.
#[derive(Debug, Default)]
pub(crate) struct RoundRobin {
    servers: Vec<Server>,
    total: u64,
    /// How many picks were made.
    now: u64,
    /// Whether a pick was made: servers set before it belong to the start.
    started: bool,
    /// Heaviest first, then by index.
    waiting: BTreeSet<(Reverse<u32>, usize)>,
    due: BTreeSet<Due>,
    sequence: u64,
}

#[derive(Debug, Clone, Default)]
struct Server {
    weight: u32,
    place: Place,
}

#[derive(Debug, Clone, Copy, Default)]
enum Place {
    #[default]
    Out,
    Waiting,
    Due(Due),
}

/// The field order is the order of picks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    position: u64,
    /// Remainder minus weight.
    slack: i64,
    sequence: u64,
    index: usize,
}

impl RoundRobin {
    /// Sets a weight; 0 removes the server. A server that comes or changes starts a whole interval
    /// from where the sequence is.
    pub(crate) fn set(&mut self, index: usize, weight: u32) {
        if self.servers.len() <= index {
            self.servers.resize(index + 1, Server::default());
        }
        let Some(server) = self.servers.get_mut(index) else { return };
        match server.place {
            Place::Out => {}
            Place::Waiting => drop(self.waiting.remove(&(Reverse(server.weight), index))),
            Place::Due(due) => drop(self.due.remove(&due)),
        }
        self.total = self.total - u64::from(server.weight) + u64::from(weight);
        server.weight = weight;
        server.place = Place::Out;
        if weight == 0 {
            return;
        }
        if self.started {
            self.schedule(index, self.now, 0, true);
        } else {
            self.waiting.insert((Reverse(weight), index));
            server.place = Place::Waiting;
        }
    }

    /// Picks the next server that `free` allows.
    pub(crate) fn pick(&mut self, free: &dyn Fn(usize) -> bool) -> Option<usize> {
        let next_waiting = self.waiting.iter().find(|(_, index)| free(*index)).copied();
        let next_due = self.due.iter().find(|due| free(due.index)).copied();
        let chosen = match (next_due, next_waiting) {
            (Some(due), None) => due,
            (Some(due), Some(_)) if due.position <= self.now => due,
            (_, Some(waiting)) => {
                self.waiting.remove(&waiting);
                self.schedule(waiting.1, self.now, 0, false);
                return self.picked(waiting.1);
            }
            (None, None) => return None,
        };
        self.due.remove(&chosen);
        let weight = self.servers.get(chosen.index).map_or(1, |s| i64::from(s.weight));
        // The slack is remainder minus weight, so this is the remainder again.
        let remainder = u64::try_from(chosen.slack + weight).unwrap_or(0);
        self.schedule(chosen.index, chosen.position, remainder, false);
        self.picked(chosen.index)
    }

    fn picked(&mut self, index: usize) -> Option<usize> {
        self.started = true;
        self.now += 1;
        Some(index)
    }

    /// Puts a server one interval behind `from`.
    fn schedule(&mut self, index: usize, from: u64, remainder: u64, afresh: bool) {
        let Some(server) = self.servers.get_mut(index) else { return };
        let weight = u64::from(server.weight).max(1);
        let (mut position, mut remainder) = (from + self.total / weight, remainder + self.total % weight);
        if afresh {
            remainder = 0;
        }
        // At most one whole step can be carried: both parts are below the weight.
        if remainder >= weight {
            remainder -= weight;
            position += 1;
        }
        self.sequence += 1;
        let slack = remainder as i64 - i64::from(server.weight);
        let due = Due { position, slack, sequence: self.sequence, index };
        server.place = Place::Due(due);
        self.due.insert(due);
    }
}
