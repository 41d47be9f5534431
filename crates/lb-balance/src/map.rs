//! A map of as many slots as the total weight, for `static-rr` and for map-based hashing.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

/// The servers in the order of slots. The order repeats with the total over the weights' common
/// divisor, so only so many slots are kept: a hash modulo either finds the same server.
#[derive(Debug, Default)]
pub(crate) struct Map {
    slots: Vec<usize>,
    /// The slot of the next turn; one past the end starts again.
    position: usize,
}

impl Map {
    /// Fills the slots: in each round every server's credit grows by its weight, and the first of
    /// those with most whole credits (multiples of the total) takes the slot and pays one. Seen on a
    /// running HAProxy.
    pub(crate) fn rebuild(&mut self, weights: &[u32]) {
        self.slots.clear();
        let divisor = weights.iter().fold(0, |a, b| common_divisor(a, u64::from(*b))).max(1);
        let weights: Vec<u64> = weights.iter().map(|w| u64::from(*w) / divisor).collect();
        let total: u64 = weights.iter().sum();
        // A server has m whole credits more from round ceil(m * total / weight) on.
        let gains_at = |index: usize, m: u64| (m * total).div_ceil(weights.get(index).copied().unwrap_or(1));
        let eligible = || weights.iter().enumerate().filter(|(_, w)| **w > 0).map(|(index, _)| index);
        let mut gains: BinaryHeap<Reverse<(u64, usize, u64)>> =
            eligible().map(|index| Reverse((gains_at(index, 1), index, 1))).collect();
        let mut credits = vec![0i64; weights.len()];
        // Most credits first, then the first server.
        let mut order: BTreeSet<(Reverse<i64>, usize)> = eligible().map(|index| (Reverse(0), index)).collect();
        let mut add = |order: &mut BTreeSet<(Reverse<i64>, usize)>, index: usize, change: i64| {
            if let Some(credit) = credits.get_mut(index) {
                order.remove(&(Reverse(*credit), index));
                *credit += change;
                order.insert((Reverse(*credit), index));
            }
        };
        for round in 1..=total {
            while let Some(Reverse((_, index, m))) = gains.peek().copied().filter(|Reverse((at, ..))| *at <= round) {
                gains.pop();
                gains.push(Reverse((gains_at(index, m + 1), index, m + 1)));
                add(&mut order, index, 1);
            }
            let Some((_, index)) = order.first().copied() else { break };
            add(&mut order, index, -1);
            self.slots.push(index);
        }
    }

    /// The next slot's server that `free` allows.
    pub(crate) fn next(&mut self, free: &dyn Fn(usize) -> bool) -> Option<usize> {
        for _ in 0..self.slots.len() {
            if self.position >= self.slots.len() {
                self.position = 0;
            }
            let server = self.slots.get(self.position).copied();
            self.position += 1;
            if let Some(index) = server.filter(|index| free(*index)) {
                return Some(index);
            }
        }
        None
    }

    /// The hash's server, or the next one on the map when it is not allowed.
    pub(crate) fn at(&self, hash: u32, allowed: &dyn Fn(usize) -> bool) -> Option<usize> {
        let length = self.slots.len();
        // A backend without servers has no slots.
        let start = usize::try_from(hash).ok()?.checked_rem(length)?;
        self.slots.iter().cycle().skip(start).take(length).copied().find(|index| allowed(*index))
    }
}

fn common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}
