//! Compresses whole messages, each by itself, with one compressor for each thread.

use std::cell::RefCell;

use bytes::{BufMut as _, Bytes, BytesMut};
use flate2::{Compress, Compression, FlushCompress};

use super::{TAIL, longest};
use crate::encode::{BINARY, FIN, Header, RSV1, TEXT};

/// The shortest payload that is tried, in bytes: a chat message below it loses less than a quarter.
pub const COMPRESS_MIN: usize = 256;

/// From here on zlib builds the codes from the payload; the level below takes fixed ones, which are quicker by half and
/// leave chat messages a third longer. The levels above find little more in messages of this size.
const LEVEL: u32 = 2;

/// How a text frame begins that is whole and not compressed.
const PLAIN_TEXT: u8 = FIN | TEXT;

/// The most memory that a thread keeps between two messages, in bytes.
const KEPT: usize = 256 * 1024;

struct Compressor {
    state: Compress,
    packed: Vec<u8>,
}

thread_local! {
    static COMPRESSOR: RefCell<Compressor> = RefCell::new(Compressor {
        state: fresh(),
        packed: Vec::new(),
    });
}

/// A text frame with a compressed payload, for all who agreed on compression and whose [`Deflate`](super::Deflate) takes a
/// payload of this length. Nothing where the frame would be no shorter than the plain one, or where the payload is shorter
/// than [`COMPRESS_MIN`]. `payload` has to be UTF-8.
pub fn compress_text(payload: &[u8]) -> Option<Bytes> {
    compress(TEXT, payload)
}

/// As [`compress_text`], for bytes.
pub fn compress_binary(payload: &[u8]) -> Option<Bytes> {
    compress(BINARY, payload)
}

/// As [`compress_text`], for a whole text frame that [`encode`](crate::encode) made. Nothing for any other frame.
pub fn compress_frame(frame: &[u8]) -> Option<Bytes> {
    let header = match *frame {
        [PLAIN_TEXT, 126, ..] => 4,
        [PLAIN_TEXT, 127, ..] => 10,
        [PLAIN_TEXT, ..] => 2,
        _ => return None,
    };
    compress_text(frame.get(header..)?)
}

fn compress(opcode: u8, payload: &[u8]) -> Option<Bytes> {
    if payload.len() < COMPRESS_MIN {
        return None;
    }
    COMPRESSOR.with_borrow_mut(|compressor| {
        let packed = compressor.pack(payload)?;
        let header = Header::new(RSV1 | opcode, packed.len());
        let mut frame = BytesMut::with_capacity(header.len() + packed.len());
        frame.put_slice(&header);
        frame.put_slice(packed);
        Some(frame.freeze())
    })
}

impl Compressor {
    fn pack(&mut self, payload: &[u8]) -> Option<&[u8]> {
        self.state.reset();
        self.packed.clear();
        self.packed.shrink_to(KEPT);
        self.packed.reserve_exact(longest(payload.len()));
        let room = self.packed.capacity();
        let flushed = self
            .state
            .compress_vec(payload, &mut self.packed, FlushCompress::Sync);
        if flushed.is_err() || self.packed.len() == room {
            // A reset does not empty what zlib-rs 0.6 had no room for, so a flush that was cut off ends its compressor.
            self.state = fresh();
            return None;
        }
        let packed = self.packed.strip_suffix(&TAIL)?;
        (packed.len() < payload.len()).then_some(packed)
    }
}

fn fresh() -> Compress {
    Compress::new(Compression::new(LEVEL), false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode;

    #[test]
    fn what_does_not_get_shorter_is_left_alone() {
        assert_eq!(compress_text(&[b'x'; COMPRESS_MIN - 1]), None);
        let mut state = 1_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        })
        .take(5000)
        .collect();
        // Again and again: what one leaves behind in the compressor must not add up.
        for nth in 0..500 {
            let len = COMPRESS_MIN + nth * 7;
            assert_eq!(compress_binary(&noise[..len]), None, "{len}");
        }
        assert!(compress_text(&[b'x'; COMPRESS_MIN]).is_some());
    }

    #[test]
    fn a_frame_is_compressed_as_its_payload_is() {
        for len in [0, 125, 126, COMPRESS_MIN, 65_535, 65_536] {
            let payload = vec![b'x'; len];
            assert_eq!(
                compress_frame(&encode::text(&payload)),
                compress_text(&payload),
                "{len}"
            );
        }
        let payload = [b'x'; 1000];
        assert_eq!(compress_frame(&encode::binary(&payload)), None);
        assert_eq!(compress_frame(&compress_text(&payload).unwrap()), None);
        assert_eq!(compress_frame(&encode::ping()), None);
        assert_eq!(compress_frame(&[PLAIN_TEXT, 126, 9]), None);
        assert_eq!(compress_frame(&[]), None);
    }

    #[test]
    fn a_frame_depends_on_its_payload_alone() {
        let payload = "the same words for all, ".repeat(20);
        let first = compress_text(payload.as_bytes()).unwrap();
        assert_eq!(first[0], 0xC1);
        assert!(first.len() < payload.len() / 4);
        compress_text("some other words between, ".repeat(20).as_bytes()).unwrap();
        assert_eq!(compress_text(payload.as_bytes()).unwrap(), first);
    }
}
