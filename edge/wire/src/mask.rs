//! The masking of client payloads (RFC 6455 §5.3), undone in place.

/// Bytes that are unmasked at a time: the narrowest vector that our targets have.
const STRIDE: usize = 16;

/// Unmasks `payload`, whose first byte belongs to the first byte of `mask`.
pub(crate) fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let word = u32::from_ne_bytes(mask);
    let (strides, rest) = payload.as_chunks_mut::<STRIDE>();
    for stride in strides {
        for four in stride.as_chunks_mut::<4>().0 {
            *four = (u32::from_ne_bytes(*four) ^ word).to_ne_bytes();
        }
    }
    let (fours, last) = rest.as_chunks_mut::<4>();
    for four in fours {
        *four = (u32::from_ne_bytes(*four) ^ word).to_ne_bytes();
    }
    for (byte, mask) in last.iter_mut().zip(mask) {
        *byte ^= mask;
    }
}

/// The mask as it goes on after `taken` bytes of payload.
pub(crate) fn after(mut mask: [u8; 4], taken: usize) -> [u8; 4] {
    mask.rotate_left(taken % 4);
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_and_every_cut_is_unmasked_alike() {
        let mask = [0x37, 0xFA, 0x21, 0x3D];
        for len in 0..200 {
            let plain: Vec<u8> = (0..len).collect();
            let masked: Vec<u8> = plain
                .iter()
                .zip(mask.iter().cycle())
                .map(|(byte, mask)| byte ^ mask)
                .collect();
            for cut in 0..=plain.len() {
                let mut bytes = masked.clone();
                let (head, tail) = bytes.split_at_mut(cut);
                unmask(head, mask);
                unmask(tail, after(mask, cut));
                assert_eq!(bytes, plain, "{len} bytes cut at {cut}");
            }
        }
    }

    #[test]
    fn the_example_of_the_rfc_is_unmasked() {
        let mut bytes = [0x7F, 0x9F, 0x4D, 0x51, 0x58];
        unmask(&mut bytes, [0x37, 0xFA, 0x21, 0x3D]);
        assert_eq!(&bytes, b"Hello");
    }
}
