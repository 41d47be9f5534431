//! Time for the engine: milliseconds since the start, and wall-clock time for logs.

use lb_sample::WallTime;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The process's clock. Copied freely; all copies agree.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
    start_wall: SystemTime,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        let clock = Self { start: Instant::now(), start_wall: SystemTime::now() };
        // The time zone is read by this: another root directory may have no such file.
        let _ = clock.wall_at(0);
        clock
    }

    /// Milliseconds since the start.
    pub fn now_ms(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    /// Microseconds since the start.
    pub fn now_us(&self) -> u64 {
        self.start.elapsed().as_micros() as u64
    }

    /// Time since the start.
    pub fn uptime(&self) -> Duration {
        self.start.elapsed()
    }

    /// Seconds since 1970 at the start.
    pub fn start_unix_secs(&self) -> u64 {
        self.start_wall.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
    }

    /// The instant `ms` milliseconds after the start.
    pub fn instant_at(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }

    /// Wall-clock time at `us` microseconds after the start.
    pub fn wall_at(&self, us: u64) -> WallTime {
        let at = self.start_wall.duration_since(UNIX_EPOCH).unwrap_or_default() + Duration::from_micros(us);
        let unix_secs = at.as_secs() as i64;
        WallTime { unix_secs, micros: at.subsec_micros(), utc_offset_secs: crate::sys::utc_offset_secs(unix_secs) }
    }
}
