//! The weight ramp of `slowstart`.

use std::time::Duration;

/// Steps of the ramp. Effective weights move by sixteenths, so that small weights round the same
/// way as HAProxy's.
pub(crate) const FULL: u32 = 16;

/// Where a ramp begins.
pub(crate) const FIRST: u32 = 1;

/// Sixteenths of the weight in force after `elapsed` of a ramp of `total`: 1 at its start, 16 at
/// its end.
pub(crate) fn sixteenths(elapsed: Duration, total: Duration) -> u32 {
    if total.is_zero() || elapsed >= total {
        return FULL;
    }
    // elapsed < total, so the quotient is below FULL and fits.
    FIRST + (u128::from(FULL) * elapsed.as_micros() / total.as_micros().max(1)) as u32
}

/// The weight that `sixteenths` of `weight` make, rounded up: zero only for zero.
pub(crate) const fn scale(weight: u32, sixteenths: u32) -> u32 {
    (weight * sixteenths).div_ceil(FULL)
}

/// The ramp's progress in percent, the `throttle` column, as observed: rounded up as the weight's
/// percent, then down as the weight's part.
pub(crate) const fn percent(weight: u32, sixteenths: u32) -> u32 {
    let weight = if weight == 0 { 1 } else { weight };
    (weight * sixteenths * 100).div_ceil(FULL) / weight
}

/// Time between two steps of a ramp of `total`.
pub(crate) fn step(total: Duration) -> Duration {
    (total / FULL).max(Duration::from_millis(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A weight of 100 over 4 s, as observed second by second.
    #[test]
    fn ramp() {
        let at = |s| {
            let n = sixteenths(Duration::from_secs(s), Duration::from_secs(4));
            (percent(100, n), scale(100, n))
        };
        assert_eq!([at(0), at(1), at(2), at(3)], [(6, 7), (31, 32), (56, 57), (81, 82)]);
        assert_eq!(at(4), (100, 100));
        let of_one = [1, 2, 3, 4, 5].map(|n| percent(1, n));
        assert_eq!((of_one, percent(2, 1), percent(256, 1)), ([7, 13, 19, 25, 32], 6, 6));
        assert_eq!((percent(1, FULL), percent(0, 1)), (100, 7));
        assert_eq!(scale(0, 3), 0);
        assert_eq!(scale(1, 1), 1);
    }
}
