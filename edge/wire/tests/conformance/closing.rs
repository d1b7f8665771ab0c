//! Section 7: how a conversation ends.

use crate::client::{CLOSE, Client, FIN, NORMAL, NOT_UTF8, PING, PROTOCOL, TEXT, close, fragments, frame};

/// Greek, as the suite spells it.
const KOSME: &[u8] = "κ\u{1F79}σμε".as_bytes();

const HELLO: &[u8] = b"Hello World!";

#[test]
fn case_7_1_1_a_message_before_the_close() {
    let mut client = Client::connect();
    client.send(&[frame(FIN | TEXT, HELLO), close(NORMAL, b"")].concat());
    client.hears(HELLO);
    client.closed_with(Some(NORMAL));
}

#[test]
fn cases_7_1_2_to_7_1_4_what_follows_a_close_is_ignored() {
    for after in [
        close(NORMAL, b""),
        frame(FIN | PING, b""),
        frame(FIN | TEXT, HELLO),
    ] {
        let mut client = Client::connect();
        client.send(&[close(NORMAL, b""), after].concat());
        client.closed_with(Some(NORMAL));
    }
}

#[test]
fn case_7_1_5_a_close_between_two_fragments() {
    let mut client = Client::connect();
    let mut frames = fragments([&b"fragment1"[..], b"fragment2"]);
    frames.insert(1, close(NORMAL, b""));
    client.send(&frames.concat());
    client.closed_with(Some(NORMAL));
}

#[test]
fn case_7_1_6_much_before_the_close() {
    let mut client = Client::connect();
    let much = vec![b'B'; 256 * 1024];
    client.send(
        &[
            frame(FIN | TEXT, &much),
            frame(FIN | TEXT, HELLO),
            close(NORMAL, b""),
        ]
        .concat(),
    );
    client.hears(&much);
    client.hears(HELLO);
    client.closed_with(Some(NORMAL));
}

#[test]
fn case_7_3_1_a_close_without_a_code() {
    let mut client = Client::connect();
    client.send(&frame(FIN | CLOSE, b""));
    client.closed_with(None);
}

#[test]
fn case_7_3_2_half_a_code() {
    let mut client = Client::connect();
    client.send(&frame(FIN | CLOSE, b"a"));
    client.closed_with(Some(PROTOCOL));
}

#[test]
fn cases_7_3_3_to_7_3_5_reasons_that_fit() {
    for reason in [&b""[..], HELLO, &[b'*'; 123]] {
        let mut client = Client::connect();
        client.send(&close(NORMAL, reason));
        client.closed_with(Some(NORMAL));
    }
}

#[test]
fn case_7_3_6_a_reason_that_does_not_fit() {
    let mut client = Client::connect();
    client.send(&close(NORMAL, &[b'*'; 124]));
    client.closed_with(Some(PROTOCOL));
}

#[test]
fn case_7_5_1_a_reason_that_is_not_utf8() {
    let mut client = Client::connect();
    client.send(&close(NORMAL, &[KOSME, b"\xED\xA0\x80edited"].concat()));
    client.closed_with(Some(NOT_UTF8));
}

#[test]
fn cases_7_7_1_to_7_7_13_codes_that_may_be_sent() {
    for code in [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999,
    ] {
        let mut client = Client::connect();
        client.send(&close(code, b""));
        client.closed_with(Some(code));
    }
}

#[test]
fn cases_7_9_1_to_7_9_9_codes_that_may_not_be_sent() {
    for code in [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999] {
        let mut client = Client::connect();
        client.send(&close(code, b""));
        client.closed_with(Some(PROTOCOL));
    }
}

#[test]
fn cases_7_13_1_and_7_13_2_codes_that_nobody_has_defined() {
    for code in [5000, u16::MAX] {
        let mut client = Client::connect();
        client.send(&close(code, b""));
        client.closed_with(Some(PROTOCOL));
    }
}
