//! What the keys hold, for whoever reads them with `redis-cli`.

use jiff::Timestamp;
use proto::{frame::PresenceStatus, time::rfc3339};
use serde::{Deserialize, Serialize};

use super::super::{Beat, Online, Typist, User};

/// The value of `presence:user:{user_id}`.
#[derive(Serialize, Deserialize)]
pub(super) struct UserRecord {
    user_id: String,
    username: String,
    status: PresenceStatus,
    last_seen: String,
}

impl UserRecord {
    pub(super) fn write(beat: &Beat) -> String {
        json(&Self {
            user_id: beat.user.id.clone(),
            username: beat.user.name.clone(),
            status: PresenceStatus::Online,
            last_seen: rfc3339(beat.at),
        })
    }

    /// `None` where something else has written the key.
    pub(super) fn read(json: &str) -> Option<Online> {
        let record: Self = serde_json::from_str(json).ok()?;
        let last_seen: Timestamp = record.last_seen.parse().ok()?;
        let user = User {
            id: record.user_id,
            name: record.username,
        };
        Some(Online { user, last_seen })
    }
}

/// The value of `presence:typing:{room_id}:{user_id}`.
#[derive(Serialize, Deserialize)]
pub(super) struct TypingRecord {
    user_id: String,
    username: String,
    room_id: String,
}

impl TypingRecord {
    pub(super) fn write(typist: &Typist) -> String {
        json(&Self {
            user_id: typist.user.id.clone(),
            username: typist.user.name.clone(),
            room_id: typist.room_id.clone(),
        })
    }

    /// `None` where something else has written the key.
    pub(super) fn read(json: &str) -> Option<User> {
        let record: Self = serde_json::from_str(json).ok()?;
        Some(User {
            id: record.user_id,
            name: record.username,
        })
    }
}

/// Rooms as the scripts pass them through: a JSON array, or nothing.
pub(super) fn rooms_text(rooms: &[String]) -> String {
    if rooms.is_empty() {
        String::new()
    } else {
        json(&rooms)
    }
}

/// The reverse of [`rooms_text`].
pub(super) fn rooms(text: &str) -> Vec<String> {
    serde_json::from_str(text).unwrap_or_default()
}

fn json(value: &impl Serialize) -> String {
    #[expect(clippy::expect_used, reason = "plain structs of strings always serialise")]
    serde_json::to_string(value).expect("records serialise")
}
