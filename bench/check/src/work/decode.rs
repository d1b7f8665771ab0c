//! What a client says, as it comes out of the shard's read buffer.

use std::hint::black_box;

use wire::{Decoder, Incoming, Limits};

const LIMITS: Limits = Limits {
    message_bytes: 64 * 1024,
};

const PAYLOAD: usize = 120;

/// What one read of a shard takes in, in bytes.
const READ: usize = 16 * 1024;

/// A text frame of 120 bytes. Its mask is zero, so that a buffer that was unmasked can be fed again: the work is the same.
fn text_frame() -> Vec<u8> {
    let json = br#"{"type":"message","client_msg_id":"0192f3a1-7b2c","content":""#;
    let mut payload = json.to_vec();
    payload.resize(PAYLOAD - 2, b'x');
    payload.extend(br#""}"#);
    let mut frame = vec![0x81, 0x80 | 0x78, 0, 0, 0, 0];
    frame.extend(payload);
    frame
}

fn feed(decoder: &mut Decoder, bytes: &mut [u8]) -> usize {
    let mut heard = 0;
    let fed = decoder.feed(bytes, LIMITS, &mut |incoming| {
        if let Incoming::Text(text) = black_box(incoming) {
            heard += text.len();
        }
    });
    assert!(fed.is_ok(), "the frames keep the rules");
    heard
}

pub(super) fn frame(rounds: u64) {
    let (mut decoder, mut bytes) = (Decoder::new(), text_frame());
    for _ in 0..rounds {
        let heard = feed(&mut decoder, black_box(&mut bytes));
        assert_eq!(heard, PAYLOAD);
    }
}

pub(super) fn cut_frame(rounds: u64) {
    let (mut decoder, mut bytes) = (Decoder::new(), text_frame());
    let (head, tail) = bytes.split_at_mut(60);
    for _ in 0..rounds {
        let heard = feed(&mut decoder, black_box(head)) + feed(&mut decoder, black_box(tail));
        assert_eq!(heard, PAYLOAD);
    }
}

pub(super) fn full_read(rounds: u64) {
    let frame = text_frame();
    let frames = READ / frame.len();
    let (mut decoder, mut bytes) = (Decoder::new(), frame.repeat(frames));
    for _ in 0..rounds {
        let heard = feed(&mut decoder, black_box(&mut bytes));
        assert_eq!(heard, frames * PAYLOAD);
    }
}

/// Grows with the square of the message where what has come is looked at again for each read.
pub(super) fn large_message(rounds: u64) {
    let mut bytes = vec![0x81, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    bytes.resize(bytes.len() + LIMITS.message_bytes, b'x');
    let mut decoder = Decoder::new();
    for _ in 0..rounds {
        let mut heard = 0;
        for read in black_box(&mut bytes).chunks_mut(1024) {
            heard += feed(&mut decoder, read);
        }
        assert_eq!(heard, LIMITS.message_bytes);
    }
}
