//! What expressions are evaluated against, and what they may depend on at parse time.

use crate::secure::{Secured, Wire};
use crate::{LogRecord, PatternSets, ProcessVars, Sample, Scope, UserLists, Vars};
use lb_table::DataKind;
use std::borrow::Cow;
use std::net::SocketAddr;
use std::ops::ControlFlow;

/// Which message of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// From the client.
    Request,
    /// From the server, or made by the proxy.
    Response,
}

/// A point in time with what is needed to print it in local time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WallTime {
    /// Seconds since 1970-01-01 UTC.
    pub unix_secs: i64,
    /// Microseconds within the second.
    pub micros: u32,
    /// Local time's distance from UTC in seconds, positive to the east.
    pub utc_offset_secs: i32,
}

/// A number a backend knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BackendNumber {
    /// Usable servers (`nbsrv`).
    UsableServers,
    /// Current connections (`be_conn`).
    Connections,
    /// Free connections over all usable servers (`be_conn_free`).
    ConnectionsFree,
    /// Free connections and queue slots over all usable servers (`connslots`).
    ConnectionSlots,
    /// Sessions in the last second (`be_sess_rate`).
    SessionRate,
    /// Queued connections, servers' queues included (`queue`).
    Queue,
    /// Queued connections per usable server (`avg_queue`).
    AverageQueue,
    /// Numeric id (`be_id`).
    Id,
    /// `timeout server` in milliseconds (`be_server_timeout`).
    ServerTimeoutMs,
    /// `timeout tunnel` in milliseconds (`be_tunnel_timeout`).
    TunnelTimeoutMs,
}

/// A number a frontend knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FrontendNumber {
    /// Current connections (`fe_conn`).
    Connections,
    /// HTTP requests in the last second (`fe_req_rate`).
    RequestRate,
    /// Sessions in the last second (`fe_sess_rate`).
    SessionRate,
    /// Numeric id (`fe_id`).
    Id,
    /// `timeout client` in milliseconds (`fe_client_timeout`).
    ClientTimeoutMs,
}

/// A number a server knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServerNumber {
    /// 1 when up, else 0 (`srv_is_up`).
    IsUp,
    /// Current connections (`srv_conn`).
    Connections,
    /// Connections below `maxconn`; -1 without a limit (`srv_conn_free`).
    ConnectionsFree,
    /// Queued connections (`srv_queue`).
    Queue,
    /// Sessions in the last second (`srv_sess_rate`).
    SessionRate,
    /// Current effective weight (`srv_weight`).
    Weight,
    /// Configured weight (`srv_iweight`).
    InitialWeight,
    /// Weight set by the operator (`srv_uweight`).
    UserWeight,
    /// Numeric id (`srv_id`).
    Id,
}

/// A number the process or the stream knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamNumber {
    /// Process id (`pid`).
    Pid,
    /// Data thread serving the stream, from 0 (`thread`).
    Thread,
    /// Data threads.
    ThreadCount,
    /// Connections of the process (`act_conn`).
    ActiveConnections,
    /// Seconds since the start (`uptime`).
    UptimeSecs,
    /// 1 while the process is stopping (`stopping`).
    Stopping,
    /// Numeric id of the listener (`so_id`).
    ListenerId,
    /// Connections of the listener (`dst_conn`).
    ListenerConnections,
    /// Major version of HTTP on the client's side (`fc_http_major`).
    FrontHttpMajor,
    /// Major version of HTTP on the server's side (`bc_http_major`).
    BackHttpMajor,
    /// 1 when the client's address came by the PROXY protocol (`fc_rcvd_proxy`).
    ReceivedProxy,
    /// 1 when the client's connection is encrypted (`ssl_fc`).
    FrontEncrypted,
    /// 1 when the server's connection was reused (`bc_reused`).
    BackReused,
    /// `timeout server` in force, in milliseconds (`cur_server_timeout`).
    ServerTimeoutMs,
    /// `timeout tunnel` in force, in milliseconds (`cur_tunnel_timeout`).
    TunnelTimeoutMs,
    /// `timeout client` in force, in milliseconds (`cur_client_timeout`).
    ClientTimeoutMs,
    /// Bytes of the request's body present (`req.body_len`).
    RequestBodyLen,
    /// Advertised size of the request's body (`req.body_size`).
    RequestBodySize,
    /// How many requests came before this one on its connection (`http_first_req`).
    RequestIndex,
}

/// A server named by an expression; `backend` is `None` for the stream's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ServerRef<'a> {
    /// Backend's name.
    pub backend: Option<&'a str>,
    /// Server's name.
    pub server: &'a str,
}

/// Whose entry of a stick table an expression means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject<'a> {
    /// What the stream's counter of that number tracks.
    Counter(usize),
    /// The client's address.
    Source,
    /// A value.
    Value(&'a Sample<'a>),
}

/// What an expression asks of an entry, and may do to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryQuery {
    /// A number, and its index in an array.
    Value(DataKind, usize),
    /// A total in units of 1024.
    Kilo(DataKind),
    /// Raises the counter of that index, and its rate; gives the value after.
    Increment(usize),
    /// Sets the counter of that index to zero; gives the value before.
    Clear(usize),
    /// Counts a connection; gives their number.
    CountConnection,
    /// 1 when there is an entry.
    Exists,
    /// How many hold the entry.
    Holders,
    /// Milliseconds since it was touched; gives this number when there is no entry.
    Idle(Option<i64>),
    /// Milliseconds it lives yet; gives this number when there is no entry.
    Expire(Option<i64>),
}

/// A number that a stick table knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableNumber {
    /// Entries (`table_cnt`).
    Used,
    /// Entries it still has room for (`table_avl`).
    Available,
}

/// A stream (or whatever stands for one) as expressions see it.
///
/// Every method has a default that answers "not there": an expression that needs it fails, and an
/// ACL on it does not match. Names given to methods are those written in the configuration.
pub trait Context {
    /// The client's address, after the PROXY protocol. `None` for a UNIX socket.
    fn src(&self) -> Option<SocketAddr> {
        None
    }

    /// The address the client connected to.
    fn dst(&self) -> Option<SocketAddr> {
        None
    }

    /// The peer of the accepted connection, before the PROXY protocol.
    fn front_src(&self) -> Option<SocketAddr> {
        self.src()
    }

    /// The local address of the accepted connection, before the PROXY protocol.
    fn front_dst(&self) -> Option<SocketAddr> {
        self.dst()
    }

    /// Local address of the connection to the server.
    fn back_src(&self) -> Option<SocketAddr> {
        None
    }

    /// Address of the server connected to.
    fn back_dst(&self) -> Option<SocketAddr> {
        None
    }

    /// The request's method as received.
    fn method(&self) -> Option<&[u8]> {
        None
    }

    /// The request's target as received: `/path?query`, an absolute URI, `*`.
    fn uri(&self) -> Option<&[u8]> {
        None
    }

    /// Major and minor version of a message.
    fn version(&self, side: Side) -> Option<(u8, u8)> {
        let _ = side;
        None
    }

    /// The response's status.
    fn status(&self) -> Option<u16> {
        None
    }

    /// Which message rules are looking at: what `hdr()` without a side means.
    fn current_side(&self) -> Side {
        Side::Request
    }

    /// Calls `visit` with name and value of each header line in order, until it breaks.
    fn headers<'a>(&'a self, side: Side, visit: &mut dyn FnMut(&'a [u8], &'a [u8]) -> ControlFlow<()>) {
        let _ = (side, visit);
    }

    /// The part of the request's body that is buffered.
    fn request_body(&self) -> Option<Cow<'_, [u8]>> {
        None
    }

    /// Bytes received from the client and not yet forwarded.
    fn request_buffer(&self) -> Option<&[u8]> {
        None
    }

    /// Whether more bytes may come, upon which a value may be another one. That it was asked is noted.
    fn awaits_more(&self) -> bool {
        false
    }

    /// Whether [`Self::awaits_more`] said yes since this was asked.
    fn take_awaited(&self) -> bool {
        false
    }

    /// Bytes received from a server, or by a health check, and not yet judged.
    fn response_buffer(&self) -> Option<&[u8]> {
        None
    }

    /// The part of a response's body that a health check received.
    fn response_body(&self) -> Option<Cow<'_, [u8]>> {
        None
    }

    /// The frontend's name.
    fn frontend_name(&self) -> Option<&str> {
        None
    }

    /// The name of the frontend's `default_backend`.
    fn default_backend_name(&self) -> Option<&str> {
        None
    }

    /// The backend's name, once chosen.
    fn backend_name(&self) -> Option<&str> {
        None
    }

    /// The server's name, once chosen.
    fn server_name(&self) -> Option<Cow<'_, str>> {
        None
    }

    /// The listener's `name`.
    fn listener_name(&self) -> Option<&str> {
        None
    }

    /// The machine's host name.
    fn hostname(&self) -> Option<&str> {
        None
    }

    /// The stream's unique id (`unique-id-format`).
    fn unique_id(&self) -> Option<&str> {
        None
    }

    /// The time of the evaluation.
    fn now(&self) -> Option<WallTime> {
        None
    }

    /// A fresh random number.
    fn random(&self) -> Option<u32> {
        None
    }

    /// A number of the named backend, or of the stream's own.
    fn backend_number(&self, backend: Option<&str>, what: BackendNumber) -> Option<i64> {
        let _ = (backend, what);
        None
    }

    /// A number of the named frontend, or of the stream's own.
    fn frontend_number(&self, frontend: Option<&str>, what: FrontendNumber) -> Option<i64> {
        let _ = (frontend, what);
        None
    }

    /// A number of a server; `None` stands for the stream's own.
    fn server_number(&self, server: Option<ServerRef<'_>>, what: ServerNumber) -> Option<i64> {
        let _ = (server, what);
        None
    }

    /// A number of the stream or the process.
    fn number(&self, what: StreamNumber) -> Option<i64> {
        let _ = what;
        None
    }

    /// The variables of that scope; `None` while there is no such scope. Those of the process are never asked for.
    fn vars(&self, scope: Scope) -> Option<&Vars> {
        let _ = scope;
        None
    }

    /// A number of an entry of the named stick table; without a name, of the table the counter tracks or of the section's
    /// own.
    fn entry_number(&self, table: Option<&str>, subject: Subject<'_>, query: EntryQuery) -> Option<i64> {
        let _ = (table, subject, query);
        None
    }

    /// A number of the named stick table, or of the section's own.
    fn table_number(&self, table: Option<&str>, what: TableNumber) -> Option<i64> {
        let _ = (table, what);
        None
    }

    /// The key that the counter of that number tracks.
    fn tracked_key(&self, counter: usize) -> Option<Sample<'static>> {
        let _ = counter;
        None
    }

    /// An extension of the PROXY header that the client's connection began with.
    fn announced(&self, kind: u8) -> Option<&[u8]> {
        let _ = kind;
        None
    }

    /// A connection's security; `None`: it is plain.
    fn secured(&self, wire: Wire) -> Option<&Secured> {
        let _ = wire;
        None
    }

    /// A header captured by the `index`-th `capture request header` (or `response`).
    fn captured_header(&self, side: Side, index: usize) -> Option<&[u8]> {
        let _ = (side, index);
        None
    }

    /// How many headers of this side are captured by configuration.
    fn captured_header_count(&self, side: Side) -> usize {
        let _ = side;
        0
    }

    /// The cookie captured by `capture cookie`, `name=value`.
    fn captured_cookie(&self, side: Side) -> Option<&[u8]> {
        let _ = side;
        None
    }

    /// The request line as logged, when it differs from method, target and version joined: a bad
    /// request keeps what was received, as `<BADREQ>` replaces a missing one.
    fn logged_request(&self) -> Option<&[u8]> {
        None
    }

    /// The numbers a log line shows.
    fn log(&self) -> LogRecord {
        LogRecord::default()
    }
}

/// A context in which nothing is there, for constant expressions.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nothing;

impl Context for Nothing {}

/// What parsing may ask of the world: files for `-f`, the environment for `env()`.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// Reads a pattern file; the error is the system's reason.
    pub read_file: &'a dyn Fn(&str) -> Result<Vec<u8>, String>,
    /// Looks an environment variable up.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// The variables of the process. Without it each expression has its own.
    pub vars: Option<&'a ProcessVars>,
    /// The sets of patterns. Without it each expression has its own.
    pub patterns: Option<&'a PatternSets>,
    /// The user lists. Without it each expression has its own, an empty one.
    pub users: Option<&'a UserLists>,
    /// File and line of the expression, for descriptions.
    pub place: (&'a str, u32),
}

impl Default for Sources<'_> {
    /// Nothing: no file can be read, no variable is set.
    fn default() -> Self {
        Self {
            read_file: &|_| Err("No such file or directory".to_owned()),
            env: &|_| None,
            vars: None,
            patterns: None,
            users: None,
            place: ("", 0),
        }
    }
}

impl std::fmt::Debug for Sources<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sources")
    }
}

/// An object of the configuration that an expression names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// A backend.
    Backend(String),
    /// A frontend.
    Frontend(String),
    /// A server; without a backend, the section's own.
    Server {
        /// Backend's name.
        backend: Option<String>,
        /// Server's name.
        server: String,
    },
    /// A stick table; without a name, the section's own.
    Table(Option<String>),
    /// A stick counter.
    Counter(usize),
    /// A user list.
    UserList(String),
    /// A group of a user list.
    Group {
        /// The list's name.
        list: String,
        /// The group's name.
        group: String,
    },
}
