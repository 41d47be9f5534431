//! `balance leastconn`: the fewest sessions for the weight, in turns among equals.

use crate::heap::Heap;

/// Servers whose load is asked again at each pick, beside the one at the top. Up to this many
/// servers the choice is exact; beyond, a server's falling load is noticed within
/// `servers / REFRESHED` picks, and a risen one always.
const REFRESHED: usize = 64;

/// Precision of sessions per weight.
const SCALE: u64 = 1 << 16;

/// A heap of servers by the load last seen, then by the time they got it.
#[derive(Debug)]
pub(crate) struct LeastConn {
    heap: Heap<(u64, u64)>,
    weights: Vec<u32>,
    turn: u64,
    cursor: usize,
    passed_over: Vec<((u64, u64), usize)>,
}

impl LeastConn {
    pub(crate) fn new(servers: usize) -> Self {
        Self {
            heap: Heap::new(servers),
            weights: vec![0; servers],
            turn: 0,
            cursor: 0,
            passed_over: Vec::with_capacity(servers),
        }
    }

    pub(crate) fn set(&mut self, index: usize, weight: u32) {
        if index >= self.weights.len() {
            self.weights.resize(index + 1, 0);
        }
        self.weights[index] = weight;
        if weight == 0 {
            self.heap.remove(index);
        } else {
            // Its load is asked when it reaches the top.
            let turn = self.next_turn();
            let load = self.heap.key(index).map_or(0, |(load, _)| load);
            self.heap.set(index, (load, turn));
        }
    }

    pub(crate) fn pick(&mut self, load: impl Fn(usize) -> u32, skip: impl Fn(usize) -> bool) -> Option<usize> {
        for _ in 0..REFRESHED.min(self.weights.len()) {
            self.cursor = (self.cursor + 1) % self.weights.len();
            self.refresh(self.cursor, &load);
        }
        let mut picked = None;
        while let Some((_, index)) = self.heap.peek() {
            if self.refresh(index, &load) {
                continue;
            }
            if !skip(index) {
                picked = Some(index);
                break;
            }
            if let Some((key, _)) = self.heap.pop() {
                self.passed_over.push((key, index));
            }
        }
        while let Some((key, index)) = self.passed_over.pop() {
            self.heap.set(index, key);
        }
        if let Some(index) = picked
            && let Some((load, _)) = self.heap.key(index)
        {
            let turn = self.next_turn();
            self.heap.set(index, (load, turn));
        }
        picked
    }

    /// Moves a server whose load differs from the load last seen; whether it did.
    fn refresh(&mut self, index: usize, load: impl Fn(usize) -> u32) -> bool {
        let Some((seen, turn)) = self.heap.key(index) else { return false };
        // Idle servers are equals whatever they weigh; a busy one counts the session it would get.
        let now = match load(index) {
            0 => 0,
            sessions => (u64::from(sessions) + 1) * SCALE / u64::from(self.weights[index].max(1)),
        };
        if now != seen {
            self.heap.set(index, (now, turn));
        }
        now != seen
    }

    fn next_turn(&mut self) -> u64 {
        self.turn += 1;
        self.turn
    }
}
