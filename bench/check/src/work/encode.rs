//! What members of a room are sent.

use std::hint::black_box;

use bytes::BytesMut;
use wire::encode;

const PAYLOAD: [u8; 250] = [b'x'; 250];

/// What a batch has room for before it is sent, in bytes.
const BATCH: usize = 64 * 1024;

pub(super) fn frame(rounds: u64) {
    for _ in 0..rounds {
        black_box(encode::text(black_box(&PAYLOAD)));
    }
}

pub(super) fn into_batch(rounds: u64) {
    let mut batch = BytesMut::with_capacity(BATCH);
    for _ in 0..rounds {
        if batch.capacity() - batch.len() < encode::HEADER_MAX + PAYLOAD.len() {
            batch.clear();
        }
        encode::put_text(black_box(&mut batch), black_box(&PAYLOAD));
    }
}
