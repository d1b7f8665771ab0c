//! The contract's frames as a person's client writes and reads them.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::desk::Position;
use crate::history::{Content, Name, Person, Room, Seen};

/// A frame from the server, as far as a client looks into it.
#[derive(Debug, Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(borrow)]
    room_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    user_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    content: Option<Cow<'a, str>>,
    #[serde(borrow)]
    client_msg_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    code: Option<Cow<'a, str>>,
    seq: Option<u64>,
    last_seq: Option<u64>,
    retry_after_ms: Option<u64>,
}

/// What a frame means to a person.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// A change of a room's log.
    Change {
        room: Room,
        seq: u64,
        id: Uuid,
        change: Seen,
    },
    Ack {
        room: Room,
        name: Name,
        id: Uuid,
        seq: u64,
    },
    /// A message was refused; when to try again, in milliseconds, and the contract's code.
    Refused {
        room: Option<Room>,
        name: Name,
        retry_after_ms: Option<u64>,
        code: String,
    },
    /// A subscription was refused.
    NotJoined {
        room: Room,
        retry_after_ms: Option<u64>,
        code: String,
    },
    Subscribed {
        room: Room,
        last_seq: u64,
    },
    Reset {
        room: Room,
        last_seq: u64,
    },
    /// Typing, presence, pongs and whatever else is of no account here.
    Other,
}

/// Reads a frame. `Err` tells what is wrong with one that breaks the contract.
pub(super) fn read(text: &str) -> Result<Incoming, String> {
    let broken = |what: &str| format!("{what}: {text}");
    let frame: Frame<'_> = serde_json::from_str(text).map_err(|error| broken(&error.to_string()))?;
    let room = || frame.room_id.as_deref().and_then(Room::from_id);
    let id = || frame.id.as_deref().and_then(|id| id.parse().ok());
    let name = || frame.client_msg_id.as_deref().and_then(Name::from_client_msg_id);
    let text_of = || {
        Some(Seen::Text {
            author: Person::from_user_id(frame.user_id.as_deref()?)?,
            name: name()?,
            content: Content::of(frame.content.as_deref()?),
        })
    };
    let change = |change: Option<Seen>| {
        Some(Incoming::Change {
            room: room()?,
            seq: frame.seq?,
            id: id()?,
            change: change?,
        })
    };
    let code = || frame.code.as_deref().unwrap_or_default().to_owned();
    let incoming = match &*frame.r#type {
        "message" | "message_updated" => change(text_of()),
        "message_deleted" => change(Some(Seen::Deleted)),
        "ack" => (|| {
            Some(Incoming::Ack {
                room: room()?,
                name: name()?,
                id: id()?,
                seq: frame.seq?,
            })
        })(),
        "error" => match (name(), room()) {
            (Some(name), room) => Some(Incoming::Refused {
                room,
                name,
                retry_after_ms: frame.retry_after_ms,
                code: code(),
            }),
            (None, Some(room)) => Some(Incoming::NotJoined {
                room,
                retry_after_ms: frame.retry_after_ms,
                code: code(),
            }),
            (None, None) => None,
        },
        "subscribed" => (|| {
            Some(Incoming::Subscribed {
                room: room()?,
                last_seq: frame.last_seq?,
            })
        })(),
        "reset" => (|| {
            Some(Incoming::Reset {
                room: room()?,
                last_seq: frame.last_seq?,
            })
        })(),
        _ => Some(Incoming::Other),
    };
    incoming.ok_or_else(|| broken("a field is missing or odd"))
}

/// A `message`; on multiplexed sockets with its room.
pub(super) fn message(room: Option<Room>, name: Name, content: &str) -> String {
    let mut frame = json!({"type": "message", "content": content, "client_msg_id": name.client_msg_id()});
    if let Some(room) = room {
        frame["room_id"] = room.id().into();
    }
    frame.to_string()
}

/// A `subscribe`.
pub(super) fn subscribe(room: Room, after: Option<Position>) -> String {
    let mut frame = json!({"type": "subscribe", "room_id": room.id()});
    if let Some(Position { seq, id }) = after {
        frame["after_seq"] = seq.into();
        frame["after_id"] = id.map(|id| id.to_string()).into();
    }
    frame.to_string()
}

/// A `ping`.
pub(super) fn ping() -> String {
    json!({"type": "ping"}).to_string()
}

/// `typing`, which nobody waits for.
pub(super) fn typing(room: Option<Room>) -> String {
    let mut frame = json!({"type": "typing"});
    if let Some(room) = room {
        frame["room_id"] = room.id().into();
    }
    frame.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "019a0000-0000-7000-8000-000000000001";

    #[test]
    fn frames_of_the_contract_are_understood() {
        let message = format!(
            r#"{{"type":"message","id":"{ID}","room_id":"town-1","user_id":"p2","content":"a \u00e9","seq":7,"client_msg_id":"m3"}}"#
        );
        let change = Seen::Text {
            author: Person(2),
            name: Name(3),
            content: Content::of("a é"),
        };
        let (room, seq, id) = (Room(1), 7, ID.parse().unwrap());
        assert_eq!(
            read(&message),
            Ok(Incoming::Change {
                room,
                seq,
                id,
                change
            })
        );
        let refused = r#"{"type":"error","code":"unavailable","message":"x","client_msg_id":"m3","room_id":"town-1","retry_after_ms":1000}"#;
        let expected = Incoming::Refused {
            room: Some(room),
            name: Name(3),
            retry_after_ms: Some(1000),
            code: "unavailable".to_owned(),
        };
        assert_eq!(read(refused), Ok(expected));
        assert_eq!(read(r#"{"type":"pong"}"#), Ok(Incoming::Other));
        assert!(read(r#"{"type":"message","id":"x"}"#).is_err());
        assert!(read("hello").is_err());
    }
}
