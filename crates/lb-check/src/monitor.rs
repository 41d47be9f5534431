//! One check of a server, health check or agent: its switches, its counter, its last result.

use std::time::Duration;

use lb_model::{CheckOutcome, CheckStatus};

use crate::counter::Counter;

/// How the last check counted: `srv_check_result`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum CheckResult {
    /// No result yet, or a check is in progress.
    #[default]
    Unknown = 0,
    /// Ended without saying anything of the server.
    Neutral = 1,
    /// Failed.
    Failed = 2,
    /// Passed.
    Passed = 3,
    /// Passed on a condition.
    ConditionallyPassed = 4,
}

impl CheckResult {
    /// From the wire's number.
    pub fn from_number(number: u8) -> Option<Self> {
        let all = [Self::Unknown, Self::Neutral, Self::Failed, Self::Passed, Self::ConditionallyPassed];
        all.into_iter().find(|result| *result as u8 == number)
    }
}

/// The end of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    /// Status.
    pub status: CheckStatus,
    /// The application's code (an HTTP status, a program's exit status) where the status has one; -1: a program was
    /// ended by a signal.
    pub code: i32,
    /// What `last_chk` says, possibly nothing.
    pub info: String,
    /// How long the check took; `None` for a result that no check gave (health analysis).
    pub duration: Option<Duration>,
}

/// A check's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Monitor {
    configured: bool,
    enabled: bool,
    paused: bool,
    in_progress: bool,
    result: CheckResult,
    last: CheckReport,
    /// The rise/fall counter.
    pub(crate) health: Counter,
}

impl Monitor {
    pub(crate) fn new(configured: bool, health: Counter) -> Self {
        let last =
            CheckReport { status: CheckStatus::Init, code: 0, info: String::new(), duration: Some(Duration::ZERO) };
        Self {
            configured,
            enabled: configured,
            paused: false,
            in_progress: false,
            result: CheckResult::Unknown,
            last,
            health,
        }
    }

    /// Whether the configuration asks for this check.
    pub const fn is_configured(&self) -> bool {
        self.configured
    }

    /// Whether the check is switched on (`disable health`, `disable agent` switch it off).
    pub const fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Whether a due check may start: on, not paused by maintenance, none in progress.
    pub const fn may_start(&self) -> bool {
        self.enabled && !self.paused && !self.in_progress
    }

    /// Whether a check is in progress; `check_status` then has the prefix `* `.
    pub const fn in_progress(&self) -> bool {
        self.in_progress
    }

    /// The counter: `check_rise`, `check_fall`, `check_health`.
    pub const fn health(&self) -> Counter {
        self.health
    }

    /// `srv_check_result`.
    pub const fn result(&self) -> CheckResult {
        self.result
    }

    /// The last result: `check_status`, `check_code`, `last_chk`, `check_duration`. While a check
    /// is in progress code and text are empty.
    pub const fn last(&self) -> &CheckReport {
        &self.last
    }

    /// `srv_check_state`, or `srv_agent_state` without its agent bit: 1 in progress, 2 configured,
    /// 4 enabled, 8 paused.
    pub const fn state_bits(&self) -> u8 {
        self.in_progress as u8 | (self.configured as u8) << 1 | (self.enabled as u8) << 2 | (self.paused as u8) << 3
    }

    /// Switches the check on or off; a check that is not configured stays off.
    pub(crate) fn set_enabled(&mut self, enabled: bool) {
        self.enabled = enabled && self.configured;
    }

    pub(crate) fn set_paused(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// The last result that a former process had.
    pub(crate) fn restore(&mut self, status: CheckStatus, result: CheckResult) {
        self.last.status = status;
        self.result = result;
    }

    /// A check starts: the status stays, the rest of the last result is forgotten.
    pub(crate) fn start(&mut self) {
        self.in_progress = true;
        self.result = CheckResult::Unknown;
        self.last.code = 0;
        self.last.info.clear();
    }

    /// Records a result. Says whether the status changed.
    pub(crate) fn record(&mut self, report: CheckReport) -> bool {
        let changed = self.last.status != report.status;
        // A health analysis judges traffic: it does not end the check that may be in progress.
        if report.status != CheckStatus::HealthAnalysis {
            self.in_progress = false;
        }
        self.result = match report.status.outcome() {
            CheckOutcome::Neutral => CheckResult::Neutral,
            CheckOutcome::Failed => CheckResult::Failed,
            CheckOutcome::Passed => CheckResult::Passed,
            CheckOutcome::ConditionallyPassed => CheckResult::ConditionallyPassed,
        };
        self.last = report;
        changed
    }

    /// Ends the check in progress with a text alone: the status stays.
    pub(crate) fn note(&mut self, info: &str, duration: Duration) {
        self.in_progress = false;
        self.result = CheckResult::Neutral;
        self.last.info = info.to_owned();
        self.last.duration = Some(duration);
    }
}
