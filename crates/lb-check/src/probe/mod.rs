//! What checks send and how answers are judged.
//!
//! The steps of a check, and how answers are judged, are in [`crate::rules`].

pub mod connect;
pub mod http;
pub(crate) mod response;
#[cfg(test)]
mod tests;

use std::time::Duration;

use lb_model::CheckStatus;

use crate::monitor::CheckReport;

pub use response::Response;

/// A check's result before its duration is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Status.
    pub status: CheckStatus,
    /// The application's code, where the status has one.
    pub code: i32,
    /// What `last_chk` says, possibly nothing.
    pub info: String,
}

impl Verdict {
    /// A verdict without code or text.
    pub const fn bare(status: CheckStatus) -> Self {
        Self { status, code: 0, info: String::new() }
    }

    /// The report of a check that took `duration`. Longer texts are cut, as seen.
    pub fn report(mut self, duration: Duration) -> CheckReport {
        const MAX_INFO: usize = 127;
        if self.info.len() > MAX_INFO {
            self.info.truncate(self.info.floor_char_boundary(MAX_INFO));
        }
        CheckReport { status: self.status, code: self.code, info: self.info, duration: Some(duration) }
    }
}
