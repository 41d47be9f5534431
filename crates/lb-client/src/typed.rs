//! Answers as types: what a client needs beyond the tables of `lb-stats`.

use lb_model::{AdminState, OpState};
use lb_stats::{ParseError, ServerStateRow};
use std::borrow::Cow;

use crate::ServerName;

/// Why an answer cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TypedError {
    /// It is not the table that was asked for.
    #[error(transparent)]
    Table(#[from] ParseError),
    /// A column that every version has is missing; reading on would guess.
    #[error("the column '{0}' is missing")]
    Column(&'static str),
    /// An operational state without a meaning.
    #[error("{server} has the operational state {number}, which means nothing")]
    OpState {
        /// The server.
        server: String,
        /// What the answer holds.
        number: u8,
    },
    /// `key: value` lines that are no process's.
    #[error("the lines 'Name' and 'Version' are missing")]
    Info,
    /// A word that is not among the expected ones.
    #[error("'{0}' is not an access level")]
    Level(String),
}

/// One server, as `show servers state` tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerState {
    /// Its name.
    pub name: ServerName,
    /// Backend's id in this process.
    pub backend_id: u32,
    /// Server's id in its backend.
    pub server_id: u32,
    /// Address; `None` when the host name is not resolved.
    pub address: Option<String>,
    /// Port, 0 when it is the client's.
    pub port: u16,
    /// Its host name, where it has one.
    pub host_name: Option<String>,
    /// Operational state.
    pub op: OpState,
    /// Administrative state.
    pub admin: AdminState,
    /// Weight in effect.
    pub weight: u32,
    /// Configured weight.
    pub initial_weight: u32,
    /// Whether an active check is enabled.
    pub checked: bool,
    /// Whether an active check is configured, though it may rest, as in maintenance.
    pub has_check: bool,
    /// Whether an agent is configured.
    pub has_agent: bool,
    /// Whether the agent is asked.
    pub agent_enabled: bool,
}

const CHECK_CONFIGURED: u32 = 2;
/// The check-state bits: configured 2, enabled 4.
const CHECK_CONFIGURED_AND_ENABLED: u32 = 2 | 4;

/// Columns without which a state would be guessed.
const REQUIRED: &[&str] =
    &["be_id", "be_name", "srv_id", "srv_name", "srv_op_state", "srv_admin_state", "srv_uweight", "srv_iweight"];

impl ServerState {
    /// Reads the whole answer of `show servers state`.
    ///
    /// # Errors
    /// [`TypedError`] when it is not that answer.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, TypedError> {
        Self::parse_each(text)?.collect()
    }

    /// As [`ServerState::parse_all`], one after the other.
    ///
    /// # Errors
    /// [`TypedError`] when it is not that answer.
    pub fn parse_each(text: &str) -> Result<impl Iterator<Item = Result<Self, TypedError>>, TypedError> {
        let (columns, rows) = lb_stats::servers_state(text)?;
        if let Some(missing) = REQUIRED.iter().find(|column| !columns.contains(column)) {
            return Err(TypedError::Column(missing));
        }
        Ok(rows.map(|row| Self::of(row?)))
    }

    fn of(row: ServerStateRow<'_>) -> Result<Self, TypedError> {
        let name = ServerName::new(row.backend.as_ref(), row.server.as_ref());
        let Some(op) = row.op() else {
            return Err(TypedError::OpState { server: name.to_string(), number: row.op_state });
        };
        Ok(Self {
            name,
            op,
            admin: row.admin(),
            backend_id: row.backend_id,
            server_id: row.server_id,
            address: row.address.map(Cow::into_owned),
            port: row.port,
            host_name: row.fqdn.map(Cow::into_owned),
            weight: row.user_weight,
            initial_weight: row.initial_weight,
            has_check: row.check_state & CHECK_CONFIGURED != 0,
            has_agent: row.agent_state & CHECK_CONFIGURED != 0,
            agent_enabled: row.agent_state & CHECK_CONFIGURED_AND_ENABLED == CHECK_CONFIGURED_AND_ENABLED,
            checked: row.check_state & CHECK_CONFIGURED_AND_ENABLED == CHECK_CONFIGURED_AND_ENABLED,
        })
    }

    /// Whether the server takes no new traffic by an operator's or the resolution's doing.
    pub fn is_out(&self) -> bool {
        self.admin.in_maint() || self.admin.in_drain()
    }

    /// The state in words: `ready`, `drain`, `maint`, `maint (inherited)`…, and the operational state if it is not running.
    pub fn words(&self) -> String {
        let admin = match self.admin {
            a if a.intersects(AdminState::FORCED_MAINT) => "in maintenance",
            a if a.intersects(AdminState::INHERITED_MAINT) => "in maintenance inherited from the server it tracks",
            a if a.intersects(AdminState::RESOLUTION_MAINT) => "in maintenance because its name does not resolve",
            a if a.intersects(AdminState::FORCED_DRAIN) => "draining",
            a if a.intersects(AdminState::INHERITED_DRAIN) => "draining as the server it tracks",
            _ => {
                return match self.op {
                    OpState::Stopped => "ready and down".into(),
                    OpState::Starting => "ready and starting".into(),
                    OpState::Running => "ready and running".into(),
                    OpState::Stopping => "ready and stopping".into(),
                };
            }
        };
        admin.to_owned()
    }
}

/// One line of `show sess`: the parts that say who holds what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The engine's handle, `0x…`.
    pub id: String,
    /// Transport and address family of the client's side.
    pub proto: String,
    /// Client's address.
    pub source: String,
    /// Frontend.
    pub frontend: String,
    /// Backend, `<NONE>` if none.
    pub backend: String,
    /// Server, `<none>` if none.
    pub server: String,
    /// How long it has lived, in the engine's words (`1m12s`).
    pub age: String,
}

impl Session {
    /// Reads the short form; the admin connection's own session (frontend `GLOBAL`) is left out.
    pub fn parse_all(text: &str) -> Vec<Self> {
        text.lines().filter_map(Self::parse).filter(|s| s.frontend != "GLOBAL").collect()
    }

    fn parse(line: &str) -> Option<Self> {
        let (id, rest) = line.split_once(": ")?;
        if !id.starts_with("0x") {
            return None;
        }
        let field = |key: &str| {
            let value = rest.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
            value.unwrap_or("").to_owned()
        };
        Some(Self {
            id: id.to_owned(),
            proto: field("proto"),
            source: field("src"),
            frontend: field("fe"),
            backend: field("be"),
            server: field("srv"),
            age: field("age"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states() {
        let text = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight \
                    srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state \
                    srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port\n\
                    3 app 4 web4 127.0.0.1 0 5 1 50 1 1 0 0 14 0 0 0 - 23993\n\n";
        let servers = ServerState::parse_all(text).unwrap();
        let s = &servers[0];
        assert_eq!((s.name.to_string().as_str(), s.backend_id, s.server_id), ("app/web4", 3, 4));
        assert_eq!((s.op, s.admin.bits(), s.weight, s.initial_weight), (OpState::Stopped, 5, 1, 50));
        assert_eq!((s.port, s.checked, s.words().as_str()), (23993, true, "in maintenance"));
        assert!(ServerState::parse_all("Permission denied\n\n").is_err());
        let short = text.replace(" srv_uweight", " x");
        assert_eq!(ServerState::parse_all(&short), Err(TypedError::Column("srv_uweight")));
        let broken = text.replace("127.0.0.1 0 5", "127.0.0.1 9 5");
        let told = ServerState::parse_all(&broken).unwrap_err().to_string();
        assert_eq!(told, "app/web4 has the operational state 9, which means nothing");
    }

    #[test]
    fn sessions() {
        let text = "0x1: proto=tcpv4 src=127.0.0.1:1 fe=tf be=tcpb srv=db1 ts=00 epoch=0 age=1m2s calls=2\n\
                    0x2: proto=unix_stream src=unix:1 fe=GLOBAL be=<NONE> srv=<none> age=0s\n\n";
        let sessions = Session::parse_all(text);
        assert_eq!(sessions.len(), 1);
        assert_eq!((sessions[0].server.as_str(), sessions[0].age.as_str()), ("db1", "1m2s"));
    }
}
