//! A table: entries by key, shared by threads.
//!
//! Each shard keeps, beside its entries, the order in which they are to be looked at again: by the time each was last
//! touched *when it was put there*. Touching an entry changes the entry alone; whoever looks for the oldest puts a
//! touched one back where it belongs. So neither a request nor the expiry ever walks the table.

use crate::{Entry, Key, TableSpec};
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Entries of a table for each of its shards, when it is large enough for several.
const ENTRIES_PER_SHARD: usize = 1_024;
/// Most shards.
const MOST_SHARDS: usize = 256;
/// How many entries are looked at, at most, for one new one.
const STEPS: usize = 64;

/// A stick table.
#[derive(Debug)]
pub struct Table {
    spec: Arc<TableSpec>,
    hasher: RandomState,
    shards: Box<[Mutex<Shard>]>,
    used: AtomicUsize,
}

#[derive(Debug)]
struct Shard {
    entries: HashMap<Key, Queued, RandomState>,
    order: BTreeMap<(u64, u64), Key>,
    /// Tells entries queued in the same millisecond apart.
    serial: u64,
}

#[derive(Debug)]
struct Queued {
    entry: Arc<Entry>,
    at: (u64, u64),
}

/// What became of an entry that was to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It is gone.
    Removed,
    /// Somebody holds it.
    InUse,
    /// There is none.
    Absent,
}

/// An entry that stays in its table for as long as this is held.
#[derive(Debug)]
pub struct Held(Arc<Entry>);

impl Deref for Held {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        &self.0
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.uses.fetch_sub(1, Relaxed);
    }
}

impl Table {
    /// An empty table.
    pub fn new(spec: TableSpec, hasher: RandomState) -> Self {
        let shards = match spec.size / ENTRIES_PER_SHARD {
            0 | 1 => 1,
            n => n.next_power_of_two().min(MOST_SHARDS),
        };
        let shard =
            || Mutex::new(Shard { entries: HashMap::with_hasher(hasher.clone()), order: BTreeMap::new(), serial: 0 });
        let shards = (0..shards).map(|_| shard()).collect();
        Self { spec: Arc::new(spec), hasher, shards, used: AtomicUsize::new(0) }
    }

    /// What it was asked to be.
    pub fn spec(&self) -> &TableSpec {
        &self.spec
    }

    /// Entries at the moment.
    pub fn used(&self) -> usize {
        self.used.load(Relaxed)
    }

    fn shard_of(&self, key: &Key) -> usize {
        // The low bits choose within the shard's map, the high ones the shard.
        (self.hasher.hash_one(key) >> 32) as usize % self.shards.len()
    }

    fn lock(&self, index: usize) -> Option<MutexGuard<'_, Shard>> {
        let shard = self.shards.get(index)?;
        // A panic elsewhere leaves entries that are as good as any.
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The key's entry if there is one. It does not live longer for being looked up.
    pub fn peek(&self, key: &Key, now_ms: u64) -> Option<Held> {
        let shard = self.lock(self.shard_of(key))?;
        let found = shard.entries.get(key).filter(|queued| !queued.entry.is_expired(now_ms))?;
        Some(hold(&found.entry))
    }

    /// The key's entry, made when there is none, and touched. `None`: the table is full, and nothing may or can be
    /// dropped.
    pub fn hold(&self, key: Key, now_ms: u64) -> Option<Held> {
        let index = self.shard_of(&key);
        let mut shard = self.lock(index)?;
        if let Some(queued) = shard.entries.get(&key) {
            if !queued.entry.is_expired(now_ms) {
                queued.entry.touch(now_ms);
                return Some(hold(&queued.entry));
            }
            self.drop_entry(&mut shard, &key);
        }
        self.drop_expired(&mut shard, now_ms, 2);
        let mut room = self.take_room();
        if !room {
            room = self.make_room(&mut shard, now_ms);
        }
        if !room {
            // None of this shard can go: another one's may. Locks are taken one at a time.
            drop(shard);
            let others = (1..self.shards.len()).map(|n| (index + n) % self.shards.len());
            room = others
                .into_iter()
                .any(|other| self.lock(other).is_some_and(|mut shard| self.make_room(&mut shard, now_ms)));
            shard = self.lock(index)?;
            if let Some(queued) = shard.entries.get(&key) {
                // Somebody else made it meanwhile.
                if room {
                    self.used.fetch_sub(1, Relaxed);
                }
                return Some(hold(&queued.entry));
            }
        }
        if !room {
            return None;
        }
        let entry = Arc::new(Entry::new(key.clone(), &self.spec, now_ms));
        let held = hold(&entry);
        shard.serial += 1;
        let at = (now_ms, shard.serial);
        shard.order.insert(at, key.clone());
        shard.entries.insert(key, Queued { entry, at });
        Some(held)
    }

    /// Removes a key's entry, unless somebody holds it.
    pub fn remove(&self, key: &Key) -> Removal {
        let Some(mut shard) = self.lock(self.shard_of(key)) else { return Removal::Absent };
        match shard.entries.get(key) {
            None => Removal::Absent,
            Some(queued) if queued.entry.uses() > 0 => Removal::InUse,
            Some(_) => {
                self.drop_entry(&mut shard, key);
                Removal::Removed
            }
        }
    }

    /// Drops entries whose time is over, looking at `budget` of each shard at most.
    pub fn expire(&self, now_ms: u64, budget: usize) {
        if self.spec.expire_ms.is_none() || self.used() == 0 {
            return;
        }
        for index in 0..self.shards.len() {
            if let Some(mut shard) = self.lock(index) {
                self.drop_expired(&mut shard, now_ms, budget);
            }
        }
    }

    /// How many parts [`Table::part`] knows.
    pub fn parts(&self) -> usize {
        self.shards.len()
    }

    /// The entries of one part, in the order of their keys.
    pub fn part(&self, index: usize, now_ms: u64) -> Vec<Arc<Entry>> {
        let Some(shard) = self.lock(index) else { return Vec::new() };
        let alive = shard.entries.values().map(|queued| &queued.entry).filter(|entry| !entry.is_expired(now_ms));
        let mut entries: Vec<_> = alive.cloned().collect();
        drop(shard);
        entries.sort_by(|a, b| a.key().cmp(b.key()));
        entries
    }

    /// Counts one more entry if there is room.
    fn take_room(&self) -> bool {
        let size = self.spec.size;
        self.used.fetch_update(Relaxed, Relaxed, |used| (used < size).then_some(used + 1)).is_ok()
    }

    /// Drops the shard's oldest entry and takes its room.
    fn make_room(&self, shard: &mut Shard, now_ms: u64) -> bool {
        self.drop_expired(shard, now_ms, STEPS);
        if self.take_room() {
            return true;
        }
        if self.spec.nopurge {
            return false;
        }
        // Entries that were touched since they were queued are put back; after enough of them the next idle one goes.
        for step in 0..shard.entries.len() {
            let Some((&at, key)) = shard.order.first_key_value() else { return false };
            let key = key.clone();
            let Some(queued) = shard.entries.get(&key) else {
                shard.order.remove(&at);
                continue;
            };
            if queued.entry.uses() > 0 {
                if step >= STEPS {
                    return false;
                }
                shard.requeue(&key, now_ms);
                continue;
            }
            let touched = queued.entry.touched_ms.load(Relaxed);
            if touched > at.0 && step < STEPS {
                shard.requeue(&key, touched);
                continue;
            }
            self.drop_entry(shard, &key);
            return self.take_room();
        }
        false
    }

    fn drop_expired(&self, shard: &mut Shard, now_ms: u64, budget: usize) {
        let Some(expire_ms) = self.spec.expire_ms else { return };
        for _ in 0..budget {
            let Some((&at, key)) = shard.order.first_key_value() else { return };
            if at.0.saturating_add(expire_ms) > now_ms {
                return;
            }
            let key = key.clone();
            let Some(queued) = shard.entries.get(&key) else {
                shard.order.remove(&at);
                continue;
            };
            if queued.entry.is_expired(now_ms) {
                self.drop_entry(shard, &key);
            } else if queued.entry.uses() > 0 {
                // Held entries are not looked at again at once.
                shard.requeue(&key, now_ms);
            } else {
                let touched = queued.entry.touched_ms.load(Relaxed);
                shard.requeue(&key, touched.max(at.0));
            }
        }
    }

    fn drop_entry(&self, shard: &mut Shard, key: &Key) {
        if let Some(queued) = shard.entries.remove(key) {
            shard.order.remove(&queued.at);
            self.used.fetch_sub(1, Relaxed);
        }
    }
}

impl Shard {
    fn requeue(&mut self, key: &Key, time: u64) {
        self.serial += 1;
        let at = (time, self.serial);
        if let Some(queued) = self.entries.get_mut(key) {
            self.order.remove(&queued.at);
            queued.at = at;
            self.order.insert(at, key.clone());
        }
    }
}

/// Holds an entry. The shard's lock is held, so that nobody drops the entry meanwhile.
fn hold(entry: &Arc<Entry>) -> Held {
    entry.uses.fetch_add(1, Relaxed);
    Held(Arc::clone(entry))
}
