//! Stick counters: what a stream tracks in stick tables, what is counted there, and what expressions read.

use super::view::View;
use crate::tables::StickTable;
use lb_config::model::{Count, CountChange, Number, Track};
use lb_sample::{Context, EntryQuery, Sample, Subject, TableNumber};
use lb_table::{DataKind, Entry, Held, Key, KeyType};
use std::cell::Cell;

/// The counters of a session that track something. Costs a pointer where nothing does.
#[derive(Default)]
pub struct Trackers(Cell<Option<Box<Counters>>>);

/// What each counter tracks, by its number.
#[derive(Debug, Default)]
struct Counters(Vec<Option<Tracked>>);

/// A tracked entry.
#[derive(Debug)]
struct Tracked {
    table: &'static StickTable,
    entry: Held,
    /// For as long as the connection lasts, not for one exchange.
    of_connection: bool,
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.entry.subtract(DataKind::ConnCur, 1, 0);
    }
}

impl std::fmt::Debug for Trackers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trackers").finish_non_exhaustive()
    }
}

impl Trackers {
    /// Runs `f` over what is tracked, if anything is.
    fn with<T>(&self, f: impl FnOnce(&[Option<Tracked>]) -> T) -> Option<T> {
        let counters = self.0.take()?;
        let result = f(&counters.0);
        self.0.set(Some(counters));
        Some(result)
    }

    fn each(&self, mut f: impl FnMut(&Entry)) {
        self.with(|slots| slots.iter().flatten().for_each(|tracked| f(&tracked.entry)));
    }

    fn events(&self, count: DataKind, rate: DataKind, now_ms: u64) {
        self.each(|entry| {
            entry.add(count, 0, 1, now_ms);
            entry.add(rate, 0, 1, now_ms);
        });
    }

    /// Whether anything is tracked.
    pub fn is_active(&self) -> bool {
        let slots = self.0.take();
        let active = slots.is_some();
        self.0.set(slots);
        active
    }

    /// The connection was accepted by the first rules.
    pub fn session_accepted(&self, now_ms: u64) {
        self.events(DataKind::SessCnt, DataKind::SessRate, now_ms);
    }

    /// A request came.
    pub fn http_request(&self, now_ms: u64) {
        self.events(DataKind::HttpReqCnt, DataKind::HttpReqRate, now_ms);
    }

    /// The client's fault: a bad request, a denied one, a response 4xx.
    pub fn http_error(&self, now_ms: u64) {
        self.events(DataKind::HttpErrCnt, DataKind::HttpErrRate, now_ms);
    }

    /// The server's fault.
    pub fn http_failure(&self, now_ms: u64) {
        self.events(DataKind::HttpFailCnt, DataKind::HttpFailRate, now_ms);
    }

    /// What a server's status counts as.
    pub fn http_status(&self, status: u16, now_ms: u64) {
        match status {
            400..=499 => self.http_error(now_ms),
            501 | 505 => {}
            500..=599 => self.http_failure(now_ms),
            _ => {}
        }
    }

    /// Bytes were moved.
    pub fn bytes(&self, received: u64, sent: u64, now_ms: u64) {
        self.with(|slots| {
            for tracked in slots.iter().flatten() {
                let (entry, factor) = (&tracked.entry, tracked.table.config.spec.bytes_factor);
                entry.add(DataKind::BytesInCnt, 0, received, now_ms);
                entry.add(DataKind::BytesInRate, 0, received.div_ceil(factor), now_ms);
                entry.add(DataKind::BytesOutCnt, 0, sent, now_ms);
                entry.add(DataKind::BytesOutRate, 0, sent.div_ceil(factor), now_ms);
            }
        });
    }

    /// An exchange is over: what only it tracked is let go.
    pub fn end_exchange(&self) {
        let Some(mut counters) = self.0.take() else { return };
        for slot in &mut counters.0 {
            if slot.as_ref().is_some_and(|tracked| !tracked.of_connection) {
                *slot = None;
            }
        }
        if counters.0.iter().any(Option::is_some) {
            self.0.set(Some(counters));
        }
    }

    /// Lets everything go.
    pub fn clear(&self) {
        self.0.take();
    }

    fn set(&self, counter: usize, tracked: Tracked) {
        let mut counters = self.0.take().unwrap_or_default();
        if counters.0.len() <= counter {
            counters.0.resize_with(counter + 1, || None);
        }
        if let Some(slot) = counters.0.get_mut(counter) {
            *slot = Some(tracked);
        }
        self.0.set(Some(counters));
    }

    fn get<T>(&self, counter: usize, f: impl FnOnce(&Tracked) -> T) -> Option<T> {
        self.with(|slots| slots.get(counter)?.as_ref().map(f))?
    }
}

/// When a rule that tracks runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The connection: the entry is held to its end.
    Connection,
    /// A TCP stream, or a request of which nothing is known.
    Content,
    /// A request, which counts at once.
    Request,
}

/// `track-sc`: from here on the counter tracks the key, unless it tracks one already.
pub fn start(view: &View<'_>, track: &Track, scope: Scope) {
    let trackers = &view.session.trackers;
    if trackers.get(track.counter, |_| ()).is_some() {
        return;
    }
    let Some(table) = view.ctx.shared.tables.of(&track.table) else { return };
    let Some(key) = track.key.eval(view).and_then(|sample| sample.to_key(table.config.spec.key)) else { return };
    let now_ms = view.ctx.now_ms();
    let Some(entry) = table.table.hold(key, now_ms) else { return };
    for kind in [DataKind::ConnCur, DataKind::ConnCnt, DataKind::ConnRate] {
        entry.add(kind, 0, 1, now_ms);
    }
    if scope == Scope::Request {
        entry.add(DataKind::HttpReqCnt, 0, 1, now_ms);
        entry.add(DataKind::HttpReqRate, 0, 1, now_ms);
    }
    trackers.set(track.counter, Tracked { table, entry, of_connection: scope == Scope::Connection });
}

/// `sc-inc-gpc`, `sc-add-gpc`, `sc-set-gpt` and their kin.
pub fn count(view: &View<'_>, count: &Count) {
    let (CountChange::Add(_, number) | CountChange::Tag(_, number)) = &count.change;
    let number = match number {
        Number::Fixed(n) => Some(*n),
        Number::Of(expr) => expr.eval(view).and_then(|sample| sample.to_int()),
    };
    let Some(number) = number.and_then(|n| u64::try_from(n).ok()) else { return };
    let now_ms = view.ctx.now_ms();
    view.session.trackers.get(count.counter, |tracked| match count.change {
        CountChange::Add(index, _) => drop(raise(&tracked.entry, index, number, now_ms)),
        CountChange::Tag(0, _) => drop(tracked.entry.set(DataKind::Gpt0, 0, number, now_ms)),
        CountChange::Tag(index, _) => drop(tracked.entry.set(DataKind::Gpt, index, number, now_ms)),
    });
}

/// The counter of that number and its rate, kept alone or in an array, and the index there.
const fn counter_kinds(number: usize) -> (DataKind, DataKind, usize) {
    match number {
        0 => (DataKind::Gpc0, DataKind::Gpc0Rate, 0),
        1 => (DataKind::Gpc1, DataKind::Gpc1Rate, 0),
        _ => (DataKind::Gpc, DataKind::GpcRate, number),
    }
}

/// Adds to a general purpose counter and to its rate; gives what is kept of the two.
fn raise(entry: &Entry, number: usize, n: u64, now_ms: u64) -> Option<u64> {
    let (count, rate, index) = counter_kinds(number);
    let rate = entry.add(rate, index, n, now_ms);
    entry.add(count, index, n, now_ms).or(rate)
}

/// Answers an expression about an entry.
pub fn entry_number(view: &View<'_>, table: Option<&str>, subject: Subject<'_>, query: EntryQuery) -> Option<i64> {
    let now_ms = view.ctx.now_ms();
    let tables = &view.ctx.shared.tables;
    if let Subject::Counter(counter) = subject {
        let trackers = &view.session.trackers;
        let Some(name) = table else {
            return trackers.get(counter, |tracked| answer(tracked.table, Some(&tracked.entry), 0, query, now_ms))?;
        };
        let table = tables.find(name)?;
        let key = trackers.get(counter, |tracked| converted(tracked.entry.key(), table.config.spec.key))??;
        return answer_for_key(table, key, query, now_ms);
    }
    let table = match table {
        Some(name) => tables.find(name)?,
        None => tables.get(view.owner.config.table)?,
    };
    let wanted = table.config.spec.key;
    let key = match subject {
        Subject::Value(sample) => sample.to_key(wanted)?,
        _ => wanted.of_ip(view.src()?.ip())?,
    };
    answer_for_key(table, key, query, now_ms)
}

fn converted(key: &Key, wanted: KeyType) -> Option<Key> {
    match key {
        Key::Ip(ip) => wanted.of_ip((*ip).into()),
        Key::Ipv6(ip) => wanted.of_ip((*ip).into()),
        Key::Integer(n) => wanted.of_int(i64::from(*n)),
        Key::Bytes(bytes) => wanted.of_bytes(bytes),
    }
}

fn answer_for_key(table: &'static StickTable, key: Key, query: EntryQuery, now_ms: u64) -> Option<i64> {
    let makes = matches!(query, EntryQuery::Increment(_) | EntryQuery::Clear(_) | EntryQuery::CountConnection);
    let held = if makes { table.table.hold(key, now_ms) } else { table.table.peek(&key, now_ms) };
    answer(table, held.as_deref(), 1, query, now_ms)
}

/// What an entry, of which this function's caller holds `own` references that do not count, says to a query.
fn answer(table: &StickTable, entry: Option<&Entry>, own: u32, query: EntryQuery, now_ms: u64) -> Option<i64> {
    // What is not there yet counts zero, if it would be counted.
    let value = |kind, index| match entry {
        Some(entry) => entry.value(kind, index, now_ms),
        None => table.config.spec.stores(kind).then_some(0),
    };
    let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    match query {
        EntryQuery::Value(kind, index) => value(kind, index).map(signed),
        EntryQuery::Kilo(kind) => value(kind, 0).map(|n| signed(n / 1_024)),
        EntryQuery::Increment(index) => raise(entry?, index, 1, now_ms).map(signed),
        EntryQuery::Clear(number) => {
            let (count, _, index) = counter_kinds(number);
            entry?.set(count, index, 0, now_ms).map(signed)
        }
        EntryQuery::CountConnection => {
            let entry = entry?;
            entry.add(DataKind::ConnRate, 0, 1, now_ms);
            entry.add(DataKind::ConnCnt, 0, 1, now_ms).map(signed)
        }
        EntryQuery::Exists => Some(i64::from(entry.is_some())),
        EntryQuery::Holders => Some(entry.map_or(0, |entry| i64::from(entry.uses().saturating_sub(own)))),
        EntryQuery::Idle(default) => entry.map(|entry| signed(entry.idle_ms(now_ms))).or(default),
        EntryQuery::Expire(default) => entry.map(|entry| signed(entry.expires_in_ms(now_ms))).or(default),
    }
}

/// Answers an expression about a table.
pub fn table_number(view: &View<'_>, table: Option<&str>, what: TableNumber) -> Option<i64> {
    let tables = &view.ctx.shared.tables;
    let table = match table {
        Some(name) => tables.find(name)?,
        None => tables.get(view.owner.config.table)?,
    };
    let used = table.table.used();
    let number = match what {
        TableNumber::Used => used,
        TableNumber::Available => table.config.spec.size.saturating_sub(used),
    };
    i64::try_from(number).ok()
}

/// The key that a counter tracks.
pub fn tracked_key(view: &View<'_>, counter: usize) -> Option<Sample<'static>> {
    view.session.trackers.get(counter, |tracked| {
        let binary = matches!(tracked.table.config.spec.key, KeyType::Binary(_));
        match tracked.entry.key() {
            Key::Ip(ip) => Sample::Ip((*ip).into()),
            Key::Ipv6(ip) => Sample::Ip((*ip).into()),
            Key::Integer(n) => Sample::Int(i64::from(*n)),
            Key::Bytes(bytes) if binary => Sample::Bin(bytes.to_vec().into()),
            Key::Bytes(bytes) => Sample::owned(bytes.to_vec()),
        }
    })
}
