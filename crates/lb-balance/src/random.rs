//! `random`: draws by weight, the least loaded draw wins.

/// Servers by cumulated weight.
#[derive(Debug)]
pub(crate) struct Random {
    draws: u32,
    state: u64,
    /// Upper end of each eligible server's share, its weight, its index.
    shares: Vec<(u64, u32, usize)>,
}

impl Random {
    pub(crate) fn new(draws: u32, seed: u64) -> Self {
        Self { draws: draws.max(1), state: seed, shares: Vec::new() }
    }

    pub(crate) fn rebuild(&mut self, weights: &[u32]) {
        let mut end = 0;
        self.shares = weights
            .iter()
            .enumerate()
            .filter(|(_, weight)| **weight > 0)
            .map(|(index, weight)| {
                end += u64::from(*weight);
                (end, *weight, index)
            })
            .collect();
    }

    /// The least loaded for its weight of the draws that `free` allows; the first of equals. When
    /// every draw is refused, any server that is not.
    pub(crate) fn pick(&mut self, load: &dyn Fn(usize) -> u32, free: &dyn Fn(usize) -> bool) -> Option<usize> {
        let total = self.shares.last()?.0;
        let mut best: Option<(u64, u32, usize)> = None;
        let mut start = 0;
        for _ in 0..self.draws {
            let point = self.next() % total;
            start = self.shares.partition_point(|(end, ..)| *end <= point);
            let Some(&(_, weight, index)) = self.shares.get(start) else { continue };
            if !free(index) {
                continue;
            }
            let connections = u64::from(load(index));
            // load/weight against load/weight without dividing.
            if best.is_none_or(|(least, its, _)| connections * u64::from(its) < least * u64::from(weight)) {
                best = Some((connections, weight, index));
            }
        }
        let length = self.shares.len();
        best.map(|(.., index)| index).or_else(|| {
            self.shares.iter().cycle().skip(start).take(length).map(|(.., index)| *index).find(|index| free(*index))
        })
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
