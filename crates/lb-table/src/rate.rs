//! Events per period, from two windows.

/// A frequency over a period that slides: all of the window at hand, and of the one before it the part that is still
/// within the period, taken to be spread evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rate {
    start_ms: u64,
    current: u64,
    former: u64,
}

impl Rate {
    /// A rate that reads as `value` at `now_ms`.
    pub const fn of(value: u64, now_ms: u64) -> Self {
        Self { start_ms: now_ms, current: value, former: 0 }
    }

    /// Counts `n` events.
    pub fn add(&mut self, n: u64, period_ms: u64, now_ms: u64) {
        self.turn(period_ms, now_ms);
        self.current = self.current.saturating_add(n);
    }

    /// Events in the last period.
    pub fn read(&self, period_ms: u64, now_ms: u64) -> u64 {
        let mut at = *self;
        at.turn(period_ms, now_ms);
        let left = period_ms.saturating_sub(now_ms.saturating_sub(at.start_ms));
        // Rounded, so that a single event is seen for longer than the window it fell into.
        let former =
            (u128::from(at.former) * u128::from(left) + u128::from(period_ms / 2)) / u128::from(period_ms.max(1));
        at.current.saturating_add(former as u64)
    }

    fn turn(&mut self, period_ms: u64, now_ms: u64) {
        let period_ms = period_ms.max(1);
        let elapsed = now_ms.saturating_sub(self.start_ms);
        if elapsed >= 2 * period_ms {
            *self = Self { start_ms: now_ms, current: 0, former: 0 };
        } else if elapsed >= period_ms {
            *self = Self { start_ms: self.start_ms + period_ms, current: 0, former: self.current };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Rate;

    #[test]
    fn events_fade_over_the_second_period() {
        let mut rate = Rate::default();
        for ms in 0..10 {
            rate.add(1, 1_000, 5_000 + ms);
        }
        let read: Vec<u64> = [5_010, 5_999, 6_000, 6_500, 6_900, 7_000].map(|at| rate.read(1_000, at)).into();
        assert_eq!(read, [10, 10, 10, 5, 1, 0]);
    }

    #[test]
    fn windows_follow_one_another() {
        let mut rate = Rate::default();
        rate.add(4, 100, 1_000);
        rate.add(2, 100, 1_150);
        assert_eq!(rate.read(100, 1_150), 4);
        assert_eq!(rate.read(100, 1_260), 1);
        rate.add(1, 100, 9_000);
        assert_eq!(rate.read(100, 9_000), 1);
        assert_eq!(Rate::of(7, 50).read(100, 60), 7);
        // A period of zero cannot be configured, and does no harm.
        assert_eq!(Rate::of(7, 50).read(0, 50), 7);
    }
}
