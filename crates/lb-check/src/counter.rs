//! The rise/fall counter.

/// Counts towards up and towards down: `0 ..= rise + fall - 1`, up from `rise` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter {
    value: u32,
    rise: u32,
    fall: u32,
}

impl Counter {
    /// A counter at `rise`: up, one failure from down. `rise` and `fall` are at least 1.
    pub fn new(rise: u32, fall: u32) -> Self {
        let (rise, fall) = (rise.max(1), fall.max(1));
        Self { value: rise, rise, fall }
    }

    /// Present value, `check_health`.
    pub const fn value(self) -> u32 {
        self.value
    }

    /// Successes needed to come up.
    pub const fn rise(self) -> u32 {
        self.rise
    }

    /// Failures needed to go down.
    pub const fn fall(self) -> u32 {
        self.fall
    }

    /// The value of full health.
    pub const fn full(self) -> u32 {
        self.rise + self.fall - 1
    }

    /// Whether the counter says up.
    pub const fn is_up(self) -> bool {
        self.value >= self.rise
    }

    /// Whether nothing is pending: fully healthy.
    pub const fn is_full(self) -> bool {
        self.value == self.full()
    }

    /// Whether nothing is pending: fully down.
    pub const fn is_zero(self) -> bool {
        self.value == 0
    }

    /// Sets a value, kept within bounds.
    pub fn set(&mut self, value: u32) {
        self.value = value.min(self.full());
    }

    /// A success: one step up; reaching `rise` gives full health at once.
    pub fn pass(&mut self) {
        self.value = (self.value + 1).min(self.full());
        if self.is_up() {
            self.value = self.full();
        }
    }

    /// A failure: one step down; falling below `rise` gives zero at once.
    pub fn fail(&mut self) {
        self.value = if self.value > self.rise { self.value - 1 } else { 0 };
    }

    /// `n/m` as log lines show it: successes of `rise` when down, distance of `fall` when up.
    pub const fn progress(self) -> (u32, u32) {
        if self.is_up() { (self.value - self.rise + 1, self.fall) } else { (self.value, self.rise) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walks_down_and_up() {
        let mut c = Counter::new(2, 3);
        let mut seen = vec![c.progress()];
        c.pass();
        for _ in 0..4 {
            seen.push(c.progress());
            c.fail();
        }
        for _ in 0..3 {
            seen.push(c.progress());
            c.pass();
        }
        assert_eq!(seen, [(1, 3), (3, 3), (2, 3), (1, 3), (0, 2), (0, 2), (1, 2), (3, 3)]);
    }

    #[test]
    fn rise_and_fall_of_one() {
        let mut c = Counter::new(1, 1);
        assert!(c.is_full());
        c.fail();
        assert!(c.is_zero());
        c.pass();
        assert!(c.is_full());
        assert_eq!(Counter::new(0, 0), Counter::new(1, 1));
    }
}
