//! Choosing a server: persistence first, then load balancing, then the queue.

use super::session::{Cut, Phase};
use super::thread::ThreadCtx;
use crate::data::accept::Client;
use crate::queue::{self, Place, Turn};
use crate::shared::{ProxyState, ServerState};
use lb_balance::{Algorithm, Balancer, Pick, ServerView};
use lb_config::model::Balance;
use std::sync::atomic::Ordering::Relaxed;

/// One thread's balancer of one backend, refreshed when the control thread changes a server.
#[derive(Debug)]
pub struct BackendPicker {
    balancer: Balancer,
    generation: u64,
    views: Vec<ServerView>,
}

impl BackendPicker {
    /// A balancer over the backend's servers.
    pub fn new(proxy: &'static ProxyState, thread: usize) -> Self {
        let generation = proxy.generation.load(Relaxed);
        let views: Vec<_> = (0..proxy.servers.len()).map(|i| view(proxy, i)).collect();
        let seed = (thread as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let balancer = Balancer::new(&algorithm(proxy), &views, proxy.config.options.allbackups, seed);
        Self { balancer, generation, views }
    }

    fn refresh(&mut self, proxy: &'static ProxyState) {
        let generation = proxy.generation.load(Relaxed);
        if generation == self.generation {
            return;
        }
        self.generation = generation;
        for (index, known) in self.views.iter_mut().enumerate() {
            let current = view(proxy, index);
            if current != *known {
                self.balancer.update(index, current.clone());
                *known = current;
            }
        }
    }
}

fn view(proxy: &ProxyState, index: usize) -> ServerView {
    let Some(server) = proxy.servers.get(index) else { return ServerView::default() };
    let weight = server.balanced_weight();
    ServerView { id: server.config.id, weight, usable: weight > 0, backup: server.config.backup }
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

/// What a stream asks of the choice.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wish {
    /// The server its persistence names.
    pub persistent: Option<usize>,
    /// The server to stay away from, if there is another.
    pub avoid: Option<usize>,
    /// Hash of the balancing key.
    pub key: Option<u64>,
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

/// Chooses a server and takes a slot on it, waiting in the queue if need be.
pub async fn acquire(client: &Client, backend: &'static ProxyState, wish: Wish) -> Result<usize, NoServer> {
    let ctx = client.ctx;
    let mut persistent = wish.persistent;
    loop {
        let bound = persistent.filter(|&i| backend.servers.get(i).is_some_and(ServerState::is_persistent));
        let (wanted, queue_on) = match bound {
            Some(index) => (Some(index), Some(index)),
            None => match balance(ctx, backend, wish) {
                Pick::Server(index) => (Some(index), None),
                Pick::AllFull => (None, None),
                Pick::None => return Err(NoServer::Unavailable),
            },
        };
        if let Some(index) = wanted {
            let free = backend.servers.get(index).is_some_and(queue::try_take);
            if free {
                count_choice(ctx, backend, index, bound.is_none());
                return Ok(index);
            }
        }
        match wait_in_queue(client, backend, queue_on).await? {
            Turn::Slot(index) => {
                count_choice(ctx, backend, index, bound.is_none());
                return Ok(index);
            }
            Turn::Redispatch => persistent = None,
        }
    }
}

fn balance(ctx: &ThreadCtx, backend: &'static ProxyState, wish: Wish) -> Pick {
    let Some(picker) = ctx.pickers.get(backend.index) else { return Pick::None };
    let mut picker = picker.borrow_mut();
    picker.refresh(backend);
    picker.balancer.pick(
        |index| backend.servers.get(index).map_or(0, |s| s.sessions.get() + s.queued.get()),
        |index| backend.servers.get(index).is_none_or(ServerState::is_full),
        wish.key,
        wish.avoid,
    )
}

fn count_choice(ctx: &ThreadCtx, backend: &'static ProxyState, index: usize, balanced: bool) {
    let Some(server) = backend.servers.get(index) else { return };
    let counters = server.counters.of(ctx.index);
    let now_ms = ctx.now_ms();
    counters.sessions.inc();
    counters.session_rate.hit(now_ms);
    counters.last_session_ms.set(now_ms + 1);
    if balanced {
        counters.chosen.inc();
        ctx.back(backend).chosen.inc();
    }
}

async fn wait_in_queue(client: &Client, backend: &'static ProxyState, server: Option<usize>) -> Result<Turn, NoServer> {
    let limit = server.and_then(|i| backend.servers.get(i)).map_or(0, |s| s.config.maxqueue);
    let waiting = server.and_then(|i| backend.servers.get(i)).map_or(0, |s| s.queued.get());
    if limit > 0 && waiting >= limit {
        return Err(NoServer::QueueFull);
    }
    let timeouts = &backend.config.timeouts;
    client.session.phase.set(Phase::Queue);
    client.ctx.set_deadline(&client.session, timeouts.queue.or(timeouts.connect));
    let mut place = Place::join(backend, server);
    let turn = client
        .ctx
        .wait(&client.session, |cx| match place.turn() {
            Some(turn) => std::pin::Pin::new(turn).poll(cx),
            None => std::task::Poll::Pending,
        })
        .await;
    match turn {
        Ok(Ok(turn)) => {
            place.leave();
            Ok(turn)
        }
        // The sender is only dropped with its answer; treat a lost one as a call to choose again.
        Ok(Err(_)) => Ok(Turn::Redispatch),
        Err(Cut::Timeout) => Err(NoServer::QueueTimeout),
        Err(cut) => Err(NoServer::Ended(cut)),
    }
}

/// Whether the `n`-th retry goes to another server (`option redispatch [interval]`).
pub fn redispatches(backend: &ProxyState, n: u32) -> bool {
    match backend.config.redispatch {
        None | Some(0) => false,
        Some(interval) if interval > 0 => n.is_multiple_of(interval.unsigned_abs()),
        Some(interval) => {
            let from_end = backend.config.retries + 1 - n.min(backend.config.retries);
            from_end.is_multiple_of(interval.unsigned_abs())
        }
    }
}
