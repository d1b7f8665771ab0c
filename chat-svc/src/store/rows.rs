//! Rows of rooms and messages, and what they are outside of the store.

use diesel::{Insertable, Queryable, Selectable};

use super::{
    number,
    schema::{messages, rooms},
};
use sql::Millis;

use crate::{message::Message, room::Room};

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = rooms)]
pub(super) struct RoomRow {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) created_at: Millis,
    pub(super) last_seq: i64,
}

impl From<RoomRow> for Room {
    fn from(row: RoomRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            description: row.description,
            created_at: row.created_at.into(),
            last_seq: number::from_sql(row.last_seq),
        }
    }
}

// Where `None` became DEFAULT, SQLite could only insert row by row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = messages, treat_none_as_default_value = false)]
pub(super) struct MessageRow {
    pub(super) id: String,
    pub(super) room_id: String,
    pub(super) user_id: String,
    pub(super) username: String,
    pub(super) content: String,
    pub(super) message_type: String,
    pub(super) file_url: Option<String>,
    pub(super) created_at: Millis,
    pub(super) seq: i64,
    pub(super) change_seq: i64,
    pub(super) client_msg_id: Option<String>,
    pub(super) edited_at: Option<Millis>,
    pub(super) deleted_at: Option<Millis>,
}

impl From<MessageRow> for Message {
    fn from(row: MessageRow) -> Self {
        Self {
            id: row.id,
            room_id: row.room_id,
            user_id: row.user_id,
            username: row.username,
            content: row.content,
            message_type: row.message_type,
            file_url: row.file_url,
            created_at: row.created_at.into(),
            seq: number::from_sql(row.seq),
            change_seq: number::from_sql(row.change_seq),
            client_msg_id: row.client_msg_id,
            edited_at: row.edited_at.map(Into::into),
            deleted: row.deleted_at.is_some(),
        }
    }
}
