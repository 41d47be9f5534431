//! A binary heap from which any server can be removed.

const ABSENT: u32 = u32::MAX;

/// A min-heap of server positions. `places[s]` is where server `s` stands in `items`, so every
/// index below is in range by construction.
#[derive(Debug, Default)]
pub(crate) struct Heap<K> {
    items: Vec<(K, u32)>,
    places: Vec<u32>,
}

impl<K: Ord + Copy> Heap<K> {
    pub(crate) fn new(servers: usize) -> Self {
        Self { items: Vec::with_capacity(servers), places: vec![ABSENT; servers] }
    }

    pub(crate) fn peek(&self) -> Option<(K, usize)> {
        self.items.first().map(|&(key, server)| (key, server as usize))
    }

    pub(crate) fn pop(&mut self) -> Option<(K, usize)> {
        let top = self.peek()?;
        self.remove(top.1);
        Some(top)
    }

    /// The key of a server, if it is here.
    pub(crate) fn key(&self, server: usize) -> Option<K> {
        let place = self.place(server)?;
        Some(self.items[place].0)
    }

    /// Inserts a server, or moves it to another key.
    pub(crate) fn set(&mut self, server: usize, key: K) {
        if let Some(place) = self.place(server) {
            self.items[place].0 = key;
            self.settle(place);
            return;
        }
        if server >= self.places.len() {
            self.places.resize(server + 1, ABSENT);
        }
        self.items.push((key, server as u32));
        let last = self.items.len() - 1;
        self.places[server] = last as u32;
        self.settle(last);
    }

    /// Removes a server; its key, if it was here.
    pub(crate) fn remove(&mut self, server: usize) -> Option<K> {
        let place = self.place(server)?;
        let (key, _) = self.items.swap_remove(place);
        self.places[server] = ABSENT;
        if let Some(&(_, moved)) = self.items.get(place) {
            self.places[moved as usize] = place as u32;
            self.settle(place);
        }
        Some(key)
    }

    fn place(&self, server: usize) -> Option<usize> {
        self.places.get(server).copied().filter(|&p| p != ABSENT).map(|p| p as usize)
    }

    fn settle(&mut self, mut place: usize) {
        while place > 0 && self.items[place].0 < self.items[(place - 1) / 2].0 {
            self.swap(place, (place - 1) / 2);
            place = (place - 1) / 2;
        }
        loop {
            let left = 2 * place + 1;
            let Some(mut least) = (left < self.items.len()).then_some(left) else { return };
            if left + 1 < self.items.len() && self.items[left + 1].0 < self.items[left].0 {
                least = left + 1;
            }
            if self.items[place].0 <= self.items[least].0 {
                return;
            }
            self.swap(place, least);
            place = least;
        }
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.items.swap(a, b);
        self.places[self.items[a].1 as usize] = a as u32;
        self.places[self.items[b].1 as usize] = b as u32;
    }
}
