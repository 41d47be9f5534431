//! A hash table that is read without locks while one writer changes it.
//!
//! The table is an array of small sorted buckets, each behind an atomic pointer. A reader takes one bucket and searches
//! it; the writer replaces a bucket by a changed copy, so that a change costs the same in a set of ten patterns and in one
//! of ten million. Growing makes another table, which whoever holds this one publishes.

use super::element::Element;
use arc_swap::ArcSwapOption;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Slots a bucket has on average when a table is made.
const BUCKET: usize = 24;

/// A pattern under its hash.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) hash: u64,
    pub(super) element: Arc<Element>,
}

impl Slot {
    fn order(&self) -> (u64, u64) {
        (self.hash, self.element.number())
    }
}

#[derive(Debug)]
pub(super) struct Table {
    /// A power of two; a hash's upper bits choose. Each is sorted by hash and number.
    buckets: Box<[ArcSwapOption<Vec<Slot>>]>,
    bits: u32,
    len: AtomicUsize,
}

impl Default for Table {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Table {
    pub(super) fn new(mut slots: Vec<Slot>) -> Self {
        slots.sort_unstable_by_key(Slot::order);
        let count = slots.len().div_ceil(BUCKET).next_power_of_two();
        let bits = count.trailing_zeros();
        let len = slots.len();
        let mut rest = slots.into_iter().peekable();
        let buckets = (0..count)
            .map(|index| {
                let mut bucket = Vec::new();
                while let Some(slot) = rest.next_if(|slot| place(slot.hash, bits) == index) {
                    bucket.push(slot);
                }
                bucket.shrink_to_fit();
                ArcSwapOption::new((!bucket.is_empty()).then(|| Arc::new(bucket)))
            })
            .collect();
        Self { buckets, bits, len: AtomicUsize::new(len) }
    }

    /// Shows the elements under this hash, those added first before the others, until one is accepted.
    pub(super) fn find<R>(&self, hash: u64, mut accept: impl FnMut(&Arc<Element>) -> Option<R>) -> Option<R> {
        let bucket = self.bucket(hash)?.load();
        let slots = bucket.as_deref()?;
        let start = slots.partition_point(|slot| slot.hash < hash);
        slots.get(start..)?.iter().take_while(|slot| slot.hash == hash).find_map(|slot| accept(&slot.element))
    }

    /// Adds an element, or puts it in the place of the one that has its number. Only the writer may call this.
    pub(super) fn put(&self, slot: Slot) {
        let Some(bucket) = self.bucket(slot.hash) else { return };
        let held = bucket.load_full();
        let slots = held.as_deref().map_or(&[][..], Vec::as_slice);
        let at = slots.partition_point(|other| other.order() < slot.order());
        let (before, mut after) = slots.split_at(at);
        match after.split_first() {
            Some((same, rest)) if same.order() == slot.order() => after = rest,
            _ => {
                self.len.fetch_add(1, Relaxed);
            }
        }
        let mut changed = Vec::with_capacity(before.len() + after.len() + 1);
        changed.extend_from_slice(before);
        changed.push(slot);
        changed.extend_from_slice(after);
        bucket.store(Some(Arc::new(changed)));
    }

    /// Takes an element away. Only the writer may call this.
    pub(super) fn remove(&self, hash: u64, number: u64) {
        let Some(bucket) = self.bucket(hash) else { return };
        let held = bucket.load_full();
        let Some(slots) = held.as_deref() else { return };
        let left: Vec<Slot> = slots.iter().filter(|slot| slot.order() != (hash, number)).cloned().collect();
        self.len.fetch_sub(slots.len() - left.len(), Relaxed);
        bucket.store((!left.is_empty()).then(|| Arc::new(left)));
    }

    /// Whether the buckets have become long.
    pub(super) fn is_crowded(&self) -> bool {
        self.len.load(Relaxed) > self.buckets.len() * BUCKET * 2
    }

    /// The same elements in more buckets.
    pub(super) fn grown(&self) -> Self {
        let mut slots = Vec::with_capacity(self.len.load(Relaxed));
        for bucket in &self.buckets {
            slots.extend(bucket.load().iter().flat_map(|bucket| bucket.iter().cloned()));
        }
        Self::new(slots)
    }

    fn bucket(&self, hash: u64) -> Option<&ArcSwapOption<Vec<Slot>>> {
        self.buckets.get(place(hash, self.bits))
    }
}

/// The upper bits of a hash.
fn place(hash: u64, bits: u32) -> usize {
    // Two shifts, as one by all 64 bits is none.
    ((hash >> 1) >> (63 - bits)) as usize
}

/// A hash that is made byte by byte, so that all beginnings of a text are hashed in one pass.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hasher(u64);

impl Hasher {
    pub(super) fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    pub(super) fn add(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }

    pub(super) fn finish(self) -> u64 {
        scatter(self.0)
    }
}

/// The hash of a text, whatever its case if so wished.
pub(super) fn hash_text(text: &[u8], ignore_case: bool) -> u64 {
    let mut hasher = Hasher::new();
    for byte in text {
        hasher.add(if ignore_case { byte.to_ascii_lowercase() } else { *byte });
    }
    hasher.finish()
}

/// Spreads a number over all bits. Different numbers stay different.
pub(super) fn scatter(mut n: u64) -> u64 {
    n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(number: u64, key: &str) -> Slot {
        Slot { hash: hash_text(key.as_bytes(), false), element: Element::new(number, 0, key.as_bytes(), b"") }
    }

    fn find(table: &Table, key: &str) -> Option<u64> {
        let wanted = |e: &Arc<Element>| (e.key() == key.as_bytes()).then(|| e.number());
        table.find(hash_text(key.as_bytes(), false), wanted)
    }

    #[test]
    fn what_is_put_is_found_until_it_is_removed() {
        let mut table = Table::default();
        for number in 0..2_000 {
            table.put(slot(number, &format!("key{number}")));
            if table.is_crowded() {
                table = table.grown();
            }
        }
        assert!(table.buckets.len() > 16);
        for number in 0..2_000 {
            assert_eq!(find(&table, &format!("key{number}")), Some(number));
        }
        let gone = slot(77, "key77");
        table.remove(gone.hash, 77);
        assert_eq!(find(&table, "key77"), None);
        assert_eq!(find(&table, "key78"), Some(78));
    }

    #[test]
    fn the_first_of_equal_keys_is_found() {
        let table = Table::new(vec![slot(9, "a"), slot(3, "a"), slot(5, "a")]);
        assert_eq!(find(&table, "a"), Some(3));
        table.remove(slot(3, "a").hash, 3);
        assert_eq!(find(&table, "a"), Some(5));
    }
}
