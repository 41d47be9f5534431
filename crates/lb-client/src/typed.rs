//! Answers as types: statistics rows, server states, server connections, process information,
//! sessions. Columns are found by their header's names, since each version has its own set.

use std::sync::Arc;

use lb_model::{AdminState, OpState};

use crate::ServerName;

/// Why an answer cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TypedError {
    /// The header line is missing or unlike what was expected.
    #[error("expected a header beginning with '{expected}', found '{found}'")]
    Header {
        /// How the header begins.
        expected: &'static str,
        /// What was there.
        found: String,
    },
    /// A column that every version has is missing.
    #[error("the column '{0}' is missing")]
    Column(&'static str),
    /// A field does not hold what its column promises.
    #[error("line {line}: '{value}' is no value for '{column}'")]
    Value {
        /// Line of the answer, from 1.
        line: usize,
        /// The column.
        column: &'static str,
        /// The text found.
        value: String,
    },
    /// The CSV is malformed.
    #[error("line {line} is not proper CSV")]
    Csv {
        /// Line of the answer, from 1.
        line: usize,
    },
    /// A word that is not among the expected ones.
    #[error("'{0}' is not an access level")]
    Level(String),
}

fn shorten(text: &str) -> String {
    text.chars().take(60).collect()
}

/// `show stat` as rows with named columns.
#[derive(Debug, Clone)]
pub struct StatTable {
    header: Arc<csv::StringRecord>,
    rows: Vec<csv::StringRecord>,
}

/// One row of [`StatTable`].
#[derive(Debug, Clone, Copy)]
pub struct StatRow<'a> {
    header: &'a csv::StringRecord,
    fields: &'a csv::StringRecord,
}

impl StatTable {
    /// Reads the CSV form, header included.
    ///
    /// # Errors
    /// [`TypedError`] when it is not that form.
    pub fn parse(text: &str) -> Result<Self, TypedError> {
        let Some(body) = text.strip_prefix("# ") else {
            let found = shorten(text.lines().next().unwrap_or(""));
            return Err(TypedError::Header { expected: "# pxname", found });
        };
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(body.as_bytes());
        let mut records = reader.records().enumerate();
        let header = match records.next() {
            Some((_, Ok(record))) if record.get(0) == Some("pxname") => record,
            _ => return Err(TypedError::Header { expected: "# pxname", found: shorten(body) }),
        };
        let mut rows = Vec::new();
        for (index, record) in records {
            let record = record.map_err(|_| TypedError::Csv { line: index + 1 })?;
            rows.push(record);
        }
        Ok(Self { header: Arc::new(header), rows })
    }

    /// The columns' names in wire order; the wire's trailing comma makes no column.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.header.iter().filter(|name| !name.is_empty())
    }

    /// The rows in wire order.
    pub fn rows(&self) -> impl Iterator<Item = StatRow<'_>> {
        self.rows.iter().map(|fields| StatRow { header: &self.header, fields })
    }
}

impl<'a> StatRow<'a> {
    /// A field by its column's name; empty where the row has no such value or column.
    pub fn get(&self, column: &str) -> &'a str {
        let fields = self.fields;
        self.header.iter().position(|name| name == column).and_then(|at| fields.get(at)).unwrap_or("")
    }

    /// All fields with their columns' names.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let fields = self.fields;
        self.header
            .iter()
            .enumerate()
            .filter(|(_, name)| !name.is_empty())
            .map(move |(at, name)| (name, fields.get(at).unwrap_or("")))
    }

    /// A field as a number.
    pub fn number(&self, column: &str) -> Option<u64> {
        self.get(column).parse().ok()
    }

    /// Proxy's name.
    pub fn proxy(&self) -> &'a str {
        self.get("pxname")
    }

    /// `FRONTEND`, `BACKEND`, or the server's or listener's name.
    pub fn service(&self) -> &'a str {
        self.get("svname")
    }

    /// Whether the row is a server's (by its `type`, since a server may be called `BACKEND`).
    pub fn is_server(&self) -> bool {
        self.get("type") == "2"
    }

    /// Sessions on the row's object and requests waiting for it: what keeps a server from being drained.
    pub fn load(&self) -> (u64, u64) {
        (self.number("scur").unwrap_or(0), self.number("qcur").unwrap_or(0))
    }
}

/// One line of `show servers state`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerState {
    /// Its name.
    pub name: ServerName,
    /// Backend's id in this process.
    pub backend_id: u32,
    /// Server's id in its backend.
    pub server_id: u32,
    /// Address; `-` when the host name is not resolved.
    pub address: String,
    /// Port, 0 when it is the client's.
    pub port: u16,
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
}

/// The check-state bits: configured 2, enabled 4, paused 8.
const CHECK_CONFIGURED_AND_ENABLED: u32 = 2 | 4;

impl ServerState {
    /// Reads the whole answer of `show servers state`.
    ///
    /// # Errors
    /// [`TypedError`] when it is not that answer.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, TypedError> {
        let mut lines = text.lines().enumerate();
        // The first line is the format's version; the header that follows is what is relied upon.
        let header = lines.by_ref().find_map(|(_, l)| l.strip_prefix("# "));
        let Some(header) = header else {
            return Err(TypedError::Header { expected: "# be_id", found: shorten(text.lines().next().unwrap_or("")) });
        };
        let names: Vec<&str> = header.split(' ').collect();
        let at = |column: &'static str| names.iter().position(|n| *n == column).ok_or(TypedError::Column(column));
        let (be_id, be_name, srv_id, srv_name) = (at("be_id")?, at("be_name")?, at("srv_id")?, at("srv_name")?);
        let (op, admin) = (at("srv_op_state")?, at("srv_admin_state")?);
        let (weight, initial) = (at("srv_uweight")?, at("srv_iweight")?);
        let (addr, port, check) = (at("srv_addr")?, at("srv_port")?, at("srv_check_state")?);
        let mut servers = Vec::new();
        for (index, line) in lines.filter(|(_, l)| !l.is_empty()) {
            let fields: Vec<&str> = line.split(' ').collect();
            let field = |at: usize| fields.get(at).copied().unwrap_or("");
            let number = |at: usize, column: &'static str| {
                field(at).parse::<u32>().map_err(|_| TypedError::Value {
                    line: index + 1,
                    column,
                    value: shorten(field(at)),
                })
            };
            let op_number = number(op, "srv_op_state")?;
            servers.push(Self {
                name: ServerName::new(field(be_name), field(srv_name)),
                backend_id: number(be_id, "be_id")?,
                server_id: number(srv_id, "srv_id")?,
                address: field(addr).to_owned(),
                port: u16::try_from(number(port, "srv_port")?).unwrap_or(0),
                op: u8::try_from(op_number).ok().and_then(OpState::from_number).ok_or_else(|| TypedError::Value {
                    line: index + 1,
                    column: "srv_op_state",
                    value: op_number.to_string(),
                })?,
                admin: AdminState::from_bits((number(admin, "srv_admin_state")? & 0x7f) as u8),
                weight: number(weight, "srv_uweight")?,
                initial_weight: number(initial, "srv_iweight")?,
                checked: number(check, "srv_check_state")? & CHECK_CONFIGURED_AND_ENABLED
                    == CHECK_CONFIGURED_AND_ENABLED,
            });
        }
        Ok(servers)
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

/// One line of `show servers conn`. Columns a version does not have are `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConn {
    /// Its name.
    pub name: ServerName,
    /// Connections in use, those of sessions included (3.x).
    pub served: Option<u64>,
    /// Idle connections kept.
    pub idle: Option<u64>,
    /// Connections used by the multiplexers; 0 for live TCP sessions, so no measure of a drain.
    pub used: Option<u64>,
}

impl ServerConn {
    /// Reads the whole answer of `show servers conn`.
    ///
    /// # Errors
    /// [`TypedError`] when it is not that answer.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, TypedError> {
        let mut lines = text.lines();
        let first = lines.next().unwrap_or("");
        let Some(header) = first.strip_prefix("# ") else {
            return Err(TypedError::Header { expected: "# bkname/svname", found: shorten(first) });
        };
        let names: Vec<&str> = header.split(' ').collect();
        let at = |column: &str| names.iter().position(|n| *n == column);
        let (served, idle, used) = (at("served"), at("idle_cur"), at("used_cur"));
        let name_at = at("bkname/svname").ok_or(TypedError::Column("bkname/svname"))?;
        let rows = lines.filter(|l| !l.is_empty()).filter_map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            let number = |at: Option<usize>| fields.get(at?).and_then(|v| v.parse().ok());
            let (backend, server) = fields.get(name_at)?.split_once('/')?;
            Some(Self {
                name: ServerName::new(backend, server),
                served: number(served),
                idle: number(idle),
                used: number(used),
            })
        });
        Ok(rows.collect())
    }
}

/// `show info` as pairs, in the engine's order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Info {
    pairs: Vec<(String, String)>,
}

impl Info {
    /// Reads the plain form.
    ///
    /// # Errors
    /// [`TypedError::Header`] when no line is `key: value`.
    pub fn parse(text: &str) -> Result<Self, TypedError> {
        let pairs: Vec<_> = text
            .lines()
            .filter(|l| !l.is_empty())
            .filter_map(|l| l.split_once(": ").or_else(|| l.strip_suffix(':').map(|k| (k, ""))))
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect();
        if pairs.is_empty() {
            return Err(TypedError::Header { expected: "Name: ", found: shorten(text.lines().next().unwrap_or("")) });
        }
        Ok(Self { pairs })
    }

    /// A value by its key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.pairs.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// All pairs.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(k, v)| (k.as_str(), v.as_str()))
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
    fn stat_goes_by_the_header() {
        let text = "# svname_is_not_first,\n";
        assert!(StatTable::parse(text).is_err());
        let text = "# pxname,svname,qcur,scur,type,status,last_chk,\n\
                    app,web1,1,2,2,UP 1/3,\"a, \"\"b\"\"\",\napp,BACKEND,,3,1,UP,,\n\n";
        let table = StatTable::parse(text).unwrap();
        let rows: Vec<_> = table.rows().collect();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].load(), (2, 1));
        assert_eq!(rows[0].get("last_chk"), "a, \"b\"");
        assert_eq!(rows[0].get("nope"), "");
        assert!(rows[0].is_server() && !rows[1].is_server());
        assert_eq!(table.columns().count(), 7);
        assert_eq!(rows[1].fields().count(), 7);
    }

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
        let broken = text.replace("127.0.0.1 0 5", "127.0.0.1 x 5");
        let told = ServerState::parse_all(&broken).unwrap_err().to_string();
        assert_eq!(told, "line 3: 'x' is no value for 'srv_op_state'");
    }

    #[test]
    fn conns_of_both_versions() {
        let old = "# bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est unsafe_nb safe_nb \
                   idle_lim idle_cur idle_per_thr[1]\napp/web1 3/1 127.0.0.1 80 - 5000 4 1 1 0 0 -1 7 0\n\n";
        let new =
            "# bkname/svname bkid/svid addr port - purge_delay served used_cur\napp/web1 3/1 127.0.0.1 80 - 5000 2 0\n";
        let got = |t| ServerConn::parse_all(t).unwrap().remove(0);
        assert_eq!((got(old).served, got(old).idle, got(old).used), (None, Some(7), Some(4)));
        assert_eq!((got(new).served, got(new).idle, got(new).used), (Some(2), None, Some(0)));
    }

    #[test]
    fn info_and_sessions() {
        let info = Info::parse("Name: HAProxy\nVersion: 2.6.12-1\ndescription:\n\n").unwrap();
        assert_eq!((info.get("Version"), info.get("description")), (Some("2.6.12-1"), Some("")));
        assert!(Info::parse("hello\n").is_err());
        let text = "0x1: proto=tcpv4 src=127.0.0.1:1 fe=tf be=tcpb srv=db1 ts=00 epoch=0 age=1m2s calls=2\n\
                    0x2: proto=unix_stream src=unix:1 fe=GLOBAL be=<NONE> srv=<none> age=0s\n\n";
        let sessions = Session::parse_all(text);
        assert_eq!(sessions.len(), 1);
        assert_eq!((sessions[0].server.as_str(), sessions[0].age.as_str()), ("db1", "1m2s"));
    }
}
