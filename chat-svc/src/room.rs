//! A room, and the rules for making one.

use jiff::Timestamp;
use proto::{
    fields::{self, Invalid},
    frame::{self, ServerFrame},
};

/// A room and the head of its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Its id.
    pub id: String,
    /// Shown name.
    pub name: String,
    /// Shown description.
    pub description: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its last seq, 0 for an empty one.
    pub last_seq: u64,
}

/// A room to make, its fields within their rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRoom {
    /// Its id.
    pub id: String,
    /// Shown name.
    pub name: String,
    /// Shown description.
    pub description: String,
}

impl NewRoom {
    /// Checks what a caller sent; an empty name becomes the id.
    pub fn check(id: String, name: String, description: String) -> Result<Self, Invalid> {
        fields::id("id", &id)?;
        let name = if name.is_empty() { id.clone() } else { name };
        fields::shown_name("name", &name, 1, fields::ROOM_NAME_MAX)?;
        fields::length("description", &description, 0, fields::ROOM_DESCRIPTION_MAX)?;
        fields::no_nul("description", &description)?;
        Ok(Self {
            id,
            name,
            description,
        })
    }
}

impl Room {
    /// Its `room_updated` frame, for its channel and for the one of all rooms.
    pub fn publications(&self) -> Vec<broker::Publication> {
        let frame = ServerFrame::RoomUpdated {
            room_id: &self.id,
            name: &self.name,
            description: &self.description,
            created_at: self.created_at,
        };
        let payload = frame.encode();
        [frame::room_channel(&self.id), frame::ROOMS_CHANNEL.to_owned()]
            .map(|channel| broker::Publication {
                channel,
                payload: payload.clone(),
            })
            .into()
    }
}
