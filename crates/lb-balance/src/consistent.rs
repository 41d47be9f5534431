//! Consistent hashing: each server has points on a ring of 32 bits, a key goes to the nearest one.
//!
//! Point `j` of a server is the avalanche of its node's key plus `j` (see [`crate::node`]), 16 points for each unit of weight, so a
//! change of weight or state only moves the keys next to the points that come or go. Places and the
//! choice of the nearest point on either side were found by comparing with a running HAProxy.

use crate::ServerView;
use lb_model::hash::avalanche;

const POINTS_PER_WEIGHT: u32 = 16;
pub(crate) const POINTS_PER_SERVER: u32 = 4096;

/// Points in order.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    points: Vec<(u32, usize)>,
}

impl Ring {
    pub(crate) fn rebuild(&mut self, servers: &[ServerView], weights: &[u32]) {
        self.points.clear();
        for (index, (server, weight)) in servers.iter().zip(weights).enumerate() {
            let base = server.node;
            let count = weight.saturating_mul(POINTS_PER_WEIGHT).min(POINTS_PER_SERVER);
            self.points.extend((0..count).map(|j| (avalanche(base.wrapping_add(j)), index)));
        }
        self.points.sort_unstable();
    }

    /// The server of the nearest point; from there on upwards when it is not allowed.
    pub(crate) fn nearest(&self, hash: u32, allowed: &dyn Fn(usize) -> bool) -> Option<usize> {
        let length = self.points.len();
        let after = self.points.partition_point(|(point, _)| *point < hash);
        let before = if after == 0 { length.checked_sub(1)? } else { after - 1 };
        let after = if after == length { 0 } else { after };
        let (low, _) = self.points.get(before)?;
        let (high, _) = self.points.get(after)?;
        // Distances around the ring.
        let start = if hash.wrapping_sub(*low) < high.wrapping_sub(hash) { before } else { after };
        self.points.iter().cycle().skip(start).take(length).map(|(_, index)| *index).find(|index| allowed(*index))
    }
}
