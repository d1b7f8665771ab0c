//! Section 9: large messages, many fragments, small pieces. One connection serves a whole group of cases.

use crate::client::{BINARY, Client, Event, FIN, TEXT, frame};

const MIB: usize = 1024 * 1024;

fn echoes(client: &mut Client, opcode: u8, payload: &[u8]) {
    let echo = if opcode == TEXT {
        Event::Text(payload.to_vec())
    } else {
        Event::Binary(payload.to_vec())
    };
    assert_eq!(client.event(), echo, "opcode {opcode}, {} bytes", payload.len());
}

#[test]
fn cases_9_1_1_to_9_2_6_messages_of_up_to_16_mib() {
    for opcode in [TEXT, BINARY] {
        let mut client = Client::connect();
        for len in [64 * 1024, 256 * 1024, MIB, 4 * MIB, 8 * MIB, 16 * MIB] {
            let payload = vec![b'*'; len];
            client.send(&frame(FIN | opcode, &payload));
            echoes(&mut client, opcode, &payload);
        }
        client.leaves();
    }
}

#[test]
fn cases_9_3_1_to_9_4_9_a_message_of_4_mib_in_fragments() {
    let payload = vec![b'*'; 4 * MIB];
    for opcode in [TEXT, BINARY] {
        let mut client = Client::connect();
        for size in [
            64,
            256,
            1024,
            4096,
            16 * 1024,
            64 * 1024,
            256 * 1024,
            MIB,
            4 * MIB,
        ] {
            let mut stream = Vec::new();
            for (nth, fragment) in payload.chunks(size).enumerate() {
                let begins = if nth == 0 { opcode } else { 0 };
                let ends = if (nth + 1) * size == payload.len() { FIN } else { 0 };
                stream.extend(frame(begins | ends, fragment));
            }
            client.send(&stream);
            echoes(&mut client, opcode, &payload);
        }
        client.leaves();
    }
}

#[test]
fn cases_9_5_1_to_9_6_6_a_message_of_1_mib_in_chops() {
    let payload = vec![b'*'; MIB];
    for opcode in [TEXT, BINARY] {
        let mut client = Client::connect();
        for size in [64, 128, 256, 512, 1024, 2048] {
            client.send_chopped(&frame(FIN | opcode, &payload), size);
            echoes(&mut client, opcode, &payload);
        }
        client.leaves();
    }
}

#[test]
fn cases_9_7_1_to_9_8_6_a_thousand_messages_one_by_one() {
    for opcode in [TEXT, BINARY] {
        let mut client = Client::connect();
        for len in [0, 16, 64, 256, 1024, 4096] {
            let payload = vec![b'*'; len];
            let message = frame(FIN | opcode, &payload);
            for _ in 0..1000 {
                client.send(&message);
                echoes(&mut client, opcode, &payload);
            }
        }
        client.leaves();
    }
}
