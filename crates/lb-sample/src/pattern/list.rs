//! A list that is read without locks while one writer changes it, for patterns that must be tried one by one.

use super::element::Element;
use arc_swap::ArcSwap;
use std::sync::Arc;

/// Items of a piece. A change copies one piece.
const PIECE: usize = 128;

/// A pattern and what was made of it.
#[derive(Debug, Clone)]
pub(super) struct Item<T> {
    pub(super) element: Arc<Element>,
    pub(super) parsed: T,
}

type Pieces<T> = Vec<Arc<Vec<Item<T>>>>;

#[derive(Debug)]
pub(super) struct List<T>(ArcSwap<Pieces<T>>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(ArcSwap::default())
    }
}

impl<T: Clone> List<T> {
    pub(super) fn new(items: Vec<Item<T>>) -> Self {
        Self(ArcSwap::from_pointee(items.chunks(PIECE).map(|piece| Arc::new(piece.to_vec())).collect()))
    }

    /// A list of the same items.
    pub(super) fn share(other: &Self) -> Self {
        Self(ArcSwap::new(other.0.load_full()))
    }

    /// Shows the items in their order until one is accepted.
    pub(super) fn find<R>(&self, accept: impl FnMut(&Item<T>) -> Option<R>) -> Option<R> {
        self.0.load().iter().flat_map(|piece| piece.iter()).find_map(accept)
    }

    /// Adds an item at the end, or puts it in the place of the one that has its number. Only the writer may call this.
    pub(super) fn put(&self, item: Item<T>) {
        let mut pieces = Pieces::clone(&self.0.load());
        let number = item.element.number();
        let at = pieces.partition_point(|piece| piece.last().is_some_and(|last| last.element.number() < number));
        // Behind all others it still goes into the last piece while there is room.
        let full = pieces.last().is_none_or(|piece| piece.len() >= PIECE);
        let at = if at == pieces.len() && !full { at - 1 } else { at };
        match pieces.get_mut(at) {
            Some(piece) => {
                let piece = Arc::make_mut(piece);
                match piece.binary_search_by_key(&number, |item| item.element.number()) {
                    Ok(at) => {
                        if let Some(place) = piece.get_mut(at) {
                            *place = item;
                        }
                    }
                    Err(at) => piece.insert(at, item),
                }
            }
            None => pieces.push(Arc::new(vec![item])),
        }
        self.0.store(Arc::new(pieces));
    }

    /// Takes an item away. Only the writer may call this.
    pub(super) fn remove(&self, number: u64) {
        let mut pieces = Pieces::clone(&self.0.load());
        let at = pieces.partition_point(|piece| piece.last().is_some_and(|last| last.element.number() < number));
        if let Some(piece) = pieces.get_mut(at) {
            Arc::make_mut(piece).retain(|item| item.element.number() != number);
            if piece.is_empty() {
                pieces.remove(at);
            }
            self.0.store(Arc::new(pieces));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_over_changes() {
        let list = List::default();
        let item = |number| Item { element: Element::new(number, 0, b"", b""), parsed: number };
        for number in 0..300 {
            list.put(item(number));
        }
        list.remove(150);
        list.put(Item { parsed: 1_000, ..item(20) });
        let mut seen = Vec::new();
        let none: Option<()> = list.find(|item| {
            seen.push(item.parsed);
            None
        });
        assert_eq!(none, None);
        let expected: Vec<u64> = (0..300).filter(|n| *n != 150).map(|n| if n == 20 { 1_000 } else { n }).collect();
        assert_eq!(seen, expected);
    }
}
