//! What a client keeps between two connections: how far it has read each room, and what it has yet to get acknowledged.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

use uuid::Uuid;

use crate::history::{Name, Room};

/// How far a room was read: a seq and, unless it is only what the server said, the message of the change seen there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) seq: u64,
    pub(super) id: Option<Uuid>,
}

/// How long a client waits for an answer before it gives a message to its socket again.
const SILENCE: Duration = Duration::from_secs(3);

/// Messages without an acknowledgement at which people stop writing more.
const WAITING_MAX: usize = 20;

/// A client's memory.
#[derive(Debug, Default)]
pub(super) struct Desk {
    positions: BTreeMap<Room, Position>,
    outbox: VecDeque<Outgoing>,
}

/// A message without an acknowledgement.
#[derive(Debug, Clone)]
pub(super) struct Outgoing {
    pub(super) room: Room,
    pub(super) name: Name,
    pub(super) content: String,
    /// When to give it to the socket, if nothing comes back before.
    due: Instant,
    /// Whether it was ever given to one.
    tried: bool,
}

impl Desk {
    /// How far a room was read.
    pub(super) fn position(&self, room: Room) -> Option<Position> {
        self.positions.get(&room).copied()
    }

    /// All positions.
    pub(super) fn positions(&self) -> &BTreeMap<Room, Position> {
        &self.positions
    }

    /// A room was read up to here, whatever was known before.
    pub(super) fn read_to(&mut self, room: Room, position: Position) {
        self.positions.insert(room, position);
    }

    /// A change was seen.
    pub(super) fn saw(&mut self, room: Room, seq: u64, id: Uuid) {
        let position = self.positions.entry(room).or_default();
        if seq >= position.seq {
            *position = Position { seq, id: Some(id) };
        }
    }

    /// Whether one more message may be written.
    pub(super) fn has_room(&self) -> bool {
        self.outbox.len() < WAITING_MAX
    }

    /// A new message, due now.
    pub(super) fn write(&mut self, room: Room, name: Name, content: String) {
        self.outbox.push_back(Outgoing {
            room,
            name,
            content,
            due: Instant::now(),
            tried: false,
        });
    }

    /// Whether everything was acknowledged.
    pub(super) fn is_empty(&self) -> bool {
        self.outbox.is_empty()
    }

    /// The next message that is due in one of these rooms, and whether it was never given to a socket before. It counts
    /// as given to one.
    pub(super) fn next_due(&mut self, now: Instant, rooms: &BTreeSet<Room>) -> Option<(Outgoing, bool)> {
        let outgoing = self
            .outbox
            .iter_mut()
            .find(|outgoing| outgoing.due <= now && rooms.contains(&outgoing.room))?;
        let first = !std::mem::replace(&mut outgoing.tried, true);
        outgoing.due = now + SILENCE;
        Some((outgoing.clone(), first))
    }

    /// When the next message is due in one of these rooms.
    pub(super) fn due(&self, rooms: &BTreeSet<Room>) -> Option<Instant> {
        let outbox = self.outbox.iter();
        outbox
            .filter(|outgoing| rooms.contains(&outgoing.room))
            .map(|outgoing| outgoing.due)
            .min()
    }

    /// A message is acknowledged.
    pub(super) fn acked(&mut self, name: Name) {
        self.outbox.retain(|outgoing| outgoing.name != name);
    }

    /// A message was refused: it is due again after a pause.
    pub(super) fn refused(&mut self, name: Name, pause: Duration) {
        let outgoing = self.outbox.iter_mut().find(|outgoing| outgoing.name == name);
        if let Some(outgoing) = outgoing {
            outgoing.due = Instant::now() + pause;
        }
    }

    /// The connection is new: what was given to the old one may be lost, and is due at once.
    pub(super) fn reconnected(&mut self) {
        let now = Instant::now();
        for outgoing in &mut self.outbox {
            outgoing.due = now;
        }
    }
}
