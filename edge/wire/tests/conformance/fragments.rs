//! Section 5: fragments, and control frames between them.

use crate::client::{Client, FIN, PING, PONG, PROTOCOL, TEXT, fragments, frame};

const PARTS: [&[u8]; 2] = [b"fragment1", b"fragment2"];

/// How a stream is cut: whole, by frames, by bytes.
#[derive(Clone, Copy)]
enum Cut {
    Whole,
    Frames,
    Bytes,
}

const CUTS: [Cut; 3] = [Cut::Whole, Cut::Frames, Cut::Bytes];

fn send(client: &mut Client, frames: &[Vec<u8>], cut: Cut) {
    match cut {
        Cut::Whole => client.send(&frames.concat()),
        Cut::Frames => frames
            .iter()
            .for_each(|frame| client.send_chopped(frame, usize::MAX)),
        Cut::Bytes => client.send_chopped(&frames.concat(), 1),
    }
}

fn fails(frames: &[Vec<u8>], cut: Cut) {
    let mut client = Client::connect();
    send(&mut client, frames, cut);
    client.closed_with(Some(PROTOCOL));
}

#[test]
fn cases_5_1_and_5_2_control_in_fragments_is_refused() {
    for opcode in [PING, PONG] {
        fails(&[frame(opcode, PARTS[0]), frame(FIN, PARTS[1])], Cut::Whole);
    }
}

#[test]
fn cases_5_3_to_5_5_text_in_two_fragments() {
    for cut in CUTS {
        let mut client = Client::connect();
        send(&mut client, &fragments(PARTS), cut);
        client.hears(b"fragment1fragment2");
        client.leaves();
    }
}

#[test]
fn cases_5_6_to_5_8_a_ping_between_two_fragments() {
    for cut in CUTS {
        let mut client = Client::connect();
        let mut frames = fragments(PARTS);
        frames.insert(1, frame(FIN | PING, b"ping payload"));
        send(&mut client, &frames, cut);
        client.hears_pong(b"ping payload");
        client.hears(b"fragment1fragment2");
        client.leaves();
    }
}

#[test]
fn cases_5_9_to_5_14_nothing_to_continue() {
    for fin in [FIN, 0] {
        for cut in CUTS {
            let frames = [
                frame(fin, b"non-continuation payload"),
                frame(FIN | TEXT, b"Hello, world!"),
            ];
            fails(&frames, cut);
        }
    }
}

#[test]
fn case_5_15_nothing_to_continue_after_a_message() {
    let mut client = Client::connect();
    let mut frames = fragments(PARTS);
    frames.extend([frame(0, b"fragment3"), frame(FIN | TEXT, b"fragment4")]);
    send(&mut client, &frames, Cut::Whole);
    client.hears(b"fragment1fragment2");
    client.closed_with(Some(PROTOCOL));
}

#[test]
fn cases_5_16_and_5_17_nothing_to_continue_before_a_message() {
    for fin in [0, FIN] {
        let once = [vec![frame(fin, b"fragment1")], fragments(PARTS)].concat();
        fails(&[once.clone(), once].concat(), Cut::Frames);
    }
}

#[test]
fn case_5_18_both_fragments_begin_a_message() {
    fails(&[frame(TEXT, PARTS[0]), frame(FIN | TEXT, PARTS[1])], Cut::Whole);
}

#[test]
fn cases_5_19_and_5_20_pings_are_answered_before_the_message_ends() {
    for cut in [Cut::Whole, Cut::Frames] {
        let mut client = Client::connect();
        let parts: [&[u8]; 5] = [
            b"fragment1",
            b"fragment2",
            b"fragment3",
            b"fragment4",
            b"fragment5",
        ];
        let frames = fragments(parts);
        send(&mut client, &frames[..2], cut);
        client.send(&frame(FIN | PING, b"pongme 1!"));
        client.hears_pong(b"pongme 1!");
        send(&mut client, &frames[2..4], cut);
        client.send(&frame(FIN | PING, b"pongme 2!"));
        client.hears_pong(b"pongme 2!");
        send(&mut client, &frames[4..], cut);
        client.hears(&parts.concat());
        client.leaves();
    }
}
