//! The header of a client frame (RFC 6455 §5.2): read, and held against the rules.

use crate::{Close, encode::CONTROL_MAX};

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const RSV2_RSV3: u8 = 0x30;
const OPCODE: u8 = 0x0F;
const MASKED: u8 = 0x80;

/// Longest header of a client frame, in bytes.
pub(crate) const MAX: usize = 14;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    fn read(first: u8) -> Result<Self, Close> {
        match first & OPCODE {
            0x0 => Ok(Self::Continuation),
            0x1 => Ok(Self::Text),
            0x2 => Ok(Self::Binary),
            0x8 => Ok(Self::Close),
            0x9 => Ok(Self::Ping),
            0xA => Ok(Self::Pong),
            _ => Err(Close::Protocol),
        }
    }

    pub(crate) fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// A whole header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    /// Whether the message ends with this frame.
    pub(crate) fin: bool,
    /// Whether the message that begins with this frame is compressed.
    pub(crate) compressed: bool,
    pub(crate) opcode: Opcode,
    pub(crate) mask: [u8; 4],
    /// How long the header is, in bytes.
    pub(crate) size: usize,
    /// How long the payload is, in bytes.
    pub(crate) len: usize,
}

/// What the stream allows the next frame to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowed {
    /// Whether a message is under way, so that only a frame of control or a continuation may follow.
    pub(crate) continuation: bool,
    /// Whether compression was agreed on.
    pub(crate) compressed: bool,
    /// Most bytes that a payload of data may have.
    pub(crate) plain_bytes: usize,
    /// As `plain_bytes`, where the message is compressed.
    pub(crate) compressed_bytes: usize,
}

impl Header {
    /// Reads the header that `bytes` begin with; nothing where it is not whole yet.
    ///
    /// # Errors
    /// As soon as the bytes that are there break a rule or announce too much.
    #[inline]
    pub(crate) fn read(bytes: &[u8], allowed: Allowed) -> Result<Option<Self>, Close> {
        let [first, second, ref rest @ ..] = *bytes else {
            return Ok(None);
        };
        let (fin, compressed, opcode) = (first & FIN != 0, first & RSV1 != 0, Opcode::read(first)?);
        if first & RSV2_RSV3 != 0 || second & MASKED == 0 {
            return Err(Close::Protocol);
        }
        let short = usize::from(second & !MASKED);
        let most = if opcode.is_control() {
            if !fin || compressed || short > CONTROL_MAX {
                return Err(Close::Protocol);
            }
            CONTROL_MAX
        } else {
            let continues = opcode == Opcode::Continuation;
            if continues != allowed.continuation || compressed && (continues || !allowed.compressed) {
                return Err(Close::Protocol);
            }
            if compressed {
                allowed.compressed_bytes
            } else {
                allowed.plain_bytes
            }
        };
        let (len, extended) = match short {
            126 => match rest.first_chunk() {
                Some(&len) => (u64::from(u16::from_be_bytes(len)), 2),
                None => return Ok(None),
            },
            127 => match rest.first_chunk() {
                Some(&len) => (u64::from_be_bytes(len), 8),
                None => return Ok(None),
            },
            short => (short as u64, 0),
        };
        let Some(len) = usize::try_from(len).ok().filter(|&len| len <= most) else {
            return Err(Close::TooBig);
        };
        // "The minimal number of bytes MUST be used to encode the length."
        if extended == 2 && len < 126 || extended == 8 && len <= 0xFFFF {
            return Err(Close::Protocol);
        }
        let Some(&mask) = rest.get(extended..).and_then(|rest| rest.first_chunk()) else {
            return Ok(None);
        };
        let size = 2 + extended + mask.len();
        Ok(Some(Self {
            fin,
            compressed,
            opcode,
            mask,
            size,
            len,
        }))
    }
}
