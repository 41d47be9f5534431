//! For tests: an engine's shared state from the text of a configuration.

use crate::clock::Clock;
use crate::counters::{Gauge, Handshakes, PerThread};
use crate::former::Former;
use crate::log::Logger;
use crate::shared::{FrontendState, Gate, Limits, ListenerState, Process, ProxyState, Shared};
use lb_config::model::{Config, Proxy};
use std::net::IpAddr;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};

struct NoHost;

impl lb_config::Host for NoHost {
    fn env(&self, _: &str) -> Option<String> {
        None
    }
    fn resolve(&self, _: &str) -> Option<IpAddr> {
        None
    }
    fn user_id(&self, _: &str) -> Option<u32> {
        None
    }
    fn group_id(&self, _: &str) -> Option<u32> {
        None
    }
    fn read_file(&self, _: &Path) -> std::io::Result<Vec<u8>> {
        Err(std::io::ErrorKind::NotFound.into())
    }
    fn hostname(&self) -> String {
        "vm".into()
    }
}

/// Reads a configuration that must be valid.
pub fn config(text: &str) -> &'static Config {
    let source = lb_config::Source { name: "test.cfg".into(), text: text.into() };
    let outcome = lb_config::parse(&[source], &NoHost);
    match outcome.config {
        Some(config) => Box::leak(Box::new(config)),
        None => panic!("{:#?}", outcome.diagnostics),
    }
}

/// The shared state of an engine with this configuration and no data threads.
pub fn shared(text: &str) -> &'static Shared {
    let config = config(text);
    let clock = Clock::start();
    let maxconn = config.global.maxconn.unwrap_or(100);
    let threads = 1;
    Box::leak(Box::new(Shared {
        config,
        clock,
        former: Former::default(),
        is_supervised: false,
        proxies: config.proxies.iter().enumerate().map(|(index, p)| proxy(index, p, maxconn, threads)).collect(),
        tables: crate::tables::Tables::new(config),
        process: process(maxconn, threads),
        mailboxes: OnceLock::new(),
        gate: Gate::default(),
        events: OnceLock::new(),
        orders: OnceLock::new(),
        logger: Logger::new(clock, "haproxy".into(), None, std::iter::empty(), &config.rings),
        traces: crate::trace::Traces::default(),
        activity: (0..=threads).map(|_| crate::activity::Activity::default()).collect(),
        threads,
        limits: Limits { bufsize: 16_384, maxrewrite: 1_024, maxhdr: 101 },
    }))
}

fn proxy(index: usize, config: &'static Proxy, maxconn: u32, threads: usize) -> ProxyState {
    let listeners = config.binds.iter().map(|config| listener(config, threads)).collect();
    let proxy = ProxyState::new(index, config, listeners, threads);
    proxy.maxconn.store(config.maxconn.unwrap_or(maxconn), Relaxed);
    proxy.state.store(FrontendState::Open as u8, Relaxed);
    proxy
}

fn listener(config: &'static lb_config::model::Bind, threads: usize) -> ListenerState {
    ListenerState {
        announced: config.accept_proxy,
        config,
        counters: PerThread::new(threads),
        sessions: Gauge::default(),
        bound: OnceLock::new(),
        taps: std::sync::Mutex::default(),
        tls: None,
    }
}

fn process(maxconn: u32, threads: usize) -> Process {
    Process {
        alive: AtomicU32::new(0),
        connections: Gauge::default(),
        totals: PerThread::new(threads),
        maxconn: AtomicU32::new(maxconn),
        hard_maxconn: maxconn,
        maxconn_reached: AtomicU64::new(0),
        stopping: AtomicBool::new(false),
        announced: AtomicBool::new(false),
        stopping_since_ms: AtomicU64::new(0),
        max_connection_rate: AtomicU32::new(0),
        max_session_rate: AtomicU32::new(0),
        max_ssl_rate: AtomicU32::new(0),
        handshakes: (0..threads).map(|_| Handshakes::default()).collect(),
        ssl_connections: Gauge::default(),
        max_ssl_connections: AtomicU32::new(u32::MAX),
        max_compression_kbps: AtomicU32::new(0),
        warnings: 0,
        ulimit_n: 233,
        hostname: "vm".into(),
        node: "vm".into(),
        startup_log: Vec::new(),
        boot_ms: AtomicU64::new(0),
    }
}
