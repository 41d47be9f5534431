//! The control thread: it alone owns and changes the state of servers and frontends.
//!
//! [`lb_check`] decides; here its decisions are carried out: published to the data threads through the atomics of
//! [`crate::shared`], logged, and fed with the results of health checks, of traffic (`observe`) and of operators'
//! commands. Data threads never wait for this thread and this thread never waits for them.
//!
//! - `server`: what is known of one server, and how its configuration becomes a health machine;
//! - `transition`: the one way a server's state changes;
//! - `publish`: what data threads see of it;
//! - `restore`, `save`: states that a former process left, and those left to the next;
//! - `schedule` and `check`: when checks run, and how;
//! - `frontend`: pausing, resuming and shutting listeners;
//! - `sessions`: reaching the sessions of data threads;
//! - `dynamic` and `backends`: servers and backends that come and go;
//! - `settings`, `ledger`, `audit`: what operators changed, how it is taken back, and who is told;
//! - `events`: state transitions for those who follow them;
//! - `dump`: the server states in the log, on SIGHUP.

mod audit;
mod backends;
mod check;
mod dump;
mod dynamic;
mod events;
mod frontend;
mod ledger;
mod mail;
mod message;
mod publish;
mod resolution;
mod restore;
mod save;
mod schedule;
mod server;
mod sessions;
mod settings;
mod table;
mod transition;

pub use backends::BackendStays;
pub use dynamic::StaysBecause;
pub use events::Follower;
pub use frontend::FrontendRefusal;
pub use ledger::{Before, Change, Leased, MOST_LEASES, Outcome, short_time};
pub use resolution::Counts;
pub use server::has_dynamic_weights;
pub use server::{AgentTarget, BackendCtl, CheckTarget, ControlError, ServerCtl};
pub use sessions::{SessionInfo, SessionQuery};
pub use settings::{Settings, state_word};
pub use table::Table;
pub(crate) use transition::unbound_queue;

#[cfg(test)]
pub(crate) use schedule::drive as drive_for_test;

use crate::activity::{self, task};
use crate::admin::{self, BoundAdmin};
use crate::orders::ORDER_QUEUE;
use crate::shared::Shared;
use crate::tls::store::Store;
use events::Followers;
use lb_check::TrafficEvent;
use lb_model::Severity;
use ledger::Ledger;
use schedule::Schedule;
use std::cell::{Cell, Ref, RefCell};
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::runtime::LocalOptions;
use tokio::sync::{Notify, mpsc};

/// What the process asks of the control thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlCommand {
    /// Stop accepting; [`run`] returns when the last connection ended (SIGUSR1).
    SoftStop,
    /// Stop at once (SIGTERM, SIGINT).
    HardStop,
    /// Write the state of all servers to the log (SIGHUP).
    DumpServers,
    /// Write what memory the pools hold to standard error (SIGQUIT).
    DumpPools,
    /// Write the state of all servers to their file, if there is one (SIGUSR2): a successor will read it.
    SaveStates,
    /// Stop accepting for a while, as another process wants the ports (SIGTTOU).
    PauseFrontends,
    /// Accept again (SIGTTIN).
    ResumeFrontends,
}

/// What a data thread saw of a server that is observed (`observe`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerEvent {
    /// Index of the backend.
    pub proxy: usize,
    /// Index of the server in it.
    pub server: usize,
    /// What was seen.
    pub event: TrafficEvent,
}

/// Why [`run`] returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// A soft stop, and the last connection ended.
    Soft,
    /// A hard stop, or `hard-stop-after` passed, or the command channel closed.
    Hard,
}

/// Events that may wait for the control thread; more are dropped, as `observe` only counts.
pub const EVENT_QUEUE: usize = 4_096;

/// The control thread's state. Its cells are borrowed for one step at a time, never over an `await`.
#[derive(Debug)]
pub struct Control {
    /// The engine.
    pub shared: &'static Shared,
    backends: RefCell<Table<BackendCtl>>,
    schedule: RefCell<Schedule>,
    schedule_changed: Notify,
    random: Cell<u32>,
    /// Places that another backend may have.
    free_proxies: RefCell<Vec<usize>>,
    /// Servers known so far.
    serials: Cell<u64>,
    /// Certificates and their kin, as commands see and change them.
    pub tls: RefCell<Store>,
    /// Names of servers that are followed.
    pub names: resolution::Names,
    /// The admin sockets and their connections.
    pub admin: admin::Registry,
    /// What operators changed.
    pub ledger: RefCell<Ledger>,
    followers: Followers,
    post: Rc<mail::Post>,
}

impl Control {
    /// The state at start: servers as configured, published to data threads.
    ///
    /// # Errors
    /// When a check's expression cannot be compiled.
    pub fn new(shared: &'static Shared) -> Result<Rc<Self>, ControlError> {
        let now = shared.clock.uptime();
        let serials = Cell::new(1);
        let mut restored = Vec::new();
        let backends = server::build(shared, &serials, now, &mut restored);
        let control = Rc::new(Self {
            shared,
            schedule: RefCell::new(Schedule::default()),
            schedule_changed: Notify::new(),
            random: Cell::new(shared.clock.start_unix_secs() as u32 ^ std::process::id() | 1),
            backends: RefCell::new(backends),
            serials,
            free_proxies: RefCell::default(),
            tls: RefCell::new(Store::new(shared)),
            names: resolution::Names::new(&shared.config.resolvers),
            admin: admin::Registry::default(),
            ledger: RefCell::new(Ledger::new(shared.clock.start_unix_secs())),
            followers: Followers::default(),
            post: Rc::default(),
        });
        control.hold_unresolved();
        control.publish_all();
        control.tell_restored(restored);
        control.plan_first_checks();
        Ok(control)
    }

    /// What is known of the backends, by their place.
    pub fn backends(&self) -> Ref<'_, Table<BackendCtl>> {
        self.backends.borrow()
    }

    /// Time since the start.
    pub fn now(&self) -> Duration {
        self.shared.clock.uptime()
    }

    /// A number that no server had before.
    fn next_serial(&self) -> u64 {
        self.serials.replace(self.serials.get() + 1)
    }

    /// A pseudo-random number (xorshift).
    pub(crate) fn random(&self) -> u32 {
        let mut x = self.random.get();
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        self.random.set(x);
        x
    }

    /// Forgets counted failures and transitions of one server, or of everything.
    pub fn forget_counts(&self, only: Option<(usize, usize)>) {
        for (p, backend) in self.backends.borrow_mut().entries_mut() {
            if only.is_none() {
                backend.downs = 0;
            }
            for (s, server) in backend.servers.entries_mut() {
                if only.is_none_or(|wanted| wanted == (p, s)) {
                    server.health.clear_counters();
                }
            }
        }
    }

    /// A session saw something of an observed server.
    pub fn observe(&self, seen: ServerEvent) {
        self.change(seen.proxy, seen.server, |server, now, actions| server.health.traffic(seen.event, now, actions));
    }
}

/// Runs the control thread until the process is to end. Blocks.
///
/// # Errors
/// When the runtime cannot be made, a check cannot be compiled or an admin socket cannot be registered.
pub fn run(
    shared: &'static Shared,
    admin_sockets: Vec<BoundAdmin>,
    commands: mpsc::UnboundedReceiver<ControlCommand>,
    events: mpsc::Receiver<ServerEvent>,
    on_ready: impl FnOnce(),
    on_saved: impl Fn() + 'static,
) -> Result<Stopped, ControlError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    let control = Control::new(shared)?;
    if let Some(own) = shared.activity.get(shared.threads) {
        own.adopt(runtime.handle().metrics());
    }
    runtime.block_on(async move {
        for socket in admin_sockets {
            admin::listen(&control, socket)?;
        }
        admin::begin(&control);
        shared.proxies.live().for_each(crate::shared::ProxyState::renew_cookies);
        shared.gate.open();
        on_ready();
        activity::spawn(task::Watch, crate::tables::expire(control.shared));
        crate::ring_feed::start(shared);
        control.follow_names();
        activity::spawn(task::Schedule, schedule::drive(Rc::clone(&control)));
        activity::spawn(task::Watch, admin::sample(Rc::clone(&control)));
        let (order_sender, orders) = mpsc::channel(ORDER_QUEUE);
        let _ = shared.orders.set(order_sender);
        activity::spawn(task::Page, admin::serve_pages(Rc::clone(&control), orders));
        activity::spawn(task::Watch, watch_events(Rc::clone(&control), events));
        activity::spawn(task::Watch, save::drive(Rc::clone(&control)));
        Ok(obey(&control, commands, &on_saved).await)
    })
}

async fn watch_events(control: Rc<Control>, mut events: mpsc::Receiver<ServerEvent>) {
    while let Some(event) = events.recv().await {
        control.observe(event);
    }
}

async fn obey(
    control: &Rc<Control>,
    mut commands: mpsc::UnboundedReceiver<ControlCommand>,
    on_saved: &impl Fn(),
) -> Stopped {
    loop {
        match commands.recv().await {
            Some(ControlCommand::SoftStop) => {
                // Under a master a successor may serve already, and know better: whoever stops this one has it save before.
                if !control.shared.is_supervised {
                    control.save_states();
                }
                return finish(control, &mut commands).await;
            }
            Some(ControlCommand::HardStop) | None => {
                control.save_states();
                return Stopped::Hard;
            }
            Some(ControlCommand::SaveStates) => {
                control.save_states();
                on_saved();
            }
            Some(ControlCommand::DumpServers) => control.dump_servers(),
            Some(ControlCommand::DumpPools) => control.dump_pools(),
            Some(ControlCommand::PauseFrontends) => control.pause_frontends(),
            Some(ControlCommand::ResumeFrontends) => control.resume_frontends(),
        }
    }
}

/// Answers what can be answered while the process stops, until it is to stop at once.
async fn hard_stop(control: &Control, commands: &mut mpsc::UnboundedReceiver<ControlCommand>) {
    loop {
        match commands.recv().await {
            Some(ControlCommand::HardStop) | None => return,
            Some(ControlCommand::DumpServers) => control.dump_servers(),
            Some(ControlCommand::DumpPools) => control.dump_pools(),
            Some(_) => {}
        }
    }
}

/// Lets others see that the process will stop, before it does. `true`: it shall stop at once.
async fn wait_in_grace(
    control: &Control,
    commands: &mut mpsc::UnboundedReceiver<ControlCommand>,
    grace: Duration,
) -> bool {
    control.shared.process.announced.store(true, Relaxed);
    control.tell(&[], None, Severity::Notice, &format!("Scheduling a soft-stop in {} ms.", grace.as_millis()));
    tokio::select! {
        () = tokio::time::sleep(grace) => {
            control.tell(&[], None, Severity::Notice, "Grace period expired, proceeding with soft-stop now.");
            false
        }
        () = hard_stop(control, commands) => true,
    }
}

/// Waits until nobody is connected any more, to a frontend or to an admin socket.
async fn last_connection(control: &Control) {
    let process = &control.shared.process;
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    loop {
        tick.tick().await;
        if process.alive.load(Relaxed) == 0
            && process.connections.get() == 0
            && control.admin.busy() == 0
            && process.stopping.load(Relaxed)
        {
            return;
        }
    }
}

/// Waits for the last connection, a hard stop or `hard-stop-after`.
async fn finish(control: &Rc<Control>, commands: &mut mpsc::UnboundedReceiver<ControlCommand>) -> Stopped {
    if let Some(grace) = control.shared.config.global.process.grace
        && wait_in_grace(control, commands, grace).await
    {
        return Stopped::Hard;
    }
    control.soft_stop();
    let limit = async {
        match control.shared.config.global.hard_stop_after {
            Some(delay) => tokio::time::sleep(delay).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = limit => {
            control.tell(&[], None, Severity::Warning, "soft-stop running for too long, performing a hard-stop.");
            Stopped::Hard
        }
        () = hard_stop(control, commands) => Stopped::Hard,
        () = last_connection(control) => Stopped::Soft,
    }
}
