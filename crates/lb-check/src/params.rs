//! What the configuration says of a server's health.

use std::time::Duration;

use crate::suspension::FailLimit;

/// `observe`: which traffic errors count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Observe {
    /// None.
    #[default]
    None,
    /// Connection attempts.
    Layer4,
    /// Connection attempts and responses.
    Layer7,
}

/// `on-error`: what `error-limit` consecutive errors do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// Only hurry the next check.
    Fastinter,
    /// A failed check.
    #[default]
    FailCheck,
    /// A failed check that leaves one failure to down.
    SuddenDeath,
    /// Down at once.
    MarkDown,
}

/// `init-state`: health at start and after maintenance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InitState {
    /// Like `Up`; a server without checks keeps its counter.
    #[default]
    None,
    /// Up, all failures needed to go down.
    FullyUp,
    /// Up, down at the first failure.
    Up,
    /// Down, up at the first success.
    Down,
    /// Down, all successes needed to come up.
    FullyDown,
}

/// A server's settings that health depends on. `Default` is a server without any health keyword.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerParams {
    /// `backup`.
    pub backup: bool,
    /// `disabled`: starts in maintenance.
    pub disabled: bool,
    /// Made at run time: starts in maintenance with its checks switched off.
    pub dynamic: bool,
    /// `weight`, `0 ..= 256`.
    pub weight: u32,
    /// Whether the backend's algorithm follows weights at run time. A static one takes only
    /// 0 % and 100 %, and knows no slow start.
    pub dynamic_weights: bool,
    /// `check`.
    pub check: bool,
    /// `inter`.
    pub inter: Duration,
    /// `fastinter`; `None`: `inter`.
    pub fastinter: Option<Duration>,
    /// `downinter`; `None`: `inter`.
    pub downinter: Option<Duration>,
    /// `rise`.
    pub rise: u32,
    /// `fall`.
    pub fall: u32,
    /// `agent-check`, with its `agent-inter`.
    pub agent: Option<Duration>,
    /// Whether the server tracks another one.
    pub tracks: bool,
    /// `slowstart`.
    pub slowstart: Option<Duration>,
    /// `observe`.
    pub observe: Observe,
    /// `error-limit`.
    pub error_limit: u32,
    /// `on-error`.
    pub on_error: OnError,
    /// `max-fails` and `fail-timeout`; `None`: traffic alone puts no server out.
    pub fail_limit: Option<FailLimit>,
    /// `init-state`.
    pub init_state: InitState,
    /// `on-marked-down shutdown-sessions`.
    pub on_marked_down_shutdown: bool,
    /// `on-marked-up shutdown-backup-sessions`.
    pub on_marked_up_shutdown_backup: bool,
    /// The backend's `option log-health-checks`.
    pub log_health_checks: bool,
}

impl Default for ServerParams {
    fn default() -> Self {
        Self {
            backup: false,
            disabled: false,
            dynamic: false,
            weight: 1,
            dynamic_weights: true,
            check: false,
            inter: Duration::from_secs(2),
            fastinter: None,
            downinter: None,
            rise: 2,
            fall: 3,
            agent: None,
            tracks: false,
            slowstart: None,
            observe: Observe::None,
            error_limit: 10,
            on_error: OnError::FailCheck,
            fail_limit: None,
            init_state: InitState::None,
            on_marked_down_shutdown: false,
            on_marked_up_shutdown_backup: false,
            log_health_checks: false,
        }
    }
}
