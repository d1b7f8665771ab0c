//! Decompresses whole messages, each by itself, with one decompressor for each thread.

use std::cell::Cell;

use flate2::{Decompress, FlushDecompress, Status};

use crate::{Close, deflate::TAIL};

/// The least that room is made for, in bytes.
const ROOM: usize = 4096;

/// The most memory that a thread keeps between two messages, in bytes.
const KEPT: usize = 256 * 1024;

struct Inflater {
    state: Decompress,
    plain: Vec<u8>,
}

thread_local! {
    /// Absent while in use: what is called with a message may decode another one.
    static INFLATER: Cell<Option<Box<Inflater>>> = const { Cell::new(None) };
}

/// Decompresses a message and calls `then` with it.
///
/// # Errors
/// Where it is not Deflate, where it would have more than `most` bytes, and what `then` fails with.
pub(crate) fn inflated(
    packed: &[u8],
    most: usize,
    then: impl FnOnce(&[u8]) -> Result<(), Close>,
) -> Result<(), Close> {
    let mut inflater = INFLATER.take().unwrap_or_else(|| {
        Box::new(Inflater {
            state: Decompress::new(false),
            plain: Vec::new(),
        })
    });
    let done = inflater
        .inflate(packed, most)
        .and_then(|()| then(&inflater.plain));
    inflater.plain.clear();
    inflater.plain.shrink_to(KEPT);
    INFLATER.set(Some(inflater));
    done
}

impl Inflater {
    fn inflate(&mut self, packed: &[u8], most: usize) -> Result<(), Close> {
        self.state.reset(false);
        for mut input in [packed, &TAIL] {
            // Without room it may have taken all, and still have something to give.
            while !input.is_empty() || self.plain.len() == self.plain.capacity() {
                self.make_room(most)?;
                let (taken, given) = (self.state.total_in(), self.plain.len());
                let status = self
                    .state
                    .decompress_vec(input, &mut self.plain, FlushDecompress::Sync)
                    .map_err(|_| Close::Protocol)?;
                let taken = usize::try_from(self.state.total_in() - taken).unwrap_or(usize::MAX);
                input = input.get(taken..).unwrap_or_default();
                if status == Status::StreamEnd {
                    // A block marked as the last need not be the end of the message (RFC 7692 §7.2.3.4).
                    self.state.reset(false);
                } else if taken == 0 && self.plain.len() == given {
                    break;
                }
            }
        }
        if self.plain.len() > most {
            return Err(Close::TooBig);
        }
        Ok(())
    }

    fn make_room(&mut self, most: usize) -> Result<(), Close> {
        let len = self.plain.len();
        if len < self.plain.capacity() {
            return Ok(());
        }
        if len > most {
            return Err(Close::TooBig);
        }
        let wanted = (2 * len).max(ROOM).min(most.saturating_add(1));
        self.plain.reserve_exact(wanted - len);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compress, Compression, FlushCompress};

    use super::*;

    fn inflate(packed: &[u8], most: usize) -> Result<Vec<u8>, Close> {
        let mut heard = Vec::new();
        inflated(packed, most, |plain| {
            heard = plain.to_vec();
            Ok(())
        })?;
        Ok(heard)
    }

    #[test]
    fn the_examples_of_the_rfc_are_read() {
        let one_block = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
        let stored = [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00];
        let last_block = [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00];
        let two_blocks = [
            0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00,
        ];
        for packed in [&one_block[..], &stored, &last_block, &two_blocks] {
            assert_eq!(inflate(packed, 5), Ok(b"Hello".to_vec()), "{packed:x?}");
            assert_eq!(inflate(packed, 4), Err(Close::TooBig), "{packed:x?}");
        }
        assert_eq!(inflate(&[0x00], 0), Ok(Vec::new()));
    }

    #[test]
    fn what_is_not_deflate_breaks_the_rules() {
        assert_eq!(inflate(&[0xFF, 0xFF, 0xFF], 100), Err(Close::Protocol));
        // A stored block whose length is not confirmed.
        assert_eq!(
            inflate(&[0x00, 0x05, 0x00, 0x00, 0x00, 1, 2, 3, 4, 5, 0x00], 100),
            Err(Close::Protocol)
        );
    }

    #[test]
    fn no_message_reaches_into_the_one_before() {
        let before = b"what another client said in private";
        let mut packed = Vec::with_capacity(100);
        let mut compressor = Compress::new(Compression::best(), false);
        compressor.set_dictionary(before).unwrap();
        compressor
            .compress_vec(before, &mut packed, FlushCompress::Sync)
            .unwrap();
        assert!(packed.len() < before.len() / 2);
        for first in [before, &[b'x'; 35]] {
            let stored = [&[0x00, 35, 0x00, 0xDC, 0xFF], &first[..], &[0x00]].concat();
            assert_eq!(inflate(&stored, 100), Ok(first.to_vec()));
            assert_eq!(inflate(&packed, 100), Err(Close::Protocol));
        }
    }

    #[test]
    fn a_message_that_was_cut_off_leaves_nothing_behind() {
        let mut packed = Vec::with_capacity(1000);
        Compress::new(Compression::best(), false)
            .compress_vec(&vec![b'x'; 100_000], &mut packed, FlushCompress::Sync)
            .unwrap();
        for most in (0..100_000).step_by(1009) {
            assert_eq!(inflate(&packed, most), Err(Close::TooBig), "{most}");
            assert_eq!(inflate(&packed[..packed.len() / 2], 1), Err(Close::TooBig));
        }
        assert_eq!(inflate(&packed, 100_000), Ok(vec![b'x'; 100_000]));
    }
}
