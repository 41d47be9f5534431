//! The numbers of a log line.

use crate::WallTime;
use lb_model::Termination;

/// Third and fourth letters of an HTTP termination state: what became of the persistence cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CookieStatus {
    /// What the client sent: `N` none, `I` invalid, `D` a server down, `V` valid, `E` expired,
    /// `O` old, `U` unused, `-` no cookie configured.
    pub client: char,
    /// What was done to the response's: `N` nothing, `I` inserted, `U` updated, `P` provided by the server,
    /// `R` rewritten, `D` deleted, `-` no cookie configured.
    pub server: char,
}

impl Default for CookieStatus {
    fn default() -> Self {
        Self { client: '-', server: '-' }
    }
}

/// All numbers a log line can show. Durations are milliseconds; -1 says that the phase was not reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogRecord {
    /// When the connection was accepted (`%t`); for a request after the first on a connection, when it could start.
    pub accepted: WallTime,
    /// When the request's first byte arrived (`%tr`).
    pub requested: WallTime,
    /// Handshakes of the connection (`%Th`).
    pub handshake_ms: i64,
    /// Idle time before the request (`%Ti`).
    pub idle_ms: i64,
    /// First byte to the end of the request's head (`%TR`).
    pub request_ms: i64,
    /// In queues (`%Tw`).
    pub queue_ms: i64,
    /// Connecting, retries included (`%Tc`).
    pub connect_ms: i64,
    /// Until the response's head (`%Tr`).
    pub response_ms: i64,
    /// Transferring data (`%Td`).
    pub data_ms: i64,
    /// First byte of the request to the end (`%Ta`).
    pub active_ms: i64,
    /// From accept to the end (`%Tt`).
    pub total_ms: i64,
    /// As the user feels it: from accept to the end without idle time (`%Tu`).
    pub user_ms: i64,
    /// Logged before the end (`option logasap`): times and sizes get a `+`.
    pub early: bool,
    /// Bytes sent to the client (`%B`).
    pub bytes_read: u64,
    /// Bytes received from the client (`%U`).
    pub bytes_uploaded: u64,
    /// Status answered to the client (`%ST`); -1 for none in HTTP mode, 0 in TCP mode.
    pub status: i32,
    /// How the session ended (`%ts`).
    pub termination: Termination,
    /// What became of the persistence cookie (`%tsc`).
    pub cookie: CookieStatus,
    /// Connections of the process (`%ac`).
    pub active_connections: u32,
    /// Connections of the frontend (`%fc`).
    pub frontend_connections: u32,
    /// Connections of the backend (`%bc`).
    pub backend_connections: u32,
    /// Connections of the server (`%sc`).
    pub server_connections: u32,
    /// Connect retries (`%rc`).
    pub retries: u32,
    /// Another server was chosen after the retries (`+` before `%rc`).
    pub redispatched: bool,
    /// Requests served before this one from the server's queue (`%sq`).
    pub server_queue: u32,
    /// Requests served before this one from the backend's queue (`%bq`).
    pub backend_queue: u32,
    /// Number of the request (or TCP session) in the process (`%rt`).
    pub request_counter: u64,
    /// Log lines sent by the frontend (`%lc`).
    pub log_counter: u64,
    /// Shown in place of a server's name: `<NOSRV>`, or `<STATS>` for the statistics page.
    pub no_server: &'static str,
    /// What made the line (`%OG`): `txn_close`, `sess_error`, …
    pub origin: &'static str,
    /// Why the client's connection could not be used (`fc_err`); 0: it could.
    pub front_error: u8,
}

impl LogRecord {
    /// `%Tq`: handshakes, idle time and receiving the request; -1 when no request came.
    pub fn query_ms(&self) -> i64 {
        if self.request_ms < 0 { -1 } else { self.handshake_ms + self.idle_ms + self.request_ms }
    }
}

impl Default for LogRecord {
    fn default() -> Self {
        Self {
            accepted: WallTime::default(),
            requested: WallTime::default(),
            handshake_ms: 0,
            idle_ms: 0,
            request_ms: -1,
            queue_ms: -1,
            connect_ms: -1,
            response_ms: -1,
            data_ms: -1,
            active_ms: -1,
            total_ms: -1,
            user_ms: -1,
            early: false,
            bytes_read: 0,
            bytes_uploaded: 0,
            status: -1,
            termination: Termination::default(),
            cookie: CookieStatus::default(),
            active_connections: 0,
            frontend_connections: 0,
            backend_connections: 0,
            server_connections: 0,
            retries: 0,
            redispatched: false,
            server_queue: 0,
            backend_queue: 0,
            request_counter: 0,
            log_counter: 0,
            no_server: "<NOSRV>",
            origin: "unspec",
            front_error: 0,
        }
    }
}
