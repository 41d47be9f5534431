//! `balance random`: the least loaded of some servers drawn by weight.

use crate::rng::Rng;

/// Draws by descending a Fenwick tree of weights.
#[derive(Debug)]
pub(crate) struct Random {
    draws: u32,
    rng: Rng,
    weights: Vec<u32>,
    /// `sums[i - 1]` is the sum of the weights of servers `i - lowbit(i) .. i`.
    sums: Vec<u64>,
}

impl Random {
    pub(crate) fn new(servers: usize, draws: u32, seed: u64) -> Self {
        Self { draws: draws.max(1), rng: Rng::new(seed), weights: vec![0; servers], sums: vec![0; servers] }
    }

    pub(crate) fn set(&mut self, index: usize, weight: u32) {
        if index >= self.weights.len() {
            self.weights.resize(index + 1, 0);
            self.rebuild();
        }
        let old = std::mem::replace(&mut self.weights[index], weight);
        let mut node = index + 1;
        while let Some(sum) = self.sums.get_mut(node - 1) {
            *sum = *sum + u64::from(weight) - u64::from(old);
            node += lowbit(node);
        }
    }

    pub(crate) fn pick(&mut self, load: impl Fn(usize) -> u32, skip: impl Fn(usize) -> bool) -> Option<usize> {
        let total = self.prefix(self.weights.len());
        if total == 0 {
            return None;
        }
        let mut best: Option<(u64, u64, usize)> = None;
        let mut last = 0;
        for _ in 0..self.draws {
            let point = self.rng.below(total);
            last = self.at(point);
            if skip(last) {
                continue;
            }
            let (sessions, weight) = (u64::from(load(last)), u64::from(self.weights[last]));
            // Sessions per weight, compared by cross-multiplication.
            if best.is_none_or(|(s, w, _)| sessions * w < s * weight) {
                best = Some((sessions, weight, last));
            }
        }
        best.map(|(_, _, index)| index).or_else(|| {
            // Only full servers were drawn: the nearest free one after the last draw.
            let n = self.weights.len();
            (1..=n).map(|step| (last + step) % n).find(|&s| self.weights[s] > 0 && !skip(s))
        })
    }

    /// The server in whose share of the weights `point` falls.
    fn at(&self, mut point: u64) -> usize {
        let mut node = 0;
        let mut span = (self.sums.len() + 1).next_power_of_two();
        while span > 0 {
            if let Some(&sum) = self.sums.get(node + span - 1)
                && sum <= point
            {
                node += span;
                point -= sum;
            }
            span /= 2;
        }
        node.min(self.weights.len() - 1)
    }

    fn prefix(&self, mut node: usize) -> u64 {
        let mut sum = 0;
        while node > 0 {
            sum += self.sums[node - 1];
            node -= lowbit(node);
        }
        sum
    }

    fn rebuild(&mut self) {
        self.sums = self.weights.iter().map(|&w| u64::from(w)).collect();
        for node in 1..=self.sums.len() {
            let parent = node + lowbit(node);
            if parent <= self.sums.len() {
                self.sums[parent - 1] += self.sums[node - 1];
            }
        }
    }
}

fn lowbit(node: usize) -> usize {
    node & node.wrapping_neg()
}
