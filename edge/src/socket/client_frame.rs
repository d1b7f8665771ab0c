//! What a client's text frame asks for: read once into a typed value, every field checked.

use proto::{
    fields::{self, Invalid},
    frame::ErrorCode,
};
use serde::Deserialize;

use crate::recovery::seen::Seen;

/// What a client may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ClientFrame {
    /// Send a message.
    Message(Outgoing),
    /// This user types.
    Typing {
        /// Where; on a room socket, there.
        room_id: Option<String>,
    },
    /// This user stopped.
    StopTyping {
        /// Where; on a room socket, there.
        room_id: Option<String>,
    },
    /// Subscribe to a room.
    Subscribe {
        /// Which.
        room_id: String,
        /// The last change that the client has.
        after: Option<Seen>,
    },
    /// End a subscription.
    Unsubscribe {
        /// Which.
        room_id: String,
    },
    /// Everything up to a seq is read.
    Read {
        /// Where; on a room socket, there.
        room_id: Option<String>,
        /// Up to here.
        seq: u64,
    },
    /// Are you there?
    Ping,
}

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outgoing {
    /// Where; on a room socket, there.
    pub(crate) room_id: Option<String>,
    /// The text.
    pub(crate) content: String,
    /// `text` or `file`.
    pub(crate) message_type: &'static str,
    /// Where the file is.
    pub(crate) file_url: Option<String>,
    /// What the client calls it.
    pub(crate) client_msg_id: Option<String>,
}

/// Why a client's frame is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rejected {
    /// The contract's code.
    pub(crate) code: ErrorCode,
    /// Words for a person.
    pub(crate) message: String,
    /// The message it is about, if it had a name.
    pub(crate) client_msg_id: Option<String>,
    /// The room it is about, if it named one.
    pub(crate) room_id: Option<String>,
}

impl Rejected {
    /// About no message and no room.
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            client_msg_id: None,
            room_id: None,
        }
    }

    /// About a room.
    pub(crate) fn of_room(self, room_id: String) -> Self {
        Self {
            room_id: Some(room_id),
            ..self
        }
    }

    /// The same, were it not for the pace.
    pub(crate) fn paced(self) -> Self {
        Self {
            code: ErrorCode::RateLimited,
            message: TOO_FAST.to_owned(),
            ..self
        }
    }
}

impl ClientFrame {
    /// The answer where it came too soon after others.
    pub(crate) fn paced(self) -> Rejected {
        let (client_msg_id, room_id) = match self {
            Self::Message(outgoing) => (outgoing.client_msg_id, outgoing.room_id),
            Self::Typing { room_id } | Self::StopTyping { room_id } | Self::Read { room_id, .. } => {
                (None, room_id)
            }
            Self::Subscribe { room_id, .. } | Self::Unsubscribe { room_id } => (None, Some(room_id)),
            Self::Ping => (None, None),
        };
        Rejected {
            client_msg_id,
            room_id,
            ..Rejected::new(ErrorCode::RateLimited, TOO_FAST)
        }
    }
}

/// How deep a frame may be nested, in fields that are skipped.
const DEPTH_MAX: usize = 32;

const TOO_FAST: &str = "too many frames at once";

impl From<Invalid> for Rejected {
    fn from(invalid: Invalid) -> Self {
        Self::new(ErrorCode::BadFrame, invalid.to_string())
    }
}

/// All fields that any frame has. Unknown ones are skipped without being built, to a bounded depth.
#[derive(Deserialize)]
struct Fields {
    r#type: Option<String>,
    room_id: Option<String>,
    content: Option<String>,
    message_type: Option<String>,
    file_url: Option<String>,
    client_msg_id: Option<String>,
    after_seq: Option<u64>,
    after_id: Option<String>,
    seq: Option<u64>,
}

/// Reads a client's text frame.
///
/// # Errors
/// What to answer; the socket stays open.
pub(crate) fn parse(text: &str) -> Result<ClientFrame, Rejected> {
    if !text.trim_start().starts_with('{') {
        // A derived struct would also be read from an array.
        return Err(Rejected::new(
            ErrorCode::BadFrame,
            "the frame is not a JSON object",
        ));
    }
    if is_deep(text) {
        return Err(Rejected::new(
            ErrorCode::BadFrame,
            "the frame is nested too deeply",
        ));
    }
    let mut fields: Fields = serde_json::from_str(text).map_err(|error| {
        let problem = match error.classify() {
            serde_json::error::Category::Data => "a field is of the wrong type, given twice, or out of range",
            _ => "the frame is not JSON",
        };
        Rejected::new(ErrorCode::BadFrame, problem)
    })?;
    let (room_id, client_msg_id) = (fields.room_id.clone(), fields.client_msg_id.clone());
    read(&mut fields).map_err(|rejected| Rejected {
        client_msg_id: client_msg_id.filter(|id| fields::client_msg_id("client_msg_id", id).is_ok()),
        room_id: room_id.filter(|id| fields::id("room_id", id).is_ok()),
        ..rejected
    })
}

/// Whether objects and arrays are nested deeper than [`DEPTH_MAX`]: what is skipped is not bounded by the JSON reader.
fn is_deep(text: &str) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return true;
        }
    }
    false
}

fn read(fields: &mut Fields) -> Result<ClientFrame, Rejected> {
    let Some(kind) = fields.r#type.take() else {
        return Err(Invalid::new("type", "is missing").into());
    };
    let room_id = fields.room_id.take();
    if let Some(id) = &room_id {
        fields::id("room_id", id)?;
    }
    let named = |room_id: Option<String>| room_id.ok_or_else(|| Invalid::new("room_id", "is missing"));
    Ok(match kind.as_str() {
        "message" => ClientFrame::Message(message(fields, room_id)?),
        "typing" => ClientFrame::Typing { room_id },
        "stop_typing" => ClientFrame::StopTyping { room_id },
        "subscribe" => ClientFrame::Subscribe {
            room_id: named(room_id)?,
            after: Seen::by_client(fields.after_seq, fields.after_id.as_deref())?,
        },
        "unsubscribe" => ClientFrame::Unsubscribe {
            room_id: named(room_id)?,
        },
        "read" => ClientFrame::Read {
            room_id,
            seq: fields.seq.ok_or_else(|| Invalid::new("seq", "is missing"))?,
        },
        "ping" => ClientFrame::Ping,
        _ => {
            return Err(Rejected::new(
                ErrorCode::UnknownType,
                "there is no such type of frame",
            ));
        }
    })
}

fn message(fields: &mut Fields, room_id: Option<String>) -> Result<Outgoing, Rejected> {
    let content = fields.content.take().unwrap_or_default();
    if content.trim().is_empty() {
        return Err(Rejected::new(ErrorCode::Empty, "content is empty"));
    }
    if fields::length("content", &content, 1, fields::CONTENT_MAX).is_err() {
        let message = format!("content has more than {} characters", fields::CONTENT_MAX);
        return Err(Rejected::new(ErrorCode::TooLong, message));
    }
    fields::content("content", &content)?;
    // Anything but "file" is text, as in the original.
    let message_type = match fields.message_type.as_deref() {
        Some("file") => "file",
        _ => "text",
    };
    let file_url = fields.file_url.take().filter(|_| message_type == "file");
    if let Some(url) = &file_url {
        fields::file_url("file_url", url)?;
    }
    let client_msg_id = fields.client_msg_id.take();
    if let Some(id) = &client_msg_id {
        fields::client_msg_id("client_msg_id", id)?;
    }
    Ok(Outgoing {
        room_id,
        content,
        message_type,
        file_url,
        client_msg_id,
    })
}

#[cfg(test)]
#[path = "client_frame_tests.rs"]
mod tests;
