//! The comparison: ChatFlow, the floors and the peers over the same work.

use super::{Part, each};
use crate::{contender::FLOOR_URING, workload::Size};

/// What a contender's name ends in where chat-svc sends it the messages, as it does to ChatFlow's edge.
const THROUGH_CHAT: &str = "+chat";

/// Peers, and the floor that is not to be had everywhere, that also the short plan has.
const NEAREST: [&str; 4] = ["uwebsockets", "nchan", "ws", FLOOR_URING];

/// Those of them that are measured as often as ChatFlow: the others are no near rivals, and one round tells.
const RIVALS: [&str; 2] = ["uwebsockets", FLOOR_URING];

/// All parts, with these peers.
pub(super) fn parts(quick: bool, peers: &[&str]) -> Vec<Part> {
    let rounds = if quick { 1 } else { 3 };
    let all = |floor: &str| {
        let mut all = each(rounds, &["chatflow", &format!("{floor}{THROUGH_CHAT}"), floor]);
        for peer in peers.iter().filter(|peer| !quick || NEAREST.contains(peer)) {
            let rounds = if RIVALS.contains(peer) { rounds } else { 1 };
            all.push(((*peer).to_owned(), rounds));
        }
        all
    };
    let size = Size {
        seconds: Some(if quick { 2.0 } else { 3.0 }),
        ..Size::default()
    };
    let mut parts = Vec::new();
    for (name, floor) in [
        ("room-single", "floor-each"),
        ("room-burst", "floor-batched"),
        ("small-rooms", "floor-batched"),
    ] {
        parts.push(Part::new(name, name, all(floor)).of_size(&size));
    }
    let calm = each(rounds, &["chatflow", "floor-each+chat", "uwebsockets"]);
    parts.push(Part::new("latency", "latency", calm).of_size(&size));
    let mut idle = all("floor-batched");
    // These keep what the batched floor keeps.
    idle.retain(|(name, _)| !name.ends_with(THROUGH_CHAT) && name != FLOOR_URING);
    let idle = idle.into_iter().map(|(name, _)| (name, 1)).collect();
    parts.push(Part::new("idle", "idle", idle));
    for name in ["store-postgres", "store-one-room", "store-sqlite"] {
        parts.push(Part::new(name, name, each(rounds, &["chatflow"])));
    }
    for name in ["start", "connect", "resume", "send", "send-sqlite", "files"] {
        parts.push(Part::new(name, name, each(1, &["chatflow"])));
    }
    parts
}
