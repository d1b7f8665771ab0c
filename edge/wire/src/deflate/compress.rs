//! Compresses whole messages, each by itself, with one compressor for each thread.

use std::cell::RefCell;

use bytes::{BufMut as _, Bytes, BytesMut};
use flate2::{Compress, Compression, FlushCompress};

use super::TAIL;
use crate::encode::{BINARY, Header, RSV1, TEXT};

/// The shortest payload that is tried, in bytes: below it the few bytes saved are not worth the time.
pub const COMPRESS_MIN: usize = 128;

struct Compressor {
    state: Compress,
    packed: Vec<u8>,
}

thread_local! {
    static COMPRESSOR: RefCell<Compressor> = RefCell::new(Compressor {
        state: Compress::new(Compression::fast(), false),
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
    /// Deflates into as much room as the payload itself takes: what does not fit is not worth sending.
    fn pack(&mut self, payload: &[u8]) -> Option<&[u8]> {
        self.state.reset();
        self.packed.clear();
        self.packed.shrink_to(KEPT);
        self.packed.reserve_exact(payload.len());
        let room = self.packed.capacity();
        self.state
            .compress_vec(payload, &mut self.packed, FlushCompress::Sync)
            .ok()?;
        // Full means that the flush has not come to its end.
        if self.packed.len() == room {
            return None;
        }
        let packed = self.packed.strip_suffix(&TAIL)?;
        (packed.len() < payload.len()).then_some(packed)
    }
}

/// The most memory that a thread keeps between two messages, in bytes.
const KEPT: usize = 256 * 1024;
