//! Traffic counters: one block per data thread and object, written by that thread alone and summed
//! when read.

use crate::kept::Kept;
use crate::rate::Rate;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicU32, AtomicU64};

/// Handshakes on one thread.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct Handshakes {
    /// Connections to be secured, of clients and to servers.
    pub connections: Counter,
    /// Clients' handshakes begun in the last second.
    pub begun: Rate,
    /// Clients' handshakes that took up no earlier session, in the last second.
    pub front_keys: Rate,
    /// The same of servers.
    pub back_keys: Rate,
}

/// A counter with one writing thread: an increment is a load and a store, never a locked instruction.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`. Only the owning thread may call it.
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    /// Adds one.
    pub fn inc(&self) {
        self.add(1);
    }

    /// The value, from any thread.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// Keeps the larger of both.
    pub fn raise(&self, n: u64) {
        if n > self.get() {
            self.0.store(n, Relaxed);
        }
    }

    /// Sets the value.
    pub fn set(&self, n: u64) {
        self.0.store(n, Relaxed);
    }
}

macro_rules! counters {
    ($( $(#[$doc:meta])* $name:ident, )*) => {
        /// The counters of one object on one thread.
        #[derive(Debug, Default)]
        #[repr(align(64))]
        pub struct Counters {
            $( $(#[$doc])* pub $name: Counter, )*
            /// Responses by class: 1xx to 5xx, then others.
            pub responses: [Counter; 6],
            /// Sessions in the last second.
            pub session_rate: Rate,
            /// Connections in the last second.
            pub connection_rate: Rate,
            /// Requests in the last second.
            pub request_rate: Rate,
            /// Sums over a sliding window of exchanges.
            pub queue_time: SlidingMean,
            /// Time to connect.
            pub connect_time: SlidingMean,
            /// Time to the response's head.
            pub response_time: SlidingMean,
            /// Whole time of a session.
            pub total_time: SlidingMean,
        }

        impl Counters {
            /// Reads every counter, for whoever is about to show most of them: the processor fetches all of their memory
            /// at once, where one column after the other would wait for each line.
            fn fetch(&self) {
                let mut sum = 0_u64;
                $( sum = sum.wrapping_add(self.$name.get()); )*
                std::hint::black_box(sum);
            }

            /// Sets every counter and maximum to zero (`clear counters all`).
            pub fn clear(&self) {
                $( self.$name.set(0); )*
                for counter in &self.responses {
                    counter.set(0);
                }
            }
        }
    };
}

impl Counters {
    /// Begins at nothing, for another object. Nobody counts meanwhile.
    fn restart(&self) {
        self.clear();
        for rate in [&self.session_rate, &self.connection_rate, &self.request_rate] {
            rate.clear_max();
        }
        for time in [&self.queue_time, &self.connect_time, &self.response_time, &self.total_time] {
            time.restart();
        }
    }
}

counters! {
    /// Sessions (`stot`).
    sessions,
    /// Connections accepted (`conn_tot`).
    connections,
    /// Bytes from clients (`bin`).
    bytes_in,
    /// Bytes to clients (`bout`).
    bytes_out,
    /// Bytes from servers (`resbin`).
    server_bytes_in,
    /// Bytes to servers (`reqbout`).
    server_bytes_out,
    /// Requests denied by a rule (`dreq`).
    denied_requests,
    /// Responses denied (`dresp`).
    denied_responses,
    /// Connections denied by `tcp-request connection` (`dcon`).
    denied_connections,
    /// Sessions denied by `tcp-request session` (`dses`).
    denied_sessions,
    /// Bad requests (`ereq`).
    request_errors,
    /// Connect failures (`econ`).
    connect_errors,
    /// Response failures (`eresp`).
    response_errors,
    /// Connect retries (`wretr`).
    retries,
    /// Redispatches (`wredis`).
    redispatches,
    /// Times a server was chosen (`lbtot`).
    chosen,
    /// Requests (`req_tot`).
    requests,
    /// Transfers aborted by the client (`cli_abrt`).
    client_aborts,
    /// Transfers aborted by the server (`srv_abrt`).
    server_aborts,
    /// Requests answered by the proxy itself (`intercepted`).
    intercepted,
    /// Header rewrites that failed (`wrew`).
    failed_rewrites,
    /// Bytes that were pressed (`comp_in`).
    compressor_in,
    /// Bytes that came of them (`comp_out`).
    compressor_out,
    /// Responses that were pressed (`comp_rsp`).
    compressed_responses,
    /// Connections opened to servers (`connect`).
    connects,
    /// Connections reused (`reuse`).
    reuses,
    /// Internal errors (`eint`).
    internal_errors,
    /// HTTP/1 connections since the start.
    h1_connections,
    /// HTTP/1 streams since the start.
    h1_streams,
    /// Bytes received on HTTP/1 connections that belong to no exchange.
    h1_bytes_in,
    /// Bytes sent on HTTP/1 connections that belong to no exchange.
    h1_bytes_out,
    /// Secured sessions (`ssl_sess`).
    ssl_sessions,
    /// Of them, those that took up an earlier one (`ssl_reused_sess`).
    ssl_resumed,
    /// Handshakes that failed (`ssl_failed_handshake`).
    ssl_failed,
    /// Failed checks (`chkfail`), control thread only.
    failed_checks,
    /// Transitions to down (`chkdown`), control thread only.
    downs,
    /// Last session, milliseconds since the start plus one; zero: none.
    last_session_ms,
}

/// Mean of the last 512 samples or so, as an exponential window. One writing thread.
#[derive(Debug, Default)]
pub struct SlidingMean {
    sum: Counter,
    max: Counter,
}

/// Samples the window holds.
const WINDOW: u64 = 512;

impl SlidingMean {
    /// Adds a sample in milliseconds.
    pub fn add(&self, ms: u64) {
        let sum = self.sum.get();
        self.sum.set(sum + ms - sum.div_ceil(WINDOW).min(sum + ms));
        self.max.raise(ms);
    }

    /// The window's sum.
    pub fn sum(&self) -> u64 {
        self.sum.get()
    }

    /// The mean over a window in which `samples` were seen since the start.
    pub fn mean_of(sum: u64, samples: u64) -> u64 {
        sum.checked_div(samples.min(WINDOW)).unwrap_or(0)
    }

    /// The largest sample.
    pub fn max(&self) -> u64 {
        self.max.get()
    }

    /// Forgets all samples.
    fn restart(&self) {
        self.sum.set(0);
        self.max.set(0);
    }

    /// Forgets the largest sample.
    pub fn clear_max(&self) {
        self.max.set(0);
    }
}

/// A number that goes up and down on several threads, with its maximum.
#[derive(Debug, Default)]
pub struct Gauge {
    current: AtomicU32,
    max: AtomicU32,
}

impl Gauge {
    /// Adds one and returns the new value.
    pub fn inc(&self) -> u32 {
        // Ordered with the queue's count of waiting requests: see `queue::give_back`.
        let now = self.current.fetch_add(1, SeqCst) + 1;
        if now > self.max.load(Relaxed) {
            self.max.fetch_max(now, Relaxed);
        }
        now
    }

    /// Adds one unless the value has reached `limit`. Says whether it did.
    pub fn inc_up_to(&self, limit: u32) -> bool {
        let one_more = |now: u32| (now < limit).then_some(now + 1);
        match self.current.fetch_update(SeqCst, SeqCst, one_more) {
            Ok(before) => {
                if before + 1 > self.max.load(Relaxed) {
                    self.max.fetch_max(before + 1, Relaxed);
                }
                true
            }
            Err(_) => false,
        }
    }

    /// Takes one away and returns the new value.
    pub fn dec(&self) -> u32 {
        self.current.fetch_sub(1, SeqCst).wrapping_sub(1)
    }

    /// The value.
    pub fn get(&self) -> u32 {
        self.current.load(Relaxed)
    }

    /// The largest value since the start or the last clear.
    pub fn max(&self) -> u32 {
        self.max.load(Relaxed)
    }

    /// Starts anew. For a gauge that nobody counts with.
    pub fn reset(&self) {
        self.current.store(0, Relaxed);
        self.max.store(0, Relaxed);
    }

    /// Forgets the maximum: it becomes the current value.
    pub fn clear_max(&self) {
        self.max.store(self.get(), Relaxed);
    }
}

/// One block of counters per data thread, plus one for the control thread at the end.
#[derive(Debug)]
pub struct PerThread(Box<[Counters]>, Kept);

impl PerThread {
    /// Blocks for `threads` data threads and the control thread.
    pub fn new(threads: usize) -> Self {
        Self((0..=threads).map(|_| Counters::default()).collect(), Kept::default())
    }

    /// The block of a data thread; any other number gives the control thread's.
    pub fn of(&self, thread: usize) -> &Counters {
        // `new` makes at least one block, and the index is clamped to the last.
        &self.0[thread.min(self.0.len() - 1)]
    }

    /// The control thread's block.
    pub fn control(&self) -> &Counters {
        self.of(usize::MAX)
    }

    /// What a former process counted.
    pub fn kept(&self) -> &Kept {
        &self.1
    }

    /// Begins at nothing, for another object. Nobody counts meanwhile.
    pub fn restart(&self) {
        self.1.clear();
        self.iter().for_each(Counters::restart);
    }

    /// Sums one counter over all threads.
    pub fn sum(&self, counter: impl Fn(&Counters) -> u64) -> u64 {
        self.0.iter().map(counter).sum()
    }

    /// Largest value of one counter over all threads.
    pub fn largest(&self, counter: impl Fn(&Counters) -> u64) -> u64 {
        self.0.iter().map(counter).max().unwrap_or(0)
    }

    /// Fetches all blocks from memory, before most of them is shown.
    pub fn fetch(&self) {
        self.0.iter().for_each(Counters::fetch);
    }

    /// Every block.
    pub fn iter(&self) -> impl Iterator<Item = &Counters> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sliding_mean_settles_on_the_sample() {
        let mean = SlidingMean::default();
        for _ in 0..5_000 {
            mean.add(20);
        }
        let value = SlidingMean::mean_of(mean.sum(), 5_000);
        assert!((18..=20).contains(&value), "{value}");
        assert_eq!(mean.max(), 20);
    }

    #[test]
    fn gauge_keeps_its_maximum() {
        let gauge = Gauge::default();
        gauge.inc();
        gauge.inc();
        gauge.dec();
        assert_eq!((gauge.get(), gauge.max()), (1, 2));
        gauge.clear_max();
        assert_eq!(gauge.max(), 1);
        assert!(gauge.inc_up_to(2) && !gauge.inc_up_to(2));
        assert_eq!((gauge.get(), gauge.max()), (2, 2));
    }
}
