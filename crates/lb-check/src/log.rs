//! Log lines of state transitions and checks, word for word as HAProxy writes them.

use std::fmt::Write as _;

use lb_model::{CheckOutcome, CheckStatus, OpState, Severity};

use crate::counter::Counter;
use crate::monitor::CheckReport;
use crate::passive::TrafficEvent;

/// Names that appear in a server's log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerNames<'a> {
    /// Backend.
    pub backend: &'a str,
    /// Server.
    pub server: &'a str,
    /// Whether it is a backup server.
    pub backup: bool,
    /// The directly tracked server: backend and server.
    pub tracked: Option<(&'a str, &'a str)>,
}

/// Figures that appear in a server's log lines, taken after the transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BackendCounts {
    /// Usable servers that are not backups.
    pub active: usize,
    /// Usable backup servers.
    pub backup: usize,
    /// Sessions on the server.
    pub sessions: usize,
    /// Requests taken from the server's queue, or given to it, by this transition.
    pub requeued: usize,
    /// Requests left in the server's own queue.
    pub queued: usize,
}

/// Which of a server's two checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckKind {
    /// `check`.
    Health,
    /// `agent-check`.
    Agent,
}

/// A check's result as log lines tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckSummary(CheckReport);

impl CheckSummary {
    pub(crate) fn new(report: &CheckReport) -> Self {
        Self(report.clone())
    }

    /// `, reason: Layer7 wrong status, code: 500, info: "Oops", check duration: 3ms`.
    fn render(&self, out: &mut String) {
        let CheckReport { status, code, info, duration } = &self.0;
        let _ = write!(out, ", reason: {}", status.description());
        if status.has_code() {
            let _ = write!(out, ", code: {code}");
        }
        if !info.is_empty() {
            out.push_str(", info: \"");
            escape(info, out);
            out.push('"');
        }
        if let Some(duration) = duration {
            let _ = write!(out, ", check duration: {}ms", duration.as_millis());
        }
    }
}

/// Text from a server, made harmless: quotes and bytes outside printable ASCII become `<22>`.
fn escape(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'"' | 0..=0x1f | 0x7f.. => {
                let _ = write!(out, "<{byte:02X}>");
            }
            _ => out.push(byte as char),
        }
    }
}

/// Why an operational state changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// A check's result.
    Check(CheckSummary),
    /// A check's result that `option log-health-checks` has told already, or the end of slow
    /// start.
    Silent,
    /// The tracked server.
    Tracked,
    /// An operator.
    Operator,
    /// The state that a former process left.
    Restored,
    /// Traffic failed too often (`max-fails`).
    Failures {
        /// So often.
        count: u32,
        /// The last time like this.
        last: TrafficEvent,
    },
    /// The request that tried it got this (`max-fails`).
    Answered(TrafficEvent),
}

/// One log line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogLine {
    /// `Server b/s is DOWN, reason: …`, `is UP …`, `is stopping …`.
    OpState {
        /// The new state.
        to: OpState,
        /// Why.
        cause: Cause,
        /// Whether traffic loses a usable server.
        alert: bool,
    },
    /// `Server b/s is going DOWN for maintenance. …`, `was DOWN and now enters maintenance.`
    EntersMaint {
        /// It was down before.
        was_down: bool,
        /// The maintenance is the tracked server's.
        inherited: bool,
        /// Its name does not resolve, and why.
        unresolved: Option<&'static str>,
        /// Whether traffic loses a usable server.
        alert: bool,
    },
    /// `Server b/s is UP/READY (leaving forced maintenance).`
    LeavesMaint {
        /// Up afterwards.
        up: bool,
        /// Draining afterwards.
        drain: bool,
        /// The maintenance was the server's own.
        forced: bool,
    },
    /// `Server b/s is leaving forced maintenance but remains in maintenance via b/t.`
    RemainsInInheritedMaint,
    /// `Server b/s is UP/READY (resolves again).`
    ResolvesAgain,
    /// `Server b/s remains in forced maintenance.`
    RemainsInForcedMaint,
    /// `Server b/s enters drain state. …`
    EntersDrain {
        /// It is down.
        down: bool,
        /// The drain is the tracked server's.
        inherited: bool,
    },
    /// `Server b/s is UP (leaving forced drain).`
    LeavesDrain {
        /// Up afterwards.
        up: bool,
    },
    /// `Server b/s remains in forced drain mode.`
    RemainsInForcedDrain,
    /// `Server b/s is leaving forced drain but remains in drain mode via b/t.`
    RemainsInInheritedDrain,
    /// `Health check for server b/s failed, reason: …, status: 2/3 UP.`
    Check {
        /// Which check.
        kind: CheckKind,
        /// Its result.
        summary: CheckSummary,
        /// The counter afterwards.
        health: Counter,
        /// The weight is zero.
        weightless: bool,
    },
}

impl LogLine {
    /// The line's syslog level.
    pub const fn severity(&self) -> Severity {
        match self {
            Self::OpState { alert: true, .. } | Self::EntersMaint { alert: true, .. } => Severity::Alert,
            _ => Severity::Notice,
        }
    }

    /// How important it is to whom `email-alert` tells; `None`: it is not told. As observed, maintenance and what ends a
    /// drain are not.
    pub const fn alert_level(&self) -> Option<Severity> {
        match self {
            Self::OpState { to: OpState::Stopped, alert: true, .. } => Some(Severity::Alert),
            Self::OpState { to: OpState::Stopped | OpState::Running | OpState::Starting, .. } => Some(Severity::Notice),
            Self::EntersDrain { .. } => Some(Severity::Notice),
            Self::Check { .. } => Some(Severity::Info),
            _ => None,
        }
    }

    /// The line's text, without line end.
    pub fn render(&self, names: &ServerNames<'_>, counts: &BackendCounts) -> String {
        let mut out = String::with_capacity(160);
        if let Self::Check { kind, summary, health, weightless } = self {
            render_check(&mut out, names, *kind, summary, *health, *weightless);
            return out;
        }
        let kind = if names.backup { "Backup Server" } else { "Server" };
        let _ = write!(out, "{kind} {}/{} ", names.backend, names.server);
        match self {
            Self::OpState { to, cause, .. } => {
                out.push_str(match to {
                    OpState::Stopped => "is DOWN",
                    OpState::Stopping => "is stopping",
                    OpState::Starting | OpState::Running => "is UP",
                });
                match cause {
                    Cause::Check(summary) => summary.render(&mut out),
                    Cause::Silent => (),
                    Cause::Tracked => render_via(&mut out, names),
                    Cause::Operator => out.push_str(", changed from CLI"),
                    Cause::Failures { count, last } => {
                        let s = if *count == 1 { "" } else { "s" };
                        let _ = write!(out, ", reason: {count} failure{s} of traffic, last one was: {}", last.text());
                    }
                    Cause::Answered(event) => {
                        let _ = write!(out, ", reason: a request tried it: {}", event.text());
                    }
                    Cause::Restored => out.push_str(", changed from server-state after a reload"),
                }
                render_counts(&mut out, counts, *to == OpState::Stopped);
            }
            Self::EntersMaint { was_down: true, inherited, unresolved, .. } => {
                out.push_str("was DOWN and now enters maintenance");
                if let Some(why) = unresolved {
                    let _ = write!(out, " ({why})");
                }
                if *inherited {
                    render_via(&mut out, names);
                }
                out.push('.');
            }
            Self::EntersMaint { was_down: false, inherited, unresolved, .. } => {
                out.push_str("is going DOWN for maintenance");
                if let Some(why) = unresolved {
                    let _ = write!(out, " ({why})");
                }
                if *inherited {
                    render_via(&mut out, names);
                }
                render_counts(&mut out, counts, true);
            }
            Self::ResolvesAgain => out.push_str("is UP/READY (resolves again)."),
            Self::LeavesMaint { up, drain, forced } => {
                let _ = write!(
                    out,
                    "is {}/{} (leaving {}maintenance).",
                    up_or_down(*up),
                    if *drain { "DRAIN" } else { "READY" },
                    if *forced { "forced " } else { "" }
                );
            }
            Self::RemainsInInheritedMaint => {
                out.push_str("is leaving forced maintenance but remains in maintenance");
                render_via(&mut out, names);
                out.push('.');
            }
            Self::RemainsInForcedMaint => out.push_str("remains in forced maintenance."),
            Self::EntersDrain { down, inherited } => {
                out.push_str("enters drain state");
                if *inherited {
                    render_via(&mut out, names);
                }
                render_counts(&mut out, counts, *down);
            }
            Self::LeavesDrain { up } => {
                let _ = write!(out, "is {} (leaving forced drain).", up_or_down(*up));
            }
            Self::RemainsInForcedDrain => out.push_str("remains in forced drain mode."),
            Self::RemainsInInheritedDrain => {
                out.push_str("is leaving forced drain but remains in drain mode");
                render_via(&mut out, names);
                out.push('.');
            }
            Self::Check { .. } => (),
        }
        out
    }
}

/// `backend app has no server available!`, logged at [`Severity::Emerg`] when a backend's last
/// usable server is lost.
pub fn no_server_available(backend: &str) -> String {
    format!("backend {backend} has no server available!")
}

const fn up_or_down(up: bool) -> &'static str {
    if up { "UP" } else { "DOWN" }
}

fn render_via(out: &mut String, names: &ServerNames<'_>) {
    if let Some((backend, server)) = names.tracked {
        let _ = write!(out, " via {backend}/{server}");
    }
}

/// The tail of a transition's line: what is left of the backend.
fn render_counts(out: &mut String, c: &BackendCounts, down: bool) {
    let _ = write!(
        out,
        ". {} active and {} backup servers {}.{}",
        c.active,
        c.backup,
        if down { "left" } else { "online" },
        if c.active == 0 && c.backup > 0 { " Running on backup." } else { "" }
    );
    let _ = if down {
        write!(out, " {} sessions active, {} requeued, {} remaining in queue.", c.sessions, c.requeued, c.queued)
    } else {
        write!(out, " {} sessions requeued, {} total in queue.", c.requeued, c.queued)
    };
}

fn render_check(
    out: &mut String,
    names: &ServerNames<'_>,
    kind: CheckKind,
    summary: &CheckSummary,
    health: Counter,
    weightless: bool,
) {
    let what = match kind {
        CheckKind::Health => "Health",
        CheckKind::Agent => "Agent",
    };
    let backup = if names.backup { "backup " } else { "" };
    let verdict = match summary.0.status.outcome() {
        CheckOutcome::ConditionallyPassed => "conditionally succeeded",
        CheckOutcome::Passed => "succeeded",
        CheckOutcome::Failed | CheckOutcome::Neutral => "failed",
    };
    let _ = write!(out, "{what} check for {backup}server {}/{} {verdict}", names.backend, names.server);
    summary.render(out);
    let (n, m) = health.progress();
    let word = match (health.is_up(), weightless) {
        (true, false) => "UP",
        (true, true) => "DRAIN",
        (false, _) => "DOWN",
    };
    let _ = write!(out, ", status: {n}/{m} {word}.");
}

/// Whether a check's result is worth a line of `option log-health-checks`: something changed, and
/// the status says something of the server.
pub(crate) fn worth_logging(status: CheckStatus, status_changed: bool, health_changed: bool) -> bool {
    (status_changed || health_changed) && status.outcome() != CheckOutcome::Neutral
}
