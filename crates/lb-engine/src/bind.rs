//! From a configuration to open sockets and shared state. Starts no thread.

use crate::activity::Activity;
use crate::admin::BoundAdmin;
use crate::clock::Clock;
use crate::counters::{Gauge, Handshakes, PerThread};
use crate::data::announced;
use crate::facts;
use crate::former::Former;
use crate::listen::{self, BoundListener, FileAccess, Inherited, ListenError};
use crate::log::Logger;
use crate::shared::{Gate, Limits, ListenerState, Process, ProxyState, Shared, Tap, listen_text, lock};
use crate::slots::Slots;
use crate::sockets;
use crate::tables::Tables;
use crate::tls::ListenerSecurity;
use crate::trace::Traces;
use lb_config::model::{Config, Global, ListenAddress, LogSink, Proxy, SocketOptions};
use nix::sys::resource::{Resource, getrlimit};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock};

/// What the engine is told besides the configuration.
#[derive(Debug, Default)]
pub struct StartOptions {
    /// Name in logs unless `log-tag` says otherwise.
    pub program: String,
    /// What was printed so far.
    pub startup_log: Vec<String>,
    /// Sockets that listen already, from a former process: their address as [`Bound::listeners`] named it, and the socket.
    pub inherited: Vec<(String, OwnedFd)>,
    /// More words on standard error.
    pub verbose: bool,
    /// What a former process left.
    pub former: Former,
    /// A master starts and stops this process.
    pub is_supervised: bool,
}

/// A socket that could not be opened.
#[derive(Debug)]
pub struct StartError {
    /// `frontend fe`, `GLOBAL`…
    pub owner: String,
    /// The failure.
    pub error: ListenError,
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ListenError { place, what, address, source } = &self.error;
        let reason = source.to_string();
        let reason = reason.split(" (os error").next().unwrap_or_default();
        write!(f, "Binding [{place}] for {}: {what} ({reason}) for [{address}]", self.owner)
    }
}

/// An engine whose sockets are open and that serves nobody.
#[derive(Debug)]
pub struct Bound {
    pub(crate) shared: &'static Shared,
    /// By thread.
    pub(crate) listeners: Vec<Vec<BoundListener>>,
    pub(crate) admin: Vec<BoundAdmin>,
    pub(crate) boot: std::time::Instant,
}

impl Bound {
    /// The listening sockets with the names a later process finds them by. Inherited descriptors (`fd@N`) are left out:
    /// their giver has them.
    pub fn listeners(&self) -> Vec<(String, BorrowedFd<'_>)> {
        self.listeners
            .iter()
            .flatten()
            .filter_map(|bound| {
                let address = &self.shared.proxies.get(bound.proxy)?.listeners.get(bound.listener)?.config.address;
                (!matches!(address, ListenAddress::Fd(_) | ListenAddress::Sockpair(_)))
                    .then(|| (listen_text(address), bound.socket.as_fd()))
            })
            .collect()
    }
}

/// Opens all sockets of a configuration.
///
/// # Errors
/// Every socket that could not be opened.
pub fn bind(config: Config, options: StartOptions) -> Result<Bound, Vec<StartError>> {
    let boot = std::time::Instant::now();
    // The configuration and the state beside it live as long as the process.
    let config: &'static Config = Box::leak(Box::new(config));
    let threads = thread_count(&config.global);
    let mut inherited = Inherited::new(options.inherited);
    let mut errors = Vec::new();
    let mut listeners: Vec<Vec<BoundListener>> = (0..threads).map(|_| Vec::new()).collect();
    let proxies: Slots<ProxyState> = config
        .proxies
        .iter()
        .enumerate()
        .map(|(index, proxy)| proxy_state(index, proxy, threads, &mut inherited, &mut listeners, &mut errors))
        .collect();
    let mut admin = Vec::new();
    for socket in &config.global.stats_sockets {
        let access = FileAccess { mode: socket.mode, uid: socket.uid, gid: socket.gid };
        match listen::open(&socket.address, access, 1_024, false, &SocketOptions::default()) {
            Ok(opened) => admin.push(BoundAdmin { config: socket, socket: opened }),
            Err(source) => errors.push(StartError {
                owner: "proxy GLOBAL".to_owned(),
                error: ListenError {
                    place: format!("{}:{}", socket.place.file, socket.place.line),
                    what: "cannot bind UNIX socket",
                    address: listen_text(&socket.address),
                    source,
                },
            }),
        }
    }
    open_namespaces(config, &mut errors);
    if !errors.is_empty() {
        return Err(errors);
    }
    let open = listeners.iter().map(Vec::len).max().unwrap_or(0) + admin.len();
    let mut shared = shared_state(config, proxies, threads, &options.program, options.startup_log, open as u32);
    for proxy in shared.proxies.live() {
        proxy.fullconn.store(facts::fullconn(&shared, proxy), Relaxed);
    }
    shared.former = options.former;
    shared.is_supervised = options.is_supervised;
    shared.former.give_counters(&shared.proxies);
    Ok(Bound { shared: Box::leak(Box::new(shared)), listeners, admin, boot })
}

/// Opens the network namespaces of servers while their files are in reach.
fn open_namespaces(config: &Config, errors: &mut Vec<StartError>) {
    for (proxy, server) in config.proxies.iter().flat_map(|proxy| proxy.servers.iter().map(move |s| (proxy, s))) {
        let Some(name) = server.socket.as_ref().and_then(|socket| socket.namespace.as_ref()) else { continue };
        if let Err(source) = sockets::open_namespace(name) {
            errors.push(StartError {
                owner: format!("server {}/{}", proxy.name, server.name),
                error: ListenError {
                    place: format!("{}:{}", server.place.file, server.place.line),
                    what: "cannot open namespace",
                    address: name.to_string(),
                    source,
                },
            });
        }
    }
}

fn thread_count(global: &Global) -> usize {
    let available = std::thread::available_parallelism().map_or(1, usize::from);
    global.nbthread.unwrap_or(available).clamp(1, 256)
}

fn proxy_state(
    index: usize,
    config: &'static Proxy,
    threads: usize,
    inherited: &mut Inherited,
    listeners: &mut [Vec<BoundListener>],
    errors: &mut Vec<StartError>,
) -> ProxyState {
    let mut states = Vec::new();
    let announced = announced::is_expected_by_rule(config);
    for (number, bind) in config.binds.iter().enumerate() {
        let tls = ListenerSecurity::of(bind).unwrap_or_else(|why| {
            let place = format!("{}:{}", bind.place.file, bind.place.line);
            let source = std::io::Error::other(why);
            let error = ListenError { place, what: "cannot secure", address: listen_text(&bind.address), source };
            errors.push(StartError { owner: format!("{} {}", kind_word(config), config.name), error });
            None
        });
        let state = ListenerState {
            announced: bind.accept_proxy || announced,
            config: bind,
            tls,
            counters: PerThread::new(threads),
            sessions: Gauge::default(),
            bound: OnceLock::new(),
            taps: Mutex::new(Vec::new()),
        };
        let backlog = bind.backlog.or(config.backlog).or(config.maxconn).unwrap_or(4_096).clamp(1, 65_535) as i32;
        if !config.disabled {
            match listen::open_bind(bind, threads, backlog, inherited) {
                Ok(sockets) => {
                    let address = sockets.first().and_then(|s| s.local_addr().ok());
                    let unix = address.as_ref().is_some_and(socket2::SockAddr::is_unix);
                    if let Some(ip) = address.and_then(|a| a.as_socket()) {
                        let _ = state.bound.set(ip);
                    }
                    let tap = |s: &socket2::Socket| Some(Tap { socket: s.try_clone().ok()?, backlog, pausable: !unix });
                    *lock(&state.taps) = sockets.iter().filter_map(tap).collect();
                    // A reload may hand over more sockets than there are threads: each is accepted on by some thread.
                    for (socket, slot) in sockets.into_iter().zip((0..threads).cycle()) {
                        if let Some(own) = listeners.get_mut(slot) {
                            own.push(BoundListener { proxy: index, listener: number, socket, unix, backlog });
                        }
                    }
                }
                Err(error) => {
                    errors.push(StartError { owner: format!("{} {}", kind_word(config), config.name), error });
                }
            }
        }
        states.push(state);
    }
    ProxyState::new(index, config, states, threads)
}

fn kind_word(config: &Proxy) -> &'static str {
    if config.kind == lb_model::ProxyKind::Listen { "proxy" } else { config.kind.as_str() }
}

fn shared_state(
    config: &'static Config,
    proxies: Slots<ProxyState>,
    threads: usize,
    program: &str,
    startup_log: Vec<String>,
    listeners: u32,
) -> Shared {
    let global = &config.global;
    let clock = Clock::start();
    let hostname = nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok())
        .unwrap_or_else(|| "localhost".to_owned());
    let log_host = global.log_send_hostname.as_ref().map(|name| if name.is_empty() { &hostname } else { name });
    let targets = global.logs.iter().chain(config.proxies.iter().flat_map(|proxy| &proxy.logs));
    let descriptors = targets.filter_map(|target| match target.sink {
        LogSink::Fd(fd) => Some(fd),
        LogSink::Udp(..) | LogSink::Unix(_) | LogSink::Abstract(_) | LogSink::Ring(_) => None,
    });
    let tag = global.log_tag.clone().unwrap_or_else(|| program.to_owned());
    let logger = Logger::new(clock, tag, log_host.cloned(), descriptors, &config.rings);
    let ulimit_n = getrlimit(Resource::RLIMIT_NOFILE).map_or(1_024, |(soft, _)| soft);
    // Two descriptors per connection, and some for listeners, checks, logs and admin sockets.
    let fixed = u64::from(listeners) * threads as u64 + u64::from(global.stats_maxconn.unwrap_or(0)) + 64;
    let affordable = (ulimit_n.saturating_sub(fixed) / 2).clamp(1, 1 << 20) as u32;
    let maxconn = global.maxconn.unwrap_or(affordable);
    let bufsize = global.bufsize.unwrap_or(16_384).max(2_048);
    let process = Process {
        connections: Gauge::default(),
        totals: PerThread::new(threads),
        maxconn: AtomicU32::new(maxconn),
        hard_maxconn: maxconn,
        maxconn_reached: AtomicU64::new(0),
        stopping: AtomicBool::new(false),
        announced: AtomicBool::new(false),
        stopping_since_ms: AtomicU64::new(0),
        max_connection_rate: AtomicU32::new(global.runtime.max_connection_rate),
        max_session_rate: AtomicU32::new(global.runtime.max_session_rate),
        max_ssl_rate: AtomicU32::new(global.max_ssl_rate),
        handshakes: (0..threads).map(|_| Handshakes::default()).collect(),
        ssl_connections: Gauge::default(),
        max_ssl_connections: AtomicU32::new(global.max_ssl_connections.unwrap_or(u32::MAX)),
        max_compression_kbps: AtomicU32::new(global.runtime.max_compression_rate),
        warnings: startup_log.iter().filter(|line| line.starts_with("[WARNING]")).count() as u32,
        ulimit_n,
        node: global.node.clone().unwrap_or_else(|| hostname.clone()),
        hostname,
        startup_log,
        alive: AtomicU32::new(threads as u32),
        boot_ms: AtomicU64::new(0),
    };
    Shared {
        config,
        clock,
        former: Former::default(),
        is_supervised: false,
        proxies,
        tables: Tables::new(config),
        process,
        mailboxes: OnceLock::new(),
        events: OnceLock::new(),
        orders: OnceLock::new(),
        gate: Gate::default(),
        logger,
        traces: Traces::default(),
        activity: (0..=threads).map(|_| Activity::default()).collect(),
        threads,
        limits: Limits {
            bufsize,
            maxrewrite: global.maxrewrite.unwrap_or(1_024).min(bufsize / 2),
            maxhdr: global.maxhdr.unwrap_or(101),
        },
    }
}
