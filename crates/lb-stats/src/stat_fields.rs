//! The columns of `show stat`: one table, from which every form is written.
//!
//! Positions, names, tags and types are those a running HAProxy 3.x prints in `show stat typed`.

use crate::tags::{Kinds, Nature, ObjectKind, Origin, Persistence, Scope, Tags, ValueType};

macro_rules! stat_fields {
    ($(
        $pos:literal, $variant:ident, $name:literal,
        $origin:ident $nature:ident $scope:ident $persistence:ident
        $(backend: $b_origin:ident $b_nature:ident $b_scope:ident $b_persistence:ident)?,
        $value_type:ident, [$($kind:ident)*], $desc:literal;
    )*) => {
        /// A column of `show stat`. The number is its position in the typed and JSON forms.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        #[expect(missing_docs, reason = "each variant is documented by its description")]
        pub enum StatField {
            $( $variant = $pos, )*
        }

        impl StatField {
            /// Every field, in wire order.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            /// The column's name on the wire.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )* }
            }

            /// Position in the typed and JSON forms.
            pub const fn position(self) -> u8 {
                self as u8
            }

            /// What the field tells, as printed by `show stat typed desc`.
            pub const fn description(self) -> &'static str {
                match self { $( Self::$variant => $desc, )* }
            }

            /// Whether HAProxy 2.6 has the column, too.
            pub const fn is_in_2_6(self) -> bool {
                // Its own ones end at 102; of those of modules, which stand behind, it lacks two.
                self.position() <= 102
                    || (self.position() >= 119 && !matches!(self, Self::SslOcspStaple | Self::SslFailedOcspStaple))
            }

            /// The type of the field's value.
            pub const fn value_type(self) -> ValueType {
                match self { $( Self::$variant => ValueType::$value_type, )* }
            }

            /// The kinds of objects that may have the field.
            pub const fn kinds(self) -> Kinds {
                match self { $( Self::$variant => const { Kinds::of(&[ $(ObjectKind::$kind),* ]) }, )* }
            }

            /// The field's tags in a row of this kind. A few gauges of a server are sums or maxima in its backend.
            pub const fn tags(self, kind: ObjectKind) -> Tags {
                match (self, kind) {
                    $( $( (Self::$variant, ObjectKind::Backend) => Tags {
                        origin: Origin::$b_origin,
                        nature: Nature::$b_nature,
                        scope: Scope::$b_scope,
                        persistence: Persistence::$b_persistence,
                    }, )? )*
                    $( (Self::$variant, _) => Tags {
                        origin: Origin::$origin,
                        nature: Nature::$nature,
                        scope: Scope::$scope,
                        persistence: Persistence::$persistence,
                    }, )*
                }
            }

            /// The middle of a typed line: `7.stot.1:`, with the process number that is always 1.
            pub(crate) const fn typed_prefix(self) -> &'static str {
                match self { $( Self::$variant => concat!($pos, ".", $name, ".1:"), )* }
            }
        }
    };
}

impl StatField {
    /// The first field kept by a module. In CSV a column named `-` stands before it.
    pub const FIRST_MODULE_FIELD: Self = Self::H2HeadersRcvd;

    /// The field of this wire name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|f| f.name() == name)
    }
}

stat_fields! {
    0, Pxname, "pxname", Key Name Service Volatile, Str, [Frontend Backend Server Listener],
        "Proxy the row belongs to";
    1, Svname, "svname", Key Name Service Volatile, Str, [Frontend Backend Server Listener],
        "Server or listener name, or the word FRONTEND or BACKEND";
    2, Qcur, "qcur", Metric Gauge Process Volatile, U32, [Backend Server],
        "Requests waiting in the queue right now";
    3, Qmax, "qmax", Metric Max Process Volatile, U32, [Backend Server],
        "Longest the queue has been";
    4, Scur, "scur", Metric Gauge Process Volatile, U32, [Frontend Backend Server Listener],
        "Sessions open right now";
    5, Smax, "smax", Metric Max Process Volatile, U32, [Frontend Backend Server Listener],
        "Most sessions open at once";
    6, Slim, "slim", Config Limit Process Volatile, U32, [Frontend Backend Server Listener],
        "Limit on concurrent sessions (maxconn; for a backend, its fullconn)";
    7, Stot, "stot", Metric Counter Process Persistent, U64, [Frontend Backend Server Listener],
        "Sessions accepted or handled in all";
    8, Bin, "bin", Metric Counter Process Persistent, U64, [Frontend Backend Server Listener],
        "Bytes received from clients or sent to servers as requests";
    9, Bout, "bout", Metric Counter Process Persistent, U64, [Frontend Backend Server Listener],
        "Bytes sent to clients or received from servers as responses";
    10, Dreq, "dreq", Metric Counter Process Persistent, U64, [Frontend Backend Listener],
        "Requests refused by a rule";
    11, Dresp, "dresp", Metric Counter Process Persistent, U64, [Frontend Backend Server Listener],
        "Responses refused by a rule";
    12, Ereq, "ereq", Metric Counter Process Persistent, U64, [Frontend Listener],
        "Requests that were invalid, timed out or were cut before being complete";
    13, Econ, "econ", Metric Counter Process Persistent, U64, [Backend Server],
        "Failed attempts to connect to a server";
    14, Eresp, "eresp", Metric Counter Process Persistent, U64, [Backend Server],
        "Responses that were invalid or cut short";
    15, Wretr, "wretr", Metric Counter Process Persistent, U64, [Backend Server],
        "Connection attempts made again on the same server";
    16, Wredis, "wredis", Metric Counter Process Persistent, U64, [Backend Server],
        "Requests sent to another server after the first one failed";
    17, Status, "status", Status Gauge Process Volatile, Str, [Frontend Backend Server Listener],
        "State: OPEN, PAUSED, FULL or STOP for a frontend or listener; UP, DOWN, MAINT, DRAIN, NOLB or 'no check' otherwise";
    18, Weight, "weight", Metric Avg Process Volatile, U32, [Backend Server],
        "Weight in effect: of the server, or summed over a backend's servers in use";
    19, Act, "act", Status Gauge Process Volatile backend: Metric Gauge Process Volatile, U32, [Backend Server],
        "Usable non-backup servers of a backend; 1 on a non-backup server";
    20, Bck, "bck", Status Gauge Process Volatile backend: Metric Gauge Process Volatile, U32, [Backend Server],
        "Usable backup servers of a backend; 1 on a backup server";
    21, Chkfail, "chkfail", Metric Counter Process Persistent, U64, [Server],
        "Health checks that failed";
    22, Chkdown, "chkdown", Metric Counter Process Persistent, U64, [Backend Server],
        "Times the object went from UP to DOWN";
    23, Lastchg, "lastchg", Metric Age Process Persistent, U32, [Backend Server],
        "Seconds since the state last changed";
    24, Downtime, "downtime", Metric Counter Process Volatile, U32, [Backend Server],
        "Seconds spent DOWN in all";
    25, Qlimit, "qlimit", Config Gauge Service Volatile, U32, [Server],
        "Limit on requests queued for this server (maxqueue), if any";
    26, Pid, "pid", Key Gauge Process Volatile, U32, [Frontend Backend Server Listener],
        "Number of the worker process, always 1";
    27, Iid, "iid", Key Gauge Service Volatile, U32, [Frontend Backend Server Listener],
        "Numeric id of the proxy";
    28, Sid, "sid", Key Gauge Service Volatile, U32, [Frontend Backend Server Listener],
        "Numeric id of the server or listener in its proxy, 0 for the proxy itself";
    29, Throttle, "throttle", Metric Avg Process Volatile, U32, [Server],
        "Share of its weight a server gets during slow start, in percent";
    30, Lbtot, "lbtot", Metric Counter Process Persistent, U64, [Backend Server],
        "Times the load balancer chose this server or backend";
    31, Tracked, "tracked", Config Name Service Volatile, Str, [Server],
        "Server whose state this one follows, as backend/server";
    32, Type, "type", Config Gauge Service Volatile, U32, [Frontend Backend Server Listener],
        "Kind of row: 0 frontend, 1 backend, 2 server, 3 listener";
    33, Rate, "rate", Metric Rate Process Persistent, U32, [Frontend Backend Server],
        "Sessions that began within the last second";
    34, RateLim, "rate_lim", Config Limit Process Volatile, U32, [Frontend],
        "Limit on sessions that may begin each second";
    35, RateMax, "rate_max", Metric Max Process Volatile backend: Metric Gauge Process Volatile, U32, [Frontend Backend Server],
        "Most sessions that began within one second";
    36, CheckStatus, "check_status", Metric Output Process Volatile, Str, [Server],
        "Code of the last health check's result, after '* ' while a check runs";
    37, CheckCode, "check_code", Metric Output Process Volatile, U32, [Server],
        "Status code the server gave to the last health check";
    38, CheckDuration, "check_duration", Metric Duration Process Volatile, U64, [Server],
        "Milliseconds the last health check took";
    39, Hrsp1xx, "hrsp_1xx", Metric Counter Process Persistent, U64, [Frontend Backend Server],
        "HTTP responses with a 1xx status";
    40, Hrsp2xx, "hrsp_2xx", Metric Counter Process Persistent, U64, [Frontend Backend Server],
        "HTTP responses with a 2xx status";
    41, Hrsp3xx, "hrsp_3xx", Metric Counter Process Persistent, U64, [Frontend Backend Server],
        "HTTP responses with a 3xx status";
    42, Hrsp4xx, "hrsp_4xx", Metric Counter Process Persistent, U64, [Frontend Backend Server],
        "HTTP responses with a 4xx status";
    43, Hrsp5xx, "hrsp_5xx", Metric Counter Process Persistent, U64, [Frontend Backend Server],
        "HTTP responses with a 5xx status";
    44, HrspOther, "hrsp_other", Metric Counter Process Persistent, U64, [Frontend Backend Server],
        "HTTP responses with any other status, and sessions that ended in an error before one";
    45, Hanafail, "hanafail", Metric Counter Process Persistent, U64, [Server],
        "Failures seen in live traffic by 'observe'";
    46, ReqRate, "req_rate", Metric Rate Process Persistent, U32, [Frontend],
        "HTTP requests received within the last second";
    47, ReqRateMax, "req_rate_max", Metric Max Process Volatile, U32, [Frontend],
        "Most HTTP requests received within one second";
    48, ReqTot, "req_tot", Metric Counter Process Persistent, U64, [Frontend Backend Server],
        "HTTP requests received in all";
    49, CliAbrt, "cli_abrt", Metric Counter Process Persistent, U64, [Backend Server],
        "Transfers given up by the client";
    50, SrvAbrt, "srv_abrt", Metric Counter Process Persistent, U64, [Backend Server],
        "Transfers given up by the server";
    51, CompIn, "comp_in", Metric Counter Process Persistent, U64, [Frontend Backend],
        "Response bytes offered to compression";
    52, CompOut, "comp_out", Metric Counter Process Persistent, U64, [Frontend Backend],
        "Response bytes that left compression";
    53, CompByp, "comp_byp", Metric Counter Process Persistent, U64, [Frontend Backend],
        "Response bytes that passed uncompressed";
    54, CompRsp, "comp_rsp", Metric Counter Process Persistent, U64, [Frontend Backend],
        "HTTP responses that were compressed";
    55, Lastsess, "lastsess", Metric Age Process Persistent, S32, [Backend Server],
        "Seconds since the last session was given to this object, -1 if none was";
    56, LastChk, "last_chk", Metric Output Process Volatile, Str, [Server],
        "What the last health check found, in short";
    57, LastAgt, "last_agt", Metric Output Process Volatile, Str, [Server],
        "What the last agent check found, in short";
    58, Qtime, "qtime", Metric Avg Process Volatile, U32, [Backend Server],
        "Mean milliseconds in the queue over the last 1024 requests";
    59, Ctime, "ctime", Metric Avg Process Volatile, U32, [Backend Server],
        "Mean milliseconds to connect over the last 1024 requests";
    60, Rtime, "rtime", Metric Avg Process Volatile, U32, [Backend Server],
        "Mean milliseconds until the response began over the last 1024 requests";
    61, Ttime, "ttime", Metric Avg Process Volatile, U32, [Backend Server],
        "Mean milliseconds from first to last byte over the last 1024 requests";
    62, AgentStatus, "agent_status", Metric Output Process Volatile, Str, [Server],
        "Code of the last agent check's result, after '* ' while a check runs";
    63, AgentCode, "agent_code", Metric Output Process Volatile, U32, [Server],
        "Numeric code of the last agent check, unused";
    64, AgentDuration, "agent_duration", Metric Duration Process Volatile, U64, [Server],
        "Milliseconds the last agent check took";
    65, CheckDesc, "check_desc", Metric Output Process Volatile, Str, [Server],
        "Sentence for the last health check's result";
    66, AgentDesc, "agent_desc", Metric Output Process Volatile, Str, [Server],
        "Sentence for the last agent check's result";
    67, CheckRise, "check_rise", Config Gauge Service Volatile, U32, [Server],
        "Successful health checks needed to come up (rise)";
    68, CheckFall, "check_fall", Config Gauge Service Volatile, U32, [Server],
        "Failed health checks needed to go down (fall)";
    69, CheckHealth, "check_health", Config Gauge Service Volatile, U32, [Server],
        "Health counter: below rise the server is down, rise+fall-1 is full health";
    70, AgentRise, "agent_rise", Config Gauge Service Volatile, U32, [Server],
        "Successful agent checks needed to come up";
    71, AgentFall, "agent_fall", Config Gauge Service Volatile, U32, [Server],
        "Failed agent checks needed to go down";
    72, AgentHealth, "agent_health", Config Gauge Service Volatile, U32, [Server],
        "Health counter of the agent check";
    73, Addr, "addr", Config Gauge Service Volatile, Str, [Server Listener],
        "Address and port; shown from level operator up";
    74, Cookie, "cookie", Config Name Service Volatile, Str, [Backend Server],
        "Cookie name of the backend or cookie value of the server; shown from level operator up";
    75, Mode, "mode", Config Gauge Service Volatile, Str, [Frontend Backend Server Listener],
        "Mode: tcp or http";
    76, Algo, "algo", Config Gauge Service Volatile, Str, [Backend],
        "Load balancing algorithm; shown from level operator up";
    77, ConnRate, "conn_rate", Metric Rate Process Persistent, U32, [Frontend],
        "Connections accepted within the last second";
    78, ConnRateMax, "conn_rate_max", Metric Max Process Volatile, U32, [Frontend],
        "Most connections accepted within one second";
    79, ConnTot, "conn_tot", Metric Counter Process Persistent, U64, [Frontend Listener],
        "Connections accepted in all";
    80, Intercepted, "intercepted", Metric Counter Process Persistent, U64, [Frontend],
        "Requests answered by the proxy itself";
    81, Dcon, "dcon", Metric Counter Process Persistent, U64, [Frontend Listener],
        "Connections refused by a 'tcp-request connection' rule";
    82, Dses, "dses", Metric Counter Process Persistent, U64, [Frontend Listener],
        "Sessions refused by a 'tcp-request session' rule";
    83, Wrew, "wrew", Metric Counter Process Persistent, U64, [Frontend Backend Server Listener],
        "Header changes that failed, mostly for lack of room";
    84, Connect, "connect", Metric Counter Process Persistent, U64, [Backend Server],
        "Connections attempted towards servers";
    85, Reuse, "reuse", Metric Counter Process Persistent, U64, [Backend Server],
        "Requests sent over a connection that already existed";
    86, CacheLookups, "cache_lookups", Metric Counter Process Persistent, U64, [Frontend Backend],
        "Lookups in the HTTP cache";
    87, CacheHits, "cache_hits", Metric Counter Process Persistent, U64, [Frontend Backend],
        "Responses served from the HTTP cache";
    88, SrvIcur, "srv_icur", Metric Gauge Process Volatile, U32, [Server],
        "Idle connections kept to this server";
    89, SrcIlim, "src_ilim", Config Limit Process Volatile, U32, [Server],
        "Limit on idle connections kept to this server, if any";
    90, QtimeMax, "qtime_max", Metric Max Process Volatile, U32, [Backend Server],
        "Longest time in the queue, in milliseconds";
    91, CtimeMax, "ctime_max", Metric Max Process Volatile, U32, [Backend Server],
        "Longest time to connect, in milliseconds";
    92, RtimeMax, "rtime_max", Metric Max Process Volatile, U32, [Backend Server],
        "Longest time until the response began, in milliseconds";
    93, TtimeMax, "ttime_max", Metric Max Process Volatile, U32, [Backend Server],
        "Longest time from first to last byte, in milliseconds";
    94, Eint, "eint", Metric Counter Process Persistent, U64, [Frontend Backend Server Listener],
        "Failures inside the proxy: no memory, no stream, an unexpected state";
    95, IdleConnCur, "idle_conn_cur", Metric Gauge Process Volatile, U32, [Server],
        "Idle connections that may only be reused with care";
    96, SafeConnCur, "safe_conn_cur", Metric Gauge Process Volatile, U32, [Server],
        "Idle connections that any request may reuse";
    97, UsedConnCur, "used_conn_cur", Metric Gauge Process Volatile, U32, [Server],
        "Connections in use";
    98, NeedConnEst, "need_conn_est", Metric Gauge Process Volatile, U32, [Server],
        "Connections thought to be needed, from recent peaks";
    99, Uweight, "uweight", Metric Avg Process Volatile, U32, [Backend Server],
        "Weight as set, slow start aside: of the server, or summed over a backend's active servers";
    100, AggServerStatus, "agg_server_status", Metric Gauge Process Volatile, U32, [Backend],
        "Servers of the backend counted by status";
    101, AggServerCheckStatus, "agg_server_check_status", Metric Gauge Process Volatile, U32, [Backend],
        "Servers of the backend counted by check result (former name of the next column)";
    102, AggCheckStatus, "agg_check_status", Metric Gauge Process Volatile, U32, [Backend],
        "Servers of the backend counted by check result";
    103, Srid, "srid", Metric Counter Process Volatile, U32, [Server],
        "Revision of this server's id, to tell apart servers that used it in turn";
    104, SessOther, "sess_other", Metric Counter Process Volatile, U64, [Frontend],
        "Sessions that are neither HTTP/1, HTTP/2 nor HTTP/3";
    105, H1sess, "h1sess", Metric Counter Process Persistent, U64, [Frontend],
        "HTTP/1 sessions in all";
    106, H2sess, "h2sess", Metric Counter Process Persistent, U64, [Frontend],
        "HTTP/2 sessions in all";
    107, H3sess, "h3sess", Metric Counter Process Persistent, U64, [Frontend],
        "HTTP/3 sessions in all";
    108, ReqOther, "req_other", Metric Counter Process Persistent, U64, [Frontend],
        "Requests that are neither HTTP/1, HTTP/2 nor HTTP/3";
    109, H1req, "h1req", Metric Counter Process Persistent, U64, [Frontend],
        "HTTP/1 requests in all";
    110, H2req, "h2req", Metric Counter Process Persistent, U64, [Frontend],
        "HTTP/2 requests in all";
    111, H3req, "h3req", Metric Counter Process Persistent, U64, [Frontend],
        "HTTP/3 requests in all";
    112, Proto, "proto", Status Gauge Process Volatile, Str, [Listener],
        "Protocol the listener speaks";
    113, PrivIdleCur, "priv_idle_cur", Metric Gauge Process Volatile, U32, [Server],
        "Idle connections reserved for the session that opened them";
    114, Reqbin, "reqbin", Metric Counter Process Persistent, U64, [Frontend Backend Server Listener],
        "Request bytes received";
    115, Reqbout, "reqbout", Metric Counter Process Persistent, U64, [Frontend Backend Server Listener],
        "Request bytes sent on";
    116, Resbin, "resbin", Metric Counter Process Persistent, U64, [Frontend Backend Server Listener],
        "Response bytes received";
    117, Resbout, "resbout", Metric Counter Process Persistent, U64, [Frontend Backend Server Listener],
        "Response bytes sent on";
    118, CacheHintHits, "cache_hint_hits", Metric Counter Process Persistent, U64, [Frontend Backend],
        "Early hints answered from the HTTP cache";
    119, H2HeadersRcvd, "h2_headers_rcvd", Metric Counter Process Volatile, U64, [Frontend Backend],
        "HEADERS frames received over HTTP/2";
    120, H2DataRcvd, "h2_data_rcvd", Metric Counter Process Volatile, U64, [Frontend Backend],
        "DATA frames received over HTTP/2";
    121, H2SettingsRcvd, "h2_settings_rcvd", Metric Counter Process Volatile, U64, [Frontend Backend],
        "SETTINGS frames received over HTTP/2";
    122, H2RstStreamRcvd, "h2_rst_stream_rcvd", Metric Counter Process Volatile, U64, [Frontend Backend],
        "RST_STREAM frames received over HTTP/2";
    123, H2GoawayRcvd, "h2_goaway_rcvd", Metric Counter Process Volatile, U64, [Frontend Backend],
        "GOAWAY frames received over HTTP/2";
    124, H2DetectedConnProtocolErrors, "h2_detected_conn_protocol_errors", Metric Counter Process Volatile, U64, [Frontend Backend],
        "HTTP/2 connections ended for a protocol error";
    125, H2DetectedStrmProtocolErrors, "h2_detected_strm_protocol_errors", Metric Counter Process Volatile, U64, [Frontend Backend],
        "HTTP/2 streams ended for a protocol error";
    126, H2RstStreamResp, "h2_rst_stream_resp", Metric Counter Process Volatile, U64, [Frontend Backend],
        "RST_STREAM frames sent over HTTP/2";
    127, H2GoawayResp, "h2_goaway_resp", Metric Counter Process Volatile, U64, [Frontend Backend],
        "GOAWAY frames sent over HTTP/2";
    128, H2OpenConnections, "h2_open_connections", Metric Gauge Process Volatile, U64, [Frontend Backend],
        "HTTP/2 connections open right now";
    129, H2BackendOpenStreams, "h2_backend_open_streams", Metric Gauge Process Volatile, U64, [Frontend Backend],
        "HTTP/2 streams open right now towards servers";
    130, H2TotalConnections, "h2_total_connections", Metric Counter Process Volatile, U64, [Frontend Backend],
        "HTTP/2 connections in all";
    131, H2BackendTotalStreams, "h2_backend_total_streams", Metric Counter Process Volatile, U64, [Frontend Backend],
        "HTTP/2 streams in all towards servers";
    132, SslSess, "ssl_sess", Metric Counter Process Volatile, U64, [Frontend Backend Server Listener],
        "TLS sessions in all";
    133, SslReusedSess, "ssl_reused_sess", Metric Counter Process Volatile, U64, [Frontend Backend Server Listener],
        "TLS sessions that resumed an earlier one";
    134, SslFailedHandshake, "ssl_failed_handshake", Metric Counter Process Volatile, U64, [Frontend Backend Server Listener],
        "TLS handshakes that failed";
    135, SslOcspStaple, "ssl_ocsp_staple", Metric Counter Process Volatile, U64, [Frontend Backend Server Listener],
        "OCSP responses stapled";
    136, SslFailedOcspStaple, "ssl_failed_ocsp_staple", Metric Counter Process Volatile, U64, [Frontend Backend Server Listener],
        "OCSP responses that could not be stapled";
    137, H1OpenConnections, "h1_open_connections", Metric Gauge Process Volatile, U64, [Frontend Backend],
        "HTTP/1 connections open right now";
    138, H1OpenStreams, "h1_open_streams", Metric Gauge Process Volatile, U64, [Frontend Backend],
        "HTTP/1 streams open right now";
    139, H1TotalConnections, "h1_total_connections", Metric Counter Process Volatile, U64, [Frontend Backend],
        "HTTP/1 connections in all";
    140, H1TotalStreams, "h1_total_streams", Metric Counter Process Volatile, U64, [Frontend Backend],
        "HTTP/1 streams in all";
    141, H1BytesIn, "h1_bytes_in", Metric Counter Process Volatile, U64, [Frontend Backend],
        "Bytes received over HTTP/1";
    142, H1BytesOut, "h1_bytes_out", Metric Counter Process Volatile, U64, [Frontend Backend],
        "Bytes sent over HTTP/1";
    143, H1SplicedBytesIn, "h1_spliced_bytes_in", Metric Counter Process Volatile, U64, [Frontend Backend],
        "HTTP/1 bytes received without being copied to user space";
    144, H1SplicedBytesOut, "h1_spliced_bytes_out", Metric Counter Process Volatile, U64, [Frontend Backend],
        "HTTP/1 bytes sent without being copied from user space";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_is_sound() {
        let names: BTreeSet<_> = StatField::ALL.iter().map(|f| f.name()).collect();
        assert_eq!(names.len(), StatField::ALL.len());
        for (index, field) in StatField::ALL.iter().enumerate() {
            assert_eq!(usize::from(field.position()), index, "{}", field.name());
            assert!(!field.description().is_empty() && !field.description().contains('"'), "{}", field.name());
            assert!(ObjectKind::ALL.iter().any(|k| field.kinds().contains(*k)), "{}", field.name());
            assert_eq!(StatField::from_name(field.name()), Some(*field));
        }
    }
}
