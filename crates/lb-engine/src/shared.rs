//! What all threads share: the immutable configuration, and beside it the few things that change at run time.
//!
//! Everything here lives as long as the process; threads hold plain references to it. Server and proxy states are
//! written by the control thread alone and read as single atomic words by data threads.

use crate::activity::Activity;
use crate::clock::Clock;
use crate::control::ServerEvent;
use crate::counters::{Counter, Gauge, Handshakes, PerThread};
use crate::data::thread::Mailbox;
use crate::dynamic_cookie::{DynamicCookies, MadeCookie};
use crate::former::Former;
use crate::log::Logger;
use crate::queue::Queue;
use crate::slots::{Slots, Swap};
use crate::tables::Tables;
use crate::tls::{ListenerSecurity, ServerSecurity};
use crate::trace::{Source, Traces, Whom};
use arc_swap::{ArcSwap, ArcSwapOption, Guard};
use lb_check::{FailLimit, TrafficEvent};
use lb_config::model::{Bind, ConnectAddress, ListenAddress, NodeKey, Observe, Proxy, Server};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed, Ordering::Release};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

/// Locks a mutex; a panic elsewhere does not make the data unusable.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The whole engine's shared state.
#[derive(Debug)]
pub struct Shared {
    /// Configuration as parsed.
    pub config: &'static lb_config::model::Config,
    /// The process's clock.
    pub clock: Clock,
    /// What a former process left.
    pub former: Former,
    /// A master starts and stops this process.
    pub is_supervised: bool,
    /// Proxies, by the configuration's index; those made at run time follow.
    pub proxies: Slots<ProxyState>,
    /// Stick tables.
    pub tables: Tables,
    /// Process-wide numbers.
    pub process: Process,
    /// Data threads' mailboxes, set once they run.
    pub mailboxes: OnceLock<Vec<Mailbox>>,
    /// Opened by the control thread once servers' states are published.
    pub gate: Gate,
    /// Where data threads leave what they saw of observed servers.
    pub events: OnceLock<tokio::sync::mpsc::Sender<ServerEvent>>,
    /// Where data threads order the pages that the engine serves itself.
    pub orders: OnceLock<tokio::sync::mpsc::Sender<crate::orders::Order>>,
    /// Log lines' way out.
    pub logger: Logger,
    /// What is reported of the engine's own doings.
    pub traces: Traces,
    /// What each thread's machinery does: data threads, then the control thread.
    pub activity: Box<[Activity]>,
    /// Number of data threads.
    pub threads: usize,
    /// Sizes and limits of buffers and heads.
    pub limits: Limits,
}

impl Shared {
    /// Reports an event of a trace; asks whether anybody wants it first.
    pub fn trace(
        &self,
        what: (Source, u32, crate::trace::Level),
        whom: impl FnOnce() -> Whom,
        text: std::fmt::Arguments<'_>,
    ) {
        if self.traces.is_on(what.0) {
            self.traces.emit((&self.logger, &self.clock), what, &whom(), text);
        }
    }

    /// Tells the control thread what a session saw of a server, if the server is observed. Never waits: when the
    /// control thread is behind, the event is dropped.
    pub fn report(&self, proxy: usize, server: usize, event: TrafficEvent) {
        let observed = self.proxies.get(proxy).and_then(|p| p.servers.get(server)).is_some_and(|s| {
            s.config().observe != Observe::None
                // Successes count only for one on trial.
                || s.config().max_fails > 0
                    && (FailLimit::is_failure(event) || s.fitness.load(Relaxed) & fitness::TRIAL != 0)
        });
        if let Some(events) = self.events.get().filter(|_| observed) {
            let _ = events.try_send(ServerEvent { proxy, server, event });
        }
    }
}

/// A door that opens once.
#[derive(Debug, Default)]
pub struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    /// Lets everybody through.
    pub fn open(&self) {
        *lock(&self.open) = true;
        self.opened.notify_all();
    }

    /// Waits until it is open.
    pub fn wait(&self) {
        let mut open = lock(&self.open);
        while !*open {
            open = self.opened.wait(open).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Sizes fixed at start.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Buffer size in bytes.
    pub bufsize: usize,
    /// Bytes kept free for rewriting heads.
    pub maxrewrite: usize,
    /// Most header fields of a message.
    pub maxhdr: usize,
}

/// Process-wide numbers and switches.
#[derive(Debug)]
pub struct Process {
    /// Current client connections.
    pub connections: Gauge,
    /// Connections since the start, by thread.
    pub totals: PerThread,
    /// Most client connections, settable at run time.
    pub maxconn: AtomicU32,
    /// Most client connections by configuration or resources.
    pub hard_maxconn: u32,
    /// Times an accept met the limit.
    pub maxconn_reached: AtomicU64,
    /// No new connections; sessions finish.
    pub stopping: AtomicBool,
    /// It will stop once `grace` is over: others may see it coming.
    pub announced: AtomicBool,
    /// When it began to stop, in milliseconds since the start.
    pub stopping_since_ms: AtomicU64,
    /// `set rate-limit connections global`.
    pub max_connection_rate: AtomicU32,
    /// `set rate-limit sessions global`.
    pub max_session_rate: AtomicU32,
    /// `maxsslrate`, `set rate-limit ssl-sessions global`.
    pub max_ssl_rate: AtomicU32,
    /// Handshakes, by thread.
    pub handshakes: Box<[Handshakes]>,
    /// Current client connections to be secured.
    pub ssl_connections: Gauge,
    /// `maxsslconn`; `u32::MAX`: none.
    pub max_ssl_connections: AtomicU32,
    /// `set rate-limit http-compression global`, in kB/s. Kept for `show info`: nothing is compressed.
    pub max_compression_kbps: AtomicU32,
    /// Warnings printed at start.
    pub warnings: u32,
    /// Descriptor limit.
    pub ulimit_n: u64,
    /// Name shown by `show info` and in logs.
    pub hostname: String,
    /// `node`, else the host's name.
    pub node: String,
    /// What the start printed.
    pub startup_log: Vec<String>,
    /// Data threads that have not ended.
    pub alive: AtomicU32,
    /// Milliseconds from the process's start to serving.
    pub boot_ms: AtomicU64,
}

impl Process {
    /// Whether it stops, or will once `grace` is over.
    pub fn is_leaving(&self) -> bool {
        self.stopping.load(Relaxed) || self.announced.load(Relaxed)
    }
}

/// What a frontend accepts at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum FrontendState {
    /// Listening.
    Open = 0,
    /// Paused by `disable frontend` or SIGTTOU.
    Paused = 1,
    /// Shut down for good.
    Stopped = 2,
}

/// A proxy at run time.
#[derive(Debug)]
pub struct ProxyState {
    /// Its place among the proxies: the index in the configuration, if it is from there.
    pub index: usize,
    /// Its configuration.
    pub config: Swap<Proxy>,
    /// Counters of its frontend side.
    pub front: PerThread,
    /// Counters of its backend side.
    pub back: PerThread,
    /// Current sessions of the frontend side.
    pub front_sessions: Gauge,
    /// Current sessions of the backend side.
    pub back_sessions: Gauge,
    /// Current queued requests.
    pub queued: Gauge,
    /// Most sessions of the frontend.
    pub maxconn: AtomicU32,
    /// Sessions of the backend at which servers reach their `maxconn` (`minconn`); 0: they have it always.
    pub fullconn: AtomicU32,
    /// Whether the frontend accepts.
    pub state: AtomicU8,
    /// Whether rules lead to the backend.
    pub published: AtomicBool,
    /// Listeners, in order.
    pub listeners: Vec<ListenerState>,
    /// Servers, by the configuration's index; those made at run time follow.
    pub servers: Slots<ServerState>,
    /// Changes when a server's fitness for traffic changes: data threads then refresh their balancer.
    pub generation: AtomicU64,
    /// Servers that may get new sessions, main and backup (written by the control thread).
    pub usable_main: AtomicU32,
    /// Backup servers that may get new sessions.
    pub usable_backup: AtomicU32,
    /// Requests waiting for a server.
    pub queue: Queue,
    /// Log lines sent.
    pub log_count: Counter,
    /// What cookies made from servers' addresses are made from.
    pub dynamic_cookies: DynamicCookies,
    /// The last bad request and response.
    pub captures: Captures,
}

impl ProxyState {
    /// A proxy as configured, with these listeners.
    pub fn new(index: usize, config: &'static Proxy, listeners: Vec<ListenerState>, threads: usize) -> Self {
        Self {
            index,
            config: Swap::new(config),
            front: PerThread::new(threads),
            back: PerThread::new(threads),
            front_sessions: Gauge::default(),
            back_sessions: Gauge::default(),
            queued: Gauge::default(),
            maxconn: AtomicU32::new(config.maxconn.unwrap_or(0)),
            fullconn: AtomicU32::new(config.fullconn.unwrap_or(0)),
            state: AtomicU8::new(if config.disabled { 2 } else { 0 }),
            published: AtomicBool::new(!config.unpublished),
            listeners,
            servers: (0..)
                .zip(&config.servers)
                .map(|(at, server)| ServerState::new(at, Arc::clone(server), threads))
                .collect(),
            generation: AtomicU64::new(0),
            usable_main: AtomicU32::new(0),
            usable_backup: AtomicU32::new(0),
            queue: Queue::default(),
            log_count: Counter::default(),
            dynamic_cookies: DynamicCookies::of(config),
            captures: Captures::default(),
        }
    }

    /// Begins a new life as another backend. For a place that nobody refers to, without servers.
    pub fn begin_anew(&self, config: &'static Proxy) {
        self.config.set(config);
        self.fullconn.store(config.fullconn.unwrap_or(0), Relaxed);
        self.front.restart();
        self.back.restart();
        for gauge in [&self.front_sessions, &self.back_sessions, &self.queued] {
            gauge.reset();
        }
        self.published.store(!config.unpublished, Relaxed);
        self.log_count.set(0);
        self.dynamic_cookies.begin_anew(config);
        *lock(&self.captures.request) = None;
        *lock(&self.captures.response) = None;
        // Data threads make another balancer.
        self.generation.fetch_add(1, Release);
    }

    /// A server got another address: what is made of it is made again.
    pub fn moved(&self, server: &ServerState) {
        self.renew_cookie(server);
        if matches!(server.config().node_key, NodeKey::Address | NodeKey::AddressAndPort) {
            self.generation.fetch_add(1, Release);
        }
    }

    /// Whether the frontend accepts.
    pub fn frontend_state(&self) -> FrontendState {
        match self.state.load(Relaxed) {
            0 => FrontendState::Open,
            1 => FrontendState::Paused,
            _ => FrontendState::Stopped,
        }
    }
}

/// The last bad messages of a proxy, for `show errors`.
#[derive(Debug, Default)]
pub struct Captures {
    /// Last bad request.
    pub request: Mutex<Option<Capture>>,
    /// Last bad response.
    pub response: Mutex<Option<Capture>>,
}

/// A captured bad message.
#[derive(Debug, Clone)]
pub struct Capture {
    /// Order of capture in the process.
    pub event: u64,
    /// Milliseconds since the start.
    pub at_us: u64,
    /// Client.
    pub source: Option<SocketAddr>,
    /// Index of the frontend.
    pub frontend: usize,
    /// Index of the backend, if chosen.
    pub backend: Option<usize>,
    /// Server's name, if chosen.
    pub server: Option<Arc<str>>,
    /// What was received.
    pub bytes: Box<[u8]>,
    /// Offset of the fault, when known.
    pub position: usize,
    /// What is wrong.
    pub reason: String,
}

/// A listener at run time.
#[derive(Debug)]
pub struct ListenerState {
    /// Its configuration.
    pub config: &'static Bind,
    /// Counters.
    pub counters: PerThread,
    /// Current sessions.
    pub sessions: Gauge,
    /// The address really bound, when it is an IP.
    pub bound: OnceLock<SocketAddr>,
    /// The threads' sockets, for the control thread to make deaf and hearing again at once, and to hand over.
    pub taps: Mutex<Vec<Tap>>,
    /// Its connections may begin with a PROXY header.
    pub announced: bool,
    /// How its connections are secured; `None`: they are plain.
    pub tls: Option<Box<ListenerSecurity>>,
}

/// A second descriptor of a listening socket.
#[derive(Debug)]
pub struct Tap {
    /// The socket.
    pub socket: socket2::Socket,
    /// Queue length asked of the kernel.
    pub backlog: i32,
    /// Whether it can be made deaf and hear again.
    pub pausable: bool,
}

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// TCP.
    Ip(SocketAddr),
    /// UNIX socket's path.
    Unix(PathBuf),
    /// Abstract UNIX name.
    Abstract(String),
    /// Descriptor of a UNIX socket that connections are handed over on.
    Sockpair(i32),
}

impl Target {
    /// Where the configuration says.
    fn of(config: &Server) -> Self {
        match &config.address {
            ConnectAddress::Ip(ip) => Self::Ip(SocketAddr::new(*ip, config.port)),
            ConnectAddress::Unix(path) => Self::Unix(path.clone()),
            ConnectAddress::Abstract(name) => Self::Abstract(name.clone()),
            ConnectAddress::Sockpair(fd) => Self::Sockpair(*fd),
        }
    }
}

/// Bits of [`ServerState::fitness`], above the effective weight's 16.
pub mod fitness {
    /// May get new sessions by load balancing (weight permitting).
    pub const BALANCED: u32 = 1 << 16;
    /// May get sessions bound to it by persistence.
    pub const PERSISTENT: u32 = 1 << 17;
    /// Down; the one request that takes [`BALANCED`] away may try it (`max-fails`).
    pub const TRIAL: u32 = 1 << 18;
    /// Above this bit: how many sixteenths of `maxconn` a slow start still withholds.
    pub const WITHHELD_SHIFT: u32 = 20;
    /// All of `maxconn`, in sixteenths.
    pub const ALLOWED_ALL: u32 = 16;
}

/// A server at run time, as data threads see it.
#[derive(Debug)]
pub struct ServerState {
    /// Its place among the backend's servers: the index in the configuration, if it is from there.
    pub index: usize,
    /// Its configuration.
    definition: ArcSwap<Server>,
    /// Counters.
    pub counters: PerThread,
    /// Current sessions: taken slots.
    pub sessions: Gauge,
    /// Requests queued for this very server.
    pub queued: Gauge,
    /// Effective weight (low 16 bits) and [`fitness`] bits.
    pub fitness: AtomicU32,
    /// `maxconn` in force; 0: none.
    pub maxconn: AtomicU32,
    /// Where to connect; changed by `set server … addr`.
    target: Mutex<Target>,
    /// The cookie made from its address, if any.
    pub made_cookie: MadeCookie,
    /// Idle connections in all pools.
    pub idle: Gauge,
    /// Changes when pooled connections must go (maintenance, address change).
    pub purge_epoch: AtomicU32,
    /// How connections to it are secured, if it has settings for it.
    tls: ArcSwapOption<ServerSecurity>,
}

impl ServerState {
    /// A server as configured, not yet fit for anything: the control thread decides.
    pub fn new(index: usize, config: Arc<Server>, threads: usize) -> Self {
        Self {
            index,
            counters: PerThread::new(threads),
            sessions: Gauge::default(),
            queued: Gauge::default(),
            fitness: AtomicU32::new(0),
            maxconn: AtomicU32::new(config.maxconn),
            target: Mutex::new(Target::of(&config)),
            made_cookie: MadeCookie::default(),
            idle: Gauge::default(),
            purge_epoch: AtomicU32::new(0),
            tls: ArcSwapOption::from(ServerSecurity::of(&config).map(Arc::new)),
            definition: ArcSwap::new(config),
        }
    }

    /// Its configuration, that of its present life. To be held for a moment: whoever needs it longer clones it.
    pub fn config(&self) -> Guard<Arc<Server>> {
        self.definition.load()
    }

    /// How connections to it are secured, if it has settings for it. To be held for a moment.
    pub fn tls(&self) -> Guard<Option<Arc<ServerSecurity>>> {
        self.tls.load()
    }

    /// Changes the configuration of its present life.
    pub fn redefine(&self, config: Server) {
        self.definition.store(Arc::new(config));
    }

    /// Begins a new life under another configuration. For a place that nobody refers to: see
    /// [`Slots`].
    pub fn begin_anew(&self, config: Arc<Server>) {
        self.tls.store(ServerSecurity::of(&config).map(Arc::new));
        self.counters.restart();
        for gauge in [&self.sessions, &self.queued, &self.idle] {
            gauge.reset();
        }
        self.fitness.store(0, Relaxed);
        self.maxconn.store(config.maxconn, Relaxed);
        self.set_target(Target::of(&config));
        self.definition.store(config);
    }

    /// Whether it has a name in place of an address: nobody can connect to it.
    pub fn is_unresolved(&self) -> bool {
        let named = self.config().fqdn.is_some() || self.config().resolution.is_some();
        named && matches!(self.target(), Target::Ip(address) if address.ip().is_unspecified())
    }

    /// Where to connect.
    pub fn target(&self) -> Target {
        lock(&self.target).clone()
    }

    /// Changes where to connect; pooled connections are dropped when next looked at.
    pub fn set_target(&self, target: Target) {
        *lock(&self.target) = target;
        self.purge_epoch.fetch_add(1, Relaxed);
    }

    /// Effective weight for load balancing; 0 when it may get no new session.
    pub fn balanced_weight(&self) -> u32 {
        let word = self.fitness.load(Relaxed);
        if word & fitness::BALANCED == 0 { 0 } else { word & 0xffff }
    }

    /// Whether it takes requests that wait in the queue: one on trial takes only who asks for a server now.
    pub fn takes_waiting(&self) -> bool {
        self.balanced_weight() > 0 && self.fitness.load(Relaxed) & fitness::TRIAL == 0
    }

    /// Asks for the one request that a server on trial gets. `true` without further ado for all others.
    pub fn claim_trial(&self, proxy: &ProxyState) -> bool {
        let word = self.fitness.load(Relaxed);
        if word & fitness::TRIAL == 0 {
            return true;
        }
        let claimed = word & fitness::BALANCED != 0
            && self.fitness.compare_exchange(word, word & !fitness::BALANCED, Relaxed, Relaxed).is_ok();
        if claimed {
            proxy.generation.fetch_add(1, Release);
        }
        claimed
    }

    /// Whether persistence may send it sessions.
    pub fn is_persistent(&self) -> bool {
        self.fitness.load(Relaxed) & fitness::PERSISTENT != 0
    }

    /// Whether all slots are taken.
    pub fn is_full(&self, proxy: &ProxyState) -> bool {
        let max = self.limit(proxy);
        max > 0 && self.sessions.get() >= max
    }

    /// Most sessions at the moment; 0: unlimited. With `minconn` it follows the backend's load, with `slowstart` the time
    /// since the server came up.
    pub fn limit(&self, proxy: &ProxyState) -> u32 {
        let limit = self.usual_limit(proxy);
        let withheld = self.fitness.load(Relaxed) >> fitness::WITHHELD_SHIFT;
        if withheld == 0 || limit == 0 {
            return limit;
        }
        let allowed = u64::from(fitness::ALLOWED_ALL.saturating_sub(withheld));
        let part = u64::from(limit) * allowed / u64::from(fitness::ALLOWED_ALL);
        // No more than `limit`.
        u32::try_from(part).unwrap_or(limit).max(1)
    }

    /// Most sessions of a server that came up long ago.
    fn usual_limit(&self, proxy: &ProxyState) -> u32 {
        let most = self.maxconn.load(Relaxed);
        if most == 0 {
            return 0;
        }
        let least = self.config().minconn;
        if least == 0 || least >= most {
            return most;
        }
        let (full, load) = (proxy.fullconn.load(Relaxed), proxy.back_sessions.get());
        if load >= full {
            return most;
        }
        // Below `most`, as `load` is below `full`.
        let ramp = u64::from(most) * u64::from(load) / u64::from(full);
        least.max(u32::try_from(ramp).unwrap_or(most))
    }
}

/// Text of a listening address for people and for the `addr` column.
pub fn listen_text(address: &ListenAddress) -> String {
    match address {
        ListenAddress::Ip { ip, port } => SocketAddr::new(*ip, *port).to_string(),
        ListenAddress::Unix(path) => format!("unix@{}", path.display()),
        ListenAddress::Abstract(name) => format!("abns@{name}"),
        ListenAddress::Fd(fd) => format!("fd@{fd}"),
        ListenAddress::Sockpair(fd) => format!("sockpair@{fd}"),
    }
}
