//! Section 6: text that is UTF-8, text that is not, and how soon it shows.

use crate::client::{Client, FIN, NOT_UTF8, PING, TEXT, fragments, frame};

/// Greek, as the suite spells it: its second character takes three bytes.
const KOSME: &[u8] = "κ\u{1F79}σμε".as_bytes();

fn is_heard(payload: &[u8]) {
    let mut client = Client::connect();
    client.send(&frame(FIN | TEXT, payload));
    client.hears(payload);
    client.leaves();
}

fn is_refused(payload: &[u8]) {
    let mut client = Client::connect();
    client.send(&frame(FIN | TEXT, payload));
    client.closed_with(Some(NOT_UTF8));
}

fn all_heard(payloads: &[&[u8]]) {
    for payload in payloads {
        is_heard(payload);
    }
}

fn all_refused(payloads: &[&[u8]]) {
    for payload in payloads {
        is_refused(payload);
    }
}

#[test]
fn cases_6_1_1_to_6_1_3_fragments_without_payload() {
    for parts in [
        &[&b""[..]][..],
        &[b"", b"", b""],
        &[b"", b"middle frame payload", b""],
    ] {
        let mut client = Client::connect();
        client.send(&fragments(parts.iter().copied()).concat());
        client.hears(&parts.concat());
        client.leaves();
    }
}

#[test]
fn cases_6_2_1_to_6_2_4_characters_may_be_cut() {
    let text = "Hello-µ@ßöäüàá-UTF-8!!".as_bytes();
    let (head, tail) = text.split_at("Hello-µ@ßöä".len());
    let bytes = |text: &'static [u8]| text.chunks(1).collect();
    let cuts: [Vec<&[u8]>; 4] = [vec![text], vec![head, tail], bytes(text), bytes(KOSME)];
    for parts in cuts {
        let mut client = Client::connect();
        client.send(&fragments(parts.iter().copied()).concat());
        client.hears(&parts.concat());
        client.leaves();
    }
}

#[test]
fn cases_6_3_1_and_6_3_2_what_is_not_utf8_is_refused() {
    let broken = [KOSME, b"\xED\xA0\x80edited"].concat();
    is_refused(&broken);
    let mut client = Client::connect();
    for fragment in fragments(broken.chunks(1)) {
        client.send_chopped(&fragment, usize::MAX);
    }
    client.closed_with(Some(NOT_UTF8));
}

#[test]
fn cases_6_4_1_and_6_4_2_a_fragment_that_breaks_it_ends_it() {
    let broken = [KOSME, b"\xF4\x90\x80\x80edited"].concat();
    for (first, second) in [(11, 15), (12, 13)] {
        let mut client = Client::connect();
        client.send(&frame(TEXT, &broken[..first]));
        // Still there.
        client.send(&frame(FIN | PING, b""));
        client.hears_pong(b"");
        client.send(&frame(0, &broken[first..second]));
        client.closed_with(Some(NOT_UTF8));
    }
}

#[test]
fn cases_6_4_3_and_6_4_4_a_byte_that_breaks_it_ends_it() {
    let broken = [KOSME, b"\xF4\x90\x80\x80edited"].concat();
    for (first, second) in [(11, 15), (12, 13)] {
        let mut client = Client::connect();
        let whole = frame(FIN | TEXT, &broken);
        let header = whole.len() - broken.len();
        client.send(&whole[..header + first]);
        client.send(&whole[header + first..header + second]);
        client.closed_with(Some(NOT_UTF8));
    }
}

#[test]
fn cases_6_5_1_to_6_5_5_some_text() {
    all_heard(&[
        b"hello$world",
        "hello¢world".as_bytes(),
        "hello€world".as_bytes(),
        "hello𤭢world".as_bytes(),
        KOSME,
    ]);
}

#[test]
fn cases_6_6_1_to_6_6_11_all_beginnings_of_a_text() {
    for end in 1..=KOSME.len() {
        let beginning = &KOSME[..end];
        if [2, 5, 7, 9, 11].contains(&end) {
            is_heard(beginning);
        } else {
            is_refused(beginning);
        }
    }
}

#[test]
fn cases_6_7_1_to_6_10_3_first_and_last_of_each_length() {
    all_heard(&[b"\x00", b"\xC2\x80", b"\xE0\xA0\x80", b"\xF0\x90\x80\x80"]);
    all_refused(&[b"\xF8\x88\x80\x80\x80", b"\xFC\x84\x80\x80\x80\x80"]);
    all_heard(&[b"\x7F", b"\xDF\xBF", b"\xEF\xBF\xBF", b"\xF4\x8F\xBF\xBF"]);
    all_refused(&[
        b"\xF7\xBF\xBF\xBF",
        b"\xFB\xBF\xBF\xBF\xBF",
        b"\xFD\xBF\xBF\xBF\xBF\xBF",
    ]);
}

#[test]
fn cases_6_11_1_to_6_11_5_other_edges() {
    all_heard(&[
        b"\xED\x9F\xBF",
        b"\xEE\x80\x80",
        b"\xEF\xBF\xBD",
        b"\xF4\x8F\xBF\xBF",
    ]);
    is_refused(b"\xF4\x90\x80\x80");
}

#[test]
fn cases_6_12_1_to_6_12_8_continuations_alone() {
    all_refused(&[
        b"\x80",
        b"\xBF",
        b"\x80\xBF",
        b"\x80\xBF\x80",
        b"\x80\xBF\x80\xBF",
        b"\x80\xBF\x80\xBF\x80",
        b"\x80\xBF\x80\xBF\x80\xBF",
        &(0x80..0xBF).collect::<Vec<u8>>(),
    ]);
}

#[test]
fn cases_6_13_1_to_6_13_5_beginnings_alone() {
    for (from, to) in [
        (0xC0, 0xDF),
        (0xE0, 0xEF),
        (0xF0, 0xF7),
        (0xF8, 0xFB),
        (0xFC, 0xFD),
    ] {
        is_refused(&(from..to).flat_map(|byte| [byte, b' ']).collect::<Vec<u8>>());
    }
}

#[test]
fn cases_6_14_1_to_6_15_1_the_last_byte_is_missing() {
    let cut_off: [&[u8]; 10] = [
        b"\xC0",
        b"\xE0\x80",
        b"\xF0\x80\x80",
        b"\xF8\x80\x80\x80",
        b"\xFC\x80\x80\x80\x80",
        b"\xDF",
        b"\xEF\xBF",
        b"\xF7\xBF\xBF",
        b"\xFB\xBF\xBF\xBF",
        b"\xFD\xBF\xBF\xBF\xBF",
    ];
    all_refused(&cut_off);
    is_refused(&cut_off.concat());
}

#[test]
fn cases_6_16_1_to_6_16_3_impossible_bytes() {
    all_refused(&[b"\xFE", b"\xFF", b"\xFE\xFE\xFF\xFF"]);
}

#[test]
fn cases_6_17_1_to_6_19_5_longer_than_needed() {
    all_refused(&[
        b"\xC0\xAF",
        b"\xE0\x80\xAF",
        b"\xF0\x80\x80\xAF",
        b"\xF8\x80\x80\x80\xAF",
        b"\xFC\x80\x80\x80\x80\xAF",
        b"\xC1\xBF",
        b"\xE0\x9F\xBF",
        b"\xF0\x8F\xBF\xBF",
        b"\xF8\x87\xBF\xBF\xBF",
        b"\xFC\x83\xBF\xBF\xBF\xBF",
        b"\xC0\x80",
        b"\xE0\x80\x80",
        b"\xF0\x80\x80\x80",
        b"\xF8\x80\x80\x80\x80",
        b"\xFC\x80\x80\x80\x80\x80",
    ]);
}

#[test]
fn cases_6_20_1_to_6_21_8_surrogates() {
    all_refused(&[
        b"\xED\xA0\x80",
        b"\xED\xAD\xBF",
        b"\xED\xAE\x80",
        b"\xED\xAF\xBF",
        b"\xED\xB0\x80",
        b"\xED\xBE\x80",
        b"\xED\xBF\xBF",
    ]);
    for high in [b"\xED\xA0\x80", b"\xED\xAD\xBF", b"\xED\xAE\x80", b"\xED\xAF\xBF"] {
        for low in [b"\xED\xB0\x80", b"\xED\xBF\xBF"] {
            is_refused(&[*high, *low].concat());
        }
    }
}

#[test]
fn cases_6_22_1_to_6_23_7_characters_that_are_none_and_specials() {
    for plane in 0..=16 {
        for last in [0xFFFE, 0xFFFF] {
            let character = char::from_u32(plane << 16 | last).unwrap();
            is_heard(character.to_string().as_bytes());
        }
    }
    for special in '\u{FFF9}'..='\u{FFFF}' {
        is_heard(special.to_string().as_bytes());
    }
}
