//! What a former process counted, beside what this one counts. It is added where counters are shown: data threads, means
//! and what belongs to this process alone know nothing of it.

use lb_stats::{StatField, Value};
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// An object's former counters: none for most.
#[derive(Debug, Default)]
pub struct Kept(OnceLock<Box<[(StatField, AtomicU64)]>>);

impl Kept {
    /// Takes over what was counted. Once, at start.
    pub fn set(&self, values: &[(StatField, u64)]) {
        let mut values: Vec<_> = values.iter().map(|(field, n)| (*field, AtomicU64::new(*n))).collect();
        values.sort_by_key(|(field, _)| *field);
        // A second time there is none: identifiers belong to one object.
        let _ = self.0.set(values.into_boxed_slice());
    }

    /// Forgets it.
    pub fn clear(&self) {
        for (_, n) in self.0.get().into_iter().flatten() {
            n.store(0, Relaxed);
        }
    }

    /// What was counted now, with what was counted before. Most objects keep nothing: their value is written where
    /// it is wanted, not moved through here.
    #[inline]
    pub fn onto<'a>(&self, field: StatField, count: impl FnOnce(StatField) -> Value<'a>) -> Value<'a> {
        match self.0.get() {
            None => count(field),
            Some(kept) => added(kept, field, count(field)),
        }
    }
}

fn added<'a>(kept: &[(StatField, AtomicU64)], field: StatField, value: Value<'a>) -> Value<'a> {
    let at = kept.binary_search_by_key(&field, |(field, _)| *field);
    match (at.ok().and_then(|at| kept.get(at)), value) {
        (Some((_, n)), Value::U64(value)) => Value::U64(value.wrapping_add(n.load(Relaxed))),
        (_, value) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_counters_that_are_there_grow() {
        let kept = Kept::default();
        assert_eq!(kept.onto(StatField::Stot, |_| Value::U64(3)), Value::U64(3));
        kept.set(&[(StatField::Stot, 5), (StatField::Bin, 7), (StatField::Hrsp1xx, 1)]);
        assert_eq!(kept.onto(StatField::Stot, |_| Value::U64(3)), Value::U64(8));
        assert_eq!(kept.onto(StatField::Bout, |_| Value::U64(3)), Value::U64(3));
        assert_eq!(kept.onto(StatField::Hrsp1xx, |_| Value::Empty), Value::Empty);
        kept.clear();
        assert_eq!(kept.onto(StatField::Bin, |_| Value::U64(3)), Value::U64(3));
    }
}
