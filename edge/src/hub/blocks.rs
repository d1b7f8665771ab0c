//! Values under small numbers, in blocks that never move: growing copies nothing and leaves no hole of half the size, and
//! a block that nobody needs any more is given back.

use slab::Slab;

/// Values in a block.
const BLOCK: usize = 1024;

/// See the module.
#[derive(Debug)]
pub(super) struct Blocks<T> {
    all: Vec<Slab<T>>,
    /// Blocks with a free place. The next value comes into the last of them.
    open: Vec<usize>,
    len: usize,
}

impl<T> Default for Blocks<T> {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            open: Vec::new(),
            len: 0,
        }
    }
}

impl<T> Blocks<T> {
    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// All numbers are below this.
    pub(super) fn capacity(&self) -> usize {
        self.all.len() * BLOCK
    }

    /// All values.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.all.iter().flatten().map(|(_, value)| value)
    }

    pub(super) fn get_mut(&mut self, key: usize) -> Option<&mut T> {
        self.all.get_mut(key / BLOCK)?.get_mut(key % BLOCK)
    }

    /// The number of the value that is inserted next.
    pub(super) fn next_key(&self) -> usize {
        match self.open.last() {
            Some(&block) => block * BLOCK + self.all[block].vacant_key(),
            None => self.capacity(),
        }
    }

    pub(super) fn insert(&mut self, value: T) {
        if self.open.is_empty() {
            self.open.push(self.all.len());
            self.all.push(Slab::new());
        }
        if let Some(&at) = self.open.last() {
            let block = &mut self.all[at];
            if block.capacity() == 0 {
                block.reserve_exact(BLOCK);
            }
            block.insert(value);
            self.len += 1;
            if block.len() == BLOCK {
                self.open.pop();
            }
        }
    }

    pub(super) fn remove(&mut self, key: usize) -> Option<T> {
        let at = key / BLOCK;
        let block = self.all.get_mut(at)?;
        let value = block.try_remove(key % BLOCK)?;
        self.len -= 1;
        if block.len() == BLOCK - 1 {
            self.open.push(at);
        }
        if block.is_empty() {
            *block = Slab::new();
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_keeps_its_number_and_free_ones_are_given_again() {
        let mut blocks = Blocks::default();
        let all = 2 * BLOCK + 1;
        for value in 0..all {
            assert_eq!(blocks.next_key(), value);
            blocks.insert(value);
        }
        assert_eq!((blocks.len(), blocks.capacity()), (all, 3 * BLOCK));
        assert!((0..all).all(|key| blocks.get_mut(key).is_some_and(|value| *value == key)));
        assert!(blocks.iter().copied().eq(0..all));
        for key in (0..all).rev() {
            assert_eq!(blocks.remove(key), Some(key));
        }
        assert_eq!((blocks.remove(0), blocks.remove(all)), (None, None));
        assert_eq!(blocks.len(), 0);
        let kept = blocks.all.iter().map(Slab::capacity).sum::<usize>();
        assert_eq!(kept, 0, "nobody is here, and nothing is kept");
        let mut given: Vec<usize> = Vec::new();
        for value in 0..all {
            given.push(blocks.next_key());
            blocks.insert(value);
        }
        given.sort_unstable();
        assert!(given.into_iter().eq(0..all), "no number is given twice");
        assert_eq!(blocks.capacity(), 3 * BLOCK);
    }
}
