//! What a transition asks of its caller.

use std::time::Duration;

use lb_model::{AdminState, OpState};

use crate::log::LogLine;

/// Work for the caller, to be carried out in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// The balancer's view changed.
    StateChanged(LbView),
    /// A line for the backend's log and for standard error.
    Log(LogLine),
    /// If the `StateChanged` before it took the backend's last usable server, log
    /// [`crate::no_server_available`].
    LastServerLine,
    /// Cut the server's sessions (`on-marked-down shutdown-sessions`; termination `D`).
    KillSessions,
    /// Cut the sessions of the backend's backup servers (`on-marked-up shutdown-backup-sessions`;
    /// termination `U`).
    KillBackupSessions,
    /// The server takes no traffic any more: its queued requests go to other servers.
    RequeuePending,
    /// The server takes traffic again: it may serve queued requests.
    ReleaseQueue,
    /// The server is in maintenance: close its idle connections.
    PurgeIdle,
    /// Tell the tracking servers.
    NotifyTrackers,
    /// The agent set the server's `maxconn`; 0 is unlimited.
    SetMaxconn(u32),
    /// Run the next health check no later than this from now.
    HurryCheck(Duration),
    /// Call [`crate::ServerHealth::slowstart_tick`] after this time.
    TickAfter(Duration),
    /// Call [`crate::ServerHealth::retry_tick`] after this time.
    RetryAfter(Duration),
}

/// What the balancer needs of a server's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LbView {
    /// Operational state.
    pub op: OpState,
    /// Administrative state.
    pub admin: AdminState,
    /// Effective weight, slow start applied.
    pub weight: u32,
    /// It is down, and one request may try it.
    pub trial: bool,
    /// Sixteenths of its `maxconn` that a slow start allows, of which at least one session; `None`: all.
    pub allowed: Option<u32>,
}

impl LbView {
    /// Whether the balancer may pick the server for a new client. Counts as "active" or "backup
    /// server left" in log lines.
    pub const fn usable(&self) -> bool {
        matches!(self.op, OpState::Running | OpState::Starting)
            && !self.admin.in_maint()
            && !self.admin.in_drain()
            && self.weight > 0
    }
}
