//! `permessage-deflate` (RFC 7692) without state: neither side takes a window over from one message to the next, so a
//! compressed frame can be shared by all who receive it, and an idle connection owns nothing.

mod compress;
mod negotiate;

use std::num::NonZeroU8;

pub use compress::{COMPRESS_MIN, compress_binary, compress_frame, compress_text};
pub use negotiate::negotiate;

/// What Deflate has at the end of a flush. It does not travel (RFC 7692 §7.2.1).
pub(crate) const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// The largest window that there is, as the power of two of its bytes.
const WINDOW_BITS: NonZeroU8 = NonZeroU8::new(15).unwrap();

/// What was agreed on with one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deflate {
    /// The window that the client keeps for what it is sent, as the power of two of its bytes: 8 to 15.
    window_bits: NonZeroU8,
}

impl Deflate {
    /// Whether a payload of so many bytes may reach this client compressed. No reference within a message is longer than
    /// the message, so one that is not longer than the client's window always fits it, whatever window it was compressed
    /// with. A client that offers no limit takes all.
    pub fn takes(self, payload_bytes: usize) -> bool {
        self.window_bits == WINDOW_BITS || payload_bytes <= 1 << self.window_bits.get()
    }
}

/// How long a message of so many bytes may be when it is compressed: what can't be compressed grows, by far less than this.
pub(crate) fn longest(message_bytes: usize) -> usize {
    message_bytes.saturating_add(message_bytes / 8).saturating_add(64)
}
