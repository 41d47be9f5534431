//! One server as the control thread knows it, and how its configuration becomes a health machine.

use super::ledger::Record;
use super::resolution::Service;
use super::{Table, restore};
use crate::shared::Shared;
use lb_check::rules::Trace;
use lb_check::{Action, FailLimit, InitState, Observe, OnError, ServerHealth, ServerParams, schedule::CheckTimeouts};
use lb_config::model::{self, Balance, CheckMethod, Proxy, Server};
use lb_model::Mode;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Why the control thread could not start.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The runtime or a socket.
    #[error("the control thread cannot start: {0}")]
    System(#[from] std::io::Error),
}

/// A proxy as the control thread knows it.
#[derive(Debug)]
pub struct BackendCtl {
    /// Its servers, by their place.
    pub servers: Table<ServerCtl>,
    /// When it lost or got its first usable server.
    pub last_change: Duration,
    /// Time spent without a usable server, before `last_change`.
    pub(super) down_time: Duration,
    /// Times it lost its last usable server.
    pub downs: u64,
    /// Servers that may get new sessions.
    pub usable: Usable,
    /// Places that another server may have.
    pub(super) free: Vec<usize>,
    /// How many servers with that number were taken out.
    pub(super) retired: BTreeMap<u32, u32>,
}

impl BackendCtl {
    /// A backend without servers.
    pub(super) fn new(now: Duration) -> Self {
        Self {
            servers: Table::default(),
            last_change: now,
            down_time: Duration::ZERO,
            downs: 0,
            usable: Usable::default(),
            free: Vec::new(),
            retired: BTreeMap::new(),
        }
    }

    /// Whether it has servers and none may get new sessions.
    pub fn is_down(&self) -> bool {
        !self.servers.is_empty() && self.usable.count() == 0
    }

    /// Time spent without a usable server.
    pub fn down_time(&self, now: Duration) -> Duration {
        let current = if self.is_down() { now.saturating_sub(self.last_change) } else { Duration::ZERO };
        self.down_time + current
    }
}

/// Usable servers, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usable {
    /// Main servers.
    pub main: u32,
    /// Backup servers.
    pub backup: u32,
}

impl Usable {
    /// All of them.
    pub const fn count(self) -> u32 {
        self.main + self.backup
    }
}

/// Where health checks go; what is `None` follows the server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckTarget {
    /// Address.
    pub addr: Option<IpAddr>,
    /// Port.
    pub port: Option<u16>,
}

/// Where agent checks go and what they say first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgentTarget {
    /// Address; `None`: the server's.
    pub addr: Option<IpAddr>,
    /// Port.
    pub port: u16,
    /// `agent-send`.
    pub send: String,
}

/// A server as the control thread knows it.
#[derive(Debug)]
pub struct ServerCtl {
    /// The state machine.
    pub health: ServerHealth,
    /// The end of its tracking chain: backend and server.
    pub root: Option<(usize, usize)>,
    /// Servers that track it, last declared first.
    pub(super) trackers: Vec<(usize, usize)>,
    /// Where its checks go.
    pub check: CheckTarget,
    /// Where its agent checks go.
    pub agent: AgentTarget,
    /// How many servers had its number before it.
    pub revision: u32,
    /// Distinguishes it from all others that ever had its place.
    pub(super) serial: u64,
    /// What its last check did.
    pub trace: Trace,
    /// What operators changed last.
    pub(super) record: Option<Box<Record>>,
    /// Whether it is among the backend's usable servers.
    pub(super) counted: bool,
    /// When the next of each kind of work is due, milliseconds since the start; `u64::MAX`: never.
    pub(super) due_ms: [u64; 4],
    /// The host name that its address follows.
    pub name: Option<String>,
    /// The SRV record that it stands for.
    pub(super) service: Option<Service>,
}

/// Builds the state of all backends; tracking servers take over the state they track.
///
/// What is to be told of states that a former process left, and done about them, is appended to `out`.
pub(super) fn build(
    shared: &Shared,
    serials: &Cell<u64>,
    now: Duration,
    out: &mut Vec<(usize, usize, Action)>,
) -> Table<BackendCtl> {
    let mut backends = Table::default();
    for proxy in shared.proxies.live() {
        let config = proxy.config.get();
        let mut backend = BackendCtl::new(now);
        let server =
            |server: &Arc<Server>| ServerCtl::new(config, server, false, serials.replace(serials.get() + 1), now);
        backend.servers = config.servers.iter().map(server).collect();
        backends.set(proxy.index, backend);
    }
    restore::apply(shared, &mut backends, now, out);
    link_trackers(&mut backends, shared);
    backends
}

/// The longest chain of tracking servers followed.
pub(super) const MAX_CHAIN: usize = 64;

fn link_trackers(backends: &mut Table<BackendCtl>, shared: &Shared) {
    for proxy in shared.proxies.live() {
        for server in proxy.servers.live() {
            let (p, s) = (proxy.index, server.index);
            let Some((tracked, index)) = server.config().track else { continue };
            if let Some(tracked) = backends.get_mut(tracked.0).and_then(|b| b.servers.get_mut(index)) {
                tracked.trackers.insert(0, (p, s));
            }
            let root = root_of(shared, &server.config());
            let Some((root_proxy, root_server)) = root else { continue };
            let state = backends.get(root_proxy).and_then(|b| b.servers.get(root_server));
            let state = state.map(|r| r.health.tracked_view());
            if let Some(own) = backends.get_mut(p).and_then(|b| b.servers.get_mut(s)) {
                own.root = root;
                if let Some(state) = state {
                    own.health.inherit_at_start(state);
                }
            }
        }
    }
}

pub(super) fn root_of(shared: &Shared, server: &Server) -> Option<(usize, usize)> {
    let mut at = server.track.map(|(p, s)| (p.0, s))?;
    for _ in 0..MAX_CHAIN {
        match shared.proxies.get(at.0)?.servers.get(at.1)?.config().track {
            Some((proxy, server)) => at = (proxy.0, server),
            None => return Some(at),
        }
    }
    None
}

impl ServerCtl {
    /// A server as it begins: from the configuration, or made at run time.
    pub(super) fn new(proxy: &Proxy, server: &Server, dynamic: bool, serial: u64, now: Duration) -> Self {
        let agent = server.agent.as_ref().map(|agent| AgentTarget {
            addr: agent.addr,
            port: agent.port,
            send: agent.send.clone().unwrap_or_default(),
        });
        let trace = match server.check_method.as_ref().unwrap_or(&proxy.check) {
            CheckMethod::Rules(set) if server.check => Trace::with_room(set),
            _ => Trace::default(),
        };
        Self {
            health: ServerHealth::new(ServerParams { dynamic, ..params(proxy, server) }, now),
            root: None,
            trackers: Vec::new(),
            check: CheckTarget { addr: server.health.addr, port: server.health.port },
            agent: agent.unwrap_or_default(),
            revision: 0,
            serial,
            trace,
            record: None,
            counted: false,
            due_ms: [u64::MAX; 4],
            name: server.fqdn.clone(),
            service: None,
        }
    }
}

/// Whether the algorithm follows weights at run time.
pub fn has_dynamic_weights(proxy: &Proxy) -> bool {
    match proxy.balance {
        Balance::StaticRr => false,
        Balance::RoundRobin | Balance::LeastConn | Balance::First | Balance::Random(_) => true,
        Balance::Source | Balance::Uri { .. } | Balance::Header(_) | Balance::UrlParam(_) => proxy.consistent_hash,
    }
}

fn params(proxy: &Proxy, server: &Server) -> ServerParams {
    let health = &server.health;
    ServerParams {
        backup: server.backup,
        disabled: server.disabled,
        dynamic: false,
        weight: server.weight,
        dynamic_weights: has_dynamic_weights(proxy),
        check: server.check,
        inter: health.inter,
        fastinter: health.fastinter,
        downinter: health.downinter,
        rise: health.rise,
        fall: health.fall,
        agent: server.agent.as_ref().map(|agent| agent.inter.unwrap_or(health.inter)),
        tracks: server.track.is_some(),
        slowstart: server.slowstart,
        observe: match server.observe {
            model::Observe::None => Observe::None,
            model::Observe::Layer4 => Observe::Layer4,
            model::Observe::Layer7 => Observe::Layer7,
        },
        error_limit: server.error_limit,
        on_error: match server.on_error {
            model::OnError::Fastinter => OnError::Fastinter,
            model::OnError::FailCheck => OnError::FailCheck,
            model::OnError::SuddenDeath => OnError::SuddenDeath,
            model::OnError::MarkDown => OnError::MarkDown,
        },
        // The only server is never put out: its failures are better than none.
        fail_limit: Some(server.max_fails)
            .filter(|fails| *fails > 0 && server.track.is_none() && proxy.servers.len() > 1)
            .map(|fails| FailLimit { fails, within: server.fail_timeout, answers: proxy.mode == Mode::Http }),
        init_state: match server.init_state {
            model::InitState::None => InitState::None,
            model::InitState::FullyUp => InitState::FullyUp,
            model::InitState::Up => InitState::Up,
            model::InitState::Down => InitState::Down,
            model::InitState::FullyDown => InitState::FullyDown,
        },
        on_marked_down_shutdown: server.on_marked_down_shutdown,
        on_marked_up_shutdown_backup: server.on_marked_up_shutdown_backup,
        log_health_checks: proxy.options.log_health_checks,
    }
}

/// How long a check of this interval may take.
pub(super) fn timeouts(proxy: &Proxy, inter: Duration) -> CheckTimeouts {
    lb_check::schedule::timeouts(inter, proxy.timeouts.connect, proxy.timeouts.check)
}
