//! The table `notifications`, the same on both backends, and its rows.

use diesel::prelude::{Insertable, Queryable, Selectable};
use sql::Millis;

use crate::Notification;

diesel::table! {
    use diesel::sql_types::{Bool, Nullable, Text};
    use sql::Moment;

    notifications (id) {
        id -> Text,
        user_id -> Text,
        title -> Text,
        body -> Text,
        notif_type -> Text,
        room_id -> Nullable<Text>,
        is_read -> Bool,
        created_at -> Moment,
        source -> Nullable<Text>,
    }
}

/// A row as it is read.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = notifications)]
pub(super) struct Row {
    id: String,
    user_id: String,
    title: String,
    body: String,
    notif_type: String,
    room_id: Option<String>,
    is_read: bool,
    created_at: Millis,
}

/// A row as it is written.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = notifications, treat_none_as_default_value = false)]
pub(super) struct NewRow {
    id: String,
    user_id: String,
    title: String,
    body: String,
    notif_type: String,
    room_id: Option<String>,
    is_read: bool,
    created_at: Millis,
    source: Option<String>,
}

impl NewRow {
    pub(super) fn new(from: Notification, source: Option<String>) -> Self {
        Self {
            id: from.id,
            user_id: from.user_id,
            title: from.title,
            body: from.body,
            notif_type: from.notif_type,
            room_id: from.room_id,
            is_read: from.is_read,
            created_at: from.created_at.into(),
            source,
        }
    }
}

impl From<Row> for Notification {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            user_id: row.user_id,
            title: row.title,
            body: row.body,
            notif_type: row.notif_type,
            room_id: row.room_id,
            is_read: row.is_read,
            created_at: row.created_at.into(),
        }
    }
}
