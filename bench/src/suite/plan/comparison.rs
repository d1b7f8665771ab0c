//! The comparison: ChatFlow, the floors and the peers over the same work.

use super::{Part, each};
use crate::{contender::FLOOR_URING, workload::Size};

/// What a contender's name ends in where chat-svc sends it the messages, as it does to ChatFlow's edge.
const THROUGH_CHAT: &str = "+chat";

/// Peers, and the floor that is not to be had everywhere, that also the short plan has.
const NEAREST: [&str; 4] = ["uwebsockets", "nchan", "ws", FLOOR_URING];

/// Those of them that are measured as often as ChatFlow, the nearest first: the others are no near rivals, and one round tells.
const RIVALS: [&str; 2] = ["uwebsockets", FLOOR_URING];

/// All parts, with these peers.
pub(super) fn parts(quick: bool, peers: &[&str]) -> Vec<Part> {
    let rounds = if quick { 1 } else { 3 };
    let all = |floor: &str, by_floor: usize| {
        let mut all = each(by_floor, &["chatflow", &format!("{floor}{THROUGH_CHAT}"), floor]);
        if peers.contains(&RIVALS[0]) {
            all.push((format!("{}{THROUGH_CHAT}", RIVALS[0]), rounds));
        }
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
    for (name, floor, by_floor) in [
        ("room-single", "floor-each", close(rounds)),
        ("room-burst", "floor-batched", rounds),
        ("small-rooms", "floor-batched", rounds),
    ] {
        parts.push(Part::new(name, name, all(floor, by_floor)).of_size(&size));
    }
    let mut calm = all("floor-each", rounds);
    calm.retain(|(name, _)| ["chatflow", "floor-each", RIVALS[0]].contains(&plain(name)));
    parts.push(Part::new("latency", "latency", calm).of_size(&size));
    let mut idle = all("floor-batched", rounds);
    // These keep what the batched floor keeps.
    idle.retain(|(name, _)| !name.ends_with(THROUGH_CHAT) && name != FLOOR_URING);
    // Huge pages, where there are any, are more than the first sockets need, and hide what each takes.
    idle.insert(1, ("chatflow+small-pages".into(), 1));
    let idle = idle.into_iter().map(|(name, _)| (name, 1)).collect();
    parts.push(Part::new("idle", "idle", idle));
    for name in [
        "store-postgres",
        "store-few-callers",
        "store-one-room",
        "store-sqlite",
        "send",
        "send-sqlite",
        "connect",
    ] {
        parts.push(Part::new(name, name, each(rounds, &["chatflow"])).of_size(&size));
    }
    for name in ["start", "resume", "files"] {
        parts.push(Part::new(name, name, each(1, &["chatflow"])));
    }
    parts
}

/// Rounds of those who are so close that three would tell what the machine did meanwhile.
fn close(rounds: usize) -> usize {
    2 * rounds + 1
}

/// A contender's name without its variant.
fn plain(name: &str) -> &str {
    name.split('+').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_rival_is_met_with_both_arrivals() {
        let parts = parts(false, &["uwebsockets", "ws"]);
        for name in ["room-single", "room-burst", "small-rooms", "latency"] {
            let part = parts.iter().find(|part| part.name == name).unwrap();
            assert!(part.has("uwebsockets+chat") && part.has("uwebsockets"), "{name}");
            assert_eq!(part.has("ws"), name != "latency", "{name}");
        }
        assert!(!super::parts(false, &["ws"])[0].has("uwebsockets+chat"));
    }
}
