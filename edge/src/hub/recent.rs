//! The newest part of a room's log, kept in memory for a while once somebody had to catch up: a crowd that comes back reads
//! the log once.

use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{
    RoomId,
    frame::{Batch, Class, Frame},
    peek,
};
use crate::recovery::{seen::Seen, tail::Page};

/// Frames of one room, in bytes: more than a page of a replay has. A room in which more is said goes back to the log.
const ROOM_BYTES: usize = 128 * 1024;

/// Frames of all rooms of a shard; what was asked for last of each is there once more, in one piece.
const SHARD_BYTES: usize = 16 * 1024 * 1024;

/// How long after its last use it is kept: a crowd comes within that.
const KEPT: Duration = Duration::from_secs(15);

/// A part of one room's log, up to where the room's stream stands, or further.
#[derive(Debug)]
pub(super) struct Recent {
    /// Everything behind this change is here.
    from: Seen,
    /// Up to here.
    to: u64,
    /// Of the log, ascending.
    frames: Vec<Frame>,
    used: Instant,
    /// What was asked for last, in one piece: most of a crowd missed the same.
    last: Option<(u64, Arc<Batch>)>,
    taken: Taken,
}

/// What one room takes of [`SHARD_BYTES`], until it is dropped.
#[derive(Debug)]
struct Taken {
    bytes: usize,
    of_shard: Arc<AtomicUsize>,
}

/// Which rooms of a shard have a part of their log in memory.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    bytes: Arc<AtomicUsize>,
    /// Each once, with the time at which to look whether it is still used.
    rooms: VecDeque<(Instant, RoomId)>,
    listed: HashSet<RoomId>,
}

impl Recent {
    /// What came after `after` and up to where, where all of that is here and `after` is surely of the same log.
    pub(super) fn since(&mut self, after: Seen, now: Instant) -> Option<(Arc<Batch>, u64)> {
        if after.seq < self.from.seq || after.seq > self.to {
            return None;
        }
        let behind = self.frames.partition_point(|frame| seq(frame) <= after.seq);
        if after.id.is_some() {
            let known = if after.seq == self.from.seq {
                self.from.id
            } else {
                let there = self.frames[..behind].last();
                let there = there.filter(|frame| seq(frame) == after.seq)?;
                Seen::by_frame(after.seq, there.json()).id
            };
            if known != after.id {
                return None;
            }
        }
        self.used = now;
        let batch = match &self.last {
            Some((last, batch)) if *last == after.seq => Arc::clone(batch),
            _ => {
                let batch = Arc::new(Batch::of(&self.frames[behind..]));
                self.last = Some((after.seq, Arc::clone(&batch)));
                batch
            }
        };
        Some((batch, self.to))
    }

    /// Where what is here begins.
    pub(super) fn from(&self) -> u64 {
        self.from.seq
    }

    /// The room's stream went on; tells whether this is still of use: there is room for that, and it changes nothing that
    /// is kept. Whoever comes back after an edit or a deletion must not get the words that it took away; the log has them
    /// no more.
    pub(super) fn extend(&mut self, batch: &Batch) -> bool {
        let mut begin = 0;
        for part in &batch.parts {
            let bytes = begin..part.end;
            begin = part.end;
            let Class::Logged(seq) = part.class else {
                continue;
            };
            if seq <= self.to {
                continue;
            }
            let frame = Frame {
                bytes: batch.bytes.slice(bytes),
                class: part.class,
            };
            if !peek::is_new_message(frame.json()) || !self.taken.take(frame.bytes.len()) {
                return false;
            }
            (self.to, self.last) = (seq, None);
            self.frames.push(Frame {
                // A copy: a slice would keep all of its batch in memory, whatever else was in it.
                bytes: Bytes::copy_from_slice(&frame.bytes),
                ..frame
            });
        }
        true
    }
}

impl Shelf {
    /// What a page from behind `from`, which goes to the end of its log, brought; nothing where there is no room for it.
    pub(super) fn put(&mut self, room: &RoomId, from: Seen, page: &Page, now: Instant) -> Option<Recent> {
        let mut taken = Taken {
            bytes: 0,
            of_shard: Arc::clone(&self.bytes),
        };
        let bytes = page.frames.iter().map(|(_, frame)| frame.bytes.len()).sum();
        if page.forked || !taken.take(bytes) {
            return None;
        }
        self.look_at(room, now + KEPT);
        Some(Recent {
            from,
            to: page.complete_to.max(from.seq),
            frames: page.frames.iter().map(|(_, frame)| frame.clone()).collect(),
            used: now,
            last: None,
            taken,
        })
    }

    /// A room that has to be looked at now, if there is one.
    pub(super) fn due(&mut self, now: Instant) -> Option<RoomId> {
        let (at, _) = self.rooms.front()?;
        if *at > now {
            return None;
        }
        let (_, room) = self.rooms.pop_front()?;
        self.listed.remove(&room);
        Some(room)
    }

    /// Looks again, later, at one that is still used; tells whether it is.
    pub(super) fn is_used(&mut self, room: &RoomId, recent: &Recent, now: Instant) -> bool {
        let until = recent.used + KEPT;
        if until > now {
            self.look_at(room, until);
        }
        until > now
    }

    fn look_at(&mut self, room: &RoomId, when: Instant) {
        if self.listed.insert(Arc::clone(room)) {
            self.rooms.push_back((when, Arc::clone(room)));
        }
    }
}

impl Taken {
    fn take(&mut self, bytes: usize) -> bool {
        let fits =
            self.bytes + bytes <= ROOM_BYTES && self.of_shard.load(Ordering::Relaxed) + bytes <= SHARD_BYTES;
        if fits {
            self.bytes += bytes;
            self.of_shard.fetch_add(bytes, Ordering::Relaxed);
        }
        fits
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.of_shard.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

fn seq(frame: &Frame) -> u64 {
    match frame.class {
        Class::Logged(seq) => seq,
        Class::Kept | Class::Ephemeral => 0,
    }
}

#[cfg(test)]
#[path = "recent_tests.rs"]
mod tests;
