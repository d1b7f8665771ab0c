//! As much of WebSocket as a client of a load generator needs: it steps from header to header and looks at nothing else.

/// A server's control frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Control<'a> {
    /// To be answered with the same content.
    Ping(&'a [u8]),
    /// The server closes, with this code.
    Close(u16),
}

/// Steps over all whole frames at the beginning of `bytes`: how many bytes they are, and how many of them carry data.
pub(super) fn walk<'a>(bytes: &'a [u8], mut control: impl FnMut(Control<'a>)) -> (usize, u32) {
    let mut at = 0;
    let mut data = 0;
    while let Some((opcode, start, end)) = next(bytes, at) {
        let Some(payload) = bytes.get(start..end) else {
            break;
        };
        match opcode {
            8 => control(Control::Close(code(payload))),
            9 => control(Control::Ping(payload)),
            10 => {}
            _ => data += 1,
        }
        at = end;
    }
    (at, data)
}

/// Opcode, begin and end of the payload of the frame at `at`, if its header is whole. Servers don't mask.
fn next(bytes: &[u8], at: usize) -> Option<(u8, usize, usize)> {
    let opcode = bytes.get(at)? & 0x0f;
    let (start, length) = match bytes.get(at + 1)? & 0x7f {
        126 => (
            at + 4,
            u64::from(u16::from_be_bytes(bytes.get(at + 2..at + 4)?.try_into().ok()?)),
        ),
        127 => (
            at + 10,
            u64::from_be_bytes(bytes.get(at + 2..at + 10)?.try_into().ok()?),
        ),
        short => (at + 2, u64::from(short)),
    };
    let end = start.checked_add(usize::try_from(length).ok()?)?;
    Some((opcode, start, end))
}

fn code(payload: &[u8]) -> u16 {
    let code = payload.first_chunk::<2>();
    code.map_or(1005, |code| u16::from_be_bytes(*code))
}

/// A client's frame with this content.
pub(super) fn client(opcode: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x1d, 0x2c, 0x3b, 0x4a];
    let mut frame = vec![0x80 | opcode];
    if let Ok(short @ 0..=125) = u8::try_from(payload.len()) {
        frame.push(0x80 | short);
    } else {
        frame.push(0x80 | 0x7e);
        let length = u16::try_from(payload.len()).unwrap_or(u16::MAX);
        frame.extend(length.to_be_bytes());
    }
    frame.extend(MASK);
    frame.extend(
        payload
            .iter()
            .take(usize::from(u16::MAX))
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_frames_are_stepped_over() {
        let mut bytes = vec![0x81, 3, b'a', b'b', b'c', 0x89, 1, b'p', 0x82, 126, 1, 0];
        bytes.extend([7; 256]);
        bytes.extend([0x88, 2, 0x03, 0xe9, 0x81, 5, b'x']);
        let mut seen = Vec::new();
        let (at, data) = walk(&bytes, |control| seen.push(control));
        assert_eq!((at, data), (bytes.len() - 3, 2));
        assert_eq!(seen, [Control::Ping(b"p"), Control::Close(1001)]);
        assert_eq!(walk(&[0x82, 127, 0, 0], |_| ()), (0, 0));
    }

    #[test]
    fn a_client_masks() {
        let frame = client(1, b"hi");
        assert_eq!(
            frame,
            [0x81, 0x82, 0x1d, 0x2c, 0x3b, 0x4a, b'h' ^ 0x1d, b'i' ^ 0x2c]
        );
        assert_eq!(client(2, &[0; 300]).len(), 308);
    }
}
