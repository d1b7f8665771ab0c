//! The stores and the sent messages, so that every question about them is answered without a search.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use uuid::Uuid;

use crate::history::{Content, History, Name, Person, Room, StoredMessage, StoredRoom, What};

/// What was stored and what was sent.
pub(super) struct Index<'h> {
    rooms: BTreeMap<Room, RoomIndex<'h>>,
    nowhere: RoomIndex<'h>,
    sent: HashMap<Name, Sending>,
}

/// A stored room.
pub(super) struct RoomIndex<'h> {
    /// The room's head.
    pub(super) last_seq: u64,
    by_change: Vec<&'h StoredMessage>,
    by_seq: Vec<&'h StoredMessage>,
    by_id: HashMap<Uuid, &'h StoredMessage>,
}

/// A message as its author gave it to a socket for the first time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sending {
    pub(super) author: Person,
    pub(super) room: Room,
    pub(super) content: Content,
    /// When.
    pub(super) at: Duration,
    /// As which event of the history.
    pub(super) position: usize,
}

impl<'h> Index<'h> {
    pub(super) fn of(history: &'h History) -> Self {
        static NOWHERE: StoredRoom = StoredRoom {
            last_seq: 0,
            messages: Vec::new(),
        };
        let mut sent = HashMap::new();
        for (position, event) in history.events.iter().enumerate() {
            if let What::Sent { room, name, content } = event.what {
                sent.entry(name).or_insert(Sending {
                    author: event.person,
                    room,
                    content,
                    at: event.at,
                    position,
                });
            }
        }
        let rooms = history.stored.iter();
        Self {
            rooms: rooms
                .map(|(room, stored)| (*room, RoomIndex::of(stored)))
                .collect(),
            nowhere: RoomIndex::of(&NOWHERE),
            sent,
        }
    }

    /// A room; one that is not stored is empty.
    pub(super) fn room(&self, room: Room) -> &RoomIndex<'h> {
        self.rooms.get(&room).unwrap_or(&self.nowhere)
    }

    /// All stored rooms.
    pub(super) fn rooms(&self) -> impl Iterator<Item = (Room, &RoomIndex<'h>)> {
        self.rooms.iter().map(|(room, index)| (*room, index))
    }

    /// The message that somebody sent under this name, wherever that was.
    pub(super) fn sent(&self, name: Name) -> Option<&Sending> {
        self.sent.get(&name)
    }

    /// The message that this person sent to this room under this name.
    pub(super) fn sent_by(&self, author: Person, room: Room, name: Name) -> Option<&Sending> {
        let sending = self.sent(name)?;
        (sending.author == author && sending.room == room).then_some(sending)
    }
}

impl<'h> RoomIndex<'h> {
    fn of(stored: &'h StoredRoom) -> Self {
        let mut by_change: Vec<_> = stored.messages.iter().collect();
        by_change.sort_by_key(|message| message.change_seq);
        let mut by_seq = by_change.clone();
        by_seq.sort_by_key(|message| message.seq);
        let by_id = by_seq.iter().map(|message| (message.id, *message)).collect();
        Self {
            last_seq: stored.last_seq,
            by_change,
            by_seq,
            by_id,
        }
    }

    /// All messages in the order in which they last changed.
    pub(super) fn by_change(&self) -> &[&'h StoredMessage] {
        &self.by_change
    }

    /// All messages in the order in which they were made.
    pub(super) fn by_seq(&self) -> &[&'h StoredMessage] {
        &self.by_seq
    }

    /// The message with this id.
    pub(super) fn with_id(&self, id: Uuid) -> Option<&'h StoredMessage> {
        self.by_id.get(&id).copied()
    }

    /// The message whose last change took this seq.
    pub(super) fn changed_with(&self, seq: u64) -> Option<&'h StoredMessage> {
        let at = self
            .by_change
            .binary_search_by_key(&seq, |message| message.change_seq);
        at.ok().map(|at| self.by_change[at])
    }

    /// The message that was made with this seq.
    pub(super) fn made_with(&self, seq: u64) -> Option<&'h StoredMessage> {
        let at = self.by_seq.binary_search_by_key(&seq, |message| message.seq);
        at.ok().map(|at| self.by_seq[at])
    }

    /// The messages whose last change is behind `after` and before `end`, ascending.
    pub(super) fn changed_between(&self, after: u64, end: u64) -> &[&'h StoredMessage] {
        // Nearly every frame is the next one: nothing has to be searched for.
        if end <= after.saturating_add(1) {
            return &[];
        }
        let from = self
            .by_change
            .partition_point(|message| message.change_seq <= after);
        let rest = &self.by_change[from..];
        &rest[..rest.partition_point(|message| message.change_seq < end)]
    }

    /// The messages whose last change is behind `after`.
    pub(super) fn changed_after(&self, after: u64) -> &[&'h StoredMessage] {
        let from = self
            .by_change
            .partition_point(|message| message.change_seq <= after);
        &self.by_change[from..]
    }

    /// The messages that were made behind `after` and before `end`, ascending.
    pub(super) fn made_between(&self, after: u64, end: u64) -> &[&'h StoredMessage] {
        let from = self.by_seq.partition_point(|message| message.seq <= after);
        let rest = &self.by_seq[from..];
        &rest[..rest.partition_point(|message| message.seq < end)]
    }
}
