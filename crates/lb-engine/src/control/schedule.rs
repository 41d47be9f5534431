//! When checks run: one heap of due times, one task that waits for the nearest. A task exists for a check only while
//! that check is in flight, so idle servers cost a heap entry each.

use super::{Control, check};
use lb_check::schedule::{spread, start_offset};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// A kind of work that a server has due; the index into its due times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Work {
    /// A health check.
    Check = 0,
    /// An agent check.
    Agent = 1,
    /// A step of slow start.
    SlowStart = 2,
    /// A server that traffic put out may be tried.
    Retry = 3,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    at_ms: u64,
    proxy: u32,
    server: u32,
    work: Work,
}

/// What is due when. An entry counts only while the server's own due time agrees with it.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    heap: BinaryHeap<Reverse<Entry>>,
}

impl Control {
    /// Plans a kind of work after `delay`, in place of what was planned.
    pub(super) fn plan(&self, proxy: usize, server: usize, work: Work, delay: Duration) {
        let at_ms = (self.now() + delay).as_millis() as u64;
        if let Some(state) = self.backends.borrow_mut().get_mut(proxy).and_then(|b| b.servers.get_mut(server)) {
            state.due_ms[work as usize] = at_ms;
        }
        self.push(Entry { at_ms, proxy: proxy as u32, server: server as u32, work });
    }

    /// Plans work no later than after `delay`.
    pub(super) fn hurry(&self, proxy: usize, server: usize, work: Work, delay: Duration) {
        let at_ms = (self.now() + delay).as_millis() as u64;
        let due =
            self.backends.borrow().get(proxy).and_then(|b| b.servers.get(server)).map(|s| s.due_ms[work as usize]);
        // A check in progress has nothing due: its end plans the next one.
        if due.is_some_and(|due| due != u64::MAX && due > at_ms) {
            self.plan(proxy, server, work, delay);
        }
    }

    fn push(&self, entry: Entry) {
        let mut schedule = self.schedule.borrow_mut();
        let is_nearest = schedule.heap.peek().is_none_or(|Reverse(first)| entry.at_ms < first.at_ms);
        schedule.heap.push(Reverse(entry));
        if is_nearest {
            self.schedule_changed.notify_one();
        }
    }

    /// Spreads the first checks of all servers over their intervals.
    pub(super) fn plan_first_checks(&self) {
        let mut planned = Vec::new();
        {
            let backends = self.backends.borrow();
            for proxy in self.shared.proxies.live().filter(|proxy| !proxy.config.disabled) {
                for target in proxy.servers.live() {
                    let (p, s) = (proxy.index, target.index);
                    let Some(server) = backends.get(p).and_then(|b| b.servers.get(s)) else { continue };
                    if server.health.check().is_configured() {
                        planned.push((p, s, Work::Check, server.health.check_interval()));
                    }
                    if server.health.agent().is_configured() {
                        planned.push((p, s, Work::Agent, server.health.agent_interval()));
                    }
                }
            }
        }
        let count = planned.len();
        let max_spread = self.shared.config.global.max_spread_checks;
        for (index, (proxy, server, work, inter)) in planned.into_iter().enumerate() {
            self.plan(proxy, server, work, start_offset(index, count, inter, max_spread));
        }
    }

    /// Plans the next check after one ended, or could not start.
    pub(super) fn plan_next(&self, proxy: usize, server: usize, work: Work) {
        let interval = match self.backends.borrow().get(proxy).and_then(|b| b.servers.get(server)) {
            Some(state) if work == Work::Agent => state.health.agent_interval(),
            Some(state) => state.health.check_interval(),
            None => return,
        };
        let delay = match self.shared.config.global.spread_checks {
            0 => interval,
            percent => spread(interval, percent, self.random()),
        };
        self.plan(proxy, server, work, delay);
    }

    /// Takes what is due at `now_ms`, if anything is.
    fn take_due(&self, now_ms: u64) -> Option<Entry> {
        let mut schedule = self.schedule.borrow_mut();
        loop {
            let Reverse(first) = *schedule.heap.peek()?;
            if first.at_ms > now_ms {
                return None;
            }
            schedule.heap.pop();
            let mut backends = self.backends.borrow_mut();
            let server = backends.get_mut(first.proxy as usize).and_then(|b| b.servers.get_mut(first.server as usize));
            let Some(server) = server else { continue };
            // Planned again meanwhile: the other entry counts.
            if server.due_ms[first.work as usize] == first.at_ms {
                server.due_ms[first.work as usize] = u64::MAX;
                return Some(first);
            }
        }
    }

    /// Milliseconds since the start at which something may be due.
    fn next_due_ms(&self) -> Option<u64> {
        self.schedule.borrow().heap.peek().map(|Reverse(first)| first.at_ms)
    }

    fn start(self: &Rc<Self>, due: Entry) {
        let (proxy, server) = (due.proxy as usize, due.server as usize);
        match due.work {
            Work::SlowStart => {
                self.change(proxy, server, |s, now, actions| s.health.slowstart_tick(now, actions));
            }
            Work::Retry => {
                self.change(proxy, server, |s, _, actions| s.health.retry_tick(actions));
            }
            work => {
                if !check::start(self, proxy, server, work) {
                    self.plan_next(proxy, server, work);
                }
            }
        }
    }
}

/// Work started in one go before other tasks get their turn.
const BATCH: usize = 64;

/// Starts what is due, until the process stops: then states do not matter any more.
pub(crate) async fn drive(control: Rc<Control>) {
    while !control.shared.process.stopping.load(Relaxed) {
        let mut started = 0;
        while let Some(due) = control.take_due(control.shared.clock.now_ms()) {
            control.start(due);
            started += 1;
            if started % BATCH == 0 {
                tokio::task::yield_now().await;
            }
        }
        let changed = control.schedule_changed.notified();
        match control.next_due_ms() {
            Some(at_ms) => {
                let at = control.shared.clock.instant_at(at_ms);
                tokio::select! {
                    () = tokio::time::sleep_until(at.into()) => {}
                    () = changed => {}
                }
            }
            None => changed.await,
        }
    }
}
