//! One data thread: its runtime, its context and its mailbox.

use super::accept;
use super::pick::BackendPicker;
use super::session::{Cut, Session, SessionTable};
use super::upstream::Pool;
use crate::activity::{self, task};
use crate::buffer::BufferPool;
use crate::counters::{Counters, Handshakes};
use crate::listen::BoundListener;
use crate::shared::{FrontendState, ProxyState, Shared};
use crate::slots::Slots;
use crate::timer::TimerWheel;
use lb_config::model::CloseSpread;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::runtime::LocalOptions;
use tokio::sync::{Notify, mpsc, watch};

/// A job for a data thread, sent by the control thread.
pub type Job = Box<dyn FnOnce(&'static ThreadCtx) + Send>;

/// Where the control thread leaves jobs for a data thread.
#[derive(Debug, Clone)]
pub struct Mailbox {
    jobs: mpsc::UnboundedSender<Job>,
}

impl Mailbox {
    /// Leaves a job. A thread that has ended does not run it.
    pub fn post(&self, job: Job) {
        let _ = self.jobs.send(job);
    }
}

/// All that a data thread's tasks share. Lives as long as the thread.
pub struct ThreadCtx {
    /// Number of the thread, from 0.
    pub index: usize,
    /// The engine.
    pub shared: &'static Shared,
    /// Session timeouts.
    pub timers: TimerWheel,
    timer_wake: Notify,
    /// I/O buffers.
    pub buffers: BufferPool,
    /// Sessions served here.
    pub sessions: SessionTable,
    next_session: Cell<u64>,
    /// Balancers, by proxy.
    pickers: Slots<OnceCell<RefCell<BackendPicker>>>,
    /// Idle connections to servers, by proxy and server.
    pub pools: Slots<Slots<Pool>>,
    /// State of frontends, for accept tasks.
    pub frontend_changes: watch::Sender<u64>,
    /// A connection ended while an accept task waited for room.
    pub room: Notify,
    /// Room for a head under edit.
    pub scratch: Cell<Vec<u8>>,
    /// Streams so far.
    streams: Cell<u64>,
    /// State of the thread's random numbers.
    random: Cell<u64>,
    /// Somebody asked which requests are under way: from then on, their lines are kept without a log that wants them.
    pub keep_lines: Cell<bool>,
    /// Where backends that were asked for by name are.
    backend_names: RefCell<HashMap<Box<[u8]>, usize>>,
}

impl std::fmt::Debug for ThreadCtx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ThreadCtx").field("index", &self.index).finish_non_exhaustive()
    }
}

impl ThreadCtx {
    fn new(shared: &'static Shared, index: usize) -> Self {
        let seed = shared.clock.start_unix_secs() ^ ((index as u64 + 1) << 32) ^ u64::from(std::process::id());
        Self {
            index,
            shared,
            timers: TimerWheel::new(shared.clock.now_ms()),
            timer_wake: Notify::new(),
            buffers: BufferPool::new(shared.limits.bufsize, shared.limits.maxrewrite),
            sessions: SessionTable::default(),
            next_session: Cell::new(1),
            pickers: shared.proxies.live().map(|_| OnceCell::new()).collect(),
            pools: shared.proxies.live().map(|p| p.servers.live().map(|_| Pool::default()).collect()).collect(),
            frontend_changes: watch::channel(0).0,
            room: Notify::new(),
            scratch: Cell::new(Vec::with_capacity(4_096)),
            streams: Cell::new(0),
            random: Cell::new(seed | 1),
            keep_lines: Cell::new(false),
            backend_names: RefCell::default(),
        }
    }

    /// Milliseconds since the engine's start, as of the reactor's last turn.
    pub fn now_ms(&self) -> u64 {
        self.now_us() / 1_000
    }

    /// Microseconds since the engine's start, as of the reactor's last turn: what happens in one turn happens at one
    /// time. Reading the clock a dozen times in each exchange would cost more than parsing it.
    pub fn now_us(&self) -> u64 {
        TURN_US.get()
    }

    /// A number unique in the process.
    pub fn next_session_id(&self) -> u64 {
        let n = self.next_session.get();
        self.next_session.set(n + 1);
        0x7f00_0000_0000 + ((n * self.shared.threads as u64 + self.index as u64) << 4)
    }

    /// A number for a stream that no other one has; one thread counts from 0.
    pub fn next_number(&self) -> u64 {
        let number = self.streams.replace(self.streams.get() + 1);
        number * self.shared.threads as u64 + self.index as u64
    }

    /// A pseudo-random number (xorshift).
    pub fn random(&self) -> u64 {
        let mut x = self.random.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.random.set(x);
        x
    }

    /// The proxy of that index.
    pub fn proxy(&self, index: usize) -> &'static ProxyState {
        // Indices come from the checked configuration.
        &self.shared.proxies[index]
    }

    /// The backend of that name. Only names of backends are remembered, so that clients cannot fill the memory.
    pub fn backend_named(&self, name: &[u8]) -> Option<&'static ProxyState> {
        let proxies = &self.shared.proxies;
        let is_it = |p: &&ProxyState| p.config.name.as_bytes() == name && p.config.kind.has_backend();
        let known = self.backend_names.borrow().get(name).copied();
        // A place may have gone to another proxy since.
        if let Some(backend) = known.and_then(|index| proxies.get_live(index)).filter(is_it) {
            return Some(backend);
        }
        let backend = proxies.live().find(is_it)?;
        self.backend_names.borrow_mut().insert(name.into(), backend.index);
        Some(backend)
    }

    /// This thread's idle connections to a server.
    pub fn pool(&'static self, proxy: usize, server: usize) -> Option<&'static Pool> {
        self.pools.get_or_default(proxy)?.get_or_default(server)
    }

    /// Drops what this thread's pool need not keep.
    pub fn purge_pool(&'static self, proxy: &'static ProxyState, server: usize) {
        if let (Some(pool), Some(state)) = (self.pool(proxy.index, server), proxy.servers.get(server)) {
            pool.purge(state, self.now_ms());
        }
    }

    /// This thread's balancer of a backend.
    pub fn picker(&self, proxy: &'static ProxyState) -> Option<&RefCell<BackendPicker>> {
        let place = self.pickers.get_or_default(proxy.index)?;
        Some(place.get_or_init(|| RefCell::new(BackendPicker::new(proxy, self.index))))
    }

    /// This thread's block of a proxy's frontend counters.
    pub fn front(&self, proxy: &'static ProxyState) -> &'static Counters {
        proxy.front.of(self.index)
    }

    /// This thread's block of a proxy's backend counters.
    pub fn back(&self, proxy: &'static ProxyState) -> &'static Counters {
        proxy.back.of(self.index)
    }

    /// This thread's block of the process's counters.
    pub fn totals(&self) -> &'static Counters {
        self.shared.process.totals.of(self.index)
    }

    /// This thread's count of handshakes.
    pub fn handshakes(&self) -> &'static Handshakes {
        // There is one for each thread.
        &self.shared.process.handshakes[self.index]
    }

    /// Sets when the session's next wait ends. `None`: never.
    pub fn set_deadline(&self, session: &Rc<Session>, timeout: Option<Duration>) {
        match timeout {
            None => session.deadline_ms.set(u64::MAX),
            Some(timeout) => self.set_deadline_at(session, self.now_ms(), timeout),
        }
    }

    /// Like [`ThreadCtx::set_deadline`] with the time already known.
    pub fn set_deadline_at(&self, session: &Rc<Session>, now_ms: u64, timeout: Duration) {
        session.deadline_ms.set(now_ms.saturating_add(timeout.as_millis() as u64).max(now_ms + 1));
        let idle = self.timers.is_idle();
        self.timers.arm(session, now_ms);
        if idle {
            self.timer_wake.notify_one();
        }
    }

    /// Waits for `poll`, until the session's deadline or its shutdown.
    ///
    /// A plain function: an `async fn` would keep its arguments twice, in every connection's future.
    pub fn wait<'a, T>(
        &'a self,
        session: &'a Session,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<T> + 'a,
    ) -> impl Future<Output = Result<T, Cut>> + 'a {
        poll_fn(move |cx| match poll(cx) {
            Poll::Ready(value) => Poll::Ready(Ok(value)),
            Poll::Pending => session.poll_cut(|| self.now_ms(), cx).map(Err),
        })
    }

    /// Wakes accept tasks that wait for room, and counts the end of a connection.
    pub fn connection_ended(&self) {
        self.shared.process.connections.dec();
        self.room.notify_waiters();
    }
}

/// How long an idle connection may still bring a request once the process stops.
const STOPPING_GRACE: Duration = Duration::from_secs(1);
/// The least: a deadline of now would be none.
const MIN_GRACE: Duration = Duration::from_millis(1);

thread_local! {
    /// Time of the reactor's last turn on this thread.
    static TURN_US: Cell<u64> = const { Cell::new(0) };
}

/// A data thread about to run.
#[derive(Debug)]
pub struct ThreadSeed {
    index: usize,
    jobs: mpsc::UnboundedReceiver<Job>,
}

/// Makes the mailbox and the seed of a data thread.
pub fn prepare(index: usize) -> (Mailbox, ThreadSeed) {
    let (sender, jobs) = mpsc::unbounded_channel();
    (Mailbox { jobs: sender }, ThreadSeed { index, jobs })
}

/// Runs a data thread until its mailbox closes or the engine stopped and its last session ended. Tells `started` whether
/// its runtime could be made and its listeners registered, then waits for the gate.
pub fn run(
    shared: &'static Shared,
    seed: ThreadSeed,
    listeners: Vec<BoundListener>,
    started: &std::sync::mpsc::Sender<std::io::Result<()>>,
) {
    bind_to_processors(shared, seed.index);
    let clock = shared.clock;
    TURN_US.set(clock.now_us());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_unpark(move || TURN_US.set(clock.now_us()))
        .event_interval(61)
        .max_io_events_per_tick(200)
        .build_local(LocalOptions::default());
    let prepared = runtime.and_then(|runtime| {
        let accepting: std::io::Result<Vec<_>> =
            runtime.block_on(async move { listeners.into_iter().map(accept::prepare).collect() });
        Ok((runtime, accepting?))
    });
    let (runtime, listeners) = match prepared {
        Ok(ready) => ready,
        Err(e) => {
            let _ = started.send(Err(e));
            return;
        }
    };
    let _ = started.send(Ok(()));
    // The control thread publishes the servers' states before the first connection is accepted.
    shared.gate.wait();
    TURN_US.set(clock.now_us());
    // Tasks of the thread refer to its context for as long as the process lives.
    let ctx: &'static ThreadCtx = Box::leak(Box::new(ThreadCtx::new(shared, seed.index)));
    if let Some(own) = shared.activity.get(seed.index) {
        own.adopt(runtime.handle().metrics());
    }
    runtime.block_on(async move {
        activity::spawn(task::Timers, drive_timers(ctx));
        activity::spawn(task::Pools, purge_pools(ctx));
        for listener in listeners {
            activity::spawn(task::Accept, accept::run(ctx, listener));
        }
        serve_mailbox(ctx, seed.jobs).await;
    });
}

/// `cpu-map`. A processor that does not exist or is not allowed binds nothing, as in HAProxy.
fn bind_to_processors(shared: &Shared, thread: usize) {
    let Some(processors) = shared.config.global.process.cpu_map.of(thread) else { return };
    let mut set = CpuSet::new();
    for processor in processors {
        let _ = set.set(processor);
    }
    let _ = sched_setaffinity(Pid::from_raw(0), &set);
}

async fn serve_mailbox(ctx: &'static ThreadCtx, mut jobs: mpsc::UnboundedReceiver<Job>) {
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let stopping = ctx.shared.process.stopping.load(Relaxed);
        tokio::select! {
            job = jobs.recv() => match job {
                Some(job) => {
                    activity::count(|own| &own.jobs);
                    job(ctx);
                }
                None => return,
            },
            _ = tick.tick(), if stopping => {
                if ctx.sessions.is_empty() {
                    return;
                }
            }
        }
    }
}

async fn drive_timers(ctx: &'static ThreadCtx) {
    loop {
        if ctx.timers.is_idle() {
            ctx.timer_wake.notified().await;
        }
        tokio::time::sleep(Duration::from_millis(TimerWheel::period_ms())).await;
        ctx.timers.turn(ctx.now_ms());
    }
}

/// Closes pooled connections that their server closed, that are too many, or whose server went out.
async fn purge_pools(ctx: &'static ThreadCtx) {
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now_ms = ctx.now_ms();
        for (index, pools) in ctx.pools.live().enumerate() {
            let Some(proxy) = ctx.shared.proxies.get(index) else { continue };
            for (index, pool) in pools.live().enumerate() {
                if let Some(server) = proxy.servers.get(index) {
                    pool.purge(server, now_ms);
                }
            }
        }
    }
}

/// Tells accept tasks to look at their frontend's state again.
pub fn refresh_frontends(ctx: &'static ThreadCtx) {
    ctx.frontend_changes.send_modify(|n| *n += 1);
    let shared = ctx.shared;
    if shared.process.stopping.load(Relaxed) {
        // Idle connections go soon, but not at once: a request that is on its way is still answered, and told to close.
        let now_ms = ctx.now_ms();
        ctx.sessions.for_each(|session| {
            let Some(grace) = stopping_grace(ctx) else { return };
            let proxy = ctx.shared.proxies.get(session.frontend);
            if proxy.is_some_and(|proxy| proxy.config.options.idle_close_on_response) {
                return;
            }
            let until = now_ms + grace.as_millis() as u64;
            if session.phase.get() == super::session::Phase::Idle && session.deadline_ms.get() > until {
                ctx.set_deadline_at(session, now_ms, grace);
            }
        });
    }
}

/// How long an idle connection stays once the process stops; `None`: as long as ever.
pub fn stopping_grace(ctx: &ThreadCtx) -> Option<Duration> {
    match ctx.shared.config.global.process.close_spread {
        None => Some(STOPPING_GRACE),
        Some(CloseSpread::Never) => None,
        Some(CloseSpread::Over(window)) => {
            Some(Duration::from_millis(ctx.random() % (window.as_millis() as u64).max(1)).max(MIN_GRACE))
        }
    }
}

/// Whether a client is told to close after its answer because the process stops.
pub fn tells_to_close(ctx: &ThreadCtx) -> bool {
    let process = &ctx.shared.process;
    if !process.stopping.load(Relaxed) {
        return false;
    }
    match ctx.shared.config.global.process.close_spread {
        None => true,
        Some(CloseSpread::Never) => false,
        // More and more of them, and all once the time is over.
        Some(CloseSpread::Over(window)) => {
            let passed_ms = ctx.now_ms().saturating_sub(process.stopping_since_ms.load(Relaxed));
            ctx.random() % (window.as_millis() as u64).max(1) <= passed_ms
        }
    }
}

/// Whether a frontend accepts at the moment.
pub fn accepts(ctx: &ThreadCtx, proxy: &ProxyState) -> FrontendState {
    if ctx.shared.process.stopping.load(Relaxed) { FrontendState::Stopped } else { proxy.frontend_state() }
}
