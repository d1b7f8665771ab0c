//! The JSON frames that sockets receive and the broker carries, as CONTRACT v1 words them: encoded once, by the
//! service that owns the event, and passed on as bytes.

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

/// The channel that carries a room's frames: `room:{room_id}`.
pub fn room_channel(room_id: &str) -> String {
    format!("room:{room_id}")
}

/// The channel that carries a user's own frames: `user:{user_id}`.
pub fn user_channel(user_id: &str) -> String {
    format!("user:{user_id}")
}

/// The channel that carries [`PresenceEvent`]s.
pub const PRESENCE_CHANNEL: &str = "presence";

/// The channel that carries `room_updated` of every room, besides the room's own: for edges that don't hear all rooms.
pub const ROOMS_CHANNEL: &str = "rooms";

/// The pattern of all rooms' channels.
pub const ROOM_PATTERN: &str = "room:*";

/// The pattern of all users' channels.
pub const USER_PATTERN: &str = "user:*";

/// A frame from the server to a socket.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame<'a> {
    /// A new message.
    Message(MessageFrame<'a>),
    /// A message after an edit; `seq` is the change's.
    MessageUpdated(MessageFrame<'a>),
    /// A message is gone; `seq` is the change's.
    MessageDeleted {
        /// The message.
        id: &'a str,
        /// Its room.
        room_id: &'a str,
        /// The change's seq.
        seq: u64,
    },
    /// Somebody types.
    Typing(RoomUser<'a>),
    /// Somebody stopped.
    StopTyping(RoomUser<'a>),
    /// Somebody opened a socket to the room.
    UserJoined {
        /// Who, and where.
        #[serde(flatten)]
        who: RoomUser<'a>,
        /// When.
        #[serde(serialize_with = "as_rfc3339")]
        timestamp: Timestamp,
    },
    /// Somebody's last socket to the room closed.
    UserLeft {
        /// Who, and where.
        #[serde(flatten)]
        who: RoomUser<'a>,
        /// When.
        #[serde(serialize_with = "as_rfc3339")]
        timestamp: Timestamp,
    },
    /// A message is durable; to its sender alone.
    Ack {
        /// What the client called it.
        client_msg_id: Option<&'a str>,
        /// The message's id.
        id: &'a str,
        /// Its room.
        room_id: &'a str,
        /// Its seq.
        seq: u64,
    },
    /// What could not be accepted; the socket stays open.
    Error {
        /// One of the contract's codes.
        code: ErrorCode,
        /// Words for a person.
        message: &'a str,
        /// The message it is about, if it had one.
        client_msg_id: Option<&'a str>,
        /// The room it is about, if it named one.
        #[serde(skip_serializing_if = "Option::is_none")]
        room_id: Option<&'a str>,
        /// When to try again, in milliseconds, where that helps.
        retry_after_ms: Option<u64>,
    },
    /// The answer to `ping`.
    Pong,
    /// The answer to `subscribe`, before anything of the room.
    Subscribed {
        /// The room.
        room_id: &'a str,
        /// Its last seq.
        last_seq: u64,
        /// The message whose change that is, where it is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        last_id: Option<&'a str>,
    },
    /// The answer to `unsubscribe`.
    Unsubscribed {
        /// The room.
        room_id: &'a str,
    },
    /// What the client has seen is not in the log (a restored database): forget it and start anew.
    Reset {
        /// The room.
        room_id: &'a str,
        /// Its last seq now.
        last_seq: u64,
        /// The message whose change that is, where it is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        last_id: Option<&'a str>,
    },
    /// A user who shares a room came or went.
    Presence {
        /// Who.
        user_id: &'a str,
        /// The shown name.
        username: &'a str,
        /// `online` or `offline`.
        status: PresenceStatus,
    },
    /// One of the user's own notifications.
    Notification(NotificationFrame<'a>),
    /// A room was made or changed.
    RoomUpdated {
        /// The room's id.
        room_id: &'a str,
        /// Its name.
        name: &'a str,
        /// Its description.
        description: &'a str,
        /// When it was made.
        #[serde(serialize_with = "as_rfc3339")]
        created_at: Timestamp,
    },
}

impl ServerFrame<'_> {
    /// The frame as JSON text.
    pub fn encode(&self) -> Bytes {
        #[expect(
            clippy::expect_used,
            reason = "plain structs of strings and numbers always serialise"
        )]
        serde_json::to_vec(self).expect("frames serialise").into()
    }
}

/// The fields of `message` and `message_updated`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MessageFrame<'a> {
    /// UUID v7.
    pub id: &'a str,
    /// The room.
    pub room_id: &'a str,
    /// The sender.
    pub user_id: &'a str,
    /// The sender's shown name.
    pub username: &'a str,
    /// The text.
    pub content: &'a str,
    /// `text` or `file`.
    pub message_type: &'a str,
    /// Where the file is.
    pub file_url: Option<&'a str>,
    /// When it was accepted.
    #[serde(serialize_with = "as_rfc3339")]
    pub timestamp: Timestamp,
    /// The seq of this frame in its room: the message's own, or its change's.
    pub seq: u64,
    /// What the client called it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_msg_id: Option<&'a str>,
    /// When it was last edited.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "as_optional_rfc3339"
    )]
    pub edited_at: Option<Timestamp>,
}

/// The fields of `notification`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NotificationFrame<'a> {
    /// UUID v7.
    pub id: &'a str,
    /// Whose.
    pub user_id: &'a str,
    /// Its title.
    pub title: &'a str,
    /// Its text.
    pub body: &'a str,
    /// Its kind.
    pub notif_type: &'a str,
    /// The room it is about.
    pub room_id: Option<&'a str>,
    /// Whether it was read.
    pub is_read: bool,
    /// When it was stored.
    #[serde(serialize_with = "as_rfc3339")]
    pub created_at: Timestamp,
}

/// A user in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RoomUser<'a> {
    /// Who.
    pub user_id: &'a str,
    /// The shown name.
    pub username: &'a str,
    /// Where.
    pub room_id: &'a str,
}

/// What a user's presence can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PresenceStatus {
    /// Beat within the last 30 s.
    Online,
    /// Not.
    Offline,
}

/// Why a client frame was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Not JSON, not text, or a field of the wrong type or range.
    BadFrame,
    /// A `type` that does not exist.
    UnknownType,
    /// Content over 16,000 characters.
    TooLong,
    /// Content empty or only white space.
    Empty,
    /// A frame about a room that this socket has not subscribed to.
    NotSubscribed,
    /// No such room.
    NoSuchRoom,
    /// Not this user's to do.
    Forbidden,
    /// Too many at once; see `retry_after_ms`.
    RateLimited,
    /// Something behind the edge is down; see `retry_after_ms`.
    Unavailable,
}

/// What travels on the channel `presence`, from presence-svc to the edges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresenceEvent {
    /// Who.
    pub user_id: String,
    /// The shown name.
    pub username: String,
    /// What they are now.
    pub status: PresenceStatus,
    /// The rooms whose members hear of it.
    pub rooms: Vec<String>,
}

fn as_rfc3339<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("{at:.3}"))
}

#[expect(clippy::ref_option, reason = "serde's signature")]
fn as_optional_rfc3339<S: Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => as_rfc3339(at, to),
        None => to.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_reads_as_the_contract_words_it() {
        let frame = ServerFrame::Message(MessageFrame {
            id: "i",
            room_id: "general",
            user_id: "alice",
            username: "alice",
            content: "Hello!",
            message_type: "text",
            file_url: None,
            timestamp: Timestamp::from_millisecond(1_795_428_000_123).unwrap(),
            seq: 7,
            client_msg_id: None,
            edited_at: None,
        });
        assert_eq!(
            frame.encode(),
            r#"{"type":"message","id":"i","room_id":"general","user_id":"alice","username":"alice","content":"Hello!","message_type":"text","file_url":null,"timestamp":"2026-11-23T10:00:00.123Z","seq":7}"#
        );
    }
}
