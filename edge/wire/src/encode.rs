//! Server frames on the wire (RFC 6455 §5.2): unmasked, unfragmented, header and payload in one buffer.

use std::ops::Deref;

use bytes::{BufMut as _, Bytes, BytesMut};

pub(crate) const FIN: u8 = 0x80;
pub(crate) const RSV1: u8 = 0x40;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;

/// Longest payload of a control frame, in bytes.
pub const CONTROL_MAX: usize = 125;

/// Longest header that a server frame has, in bytes.
pub const HEADER_MAX: usize = 10;

/// The header of a frame, as its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    bytes: [u8; HEADER_MAX],
    len: u8,
}

impl Header {
    pub(crate) fn new(opcode: u8, payload_bytes: usize) -> Self {
        let mut bytes = [0; HEADER_MAX];
        bytes[0] = FIN | opcode;
        let len = match (u8::try_from(payload_bytes), u16::try_from(payload_bytes)) {
            (Ok(short @ 0..=125), _) => {
                bytes[1] = short;
                2
            }
            (_, Ok(medium)) => {
                bytes[1] = 126;
                bytes[2..4].copy_from_slice(&medium.to_be_bytes());
                4
            }
            _ => {
                bytes[1] = 127;
                bytes[2..].copy_from_slice(&(payload_bytes as u64).to_be_bytes());
                10
            }
        };
        Self { bytes, len }
    }
}

impl Deref for Header {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// The header of a text frame with a payload of so many bytes.
pub fn text_header(payload_bytes: usize) -> Header {
    Header::new(TEXT, payload_bytes)
}

/// Writes a text frame behind what is in the buffer. `payload` has to be UTF-8.
pub fn put_text(buffer: &mut BytesMut, payload: &[u8]) {
    let header = text_header(payload.len());
    buffer.reserve(header.len() + payload.len());
    buffer.put_slice(&header);
    buffer.put_slice(payload);
}

/// A text frame. `payload` has to be UTF-8.
pub fn text(payload: &[u8]) -> Bytes {
    frame(TEXT, payload)
}

/// A binary frame.
pub fn binary(payload: &[u8]) -> Bytes {
    frame(BINARY, payload)
}

/// A ping without payload.
pub fn ping() -> Bytes {
    Bytes::from_static(&[FIN | PING, 0])
}

/// The answer to a ping; `payload` is the ping's, up to [`CONTROL_MAX`] bytes.
pub fn pong(payload: &[u8]) -> Bytes {
    frame(PONG, &payload[..payload.len().min(CONTROL_MAX)])
}

/// A close frame. The reason is cut to what fits.
pub fn close(code: u16, reason: &str) -> Bytes {
    let fits = reason.floor_char_boundary(CONTROL_MAX - 2);
    let mut payload = BytesMut::with_capacity(CONTROL_MAX);
    payload.put_u16(code);
    payload.put_slice(&reason.as_bytes()[..fits]);
    frame(CLOSE, &payload)
}

/// The answer to a close frame without a code.
pub fn bare_close() -> Bytes {
    Bytes::from_static(&[FIN | CLOSE, 0])
}

pub(crate) fn frame(opcode: u8, payload: &[u8]) -> Bytes {
    let header = Header::new(opcode, payload.len());
    let mut bytes = Vec::with_capacity(header.len() + payload.len());
    bytes.extend_from_slice(&header);
    bytes.extend_from_slice(payload);
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_takes_its_shortest_form() {
        for (len, header) in [
            (0, vec![0x81, 0]),
            (125, vec![0x81, 125]),
            (126, vec![0x81, 126, 0, 126]),
            (65_535, vec![0x81, 126, 0xFF, 0xFF]),
            (65_536, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let frame = text(&vec![b'x'; len]);
            assert_eq!(frame[..header.len()], header);
            assert_eq!(frame.len(), header.len() + len);
            assert_eq!(*text_header(len), *header);
        }
    }

    #[test]
    fn a_close_frame_carries_its_code_and_a_reason_that_fits() {
        assert_eq!(close(4404, "no"), [0x88, 4, 0x11, 0x34, b'n', b'o'].as_slice());
        let long = close(1001, &"ü".repeat(100));
        assert_eq!(long.len(), 2 + 2 + 122);
        assert!(std::str::from_utf8(&long[4..]).is_ok());
    }

    #[test]
    fn frames_follow_each_other_in_a_callers_buffer() {
        let mut buffer = BytesMut::from(&b"before"[..]);
        put_text(&mut buffer, b"one");
        put_text(&mut buffer, b"two");
        assert_eq!(buffer, b"before\x81\x03one\x81\x03two"[..]);
    }

    #[test]
    fn control_frames_are_as_in_the_rfc() {
        assert_eq!(text(b"Hello"), b"\x81\x05Hello"[..]);
        assert_eq!(pong(b"Hello"), b"\x8A\x05Hello"[..]);
        assert_eq!(binary(&[7; 256])[..5], [0x82, 0x7E, 1, 0, 7]);
        assert_eq!(
            (ping(), bare_close()),
            (Bytes::from_static(&[0x89, 0]), Bytes::from_static(&[0x88, 0]))
        );
        assert_eq!(pong(&[0; 300]).len(), 2 + CONTROL_MAX);
    }
}
