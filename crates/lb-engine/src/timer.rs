//! Session timeouts: a wheel that is looked at lazily.
//!
//! A session stores its deadline in a cell; activity only changes the cell. The wheel holds at most a few
//! entries per session and looks at each at the latest [`LOOK_AHEAD_MS`] after it was set: a session whose
//! deadline moved is put back, one that expired is woken.

use crate::activity;
use crate::data::session::Session;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

/// Width of a slot: the resolution of timeouts.
const SLOT_MS: u64 = 8;
/// Slots in the wheel.
const SLOTS: u64 = 1_024;
/// How far ahead an entry is placed at the most.
const LOOK_AHEAD_MS: u64 = 4_000;

/// A session and the tick it was placed at.
type Entry = (Weak<Session>, u64);

/// The wheel of one data thread.
#[derive(Debug)]
pub struct TimerWheel {
    slots: RefCell<Vec<Vec<Entry>>>,
    /// The next tick to run.
    next_tick: Cell<u64>,
    armed: Cell<usize>,
}

impl TimerWheel {
    /// An empty wheel at `now_ms`.
    pub fn new(now_ms: u64) -> Self {
        Self {
            slots: RefCell::new((0..SLOTS).map(|_| Vec::new()).collect()),
            next_tick: Cell::new(now_ms / SLOT_MS),
            armed: Cell::new(0),
        }
    }

    /// Makes sure the session is looked at by its deadline.
    pub fn arm(&self, session: &Rc<Session>, now_ms: u64) {
        let deadline = session.deadline_ms.get();
        if deadline == u64::MAX {
            return;
        }
        if self.armed.get() == 0 {
            // Nothing was due while the wheel stood still.
            self.next_tick.set(self.next_tick.get().max(now_ms / SLOT_MS));
        }
        let at = deadline.min(now_ms + LOOK_AHEAD_MS);
        let tick = at.div_ceil(SLOT_MS).max(self.next_tick.get());
        let armed = session.armed_tick.get();
        if armed <= tick {
            return;
        }
        session.armed_tick.set(tick);
        self.armed.set(self.armed.get() + 1);
        if let Some(slot) = self.slots.borrow_mut().get_mut((tick % SLOTS) as usize) {
            slot.push((Rc::downgrade(session), tick));
        }
    }

    /// Whether any entry is in the wheel.
    pub fn is_idle(&self) -> bool {
        self.armed.get() == 0
    }

    /// Milliseconds between two turns.
    pub const fn period_ms() -> u64 {
        SLOT_MS
    }

    /// Runs every slot that is due at `now_ms`: wakes expired sessions, puts the others back.
    pub fn turn(&self, now_ms: u64) {
        let due = now_ms / SLOT_MS;
        while self.next_tick.get() <= due {
            let tick = self.next_tick.get();
            self.next_tick.set(tick + 1);
            let entries = match self.slots.borrow_mut().get_mut((tick % SLOTS) as usize) {
                Some(slot) => std::mem::take(slot),
                None => continue,
            };
            self.armed.set(self.armed.get() - entries.len());
            for (session, entry_tick) in entries {
                let Some(session) = session.upgrade() else { continue };
                if session.armed_tick.get() != entry_tick {
                    continue; // A nearer entry took over.
                }
                session.armed_tick.set(u64::MAX);
                if session.deadline_ms.get() <= now_ms {
                    activity::count(|own| &own.expired);
                    session.wake();
                } else {
                    self.arm(&session, now_ms);
                }
            }
        }
    }
}
