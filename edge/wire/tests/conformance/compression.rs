//! Sections 12 and 13: compressed messages, for each offer. Each size has 20 messages here, where the suite has 1,000.

use flate2::{Compress, Compression, FlushCompress};

use crate::client::{BINARY, Client, Event, FIN, RSV1, TEXT, frame};

/// Bytes of a message, and of its fragments (0: it has one).
const SIZES: [(usize, usize); 18] = [
    (16, 0),
    (64, 0),
    (256, 0),
    (1024, 0),
    (4096, 0),
    (8192, 0),
    (16_384, 0),
    (32_768, 0),
    (65_536, 0),
    (131_072, 0),
    (8192, 256),
    (16_384, 256),
    (32_768, 256),
    (65_536, 256),
    (131_072, 256),
    (131_072, 1024),
    (131_072, 4096),
    (131_072, 32_768),
];

const MESSAGES: usize = 20;

/// What the messages are cut from.
#[derive(Clone, Copy)]
enum Data {
    /// JSON, as text.
    Json,
    /// Prose, as bytes.
    Prose,
    /// What can't be compressed, as bytes.
    Noise,
}

impl Data {
    fn bytes(self, len: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let mut random = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state >> 33
        };
        let mut bytes = Vec::with_capacity(len + 100);
        while bytes.len() < len {
            match self {
                Self::Json => bytes.extend(
                    format!(
                        "{{\"id\": {}, \"name\": \"Zoë {}\"}},\n",
                        random(),
                        random() % 100
                    )
                    .into_bytes(),
                ),
                Self::Prose => {
                    let words = [
                        "habe ",
                        "nun, ",
                        "ach! ",
                        "Philosophie, ",
                        "Juristerei ",
                        "und ",
                        "Medizin, ",
                    ];
                    bytes.extend_from_slice(words[usize::try_from(random() % 7).unwrap()].as_bytes());
                }
                Self::Noise => bytes.extend(random().to_le_bytes().into_iter().take(3)),
            }
        }
        bytes
    }

    fn is_text(self) -> bool {
        matches!(self, Self::Json)
    }
}

/// Compresses as a client that was told to take no context over.
fn packed(payload: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(payload.len() * 2 + 100);
    let mut compressor = Compress::new(Compression::default(), false);
    compressor
        .compress_vec(payload, &mut packed, FlushCompress::Sync)
        .unwrap();
    assert_eq!(compressor.total_in(), payload.len() as u64);
    packed.truncate(packed.len() - 4);
    packed
}

fn converse(offer: &str, expected: &str, data: Data) {
    let mut client = Client::offering(Some(offer));
    assert_eq!(client.extension.as_deref(), Some(expected), "{offer}");
    let source = data.bytes(2 * 131_072);
    let source = String::from_utf8_lossy(&source);
    let noise = data.bytes(2 * 131_072);
    for (len, size) in SIZES {
        for nth in 0..MESSAGES {
            let (opcode, payload) = if data.is_text() {
                let from = source.floor_char_boundary(nth * 1000);
                let to = source.floor_char_boundary(from + len);
                (TEXT, &source.as_bytes()[from..to])
            } else {
                (BINARY, &noise[nth * 1000..][..len])
            };
            let packed = packed(payload);
            let size = if size == 0 { packed.len() } else { size };
            let mut stream = Vec::new();
            let pieces = packed.len().div_ceil(size);
            for (at, fragment) in packed.chunks(size).enumerate() {
                let begins = if at == 0 { RSV1 | opcode } else { 0 };
                let ends = if at + 1 == pieces { FIN } else { 0 };
                stream.extend(frame(begins | ends, fragment));
            }
            client.send(&stream);
            let echo = if data.is_text() {
                Event::Text(payload.to_vec())
            } else {
                Event::Binary(payload.to_vec())
            };
            assert_eq!(client.event(), echo, "{len} bytes in fragments of {size}");
        }
    }
    let most = MESSAGES * SIZES.len();
    match data {
        Data::Noise => assert_eq!(client.compressed, 0),
        // All but those that are not worth it, and those that a small window does not reach across.
        _ if offer.contains("=9") => assert!((MESSAGES..most / 2).contains(&client.compressed)),
        _ => assert!((most - 3 * MESSAGES..most).contains(&client.compressed)),
    }
    client.leaves();
}

const ANSWER: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

#[test]
fn cases_12_1_1_to_12_5_18_messages_of_each_kind() {
    let offer = "permessage-deflate; client_no_context_takeover; client_max_window_bits";
    for data in [Data::Json, Data::Prose, Data::Noise] {
        converse(offer, ANSWER, data);
    }
}

#[test]
fn cases_13_1_1_to_13_2_18_with_and_without_context() {
    converse("permessage-deflate; client_max_window_bits", ANSWER, Data::Json);
    converse(
        "permessage-deflate; server_no_context_takeover",
        ANSWER,
        Data::Json,
    );
}

#[test]
fn cases_13_3_1_to_13_6_18_with_a_limit_on_our_window() {
    for (offered, takeover) in [
        (9, ""),
        (15, ""),
        (9, "; server_no_context_takeover"),
        (15, "; server_no_context_takeover"),
    ] {
        let offer = format!("permessage-deflate; server_max_window_bits={offered}{takeover}");
        let answer = format!("{ANSWER}; server_max_window_bits={offered}");
        converse(&offer, &answer, Data::Json);
    }
}

#[test]
fn cases_13_7_1_to_13_7_18_of_several_offers_the_first() {
    let offer = "permessage-deflate; server_no_context_takeover; server_max_window_bits=9, \
                 permessage-deflate; server_no_context_takeover, permessage-deflate";
    converse(offer, &format!("{ANSWER}; server_max_window_bits=9"), Data::Json);
}
