//! What a room's members are sent, with all that a shard does for it. The other ends of their sockets are not read: all that
//! is sent in a run fits into them.

use std::{hint::black_box, iter::repeat_n};

const MEMBERS: usize = 1000;

/// The frame of a chat message, 250 bytes.
fn message() -> Vec<u8> {
    let head = br#"{"type":"message","id":"0192f3a1-7b2c-7d3e-8f40-516273849506","room_id":"general","user_id":"alice","#;
    let tail = br#""username":"alice","message_type":"text","file_url":null,"timestamp":"2026-11-23T10:00:00.123Z","seq":7}"#;
    let mut json = head.to_vec();
    json.extend(br#""content":""#);
    json.resize(250 - tail.len() - 2, b'x');
    json.extend(br#"","#);
    json.extend(tail);
    json
}

fn publish(members: usize, compressed: usize, rounds: u64) {
    let message = message();
    let rounds = usize::try_from(rounds).unwrap_or(usize::MAX);
    let published = edge::bench_check::publish(members, compressed, repeat_n(black_box(&*message), rounds));
    assert!(published.is_ok(), "there are files for {members} members");
}

pub(super) fn plain(rounds: u64) {
    publish(MEMBERS, 0, rounds);
}

pub(super) fn half_compressed(rounds: u64) {
    publish(MEMBERS, MEMBERS / 2, rounds);
}
