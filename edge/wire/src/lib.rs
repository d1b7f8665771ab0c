//! WebSocket frames (RFC 6455 §5) and their compression (RFC 7692), as bytes alone: no socket, no task, no clock.
//!
//! Made for one thread that reads all of its connections through one buffer: [`Decoder`] unmasks in that buffer and hands
//! out what lies there, and owns memory only while a message is incomplete. What is sent is encoded once for all who
//! receive it: [`encode`] makes whole frames, and [`deflate`] compresses without any state of a connection, so that the
//! compressed frame can be shared too.

mod decode;
pub mod deflate;
pub mod encode;
mod header;
mod inflate;
mod mask;
mod message;

pub use decode::{Decoder, Incoming, Limits};

/// Why a stream of client frames can't go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Close {
    /// The client broke RFC 6455 or RFC 7692: close code 1002.
    #[error("the frame breaks RFC 6455")]
    Protocol,
    /// Text that is not UTF-8: close code 1007.
    #[error("text has to be UTF-8")]
    NotUtf8,
    /// A message over the limit: close code 1009.
    #[error("the message is too big")]
    TooBig,
}

impl Close {
    /// The close code on the wire.
    pub fn code(self) -> u16 {
        match self {
            Self::Protocol => 1002,
            Self::NotUtf8 => 1007,
            Self::TooBig => 1009,
        }
    }
}
