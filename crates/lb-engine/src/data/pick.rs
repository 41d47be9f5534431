//! Choosing a server: persistence first, then load balancing, then the queue.

use super::connect::Route;
use super::session::{Cut, Phase};
use super::thread::ThreadCtx;
use super::view::View;
use crate::counters::Counters;
use crate::data::accept::Client;
use crate::queue::{self, Place, Turn};
use crate::shared::{ProxyState, ServerState, Target};
use crate::stream::Stream;
use lb_balance::key::KeyHash;
use lb_balance::{Algorithm, Balancer, Request, ServerView, node};
use lb_config::model::{BackendChoice, Balance, NodeKey, Proxy, TimeoutKind, UsedServer};
use lb_sample::LogFormat;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};

/// One thread's balancer of one backend, refreshed when the control thread changes a server.
#[derive(Debug)]
pub struct BackendPicker {
    /// The backend it was made for: another may have come into its place.
    config: &'static Proxy,
    thread: usize,
    balancer: Balancer,
    generation: u64,
    views: Vec<ServerView>,
    /// The next server whose load is looked at again.
    cursor: usize,
}

/// Servers whose load is looked at again before each pick of `leastconn`: up to this many servers its order is exact,
/// whatever thread a connection ended on.
const LOADS_PER_PICK: usize = 32;

impl BackendPicker {
    /// A balancer over the backend's servers.
    pub fn new(proxy: &'static ProxyState, thread: usize) -> Self {
        let generation = proxy.generation.load(Relaxed);
        let views: Vec<_> = views(proxy).collect();
        let seed = (thread as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let balancer = Balancer::new(algorithm(proxy), &views, proxy.config.options.allbackups, seed);
        Self { config: proxy.config.get(), thread, balancer, generation, views, cursor: 0 }
    }

    fn refresh(&mut self, proxy: &'static ProxyState) {
        let generation = proxy.generation.load(Relaxed);
        if generation != self.generation {
            if !std::ptr::eq(self.config, proxy.config.get()) {
                *self = Self::new(proxy, self.thread);
                return;
            }
            self.generation = generation;
            for (index, current) in views(proxy).enumerate() {
                match self.views.get_mut(index) {
                    Some(known) if *known == current => continue,
                    Some(known) => *known = current,
                    None => self.views.push(current),
                }
                self.balancer.update(index, current);
            }
        }
        if self.balancer.wants_loads() {
            for _ in 0..self.views.len().min(LOADS_PER_PICK) {
                self.cursor = (self.cursor + 1) % self.views.len();
                if let Some(server) = proxy.servers.get(self.cursor) {
                    self.balancer.load_changed(self.cursor, load(server));
                }
            }
        }
    }
}

/// Every place's server, those that were taken out included: the control thread leaves them no weight.
fn views(proxy: &ProxyState) -> impl Iterator<Item = ServerView> {
    (0..proxy.servers.len()).map_while(|index| proxy.servers.get(index)).map(view)
}

fn view(server: &ServerState) -> ServerView {
    let weight = server.balanced_weight();
    ServerView {
        id: server.config().id,
        node: node(server),
        weight,
        usable: weight > 0,
        backup: server.config().backup,
    }
}

/// What places a server on the ring (`hash-key`).
fn node(server: &ServerState) -> u32 {
    let config = server.config();
    let address = || match server.target() {
        Target::Ip(address) if !address.ip().is_unspecified() => Some(address),
        _ => None,
    };
    let text = match config.node_key {
        NodeKey::Id => return node::of_id(config.id),
        NodeKey::Id32 => return node::of_whole_id(config.id),
        NodeKey::Guid => config.guid.as_deref().map(str::to_owned),
        NodeKey::Address => address().map(|address| address.ip().to_string()),
        NodeKey::AddressAndPort => address().map(|address| address.to_string()),
    };
    text.map_or_else(|| node::of_id(config.id), |text| node::of_text(&text))
}

fn load(server: &ServerState) -> u32 {
    server.sessions.get() + server.queued.get()
}

fn algorithm(proxy: &ProxyState) -> Algorithm {
    let consistent = proxy.config.consistent_hash;
    match &proxy.config.balance {
        Balance::RoundRobin => Algorithm::RoundRobin,
        Balance::StaticRr => Algorithm::StaticRr,
        Balance::LeastConn => Algorithm::LeastConn,
        Balance::First => Algorithm::First,
        Balance::Random(draws) => Algorithm::Random { draws: *draws },
        Balance::Source | Balance::Uri { .. } | Balance::Header(_) | Balance::UrlParam(_) if consistent => {
            Algorithm::ConsistentHash
        }
        Balance::Source | Balance::Uri { .. } | Balance::Header(_) | Balance::UrlParam(_) => Algorithm::MapHash,
    }
}

/// The backend a stream goes to: that of the first `use_backend` rule that applies, else the default, else the `listen`
/// section's own servers. Unpublished backends are passed by.
pub fn backend(client: &Client, view: &View<'_>) -> Option<&'static ProxyState> {
    let proxy = client.proxy;
    let forced = !proxy.config.force_switch.is_empty() && proxy.config.get().force_switch.iter().any(|c| c.eval(view));
    let is_published = |backend: &&'static ProxyState| forced || backend.published.load(Relaxed);
    let published = |index: usize| Some(client.ctx.proxy(index)).filter(is_published);
    for rule in &proxy.config.use_backend {
        if rule.condition.as_ref().is_some_and(|condition| !condition.eval(view)) {
            continue;
        }
        let backend = match &rule.backend {
            BackendChoice::Named(index) => published(index.0),
            BackendChoice::Computed(format) => match computed(client, view, format) {
                Some(backend) => Some(backend).filter(is_published),
                // No other rule is tried.
                None => break,
            },
        };
        if backend.is_some() {
            return backend;
        }
    }
    let own = (!proxy.servers.is_empty()).then_some(proxy.index);
    published(proxy.config.default_backend.map(|backend| backend.0).or(own)?)
}

/// The backend whose name the format yields, if there is one that serves this kind of traffic.
fn computed(client: &Client, view: &View<'_>, format: &LogFormat) -> Option<&'static ProxyState> {
    let mut name = Vec::new();
    format.render_value(view, &mut name);
    let backend = client.ctx.backend_named(&name)?;
    (backend.config.mode == client.proxy.config.mode).then_some(backend)
}

/// The server of the first `use-server` rule that applies and whose server may serve.
pub fn used_server(view: &View<'_>, backend: &'static ProxyState, insists: bool) -> Option<usize> {
    backend.config.get().use_server.iter().find_map(|rule| {
        if rule.condition.as_ref().is_some_and(|condition| !condition.eval(view)) {
            return None;
        }
        let server = match &rule.server {
            UsedServer::Named(index) => backend.servers.get(*index)?,
            UsedServer::Computed(format) => {
                let mut name = Vec::new();
                format.render_value(view, &mut name);
                backend.servers.live().find(|server| server.config().name.as_bytes() == name)?
            }
        };
        (insists || server.is_persistent()).then_some(server.index)
    })
}

/// The server of the client's latest request, where it is preferred (`option prefer-last-server`).
pub fn last_server(client: &Client, backend: &'static ProxyState) -> Option<usize> {
    let (last, index) = client.session.last_server.get()?;
    let hashes = matches!(
        backend.config.balance,
        Balance::Source | Balance::Uri { .. } | Balance::Header(_) | Balance::UrlParam(_)
    );
    if hashes || last != backend.index {
        return None;
    }
    let server = backend.servers.get(index).filter(|server| server.is_persistent())?;
    let crowded = backend.config.max_keep_alive_queue.is_some_and(|most| server.queued.get() > most);
    (!crowded).then_some(server.index)
}

/// What a stream asks of the choice.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wish {
    /// The server its persistence names.
    pub persistent: Option<usize>,
    /// That server is used even when it is down.
    pub insists: bool,
    /// The server to stay away from, if there is another.
    pub avoid: Option<usize>,
    /// Hash of the balancing key.
    pub key: Option<u32>,
}

/// Why no server was got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoServer {
    /// None is usable.
    Unavailable,
    /// The queue's timeout passed.
    QueueTimeout,
    /// The queue is full.
    QueueFull,
    /// The session ended while waiting.
    Ended(Cut),
}

/// Chooses a server and takes a slot on it, waiting in the queue if need be, and notes in `route` what the log tells of
/// the wait.
pub async fn acquire(
    client: &Client,
    stream: Option<&Stream>,
    backend: &'static ProxyState,
    wish: Wish,
    route: &mut Route,
) -> Result<usize, NoServer> {
    let ctx = client.ctx;
    let mut persistent = wish.persistent;
    loop {
        let bound = persistent.filter(|&i| backend.servers.get(i).is_some_and(|s| wish.insists || s.is_persistent()));
        let (wanted, queue_on) = match bound {
            Some(index) => (Some(index), Some(index)),
            None => match balance(ctx, backend, wish) {
                // A hashed key stays with its server, and waits for it.
                Choice::Server(index) => (Some(index), wish.key.map(|_| index)),
                Choice::AllFull => (None, None),
                Choice::Nobody => return Err(NoServer::Unavailable),
            },
        };
        if let Some(index) = wanted {
            let free = backend.servers.get(index).is_some_and(|server| queue::try_take(backend, server));
            if free {
                count_choice(ctx, backend, index, bound.is_none());
                return Ok(index);
            }
        }
        match wait_in_queue(client, stream, backend, queue_on, route).await? {
            Turn::Slot(index) => {
                count_choice(ctx, backend, index, bound.is_none());
                return Ok(index);
            }
            Turn::Redispatch => {
                // As observed, leaving a server's queue counts like leaving the server.
                if let Some(server) = queue_on.and_then(|index| backend.servers.get(index)) {
                    ctx.back(backend).redispatches.inc();
                    server.counters.of(ctx.index).redispatches.inc();
                    route.redispatched = true;
                }
                persistent = None;
            }
        }
    }
}

/// Picks until the balancer has heard that a trial is taken: it is told by whoever takes it, in the same moment.
const TRIAL_PICKS: usize = 1_000;

/// What load balancing says.
enum Choice {
    Server(usize),
    /// Servers are usable, and all are full.
    AllFull,
    Nobody,
}

fn balance(ctx: &ThreadCtx, backend: &'static ProxyState, wish: Wish) -> Choice {
    let Some(picker) = ctx.picker(backend) else { return Choice::Nobody };
    let mut picker = picker.borrow_mut();
    let request = Request { hash: wish.key, avoid: wish.avoid };
    let pick = |picker: &mut BackendPicker| {
        picker.refresh(backend);
        picker.balancer.pick(
            &request,
            |index| backend.servers.get(index).map_or(0, load),
            |index| backend.servers.get(index).is_none_or(|server| server.is_full(backend)),
        )
    };
    let mut picked = pick(&mut picker);
    // Another request tries it already, or it is settled: the balancer learns of it and picks again.
    for _ in 0..TRIAL_PICKS {
        if picked.and_then(|index| backend.servers.get(index)).is_none_or(|server| server.claim_trial(backend)) {
            break;
        }
        std::hint::spin_loop();
        picked = pick(&mut picker);
    }
    match picked {
        Some(index) => Choice::Server(index),
        None if picker.balancer.total_weight() > 0 => Choice::AllFull,
        None => Choice::Nobody,
    }
}

fn count_choice(ctx: &ThreadCtx, backend: &'static ProxyState, index: usize, balanced: bool) {
    let Some(server) = backend.servers.get(index) else { return };
    if balanced {
        server.counters.of(ctx.index).chosen.inc();
        ctx.back(backend).chosen.inc();
    }
}

/// Counts an attempt to use a server: its `stot`, rate and last session.
pub fn count_attempt(counters: &Counters, now_ms: u64) {
    counters.sessions.inc();
    counters.session_rate.hit(now_ms);
    counters.last_session_ms.set(now_ms + 1);
}

/// Waits for `poll`, as long as the client is there whose stream is watched.
pub async fn wait_unless_gone<T>(
    client: &Client,
    watched: Option<&Stream>,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Result<T, Cut> {
    let waited = client
        .ctx
        .wait(&client.session, |cx| match poll(cx) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending => match watched {
                Some(stream) if stream.poll_gone(cx).is_ready() => Poll::Ready(None),
                _ => Poll::Pending,
            },
        })
        .await?;
    waited.ok_or(Cut::Gone)
}

async fn wait_in_queue(
    client: &Client,
    stream: Option<&Stream>,
    backend: &'static ProxyState,
    server: Option<usize>,
    route: &mut Route,
) -> Result<Turn, NoServer> {
    let limit = server.and_then(|i| backend.servers.get(i)).map_or(0, |s| s.config().maxqueue);
    let waiting = server.and_then(|i| backend.servers.get(i)).map_or(0, |s| s.queued.get());
    if limit > 0 && waiting >= limit {
        route.server = server;
        return Err(NoServer::QueueFull);
    }
    let timeouts = &backend.config.timeouts;
    client.session.phase.set(Phase::Queue);
    let knobs = &client.session.knobs;
    let longest = knobs.timeout(TimeoutKind::Queue, timeouts.queue.or(timeouts.connect));
    client.ctx.set_deadline(&client.session, longest);
    let mut place = Place::join(backend, server, knobs.priority(), client.ctx.now_ms());
    match server {
        Some(_) => route.server_queue = place.number,
        None => route.backend_queue = place.number,
    }
    let turn = wait_unless_gone(client, stream, |cx| match place.turn() {
        Some(turn) => std::pin::Pin::new(turn).poll(cx),
        None => Poll::Pending,
    })
    .await;
    match turn {
        Ok(Ok(turn)) => {
            place.leave();
            Ok(turn)
        }
        // The sender is only dropped with its answer; treat a lost one as a call to choose again.
        Ok(Err(_)) => Ok(Turn::Redispatch),
        Err(Cut::Timeout) => {
            route.slot_us = client.ctx.now_us();
            Err(NoServer::QueueTimeout)
        }
        Err(cut) => {
            route.slot_us = client.ctx.now_us();
            Err(NoServer::Ended(cut))
        }
    }
}

/// How the backend hashes balancing keys.
pub fn key_hash(backend: &ProxyState) -> KeyHash {
    match backend.config.hash_function {
        Some((function, avalanche)) => KeyHash { function, avalanche },
        None => KeyHash::default_for(backend.config.consistent_hash),
    }
}

/// Whether the `n`-th retry goes to another server (`option redispatch [interval]`). As observed: a session that no
/// persistence binds leaves a server that failed at once if there is another; a bound one stays until the interval
/// says so, by default until the last retry.
pub fn redispatches(backend: &ProxyState, n: u32, bound: bool) -> bool {
    let Some(interval) = backend.config.redispatch.filter(|i| *i != 0) else { return false };
    let usable = |backup: bool| {
        backend.servers.live().filter(|s| s.config().backup == backup && s.balanced_weight() > 0).count()
    };
    // Backups are nobody's alternative while others serve.
    let others = match usable(false) {
        0 => usable(true) > 1,
        main => main > 1,
    };
    if others && !bound {
        return true;
    }
    if interval > 0 {
        n.is_multiple_of(interval.unsigned_abs())
    } else {
        others && n + interval.unsigned_abs() == backend.config.retries + 1
    }
}
