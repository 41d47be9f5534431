//! A server's operational and administrative state, and the status word both make.

use std::fmt;

/// Whether a server serves, by its checks (`srv_op_state`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum OpState {
    /// Down: gets no traffic.
    Stopped = 0,
    /// Up, its weight still ramping (slow start).
    Starting = 1,
    /// Up.
    Running = 2,
    /// Up but asks for no new sessions (soft stop, `NOLB`).
    Stopping = 3,
}

impl OpState {
    /// From the wire's number.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Stopped),
            1 => Some(Self::Starting),
            2 => Some(Self::Running),
            3 => Some(Self::Stopping),
            _ => None,
        }
    }
}

/// A set of administrative state bits (`srv_admin_state`, a decimal mask on the wire).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct AdminState(u8);

impl AdminState {
    /// No administrative state: the server follows its checks.
    pub const NONE: Self = Self(0);
    /// Maintenance set explicitly (`set server … state maint`).
    pub const FORCED_MAINT: Self = Self(1);
    /// Maintenance inherited from a tracked server.
    pub const INHERITED_MAINT: Self = Self(2);
    /// `disabled` in the configuration. Kept for the record; it does not stop traffic by itself.
    pub const CONFIG_MAINT: Self = Self(4);
    /// Drain set explicitly.
    pub const FORCED_DRAIN: Self = Self(8);
    /// Drain inherited from a tracked server.
    pub const INHERITED_DRAIN: Self = Self(16);
    /// The server's address could not be resolved.
    pub const RESOLUTION_MAINT: Self = Self(32);
    /// The host name was set at run time.
    pub const NAME_SET: Self = Self(64);
    /// Any reason to be in maintenance. `CONFIG_MAINT` is not one: it only records the origin.
    pub const MAINT: Self = Self(1 | 2 | 32);
    /// Any reason to drain.
    pub const DRAIN: Self = Self(8 | 16);

    /// From the wire's mask; bits without a meaning are dropped.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & 0x7f)
    }

    /// The wire's mask.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether any bit of `other` is set.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// With the bits of `other` set.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// With the bits of `other` cleared.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// In maintenance for any reason.
    pub const fn in_maint(self) -> bool {
        self.intersects(Self::MAINT)
    }

    /// Draining for any reason, maintenance aside.
    pub const fn in_drain(self) -> bool {
        self.intersects(Self::DRAIN)
    }
}

/// The tracked server a state was inherited from, as `backend/server`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrackedVia<'a> {
    /// Backend's name.
    pub backend: &'a str,
    /// Server's name.
    pub server: &'a str,
}

/// All that a server's status word depends on.
#[derive(Debug, Clone, Copy)]
pub struct StatusInputs<'a> {
    /// Administrative state of the server shown.
    pub admin: AdminState,
    /// Operational state of the server shown.
    pub op: OpState,
    /// Whether active checks are enabled on the server, or on the one it tracks.
    pub checked: bool,
    /// Health counter of the checks, `0 ..= rise + fall - 1`.
    pub health: u32,
    /// Successes needed to come up.
    pub rise: u32,
    /// Failures needed to go down.
    pub fall: u32,
    /// Whether an agent check is configured and enabled.
    pub agent_enabled: bool,
    /// Whether the agent holds the server down (its health is below its rise).
    pub agent_down: bool,
    /// The server whose maintenance or drain is inherited.
    pub via: Option<TrackedVia<'a>>,
}

/// A server's status as `show stat` prints it. `Display` gives the wire's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusWord<'a> {
    /// `UP`.
    Up,
    /// `UP n/m`: up, some checks failed. Below 1 when the server was brought up without its checks'
    /// consent (an agent or an operator forced it): `UP -1/3`.
    UpGoingDown(i32, u32),
    /// `DOWN`.
    Down,
    /// `DOWN n/m`: down, some checks passed.
    DownGoingUp(u32, u32),
    /// `DOWN (agent)`.
    DownAgent,
    /// `DRAIN`.
    Drain,
    /// `DRAIN n/m`.
    DrainGoingDown(i32, u32),
    /// `DRAIN (agent)`.
    DrainAgent,
    /// `NOLB`.
    NoLb,
    /// `NOLB n/m`.
    NoLbGoingDown(i32, u32),
    /// `MAINT`.
    Maint,
    /// `MAINT (via backend/server)`.
    MaintVia(TrackedVia<'a>),
    /// `MAINT (resolution)`.
    MaintResolution,
    /// `no check`.
    NoCheck,
}

impl<'a> StatusWord<'a> {
    /// The word for a server in this state. Rules observed on a running HAProxy: maintenance
    /// hides everything; without any check the word is `no check` unless drained; a down server
    /// shows its progress towards `rise`, an up one its distance from full health.
    pub fn of(s: &StatusInputs<'a>) -> Self {
        if s.admin.intersects(AdminState::RESOLUTION_MAINT) {
            return Self::MaintResolution;
        }
        // The tracked server's maintenance hides the server's own.
        if s.admin.intersects(AdminState::INHERITED_MAINT) {
            return s.via.map_or(Self::Maint, Self::MaintVia);
        }
        if s.admin.intersects(AdminState::FORCED_MAINT) {
            return Self::Maint;
        }
        let full = s.rise + s.fall - 1;
        let degraded = s.checked && s.health < full;
        let left = s.health as i32 - s.rise as i32 + 1;
        match s.op {
            OpState::Stopped if s.agent_enabled && s.agent_down => Self::DownAgent,
            OpState::Stopped if s.checked && s.health > 0 => Self::DownGoingUp(s.health, s.rise),
            OpState::Stopped => Self::Down,
            // A soft stop hides a drain.
            OpState::Stopping if degraded => Self::NoLbGoingDown(left, s.fall),
            OpState::Stopping => Self::NoLb,
            // With an agent enabled, an administrative drain reads as the agent's.
            _ if s.admin.in_drain() && s.agent_enabled => Self::DrainAgent,
            _ if s.admin.in_drain() && degraded => Self::DrainGoingDown(left, s.fall),
            _ if s.admin.in_drain() => Self::Drain,
            // An agent alone does not make a server "checked".
            _ if !s.checked => Self::NoCheck,
            _ if degraded => Self::UpGoingDown(left, s.fall),
            _ => Self::Up,
        }
    }
}

impl fmt::Display for StatusWord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Up => f.write_str("UP"),
            Self::UpGoingDown(n, m) => write!(f, "UP {n}/{m}"),
            Self::Down => f.write_str("DOWN"),
            Self::DownGoingUp(n, m) => write!(f, "DOWN {n}/{m}"),
            Self::DownAgent => f.write_str("DOWN (agent)"),
            Self::Drain => f.write_str("DRAIN"),
            Self::DrainGoingDown(n, m) => write!(f, "DRAIN {n}/{m}"),
            Self::DrainAgent => f.write_str("DRAIN (agent)"),
            Self::NoLb => f.write_str("NOLB"),
            Self::NoLbGoingDown(n, m) => write!(f, "NOLB {n}/{m}"),
            Self::Maint => f.write_str("MAINT"),
            Self::MaintVia(via) => write!(f, "MAINT (via {}/{})", via.backend, via.server),
            Self::MaintResolution => f.write_str("MAINT (resolution)"),
            Self::NoCheck => f.write_str("no check"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(f: impl FnOnce(&mut StatusInputs<'_>)) -> String {
        let mut inputs = StatusInputs {
            admin: AdminState::NONE,
            op: OpState::Running,
            checked: true,
            health: 4,
            rise: 2,
            fall: 3,
            agent_enabled: false,
            agent_down: false,
            via: None,
        };
        f(&mut inputs);
        StatusWord::of(&inputs).to_string()
    }

    #[test]
    fn words() {
        assert_eq!(word(|_| ()), "UP");
        assert_eq!(word(|s| s.health = 2), "UP 1/3");
        assert_eq!(word(|s| s.health = 3), "UP 2/3");
        assert_eq!(word(|s| (s.op, s.health) = (OpState::Stopped, 1)), "DOWN 1/2");
        assert_eq!(word(|s| (s.op, s.health) = (OpState::Stopped, 0)), "DOWN");
        assert_eq!(word(|s| s.health = 0), "UP -1/3");
        assert_eq!(word(|s| s.checked = false), "no check");
        assert_eq!(word(|s| (s.checked, s.agent_enabled) = (false, true)), "no check");
        assert_eq!(word(|s| (s.op, s.agent_enabled, s.agent_down) = (OpState::Stopped, true, true)), "DOWN (agent)");
        assert_eq!(word(|s| s.op = OpState::Stopped), "DOWN 4/2");
        assert_eq!(word(|s| (s.op, s.admin) = (OpState::Stopping, AdminState::FORCED_DRAIN)), "NOLB");
        assert_eq!(word(|s| (s.admin, s.agent_enabled) = (AdminState::FORCED_DRAIN, true)), "DRAIN (agent)");
        assert_eq!(word(|s| s.admin = AdminState::FORCED_DRAIN), "DRAIN");
        assert_eq!(word(|s| (s.op, s.admin, s.health) = (OpState::Stopped, AdminState::FORCED_DRAIN, 0)), "DOWN");
        assert_eq!(word(|s| s.admin = AdminState::FORCED_MAINT), "MAINT");
        assert_eq!(
            word(|s| {
                s.admin = AdminState::INHERITED_MAINT.with(AdminState::FORCED_MAINT);
                s.via = Some(TrackedVia { backend: "app", server: "web1" });
            }),
            "MAINT (via app/web1)"
        );
    }
}
