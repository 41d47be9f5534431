//! A list that grows while others read it: places are never moved, readers take no lock, and what was taken out leaves its
//! place to a successor.
//!
//! An index names a place for as long as the process lives. What is not *linked* is not in the list: it is found by its
//! index alone, so that whoever still holds one finds something harmless. Writing is for one thread, the control
//! thread, and so is the decision when a place may be used again.

use crate::shared::lock;
use crossbeam_utils::atomic::AtomicCell;
use std::ops::{Deref, Index};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::sync::{Mutex, OnceLock};

/// End of the list.
const NONE: u32 = u32::MAX;

/// Blocks of places added after the start; each is twice the size of the one before.
const BLOCKS: usize = 24;

/// Places in the first block added.
const FIRST_BLOCK: usize = 8;

/// A list of `T` in stable places.
#[derive(Debug)]
pub struct Slots<T> {
    /// Those of the start, side by side.
    initial: Box<[Slot<T>]>,
    /// Those added since.
    added: OnceLock<Box<[Block<T>]>>,
    /// The first in the list; [`NONE`]: it is empty.
    head: AtomicU32,
    /// Places in use or used before.
    len: AtomicU32,
    /// Held by those who write.
    tail: Mutex<Tail>,
}

#[derive(Debug)]
struct Tail {
    /// The last in the list.
    index: u32,
    /// Links made so far.
    serial: u64,
}

type Block<T> = OnceLock<Box<[OnceLock<Slot<T>>]>>;

#[derive(Debug)]
struct Slot<T> {
    value: T,
    next: AtomicU32,
    /// The how-manieth link this was; what comes later in the list has a larger one. 0: not linked.
    serial: AtomicU64,
}

/// How far somebody has come in a list that changes meanwhile.
#[derive(Debug, Default, Clone, Copy)]
pub struct Cursor {
    index: u32,
    serial: u64,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self::from_iter(std::iter::empty())
    }
}

impl<T> FromIterator<T> for Slots<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let initial: Box<[Slot<T>]> = values
            .into_iter()
            .zip(1_u32..)
            .map(|(value, next)| Slot { value, next: AtomicU32::new(next), serial: AtomicU64::new(next.into()) })
            .collect();
        let len = initial.len() as u32;
        if let Some(last) = initial.last() {
            last.next.store(NONE, Relaxed);
        }
        Self {
            initial,
            added: OnceLock::new(),
            head: AtomicU32::new(if len == 0 { NONE } else { 0 }),
            len: AtomicU32::new(len),
            tail: Mutex::new(Tail { index: len.checked_sub(1).unwrap_or(NONE), serial: len.into() }),
        }
    }
}

impl<T> Slots<T> {
    /// What is in a place, be it linked or not.
    pub fn get(&self, index: usize) -> Option<&T> {
        self.slot(index).map(|slot| &slot.value)
    }

    /// What is in a place, if it is linked.
    pub fn get_live(&self, index: usize) -> Option<&T> {
        self.slot(index).filter(|slot| slot.serial.load(Acquire) > 0).map(|slot| &slot.value)
    }

    /// How many places were ever in use: indices are below.
    pub fn len(&self) -> usize {
        self.len.load(Acquire) as usize
    }

    /// Whether nothing is in the list.
    pub fn is_empty(&self) -> bool {
        self.head.load(Acquire) == NONE
    }

    /// What is in the list, in order: as at the start, then as added.
    pub fn live(&self) -> impl Iterator<Item = &T> {
        let mut at = self.head.load(Acquire);
        // A reader that is overtaken by changes must not follow them for ever.
        let mut left = self.len();
        std::iter::from_fn(move || {
            if at == NONE || left == 0 {
                return None;
            }
            let slot = self.slot(at as usize)?;
            left -= 1;
            at = slot.next.load(Acquire);
            Some(&slot.value)
        })
    }

    /// The next in the list. Nothing that stays in it is left out or met twice, whatever comes and goes meanwhile.
    pub fn next(&self, cursor: &mut Cursor) -> Option<&T> {
        let here =
            self.slot(cursor.index as usize).filter(|s| cursor.serial > 0 && s.serial.load(Relaxed) == cursor.serial);
        let mut at = match here {
            Some(slot) => slot.next.load(Acquire),
            None => self.head.load(Acquire),
        };
        loop {
            let slot = self.slot(at as usize).filter(|_| at != NONE)?;
            let serial = slot.serial.load(Relaxed);
            if serial > cursor.serial {
                *cursor = Cursor { index: at, serial };
                return Some(&slot.value);
            }
            at = slot.next.load(Acquire);
        }
    }

    /// Puts a value into a new place, not yet linked; its index. `None`: there is no room left.
    pub fn push(&self, value: impl FnOnce(usize) -> T) -> Option<usize> {
        let _writing = lock(&self.tail);
        let index = self.len();
        let (block, offset) = place(index.checked_sub(self.initial.len())?);
        let blocks = self.added.get_or_init(|| (0..BLOCKS).map(|_| OnceLock::new()).collect());
        let size = FIRST_BLOCK << block;
        let slots = blocks.get(block)?.get_or_init(|| (0..size).map(|_| OnceLock::new()).collect());
        let slot = Slot { value: value(index), next: AtomicU32::new(NONE), serial: AtomicU64::new(0) };
        slots.get(offset)?.set(slot).ok()?;
        self.len.store(index as u32 + 1, Release);
        Some(index)
    }

    /// Appends a place to the list. It must not be in it.
    pub fn link(&self, index: usize) {
        let mut tail = lock(&self.tail);
        let Some(slot) = self.slot(index) else { return };
        tail.serial += 1;
        slot.serial.store(tail.serial, Relaxed);
        slot.next.store(NONE, Relaxed);
        let before = self.slot(tail.index as usize).map_or(&self.head, |last| &last.next);
        before.store(index as u32, Release);
        tail.index = index as u32;
    }

    /// Takes a place out of the list. Says whether it was in it. A reader that stands there goes on to the next.
    pub fn unlink(&self, index: usize) -> bool {
        let mut tail = lock(&self.tail);
        let mut before = NONE;
        let mut at = self.head.load(Relaxed);
        while at != NONE && at as usize != index {
            before = at;
            at = self.follower(at);
        }
        if at == NONE {
            return false;
        }
        let after = self.follower(at);
        self.slot(before as usize).map_or(&self.head, |slot| &slot.next).store(after, Release);
        if let Some(slot) = self.slot(index) {
            slot.serial.store(0, Relaxed);
        }
        if after == NONE {
            tail.index = before;
        }
        true
    }

    fn follower(&self, at: u32) -> u32 {
        self.slot(at as usize).map_or(NONE, |slot| slot.next.load(Relaxed))
    }

    fn slot(&self, index: usize) -> Option<&Slot<T>> {
        match self.initial.get(index) {
            Some(slot) => Some(slot),
            None => self.added_slot(index),
        }
    }

    #[cold]
    fn added_slot(&self, index: usize) -> Option<&Slot<T>> {
        let (block, offset) = place(index - self.initial.len());
        self.added.get()?.get(block)?.get()?.get(offset)?.get()
    }
}

impl<T: Default> Slots<T> {
    /// What is in a place, made and linked first if need be with all before it. For the one thread that writes.
    pub fn get_or_default(&self, index: usize) -> Option<&T> {
        while self.len() <= index {
            let made = self.push(|_| T::default())?;
            self.link(made);
        }
        self.get(index)
    }
}

impl<T> Index<usize> for Slots<T> {
    type Output = T;

    fn index(&self, index: usize) -> &T {
        match self.get(index) {
            Some(value) => value,
            #[expect(clippy::panic, reason = "as slices do; callers index with what they were given")]
            None => panic!("no place {index}"),
        }
    }
}

/// Block and offset of a place added after the start.
fn place(nth: usize) -> (usize, usize) {
    let from_one = nth / FIRST_BLOCK + 1;
    let block = from_one.ilog2() as usize;
    (block, nth - FIRST_BLOCK * ((1 << block) - 1))
}

/// A reference that one thread may exchange while others read through it, as cheap as a plain one.
pub struct Swap<T: 'static>(AtomicCell<&'static T>);

impl<T> Swap<T> {
    /// Refers to `target`.
    pub const fn new(target: &'static T) -> Self {
        Self(AtomicCell::new(target))
    }

    /// What it refers to.
    pub fn get(&self) -> &'static T {
        self.0.load()
    }

    /// Refers to `target` from here on.
    pub fn set(&self, target: &'static T) {
        self.0.store(target);
    }
}

impl<T> Deref for Swap<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.load()
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Swap<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.get().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(slots: &Slots<usize>) -> Vec<usize> {
        slots.live().copied().collect()
    }

    #[test]
    fn places_of_added_blocks() {
        let places: Vec<_> = [0, 7, 8, 23, 24, 55, 56].map(place).into();
        assert_eq!(places, [(0, 0), (0, 7), (1, 0), (1, 15), (2, 0), (2, 31), (3, 0)]);
    }

    #[test]
    fn grows_without_moving() {
        let slots: Slots<usize> = (0..3).collect();
        let first: *const usize = &slots[0];
        for expected in 3..200 {
            assert_eq!(slots.push(|index| index), Some(expected));
            slots.link(expected);
        }
        assert_eq!(list(&slots), (0..200).collect::<Vec<_>>());
        assert_eq!((slots.len(), std::ptr::eq(first, &slots[0])), (200, true));
        assert_eq!(slots.get(200), None);
    }

    #[test]
    fn what_comes_back_is_last() {
        let slots: Slots<usize> = (0..4).collect();
        assert!(slots.unlink(0) && slots.unlink(2) && !slots.unlink(2));
        assert_eq!(list(&slots), [1, 3]);
        slots.link(0);
        assert!(slots.unlink(3));
        slots.link(2);
        assert_eq!(list(&slots), [1, 0, 2]);
        assert!(slots.unlink(2) && slots.unlink(1) && slots.unlink(0));
        assert!(slots.is_empty() && slots.get(3).is_some());
        slots.link(3);
        assert_eq!(list(&slots), [3]);
    }

    #[test]
    fn an_empty_list_takes_its_first() {
        let slots = Slots::default();
        assert!(slots.is_empty());
        assert_eq!(slots.get_or_default(2), Some(&0));
        assert_eq!(list(&slots), [0, 0, 0]);
    }

    #[test]
    fn a_walk_survives_changes() {
        let slots: Slots<usize> = (0..5).collect();
        let mut cursor = Cursor::default();
        let mut next = || slots.next(&mut cursor).copied();
        assert_eq!((next(), next()), (Some(0), Some(1)));
        // Where it stands goes and comes back at the end; what follows goes.
        assert!(slots.unlink(1) && slots.unlink(2));
        slots.link(1);
        assert_eq!([next(), next(), next(), next()], [Some(3), Some(4), Some(1), None]);
        slots.link(2);
        assert_eq!((next(), next()), (Some(2), None));
    }

    #[test]
    fn readers_of_a_changing_list_end() {
        let slots: Slots<usize> = (0..8).collect();
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !stop.load(Relaxed) {
                        assert!(slots.live().count() <= slots.len());
                    }
                });
            }
            for round in 0..20_000 {
                assert!(slots.unlink(round % 8));
                slots.link(round % 8);
            }
            stop.store(true, Relaxed);
        });
        assert_eq!(list(&slots), (0..8).collect::<Vec<_>>());
    }

    #[test]
    fn a_reference_is_exchanged() {
        let swap = Swap::new(&1);
        assert_eq!(*swap, 1);
        swap.set(&2);
        assert_eq!((*swap, swap.get()), (2, &2));
    }
}
