//! A message, the changes that callers may ask for, and the frames that tell of them.

use broker::Publication;
use bytes::Bytes;
use jiff::Timestamp;
use proto::{
    fields::{self, Invalid},
    frame::{self, MessageFrame, ServerFrame},
};

/// A stored message as it is now; a tombstone has [`Message::deleted`] and no content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// UUID v7.
    pub id: String,
    /// Its room.
    pub room_id: String,
    /// Who sent it.
    pub user_id: String,
    /// The sender's shown name at that time.
    pub username: String,
    /// The text.
    pub content: String,
    /// `text` or `file`.
    pub message_type: String,
    /// Where the file is.
    pub file_url: Option<String>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// The seq it was made with.
    pub seq: u64,
    /// The seq of its last change.
    pub change_seq: u64,
    /// What the client called it.
    pub client_msg_id: Option<String>,
    /// When it was last edited.
    pub edited_at: Option<Timestamp>,
    /// Whether it is a tombstone.
    pub deleted: bool,
}

impl Message {
    /// The frame that tells of its last change.
    pub fn frame(&self) -> Bytes {
        if self.deleted {
            return ServerFrame::MessageDeleted {
                id: &self.id,
                room_id: &self.room_id,
                seq: self.change_seq,
            }
            .encode();
        }
        let body = MessageFrame {
            id: &self.id,
            room_id: &self.room_id,
            user_id: &self.user_id,
            username: &self.username,
            content: &self.content,
            message_type: &self.message_type,
            file_url: self.file_url.as_deref(),
            timestamp: self.created_at,
            seq: self.change_seq,
            client_msg_id: self.client_msg_id.as_deref(),
            edited_at: self.edited_at,
        };
        if self.change_seq == self.seq {
            ServerFrame::Message(body).encode()
        } else {
            ServerFrame::MessageUpdated(body).encode()
        }
    }

    /// That frame, for the room's channel.
    pub fn publication(&self) -> Publication {
        Publication {
            channel: frame::room_channel(&self.room_id),
            payload: self.frame(),
        }
    }
}

/// The `message_type` of what people write, and the column's default.
pub(crate) const TEXT: &str = "text";

/// A message to store, its fields within their rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// Its room.
    pub room_id: String,
    /// Who sends it.
    pub user_id: String,
    /// The sender's shown name.
    pub username: String,
    /// The text.
    pub content: String,
    /// `text` or `file`.
    pub message_type: String,
    /// Where the file is; only with `file`.
    pub file_url: Option<String>,
    /// What the client calls it.
    pub client_msg_id: Option<String>,
}

impl NewMessage {
    /// Checks all fields; an empty `message_type` becomes `text`.
    pub fn check(mut self) -> Result<Self, Invalid> {
        fields::id("room_id", &self.room_id)?;
        fields::id("user_id", &self.user_id)?;
        fields::username("username", &self.username)?;
        fields::content("content", &self.content)?;
        match self.message_type.as_str() {
            "" => TEXT.clone_into(&mut self.message_type),
            TEXT | "file" => {}
            _ => return Err(Invalid::new("message_type", "must be \"text\" or \"file\"")),
        }
        if let Some(url) = &self.file_url {
            if self.message_type != "file" {
                return Err(Invalid::new("file_url", "goes only with message_type \"file\""));
            }
            fields::file_url("file_url", url)?;
        }
        if let Some(name) = &self.client_msg_id {
            fields::client_msg_id("client_msg_id", name)?;
        }
        Ok(self)
    }

    /// What is stored of it.
    pub fn stored(self, id: String, seq: u64, at: Timestamp) -> Message {
        Message {
            id,
            room_id: self.room_id,
            user_id: self.user_id,
            username: self.username,
            content: self.content,
            message_type: self.message_type,
            file_url: self.file_url,
            created_at: at,
            seq,
            change_seq: seq,
            client_msg_id: self.client_msg_id,
            edited_at: None,
            deleted: false,
        }
    }
}

/// Something that takes a room's next seq.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A new message.
    Send(NewMessage),
    /// New content for a message.
    Edit {
        /// Which.
        target: Target,
        /// The new content.
        content: String,
    },
    /// A message becomes a tombstone.
    Delete(Target),
}

/// A message that a caller wants to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its room.
    pub room_id: String,
    /// Its id.
    pub message_id: String,
    /// Who wants it: must be the sender.
    pub user_id: String,
}

impl Target {
    /// Checks all fields.
    pub fn check(self) -> Result<Self, Invalid> {
        fields::id("room_id", &self.room_id)?;
        fields::uuid("message_id", &self.message_id)?;
        fields::id("user_id", &self.user_id)?;
        Ok(self)
    }
}

impl Change {
    /// An edit, checked.
    pub fn edit(target: Target, content: String) -> Result<Self, Invalid> {
        let target = target.check()?;
        fields::content("content", &content)?;
        Ok(Self::Edit { target, content })
    }

    /// The room whose log it goes to.
    pub fn room_id(&self) -> &str {
        match self {
            Self::Send(message) => &message.room_id,
            Self::Edit { target, .. } | Self::Delete(target) => &target.room_id,
        }
    }

    /// What it takes in a queue, in bytes.
    pub fn weight(&self) -> usize {
        const FIXED: usize = 512;
        FIXED
            + match self {
                Self::Send(message) => message.content.len(),
                Self::Edit { content, .. } => content.len(),
                Self::Delete(_) => 0,
            }
    }
}

/// A change that is in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The message after it.
    pub message: Message,
    /// True where this was known before, took no seq and must not be published again.
    pub repeated: bool,
}
