//! The same fields under the names monitoring systems know them by: the text exposition format of Prometheus.
//!
//! A metric is written for all objects of a kind before the next one begins, as the format asks. Names, types and
//! labels are those of HAProxy's exporter.

use crate::info_fields::InfoField;
use crate::stat::StatSource;
use crate::stat_fields::StatField as F;
use crate::tags::ObjectKind;
use crate::value::Value;
use lb_model::StatusWord;
use std::io::Write as _;

/// Prometheus' type of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Gauge,
    Counter,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
        }
    }
}

/// How a value becomes samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The number; `NaN` where there is none.
    Number,
    /// The number, where the proxy speaks HTTP.
    Http,
    /// Milliseconds, shown in seconds.
    Millis,
    /// A sample for each class of responses.
    Classes,
    /// A sample for each state the object may be in: 1 for the one it is in.
    State,
    /// A sample for each status a check may end with. Servers without checks have none.
    CheckStatus,
    /// The number, for servers with checks.
    Checked,
    /// Milliseconds shown in seconds, for servers with checks.
    CheckedMillis,
    /// Servers of a backend counted by their state.
    ServersByState,
    /// Servers of a backend counted by their last check's status.
    ServersByCheck,
    /// Kept by a module: shown when `extra-counters` asks for it.
    Extra,
}

/// A metric of proxies, servers and listeners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    field: F,
    suffix: &'static str,
    kind: Kind,
    form: Form,
}

const fn gauge(field: F, suffix: &'static str, form: Form) -> Family {
    Family { field, suffix, kind: Kind::Gauge, form }
}

const fn counter(field: F, suffix: &'static str, form: Form) -> Family {
    Family { field, suffix, kind: Kind::Counter, form }
}

/// Every metric, in the order of its field.
pub const FAMILIES: &[Family] = &[
    gauge(F::Qcur, "current_queue", Form::Number),
    gauge(F::Qmax, "max_queue", Form::Number),
    gauge(F::Scur, "current_sessions", Form::Number),
    gauge(F::Smax, "max_sessions", Form::Number),
    gauge(F::Slim, "limit_sessions", Form::Number),
    counter(F::Stot, "sessions_total", Form::Number),
    counter(F::Bin, "bytes_in_total", Form::Number),
    counter(F::Bout, "bytes_out_total", Form::Number),
    counter(F::Dreq, "requests_denied_total", Form::Number),
    counter(F::Dresp, "responses_denied_total", Form::Number),
    counter(F::Ereq, "request_errors_total", Form::Number),
    counter(F::Econ, "connection_errors_total", Form::Number),
    counter(F::Eresp, "response_errors_total", Form::Number),
    counter(F::Wretr, "retry_warnings_total", Form::Number),
    counter(F::Wredis, "redispatch_warnings_total", Form::Number),
    gauge(F::Status, "status", Form::State),
    gauge(F::Weight, "weight", Form::Number),
    gauge(F::Act, "active_servers", Form::Number),
    gauge(F::Bck, "backup_servers", Form::Number),
    counter(F::Chkfail, "check_failures_total", Form::Number),
    counter(F::Chkdown, "check_up_down_total", Form::Number),
    gauge(F::Lastchg, "check_last_change_seconds", Form::Number),
    counter(F::Downtime, "downtime_seconds_total", Form::Number),
    gauge(F::Qlimit, "queue_limit", Form::Number),
    gauge(F::Throttle, "current_throttle", Form::Number),
    counter(F::Lbtot, "loadbalanced_total", Form::Number),
    gauge(F::Rate, "current_session_rate", Form::Number),
    gauge(F::RateLim, "limit_session_rate", Form::Number),
    gauge(F::RateMax, "max_session_rate", Form::Number),
    gauge(F::CheckStatus, "check_status", Form::CheckStatus),
    gauge(F::CheckCode, "check_code", Form::Checked),
    gauge(F::CheckDuration, "check_duration_seconds", Form::CheckedMillis),
    counter(F::Hrsp1xx, "http_responses_total", Form::Classes),
    gauge(F::ReqRateMax, "http_requests_rate_max", Form::Http),
    counter(F::ReqTot, "http_requests_total", Form::Http),
    counter(F::CliAbrt, "client_aborts_total", Form::Number),
    counter(F::SrvAbrt, "server_aborts_total", Form::Number),
    counter(F::CompIn, "http_comp_bytes_in_total", Form::Http),
    counter(F::CompOut, "http_comp_bytes_out_total", Form::Http),
    counter(F::CompByp, "http_comp_bytes_bypassed_total", Form::Http),
    counter(F::CompRsp, "http_comp_responses_total", Form::Http),
    gauge(F::Lastsess, "last_session_seconds", Form::Number),
    gauge(F::Qtime, "queue_time_average_seconds", Form::Millis),
    gauge(F::Ctime, "connect_time_average_seconds", Form::Millis),
    gauge(F::Rtime, "response_time_average_seconds", Form::Millis),
    gauge(F::Ttime, "total_time_average_seconds", Form::Millis),
    gauge(F::ConnRateMax, "connections_rate_max", Form::Number),
    counter(F::ConnTot, "connections_total", Form::Number),
    counter(F::Intercepted, "intercepted_requests_total", Form::Http),
    counter(F::Dcon, "denied_connections_total", Form::Number),
    counter(F::Dses, "denied_sessions_total", Form::Number),
    counter(F::Wrew, "failed_header_rewriting_total", Form::Number),
    counter(F::Connect, "connection_attempts_total", Form::Number),
    counter(F::Reuse, "connection_reuses_total", Form::Number),
    counter(F::CacheLookups, "http_cache_lookups_total", Form::Http),
    counter(F::CacheHits, "http_cache_hits_total", Form::Http),
    gauge(F::SrvIcur, "idle_connections_current", Form::Number),
    gauge(F::SrcIlim, "idle_connections_limit", Form::Number),
    gauge(F::QtimeMax, "max_queue_time_seconds", Form::Millis),
    gauge(F::CtimeMax, "max_connect_time_seconds", Form::Millis),
    gauge(F::RtimeMax, "max_response_time_seconds", Form::Millis),
    gauge(F::TtimeMax, "max_total_time_seconds", Form::Millis),
    counter(F::Eint, "internal_errors_total", Form::Number),
    gauge(F::IdleConnCur, "unsafe_idle_connections_current", Form::Number),
    gauge(F::SafeConnCur, "safe_idle_connections_current", Form::Number),
    gauge(F::UsedConnCur, "used_connections_current", Form::Number),
    gauge(F::NeedConnEst, "need_connections_current", Form::Number),
    gauge(F::Uweight, "uweight", Form::Number),
    gauge(F::AggServerStatus, "agg_server_status", Form::ServersByState),
    gauge(F::AggServerCheckStatus, "agg_server_check_status", Form::ServersByState),
    gauge(F::AggCheckStatus, "agg_check_status", Form::ServersByCheck),
    gauge(F::PrivIdleCur, "private_idle_connections_current", Form::Number),
    counter(F::Reqbin, "req_bytes_in_total", Form::Number),
    counter(F::Reqbout, "req_bytes_out_total", Form::Number),
    counter(F::Resbin, "res_bytes_in_total", Form::Number),
    counter(F::Resbout, "res_bytes_out_total", Form::Number),
    counter(F::CacheHintHits, "http_cache_hint_hits_total", Form::Http),
    counter(F::H2HeadersRcvd, "h2_headers_rcvd", Form::Extra),
    counter(F::H2DataRcvd, "h2_data_rcvd", Form::Extra),
    counter(F::H2SettingsRcvd, "h2_settings_rcvd", Form::Extra),
    counter(F::H2RstStreamRcvd, "h2_rst_stream_rcvd", Form::Extra),
    counter(F::H2GoawayRcvd, "h2_goaway_rcvd", Form::Extra),
    counter(F::H2DetectedConnProtocolErrors, "h2_detected_conn_protocol_errors", Form::Extra),
    counter(F::H2DetectedStrmProtocolErrors, "h2_detected_strm_protocol_errors", Form::Extra),
    counter(F::H2RstStreamResp, "h2_rst_stream_resp", Form::Extra),
    counter(F::H2GoawayResp, "h2_goaway_resp", Form::Extra),
    counter(F::H2OpenConnections, "h2_open_connections", Form::Extra),
    counter(F::H2BackendOpenStreams, "h2_backend_open_streams", Form::Extra),
    counter(F::H2TotalConnections, "h2_total_connections", Form::Extra),
    counter(F::H2BackendTotalStreams, "h2_backend_total_streams", Form::Extra),
    counter(F::SslSess, "ssl_sess", Form::Extra),
    counter(F::SslReusedSess, "ssl_reused_sess", Form::Extra),
    counter(F::SslFailedHandshake, "ssl_failed_handshake", Form::Extra),
    counter(F::SslOcspStaple, "ssl_ocsp_staple", Form::Extra),
    counter(F::SslFailedOcspStaple, "ssl_failed_ocsp_staple", Form::Extra),
    counter(F::H1OpenConnections, "h1_open_connections", Form::Extra),
    counter(F::H1OpenStreams, "h1_open_streams", Form::Extra),
    counter(F::H1TotalConnections, "h1_total_connections", Form::Extra),
    counter(F::H1TotalStreams, "h1_total_streams", Form::Extra),
    counter(F::H1BytesIn, "h1_bytes_in", Form::Extra),
    counter(F::H1BytesOut, "h1_bytes_out", Form::Extra),
    counter(F::H1SplicedBytesIn, "h1_spliced_bytes_in", Form::Extra),
    counter(F::H1SplicedBytesOut, "h1_spliced_bytes_out", Form::Extra),
];

const CLASSES: [(F, &str); 6] = [
    (F::Hrsp1xx, "1xx"),
    (F::Hrsp2xx, "2xx"),
    (F::Hrsp3xx, "3xx"),
    (F::Hrsp4xx, "4xx"),
    (F::Hrsp5xx, "5xx"),
    (F::HrspOther, "other"),
];

const SERVER_STATES: &[&str] = &["DOWN", "UP", "MAINT", "DRAIN", "NOLB"];
const PROXY_STATES: &[&str] = &["DOWN", "UP"];
const LISTENER_STATES: &[&str] = &["WAITING", "OPEN", "FULL"];

const CHECK_STATES: &[&str] = &[
    "HANA", "SOCKERR", "L4OK", "L4TOUT", "L4CON", "L6OK", "L6TOUT", "L6RSP", "L7TOUT", "L7RSP", "L7OK", "L7OKC",
    "L7STS", "PROCERR", "PROCTOUT", "PROCOK",
];

/// The word before a metric's name, which is the kind of its objects.
const fn scope(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Frontend => "frontend",
        ObjectKind::Backend => "backend",
        ObjectKind::Server => "server",
        ObjectKind::Listener => "listener",
    }
}

impl Family {
    /// Whether objects of this kind have it.
    pub fn is_of(&self, kind: ObjectKind) -> bool {
        // HAProxy's exporter leaves these columns of listeners out.
        let is_left_out = matches!(self.field, F::ConnTot | F::Reqbin | F::Reqbout | F::Resbin | F::Resbout);
        self.field.kinds().contains(kind) && !(kind == ObjectKind::Listener && is_left_out)
    }

    /// Whether it is shown only when `extra-counters` asks for it.
    pub fn is_extra(&self) -> bool {
        self.form == Form::Extra
    }

    /// Whether this is its name for objects of this kind.
    pub fn is_named(&self, kind: ObjectKind, name: &str) -> bool {
        let rest = name.strip_prefix("haproxy_").and_then(|rest| rest.strip_prefix(scope(kind)));
        rest.and_then(|rest| rest.strip_prefix('_')) == Some(self.name(kind))
    }

    /// The name after the scope's. A server is active or a backup, a backend has so many of them.
    fn name(&self, kind: ObjectKind) -> &'static str {
        match (self.field, kind) {
            (F::Act, ObjectKind::Server) => "active",
            (F::Bck, ObjectKind::Server) => "backup",
            _ => self.suffix,
        }
    }

    /// Whether the samples of a backend are counted over its servers: see [`Tally`].
    pub fn is_tally(&self) -> bool {
        matches!(self.form, Form::ServersByState | Form::ServersByCheck)
    }

    /// The two comment lines before the first sample.
    pub fn write_head(&self, kind: ObjectKind, out: &mut Vec<u8>) {
        write_head(scope(kind), self.name(kind), self.field.description(), self.kind, out);
    }

    /// The samples of one object: none where it has no such value.
    pub fn write(&self, source: &impl StatSource, out: &mut Vec<u8>) {
        let kind = source.kind();
        let value = source.value(self.field);
        match self.form {
            Form::Http | Form::Classes if !is_http(source) => {}
            Form::Checked | Form::CheckedMillis if source.value(F::CheckStatus).is_empty() => {}
            Form::Checked if value.is_empty() => {
                self.sample(source, None, out);
                out.extend_from_slice(b"0\n");
            }
            Form::Number | Form::Http | Form::Checked | Form::Extra => {
                self.sample(source, None, out);
                write_number(&value, 1.0, out);
            }
            Form::Millis | Form::CheckedMillis => {
                self.sample(source, None, out);
                write_number(&value, 1_000.0, out);
            }
            Form::Classes => {
                for (field, class) in CLASSES {
                    self.sample(source, Some(("code", class)), out);
                    write_number(&source.value(field), 1.0, out);
                }
            }
            Form::State => {
                let (states, current) = match kind {
                    ObjectKind::Server => (SERVER_STATES, server_state(&value)),
                    ObjectKind::Listener => (LISTENER_STATES, word(&value)),
                    ObjectKind::Frontend | ObjectKind::Backend => {
                        (PROXY_STATES, if matches!(word(&value), "OPEN" | "UP") { "UP" } else { "DOWN" })
                    }
                };
                self.one_of(source, states, current, out);
            }
            Form::CheckStatus if value.is_empty() => {}
            Form::CheckStatus => self.one_of(source, CHECK_STATES, word(&value), out),
            Form::ServersByState | Form::ServersByCheck => {}
        }
    }

    fn one_of(&self, source: &impl StatSource, states: &[&str], current: &str, out: &mut Vec<u8>) {
        for state in states {
            self.sample(source, Some(("state", state)), out);
            out.extend_from_slice(if *state == current { b"1\n" } else { b"0\n" });
        }
    }

    /// The samples of a backend whose servers were counted.
    pub fn write_tally(&self, backend: &impl StatSource, tally: &Tally, out: &mut Vec<u8>) {
        let (states, counts): (_, &[u32]) = match self.form {
            Form::ServersByCheck => (CHECK_STATES, &tally.checks),
            _ => (SERVER_STATES, &tally.states),
        };
        for (state, count) in states.iter().zip(counts) {
            self.sample(backend, Some(("state", state)), out);
            // Writing to a vector cannot fail.
            let _ = writeln!(out, "{count}");
        }
    }

    /// A sample up to its value.
    fn sample(&self, source: &impl StatSource, label: Option<(&str, &str)>, out: &mut Vec<u8>) {
        let kind = source.kind();
        for part in ["haproxy_", scope(kind), "_", self.name(kind), "{proxy=\""] {
            out.extend_from_slice(part.as_bytes());
        }
        write_label(&source.value(F::Pxname), out);
        if matches!(kind, ObjectKind::Server | ObjectKind::Listener) {
            for part in ["\",", scope(kind), "=\""] {
                out.extend_from_slice(part.as_bytes());
            }
            write_label(&source.value(F::Svname), out);
        }
        out.push(b'"');
        if let Some((name, value)) = label {
            for part in [",", name, "=\"", value, "\""] {
                out.extend_from_slice(part.as_bytes());
            }
        }
        out.extend_from_slice(b"} ");
    }
}

/// How many servers of a backend are in each state, and how many checks ended with each status.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    states: [u32; SERVER_STATES.len()],
    checks: [u32; CHECK_STATES.len()],
}

impl Tally {
    /// Whether no server was counted.
    pub fn is_empty(&self) -> bool {
        self.states.iter().all(|count| *count == 0)
    }

    /// Counts a server.
    pub fn add(&mut self, server: &impl StatSource) {
        let state = server.value(F::Status);
        let check = server.value(F::CheckStatus);
        let find = |states: &[&str], current: &str| states.iter().position(|state| *state == current);
        if let Some(count) = find(SERVER_STATES, server_state(&state)).and_then(|at| self.states.get_mut(at)) {
            *count += 1;
        }
        if let Some(count) = find(CHECK_STATES, word(&check)).and_then(|at| self.checks.get_mut(at)) {
            *count += 1;
        }
    }
}

/// A metric of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessFamily {
    /// Where its value stands in `show info`.
    pub field: InfoField,
    suffix: &'static str,
    kind: Kind,
    /// The value is text and becomes a label of a sample that is 1.
    label: Option<&'static str>,
}

const fn process(field: InfoField, suffix: &'static str, kind: Kind) -> ProcessFamily {
    ProcessFamily { field, suffix, kind, label: None }
}

const fn labelled(field: InfoField, suffix: &'static str, label: &'static str) -> ProcessFamily {
    ProcessFamily { field, suffix, kind: Kind::Gauge, label: Some(label) }
}

/// Every metric of the process.
pub const PROCESS_FAMILIES: &[ProcessFamily] = {
    use InfoField as I;
    use Kind::{Counter, Gauge};
    &[
        process(I::Nbthread, "nbthread", Gauge),
        process(I::Nbproc, "nbproc", Gauge),
        process(I::ProcessNum, "relative_process_id", Gauge),
        process(I::UptimeSec, "uptime_seconds", Gauge),
        process(I::PoolFailed, "pool_failures_total", Counter),
        process(I::UlimitN, "max_fds", Gauge),
        process(I::Maxsock, "max_sockets", Gauge),
        process(I::Maxconn, "max_connections", Gauge),
        process(I::HardMaxconn, "hard_max_connections", Gauge),
        process(I::CurrConns, "current_connections", Gauge),
        process(I::CumConns, "connections_total", Counter),
        process(I::CumReq, "requests_total", Counter),
        process(I::MaxSslConns, "max_ssl_connections", Gauge),
        process(I::CurrSslConns, "current_ssl_connections", Gauge),
        process(I::CumSslConns, "ssl_connections_total", Counter),
        process(I::Maxpipes, "max_pipes", Gauge),
        process(I::PipesUsed, "pipes_used_total", Counter),
        process(I::PipesFree, "pipes_free_total", Counter),
        process(I::ConnRate, "current_connection_rate", Gauge),
        process(I::ConnRateLimit, "limit_connection_rate", Gauge),
        process(I::MaxConnRate, "max_connection_rate", Gauge),
        process(I::SessRate, "current_session_rate", Gauge),
        process(I::SessRateLimit, "limit_session_rate", Gauge),
        process(I::MaxSessRate, "max_session_rate", Gauge),
        process(I::SslRate, "current_ssl_rate", Gauge),
        process(I::SslRateLimit, "limit_ssl_rate", Gauge),
        process(I::MaxSslRate, "max_ssl_rate", Gauge),
        process(I::SslFrontendKeyRate, "current_frontend_ssl_key_rate", Gauge),
        process(I::SslFrontendMaxKeyRate, "max_frontend_ssl_key_rate", Gauge),
        process(I::SslFrontendSessionReusePct, "frontend_ssl_reuse", Gauge),
        process(I::SslBackendKeyRate, "current_backend_ssl_key_rate", Gauge),
        process(I::SslBackendMaxKeyRate, "max_backend_ssl_key_rate", Gauge),
        process(I::SslCacheLookups, "ssl_cache_lookups_total", Counter),
        process(I::SslCacheMisses, "ssl_cache_misses_total", Counter),
        process(I::CompressBpsIn, "http_comp_bytes_in_total", Counter),
        process(I::CompressBpsOut, "http_comp_bytes_out_total", Counter),
        process(I::CompressBpsRateLim, "limit_http_comp", Gauge),
        process(I::Tasks, "current_tasks", Gauge),
        process(I::RunQueue, "current_run_queue", Gauge),
        process(I::IdlePct, "idle_time_percent", Gauge),
        labelled(I::Node, "node", "node"),
        process(I::Stopping, "stopping", Gauge),
        process(I::Jobs, "jobs", Gauge),
        process(I::UnstoppableJobs, "unstoppable_jobs", Gauge),
        process(I::Listeners, "listeners", Gauge),
        process(I::ActivePeers, "active_peers", Gauge),
        process(I::ConnectedPeers, "connected_peers", Gauge),
        process(I::DroppedLogs, "dropped_logs_total", Counter),
        process(I::BusyPolling, "busy_polling_enabled", Gauge),
        process(I::FailedResolutions, "failed_resolutions", Counter),
        process(I::TotalBytesOut, "bytes_out_total", Counter),
        process(I::TotalSplicedBytesOut, "spliced_bytes_out_total", Counter),
        process(I::BytesOutRate, "bytes_out_rate", Gauge),
        process(I::CumRecvLogs, "recv_logs_total", Counter),
        labelled(I::Version, "build_info", "version"),
        process(I::MemmaxBytes, "max_memory_bytes", Gauge),
        process(I::PoolAllocBytes, "pool_allocated_bytes", Gauge),
        process(I::PoolUsedBytes, "pool_used_bytes", Gauge),
        process(I::StartTimeSec, "start_time_seconds", Gauge),
        process(I::TotalWarnings, "total_warnings", Gauge),
        process(I::NbThreadGroups, "nb_thread_groups", Gauge),
        process(I::PatternsAdded, "patterns_added_total", Counter),
        process(I::PatternsFreed, "patterns_freed_total", Counter),
    ]
};

impl ProcessFamily {
    /// Whether this is its name.
    pub fn is_named(&self, name: &str) -> bool {
        name.strip_prefix("haproxy_process_") == Some(self.suffix)
    }

    /// The metric with its comment lines.
    pub fn write(&self, value: &Value<'_>, out: &mut Vec<u8>) {
        write_head("process", self.suffix, self.field.description(), self.kind, out);
        out.extend_from_slice(b"haproxy_process_");
        out.extend_from_slice(self.suffix.as_bytes());
        match self.label {
            Some(label) => {
                out.push(b'{');
                out.extend_from_slice(label.as_bytes());
                out.extend_from_slice(b"=\"");
                write_label(value, out);
                out.extend_from_slice(b"\"} 1\n");
            }
            None => {
                out.push(b' ');
                write_number(value, 1.0, out);
            }
        }
    }
}

pub(crate) fn write_head(scope: &str, suffix: &str, description: &str, kind: Kind, out: &mut Vec<u8>) {
    // Writing to a vector cannot fail.
    let _ =
        write!(out, "# HELP haproxy_{scope}_{suffix} {description}\n# TYPE haproxy_{scope}_{suffix} {}\n", kind.word());
}

/// A number and the line's end. What is no number is not known: `NaN`.
fn write_number(value: &Value<'_>, divisor: f64, out: &mut Vec<u8>) {
    let float = match value {
        Value::U32(n) => f64::from(*n),
        Value::S32(n) => f64::from(*n),
        Value::U64(n) => *n as f64,
        Value::Flt(x) => *x,
        _ => f64::NAN,
    };
    if float.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if divisor > 1.0 {
        let _ = write!(out, "{:.6}", float / divisor);
    } else {
        value.write_plain(false, out);
    }
    out.push(b'\n');
}

/// A label's value: backslashes, quotes and line ends are escaped.
pub(crate) fn write_label(value: &Value<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    value.write_plain(false, out);
    if out.get(start..).unwrap_or_default().iter().any(|b| matches!(b, b'\\' | b'"' | b'\n')) {
        for byte in out.split_off(start) {
            match byte {
                b'\n' => out.extend_from_slice(b"\\n"),
                b'\\' | b'"' => out.extend_from_slice(&[b'\\', byte]),
                _ => out.push(byte),
            }
        }
    }
}

/// A text's first word, as check statuses may have a sign of a running check before them.
fn word<'v>(value: &'v Value<'_>) -> &'v str {
    match value {
        Value::Str(text) => text.strip_prefix("* ").unwrap_or(text),
        _ => "",
    }
}

/// Whether the object belongs to a proxy that speaks HTTP.
fn is_http(source: &impl StatSource) -> bool {
    word(&source.value(F::Mode)) == "http"
}

fn server_state(value: &Value<'_>) -> &'static str {
    let Value::Status(word) = value else { return "" };
    match word {
        StatusWord::Up | StatusWord::UpGoingDown(..) | StatusWord::NoCheck => "UP",
        StatusWord::Down | StatusWord::DownGoingUp(..) | StatusWord::DownAgent => "DOWN",
        StatusWord::Drain | StatusWord::DrainGoingDown(..) | StatusWord::DrainAgent => "DRAIN",
        StatusWord::NoLb | StatusWord::NoLbGoingDown(..) => "NOLB",
        StatusWord::Maint | StatusWord::MaintVia(_) | StatusWord::MaintResolution => "MAINT",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    struct Sample;

    impl StatSource for Sample {
        fn kind(&self) -> ObjectKind {
            ObjectKind::Server
        }

        fn ids(&self) -> (u32, u32) {
            (3, 1)
        }

        fn value(&self, field: F) -> Value<'_> {
            match field {
                F::Pxname => "a\"p\\p".into(),
                F::Svname => "web1".into(),
                F::Mode => "http".into(),
                F::Stot => Value::U64(18_446_744_073_709_551_615),
                F::Status => Value::Status(StatusWord::UpGoingDown(2, 3)),
                F::CheckStatus => "* L4OK".into(),
                F::CtimeMax => Value::U32(1_500),
                F::Hrsp1xx | F::Hrsp2xx | F::Hrsp3xx | F::Hrsp4xx | F::Hrsp5xx | F::HrspOther => Value::U64(4),
                _ => Value::Empty,
            }
        }
    }

    fn written(field: F) -> String {
        let family = FAMILIES.iter().find(|family| family.field == field).unwrap();
        let mut out = Vec::new();
        family.write(&Sample, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn names_are_unique() {
        let names: BTreeSet<_> = FAMILIES.iter().map(|family| family.suffix).collect();
        assert_eq!(names.len(), FAMILIES.len());
        let names: BTreeSet<_> = PROCESS_FAMILIES.iter().map(|family| family.suffix).collect();
        assert_eq!(names.len(), PROCESS_FAMILIES.len());
    }

    #[test]
    fn numbers_keep_their_digits() {
        let labels = r#"{proxy="a\"p\\p",server="web1"}"#;
        assert_eq!(written(F::Stot), format!("haproxy_server_sessions_total{labels} 18446744073709551615\n"));
        assert_eq!(written(F::CtimeMax), format!("haproxy_server_max_connect_time_seconds{labels} 1.500000\n"));
        assert_eq!(written(F::Slim), format!("haproxy_server_limit_sessions{labels} NaN\n"));
    }

    #[test]
    fn one_state_is_the_current_one() {
        let text = written(F::Status);
        assert_eq!(text.lines().count(), 5);
        assert!(text.contains("state=\"UP\"} 1\n") && text.matches(" 1\n").count() == 1, "{text}");
        let text = written(F::CheckStatus);
        assert_eq!(text.lines().count(), CHECK_STATES.len());
        assert!(text.contains("state=\"L4OK\"} 1\n") && text.matches(" 1\n").count() == 1, "{text}");
        assert!(written(F::CheckCode).ends_with("} 0\n"));
    }

    #[test]
    fn classes_share_a_name() {
        let text = written(F::Hrsp1xx);
        assert_eq!(text.lines().count(), 6);
        assert!(text.contains("server=\"web1\",code=\"other\"} 4\n"), "{text}");
    }

    #[test]
    fn servers_are_counted_by_state() {
        let mut tally = Tally::default();
        tally.add(&Sample);
        tally.add(&Sample);
        let family = FAMILIES.iter().find(|family| family.field == F::AggServerStatus).unwrap();
        let mut out = Vec::new();
        family.write_tally(&Sample, &tally, &mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("state=\"UP\"} 2\n") && text.contains("state=\"DOWN\"} 0\n"), "{text}");
    }

    #[test]
    fn names_are_looked_up_by_kind() {
        let family = FAMILIES.iter().find(|family| family.field == F::Status).unwrap();
        assert!(family.is_named(ObjectKind::Server, "haproxy_server_status"));
        assert!(!family.is_named(ObjectKind::Backend, "haproxy_server_status"));
        assert!(PROCESS_FAMILIES.iter().any(|family| family.is_named("haproxy_process_jobs")));
    }
}
