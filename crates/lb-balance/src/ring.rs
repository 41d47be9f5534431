//! `hash-type consistent`: servers' points on a ring of 32-bit hashes.

use std::collections::BTreeSet;

use crate::hash::avalanche;

/// Points per unit of weight.
const POINTS: u32 = 16;

/// The points of the servers in service. A server's points depend on its identifier and weight
/// alone, so its coming and going moves only the keys that fall to it.
#[derive(Debug)]
pub(crate) struct Ring {
    points: BTreeSet<(u32, u32)>,
    /// Identifier and number of points of each server.
    placed: Vec<(u32, u32)>,
}

impl Ring {
    pub(crate) fn new(servers: usize) -> Self {
        Self { points: BTreeSet::new(), placed: vec![(0, 0); servers] }
    }

    pub(crate) fn set(&mut self, index: usize, id: u32, weight: u32) {
        if index >= self.placed.len() {
            self.placed.resize(index + 1, (0, 0));
        }
        let (old_id, old) = std::mem::replace(&mut self.placed[index], (id, weight * POINTS));
        let new = weight * POINTS;
        let kept = if old_id == id { old.min(new) } else { 0 };
        for nth in kept..old {
            self.points.remove(&(point(old_id, nth), index as u32));
        }
        for nth in kept..new {
            self.points.insert((point(id, nth), index as u32));
        }
    }

    /// The server of the first point at or after the key, other than `avoid`.
    pub(crate) fn pick(&self, key: u64, avoid: Option<usize>) -> Option<usize> {
        // Keys that differ little, such as neighbouring addresses, must not all fall between two points.
        let from = (avalanche(key as u32 ^ (key >> 32) as u32), 0);
        let after = self.points.range(from..).chain(self.points.range(..from));
        after.map(|&(_, server)| server as usize).find(|&server| avoid != Some(server))
    }
}

fn point(id: u32, nth: u32) -> u32 {
    // The identifier is spread first: neighbours' points must not coincide.
    avalanche(avalanche(id) ^ nth.wrapping_mul(0x9e37_79b1))
}
