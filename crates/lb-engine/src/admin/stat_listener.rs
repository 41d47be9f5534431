//! The values of `show stat` for a listener, which has a row of its own with `option socket-stats`.

use super::stat_values::Viewer;
use crate::shared::{FrontendState, ListenerState, ProxyState, listen_text};
use lb_stats::Value::{self, Empty, U32, U64};
use lb_stats::{ObjectKind, StatField, StatField as F, StatSource};

/// A listener.
pub(super) struct ListenerRow<'a> {
    /// The view.
    pub viewer: &'a Viewer<'a>,
    /// Its proxy.
    pub proxy: &'static ProxyState,
    /// The listener.
    pub listener: &'static ListenerState,
}

impl ListenerRow<'_> {
    fn status(&self) -> &'static str {
        let full = self.listener.config.maxconn.is_some_and(|max| max > 0 && self.listener.sessions.get() >= max);
        match self.proxy.frontend_state() {
            FrontendState::Open if full => "FULL",
            FrontendState::Open => "OPEN",
            FrontendState::Paused => "PAUSED",
            FrontendState::Stopped => "STOP",
        }
    }

    /// Its address; a port that the kernel chose is told as such.
    fn address(&self) -> String {
        match self.listener.bound.get() {
            Some(bound) => bound.to_string(),
            None => listen_text(&self.listener.config.address),
        }
    }

    fn protocol(&self) -> &'static str {
        match self.listener.bound.get() {
            Some(bound) if bound.is_ipv4() => "tcpv4",
            Some(_) => "tcpv6",
            None => "unix_stream",
        }
    }
}

impl StatSource for ListenerRow<'_> {
    fn kind(&self) -> ObjectKind {
        ObjectKind::Listener
    }

    fn ids(&self) -> (u32, u32) {
        (self.proxy.config.id, self.listener.config.id)
    }

    fn value(&self, field: StatField) -> Value<'_> {
        self.listener.counters.kept().onto(field, |field| self.counted(field))
    }
}

impl ListenerRow<'_> {
    /// A value, as far as this process counted it.
    #[inline(never)]
    fn counted(&self, field: StatField) -> Value<'_> {
        let config = self.listener.config;
        let sums = &self.listener.counters;
        match field {
            F::Pxname => self.proxy.config.get().name.as_ref().into(),
            F::Svname => match &config.name {
                Some(name) => name.as_str().into(),
                None => format!("sock-{}", config.id).into(),
            },
            F::Scur => U32(self.listener.sessions.get()),
            F::Smax => U32(self.listener.sessions.max()),
            F::Slim => U32(config.maxconn.unwrap_or(0)),
            F::Stot => U64(sums.sum(|c| c.sessions.get())),
            F::Bin | F::Reqbin => U64(sums.sum(|c| c.bytes_in.get())),
            F::Bout | F::Resbout => U64(sums.sum(|c| c.bytes_out.get())),
            F::Reqbout => U64(sums.sum(|c| c.server_bytes_out.get())),
            F::Resbin => U64(sums.sum(|c| c.server_bytes_in.get())),
            F::Dreq => U64(sums.sum(|c| c.denied_requests.get())),
            F::Dresp => U64(sums.sum(|c| c.denied_responses.get())),
            F::Ereq => U64(sums.sum(|c| c.request_errors.get())),
            F::Status => self.status().into(),
            F::Pid => U32(1),
            F::Iid => U32(self.proxy.config.id),
            F::Sid => U32(config.id),
            F::Type => U32(ObjectKind::Listener.number().into()),
            F::Addr if self.viewer.detailed => self.address().into(),
            F::Addr => Empty,
            F::Mode => self.proxy.config.mode.as_str().into(),
            F::ConnTot => U64(sums.sum(|c| c.connections.get())),
            F::Dcon => U64(sums.sum(|c| c.denied_connections.get())),
            F::Dses => U64(sums.sum(|c| c.denied_sessions.get())),
            F::Wrew => U64(sums.sum(|c| c.failed_rewrites.get())),
            F::Eint => U64(sums.sum(|c| c.internal_errors.get())),
            F::Proto => self.protocol().into(),
            F::SslSess | F::SslReusedSess | F::SslFailedHandshake | F::SslOcspStaple | F::SslFailedOcspStaple => U64(0),
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
            | F::Rate
            | F::RateLim
            | F::RateMax
            | F::CheckStatus
            | F::CheckCode
            | F::CheckDuration
            | F::Hrsp1xx
            | F::Hrsp2xx
            | F::Hrsp3xx
            | F::Hrsp4xx
            | F::Hrsp5xx
            | F::HrspOther
            | F::Hanafail
            | F::ReqRate
            | F::ReqRateMax
            | F::ReqTot
            | F::CliAbrt
            | F::SrvAbrt
            | F::CompIn
            | F::CompOut
            | F::CompByp
            | F::CompRsp
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
            | F::Cookie
            | F::Algo
            | F::ConnRate
            | F::ConnRateMax
            | F::Intercepted
            | F::Connect
            | F::Reuse
            | F::CacheLookups
            | F::CacheHits
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
            | F::SessOther
            | F::H1sess
            | F::H2sess
            | F::H3sess
            | F::ReqOther
            | F::H1req
            | F::H2req
            | F::H3req
            | F::PrivIdleCur
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
