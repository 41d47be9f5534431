//! When checks run and how long they may take.

use std::time::Duration;

use crate::counter::Counter;

/// First checks spread over a second at least.
const LEAST_SPAN: Duration = Duration::from_secs(1);

/// Offset of the first check of server number `index` of `count` checked ones: its part of its own
/// interval, as observed, but of a second at least and of `max_spread` (`max-spread-checks`) at
/// most.
pub fn start_offset(index: usize, count: usize, inter: Duration, max_spread: Option<Duration>) -> Duration {
    let span = inter.max(LEAST_SPAN);
    let span = max_spread.map_or(span, |max| span.min(max));
    let millis = span.as_millis() * index as u128 / count.max(1) as u128;
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

/// Interval to the next check, counted from the end of the last one: `inter` when fully up,
/// `downinter` when fully down, `fastinter` in between and before the first result.
pub fn interval(
    health: Counter,
    checked_once: bool,
    inter: Duration,
    fastinter: Option<Duration>,
    downinter: Option<Duration>,
) -> Duration {
    if checked_once && health.is_zero() {
        downinter.unwrap_or(inter)
    } else if checked_once && health.is_full() {
        inter
    } else {
        fastinter.unwrap_or(inter)
    }
}

/// `delay` moved by up to ± `percent` (`spread-checks`, 0 to 50). `random` is any number: its
/// whole range maps onto the span.
pub fn spread(delay: Duration, percent: u32, random: u32) -> Duration {
    let span = delay * percent.min(50) / 100;
    let offset = span * 2 / 1_000 * (random % 1_001);
    (delay - span + offset).max(Duration::from_millis(1))
}

/// How long a check may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckTimeouts {
    /// From the start to the connection's establishment.
    pub connect: Duration,
    /// From the connection's establishment to the result; `None`: until `connect` has passed
    /// since the start.
    pub read: Option<Duration>,
}

/// With `timeout check`: the shorter of `timeout connect` and `inter` to connect, then `timeout
/// check` to answer. Without: `inter` for everything.
pub fn timeouts(inter: Duration, timeout_connect: Option<Duration>, timeout_check: Option<Duration>) -> CheckTimeouts {
    match timeout_check {
        Some(read) => CheckTimeouts { connect: timeout_connect.map_or(inter, |c| c.min(inter)), read: Some(read) },
        None => CheckTimeouts { connect: inter, read: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn first_checks_spread_over_the_interval() {
        let at = |i| start_offset(i, 5, ms(100), None);
        assert_eq!([at(0), at(1), at(4)], [ms(0), ms(200), ms(800)]);
        assert_eq!(start_offset(4, 5, ms(60_000), Some(ms(1_000))), ms(800));
        assert_eq!(start_offset(4, 5, ms(2_000), None), ms(1_600));
        assert_eq!(start_offset(4, 5, ms(500), Some(ms(500))), ms(400));
        assert_eq!(start_offset(3, 0, ms(1_500), None), ms(4_500));
    }

    #[test]
    fn intervals_follow_health() {
        let mut c = Counter::new(2, 3);
        let next = |c, once| interval(c, once, ms(400), Some(ms(100)), Some(ms(700)));
        assert_eq!(next(c, false), ms(100));
        c.pass();
        assert_eq!(next(c, true), ms(400));
        c.fail();
        assert_eq!(next(c, true), ms(100));
        c.set(0);
        assert_eq!(next(c, true), ms(700));
        c.pass();
        assert_eq!(next(c, true), ms(100));
        assert_eq!(interval(c, true, ms(400), None, None), ms(400));
    }

    #[test]
    fn spread_stays_in_its_span() {
        assert_eq!(spread(ms(1_000), 0, 12_345), ms(1_000));
        assert_eq!(spread(ms(1_000), 50, 0), ms(500));
        assert_eq!(spread(ms(1_000), 50, 1_000), ms(1_500));
        for random in (0..u32::MAX).step_by(40_000_003) {
            let d = spread(ms(1_000), 20, random);
            assert!(d >= ms(800) && d <= ms(1_200), "{d:?}");
        }
        assert_eq!(spread(ms(0), 50, 7), ms(1));
    }

    #[test]
    fn timeouts_as_documented() {
        assert_eq!(timeouts(ms(300), Some(ms(60)), None), CheckTimeouts { connect: ms(300), read: None });
        assert_eq!(
            timeouts(ms(300), Some(ms(60)), Some(ms(5_000))),
            CheckTimeouts { connect: ms(60), read: Some(ms(5_000)) }
        );
        assert_eq!(timeouts(ms(300), Some(ms(1_000)), Some(ms(100))).connect, ms(300));
        assert_eq!(timeouts(ms(300), None, Some(ms(100))).connect, ms(300));
    }
}
