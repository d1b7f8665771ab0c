//! Streams at random: what any client says is heard, and what nobody would say does no harm. `WIRE_CASES` sets how many
//! streams each test makes up.

use std::io::Cursor;

use proptest::prelude::*;
use tokio_tungstenite::tungstenite::protocol::frame::{
    Frame, FrameHeader,
    coding::{Data, OpCode},
};
use wire::{Close, Decoder, Incoming, Limits, deflate, encode};

const LIMITS: Limits = Limits { message_bytes: 4096 };

fn cases() -> ProptestConfig {
    let cases =
        std::env::var("WIRE_CASES").map_or(256, |cases| cases.parse().expect("WIRE_CASES is a number"));
    ProptestConfig {
        cases,
        // A failure prints the shortest stream that fails: that becomes a test with a name.
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong,
    Close(Option<u16>),
}

impl From<Incoming<'_>> for Said {
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

/// Feeds a stream in pieces of these sizes, over and over.
fn heard(mut decoder: Decoder, mut stream: Vec<u8>, cuts: &[usize]) -> (Vec<Said>, Result<(), Close>) {
    let mut heard = Vec::new();
    let mut rest = &mut stream[..];
    for &cut in cuts.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (now, later) = rest.split_at_mut(cut.min(rest.len()));
        if let Err(close) = decoder.feed(now, LIMITS, &mut |incoming| heard.push(incoming.into())) {
            return (heard, Err(close));
        }
        rest = later;
    }
    (heard, Ok(()))
}

/// A frame as a client of another maker writes it.
fn client_frame(mut frame: Frame, mask: [u8; 4], compressed: bool, stream: &mut Vec<u8>) {
    frame.header_mut().mask = Some(mask);
    frame.header_mut().rsv1 = compressed;
    frame.format(stream).expect("a frame fits in memory");
}

/// A frame of ours as a client of another maker reads it.
fn server_frame(bytes: &[u8]) -> (FrameHeader, &[u8]) {
    let mut cursor = Cursor::new(bytes);
    let (header, len) = FrameHeader::parse(&mut cursor)
        .expect("a header")
        .expect("a whole one");
    let payload = &bytes[usize::try_from(cursor.position()).expect("a short header")..];
    assert_eq!(payload.len() as u64, len);
    (header, payload)
}

/// Writes a message in fragments that end at these fractions of it, with pings between them.
fn client_message(
    text: bool,
    payload: &[u8],
    at: &[prop::sample::Index],
    mask: [u8; 4],
    compressed: bool,
) -> Vec<u8> {
    let mut ends: Vec<usize> = at.iter().map(|at| at.index(payload.len() + 1)).collect();
    ends.push(payload.len());
    ends.sort_unstable();
    let (mut stream, mut from) = (Vec::new(), 0);
    for (nth, &to) in ends.iter().enumerate() {
        let data = match (nth, text) {
            (0, true) => Data::Text,
            (0, false) => Data::Binary,
            _ => Data::Continue,
        };
        let (first, last) = (nth == 0, nth + 1 == ends.len());
        let fragment = Frame::message(payload[from..to].to_vec(), OpCode::Data(data), last);
        client_frame(fragment, mask, compressed && first, &mut stream);
        if !last {
            let ping = Frame::ping(vec![7; nth]);
            client_frame(ping, mask, false, &mut stream);
        }
        from = to;
    }
    stream
}

fn without_pings(mut said: Vec<Said>) -> Vec<Said> {
    said.retain(|said| !matches!(said, Said::Ping(_)));
    said
}

/// Bytes that look like frames often enough to get further than the first header.
fn stream_of_a_madman() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![
        4 => prop::sample::select(vec![0x01, 0x00, 0x80, 0x81, 0x82, 0x89, 0x8A, 0x41, 0xC1, 0xC2]),
        1 => Just(0x88),
        1 => any::<u8>(),
    ];
    let frame = (
        first,
        prop_oneof![4 => 0x80..0xFE_u8, 1 => any::<u8>()],
        prop::collection::vec(any::<u8>(), 0..140),
    )
        .prop_map(|(first, second, rest)| [vec![first, second], rest].concat());
    prop::collection::vec(frame, 0..12).prop_map(|frames| frames.concat())
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn any_bytes_do_no_harm_however_they_are_cut(
        stream in stream_of_a_madman(),
        cuts in prop::collection::vec(1..200_usize, 1..20),
    ) {
        for new in [Decoder::new, Decoder::with_deflate] {
            let at_once = heard(new(), stream.clone(), &[stream.len().max(1)]);
            let in_pieces = heard(new(), stream.clone(), &cuts);
            prop_assert_eq!(&at_once, &in_pieces);
        }
    }

    #[test]
    fn what_was_said_is_heard(
        messages in prop::collection::vec(
            ("\\PC{0,300}", any::<bool>(), prop::collection::vec(any::<prop::sample::Index>(), 0..4), any::<[u8; 4]>()),
            1..8,
        ),
        cuts in prop::collection::vec(1..300_usize, 1..20),
    ) {
        let (mut stream, mut said) = (Vec::new(), Vec::new());
        for (payload, text, at, mask) in messages {
            stream.extend(client_message(text, payload.as_bytes(), &at, mask, false));
            said.push(if text { Said::Text(payload) } else { Said::Binary(payload.into_bytes()) });
        }
        let (heard, fed) = heard(Decoder::new(), stream, &cuts);
        prop_assert_eq!(fed, Ok(()));
        prop_assert_eq!(without_pings(heard), said);
    }

    #[test]
    fn what_we_compress_is_what_a_client_could_have_sent(
        words in prop::collection::vec("[a-zäöü ]{1,12}", 1..300),
        repeated in 1..4_usize,
        at in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        cuts in prop::collection::vec(1..300_usize, 1..20),
    ) {
        let text = words.concat().repeat(repeated);
        if let Some(frame) = deflate::compress_text(text.as_bytes()) {
            prop_assert!(frame.len() < encode::text(text.as_bytes()).len());
            let (header, payload) = server_frame(&frame);
            prop_assert!(header.rsv1 && header.is_final);
            let stream = client_message(true, payload, &at, [1, 2, 3, 4], true);
            let (heard, fed) = heard(Decoder::with_deflate(), stream, &cuts);
            if text.len() > LIMITS.message_bytes {
                prop_assert_eq!(fed, Err(Close::TooBig));
            } else {
                prop_assert_eq!(fed, Ok(()));
                prop_assert_eq!(without_pings(heard), vec![Said::Text(text)]);
            }
        }
    }

    #[test]
    fn what_we_send_is_read_by_others(text in "\\PC{0,300}", binary in prop::collection::vec(any::<u8>(), 0..70_000)) {
        for (frame, payload, opcode) in [
            (encode::text(text.as_bytes()), text.as_bytes(), OpCode::Data(Data::Text)),
            (encode::binary(&binary), &binary[..], OpCode::Data(Data::Binary)),
        ] {
            let (header, read) = server_frame(&frame);
            prop_assert!(header.is_final && header.mask.is_none() && !header.rsv1);
            prop_assert_eq!(header.opcode, opcode);
            prop_assert_eq!(read, payload);
        }
    }
}
