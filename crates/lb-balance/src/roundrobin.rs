//! `balance roundrobin`: servers in turns by weight, any of which may change at any time.

use std::cmp::Reverse;

use crate::heap::Heap;

/// Weights are refined by this factor, which makes a round as many times longer.
const SCALE: u32 = 16;

/// Time is counted in picks. A round has as many picks as the refined weights together, in which a
/// server of weight `w` is due every `total / w` picks:
///
/// ```text
///            picked, next turn in this round
///   fresh ────────────────────────────────────► current ─┐ picked, next turn
///     ▲ │                                          ▲     │ in this round
///     │ │ picked, next turn past the round's end   └─────┤
///     │ └─────────────────────► done ◄───────────────────┘ picked, past the end
///     └────────────────────────── the round ends ──┘
/// ```
///
/// A due server of `current` goes first, the earliest due; then those of `fresh`, the heaviest
/// first; then servers that are not due yet. A server that comes back, or whose weight changes, is
/// due after one distance. This gives a running HAProxy's order for fixed weights and after a single
/// change. After several changes close together the order can differ for a round.
#[derive(Debug)]
pub(crate) struct RoundRobin {
    servers: Vec<Turn>,
    total: u64,
    /// Picks made in this round.
    now: u64,
    current: Heap<Due>,
    fresh: Heap<Rank>,
    done: Heap<Rank>,
    /// Counts queuings, so that equals keep the order in which they were queued.
    queued: u64,
    passed_over: Vec<(usize, Passed)>,
}

/// The heaviest first, then the longest waiting.
type Rank = (Reverse<u32>, u64);
/// The pick from which a server is due, then the most slack, then the longest waiting.
type Due = (u64, Reverse<u64>, u64);

#[derive(Debug, Clone, Copy, Default)]
struct Turn {
    /// The refined weight.
    weight: u32,
    /// In `1 / weight` picks: what is left of the pick before rounding down the distances makes
    /// the server one pick late. Starts just below a whole pick.
    slack: u64,
}

/// Where a server that could not be picked goes back to.
#[derive(Debug, Clone, Copy)]
enum Passed {
    Current(Due),
    Fresh(Rank),
}

impl RoundRobin {
    pub(crate) fn new(servers: usize) -> Self {
        Self {
            servers: vec![Turn::default(); servers],
            total: 0,
            now: 0,
            current: Heap::new(servers),
            fresh: Heap::new(servers),
            done: Heap::new(servers),
            queued: 0,
            passed_over: Vec::with_capacity(servers),
        }
    }

    /// Starts over with every server fresh, in the order of the list.
    pub(crate) fn restart(&mut self) {
        self.now = 0;
        for index in 0..self.servers.len() {
            let weight = self.servers[index].weight;
            if weight > 0 {
                self.current.remove(index);
                self.done.remove(index);
                let rank = self.rank(weight);
                self.fresh.set(index, rank);
            }
        }
    }

    pub(crate) fn set(&mut self, index: usize, weight: u32) {
        let weight = weight * SCALE;
        if index >= self.servers.len() {
            self.servers.resize(index + 1, Turn::default());
        }
        let old = std::mem::replace(&mut self.servers[index], Turn { weight, slack: full_slack(weight) });
        let was_fresh = self.fresh.remove(index).is_some();
        self.current.remove(index);
        self.done.remove(index);
        let before = self.total;
        self.total = before + u64::from(weight) - u64::from(old.weight);
        if weight == 0 {
            return;
        }
        let rank = self.rank(weight);
        if was_fresh {
            self.fresh.set(index, rank);
            return;
        }
        // A server that comes back is placed among the others as they were without it.
        let distance = match old.weight {
            0 => before.div_ceil(u64::from(weight)),
            _ => self.total / u64::from(weight),
        };
        self.current.set(index, (self.now + distance, Reverse(full_slack(weight)), rank.1));
    }

    pub(crate) fn pick(&mut self, skip: impl Fn(usize) -> bool) -> Option<usize> {
        let picked = self.pick_in_round(&skip).or_else(|| {
            self.restore();
            self.end_round();
            self.pick_in_round(&skip)
        });
        self.restore();
        let (index, from) = picked?;
        self.requeue(index, from);
        Some(index)
    }

    /// Takes the server whose turn it is out of its heap.
    fn pick_in_round(&mut self, skip: &impl Fn(usize) -> bool) -> Option<(usize, u64)> {
        while let Some(((at, ..), index)) = self.current.peek()
            && at <= self.now
        {
            let key = self.current.remove(index)?;
            if !skip(index) {
                return Some((index, at));
            }
            self.passed_over.push((index, Passed::Current(key)));
        }
        while let Some((key, index)) = self.fresh.pop() {
            if !skip(index) {
                self.servers[index].slack = full_slack(self.servers[index].weight);
                return Some((index, self.now));
            }
            self.passed_over.push((index, Passed::Fresh(key)));
        }
        while let Some((key, index)) = self.current.pop() {
            if !skip(index) {
                return Some((index, key.0));
            }
            self.passed_over.push((index, Passed::Current(key)));
        }
        None
    }

    fn restore(&mut self) {
        while let Some((index, place)) = self.passed_over.pop() {
            match place {
                Passed::Current(key) => self.current.set(index, key),
                Passed::Fresh(key) => self.fresh.set(index, key),
            }
        }
    }

    fn requeue(&mut self, index: usize, from: u64) {
        let turn = &mut self.servers[index];
        let weight = u64::from(turn.weight.max(1));
        let mut at = from + self.total / weight;
        let lost = self.total % weight;
        if lost > turn.slack {
            turn.slack += weight;
            at += 1;
        }
        turn.slack -= lost;
        self.now += 1;
        self.enqueue(index, at);
    }

    fn enqueue(&mut self, index: usize, at: u64) {
        let Turn { weight, slack } = self.servers[index];
        let rank = self.rank(weight);
        if at >= self.total {
            self.done.set(index, rank);
        } else {
            self.current.set(index, (at, Reverse(slack), rank.1));
        }
    }

    /// Starts a round with every server fresh. Those left over from the last one were full.
    fn end_round(&mut self) {
        while let Some((_, index)) = self.current.pop() {
            let rank = self.rank(self.servers[index].weight);
            self.done.set(index, rank);
        }
        while let Some((rank, index)) = self.fresh.pop() {
            self.done.set(index, rank);
        }
        std::mem::swap(&mut self.fresh, &mut self.done);
        self.now = 0;
    }

    fn rank(&mut self, weight: u32) -> Rank {
        self.queued += 1;
        (Reverse(weight), self.queued)
    }
}

fn full_slack(weight: u32) -> u64 {
    u64::from(weight.saturating_sub(1))
}
