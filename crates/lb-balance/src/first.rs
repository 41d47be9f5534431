//! `balance first`: fills servers one after the other.

use std::collections::BTreeSet;

/// The servers in service by identifier.
#[derive(Debug, Default)]
pub(crate) struct First {
    by_id: BTreeSet<(u32, usize)>,
}

impl First {
    pub(crate) fn set(&mut self, index: usize, id: u32, serves: bool) {
        if serves {
            self.by_id.insert((id, index));
        } else {
            self.by_id.remove(&(id, index));
        }
    }

    /// Asks one server more than there are full ones below the first free one.
    pub(crate) fn pick(&self, skip: impl Fn(usize) -> bool) -> Option<usize> {
        self.by_id.iter().map(|&(_, index)| index).find(|&index| !skip(index))
    }
}
