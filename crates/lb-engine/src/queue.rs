//! Servers' connection slots (`maxconn`) and the queue of requests waiting for one.
//!
//! Taking and giving back a slot touches one atomic. The lock is taken only when a request must wait, or when one
//! waits and a slot is given back.

use crate::counters::Gauge;
use crate::data::knobs::Priority;
use crate::shared::{ProxyState, ServerState, lock};
use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use tokio::sync::oneshot;

/// What a waiting request is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// A slot of this server was taken for it.
    Slot(usize),
    /// Choose again: the server it waited for is out.
    Redispatch,
}

#[derive(Debug)]
struct Waiter {
    server: Option<usize>,
    /// Those with the least leave first: class, and time of joining with its offset.
    rank: (i32, i64),
    tell: oneshot::Sender<Turn>,
}

/// The queue of one backend.
#[derive(Debug, Default)]
pub struct Queue {
    waiters: Mutex<VecDeque<Waiter>>,
    waiting: AtomicU32,
    /// Those that wait for any server.
    unbound: Gauge,
}

/// Takes a slot if one is free.
pub fn try_take(proxy: &ProxyState, server: &ServerState) -> bool {
    match server.limit(proxy) {
        0 => server.sessions.inc() > 0,
        max => server.sessions.inc_up_to(max),
    }
}

/// Gives a slot back, and hands it to the request that waited longest for it.
pub fn give_back(proxy: &ProxyState, index: usize) {
    let Some(server) = proxy.servers.get(index) else { return };
    server.sessions.dec();
    if proxy.queue.waiting.load(SeqCst) > 0 {
        wake(proxy, index);
    }
}

/// Whether requests stay with the server they wait for when it goes out: as observed, all do without `option redispatch`,
/// and go to it as its slots get free.
fn stay(proxy: &ProxyState) -> bool {
    proxy.config.redispatch.is_none_or(|interval| interval == 0)
}

/// Requests that wait for this very server.
pub fn bound(proxy: &ProxyState, index: usize) -> usize {
    match proxy.queue.waiting.load(SeqCst) {
        0 => 0,
        _ => lock(&proxy.queue.waiters).iter().filter(|w| w.server == Some(index)).count(),
    }
}

/// Hands free slots of a server to waiting requests; returns how many got one.
pub fn wake(proxy: &ProxyState, index: usize) -> usize {
    let Some(server) = proxy.servers.get(index) else { return 0 };
    let mut served = 0;
    let mut waiters = lock(&proxy.queue.waiters);
    while let Some(at) = waiters.iter().position(|w| match w.server {
        Some(bound) => bound == index && (server.is_persistent() || stay(proxy)),
        None => server.takes_waiting(),
    }) {
        if !try_take(proxy, server) {
            break;
        }
        let Some(waiter) = waiters.remove(at) else { break };
        proxy.queue.waiting.fetch_sub(1, SeqCst);
        if waiter.tell.send(Turn::Slot(index)).is_ok() {
            served += 1;
        } else {
            server.sessions.dec();
        }
    }
    served
}

/// Sends requests that wait for this very server back to choose again, if they may. Returns how many.
pub fn redispatch(proxy: &ProxyState, index: usize) -> usize {
    if stay(proxy) {
        return 0;
    }
    let mut waiters = lock(&proxy.queue.waiters);
    let before = waiters.len();
    let (bound, rest): (VecDeque<_>, VecDeque<_>) = waiters.drain(..).partition(|w| w.server == Some(index));
    *waiters = rest;
    proxy.queue.waiting.fetch_sub((before - waiters.len()) as u32, SeqCst);
    bound.into_iter().filter_map(|w| w.tell.send(Turn::Redispatch).ok()).count()
}

/// A place in the queue. Dropping it leaves the queue.
#[derive(Debug)]
pub struct Place {
    proxy: &'static ProxyState,
    server: Option<usize>,
    turn: Option<oneshot::Receiver<Turn>>,
    /// How many waited in the same queue when it was joined, this one included.
    pub number: u32,
}

impl Place {
    /// Joins the queue, for one server or for any.
    pub fn join(proxy: &'static ProxyState, server: Option<usize>, priority: Priority, now_ms: u64) -> Self {
        let (tell, turn) = oneshot::channel();
        proxy.queued.inc();
        let number = Self::gauge(proxy, server).inc();
        let rank = (priority.class, now_ms as i64 + i64::from(priority.offset_ms));
        let mut waiters = lock(&proxy.queue.waiters);
        // Most come last, as nothing was said of them.
        let behind = waiters.iter().rev().take_while(|waiter| waiter.rank > rank).count();
        let at = waiters.len() - behind;
        waiters.insert(at, Waiter { server, rank, tell });
        drop(waiters);
        proxy.queue.waiting.fetch_add(1, SeqCst);
        // A slot may have been given back before the count was visible.
        match server {
            Some(index) if stay(proxy) || proxy.servers.get(index).is_some_and(ServerState::is_persistent) => {
                wake(proxy, index);
            }
            // The server went out between the choice and the queue.
            Some(index) => {
                redispatch(proxy, index);
            }
            None => {
                for index in 0..proxy.servers.len() {
                    wake(proxy, index);
                }
            }
        }
        Self { proxy, server, turn: Some(turn), number }
    }

    fn gauge(proxy: &ProxyState, server: Option<usize>) -> &Gauge {
        server.and_then(|index| proxy.servers.get(index)).map_or(&proxy.queue.unbound, |server| &server.queued)
    }

    /// Leaves with the turn that was given.
    pub fn leave(mut self) {
        self.turn = None;
    }

    /// The receiver to wait on.
    pub fn turn(&mut self) -> Option<&mut oneshot::Receiver<Turn>> {
        self.turn.as_mut()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.proxy.queued.dec();
        Self::gauge(self.proxy, self.server).dec();
        let Some(mut turn) = self.turn.take() else { return };
        turn.close();
        // A slot that was handed over but never seen goes to the next.
        if let Ok(Turn::Slot(index)) = turn.try_recv() {
            give_back(self.proxy, index);
            return;
        }
        let mut waiters = lock(&self.proxy.queue.waiters);
        let before = waiters.len();
        waiters.retain(|w| !w.tell.is_closed());
        self.proxy.queue.waiting.fetch_sub((before - waiters.len()) as u32, SeqCst);
    }
}
