//! Sections 1, 2 and 10: messages of every form of length, pings and pongs, automatic fragments.

use crate::client::{BINARY, Client, Event, FIN, PING, PONG, PROTOCOL, TEXT, fragments, frame};

const LENGTHS: [usize; 7] = [0, 125, 126, 127, 128, 65_535, 65_536];

#[test]
fn cases_1_1_1_to_1_1_7_text_of_each_form_of_length() {
    for len in LENGTHS {
        let mut client = Client::connect();
        let payload = vec![b'*'; len];
        client.send(&frame(FIN | TEXT, &payload));
        client.hears(&payload);
        client.leaves();
    }
}

#[test]
fn cases_1_1_8_and_1_2_8_a_message_in_chops() {
    for opcode in [TEXT, BINARY] {
        let mut client = Client::connect();
        let payload = vec![b'*'; 65_536];
        client.send_chopped(&frame(FIN | opcode, &payload), 997);
        let echo = if opcode == TEXT {
            Event::Text(payload)
        } else {
            Event::Binary(payload)
        };
        assert_eq!(client.event(), echo);
        client.leaves();
    }
}

#[test]
fn cases_1_2_1_to_1_2_7_bytes_of_each_form_of_length() {
    for len in LENGTHS {
        let mut client = Client::connect();
        let payload = vec![0xFE; len];
        client.send(&frame(FIN | BINARY, &payload));
        assert_eq!(client.event(), Event::Binary(payload));
        client.leaves();
    }
}

#[test]
fn cases_2_1_to_2_4_a_ping_is_answered_with_its_payload() {
    for payload in [
        &b""[..],
        b"Hello, world!",
        b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff",
        &[0xFE; 125],
    ] {
        let mut client = Client::connect();
        client.send(&frame(FIN | PING, payload));
        client.hears_pong(payload);
        client.leaves();
    }
}

#[test]
fn case_2_5_a_ping_of_126_bytes_is_refused() {
    let mut client = Client::connect();
    client.send(&frame(FIN | PING, &[0xFE; 126]));
    client.closed_with(Some(PROTOCOL));
}

#[test]
fn case_2_6_a_ping_may_come_byte_by_byte() {
    let mut client = Client::connect();
    client.send_chopped(&frame(FIN | PING, &[0xFE; 125]), 1);
    client.hears_pong(&[0xFE; 125]);
    client.leaves();
}

#[test]
fn cases_2_7_and_2_8_a_pong_is_not_answered() {
    for payload in [&b""[..], b"unsolicited pong payload"] {
        let mut client = Client::connect();
        client.send(&frame(FIN | PONG, payload));
        client.leaves();
    }
}

#[test]
fn case_2_9_a_ping_after_a_pong_is_answered() {
    let mut client = Client::connect();
    client.send(&frame(FIN | PONG, b"unsolicited pong payload"));
    client.send(&frame(FIN | PING, b"ping payload"));
    client.hears_pong(b"ping payload");
    client.leaves();
}

#[test]
fn cases_2_10_and_2_11_every_ping_is_answered_in_order() {
    for size in [usize::MAX, 1] {
        let mut client = Client::connect();
        for nth in 0..10 {
            client.send_chopped(&frame(FIN | PING, format!("payload-{nth}").as_bytes()), size);
        }
        for nth in 0..10 {
            client.hears_pong(format!("payload-{nth}").as_bytes());
        }
        client.leaves();
    }
}

#[test]
fn case_10_1_1_a_message_in_fragments_of_1300() {
    let mut client = Client::connect();
    let payload = &vec![b'*'; 65_536][..];
    client.send(&fragments(payload.chunks(1300)).concat());
    client.hears(payload);
    client.leaves();
}
