//! The memory that a connection is read into: large pieces, shared with what is read from them.

use bytes::{Bytes, BytesMut};

/// How large a piece is, unless one thing needs more.
const SIZE: usize = 64 * 1024;

/// How much has to be free in a piece for the next read.
const LEAST: usize = 8 * 1024;

/// See the module.
pub(super) struct Chunk {
    bytes: BytesMut,
    /// Bytes of the piece, with those that were taken out of it.
    size: usize,
    /// Bytes that are needed before anything more can be read.
    needed: usize,
    /// Bytes to come that nobody wants.
    skip: usize,
}

impl Chunk {
    pub(super) fn new() -> Self {
        Self {
            bytes: BytesMut::with_capacity(SIZE),
            size: SIZE,
            needed: 0,
            skip: 0,
        }
    }

    /// Where to read into.
    pub(super) fn space(&mut self) -> &mut BytesMut {
        let held = self.bytes.len();
        let wanted = self.needed.saturating_sub(held).max(LEAST);
        let is_free = self.bytes.capacity() - held >= wanted;
        // A piece that was made for something large is not kept for what is small.
        let may_reclaim = self.size == SIZE && held + wanted <= SIZE;
        if !(is_free || may_reclaim && self.bytes.try_reclaim(SIZE - held)) {
            let size = SIZE.max(held + wanted);
            let mut bytes = BytesMut::with_capacity(size);
            bytes.extend_from_slice(&self.bytes);
            (self.bytes, self.size) = (bytes, size);
        }
        &mut self.bytes
    }

    /// What is there to be read; nothing until what is needed has come.
    pub(super) fn filled(&mut self) -> &[u8] {
        if self.skip > 0 {
            let skipped = self.skip.min(self.bytes.len());
            let _ = self.bytes.split_to(skipped);
            self.skip -= skipped;
        }
        if self.bytes.len() < self.needed {
            return &[];
        }
        self.needed = 0;
        &self.bytes
    }

    /// Takes out what was read. Returns it, and the size of the piece that it is of.
    pub(super) fn take(&mut self, length: usize) -> (Bytes, usize) {
        (self.bytes.split_to(length).freeze(), self.size)
    }

    /// From here on so many bytes are needed.
    pub(super) fn need(&mut self, length: usize) {
        self.needed = length;
    }

    /// Nobody wants the next bytes.
    pub(super) fn skip(&mut self, length: usize) {
        self.skip = length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(chunk: &mut Chunk, bytes: usize) {
        let space = chunk.space();
        assert!(space.capacity() - space.len() >= bytes);
        space.extend_from_slice(&vec![b'x'; bytes]);
    }

    #[test]
    fn a_piece_that_nobody_holds_is_used_again() {
        let mut chunk = Chunk::new();
        let begin = chunk.space().as_ptr();
        for _ in 0..100 {
            fill(&mut chunk, LEAST);
            let (taken, size) = chunk.take(LEAST);
            assert_eq!((taken.len(), size), (LEAST, SIZE));
        }
        let last = chunk.space().as_ptr();
        assert!((begin..begin.wrapping_add(SIZE)).contains(&last));
    }

    #[test]
    fn what_is_held_stays_as_it_is() {
        let mut chunk = Chunk::new();
        let held: Vec<Bytes> = (0..100_u8)
            .map(|at| {
                chunk.space().extend_from_slice(&[at; LEAST]);
                chunk.take(LEAST).0
            })
            .collect();
        for (at, bytes) in (0..100).zip(held) {
            assert!(bytes.iter().all(|byte| *byte == at));
        }
    }

    #[test]
    fn a_piece_for_something_large_is_not_kept() {
        let mut chunk = Chunk::new();
        fill(&mut chunk, 10);
        chunk.need(10 * SIZE);
        fill(&mut chunk, 10 * SIZE - 10);
        assert_eq!(chunk.filled().len(), 10 * SIZE);
        assert_eq!(chunk.take(10 * SIZE).1, 10 * SIZE);
        fill(&mut chunk, 10);
        assert_eq!(chunk.take(10).1, SIZE);
    }
}
