//! `balance roundrobin`: servers in turns by weight, any of which may change at any time.

use crate::heap::Heap;

/// Time is counted in picks. A round has as many picks as the servers weigh together, in which a
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
/// A due server of `current` goes first, the earliest due and then the heaviest; then those of
/// `fresh`, the heaviest first; then servers that are not due yet.
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
type Rank = (u32, u64);
/// The pick from which a server is due, then its rank.
type Due = (u64, Rank);

#[derive(Debug, Clone, Copy, Default)]
struct Turn {
    weight: u32,
    /// What division by the weight left over of the distance to the next turn, in `1 / weight` picks.
    remainder: u64,
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

    pub(crate) fn set(&mut self, index: usize, weight: u32) {
        if index >= self.servers.len() {
            self.servers.resize(index + 1, Turn::default());
        }
        let old = std::mem::replace(&mut self.servers[index], Turn { weight, remainder: 0 });
        self.total = self.total + u64::from(weight) - u64::from(old.weight);
        let due = self.current.remove(index);
        let was_done = self.done.remove(index).is_some();
        self.fresh.remove(index);
        if weight == 0 {
            return;
        }
        let rank = self.rank(weight);
        match due {
            Some((at, _)) => self.current.set(index, (at, rank)),
            None if was_done => self.done.set(index, rank),
            None => self.fresh.set(index, rank),
        }
    }

    pub(crate) fn pick(&mut self, skip: impl Fn(usize) -> bool) -> Option<usize> {
        let picked = self.pick_in_round(&skip).or_else(|| {
            self.restore();
            self.end_round();
            self.pick_in_round(&skip)
        });
        self.restore();
        if let Some(index) = picked {
            self.requeue(index);
        }
        picked
    }

    /// Takes the server whose turn it is out of its heap.
    fn pick_in_round(&mut self, skip: &impl Fn(usize) -> bool) -> Option<usize> {
        while let Some(((at, _), index)) = self.current.peek()
            && at <= self.now
        {
            let key = self.current.remove(index)?;
            if !skip(index) {
                return Some(index);
            }
            self.passed_over.push((index, Passed::Current(key)));
        }
        while let Some((key, index)) = self.fresh.pop() {
            if !skip(index) {
                return Some(index);
            }
            self.passed_over.push((index, Passed::Fresh(key)));
        }
        while let Some((key, index)) = self.current.pop() {
            if !skip(index) {
                return Some(index);
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

    fn requeue(&mut self, index: usize) {
        let Turn { weight, remainder } = self.servers[index];
        let weight = u64::from(weight.max(1));
        let distance = self.total + remainder;
        self.servers[index].remainder = distance % weight;
        let at = self.now + distance / weight;
        let rank = self.rank(self.servers[index].weight);
        self.now += 1;
        if at >= self.total {
            self.servers[index].remainder = 0;
            self.done.set(index, rank);
        } else {
            self.current.set(index, (at, rank));
        }
    }

    /// Starts a round with every server fresh. Those left over from the last one were full.
    fn end_round(&mut self) {
        while let Some(((_, rank), index)) = self.current.pop() {
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
        (u32::MAX - weight, self.queued)
    }
}
