//! `show servers state` (also the server-state file) and `show servers conn`: written and parsed
//! from the same list of columns. Parsing goes by the header, so columns may be missing or unknown.

use std::borrow::Cow;
use std::io::Write;

use lb_model::{AdminState, OpState};

use crate::parse::{Header, ParseError, table_error};
use crate::value::write_int;

/// The first line of `show servers state`: the version of its columns.
pub const SERVERS_STATE_VERSION: &str = "1";

/// How a cell is written and read. `-` stands for nothing.
trait Cell: Default {
    fn write(&self, out: &mut Vec<u8>);
    fn read(text: &str) -> Option<Self>;
}

macro_rules! integer_cells {
    ($($int:ty),*) => { $(
        impl Cell for $int {
            fn write(&self, out: &mut Vec<u8>) {
                write_int(*self, out);
            }
            fn read(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        }
    )* };
}
integer_cells!(u8, u16, i32, u32, u64);

impl Cell for String {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }
    fn read(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl Cell for Cow<'_, str> {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }
    fn read(text: &str) -> Option<Self> {
        Some(Cow::Owned(text.to_owned()))
    }
}

impl<T: Cell> Cell for Option<T> {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Some(cell) => cell.write(out),
            None => out.push(b'-'),
        }
    }
    fn read(text: &str) -> Option<Self> {
        if text == "-" { Some(None) } else { T::read(text).map(Some) }
    }
}

macro_rules! server_state_columns {
    ($( $(#[$doc:meta])* $field:ident: $cell:ty = $column:literal, )*) => {
        /// One line of `show servers state`. What is written borrows its texts.
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub struct ServerStateRow<'a> {
            $( $(#[$doc])* pub $field: $cell, )*
        }

        /// The columns of `show servers state`, in order.
        pub const SERVERS_STATE_COLUMNS: &[&str] = &[ $( $column, )* ];

        impl ServerStateRow<'_> {
            /// Writes the line.
            pub fn write(&self, out: &mut Vec<u8>) {
                let start = out.len();
                $(
                    if out.len() > start {
                        out.push(b' ');
                    }
                    self.$field.write(out);
                )*
                out.push(b'\n');
            }

            /// Where each column of [`SERVERS_STATE_COLUMNS`] stands is found once for all rows.
            fn read(places: &[Option<usize>], line: &str) -> Result<Self, ParseError> {
                let cells: Vec<&str> = line.split_ascii_whitespace().collect();
                let mut row = Self::default();
                let mut places = places.iter().copied();
                $(
                    if let Some(text) = places.next().flatten().and_then(|at| cells.get(at).copied()) {
                        row.$field = Cell::read(text)
                            .ok_or_else(|| ParseError::BadValue { column: $column.into(), text: text.into() })?;
                    }
                )*
                if row.backend.is_empty() || row.server.is_empty() {
                    return Err(ParseError::ShortLine(line.into()));
                }
                Ok(row)
            }
        }
    };
}

server_state_columns! {
    /// Backend's id.
    backend_id: u32 = "be_id",
    /// Backend's name.
    backend: Cow<'a, str> = "be_name",
    /// Server's id.
    server_id: u32 = "srv_id",
    /// Server's name.
    server: Cow<'a, str> = "srv_name",
    /// Address in use.
    address: Option<Cow<'a, str>> = "srv_addr",
    /// Operational state's number; see [`ServerStateRow::op`].
    op_state: u8 = "srv_op_state",
    /// Administrative mask; see [`ServerStateRow::admin`].
    admin_state: u8 = "srv_admin_state",
    /// Weight in use by the user's will.
    user_weight: u32 = "srv_uweight",
    /// Weight of the configuration.
    initial_weight: u32 = "srv_iweight",
    /// Seconds since the state changed.
    since_last_change: u64 = "srv_time_since_last_change",
    /// Number of the last check's status.
    check_status: u32 = "srv_check_status",
    /// Number of the last check's result: 0 unknown, 1 neutral, 2 failed, 3 passed, 4 conditionally passed.
    check_result: u32 = "srv_check_result",
    /// Health counter.
    check_health: i32 = "srv_check_health",
    /// Check state mask: 1 in progress, 2 configured, 4 enabled, 8 paused, 16 agent.
    check_state: u32 = "srv_check_state",
    /// The same mask for the agent check.
    agent_state: u32 = "srv_agent_state",
    /// Whether the backend's id was set in the configuration.
    backend_forced_id: u8 = "bk_f_forced_id",
    /// Whether the server's id was set in the configuration.
    server_forced_id: u8 = "srv_f_forced_id",
    /// Host name, if any.
    fqdn: Option<Cow<'a, str>> = "srv_fqdn",
    /// Port.
    port: u16 = "srv_port",
    /// SRV record, if any.
    srv_record: Option<Cow<'a, str>> = "srvrecord",
    /// Whether TLS is used.
    use_ssl: u8 = "srv_use_ssl",
    /// Port of the check.
    check_port: u16 = "srv_check_port",
    /// Address of the check, if its own.
    check_addr: Option<Cow<'a, str>> = "srv_check_addr",
    /// Address of the agent, if its own.
    agent_addr: Option<Cow<'a, str>> = "srv_agent_addr",
    /// Port of the agent.
    agent_port: u16 = "srv_agent_port",
}

impl ServerStateRow<'_> {
    /// The operational state; `None` for a number without a meaning.
    pub const fn op(&self) -> Option<OpState> {
        OpState::from_number(self.op_state)
    }

    /// The administrative state.
    pub const fn admin(&self) -> AdminState {
        AdminState::from_bits(self.admin_state)
    }
}

/// Writes the version line and the header of `show servers state`.
pub fn write_servers_state_header(out: &mut Vec<u8>) {
    // Writing to a vector cannot fail.
    let _ = writeln!(out, "{SERVERS_STATE_VERSION}\n# {}", SERVERS_STATE_COLUMNS.join(" "));
}

/// Reads an answer to `show servers state`, or a server-state file.
pub fn parse_servers_state(text: &str) -> Result<Vec<ServerStateRow<'static>>, ParseError> {
    servers_state(text)?.1.collect()
}

/// The columns' names of an answer to `show servers state`, and its rows, each read when it is asked for.
///
/// # Errors
/// When it is no such answer.
pub fn servers_state(
    text: &str,
) -> Result<(Vec<&str>, impl Iterator<Item = Result<ServerStateRow<'static>, ParseError>>), ParseError> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    match lines.next().map(str::trim) {
        Some(SERVERS_STATE_VERSION) => {}
        other => return Err(table_error(other)),
    }
    let header = Header::parse(lines.next())?;
    let places: Vec<Option<usize>> = SERVERS_STATE_COLUMNS.iter().map(|column| header.position(column)).collect();
    Ok((header.into_names(), lines.map(move |line| ServerStateRow::read(&places, line))))
}

/// One line of `show servers conn`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConnRow {
    /// Backend's name.
    pub backend: String,
    /// Server's name.
    pub server: String,
    /// Backend's id.
    pub backend_id: u32,
    /// Server's id.
    pub server_id: u32,
    /// Address.
    pub address: Option<String>,
    /// Port.
    pub port: u16,
    /// `pool-purge-delay` in milliseconds.
    pub purge_delay_ms: u32,
    /// Sessions served right now. Absent before 3.x.
    pub served: Option<u32>,
    /// Pooled connections in use right now.
    pub used_cur: u32,
    /// Most of them in use at once, lately.
    pub used_max: u32,
    /// Connections thought to be needed.
    pub need_est: u32,
    /// Idle connections reserved for their session. Absent before 3.x.
    pub idle_sess: Option<u32>,
    /// Idle connections to be reused with care.
    pub unsafe_nb: u32,
    /// Idle connections any request may reuse.
    pub safe_nb: u32,
    /// Limit on idle connections, -1 for none.
    pub idle_limit: i32,
    /// Idle connections right now.
    pub idle_cur: u32,
    /// Idle connections of each thread.
    pub idle_per_thread: Vec<u32>,
}

const CONN_COLUMNS: &str = "bkname/svname bkid/svid addr port - purge_delay served used_cur used_max need_est \
                            idle_sess unsafe_nb safe_nb idle_lim idle_cur idle_per_thr";

/// Writes the header of `show servers conn` for this number of threads.
pub fn write_servers_conn_header(threads: usize, out: &mut Vec<u8>) {
    // Writing to a vector cannot fail.
    let _ = writeln!(out, "# {CONN_COLUMNS}[{threads}]");
}

impl ConnRow {
    /// Writes the line.
    pub fn write(&self, out: &mut Vec<u8>) {
        // Writing to a vector cannot fail.
        let _ = write!(
            out,
            "{}/{} {}/{} {} {} - {} {} {} {} {} {} {} {} {} {}",
            self.backend,
            self.server,
            self.backend_id,
            self.server_id,
            self.address.as_deref().unwrap_or("-"),
            self.port,
            self.purge_delay_ms,
            self.served.unwrap_or(0),
            self.used_cur,
            self.used_max,
            self.need_est,
            self.idle_sess.unwrap_or(0),
            self.unsafe_nb,
            self.safe_nb,
            self.idle_limit,
            self.idle_cur,
        );
        for count in &self.idle_per_thread {
            out.push(b' ');
            write_int(*count, out);
        }
        out.push(b'\n');
    }

    fn read(header: &Header<'_>, line: &str) -> Result<Self, ParseError> {
        let cells: Vec<&str> = line.split_ascii_whitespace().collect();
        let cell = |column| header.cell(&cells, column);
        let short = || ParseError::ShortLine(line.to_owned());
        let (backend, server) = cell("bkname/svname").and_then(|c| c.split_once('/')).ok_or_else(short)?;
        let ids = cell("bkid/svid").and_then(|c| c.split_once('/')).unwrap_or_default();
        let number = |column| cell(column).and_then(u32::read);
        let per_thread = header.position("idle_per_thr").and_then(|at| cells.get(at..)).unwrap_or_default();
        Ok(Self {
            backend: backend.to_owned(),
            server: server.to_owned(),
            backend_id: ids.0.parse().unwrap_or_default(),
            server_id: ids.1.parse().unwrap_or_default(),
            address: cell("addr").and_then(Cell::read).flatten(),
            port: cell("port").and_then(Cell::read).unwrap_or_default(),
            purge_delay_ms: number("purge_delay").unwrap_or_default(),
            served: number("served"),
            used_cur: number("used_cur").unwrap_or_default(),
            used_max: number("used_max").unwrap_or_default(),
            need_est: number("need_est").unwrap_or_default(),
            idle_sess: number("idle_sess"),
            unsafe_nb: number("unsafe_nb").unwrap_or_default(),
            safe_nb: number("safe_nb").unwrap_or_default(),
            idle_limit: cell("idle_lim").and_then(Cell::read).unwrap_or(-1),
            idle_cur: number("idle_cur").unwrap_or_default(),
            idle_per_thread: per_thread.iter().filter_map(|text| text.parse().ok()).collect(),
        })
    }
}

/// Reads an answer to `show servers conn`, of any version.
pub fn parse_servers_conn(text: &str) -> Result<Vec<ConnRow>, ParseError> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let header = Header::parse(lines.next())?;
    lines.map(|line| ConnRow::read(&header, line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: &str = "\
1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight \
srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state \
bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr \
srv_agent_addr srv_agent_port
3 app 1 web01 127.0.0.1 0 1 1 1 0 15 3 0 14 0 0 0 - 8080 - 0 0 - - 0
3 app 2 web02 127.0.0.1 2 0 50 50 1 1 0 0 6 22 0 0 - 8081 - 0 0 - - 8081
";

    #[test]
    fn server_states_survive_a_round_trip() {
        let rows = parse_servers_state(STATE).unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].op(), Some(OpState::Stopped));
        assert_eq!(rows[0].admin(), AdminState::FORCED_MAINT);
        assert_eq!((&*rows[1].server, rows[1].agent_port, &rows[1].fqdn), ("web02", 8081, &None));
        let mut out = Vec::new();
        write_servers_state_header(&mut out);
        rows.iter().for_each(|row| row.write(&mut out));
        assert_eq!(String::from_utf8(out).unwrap(), STATE);
    }

    #[test]
    fn unknown_and_missing_state_columns_are_no_obstacle() {
        let rows = parse_servers_state("1\n# be_name extra srv_name srv_port\napp ? web01 80\n\n").unwrap();
        assert_eq!((&*rows[0].server, rows[0].port, rows[0].check_health), ("web01", 80, 0));
        let wrong = parse_servers_state("1\n# be_name srv_name srv_port\napp web01 http\n").unwrap_err();
        assert_eq!(wrong.to_string(), "column 'srv_port' holds 'http', which is no value for it");
        assert_eq!(
            parse_servers_state("Can't find backend.\n\n").unwrap_err().to_string(),
            "the answer is no table: Can't find backend."
        );
        assert_eq!(parse_servers_state("").unwrap_err().to_string(), "the answer is empty");
        assert!(parse_servers_state("1\n# be_name srv_name\napp\n").is_err());
    }

    #[test]
    fn connections_of_both_versions() {
        let new = "# bkname/svname bkid/svid addr port - purge_delay served used_cur used_max need_est idle_sess \
                   unsafe_nb safe_nb idle_lim idle_cur idle_per_thr[2]\n\
                   app/web01 3/1 127.0.0.1 80 - 5000 1 2 3 4 5 6 7 -1 8 4 4\n";
        let rows = parse_servers_conn(new).unwrap();
        assert_eq!((rows[0].served, rows[0].used_cur, rows[0].idle_limit), (Some(1), 2, -1));
        assert_eq!(rows[0].idle_per_thread, [4, 4]);
        let mut out = Vec::new();
        write_servers_conn_header(2, &mut out);
        rows[0].write(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), new);

        let old = "# bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est unsafe_nb safe_nb \
                   idle_lim idle_cur idle_per_thr[1]\napp/web01 3/1 - 80 - 5000 2 3 4 6 7 9 8\n\n";
        let rows = parse_servers_conn(old).unwrap();
        assert_eq!((rows[0].served, rows[0].used_cur, rows[0].safe_nb, rows[0].idle_limit), (None, 2, 7, 9));
        assert!(rows[0].idle_per_thread.is_empty());
        assert_eq!(rows[0].address, None);
    }
}
