//! `show info`: facts and counters about the process.

use super::inside::pools;
use super::process::{RELEASE_DATE, VERSION};
use crate::control::Control;
use crate::counters::Handshakes;
use crate::rate::Rate;
use crate::shared::{FrontendState, Shared};
use lb_admin::{Reply, Request};
use lb_model::{Mode, human_delay};
use lb_stats::Value::{self, Empty, Flt, U32, U64};
use lb_stats::{InfoField, InfoField as F, InfoFormat, InfoSource, write_info};
use nix::sys::resource::{UsageWho, getrusage};
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// `show info [typed|json] [desc] [float]`.
pub(super) fn show(control: &Control, request: &Request) -> Reply {
    let mut out = Vec::with_capacity(4_096);
    write_info(&Source::new(control), InfoFormat::from_words(request.args()), &mut out);
    Reply::Raw(out)
}

/// What the process used in the last second.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Usage {
    at_us: u64,
    cpu_us: u64,
    bytes_out: u64,
    busy_percent: u32,
    /// Bytes sent in that second.
    pub bytes_rate: u64,
}

impl Usage {
    /// Share of the time that threads waited for events.
    pub fn idle_percent(self) -> u32 {
        100 - self.busy_percent.min(100)
    }
}

/// Measures what the process uses, every second.
pub async fn sample(control: Rc<Control>) {
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let last = control.admin.usage.get();
        let (at_us, cpu_us, bytes_out) = (control.shared.clock.now_us(), cpu_us(), bytes_out(&control));
        let available = (at_us - last.at_us).max(1) * control.shared.threads as u64;
        let busy_percent = (cpu_us.saturating_sub(last.cpu_us) * 100 / available) as u32;
        let bytes_rate = bytes_out.saturating_sub(last.bytes_out) * 1_000_000 / (at_us - last.at_us).max(1);
        control.admin.usage.set(Usage { at_us, cpu_us, bytes_out, busy_percent, bytes_rate });
    }
}

/// Processor time the process has used, in microseconds.
fn cpu_us() -> u64 {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else { return 0 };
    let micros = |t: nix::sys::time::TimeVal| (t.tv_sec() * 1_000_000 + t.tv_usec()) as u64;
    micros(usage.user_time()) + micros(usage.system_time())
}

fn bytes_out(control: &Control) -> u64 {
    let traffic: u64 = control.shared.proxies.live().map(|p| p.front.sum(|c| c.bytes_out.get())).sum();
    traffic + control.admin.bytes_out.get()
}

/// The process at one moment.
pub(super) struct Source<'a> {
    control: &'a Control,
    shared: &'static Shared,
    uptime: Duration,
    now_ms: u64,
    /// Bytes in pools: allocated, and in use.
    pools: (u64, u64),
    start_secs: f64,
    listeners: u32,
}

impl<'a> Source<'a> {
    /// A view of this moment.
    pub fn new(control: &'a Control) -> Self {
        let shared = control.shared;
        let uptime = shared.clock.uptime();
        let start = shared.clock.wall_at(0);
        let open = |p: &&crate::shared::ProxyState| p.frontend_state() != FrontendState::Stopped && !p.config.disabled;
        let stopping = shared.process.stopping.load(Relaxed);
        let listeners: usize =
            if stopping { 0 } else { shared.proxies.live().filter(open).map(|p| p.listeners.len()).sum() };
        Self {
            control,
            shared,
            uptime,
            now_ms: uptime.as_millis() as u64,
            pools: pools::totals(&pools::all(control)),
            start_secs: start.unix_secs as f64 + f64::from(start.micros) / 1e6,
            listeners: (listeners + control.admin.listeners()) as u32,
        }
    }

    fn jobs(&self) -> u32 {
        self.shared.process.connections.get() + self.listeners + self.control.admin.connections.borrow().len() as u32
    }

    /// Requests of all HTTP frontends, connections of the others, commands of the admin sockets.
    fn handshake_rate(&self, of: fn(&Handshakes) -> &Rate) -> u32 {
        let handshakes = &self.shared.process.handshakes;
        handshakes.iter().map(|own| of(own).per_second(self.now_ms)).sum::<u64>() as u32
    }

    fn requests(&self) -> u64 {
        let traffic: u64 = self
            .shared
            .proxies
            .live()
            .map(|p| match p.config.mode {
                Mode::Http => p.front.sum(|c| c.requests.get()),
                Mode::Tcp => p.front.sum(|c| c.sessions.get()),
            })
            .sum();
        traffic + self.control.admin.commands.get()
    }

    /// Requests in progress and connections of TCP frontends; this very command is one.
    fn streams(&self) -> u64 {
        let backs: u64 = self.shared.proxies.live().map(|p| u64::from(p.back_sessions.get())).sum();
        backs + self.control.admin.busy() as u64
    }
}

impl InfoSource for Source<'_> {
    fn value(&self, field: InfoField) -> Value<'_> {
        let process = &self.shared.process;
        let totals = &process.totals;
        let admin = &self.control.admin;
        match field {
            F::Name => "HAProxy".into(),
            F::Version | F::BuildInfo => VERSION.into(),
            F::ReleaseDate => RELEASE_DATE.into(),
            F::Nbthread => U32(self.shared.threads as u32),
            F::Nbproc | F::ProcessNum | F::NbThreadGroups => U32(1),
            F::Pid => U32(std::process::id()),
            F::Uptime => human_delay(self.uptime).into(),
            F::UptimeSec => Flt(self.uptime.as_secs_f64()),
            F::MemmaxMB
            | F::PoolFailed
            | F::Maxpipes
            | F::PipesUsed
            | F::PipesFree
            | F::SslCacheLookups
            | F::SslCacheMisses
            | F::CompressBpsIn
            | F::CompressBpsOut
            | F::RunQueue
            | F::UnstoppableJobs
            | F::ActivePeers
            | F::ConnectedPeers
            | F::BusyPolling
            | F::FailedResolutions
            | F::DebugCommandsIssued
            | F::CumRecvLogs
            | F::MemmaxBytes
            | F::NicedTasks
            | F::BlockedTrafficWarnings => U32(0),
            F::PoolAllocMB => U32((self.pools.0 >> 20) as u32),
            F::PoolUsedMB => U32((self.pools.1 >> 20) as u32),
            F::UlimitN | F::Maxsock => U32(process.ulimit_n as u32),
            F::Maxconn => U32(process.maxconn.load(Relaxed)),
            F::HardMaxconn => U32(process.hard_maxconn),
            F::CurrConns => U32(process.connections.get()),
            F::CumConns => U32((totals.sum(|c| c.connections.get()) + admin.accepted.get()) as u32),
            F::CumReq => U32(self.requests() as u32),
            F::ConnRate => U32(totals.sum(|c| c.connection_rate.per_second(self.now_ms)) as u32),
            F::ConnRateLimit => U32(process.max_connection_rate.load(Relaxed)),
            F::SessRateLimit => U32(process.max_session_rate.load(Relaxed)),
            F::MaxSslConns => match process.max_ssl_connections.load(Relaxed) {
                u32::MAX => U32(0),
                limit => U32(limit),
            },
            F::CurrSslConns => U32(process.ssl_connections.get()),
            F::CumSslConns => U32(process.handshakes.iter().map(|h| h.connections.get()).sum::<u64>() as u32),
            F::SslRate => U32(self.handshake_rate(|h| &h.begun)),
            F::MaxSslRate => U32(process.handshakes.iter().map(|h| h.begun.max()).sum::<u64>() as u32),
            F::SslFrontendKeyRate => U32(self.handshake_rate(|h| &h.front_keys)),
            F::SslFrontendMaxKeyRate => U32(process.handshakes.iter().map(|h| h.front_keys.max()).sum::<u64>() as u32),
            F::SslFrontendSessionReusePct => {
                let (all, whole) = (self.handshake_rate(|h| &h.begun), self.handshake_rate(|h| &h.front_keys));
                U32(all.saturating_sub(whole).saturating_mul(100).checked_div(all).unwrap_or(0))
            }
            F::SslBackendKeyRate => U32(self.handshake_rate(|h| &h.back_keys)),
            F::SslBackendMaxKeyRate => U32(process.handshakes.iter().map(|h| h.back_keys.max()).sum::<u64>() as u32),
            F::SslRateLimit => U32(process.max_ssl_rate.load(Relaxed)),
            // In bytes, in 32 bits as HAProxy counts them.
            F::CompressBpsRateLim => U32(process.max_compression_kbps.load(Relaxed).wrapping_mul(1_024)),
            F::MaxConnRate => U32(totals.sum(|c| c.connection_rate.max()) as u32),
            F::SessRate => U32(totals.sum(|c| c.session_rate.per_second(self.now_ms)) as u32),
            F::MaxSessRate => U32(totals.sum(|c| c.session_rate.max()) as u32),
            F::Tasks | F::Jobs => U32(self.jobs()),
            F::IdlePct => U32(admin.usage.get().idle_percent()),
            F::Node => process.node.as_str().into(),
            F::Description => self.shared.config.global.description.as_deref().map_or(Empty, Value::from),
            F::Stopping => U32(process.stopping.load(Relaxed).into()),
            F::Listeners => U32(self.listeners),
            F::DroppedLogs => U32(self.shared.logger.dropped() as u32),
            F::TotalBytesOut => U64(bytes_out(self.control)),
            F::TotalSplicedBytesOut => U64(0),
            F::PatternsAdded => U64(self.shared.config.patterns.counts().0),
            F::PatternsFreed => U64(self.shared.config.patterns.counts().1),
            F::BytesOutRate => U64(admin.usage.get().bytes_rate),
            F::PoolAllocBytes => U64(self.pools.0),
            F::PoolUsedBytes => U64(self.pools.1),
            F::StartTimeSec => Flt(self.start_secs),
            F::Tainted => "0".into(),
            F::TotalWarnings => U32(process.warnings),
            F::MaxconnReached => U32(process.maxconn_reached.load(Relaxed) as u32),
            F::BootTimeMs => U32(process.boot_ms.load(Relaxed) as u32),
            F::CurrStreams => U64(self.streams()),
            F::CumStreams => U64(self.requests()),
        }
    }
}
