//! Commands that show the inside of the engine, in the form HAProxy shows its own: `show activity`, `show fd`,
//! `show threads`, `show tasks`, `show pools`, `show profiling`, `show dev`, `debug …`.
//!
//! The data threads are threads 1 to N, as elsewhere; the control thread, which HAProxy does not have, is thread N+1.
//! What HAProxy counts of machinery that does not exist here is zero.

pub(super) mod activity;
pub(super) mod debug;
pub(super) mod dev;
pub(super) mod fd;
pub(super) mod pools;
pub(super) mod profiling;
pub(super) mod threads;

use crate::activity::Activity;
use crate::control::Control;

/// The blocks of all threads with their numbers, from 1; the control thread's is the last.
fn threads(control: &Control) -> impl Iterator<Item = (usize, &'static Activity)> {
    control.shared.activity.iter().enumerate().map(|(index, block)| (index + 1, block))
}

/// Processor time of a thread and the time it waited for a processor, in nanoseconds, as the kernel tells.
fn scheduler_ns(tid: i32) -> (u64, u64) {
    let text = std::fs::read_to_string(format!("/proc/self/task/{tid}/schedstat")).unwrap_or_default();
    let mut numbers = text.split_ascii_whitespace().map(|word| word.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// Where something is in memory, as HAProxy prints pointers.
fn pointer<T>(object: &T) -> String {
    format!("{:#x}", std::ptr::from_ref(object) as usize)
}

/// A time in four digits and the fitting unit, right-aligned in nine columns: `6.169us`.
fn short_time(ns: u64) -> String {
    let (value, unit) = match ns {
        0..1_000 => (ns as f64, "ns"),
        1_000..1_000_000 => (ns as f64 / 1e3, "us"),
        1_000_000..1_000_000_000 => (ns as f64 / 1e6, "ms"),
        1_000_000_000..60_000_000_000 => (ns as f64 / 1e9, "s"),
        60_000_000_000..3_600_000_000_000 => (ns as f64 / 6e10, "m"),
        _ => (ns as f64 / 3.6e12, "h"),
    };
    let decimals = match value {
        value if value < 10.0 && unit != "ns" => 3,
        value if value < 100.0 && unit != "ns" => 2,
        _ => 1,
    };
    format!("{value:.decimals$}{unit}")
}

#[cfg(test)]
mod tests {
    use super::short_time;

    #[test]
    fn times_as_observed() {
        let times = [0, 817, 6_169, 71_910, 482_200, 1_307_000, 26_320_000, 3_000_000_000, 90_000_000_000];
        assert_eq!(
            times.map(short_time),
            ["0.0ns", "817.0ns", "6.169us", "71.91us", "482.2us", "1.307ms", "26.32ms", "3.000s", "1.500m"]
        );
    }
}
