//! Server frames on the wire (RFC 6455 §5.2): unmasked, unfragmented, header and payload in one buffer.

use bytes::{BufMut as _, Bytes, BytesMut};

const FIN: u8 = 0x80;
const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;

/// Longest payload of a control frame, in bytes.
pub(crate) const CONTROL_MAX: usize = 125;

/// Longest header that a server frame has, in bytes.
const HEADER_MAX: usize = 10;

/// A text frame. `payload` has to be UTF-8.
pub(crate) fn text(payload: &[u8]) -> Bytes {
    let mut buffer = BytesMut::with_capacity(HEADER_MAX + payload.len());
    put(&mut buffer, TEXT, payload);
    buffer.freeze()
}

/// A ping without payload.
pub(crate) fn ping() -> Bytes {
    Bytes::from_static(&[FIN | PING, 0])
}

/// The answer to a ping; `payload` is the ping's, up to [`CONTROL_MAX`] bytes.
pub(crate) fn pong(payload: &[u8]) -> Bytes {
    control(PONG, payload)
}

/// A close frame. The reason is cut to what fits.
pub(crate) fn close(code: u16, reason: &str) -> Bytes {
    let fits = reason.floor_char_boundary(CONTROL_MAX - 2);
    let mut payload = BytesMut::with_capacity(CONTROL_MAX);
    payload.put_u16(code);
    payload.put_slice(&reason.as_bytes()[..fits]);
    control(CLOSE, &payload)
}

/// The answer to a close frame without a code.
pub(crate) fn bare_close() -> Bytes {
    Bytes::from_static(&[FIN | CLOSE, 0])
}

fn control(opcode: u8, payload: &[u8]) -> Bytes {
    let payload = &payload[..payload.len().min(CONTROL_MAX)];
    let mut buffer = BytesMut::with_capacity(2 + payload.len());
    put(&mut buffer, opcode, payload);
    buffer.freeze()
}

fn put(buffer: &mut BytesMut, opcode: u8, payload: &[u8]) {
    buffer.put_u8(FIN | opcode);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short @ 0..=125), _) => buffer.put_u8(short),
        (_, Ok(medium)) => {
            buffer.put_u8(126);
            buffer.put_u16(medium);
        }
        _ => {
            buffer.put_u8(127);
            buffer.put_u64(payload.len() as u64);
        }
    }
    buffer.put_slice(payload);
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
        }
    }

    #[test]
    fn a_close_frame_carries_its_code_and_a_reason_that_fits() {
        assert_eq!(close(4404, "no"), [0x88, 4, 0x11, 0x34, b'n', b'o'].as_slice());
        let long = close(1001, &"ü".repeat(100));
        assert_eq!(long.len(), 2 + 2 + 122);
        assert!(std::str::from_utf8(&long[4..]).is_ok());
    }
}
