//! What happened, as the people saw it and as the stores hold it at the end: the only input of the checker.
//!
//! Everything is small and numbered, so that ten minutes of a busy town fit into memory.

use std::{collections::BTreeMap, time::Duration};

use uuid::Uuid;

/// A simulated person; their user id is [`Person::user_id`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Person(pub u32);

/// A room; its id is [`Room::id`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Room(pub u32);

/// What a person called a message: the number of its `client_msg_id`, unique in the whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(pub u32);

/// One connection of one person, unique in the whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Session(pub u32);

/// A content's fingerprint: equal contents have equal ones, different ones practically never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Content(pub u64);

/// One thing that one person did or saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Since the run began, by a clock that never jumps.
    pub at: Duration,
    /// Who.
    pub person: Person,
    /// What.
    pub what: What,
}

/// What a person did or saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Gave a message to a socket for the first time; tries after that are not told.
    Sent {
        /// Where.
        room: Room,
        /// Which.
        name: Name,
        /// Its text.
        content: Content,
    },
    /// Got an `ack`.
    Acked {
        /// Where.
        room: Room,
        /// Which.
        name: Name,
        /// The message's id.
        id: Uuid,
        /// The message's seq.
        seq: u64,
    },
    /// Got an `error` for a message, and will try again.
    Refused {
        /// Where.
        room: Room,
        /// Which.
        name: Name,
    },
    /// A subscription was confirmed.
    Joined {
        /// On which connection.
        session: Session,
        /// To which room.
        room: Room,
        /// What the person said to have; `None`: only what comes from here on.
        after: Option<u64>,
        /// What the server said the room's end to be; `None` on room sockets, which are not told.
        last_seq: Option<u64>,
    },
    /// A frame of the room's log arrived.
    Saw {
        /// On which connection.
        session: Session,
        /// Where.
        room: Room,
        /// Its seq.
        seq: u64,
        /// The message's id.
        id: Uuid,
        /// What it says.
        change: Seen,
    },
    /// The server said that the room's log was set back.
    Reset {
        /// On which connection.
        session: Session,
        /// Where.
        room: Room,
        /// The log's end now.
        last_seq: u64,
    },
    /// The connection is over, from whichever side.
    Left {
        /// Which.
        session: Session,
    },
    /// Read the newest page of a room's history by REST; asked at `asked`, answered at the event's time.
    Read {
        /// Where.
        room: Room,
        /// When it was asked for.
        asked: Duration,
        /// Whether the page goes back to the room's first message.
        whole: bool,
        /// Messages, oldest first.
        page: Vec<(u64, Uuid)>,
    },
}

/// What a frame of the log says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// A message (`message`) or its new text (`message_updated`).
    Text {
        /// Who wrote it.
        author: Person,
        /// What its author called it.
        name: Name,
        /// Its text.
        content: Content,
    },
    /// The message is gone (`message_deleted`).
    Deleted,
}

/// A message as the database holds it at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// Its id.
    pub id: Uuid,
    /// Who wrote it.
    pub author: Person,
    /// What its author called it.
    pub name: Name,
    /// Its text; of a deleted message, nobody's business.
    pub content: Content,
    /// When it was made.
    pub seq: u64,
    /// Its last change.
    pub change_seq: u64,
    /// Whether it is deleted.
    pub deleted: bool,
}

/// A room as the database holds it at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredRoom {
    /// The room's head.
    pub last_seq: u64,
    /// All messages, by seq.
    pub messages: Vec<StoredMessage>,
}

/// A whole run.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// In the order of their times; each person's in the order in which they happened.
    pub events: Vec<Event>,
    /// What the database holds at the end, when everything is healed and quiet.
    pub stored: BTreeMap<Room, StoredRoom>,
    /// Who was still connected and subscribed at the end, and therefore has to have seen everything.
    pub present: Vec<(Person, Room)>,
}

impl Person {
    /// The user id, such as `p7`.
    pub fn user_id(self) -> String {
        format!("p{}", self.0)
    }

    /// The person with this user id.
    pub fn from_user_id(user_id: &str) -> Option<Self> {
        Some(Self(user_id.strip_prefix('p')?.parse().ok()?))
    }
}

impl Room {
    /// The room id, such as `town-3`.
    pub fn id(self) -> String {
        format!("town-{}", self.0)
    }

    /// The room with this id.
    pub fn from_id(id: &str) -> Option<Self> {
        Some(Self(id.strip_prefix("town-")?.parse().ok()?))
    }
}

impl Name {
    /// The `client_msg_id`, such as `m42`.
    pub fn client_msg_id(self) -> String {
        format!("m{}", self.0)
    }

    /// The name with this `client_msg_id`.
    pub fn from_client_msg_id(id: &str) -> Option<Self> {
        Some(Self(id.strip_prefix('m')?.parse().ok()?))
    }
}

impl Content {
    /// The fingerprint of a text (FNV-1a, which is the same in every run).
    pub fn of(text: &str) -> Self {
        Self(text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        }))
    }
}
