//! Events per second over the last second, with the highest rate seen.

use crate::counters::Counter;

/// A rate with one writing thread. The current second's count is joined with the unexpired part of the previous one's.
#[derive(Debug, Default)]
pub struct Rate {
    second: Counter,
    current: Counter,
    previous: Counter,
    max: Counter,
}

impl Rate {
    /// Counts one event at `now_ms` since the engine's start.
    pub fn hit(&self, now_ms: u64) {
        let second = now_ms / 1_000;
        let last = self.second.get();
        // A stamp taken a moment before another event's counts with it.
        if second > last {
            self.max.raise(self.current.get());
            self.previous.set(if second == last + 1 { self.current.get() } else { 0 });
            self.current.set(0);
            self.second.set(second);
        }
        self.current.inc();
    }

    /// Events in the second that ends at `now_ms`.
    pub fn per_second(&self, now_ms: u64) -> u64 {
        let second = now_ms / 1_000;
        let last = self.second.get();
        let left = 1_000 - now_ms % 1_000;
        if second == last {
            self.current.get() + self.previous.get() * left / 1_000
        } else if second == last + 1 {
            self.current.get() * left / 1_000
        } else {
            0
        }
    }

    /// The most events in one second.
    pub fn max(&self) -> u64 {
        self.max.get().max(self.current.get())
    }

    /// Forgets the maximum.
    pub fn clear_max(&self) {
        self.max.set(0);
        self.current.set(0);
        self.previous.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slides_over_the_second() {
        let rate = Rate::default();
        for _ in 0..10 {
            rate.hit(5_000);
        }
        assert_eq!(rate.per_second(5_900), 10);
        assert_eq!(rate.per_second(6_500), 5);
        assert_eq!(rate.per_second(7_000), 0);
        assert_eq!(rate.max(), 10);
    }
}
