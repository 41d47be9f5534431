//! An entry: a key and its numbers.

use crate::{DataKind, Key, Rate, Shape, Stored, TableSpec};
use std::fmt::Write;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A type of data's values.
#[derive(Debug, Clone)]
enum Datum {
    Number(u64),
    Rate(Rate),
    Numbers(Box<[u32]>),
    Rates(Box<[Rate]>),
    Name(Option<Arc<str>>),
}

/// An entry. Its numbers are read and written through a shared reference; each call is one step.
#[derive(Debug)]
pub struct Entry {
    key: Key,
    pub(crate) touched_ms: AtomicU64,
    pub(crate) uses: AtomicU32,
    spec: Arc<TableSpec>,
    data: Mutex<Box<[Datum]>>,
}

impl Entry {
    pub(crate) fn new(key: Key, spec: &Arc<TableSpec>, now_ms: u64) -> Self {
        let data = spec.data.iter().map(|stored| match stored.kind.shape() {
            Shape::Count | Shape::Total => Datum::Number(0),
            Shape::Rate => Datum::Rate(Rate::default()),
            Shape::Counts => Datum::Numbers(vec![0; stored.elements].into()),
            Shape::Rates => Datum::Rates(vec![Rate::default(); stored.elements].into()),
            Shape::Name => Datum::Name(None),
        });
        Self {
            key,
            touched_ms: AtomicU64::new(now_ms),
            uses: AtomicU32::new(0),
            data: Mutex::new(data.collect()),
            spec: Arc::clone(spec),
        }
    }

    /// The key.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// How many hold the entry.
    pub fn uses(&self) -> u32 {
        self.uses.load(Relaxed)
    }

    /// Lets the entry live for another while.
    pub fn touch(&self, now_ms: u64) {
        self.touched_ms.fetch_max(now_ms, Relaxed);
    }

    /// Milliseconds since it was last touched.
    pub fn idle_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.touched_ms.load(Relaxed))
    }

    /// Milliseconds it still lives, 0 in a table whose entries do not expire.
    pub fn expires_in_ms(&self, now_ms: u64) -> u64 {
        self.spec.expire_ms.map_or(0, |expire| expire.saturating_sub(self.idle_ms(now_ms)))
    }

    pub(crate) fn is_expired(&self, now_ms: u64) -> bool {
        self.uses() == 0 && self.spec.expire_ms.is_some_and(|expire| self.idle_ms(now_ms) >= expire)
    }

    fn data(&self) -> MutexGuard<'_, Box<[Datum]>> {
        // A panic elsewhere leaves numbers that are as good as any.
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads a number; a rate as of `now_ms`. `None`: it is not kept, or the index is beyond the array.
    pub fn value(&self, kind: DataKind, index: usize, now_ms: u64) -> Option<u64> {
        let (at, index) = self.spec.find(kind, index)?;
        let period_ms = self.spec.data.get(at)?.period_ms;
        Some(match self.data().get(at)? {
            Datum::Number(n) => *n,
            Datum::Rate(rate) => rate.read(period_ms, now_ms),
            Datum::Numbers(numbers) => u64::from(*numbers.get(index)?),
            Datum::Rates(rates) => rates.get(index)?.read(period_ms, now_ms),
            Datum::Name(_) => 0,
        })
    }

    /// Writes a number; a rate reads as that at `now_ms`. Returns the former one.
    pub fn set(&self, kind: DataKind, index: usize, value: u64, now_ms: u64) -> Option<u64> {
        self.change(kind, index, now_ms, |_| value).map(|(former, _)| former)
    }

    /// Adds to a number, or counts events of a rate. Returns the sum.
    pub fn add(&self, kind: DataKind, index: usize, n: u64, now_ms: u64) -> Option<u64> {
        self.change(kind, index, now_ms, |former| former.wrapping_add(n)).map(|(_, sum)| sum)
    }

    /// Subtracts from a number, down to zero.
    pub fn subtract(&self, kind: DataKind, n: u64, now_ms: u64) {
        self.change(kind, 0, now_ms, |former| former.saturating_sub(n));
    }

    /// Changes a number in one step. A rate that grows counts the difference as events; otherwise it starts again.
    fn change(&self, kind: DataKind, index: usize, now_ms: u64, f: impl FnOnce(u64) -> u64) -> Option<(u64, u64)> {
        let (at, index) = self.spec.find(kind, index)?;
        let Stored { period_ms, kind, .. } = *self.spec.data.get(at)?;
        let step = |rate: &mut Rate, f: &mut dyn FnMut(u64) -> u64| {
            let former = rate.read(period_ms, now_ms);
            let value = f(former);
            match value.checked_sub(former) {
                Some(more) => rate.add(more, period_ms, now_ms),
                None => *rate = Rate::of(value, now_ms),
            }
            (former, value)
        };
        let mut f = Some(f);
        let mut once = |former| f.take().map_or(former, |f| f(former));
        let mut data = self.data();
        Some(match data.get_mut(at)? {
            Datum::Number(n) => {
                let former = *n;
                *n = once(former);
                if kind.shape() == Shape::Count {
                    // These are numbers of 32 bits, and wrap as such.
                    *n = u64::from(*n as u32);
                }
                (former, *n)
            }
            Datum::Numbers(numbers) => {
                let n = numbers.get_mut(index)?;
                let former = u64::from(*n);
                *n = once(former) as u32;
                (former, u64::from(*n))
            }
            Datum::Rate(rate) => step(rate, &mut once),
            Datum::Rates(rates) => step(rates.get_mut(index)?, &mut once),
            Datum::Name(_) => (0, 0),
        })
    }

    /// The server's name or address, when one is kept.
    pub fn name(&self) -> Option<Arc<str>> {
        let (at, _) = self.spec.find(DataKind::ServerKey, 0)?;
        match self.data().get(at)? {
            Datum::Name(name) => name.clone(),
            _ => None,
        }
    }

    /// Keeps a server's name or address.
    pub fn set_name(&self, name: Option<Arc<str>>) {
        let Some((at, _)) = self.spec.find(DataKind::ServerKey, 0) else { return };
        if let Some(datum) = self.data().get_mut(at) {
            *datum = Datum::Name(name);
        }
    }

    /// Appends every number as `show table` prints them: ` gpc0=5 http_req_rate(10000)=0`.
    pub fn print(&self, now_ms: u64, out: &mut String) {
        for (stored, datum) in self.spec.data.iter().zip(self.data().iter()) {
            let name = stored.kind.name();
            let period_ms = stored.period_ms;
            // Writing to a string cannot fail.
            let _ = match datum {
                Datum::Number(n) => write!(out, " {name}={n}"),
                Datum::Rate(rate) => write!(out, " {name}({period_ms})={}", rate.read(period_ms, now_ms)),
                Datum::Name(server) => write!(out, " {name}={}", server.as_deref().unwrap_or("-")),
                Datum::Numbers(numbers) => {
                    numbers.iter().enumerate().try_for_each(|(i, n)| write!(out, " {name}{i}={n}"))
                }
                Datum::Rates(rates) => {
                    let stem = name.trim_end_matches("_rate");
                    rates.iter().enumerate().try_for_each(|(i, rate)| {
                        write!(out, " {stem}{i}_rate({period_ms})={}", rate.read(period_ms, now_ms))
                    })
                }
            };
        }
    }
}
