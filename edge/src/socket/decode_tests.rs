use proptest::prelude::*;

use super::*;

const LIMIT: usize = 64 * 1024;

/// A client frame, masked.
fn frame(fin: bool, opcode: u8, mask: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![u8::from(fin) << 7 | opcode];
    match u16::try_from(payload.len()) {
        Ok(short @ 0..=125) => bytes.push(0x80 | u8::try_from(short).unwrap()),
        Ok(medium) => {
            bytes.push(0xFE);
            bytes.extend(medium.to_be_bytes());
        }
        Err(_) => {
            bytes.push(0xFF);
            bytes.extend((payload.len() as u64).to_be_bytes());
        }
    }
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
    frame(true, 1, [1, 2, 3, 4], payload.as_bytes())
}

fn decode(bytes: &[u8]) -> Result<Vec<Incoming>, CloseCode> {
    let mut out = Vec::new();
    Decoder::default().feed(bytes, LIMIT, &mut out).map(|()| out)
}

#[test]
fn every_kind_of_message_is_read() {
    let bytes = [
        text("ü"),
        frame(true, 2, [0; 4], b"xyz"),
        frame(true, 9, [9; 4], b"hi"),
        frame(true, 10, [9; 4], b""),
        frame(true, 8, [9; 4], &1000_u16.to_be_bytes()),
        frame(true, 8, [9; 4], b""),
    ]
    .concat();
    let expected = vec![
        Incoming::Text("ü".to_owned()),
        Incoming::Binary,
        Incoming::Ping(b"hi".to_vec()),
        Incoming::Pong,
        Incoming::Close(Some(1000)),
        Incoming::Close(None),
    ];
    assert_eq!(decode(&bytes), Ok(expected));
}

#[test]
fn a_stream_may_be_cut_anywhere() {
    let fragments = [
        frame(false, 1, [1, 2, 3, 4], "grü".as_bytes().split_last().unwrap().1),
        frame(true, 9, [7; 4], b"between"),
        frame(false, 0, [0; 4], &[*"ü".as_bytes().last().unwrap()]),
        frame(true, 0, [4, 3, 2, 1], b"n"),
        text(&"y".repeat(300)),
    ]
    .concat();
    let expected = vec![
        Incoming::Ping(b"between".to_vec()),
        Incoming::Text("grün".to_owned()),
        Incoming::Text("y".repeat(300)),
    ];
    for cut in 0..=fragments.len() {
        let (mut decoder, mut out) = (Decoder::default(), Vec::new());
        decoder.feed(&fragments[..cut], LIMIT, &mut out).unwrap();
        decoder.feed(&fragments[cut..], LIMIT, &mut out).unwrap();
        assert_eq!(out, expected, "cut at {cut}");
        assert!(decoder.rest.capacity() == 0 && decoder.fragments.is_none());
    }
    let (mut decoder, mut out) = (Decoder::default(), Vec::new());
    for byte in fragments {
        decoder.feed(&[byte], LIMIT, &mut out).unwrap();
    }
    assert_eq!(out, expected);
}

#[test]
fn broken_rules_close_with_their_code() {
    let unmasked = vec![0x81, 1, b'x'];
    let long_ping = frame(true, 9, [0; 4], &[0; 126]);
    let cases: [(&str, Vec<u8>, CloseCode); 12] = [
        ("unmasked", unmasked, CloseCode::Protocol),
        ("reserved bit", vec![0xC1, 0x80, 0, 0, 0, 0], CloseCode::Protocol),
        ("unknown opcode", frame(true, 3, [0; 4], b""), CloseCode::Protocol),
        ("long control frame", long_ping, CloseCode::Protocol),
        (
            "fragmented control frame",
            frame(false, 9, [0; 4], b""),
            CloseCode::Protocol,
        ),
        (
            "nothing to continue",
            frame(true, 0, [0; 4], b"x"),
            CloseCode::Protocol,
        ),
        (
            "text within text",
            [frame(false, 1, [0; 4], b"x"), text("y")].concat(),
            CloseCode::Protocol,
        ),
        (
            "half a close code",
            frame(true, 8, [0; 4], b"x"),
            CloseCode::Protocol,
        ),
        (
            "no such close code",
            frame(true, 8, [0; 4], &999_u16.to_be_bytes()),
            CloseCode::Protocol,
        ),
        ("not UTF-8", frame(true, 1, [0; 4], &[0xFF]), CloseCode::NotUtf8),
        (
            "too big",
            vec![0x81, 0xFF, 0, 0, 0, 0, 0, 1, 0, 1],
            CloseCode::TooBig,
        ),
        (
            "absurdly big",
            [vec![0x81, 0xFF], vec![0xFF; 8]].concat(),
            CloseCode::TooBig,
        ),
    ];
    for (what, bytes, code) in cases {
        assert_eq!(decode(&bytes), Err(code), "{what}");
    }
}

#[test]
fn fragments_together_stay_within_the_limit() {
    let half = vec![b'x'; LIMIT / 2];
    let whole = [frame(false, 1, [0; 4], &half), frame(true, 0, [0; 4], &half)].concat();
    assert_eq!(decode(&whole), Ok(vec![Incoming::Text("x".repeat(LIMIT))]));
    let over = [
        frame(false, 1, [0; 4], &half),
        frame(false, 0, [0; 4], &half),
        frame(true, 0, [0; 4], b"x"),
    ];
    assert_eq!(decode(&over.concat()), Err(CloseCode::TooBig));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..64), 0..16)) {
        let (mut decoder, mut out) = (Decoder::default(), Vec::new());
        for chunk in chunks {
            if decoder.feed(&chunk, 100, &mut out).is_err() {
                break;
            }
            prop_assert!(decoder.rest.len() <= 100 + 14 + 64);
        }
    }

    #[test]
    fn what_was_said_is_heard(
        said in proptest::collection::vec(("\\PC{0,200}", any::<[u8; 4]>()), 1..8),
        cuts in proptest::collection::vec(1..50_usize, 1..20),
    ) {
        let bytes: Vec<u8> = said
            .iter()
            .flat_map(|(payload, mask)| frame(true, 1, *mask, payload.as_bytes()))
            .collect();
        let (mut decoder, mut out, mut at) = (Decoder::default(), Vec::new(), 0);
        for cut in cuts.iter().cycle() {
            if at == bytes.len() {
                break;
            }
            let end = (at + cut).min(bytes.len());
            decoder.feed(&bytes[at..end], LIMIT, &mut out).unwrap();
            at = end;
        }
        let heard: Vec<Incoming> = said.into_iter().map(|(payload, _)| Incoming::Text(payload)).collect();
        prop_assert_eq!(out, heard);
    }
}
