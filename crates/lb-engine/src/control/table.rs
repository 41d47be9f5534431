//! What the control thread keeps beside the shared lists: under the same indices, with holes where something was taken out.

/// Values by the index of their place in a [`Slots`](crate::slots::Slots).
#[derive(Debug)]
pub struct Table<T>(Vec<Option<T>>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> FromIterator<T> for Table<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self(values.into_iter().map(Some).collect())
    }
}

impl<T> Table<T> {
    /// The value of that place.
    pub fn get(&self, index: usize) -> Option<&T> {
        self.0.get(index)?.as_ref()
    }

    /// The value of that place, to change.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.0.get_mut(index)?.as_mut()
    }

    /// Every value, by place.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flatten()
    }

    /// Every value with its place, to change.
    pub fn entries_mut(&mut self) -> impl Iterator<Item = (usize, &mut T)> {
        self.0.iter_mut().enumerate().filter_map(|(index, value)| Some((index, value.as_mut()?)))
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// How many values there are.
    pub fn count(&self) -> usize {
        self.iter().count()
    }

    /// Gives a place its value.
    pub fn set(&mut self, index: usize, value: T) {
        if self.0.len() <= index {
            self.0.resize_with(index + 1, || None);
        }
        if let Some(place) = self.0.get_mut(index) {
            *place = Some(value);
        }
    }

    /// Takes a place's value.
    pub fn take(&mut self, index: usize) -> Option<T> {
        self.0.get_mut(index)?.take()
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn holes_stay_where_they_are() {
        let mut table: Table<char> = "abc".chars().collect();
        assert_eq!(table.take(1), Some('b'));
        assert_eq!((table.get(1), table.get(2), table.count()), (None, Some(&'c'), 2));
        table.set(4, 'e');
        let entries: Vec<_> = table.entries_mut().map(|(at, value)| (at, *value)).collect();
        assert_eq!(entries, [(0, 'a'), (2, 'c'), (4, 'e')]);
        for index in 0..5 {
            table.take(index);
        }
        assert!(table.is_empty());
    }
}
