//! Waiting for a condition, with a limit that only a real failure reaches.

use std::time::{Duration, Instant};

/// How long a condition may take before a test calls it a failure: generous, since tests share cores.
pub const LONG: Duration = Duration::from_secs(30);

/// Polls `probe` until it yields a value; gives up after [`LONG`], naming what was awaited.
pub fn until<T>(what: &str, probe: impl FnMut() -> Option<T>) -> anyhow::Result<T> {
    until_within(LONG, what, probe)
}

/// Polls `probe` until it yields a value or `limit` has passed.
pub fn until_within<T>(limit: Duration, what: &str, mut probe: impl FnMut() -> Option<T>) -> anyhow::Result<T> {
    let start = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(value) = probe() {
            return Ok(value);
        }
        if start.elapsed() >= limit {
            anyhow::bail!("waited {limit:?} in vain for: {what}");
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(25));
    }
}
