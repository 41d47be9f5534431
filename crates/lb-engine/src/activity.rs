//! What the engine's own machinery does, counted: turns of each thread's reactor, polls of its tasks by kind, buffers,
//! time-outs. For `show activity`, `show threads`, `show tasks`, `show pools` and `show profiling`.
//!
//! Each thread writes its own block with plain loads and stores. Turns and busy time are the runtime's own counts,
//! which it keeps in any case. Nothing is timed unless profiling is on: off, it costs a branch in each poll of a task.

use crate::counters::Counter;
use pin_project_lite::pin_project;
use std::cell::Cell;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::runtime::RuntimeMetrics;

macro_rules! tasks {
    ($( $(#[$doc:meta])* $name:ident = $number:literal, $function:literal; )*) => {
        /// Kinds of tasks. A task's type carries its kind, so that it takes no memory.
        pub mod task {
            $(
                $(#[$doc])*
                #[derive(Debug, Clone, Copy)]
                pub struct $name;

                impl super::Kind for $name {
                    const NUMBER: usize = $number;
                }
            )*
        }

        /// The function each kind of task runs.
        pub const FUNCTIONS: &[&str] = &[ $( $function ),* ];
    };
}

/// A kind of task.
pub trait Kind {
    /// Its place in [`FUNCTIONS`] and [`Activity::tasks`].
    const NUMBER: usize;
}

tasks! {
    /// An HTTP client's connection.
    Http = 0, "http::serve";
    /// A TCP client's connection.
    Tcp = 1, "tcp::serve";
    /// A listener.
    Accept = 2, "accept::run";
    /// The wheel of time-outs.
    Timers = 3, "drive_timers";
    /// Upkeep of idle connections to servers.
    Pools = 4, "purge_pools";
    /// A health or agent check.
    Check = 5, "check::run";
    /// The schedule of checks.
    Schedule = 6, "schedule::drive";
    /// An admin socket's listener.
    AdminAccept = 7, "socket::accept_all";
    /// An admin connection.
    Admin = 8, "connection::serve";
    /// What data threads saw of servers, and the process's use of its machine.
    Watch = 9, "control::watch";
    /// Pages ordered by HTTP clients.
    Page = 10, "pages::serve";
    /// A client's connection that is or will be secured.
    Secure = 11, "secure::serve";
    /// Mails of alerts.
    Mail = 12, "mail::deliver";
    /// Lines of a ring on their way to a server.
    LogFeed = 13, "ring_feed::feed";
}

const KINDS: usize = FUNCTIONS.len();

/// What is counted of one kind of task.
#[derive(Debug, Default)]
pub struct TaskCounts {
    /// Started.
    pub started: Counter,
    /// Ended.
    pub ended: Counter,
    /// Times one ran.
    pub polls: Counter,
    /// Times one ran while profiling.
    pub profiled: Counter,
    /// Nanoseconds these took.
    pub busy_ns: Counter,
}

impl TaskCounts {
    /// Those that have not ended.
    pub fn alive(&self) -> u64 {
        self.started.get().saturating_sub(self.ended.get())
    }
}

/// One thread's block.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct Activity {
    /// By kind of task.
    pub tasks: [TaskCounts; KINDS],
    /// Sessions whose deadline passed.
    pub expired: Counter,
    /// Jobs run for the control thread.
    pub jobs: Counter,
    /// Idle connections to servers found dead or unwanted when one was needed.
    pub dead_idle: Counter,
    /// Buffers made.
    pub buffers_made: Counter,
    /// Buffers freed.
    pub buffers_freed: Counter,
    /// Buffers kept for reuse at the moment.
    pub buffers_kept: Counter,
    /// Polls of tasks are timed.
    pub profiling: AtomicBool,
    tid: AtomicI32,
    metrics: OnceLock<RuntimeMetrics>,
}

impl Activity {
    /// Makes this the block of the calling thread, whose runtime counts its turns in `metrics`.
    pub fn adopt(&'static self, metrics: RuntimeMetrics) {
        self.tid.store(nix::unistd::gettid().as_raw(), Relaxed);
        let _ = self.metrics.set(metrics);
        OWN.set(Some(self));
    }

    /// The thread's number in the kernel; 0 before it runs.
    pub fn tid(&self) -> i32 {
        self.tid.load(Relaxed)
    }

    /// Times the reactor waited for events.
    pub fn turns(&self) -> u64 {
        self.metrics.get().map_or(0, |metrics| metrics.worker_park_count(0))
    }

    /// Time in which the thread did not wait for events, up to its last turn.
    pub fn busy(&self) -> Duration {
        self.metrics.get().map_or(Duration::ZERO, |metrics| metrics.worker_total_busy_duration(0))
    }

    /// Tasks woken by other threads that have not run yet.
    pub fn woken_from_afar(&self) -> usize {
        self.metrics.get().map_or(0, RuntimeMetrics::global_queue_depth)
    }

    /// Polls of tasks of these kinds.
    pub fn polls(&self, wanted: impl Fn(usize) -> bool) -> u64 {
        self.tasks.iter().enumerate().filter(|(kind, _)| wanted(*kind)).map(|(_, task)| task.polls.get()).sum()
    }
}

/// Kinds of tasks that serve a connection.
pub fn is_connection(kind: usize) -> bool {
    [task::Http::NUMBER, task::Tcp::NUMBER, task::Secure::NUMBER, task::Admin::NUMBER].contains(&kind)
}

thread_local! {
    static OWN: Cell<Option<&'static Activity>> = const { Cell::new(None) };
}

/// Counts on the calling thread's block, if it has one.
pub fn count(counter: impl FnOnce(&'static Activity) -> &'static Counter) {
    if let Some(own) = OWN.get() {
        counter(own).inc();
    }
}

/// The calling thread's block.
pub fn own() -> Option<&'static Activity> {
    OWN.get()
}

pin_project! {
    /// A task that is counted as one of its kind.
    struct Counted<K, F>
    where
        K: Kind,
    {
        #[pin]
        inner: F,
        kind: PhantomData<K>,
    }

    impl<K, F> PinnedDrop for Counted<K, F>
    where
        K: Kind,
    {
        fn drop(_this: Pin<&mut Self>) {
            if let Some(task) = own_task::<K>() {
                task.ended.inc();
            }
        }
    }
}

fn own_task<K: Kind>() -> Option<&'static TaskCounts> {
    OWN.get().and_then(|own| own.tasks.get(K::NUMBER))
}

impl<K: Kind, F: Future> Future for Counted<K, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let inner = self.project().inner;
        let Some(own) = OWN.get() else { return inner.poll(cx) };
        let Some(task) = own.tasks.get(K::NUMBER) else { return inner.poll(cx) };
        task.polls.inc();
        if own.profiling.load(Relaxed) {
            let begin = Instant::now();
            let polled = inner.poll(cx);
            task.profiled.inc();
            task.busy_ns.add(begin.elapsed().as_nanos() as u64);
            return polled;
        }
        inner.poll(cx)
    }
}

/// Starts a task on the calling thread, counted as one of its kind.
pub fn spawn<K: Kind + 'static, F: Future<Output = ()> + 'static>(_: K, inner: F) {
    if let Some(task) = own_task::<K>() {
        task.started.inc();
    }
    tokio::task::spawn_local(Counted::<K, F> { inner, kind: PhantomData });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_counted_and_takes_no_room_for_it() {
        async fn nothing() {}
        assert_eq!(size_of_val(&Counted { inner: nothing(), kind: PhantomData::<task::Tcp> }), size_of_val(&nothing()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let own: &'static Activity = Box::leak(Box::default());
        own.adopt(runtime.metrics());
        own.profiling.store(true, Relaxed);
        let counts = &own.tasks[task::Tcp::NUMBER];
        tokio::task::LocalSet::new().block_on(&runtime, async {
            spawn(task::Tcp, tokio::task::yield_now());
            assert_eq!(counts.alive(), 1);
            while counts.alive() > 0 {
                tokio::task::yield_now().await;
            }
        });
        assert_eq!((counts.started.get(), counts.ended.get(), counts.polls.get(), counts.profiled.get()), (1, 1, 2, 2));
        assert_eq!(own.polls(is_connection), 2);
        assert!(own.tid() > 0);
    }
}
