//! The values of `show stat`: one exhaustive match per kind of object, so that a field that is added to the table does
//! not compile until it has a value here.

use crate::control::{BackendCtl, Control, Table, unbound_queue};
use crate::counters::{Counter, Counters, PerThread, SlidingMean};
use crate::facts;
use crate::shared::{FrontendState, ProxyState, ServerState, Shared, Target};
use arc_swap::Guard;
use lb_check::{Monitor, ServerHealth};
use lb_config::model::{Observe, Server};
use lb_model::{CheckStatus, Mode, OpState, StatusWord, TrackedVia};
use lb_stats::Value::{self, Empty, S32, U32, U64};
use lb_stats::{ObjectKind, StatField, StatField as F, StatSource};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Columns of frontends and backends about what this engine does not have: HTTP/2, splicing, some of TLS and of compression.
macro_rules! columns_without_counterpart {
    () => {
        F::CompByp
            | F::H2HeadersRcvd
            | F::H2DataRcvd
            | F::H2SettingsRcvd
            | F::H2RstStreamRcvd
            | F::H2GoawayRcvd
            | F::H2DetectedConnProtocolErrors
            | F::H2DetectedStrmProtocolErrors
            | F::H2RstStreamResp
            | F::H2GoawayResp
            | F::H2OpenConnections
            | F::H2BackendOpenStreams
            | F::H2TotalConnections
            | F::H2BackendTotalStreams
            | F::SslOcspStaple
            | F::SslFailedOcspStaple
            | F::H1SplicedBytesIn
            | F::H1SplicedBytesOut
    };
}

/// What all rows of an answer need.
pub(super) struct Viewer<'a> {
    /// The engine.
    pub shared: &'static Shared,
    backends: &'a Table<BackendCtl>,
    now: Duration,
    now_ms: u64,
    /// The viewer may see addresses, cookies and algorithms (level operator and up).
    pub detailed: bool,
}

impl<'a> Viewer<'a> {
    /// A view of this moment.
    pub fn new(control: &Control, backends: &'a Table<BackendCtl>, detailed: bool) -> Self {
        let now = control.now();
        Self { shared: control.shared, backends, now, now_ms: now.as_millis() as u64, detailed }
    }

    fn private<'v>(&self, text: Option<&'v str>) -> Value<'v> {
        text.filter(|_| self.detailed).map_or(Empty, Value::from)
    }

    fn last_session(&self, sums: &PerThread) -> Value<'static> {
        // Stored with one added, so that zero means none.
        match sums.largest(|c| c.last_session_ms.get()) {
            0 => S32(-1),
            ms => S32((self.now_ms.saturating_sub(ms - 1) / 1_000) as i32),
        }
    }
}

/// A frontend.
pub(super) struct FrontendRow<'a> {
    /// The view.
    pub viewer: &'a Viewer<'a>,
    /// The proxy.
    pub proxy: &'static ProxyState,
}

impl FrontendRow<'_> {
    fn status(&self) -> &'static str {
        match self.proxy.frontend_state() {
            FrontendState::Open => "OPEN",
            FrontendState::Paused => "PAUSED",
            FrontendState::Stopped => "STOP",
        }
    }
}

impl StatSource for FrontendRow<'_> {
    fn kind(&self) -> ObjectKind {
        ObjectKind::Frontend
    }

    fn ids(&self) -> (u32, u32) {
        (self.proxy.config.id, 0)
    }

    fn value(&self, field: StatField) -> Value<'_> {
        self.proxy.front.kept().onto(field, |field| self.counted(field))
    }
}

impl FrontendRow<'_> {
    /// A value, as far as this process counted it.
    #[inline(never)]
    fn counted(&self, field: StatField) -> Value<'_> {
        let viewer = self.viewer;
        let config = self.proxy.config.get();
        let sums = &self.proxy.front;
        let is_http = config.mode == Mode::Http;
        let http = |n| if is_http { U64(n) } else { Empty };
        match field {
            F::Pxname => (&*config.name).into(),
            F::Svname => "FRONTEND".into(),
            F::Scur => U32(self.proxy.front_sessions.get()),
            F::Smax => U32(self.proxy.front_sessions.max()),
            F::Slim => U32(frontend_limit(viewer.shared, self.proxy)),
            F::Stot => U64(sums.sum(|c| c.sessions.get())),
            F::Bin | F::Reqbin => U64(sums.sum(|c| c.bytes_in.get())),
            F::Bout | F::Resbout => U64(sums.sum(|c| c.bytes_out.get())),
            F::Reqbout => U64(sums.sum(|c| c.server_bytes_out.get())),
            F::Resbin => U64(sums.sum(|c| c.server_bytes_in.get())),
            F::Dreq => U64(sums.sum(|c| c.denied_requests.get())),
            F::Dresp => U64(sums.sum(|c| c.denied_responses.get())),
            F::CompIn => U64(sums.sum(|c| c.compressor_in.get())),
            F::CompOut => U64(sums.sum(|c| c.compressor_out.get())),
            F::CompRsp => U64(sums.sum(|c| c.compressed_responses.get())),
            F::Ereq => U64(sums.sum(|c| c.request_errors.get())),
            F::Status => self.status().into(),
            F::Pid => U32(1),
            F::Iid => U32(config.id),
            F::Sid => U32(0),
            F::Type => U32(ObjectKind::Frontend.number().into()),
            F::Rate => U32(sums.sum(|c| c.session_rate.per_second(viewer.now_ms)) as u32),
            F::RateLim => U32(config.rate_limit_sessions),
            F::RateMax => U32(sums.sum(|c| c.session_rate.max()) as u32),
            F::Hrsp1xx => http(class(sums, 0)),
            F::Hrsp2xx => http(class(sums, 1)),
            F::Hrsp3xx => http(class(sums, 2)),
            F::Hrsp4xx => http(class(sums, 3)),
            F::Hrsp5xx => http(class(sums, 4)),
            F::HrspOther => http(class(sums, 5)),
            F::ReqRate => U32(sums.sum(|c| c.request_rate.per_second(viewer.now_ms)) as u32),
            F::ReqRateMax => U32(sums.sum(|c| c.request_rate.max()) as u32),
            F::ReqTot => U64(sums.sum(|c| c.requests.get())),
            columns_without_counterpart!() | F::H2sess | F::H3sess | F::ReqOther | F::H2req | F::H3req => U64(0),
            F::SslSess => U64(sums.sum(|c| c.ssl_sessions.get())),
            F::SslReusedSess => U64(sums.sum(|c| c.ssl_resumed.get())),
            F::SslFailedHandshake => U64(sums.sum(|c| c.ssl_failed.get())),
            F::Mode => config.mode.as_str().into(),
            F::ConnRate => U32(sums.sum(|c| c.connection_rate.per_second(viewer.now_ms)) as u32),
            F::ConnRateMax => U32(sums.sum(|c| c.connection_rate.max()) as u32),
            F::ConnTot => U64(sums.sum(|c| c.connections.get())),
            F::Intercepted => http(sums.sum(|c| c.intercepted.get())),
            F::Dcon => U64(sums.sum(|c| c.denied_connections.get())),
            F::Dses => U64(sums.sum(|c| c.denied_sessions.get())),
            F::Wrew => U64(sums.sum(|c| c.failed_rewrites.get())),
            F::CacheLookups | F::CacheHits | F::CacheHintHits => http(0),
            F::Eint => U64(sums.sum(|c| c.internal_errors.get())),
            F::SessOther => U64(if is_http { 0 } else { sums.sum(|c| c.sessions.get()) }),
            F::H1sess | F::H1TotalConnections => U64(sums.sum(|c| c.h1_connections.get())),
            F::H1req => U64(if is_http { sums.sum(|c| c.requests.get()) } else { 0 }),
            F::H1OpenConnections | F::H1OpenStreams => {
                U64(if is_http { self.proxy.front_sessions.get().into() } else { 0 })
            }
            F::H1TotalStreams => U64(sums.sum(|c| c.h1_streams.get())),
            F::H1BytesIn => U64(if is_http { sums.sum(|c| c.bytes_in.get() + c.h1_bytes_in.get()) } else { 0 }),
            F::H1BytesOut => U64(if is_http { sums.sum(|c| c.bytes_out.get() + c.h1_bytes_out.get()) } else { 0 }),
            // Only other kinds of objects have these.
            F::Qcur
            | F::Qmax
            | F::Econ
            | F::Eresp
            | F::Wretr
            | F::Wredis
            | F::Weight
            | F::Act
            | F::Bck
            | F::Chkfail
            | F::Chkdown
            | F::Lastchg
            | F::Downtime
            | F::Qlimit
            | F::Throttle
            | F::Lbtot
            | F::Tracked
            | F::CheckStatus
            | F::CheckCode
            | F::CheckDuration
            | F::Hanafail
            | F::CliAbrt
            | F::SrvAbrt
            | F::Lastsess
            | F::LastChk
            | F::LastAgt
            | F::Qtime
            | F::Ctime
            | F::Rtime
            | F::Ttime
            | F::AgentStatus
            | F::AgentCode
            | F::AgentDuration
            | F::CheckDesc
            | F::AgentDesc
            | F::CheckRise
            | F::CheckFall
            | F::CheckHealth
            | F::AgentRise
            | F::AgentFall
            | F::AgentHealth
            | F::Addr
            | F::Cookie
            | F::Algo
            | F::Connect
            | F::Reuse
            | F::SrvIcur
            | F::SrcIlim
            | F::QtimeMax
            | F::CtimeMax
            | F::RtimeMax
            | F::TtimeMax
            | F::IdleConnCur
            | F::SafeConnCur
            | F::UsedConnCur
            | F::NeedConnEst
            | F::Uweight
            | F::AggServerStatus
            | F::AggServerCheckStatus
            | F::AggCheckStatus
            | F::Srid
            | F::Proto
            | F::PrivIdleCur => Empty,
        }
    }
}

/// A backend.
pub(super) struct BackendRow<'a> {
    viewer: &'a Viewer<'a>,
    proxy: &'static ProxyState,
    state: &'a BackendCtl,
    /// The status tells how many servers are up.
    counted: bool,
}

impl<'a> BackendRow<'a> {
    /// The backend of that index.
    pub fn new(viewer: &'a Viewer<'a>, index: usize, counted: bool) -> Option<Self> {
        let (proxy, state) = (viewer.shared.proxies.get(index)?, viewer.backends.get(index)?);
        Some(Self { viewer, proxy, state, counted })
    }

    fn status(&self) -> Value<'static> {
        let word = if self.state.is_down() { "DOWN" } else { "UP" };
        let mark = if self.proxy.published.load(Relaxed) { "" } else { " (UNPUB)" };
        if !self.counted {
            return if mark.is_empty() { word.into() } else { format!("{word}{mark}").into() };
        }
        let servers = &self.state.servers;
        let up = servers.iter().filter(|s| s.health.op() != OpState::Stopped).count();
        format!("{word} ({up}/{}){mark}", servers.count()).into()
    }

    /// Effective and user weight of the servers in use: the main ones, else all or the first of the backups.
    fn weights(&self) -> (u32, u32) {
        let usable = |backup: bool| {
            let servers = self.state.servers.iter().map(|s| &s.health);
            servers.filter(move |h| h.params().backup == backup && h.lb_view().usable())
        };
        let weights = |h: &ServerHealth| (h.effective_weight(), h.weight());
        let sum = |(e, u), (e2, u2)| (e + e2, u + u2);
        if self.state.usable.main > 0 {
            usable(false).map(weights).fold((0, 0), sum)
        } else if self.proxy.config.options.allbackups {
            usable(true).map(weights).fold((0, 0), sum)
        } else {
            usable(true).map(weights).next().unwrap_or_default()
        }
    }
}

impl StatSource for BackendRow<'_> {
    fn kind(&self) -> ObjectKind {
        ObjectKind::Backend
    }

    fn ids(&self) -> (u32, u32) {
        (self.proxy.config.id, 0)
    }

    fn value(&self, field: StatField) -> Value<'_> {
        self.proxy.back.kept().onto(field, |field| self.counted(field))
    }
}

impl BackendRow<'_> {
    /// A value, as far as this process counted it.
    #[inline(never)]
    fn counted(&self, field: StatField) -> Value<'_> {
        let viewer = self.viewer;
        let config = self.proxy.config.get();
        let state = self.state;
        let sums = &self.proxy.back;
        let is_http = config.mode == Mode::Http;
        let http = |n| if is_http { U64(n) } else { Empty };
        match field {
            F::Pxname => (&*config.name).into(),
            F::Svname => "BACKEND".into(),
            F::Qcur => U32(unbound_queue(self.proxy)),
            F::Qmax => U32(self.proxy.queued.max()),
            F::Scur => U32(self.proxy.back_sessions.get()),
            F::Smax => U32(self.proxy.back_sessions.max()),
            F::Slim => U32(facts::fullconn(viewer.shared, self.proxy)),
            F::Stot => U64(sums.sum(|c| c.sessions.get())),
            F::Bin | F::Reqbin => U64(sums.sum(|c| c.bytes_in.get())),
            F::Bout | F::Resbout => U64(sums.sum(|c| c.bytes_out.get())),
            F::Reqbout => U64(sums.sum(|c| c.server_bytes_out.get())),
            F::Resbin => U64(sums.sum(|c| c.server_bytes_in.get())),
            F::Dreq => U64(sums.sum(|c| c.denied_requests.get())),
            F::Dresp => U64(sums.sum(|c| c.denied_responses.get())),
            F::CompIn => U64(sums.sum(|c| c.compressor_in.get())),
            F::CompOut => U64(sums.sum(|c| c.compressor_out.get())),
            F::CompRsp => U64(sums.sum(|c| c.compressed_responses.get())),
            F::Econ => U64(sums.sum(|c| c.connect_errors.get())),
            F::Eresp => U64(sums.sum(|c| c.response_errors.get())),
            F::Wretr => U64(sums.sum(|c| c.retries.get())),
            F::Wredis => U64(sums.sum(|c| c.redispatches.get())),
            F::Status => self.status(),
            F::Weight => U32(self.weights().0),
            F::Act => U32(state.usable.main),
            F::Bck => U32(state.usable.backup),
            F::Chkdown => U64(state.downs),
            F::Lastchg => U32(secs(viewer.now.saturating_sub(state.last_change))),
            F::Downtime => U32(secs(state.down_time(viewer.now))),
            F::Pid => U32(1),
            F::Iid => U32(config.id),
            F::Sid | F::AggServerStatus | F::AggServerCheckStatus | F::AggCheckStatus => U32(0),
            F::Lbtot => U64(sums.sum(|c| c.chosen.get())),
            F::Type => U32(ObjectKind::Backend.number().into()),
            F::Rate => U32(sums.sum(|c| c.session_rate.per_second(viewer.now_ms)) as u32),
            F::RateMax => U32(sums.sum(|c| c.session_rate.max()) as u32),
            F::Hrsp1xx => http(class(sums, 0)),
            F::Hrsp2xx => http(class(sums, 1)),
            F::Hrsp3xx => http(class(sums, 2)),
            F::Hrsp4xx => http(class(sums, 3)),
            F::Hrsp5xx => http(class(sums, 4)),
            F::HrspOther => http(class(sums, 5)),
            F::ReqTot => http(sums.sum(|c| c.requests.get())),
            F::CliAbrt => U64(sums.sum(|c| c.client_aborts.get())),
            F::SrvAbrt => U64(sums.sum(|c| c.server_aborts.get())),
            columns_without_counterpart!() => U64(0),
            F::SslSess => U64(sums.sum(|c| c.ssl_sessions.get())),
            F::SslReusedSess => U64(sums.sum(|c| c.ssl_resumed.get())),
            F::SslFailedHandshake => U64(sums.sum(|c| c.ssl_failed.get())),
            F::Lastsess => viewer.last_session(sums),
            F::Qtime => mean(sums, is_http, |c| &c.queue_time),
            F::Ctime => mean(sums, is_http, |c| &c.connect_time),
            F::Rtime => mean(sums, is_http, |c| &c.response_time),
            F::Ttime => mean(sums, is_http, |c| &c.total_time),
            F::Cookie => viewer.private(config.cookie.as_ref().map(|cookie| cookie.name.as_str())),
            F::Mode => config.mode.as_str().into(),
            F::Algo => viewer.private(Some(config.balance.shown())),
            F::Wrew => U64(sums.sum(|c| c.failed_rewrites.get())),
            F::Connect => U64(sums.sum(|c| c.connects.get())),
            F::Reuse => U64(sums.sum(|c| c.reuses.get())),
            F::CacheLookups | F::CacheHits | F::CacheHintHits => http(0),
            F::QtimeMax => U32(sums.largest(|c| c.queue_time.max()) as u32),
            F::CtimeMax => U32(sums.largest(|c| c.connect_time.max()) as u32),
            F::RtimeMax => U32(sums.largest(|c| c.response_time.max()) as u32),
            F::TtimeMax => U32(sums.largest(|c| c.total_time.max()) as u32),
            F::Eint => U64(sums.sum(|c| c.internal_errors.get())),
            F::Uweight => U32(self.weights().1),
            F::H1OpenConnections => {
                U64(if is_http { u64::from(self.proxy.back_sessions.get() + idle(self.proxy)) } else { 0 })
            }
            F::H1OpenStreams => U64(if is_http { self.proxy.back_sessions.get().into() } else { 0 }),
            // Connections of HTTP checks are among them, as observed.
            F::H1TotalConnections => {
                U64(if is_http { sums.sum(|c| c.connects.get() + c.h1_connections.get()) } else { 0 })
            }
            F::H1TotalStreams => {
                U64(if is_http { sums.sum(|c| c.connects.get() + c.reuses.get() + c.h1_streams.get()) } else { 0 })
            }
            F::H1BytesIn => U64(if is_http { sums.sum(|c| c.server_bytes_in.get()) } else { 0 }),
            F::H1BytesOut => U64(if is_http { sums.sum(|c| c.server_bytes_out.get()) } else { 0 }),
            // Only other kinds of objects have these.
            F::Ereq
            | F::Chkfail
            | F::Qlimit
            | F::Throttle
            | F::Tracked
            | F::RateLim
            | F::CheckStatus
            | F::CheckCode
            | F::CheckDuration
            | F::Hanafail
            | F::ReqRate
            | F::ReqRateMax
            | F::LastChk
            | F::LastAgt
            | F::AgentStatus
            | F::AgentCode
            | F::AgentDuration
            | F::CheckDesc
            | F::AgentDesc
            | F::CheckRise
            | F::CheckFall
            | F::CheckHealth
            | F::AgentRise
            | F::AgentFall
            | F::AgentHealth
            | F::Addr
            | F::ConnRate
            | F::ConnRateMax
            | F::ConnTot
            | F::Intercepted
            | F::Dcon
            | F::Dses
            | F::SrvIcur
            | F::SrcIlim
            | F::IdleConnCur
            | F::SafeConnCur
            | F::UsedConnCur
            | F::NeedConnEst
            | F::Srid
            | F::SessOther
            | F::H1sess
            | F::H2sess
            | F::H3sess
            | F::ReqOther
            | F::H1req
            | F::H2req
            | F::H3req
            | F::Proto
            | F::PrivIdleCur => Empty,
        }
    }
}

/// A server.
pub(super) struct ServerRow<'a> {
    viewer: &'a Viewer<'a>,
    proxy: &'static ProxyState,
    server: &'static ServerState,
    config: Guard<Arc<Server>>,
    health: &'a ServerHealth,
    /// How many servers had its number before it.
    revision: u32,
    /// The end of the tracking chain.
    root: Option<&'a ServerHealth>,
    /// The server it tracks, and that one's backend.
    tracked: Option<(&'static ProxyState, Guard<Arc<Server>>)>,
}

impl<'a> ServerRow<'a> {
    /// The server of that index in the proxy of that index.
    pub fn new(viewer: &'a Viewer<'a>, proxy: usize, index: usize) -> Option<Self> {
        let own = viewer.backends.get(proxy)?.servers.get(index)?;
        let proxy = viewer.shared.proxies.get(proxy)?;
        let root = own.root.and_then(|(p, s)| Some(&viewer.backends.get(p)?.servers.get(s)?.health));
        let server = proxy.servers.get(index)?;
        let config = server.config();
        let tracked = config.track.and_then(|(proxy, index)| {
            let proxy = viewer.shared.proxies.get(proxy.0)?;
            Some((proxy, proxy.servers.get(index)?.config()))
        });
        Some(Self { viewer, proxy, server, config, health: &own.health, revision: own.revision, root, tracked })
    }

    /// Its health.
    pub fn health(&self) -> &'a ServerHealth {
        self.health
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.config.id
    }

    /// The server it tracks.
    fn via(&self) -> Option<TrackedVia<'_>> {
        let (proxy, server) = self.tracked.as_ref()?;
        Some(TrackedVia { backend: &proxy.config.name, server: &server.name })
    }

    fn status(&self) -> StatusWord<'_> {
        StatusWord::of(&self.health.status_inputs(self.root, self.via()))
    }
}

impl StatSource for ServerRow<'_> {
    fn kind(&self) -> ObjectKind {
        ObjectKind::Server
    }

    fn ids(&self) -> (u32, u32) {
        (self.proxy.config.id, self.config.id)
    }

    fn value(&self, field: StatField) -> Value<'_> {
        self.server.counters.kept().onto(field, |field| self.counted(field))
    }
}

impl ServerRow<'_> {
    /// A value, as far as this process counted it.
    #[inline(never)]
    fn counted(&self, field: StatField) -> Value<'_> {
        let viewer = self.viewer;
        let (server, health) = (self.server, self.health);
        let sums = &server.counters;
        let is_http = self.proxy.config.mode == Mode::Http;
        let http = |n| if is_http { U64(n) } else { Empty };
        let checked = Some(health.check()).filter(|check| check.is_enabled());
        let agent = active(Some(health.agent()).filter(|agent| agent.is_enabled()));
        match field {
            F::Pxname => (&*self.proxy.config.name).into(),
            F::Svname => (&*self.config.name).into(),
            F::Qcur => U32(server.queued.get()),
            F::Qmax => U32(server.queued.max()),
            F::Scur => U32(server.sessions.get()),
            F::Smax => U32(server.sessions.max()),
            F::Slim => limit(server.maxconn.load(Relaxed)),
            F::Stot => U64(sums.sum(|c| c.sessions.get())),
            F::Bin | F::Reqbin => U64(sums.sum(|c| c.bytes_in.get())),
            F::Bout | F::Resbout => U64(sums.sum(|c| c.bytes_out.get())),
            F::Reqbout => U64(sums.sum(|c| c.server_bytes_out.get())),
            F::Resbin => U64(sums.sum(|c| c.server_bytes_in.get())),
            F::Dresp => U64(sums.sum(|c| c.denied_responses.get())),
            F::Econ => U64(sums.sum(|c| c.connect_errors.get())),
            F::Eresp => U64(sums.sum(|c| c.response_errors.get())),
            F::Wretr => U64(sums.sum(|c| c.retries.get())),
            F::Wredis => U64(sums.sum(|c| c.redispatches.get())),
            F::Status => Value::Status(self.status()),
            F::Weight => U32(health.effective_weight()),
            F::Act => U32(u32::from(!self.config.backup)),
            F::Bck => U32(u32::from(self.config.backup)),
            F::Chkfail => checked.map_or(Empty, |_| U64(health.failed_checks())),
            F::Chkdown => checked.map_or(Empty, |_| U64(health.down_transitions())),
            F::Lastchg => U32(secs(health.since_last_change(viewer.now))),
            F::Downtime => checked.map_or(Empty, |_| U32(secs(health.down_time(viewer.now)))),
            F::Qlimit => limit(self.config.maxqueue),
            F::Pid => U32(1),
            F::Iid => U32(self.proxy.config.id),
            F::Sid => U32(self.config.id),
            F::Throttle => health.throttle_percent().map_or(Empty, U32),
            F::Lbtot => U64(sums.sum(|c| c.chosen.get())),
            F::Tracked => self.via().map_or(Empty, |via| format!("{}/{}", via.backend, via.server).into()),
            F::Type => U32(ObjectKind::Server.number().into()),
            F::Rate => U32(sums.sum(|c| c.session_rate.per_second(viewer.now_ms)) as u32),
            F::RateMax => U32(sums.sum(|c| c.session_rate.max()) as u32),
            F::CheckStatus => active(checked).map_or(Empty, status_code),
            F::CheckCode => active(checked).map_or(Empty, code),
            F::CheckDuration => active(checked).filter(|check| is_done(check)).map_or(Empty, duration),
            F::Hrsp1xx => http(class(sums, 0)),
            F::Hrsp2xx => http(class(sums, 1)),
            F::Hrsp3xx => http(class(sums, 2)),
            F::Hrsp4xx => http(class(sums, 3)),
            F::Hrsp5xx => http(class(sums, 4)),
            F::HrspOther => http(class(sums, 5)),
            F::Hanafail => {
                if self.config.observe == Observe::None {
                    Empty
                } else {
                    U64(health.health_analyses())
                }
            }
            F::ReqTot => http(sums.sum(|c| c.requests.get())),
            F::CliAbrt => U64(sums.sum(|c| c.client_aborts.get())),
            F::SrvAbrt => U64(sums.sum(|c| c.server_aborts.get())),
            F::Lastsess => viewer.last_session(sums),
            F::LastChk => active(checked).map_or(Empty, |check| check.last().info.as_str().into()),
            F::LastAgt => agent.map_or(Empty, |agent| agent.last().info.as_str().into()),
            F::Qtime => mean(sums, is_http, |c| &c.queue_time),
            F::Ctime => mean(sums, is_http, |c| &c.connect_time),
            F::Rtime => mean(sums, is_http, |c| &c.response_time),
            F::Ttime => mean(sums, is_http, |c| &c.total_time),
            F::AgentStatus => agent.map_or(Empty, status_code),
            F::AgentCode => agent.map_or(Empty, code),
            F::AgentDuration => agent.map_or(Empty, duration),
            F::CheckDesc => active(checked).map_or(Empty, |check| check.last().status.description().into()),
            F::AgentDesc => agent.map_or(Empty, |agent| agent.last().status.description().into()),
            F::CheckRise => active(checked).map_or(Empty, |check| U32(check.health().rise())),
            F::CheckFall => active(checked).map_or(Empty, |check| U32(check.health().fall())),
            F::CheckHealth => active(checked).map_or(Empty, |check| U32(check.health().value())),
            F::AgentRise => agent.map_or(Empty, |agent| U32(agent.health().rise())),
            F::AgentFall => agent.map_or(Empty, |agent| U32(agent.health().fall())),
            F::AgentHealth => agent.map_or(Empty, |agent| U32(agent.health().value())),
            F::Addr => {
                if viewer.detailed {
                    address(server)
                } else {
                    Empty
                }
            }
            F::Cookie => server.cookie().filter(|_| viewer.detailed).map_or(Empty, Value::from),
            F::Mode => self.proxy.config.mode.as_str().into(),
            F::Wrew => U64(sums.sum(|c| c.failed_rewrites.get())),
            F::Connect => U64(sums.sum(|c| c.connects.get())),
            F::Reuse => U64(sums.sum(|c| c.reuses.get())),
            F::SrvIcur | F::SafeConnCur => U32(server.idle.get()),
            F::SrcIlim => u32::try_from(self.config.pool_max_conn).map_or(Empty, U32),
            F::QtimeMax => U32(sums.largest(|c| c.queue_time.max()) as u32),
            F::CtimeMax => U32(sums.largest(|c| c.connect_time.max()) as u32),
            F::RtimeMax => U32(sums.largest(|c| c.response_time.max()) as u32),
            F::TtimeMax => U32(sums.largest(|c| c.total_time.max()) as u32),
            F::Eint => U64(sums.sum(|c| c.internal_errors.get())),
            F::IdleConnCur | F::PrivIdleCur => U32(0),
            F::Srid => U32(self.revision),
            F::UsedConnCur => U32(connections_in_use(self.proxy, server, health)),
            F::NeedConnEst => U32(most_connections_in_use(self.proxy, server, health)),
            F::Uweight => U32(health.weight()),
            F::SslSess => U64(sums.sum(|c| c.ssl_sessions.get())),
            F::SslReusedSess => U64(sums.sum(|c| c.ssl_resumed.get())),
            F::SslFailedHandshake => U64(sums.sum(|c| c.ssl_failed.get())),
            F::SslOcspStaple | F::SslFailedOcspStaple => U64(0),
            // Only other kinds of objects have these.
            F::Dreq
            | F::Ereq
            | F::RateLim
            | F::ReqRate
            | F::ReqRateMax
            | F::CompIn
            | F::CompOut
            | F::CompByp
            | F::CompRsp
            | F::Algo
            | F::ConnRate
            | F::ConnRateMax
            | F::ConnTot
            | F::Intercepted
            | F::Dcon
            | F::Dses
            | F::CacheLookups
            | F::CacheHits
            | F::AggServerStatus
            | F::AggServerCheckStatus
            | F::AggCheckStatus
            | F::SessOther
            | F::H1sess
            | F::H2sess
            | F::H3sess
            | F::ReqOther
            | F::H1req
            | F::H2req
            | F::H3req
            | F::Proto
            | F::CacheHintHits
            | F::H2HeadersRcvd
            | F::H2DataRcvd
            | F::H2SettingsRcvd
            | F::H2RstStreamRcvd
            | F::H2GoawayRcvd
            | F::H2DetectedConnProtocolErrors
            | F::H2DetectedStrmProtocolErrors
            | F::H2RstStreamResp
            | F::H2GoawayResp
            | F::H2OpenConnections
            | F::H2BackendOpenStreams
            | F::H2TotalConnections
            | F::H2BackendTotalStreams
            | F::H1OpenConnections
            | F::H1OpenStreams
            | F::H1TotalConnections
            | F::H1TotalStreams
            | F::H1BytesIn
            | F::H1BytesOut
            | F::H1SplicedBytesIn
            | F::H1SplicedBytesOut => Empty,
        }
    }
}

/// A check that maintenance does not pause.
fn active(check: Option<&Monitor>) -> Option<&Monitor> {
    check.filter(|check| check.state_bits() & PAUSED == 0)
}

/// The bit of a check's state that maintenance sets.
const PAUSED: u8 = 8;

fn is_done(check: &Monitor) -> bool {
    !matches!(check.last().status, CheckStatus::Unknown | CheckStatus::Init | CheckStatus::Start)
}

/// The status' code, after `* ` while a check is in progress.
fn status_code(check: &Monitor) -> Value<'static> {
    let code = check.last().status.code();
    if check.in_progress() { format!("* {code}").into() } else { code.into() }
}

fn code(check: &Monitor) -> Value<'static> {
    let last = check.last();
    if last.status.has_code() { U32(last.code.cast_unsigned()) } else { Empty }
}

fn duration(check: &Monitor) -> Value<'static> {
    check.last().duration.map_or(Empty, |duration| U64(duration.as_millis() as u64))
}

fn limit(value: u32) -> Value<'static> {
    if value == 0 { Empty } else { U32(value) }
}

fn secs(time: Duration) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}

/// Connections that serve requests, and those of checks. As observed, TCP sessions are not among them.
pub(super) fn connections_in_use(proxy: &ProxyState, server: &ServerState, health: &ServerHealth) -> u32 {
    let checks = [health.check(), health.agent()].into_iter().filter(|check| check.in_progress()).count() as u32;
    checks + if proxy.config.mode == Mode::Http { server.sessions.get() } else { 0 }
}

/// The most there were at once; a check was one.
pub(super) fn most_connections_in_use(proxy: &ProxyState, server: &ServerState, health: &ServerHealth) -> u32 {
    let checks = u32::from([health.check(), health.agent()].into_iter().any(is_done));
    checks.max(if proxy.config.mode == Mode::Http { server.sessions.max() } else { 0 })
}

/// Responses of a class, 0 for 1xx to 4 for 5xx, 5 for others.
fn class(sums: &PerThread, class: usize) -> u64 {
    sums.sum(|c| c.responses.get(class).map_or(0, Counter::get))
}

/// The mean over the last exchanges of all threads, each thread by its share of them.
fn mean(sums: &PerThread, is_http: bool, time: impl Fn(&Counters) -> &SlidingMean) -> Value<'static> {
    let (mut total, mut samples) = (0, 0);
    for counters in sums.iter() {
        let seen = if is_http { counters.requests.get() } else { counters.sessions.get() };
        total += SlidingMean::mean_of(time(counters).sum(), seen) * seen;
        samples += seen;
    }
    U32(total.checked_div(samples).unwrap_or(0) as u32)
}

fn address(server: &ServerState) -> Value<'static> {
    match server.target() {
        Target::Ip(_) if server.is_unresolved() => Empty,
        Target::Ip(address) => Value::Addr(address),
        Target::Unix(_) | Target::Abstract(_) | Target::Sockpair(_) => "unix".into(),
    }
}

fn idle(proxy: &ProxyState) -> u32 {
    proxy.servers.live().map(|server| server.idle.get()).sum()
}

fn frontend_limit(shared: &Shared, proxy: &ProxyState) -> u32 {
    match proxy.maxconn.load(Relaxed) {
        // No limit of its own: the one of the start.
        0 => shared.process.hard_maxconn,
        limit => limit,
    }
}
