//! Sections 3 and 4: reserved bits, reserved opcodes.

use crate::client::{BINARY, CLOSE, Client, FIN, PING, PROTOCOL, TEXT, frame};

const HELLO: &[u8] = b"Hello, world!";

/// Says hello first, then the frame and a ping, in pieces of so many bytes.
fn fails_after_hello(first: u8, payload: &[u8], size: usize) {
    let mut client = Client::connect();
    let bytes = [
        frame(FIN | TEXT, HELLO),
        frame(first, payload),
        frame(FIN | PING, b""),
    ]
    .concat();
    client.send_chopped(&bytes, size);
    client.hears(HELLO);
    client.closed_with(Some(PROTOCOL));
}

fn fails(first: u8, payload: &[u8]) {
    let mut client = Client::connect();
    client.send(&frame(first, payload));
    client.closed_with(Some(PROTOCOL));
}

#[test]
fn case_3_1_reserved_1() {
    fails(FIN | 1 << 4 | TEXT, HELLO);
}

#[test]
fn cases_3_2_to_3_4_reserved_2_to_4_after_a_message() {
    fails_after_hello(FIN | 2 << 4 | TEXT, HELLO, usize::MAX);
    fails_after_hello(FIN | 3 << 4 | TEXT, HELLO, 19);
    fails_after_hello(FIN | 4 << 4 | TEXT, HELLO, 1);
}

#[test]
fn cases_3_5_to_3_7_reserved_5_to_7_on_other_frames() {
    fails(FIN | 5 << 4 | BINARY, b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff");
    fails(FIN | 6 << 4 | PING, HELLO);
    fails(FIN | 7 << 4 | CLOSE, b"");
}

#[test]
fn cases_4_1_1_to_4_1_5_opcodes_of_data_that_nobody_knows() {
    fails(FIN | 3, b"");
    fails(FIN | 4, b"reserved opcode payload");
    fails_after_hello(FIN | 5, b"", usize::MAX);
    fails_after_hello(FIN | 6, HELLO, usize::MAX);
    fails_after_hello(FIN | 7, HELLO, 1);
}

#[test]
fn cases_4_2_1_to_4_2_5_opcodes_of_control_that_nobody_knows() {
    fails(FIN | 0xB, b"");
    fails(FIN | 0xC, b"reserved opcode payload");
    fails_after_hello(FIN | 0xD, b"", usize::MAX);
    fails_after_hello(FIN | 0xE, HELLO, usize::MAX);
    fails_after_hello(FIN | 0xF, HELLO, 1);
}
