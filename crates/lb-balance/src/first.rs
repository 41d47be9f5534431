//! `first`: the lowest id with a free slot.

use crate::ServerView;

/// Eligible servers by id.
#[derive(Debug, Default)]
pub(crate) struct First {
    order: Vec<usize>,
}

impl First {
    pub(crate) fn rebuild(&mut self, servers: &[ServerView], weights: &[u32]) {
        let mut order: Vec<(u32, usize)> = servers
            .iter()
            .zip(weights)
            .enumerate()
            .filter(|(_, (_, weight))| **weight > 0)
            .map(|(index, (server, _))| (server.id, index))
            .collect();
        order.sort_unstable();
        self.order = order.into_iter().map(|(_, index)| index).collect();
    }

    pub(crate) fn pick(&self, free: &dyn Fn(usize) -> bool) -> Option<usize> {
        self.order.iter().copied().find(|index| free(*index))
    }
}
