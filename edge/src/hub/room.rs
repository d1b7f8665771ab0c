//! One room on one shard: its members, what is due to them, and who is about to meet the stream.

use std::{sync::Arc, time::Instant};

use tokio::sync::OwnedSemaphorePermit;

use super::{
    RoomId,
    frame::Batch,
    recent::{Recent, Shelf},
    shard::{Brought, Meeting},
    shards::Weight,
    traced::Delivery,
};
use crate::{meters, recovery::seen::Seen, socket::connection::Connection};

/// Members written to before other tasks get a turn.
const AT_ONCE: usize = 512;

/// A room with members on this shard.
#[derive(Debug)]
pub(super) struct Room {
    id: RoomId,
    /// Everything up to here was given to members, or is due.
    last: Seen,
    due: Option<Box<Due>>,
    flushed: Option<Instant>,
    live: Vec<Arc<Connection>>,
    /// Live members whose replay brought more of the log than was fanned out here so far: the stream is theirs from
    /// behind that seq.
    ahead: Vec<(Arc<Connection>, u64)>,
    meeting: Vec<Approaching>,
    /// What those who come back may get at once, while some do.
    recent: Option<Box<Recent>>,
}

/// What is due to the members of a room.
#[derive(Debug, Default)]
struct Due {
    batches: Vec<Arc<Batch>>,
    /// It takes its share of the shard's queue until it is written.
    weights: Vec<Arc<OwnedSemaphorePermit>>,
    /// Where it belongs to a trace.
    deliveries: Vec<Arc<Delivery>>,
}

/// A member that is still fed from the log.
#[derive(Debug)]
struct Approaching {
    connection: Arc<Connection>,
    generation: u32,
    held: Vec<Arc<Batch>>,
    bytes: usize,
    /// More came than can be held: the replay has to go further first.
    lost: bool,
    /// The log was set back meanwhile: whatever the replay brought, its member has to forget it.
    reset: bool,
}

impl Room {
    pub(super) fn new(id: RoomId, last: Seen) -> Self {
        Self {
            id,
            last,
            due: None,
            flushed: None,
            live: Vec::new(),
            ahead: Vec::new(),
            meeting: Vec::new(),
            recent: None,
        }
    }

    /// Where the stream stands.
    pub(super) fn last(&self) -> Seen {
        self.last
    }

    pub(super) fn is_empty(&self) -> bool {
        self.live.is_empty() && self.ahead.is_empty() && self.meeting.is_empty()
    }

    pub(super) fn members(&self) -> impl Iterator<Item = &Arc<Connection>> {
        let ahead = self.ahead.iter().map(|(connection, _)| connection);
        let meeting = self.meeting.iter().map(|one| &one.connection);
        self.live.iter().chain(ahead).chain(meeting)
    }

    /// Adds what is due; tells whether nothing was before.
    pub(super) fn push(
        &mut self,
        batch: Arc<Batch>,
        last: Seen,
        weight: Weight,
        delivery: Option<Arc<Delivery>>,
    ) -> bool {
        let was_clean = self.due.is_none();
        let due = self.due.get_or_insert_default();
        due.batches.push(batch);
        due.weights.extend(weight);
        due.deliveries.extend(delivery);
        self.last = last;
        was_clean
    }

    /// When it was flushed last.
    pub(super) fn flushed(&self) -> Option<Instant> {
        self.flushed
    }

    /// Writes what is due to every member. `bound` limits what is held for one that is not live yet, in bytes.
    pub(super) async fn flush(&mut self, bound: usize) {
        let Some(due) = self.due.take() else {
            return;
        };
        let (batch, mut shorter) = (Batch::join(&due.batches), None);
        self.flushed = Some(Instant::now());
        self.recent.take_if(|recent| !recent.extend(&batch));
        meters::frames_out(batch.parts.len() * self.live.len());
        for members in self.live.chunks(AT_ONCE) {
            for connection in members {
                if connection.deflates() {
                    let shorter = shorter.get_or_insert_with(|| Batch::join_compressed(&due.batches));
                    connection.send(if connection.takes(shorter) {
                        shorter
                    } else {
                        &batch
                    });
                } else {
                    connection.send(&batch);
                }
            }
            if members.len() == AT_ONCE {
                tokio::task::yield_now().await;
            }
        }
        for (connection, known) in &self.ahead {
            let new = batch.after(*known);
            meters::frames_out(new.parts.len());
            connection.send(&new);
        }
        for delivery in due.deliveries {
            delivery.written_to(self.live.len() + self.ahead.len());
        }
        let last = self.last.seq;
        let caught_up = self.ahead.extract_if(.., |(_, known)| *known <= last);
        self.live.extend(caught_up.map(|(connection, _)| connection));
        for one in &mut self.meeting {
            one.hold(&batch, bound);
        }
    }

    /// A member of the live stream from here on.
    pub(super) fn join(&mut self, connection: Arc<Connection>) {
        self.live.push(connection);
    }

    /// A member that has everything up to `known`: of the live stream from behind that.
    pub(super) fn join_behind(&mut self, connection: Arc<Connection>, known: u64) {
        if known > self.last.seq {
            self.ahead.push((connection, known));
        } else {
            self.live.push(connection);
        }
    }

    /// What came after `after` and up to where, if that is in memory. What is due has to be flushed before.
    pub(super) fn missed(&mut self, after: Seen, now: Instant) -> Option<(Arc<Batch>, u64)> {
        self.recent.as_mut()?.since(after, now)
    }

    /// Keeps what a replay brought, unless more is kept already.
    fn keep(&mut self, brought: &Brought, shelf: &mut Shelf, now: Instant) {
        let from = brought.from;
        if self.recent.as_ref().is_none_or(|recent| recent.from() > from.seq) {
            // What is kept is better than nothing.
            if let Some(recent) = shelf.put(&self.id, from, &brought.page, now) {
                self.recent = Some(Box::new(recent));
            }
        }
    }

    /// Lets go of what is kept, if nobody has used it for a while.
    pub(super) fn tidy(&mut self, shelf: &mut Shelf, now: Instant) {
        self.recent
            .take_if(|recent| !shelf.is_used(&self.id, recent, now));
    }

    /// A member for which everything from here on is held until its replay is there.
    pub(super) fn approach(&mut self, connection: Arc<Connection>, generation: u32) {
        self.meeting.push(Approaching {
            connection,
            generation,
            held: Vec::new(),
            bytes: 0,
            lost: false,
            reset: false,
        });
    }

    /// A replay has come to its end: its member is live (`None`), or has to be fed up to the seq in the answer.
    pub(super) fn meet(&mut self, meeting: &Meeting, shelf: &mut Shelf, now: Instant) -> Option<u64> {
        let Meeting {
            generation, after, ..
        } = *meeting;
        let is_its =
            |one: &Approaching| one.connection.id == meeting.connection && one.generation == generation;
        let at = self.meeting.iter().position(is_its)?;
        if self.meeting[at].lost {
            self.meeting[at].lost = false;
            return Some(self.last.seq);
        }
        let one = self.meeting.swap_remove(at);
        if one.reset {
            meters::frames_out(1);
            one.connection
                .feed(&self.id, generation, &Batch::reset(&self.id, self.last));
            self.live.push(one.connection);
            return None;
        }
        if let Some(brought) = &meeting.brought {
            self.keep(brought, shelf, now);
        }
        for batch in &one.held {
            let new = batch.after(after);
            meters::frames_out(new.parts.len());
            one.connection.feed(&self.id, generation, &new);
            self.recent.take_if(|recent| !recent.extend(batch));
        }
        self.join_behind(one.connection, after);
        None
    }

    /// Takes a member out, if it is one.
    pub(super) fn remove(&mut self, connection: u64) {
        self.live.retain(|member| member.id != connection);
        self.ahead.retain(|(member, _)| member.id != connection);
        self.meeting.retain(|one| one.connection.id != connection);
    }

    /// The log was set back: the stream goes on from `last`.
    pub(super) fn reset(&mut self, last: Seen) {
        self.last = last;
        self.recent = None;
        let batch = Batch::reset(&self.id, last);
        let ahead = self.ahead.drain(..).map(|(connection, _)| connection);
        self.live.extend(ahead);
        meters::frames_out(self.live.len());
        for connection in &self.live {
            connection.send(&batch);
        }
        // Who is still fed from the log is told when it meets the stream: until then frames may be on their way.
        for one in &mut self.meeting {
            (one.held, one.bytes, one.lost, one.reset) = (Vec::new(), 0, false, true);
        }
    }
}

impl Approaching {
    fn hold(&mut self, batch: &Arc<Batch>, bound: usize) {
        if self.lost || self.reset {
            return;
        }
        self.bytes += batch.bytes.len();
        if self.bytes > bound {
            (self.held, self.bytes, self.lost) = (Vec::new(), 0, true);
        } else {
            self.held.push(Arc::clone(batch));
        }
    }
}

#[cfg(test)]
#[path = "room_tests.rs"]
mod tests;
