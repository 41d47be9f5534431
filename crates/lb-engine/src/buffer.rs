//! Pooled I/O buffers. An idle connection owns none.

use crate::activity;
use std::cell::RefCell;

/// A buffer with a window of unread bytes. Some room is kept free before it, so that a head can grow in place
/// (`tune.maxrewrite`).
#[derive(Debug)]
pub struct Buffer {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
    headroom: usize,
}

impl Buffer {
    fn new(size: usize, headroom: usize) -> Self {
        activity::count(|own| &own.buffers_made);
        Self { bytes: vec![0; size].into_boxed_slice(), start: headroom, end: headroom, headroom }
    }

    /// A buffer without any room, to leave in the place of another.
    pub fn empty() -> Self {
        Self { bytes: Box::default(), start: 0, end: 0, headroom: 0 }
    }

    /// The unread bytes.
    pub fn data(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// The unread bytes, writable.
    pub fn data_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.start..self.end).unwrap_or_default()
    }

    /// How many bytes are unread.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether nothing is unread.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Drops `n` unread bytes from the front.
    pub fn consume(&mut self, n: usize) {
        self.start = (self.start + n).min(self.end);
        if self.start == self.end {
            self.clear();
        }
    }

    /// Forgets all bytes.
    pub fn clear(&mut self) {
        self.start = self.headroom;
        self.end = self.headroom;
    }

    /// Free room after the unread bytes.
    pub fn spare(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    /// Counts `n` bytes written to [`Buffer::spare`] as unread.
    pub fn filled(&mut self, n: usize) {
        self.end = (self.end + n).min(self.bytes.len());
    }

    /// Moves the unread bytes to the front, so that the free room is behind them.
    pub fn compact(&mut self) {
        if self.start > self.headroom {
            self.bytes.copy_within(self.start..self.end, self.headroom);
            self.end -= self.start - self.headroom;
            self.start = self.headroom;
        }
    }

    /// Whether no byte can be added, even after [`Buffer::compact`].
    pub fn is_full(&self) -> bool {
        self.len() >= self.bytes.len() - self.headroom
    }

    /// Replaces the first `old_len` unread bytes, in place and without moving what follows when it can be done.
    /// `false`: there is no room; nothing was changed.
    pub fn replace_front(&mut self, old_len: usize, new: &[u8]) -> bool {
        let after = self.start + old_len.min(self.len());
        if new.len() > after {
            let shift = new.len() - after;
            if self.end + shift > self.bytes.len() {
                return false;
            }
            self.bytes.copy_within(after..self.end, after + shift);
            self.end += shift;
            return self.place(after + shift, new);
        }
        self.place(after, new)
    }

    /// Writes `new` so that it ends at `after`, where it fits.
    fn place(&mut self, after: usize, new: &[u8]) -> bool {
        let start = after - new.len();
        let Some(room) = self.bytes.get_mut(start..after) else { return false };
        room.copy_from_slice(new);
        self.start = start;
        true
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if !self.bytes.is_empty() {
            activity::count(|own| &own.buffers_freed);
        }
    }
}

/// Buffers of one thread.
#[derive(Debug)]
pub struct BufferPool {
    free: RefCell<Vec<Buffer>>,
    size: usize,
    headroom: usize,
}

/// Buffers kept for reuse by a thread: 4 MiB at the default size.
const KEEP: usize = 256;

impl BufferPool {
    /// A pool of buffers of `size` bytes, of which `headroom` are kept for heads that grow.
    pub fn new(size: usize, headroom: usize) -> Self {
        Self { free: RefCell::new(Vec::new()), size, headroom: headroom.min(size / 2) }
    }

    /// Takes an empty buffer.
    pub fn take(&self) -> Buffer {
        let mut free = self.free.borrow_mut();
        match free.pop() {
            Some(buffer) => {
                kept(free.len());
                buffer
            }
            None => Buffer::new(self.size, self.headroom),
        }
    }

    /// Gives a buffer back.
    pub fn give(&self, mut buffer: Buffer) {
        let mut free = self.free.borrow_mut();
        if free.len() < KEEP && !buffer.bytes.is_empty() {
            buffer.clear();
            free.push(buffer);
            kept(free.len());
        }
    }
}

/// Tells how many buffers wait for use.
fn kept(number: usize) {
    if let Some(own) = activity::own() {
        own.buffers_kept.set(number as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffer(text: &[u8]) -> Buffer {
        let mut buffer = Buffer::new(32, 4);
        buffer.spare()[..text.len()].copy_from_slice(text);
        buffer.filled(text.len());
        buffer
    }

    #[test]
    fn replacing_the_front() {
        for (new, expected) in [
            (&b"x"[..], Some(&b"xBODY"[..])),
            (b"head", Some(b"headBODY")),
            (b"headroom", Some(b"headroomBODY")),
            (b"longer than the headroom", Some(b"longer than the headroomBODY")),
            (b"much longer than the whole buffer", None),
        ] {
            let mut b = buffer(b"headBODY");
            assert_eq!(b.replace_front(4, new), expected.is_some());
            assert_eq!(b.data(), expected.unwrap_or(b"headBODY"));
        }
    }
}
