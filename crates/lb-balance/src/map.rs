//! The table behind `static-rr` and map-based hashing.

use crate::heap::Heap;

/// A table in which each server stands as often as it weighs, spread evenly. It is made anew at
/// the first pick after a server came or went.
#[derive(Debug)]
pub(crate) struct Map {
    /// The first weight other than 0 each server had. Later ones count only as zero or not.
    weights: Vec<u32>,
    serving: Vec<bool>,
    /// One period of the order.
    table: Vec<u32>,
    stale: bool,
    /// Picks in a round, a multiple of the table's length.
    round: u64,
    /// Picks since the start of the round.
    next: u64,
}

impl Map {
    pub(crate) fn new(servers: usize) -> Self {
        Self {
            weights: vec![0; servers],
            serving: vec![false; servers],
            table: Vec::new(),
            stale: false,
            round: 0,
            next: 0,
        }
    }

    pub(crate) fn set(&mut self, index: usize, weight: u32) {
        if index >= self.weights.len() {
            self.weights.resize(index + 1, 0);
            self.serving.resize(index + 1, false);
        }
        if self.weights[index] == 0 {
            self.weights[index] = weight;
        }
        if self.serving[index] != (weight > 0) {
            self.serving[index] = weight > 0;
            self.stale = true;
        }
    }

    /// Makes the table anew if servers came or went.
    fn refresh(&mut self) {
        if !std::mem::take(&mut self.stale) {
            return;
        }
        let weights: Vec<u32> =
            self.weights.iter().zip(&self.serving).map(|(&w, &serving)| if serving { w } else { 0 }).collect();
        self.table = spread(&weights);
        let mut shares = weights.into_iter().filter(|&w| w > 0);
        let first = shares.next().unwrap_or(0);
        // Servers of one weight make a round in which each comes once, as observed.
        self.round = match shares.clone().all(|w| w == first) {
            true => self.table.len() as u64,
            false => u64::from(first) + shares.map(u64::from).sum::<u64>(),
        };
    }

    /// The next server in turn that is not to be skipped.
    pub(crate) fn pick_next(&mut self, skip: impl Fn(usize) -> bool) -> Option<usize> {
        self.refresh();
        let table = &self.table;
        let start = if self.next < self.round { self.next } else { 0 };
        let (before, after) = table.split_at_checked((start % table.len().max(1) as u64) as usize)?;
        let (step, server) =
            after.iter().chain(before).map(|&s| s as usize).enumerate().find(|&(_, server)| !skip(server))?;
        // Past the end of the round stays so until the next pick, which may find a longer one.
        self.next = (start + step as u64) % self.round.max(1) + 1;
        Some(server)
    }

    /// The server the key falls to, or the next one after it other than `avoid`.
    pub(crate) fn pick_key(&mut self, key: u64, avoid: Option<usize>) -> Option<usize> {
        self.refresh();
        let table = &self.table;
        let start = usize::try_from(key.checked_rem(table.len() as u64)?).ok()?;
        let (before, after) = table.split_at_checked(start)?;
        after.iter().chain(before).map(|&s| s as usize).find(|&server| avoid != Some(server))
    }
}

/// Spreads servers over as many slots as they weigh together.
///
/// Every server has one turn due at first and earns `weight / total` of another in each slot. The
/// one with the most whole turns due gets the slot, the earlier one among equals. That is the order
/// a running HAProxy shows.
fn spread(weights: &[u32]) -> Vec<u32> {
    let divisor = weights.iter().fold(0, |a, &w| gcd(a, w)).max(1);
    let total: u64 = weights.iter().map(|&w| u64::from(w / divisor)).sum();
    let mut table = Vec::with_capacity(usize::try_from(total).unwrap_or(0));
    // Servers by the slot in which their next turn is earned, and by turns due.
    let mut coming: Heap<(u64, usize)> = Heap::new(weights.len());
    let mut due: Heap<(i64, usize)> = Heap::new(weights.len());
    let mut begun = vec![0u64; weights.len()];
    for (server, _) in weights.iter().enumerate().filter(|(_, w)| **w > 0) {
        coming.set(server, (0, server));
    }
    for slot in 0..total {
        while let Some(((at, _), server)) = coming.peek()
            && at <= slot
        {
            let turns = due.key(server).map_or(0, |(turns, _)| turns);
            due.set(server, (turns - 1, server));
            begun[server] += 1;
            let earned = (begun[server] * total).div_ceil(u64::from(weights[server] / divisor));
            coming.set(server, (earned.saturating_sub(1), server));
        }
        let Some(((turns, _), server)) = due.pop() else { break };
        if turns < -1 {
            due.set(server, (turns + 1, server));
        }
        table.push(server as u32);
    }
    table
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
