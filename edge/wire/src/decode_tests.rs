use crate::encode::{RSV1, TEXT};

use super::*;

const LIMITS: Limits = Limits {
    message_bytes: 64 * 1024,
};

/// What was heard, kept.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Heard {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong,
    Close(Option<u16>),
}

impl From<Incoming<'_>> for Heard {
    fn from(incoming: Incoming<'_>) -> Self {
        match incoming {
            Incoming::Text(text) => Self::Text(text.to_owned()),
            Incoming::Binary(payload) => Self::Binary(payload.to_vec()),
            Incoming::Ping(payload) => Self::Ping(payload.to_vec()),
            Incoming::Pong => Self::Pong,
            Incoming::Close(code) => Self::Close(code),
        }
    }
}

fn said(text: &str) -> Heard {
    Heard::Text(text.to_owned())
}

/// A client frame, masked.
fn frame(fin: bool, opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xFA, 0x21, 0x3D];
    let mut bytes = crate::encode::Header::new(opcode, payload.len()).to_vec();
    bytes[0] &= u8::from(fin) << 7 | 0x7F;
    bytes[1] |= 0x80;
    bytes.extend(mask);
    bytes.extend(
        payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    bytes
}

fn text(payload: &str) -> Vec<u8> {
    frame(true, 1, payload.as_bytes())
}

fn feed(decoder: &mut Decoder, bytes: &[u8]) -> Result<Vec<Heard>, Close> {
    let mut heard = Vec::new();
    let fed = decoder.feed(&mut bytes.to_vec(), LIMITS, &mut |incoming| {
        heard.push(incoming.into());
    });
    fed.map(|()| heard)
}

fn decode(bytes: &[u8]) -> Result<Vec<Heard>, Close> {
    feed(&mut Decoder::new(), bytes)
}

#[test]
fn an_idle_connection_costs_two_words() {
    assert!(size_of::<Decoder>() <= 16);
    let mut decoder = Decoder::new();
    for bytes in text("hello").chunks(1) {
        feed(&mut decoder, bytes).unwrap();
    }
    assert!(decoder.partial.is_none());
}

#[test]
fn every_kind_of_message_is_read() {
    let bytes = [
        text("ü"),
        frame(true, 2, b"xyz"),
        frame(true, 9, b"hi"),
        frame(true, 10, b""),
        text(""),
        frame(true, 8, &1000_u16.to_be_bytes()),
    ];
    let expected = [
        said("ü"),
        Heard::Binary(b"xyz".to_vec()),
        Heard::Ping(b"hi".to_vec()),
        Heard::Pong,
        said(""),
        Heard::Close(Some(1000)),
    ];
    assert_eq!(decode(&bytes.concat()).unwrap(), expected);
    assert_eq!(decode(&frame(true, 8, b"")).unwrap(), [Heard::Close(None)]);
}

#[test]
fn the_examples_of_the_rfc_are_read() {
    let hello = [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58];
    assert_eq!(decode(&hello).unwrap(), [said("Hello")]);
    let pong = [0x8A, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58];
    assert_eq!(decode(&pong).unwrap(), [Heard::Pong]);
    let fragments = [frame(false, 1, b"Hel"), frame(true, 0, b"lo")].concat();
    assert_eq!(decode(&fragments).unwrap(), [said("Hello")]);
}

#[test]
fn a_stream_may_be_cut_anywhere() {
    let (head, tail) = "grü".as_bytes().split_at(3);
    let fragments = [
        frame(false, 1, head),
        frame(true, 9, b"between"),
        frame(false, 0, b""),
        frame(false, 0, tail),
        frame(true, 10, b""),
        frame(true, 0, b"n"),
        text(&"y".repeat(300)),
        frame(true, 2, &vec![0; LIMITS.message_bytes]),
        frame(true, 8, &1001_u16.to_be_bytes()),
        text("nobody hears this"),
    ]
    .concat();
    let expected = [
        Heard::Ping(b"between".to_vec()),
        Heard::Pong,
        said("grün"),
        said(&"y".repeat(300)),
        Heard::Binary(vec![0; LIMITS.message_bytes]),
        Heard::Close(Some(1001)),
    ];
    let cuts = (0..500).chain(fragments.len() - 100..=fragments.len());
    for cut in cuts {
        let mut decoder = Decoder::new();
        let mut heard = feed(&mut decoder, &fragments[..cut]).unwrap();
        heard.extend(feed(&mut decoder, &fragments[cut..]).unwrap());
        assert!(heard == expected, "cut at {cut}");
        assert!(decoder.partial.is_none());
    }
    for size in [1, 2, 7, 100] {
        let (mut decoder, mut heard) = (Decoder::new(), Vec::new());
        for bytes in fragments.chunks(size) {
            heard.extend(feed(&mut decoder, bytes).unwrap());
        }
        assert!(heard == expected, "in pieces of {size}");
    }
}

#[test]
fn broken_rules_close_with_their_code() {
    let mut reserved = text("x");
    reserved[0] |= 0x40;
    let mut other_reserved = text("x");
    other_reserved[0] |= 0x10;
    let longer_than_needed = vec![0x81, 0xFE, 0, 5, 0, 0, 0, 0];
    let much_longer_than_needed = vec![0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0];
    let cases: [(&str, Vec<u8>, Close); 18] = [
        ("unmasked", vec![0x81, 1, b'x'], Close::Protocol),
        ("reserved bit", reserved, Close::Protocol),
        ("other reserved bit", other_reserved, Close::Protocol),
        ("unknown opcode", frame(true, 3, b""), Close::Protocol),
        ("unknown control opcode", frame(true, 11, b""), Close::Protocol),
        ("long control frame", frame(true, 9, &[0; 126]), Close::Protocol),
        ("fragmented control frame", frame(false, 9, b""), Close::Protocol),
        ("length in two bytes", longer_than_needed, Close::Protocol),
        ("length in eight bytes", much_longer_than_needed, Close::Protocol),
        ("nothing to continue", frame(true, 0, b"x"), Close::Protocol),
        (
            "text within text",
            [frame(false, 1, b"x"), text("y")].concat(),
            Close::Protocol,
        ),
        ("half a close code", frame(true, 8, b"x"), Close::Protocol),
        (
            "no such close code",
            frame(true, 8, &999_u16.to_be_bytes()),
            Close::Protocol,
        ),
        (
            "a code that is never sent",
            frame(true, 8, &1005_u16.to_be_bytes()),
            Close::Protocol,
        ),
        (
            "close reason",
            frame(true, 8, &[0x03, 0xE8, 0xFF]),
            Close::NotUtf8,
        ),
        ("not UTF-8", frame(true, 1, &[0xFF]), Close::NotUtf8),
        ("too big", vec![0x81, 0xFF, 0, 0, 0, 0, 0, 1, 0, 1], Close::TooBig),
        (
            "absurdly big",
            [vec![0x81, 0xFF], vec![0xFF; 8]].concat(),
            Close::TooBig,
        ),
    ];
    for (what, bytes, close) in cases {
        let mut decoder = Decoder::new();
        assert_eq!(feed(&mut decoder, &bytes), Err(close), "{what}");
        assert_eq!(feed(&mut decoder, &text("more")), Ok(vec![]), "after {what}");
        assert!(decoder.partial.is_none());
    }
}

#[test]
fn text_that_cant_become_utf8_closes_at_once() {
    // Each ends with the byte that decides.
    let broken: [&[u8]; 6] = [
        b"\xFF",
        b"ok \xCE\xBA\xE1\xBD\xB9\xCF\x83\xED\xA0",
        b"\xF4\x90",
        b"\xC0",
        b"\xE0\x80",
        b"\xF8",
    ];
    for bytes in broken {
        let padded = [bytes, &[b'x'; 200]].concat();
        let whole = frame(true, 1, &padded);
        let header = whole.len() - padded.len();
        let mut decoder = Decoder::new();
        let before = header + bytes.len() - 1;
        assert_eq!(feed(&mut decoder, &whole[..before]), Ok(vec![]), "{bytes:x?}");
        assert_eq!(
            feed(&mut decoder, &whole[before..=before]),
            Err(Close::NotUtf8),
            "{bytes:x?}"
        );
        assert_eq!(decode(&frame(false, 1, bytes)), Err(Close::NotUtf8), "{bytes:x?}");
        let (head, tail) = bytes.split_at(bytes.len() - 1);
        let fragments = [frame(false, 1, head), frame(false, 0, tail)].concat();
        assert_eq!(decode(&fragments), Err(Close::NotUtf8), "{bytes:x?}");
    }
    let cut_off = [frame(false, 1, b"\xE2\x82"), frame(true, 0, b"")].concat();
    assert_eq!(decode(&cut_off), Err(Close::NotUtf8));
}

#[test]
fn fragments_together_stay_within_the_limit() {
    let half = vec![b'x'; LIMITS.message_bytes / 2];
    let whole = [frame(false, 1, &half), frame(true, 0, &half)].concat();
    assert_eq!(decode(&whole), Ok(vec![said(&"x".repeat(LIMITS.message_bytes))]));
    let over = [
        frame(false, 1, &half),
        frame(false, 0, &half),
        frame(true, 0, b"x"),
    ];
    assert_eq!(decode(&over.concat()), Err(Close::TooBig));
}

#[test]
fn memory_follows_what_came() {
    let mut decoder = Decoder::new();
    let whole = frame(true, 2, &vec![0; LIMITS.message_bytes]);
    let kept = |decoder: &Decoder| {
        let message = decoder.partial.as_ref().unwrap().message.as_ref().unwrap();
        (message.len(), message.capacity())
    };
    feed(&mut decoder, &whole[..1000]).unwrap();
    assert!(kept(&decoder).1 < 2000);
    for bytes in whole[1000..whole.len() - 1].chunks(100) {
        feed(&mut decoder, bytes).unwrap();
        let (len, capacity) = kept(&decoder);
        assert!(capacity <= (2 * len).min(LIMITS.message_bytes));
    }
    feed(&mut decoder, &whole[whole.len() - 1..]).unwrap();
    assert!(decoder.partial.is_none());
}

#[test]
fn a_compressed_message_is_read_where_it_was_agreed() {
    let packed = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
    let whole = frame(true, RSV1 | TEXT, &packed);
    let fragments = [
        frame(false, RSV1 | TEXT, &packed[..3]),
        frame(true, 9, b"between"),
        frame(true, 0, &packed[3..]),
    ]
    .concat();
    assert_eq!(decode(&whole), Err(Close::Protocol));
    let mut decoder = Decoder::with_deflate();
    for bytes in [&whole[..], &text("Hello")] {
        assert_eq!(feed(&mut decoder, bytes), Ok(vec![said("Hello")]));
    }
    let mut heard = Vec::new();
    for byte in fragments.chunks(1) {
        heard.extend(feed(&mut decoder, byte).unwrap());
    }
    assert_eq!(heard, [Heard::Ping(b"between".to_vec()), said("Hello")]);
    assert!(decoder.partial.is_none());
}

#[test]
fn compression_is_marked_on_the_first_frame_of_data_alone() {
    for bytes in [
        frame(true, RSV1 | 0x9, b""),
        frame(true, RSV1 | 0x8, b""),
        [frame(false, RSV1 | TEXT, b""), frame(true, RSV1, b"\0")].concat(),
        frame(true, 0x20 | TEXT, b""),
    ] {
        assert_eq!(
            feed(&mut Decoder::with_deflate(), &bytes),
            Err(Close::Protocol),
            "{bytes:x?}"
        );
    }
}

#[test]
fn what_is_compressed_keeps_the_rules_too() {
    let bomb = deflate::compress_text(&vec![b'x'; LIMITS.message_bytes + 1]).unwrap();
    let fits = deflate::compress_text(&vec![b'x'; LIMITS.message_bytes]).unwrap();
    let not_utf8 = deflate::compress_text(&[0xFF; 300]).unwrap();
    let sent = |server_frame: &[u8]| {
        // Each is shorter than what would need a longer length.
        let (begins, payload) = match server_frame[1] {
            126 => (server_frame[0], &server_frame[4..]),
            _ => (server_frame[0], &server_frame[2..]),
        };
        feed(&mut Decoder::with_deflate(), &frame(true, begins & 0x7F, payload))
    };
    assert_eq!(sent(&bomb), Err(Close::TooBig));
    assert_eq!(sent(&fits), Ok(vec![said(&"x".repeat(LIMITS.message_bytes))]));
    assert_eq!(sent(&not_utf8), Err(Close::NotUtf8));
    assert_eq!(sent(&[0xC1, 3, 0xFF, 0xFF, 0xFF]), Err(Close::Protocol));
    // More than the limit could ever be compressed to.
    assert_eq!(
        sent(&[&[0xC1, 126, 0, 0][..], &vec![0; 80_000]].concat()),
        Err(Close::TooBig)
    );
}

#[test]
fn a_message_may_be_decoded_while_another_is_heard() {
    let packed = frame(true, RSV1 | TEXT, &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]);
    let mut heard = Vec::new();
    Decoder::with_deflate()
        .feed(&mut packed.clone(), LIMITS, &mut |outer| {
            heard.extend(feed(&mut Decoder::with_deflate(), &packed).unwrap());
            heard.push(outer.into());
        })
        .unwrap();
    assert_eq!(heard, [said("Hello"), said("Hello")]);
}

#[test]
fn a_message_at_the_limit_may_get_longer_when_it_is_compressed() {
    // Stored blocks: what a client sends of what it can't compress.
    let mut packed = Vec::new();
    for block in vec![b'x'; LIMITS.message_bytes].chunks(1000) {
        let len = u16::try_from(block.len()).unwrap();
        packed.push(0);
        packed.extend(len.to_le_bytes());
        packed.extend((!len).to_le_bytes());
        packed.extend(block);
    }
    packed.push(0);
    assert!(packed.len() > LIMITS.message_bytes);
    let (head, tail) = packed.split_at(packed.len() / 2);
    let expected = Ok(vec![said(&"x".repeat(LIMITS.message_bytes))]);
    for bytes in [
        frame(true, RSV1 | TEXT, &packed),
        [frame(false, RSV1 | TEXT, head), frame(true, 0, tail)].concat(),
    ] {
        assert!(feed(&mut Decoder::with_deflate(), &bytes) == expected);
    }
}
