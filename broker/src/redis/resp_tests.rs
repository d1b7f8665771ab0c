use proptest::{collection::vec, prelude::*};

use super::*;
use crate::redis::chunk::Chunk;

const PMESSAGE: &[u8] = b">4\r\n$8\r\npmessage\r\n$6\r\nroom:*\r\n$6\r\nroom:a\r\n$5\r\nhi\r\n!\r\n";

fn text(bytes: &[u8], range: &Range<usize>) -> String {
    bytes[range.clone()].escape_ascii().to_string()
}

/// What is said, in words.
fn told(bytes: &[u8]) -> Result<String, Stop> {
    let Said { what, length } = read(bytes)?;
    assert!(length <= bytes.len());
    Ok(match what {
        What::Message {
            pattern,
            channel,
            payload,
        } => format!(
            "{} {} {}",
            pattern.escape_ascii(),
            text(bytes, &channel),
            text(bytes, &payload)
        ),
        other => format!("{other:?} {length}"),
    })
}

#[test]
fn publications_are_found_in_place() {
    assert_eq!(told(PMESSAGE).unwrap(), r"room:* room:a hi\r\n!");
    for kind in ["message", "smessage"] {
        let said = format!(">3\r\n${}\r\n{kind}\r\n$1\r\nc\r\n$0\r\n\r\n+OK\r\n", kind.len());
        assert_eq!(told(said.as_bytes()).unwrap(), "c c ");
    }
}

#[test]
fn what_is_not_all_there_is_waited_for() {
    for end in 0..PMESSAGE.len() {
        let Err(Stop::Incomplete(needed)) = read(&PMESSAGE[..end]) else {
            panic!("{end} bytes are not enough");
        };
        assert!(needed > end && needed <= PMESSAGE.len(), "{end}: {needed}");
    }
}

#[test]
fn answers_of_every_kind_are_passed_over() {
    let hello = b"%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nmodules\r\n*1\r\n%1\r\n+a\r\n*-1\r\n";
    for answer in [
        &hello[..],
        b"+PONG\r\n",
        b":1\r\n",
        b"_\r\n",
        b"$-1\r\n",
        b"#t\r\n",
        b",1.5\r\n",
        b"(123\r\n",
        b"=5\r\ntxt:a\r\n",
        b"~1\r\n:1\r\n",
        b"*0\r\n",
    ] {
        let said = read(answer).unwrap();
        assert_eq!((said.what, said.length), (What::Answer, answer.len()));
    }
    let attribute = read(b"|1\r\n+ttl\r\n:3\r\n+OK\r\n").unwrap();
    assert_eq!((attribute.what, attribute.length), (What::Other, 14));
    let other = b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n";
    let said = read(other).unwrap();
    assert_eq!((said.what, said.length), (What::Other, other.len()));
}

#[test]
fn confirmations_and_refusals_are_told_apart() {
    let confirmed = read(b">3\r\n$10\r\npsubscribe\r\n$6\r\nroom:*\r\n:1\r\n").unwrap();
    assert_eq!(confirmed.what, What::Subscribed(b"room:*"));
    let gone = read(b">3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n").unwrap();
    assert_eq!(gone.what, What::Unsubscribed(b"a"));
    let nothing = read(b">3\r\n$11\r\nunsubscribe\r\n_\r\n:0\r\n").unwrap();
    assert_eq!(nothing.what, What::Other);
    assert_eq!(read(b"-NOPERM no\r\n").unwrap().what, What::Refused(b"NOPERM no"));
    assert_eq!(read(b"!3\r\nERR\r\n").unwrap().what, What::Refused(b"ERR"));
}

#[test]
fn what_redis_would_not_say_ends_the_reading() {
    let deep = b"*1\r\n".repeat(VALUES + 1);
    let wide = format!("*{}\r\n", VALUES + 1);
    let endless = vec![b'+'; LINE + 2];
    for malformed in [
        &b"HTTP/1.1 400 Bad Request\r\n"[..],
        b"\r\n",
        b">0\r\n",
        b">-1\r\n",
        b">3\r\n+message\r\n",
        b">3\r\n$7\r\nmessage\r\n$-1\r\n",
        b">3\r\n$7\r\nmessage\r\n$1\r\nab\r\n",
        b">3\r\n$7\r\nmessage\r\n$99999999999999999999\r\n",
        b"$+1\r\na\r\n",
        b"$99999999\r\n",
        b"+a\rb\r\n",
        &deep,
        wide.as_bytes(),
        &endless,
    ] {
        assert_eq!(
            read(malformed),
            Err(Stop::Malformed),
            "{}",
            malformed.escape_ascii()
        );
    }
}

#[test]
fn a_payload_beyond_the_bound_is_told_before_it_comes() {
    let begin = format!(">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n${}\r\n", LONGEST + 1);
    let said = read(begin.as_bytes()).unwrap();
    let expected = What::TooLong {
        pattern: b"c",
        channel: b"c",
        payload: LONGEST + 3,
    };
    assert_eq!((said.what, said.length), (expected, begin.len()));
}

/// What is read of a stream that arrives in pieces; whether it ends in something malformed.
fn read_in_pieces(stream: &[u8], pieces: &[usize]) -> (Vec<String>, bool) {
    let mut chunk = Chunk::new();
    let (mut rest, mut pieces) = (stream, pieces.iter().cycle());
    let mut all = Vec::new();
    while !rest.is_empty() {
        let length = pieces
            .next()
            .map_or(rest.len(), |piece| (*piece).clamp(1, rest.len()));
        let (piece, after) = rest.split_at(length);
        chunk.space().extend_from_slice(piece);
        rest = after;
        loop {
            let bytes = chunk.filled();
            if bytes.is_empty() {
                break;
            }
            match read(bytes) {
                Ok(said) => {
                    let length = said.length;
                    if let What::TooLong { payload, .. } = said.what {
                        all.push("too long".to_owned());
                        chunk.take(length);
                        chunk.skip(payload);
                    } else {
                        all.push(told(bytes).unwrap());
                        chunk.take(length);
                    }
                }
                Err(Stop::Incomplete(needed)) => {
                    assert!(needed > bytes.len());
                    chunk.need(needed);
                    break;
                }
                Err(Stop::Malformed) => return (all, true),
            }
        }
    }
    (all, false)
}

fn publications() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let payload = prop_oneof![
        8 => vec(any::<u8>(), 0..300),
        1 => (0_usize..200_000).prop_map(|length| vec![b'\r'; length]),
    ];
    vec(("[a-z:]{1,20}", payload), 1..20)
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in vec(any::<u8>(), 0..200), pieces in vec(1_usize..50, 1..5)) {
        read_in_pieces(&bytes, &pieces);
    }

    #[test]
    fn no_bytes_of_the_protocol_make_it_panic(
        bytes in r"([>*$%|~!=+:_-][0-9-]{0,3}\r\n|[a-z]{1,4}\r\n){0,30}",
        pieces in vec(1_usize..50, 1..5),
    ) {
        read_in_pieces(bytes.as_bytes(), &pieces);
    }

    #[test]
    fn a_damaged_stream_does_not_make_it_panic(at in 0..PMESSAGE.len(), byte in any::<u8>()) {
        let mut stream = PMESSAGE.repeat(3);
        stream[at] = byte;
        read_in_pieces(&stream, &[7]);
    }

    #[test]
    fn whatever_the_pieces_the_publications_are_the_same(
        publications in publications(),
        pieces in vec(1_usize..100_000, 1..8),
    ) {
        let mut stream = Vec::new();
        let mut expected = Vec::new();
        for (channel, payload) in &publications {
            let (name, length) = (channel.len(), payload.len());
            let begin = format!(">3\r\n$7\r\nmessage\r\n${name}\r\n{channel}\r\n${length}\r\n");
            stream.extend_from_slice(begin.as_bytes());
            stream.extend_from_slice(payload);
            stream.extend_from_slice(b"\r\n");
            expected.push(format!("{channel} {channel} {}", payload.escape_ascii()));
        }
        prop_assert_eq!(read_in_pieces(&stream, &pieces), (expected, false));
    }
}

#[test]
fn what_follows_a_payload_beyond_the_bound_is_read() {
    let mut stream = format!(">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n${}\r\n", LONGEST + 1).into_bytes();
    stream.extend(vec![b'>'; LONGEST + 1]);
    stream.extend_from_slice(b"\r\n");
    stream.extend_from_slice(PMESSAGE);
    let read = read_in_pieces(&stream, &[100_000, 7]);
    assert_eq!(
        read,
        (
            vec!["too long".to_owned(), r"room:* room:a hi\r\n!".to_owned()],
            false
        )
    );
}
