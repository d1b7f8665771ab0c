//! What a room's members are sent, with all that a shard does for it. The other ends of their sockets are not read: all that
//! is sent in a run fits into them.

use std::{hint::black_box, iter::repeat_n};

const MEMBERS: usize = 1000;

/// The JSON of a chat message, in bytes as many as that.
fn message(len: usize) -> Vec<u8> {
    let head = br#"{"type":"message","id":"0192f3a1-7b2c-7d3e-8f40-516273849506","room_id":"general","user_id":"alice","#;
    let tail = br#""username":"alice","message_type":"text","file_url":null,"timestamp":"2026-11-23T10:00:00.123Z","seq":7}"#;
    let mut json = head.to_vec();
    json.extend(br#""content":""#);
    let said = b"Is the review of the new release done, or shall we wait until everybody is back? ";
    let room = len - json.len() - tail.len() - 2;
    json.extend(said.iter().cycle().take(room));
    json.extend(br#"","#);
    json.extend(tail);
    json
}

fn publish(len: usize, compressed: usize, rounds: u64) {
    let message = message(len);
    let rounds = usize::try_from(rounds).unwrap_or(usize::MAX);
    let published = edge::bench_check::publish(MEMBERS, compressed, repeat_n(black_box(&*message), rounds));
    assert!(published.is_ok(), "there are files for {MEMBERS} members");
}

pub(super) fn plain(rounds: u64) {
    publish(250, 0, rounds);
}

pub(super) fn half_compressed(rounds: u64) {
    publish(400, MEMBERS / 2, rounds);
}
