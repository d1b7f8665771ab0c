//! Rooms and messages as REST answers them.

use proto::chat;
use serde::Serialize;
use utoipa::ToSchema;

use crate::rest::page::timestamp;

/// A room.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Room {
    /// Its id.
    #[schema(example = "general")]
    id: String,
    /// Its shown name.
    name: String,
    /// What it is for.
    description: String,
    /// When it was made (RFC 3339, UTC).
    created_at: Option<String>,
    /// The seq of its last change; 0 where nothing was said yet.
    last_seq: u64,
}

impl From<chat::Room> for Room {
    fn from(room: chat::Room) -> Self {
        Self {
            created_at: timestamp(room.created_at.as_ref()),
            id: room.id,
            name: room.name,
            description: room.description,
            last_seq: room.last_seq,
        }
    }
}

/// A message: the fields of the socket's `message` frame.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "message_type is its name on the wire")]
pub(crate) struct Message {
    /// Always `message`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// UUID v7.
    pub(super) id: String,
    /// Its room.
    room_id: String,
    /// Who sent it.
    user_id: String,
    /// The sender's shown name at that time.
    username: String,
    /// The text.
    content: String,
    /// `text` or `file`.
    message_type: String,
    /// Where the file is.
    file_url: Option<String>,
    /// When it was accepted (RFC 3339, UTC).
    timestamp: Option<String>,
    /// The seq it was made with.
    seq: u64,
    /// The seq of its last change.
    change_seq: u64,
    /// What its sender called it.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_msg_id: Option<String>,
    /// When it was last edited (RFC 3339, UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    edited_at: Option<String>,
}

impl From<chat::Message> for Message {
    fn from(message: chat::Message) -> Self {
        Self {
            kind: "message",
            timestamp: timestamp(message.created_at.as_ref()),
            edited_at: timestamp(message.edited_at.as_ref()),
            id: message.id,
            room_id: message.room_id,
            user_id: message.user_id,
            username: message.username,
            content: message.content,
            message_type: message.message_type,
            file_url: message.file_url,
            seq: message.seq,
            change_seq: message.change_seq,
            client_msg_id: message.client_msg_id,
        }
    }
}
