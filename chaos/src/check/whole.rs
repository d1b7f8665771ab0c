//! Whether the stored logs have a message for every number.

use std::collections::HashSet;

use super::{
    Invariant,
    index::{Index, RoomIndex},
    verdict::Findings,
    words,
};
use crate::history::{Room, StoredMessage};

const KIND: Invariant = Invariant::StoredIsWhole;

pub(super) fn check(index: &Index<'_>, found: &mut Findings) {
    for (room, log) in index.rooms() {
        taken_once(room, log, found);
        each_by_itself(room, log, found);
        let end = log.by_change().last().map_or(0, |message| message.change_seq);
        if end != log.last_seq {
            let text = format!(
                "the room's last_seq is {}, its last stored change {end}",
                log.last_seq
            );
            found.in_room(KIND, room, text);
        }
        no_holes(room, log, found);
    }
}

/// No two messages share a number or an id.
fn taken_once(room: Room, log: &RoomIndex<'_>, found: &mut Findings) {
    let mut twice = |what: &str, one: &StoredMessage, other: &StoredMessage| {
        let (one, other) = (words::stored(one), words::stored(other));
        found.in_room(
            KIND,
            room,
            format!("two messages with one {what}: {one} and {other}"),
        );
    };
    for pair in log.by_seq().windows(2) {
        if pair[0].seq == pair[1].seq {
            twice("seq", pair[0], pair[1]);
        }
    }
    for pair in log.by_change().windows(2) {
        if pair[0].change_seq == pair[1].change_seq {
            twice("change_seq", pair[0], pair[1]);
        }
    }
    let mut ids = HashSet::new();
    for message in log.by_seq() {
        if !ids.insert(message.id)
            && let Some(other) = log.with_id(message.id)
        {
            twice("id", message, other);
        }
        let is_changed = message.change_seq != message.seq;
        if is_changed && let Some(other) = log.changed_with(message.seq) {
            twice("number", message, other);
        }
    }
}

fn each_by_itself(room: Room, log: &RoomIndex<'_>, found: &mut Findings) {
    for message in log.by_seq() {
        let wrong = if message.seq == 0 {
            "has seq 0"
        } else if message.change_seq < message.seq {
            "changed before it was made"
        } else if message.deleted && message.change_seq == message.seq {
            "is deleted, which took no seq"
        } else {
            continue;
        };
        found.in_room(KIND, room, format!("{} {wrong}", words::stored(message)));
    }
}

/// Every number up to the last change is a message's last change, or one of a message that changed again later. Which of
/// its numbers a changed message had is not stored: any between its first and its last may be one.
fn no_holes(room: Room, log: &RoomIndex<'_>, found: &mut Findings) {
    let excused = superseded(log);
    let mut next = 1;
    for message in log.by_change() {
        while next < message.change_seq {
            let span = excused.partition_point(|(_, end)| *end <= next);
            let (from, end) = excused.get(span).copied().unwrap_or((u64::MAX, u64::MAX));
            if from <= next {
                next = end;
                continue;
            }
            let hole_end = from.min(message.change_seq);
            let hole = if hole_end - next == 1 {
                format!("{next} is")
            } else {
                format!("{next} to {} are", hole_end - 1)
            };
            let text = format!(
                "{hole} no change of any stored message; then comes {}",
                words::stored(message)
            );
            found.in_room(KIND, room, text);
            next = hole_end;
        }
        next = next.max(message.change_seq.saturating_add(1));
    }
}

/// From where to before where numbers may be superseded, ascending and apart from each other.
fn superseded(log: &RoomIndex<'_>) -> Vec<(u64, u64)> {
    let mut spans: Vec<(u64, u64)> = Vec::new();
    let by_seq = log.by_seq().iter();
    for message in by_seq.filter(|message| message.change_seq > message.seq) {
        match spans.last_mut() {
            Some((_, end)) if *end >= message.seq => *end = (*end).max(message.change_seq),
            _ => spans.push((message.seq, message.change_seq)),
        }
    }
    spans
}
