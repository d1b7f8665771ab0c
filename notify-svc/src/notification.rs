//! What a notification is, and what one must look like before it is stored.

use jiff::Timestamp;
use proto::{
    fields::{self, Invalid},
    frame::NotificationFrame,
    notify::CreateRequest,
};

/// The kind of a notification whose creator named none.
const DEFAULT_TYPE: &str = "info";

/// A stored notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// UUID v7.
    pub id: String,
    /// Whose it is.
    pub user_id: String,
    /// 1 to 200 characters, no control characters.
    pub title: String,
    /// 0 to 2,000 characters.
    pub body: String,
    /// 1 to 32 characters of `[a-z0-9_-]`.
    pub notif_type: String,
    /// The room it is about, if any.
    pub room_id: Option<String>,
    /// Whether it was read.
    pub is_read: bool,
    /// When it was made, in whole milliseconds.
    pub created_at: Timestamp,
}

/// A notification that keeps every rule, not stored yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    user_id: String,
    title: String,
    body: String,
    notif_type: String,
    room_id: Option<String>,
    source: Option<String>,
}

impl Draft {
    /// Checks a request.
    ///
    /// # Errors
    /// The first field that breaks its rule.
    pub fn check(request: CreateRequest) -> Result<Self, Invalid> {
        let CreateRequest {
            user_id,
            title,
            body,
            mut notif_type,
            room_id,
            source,
        } = request;
        fields::id("user_id", &user_id)?;
        fields::one_line("title", &title, 1, fields::NOTIFICATION_TITLE_MAX)?;
        fields::length("body", &body, 0, fields::NOTIFICATION_BODY_MAX)?;
        fields::no_nul("body", &body)?;
        if notif_type.is_empty() {
            DEFAULT_TYPE.clone_into(&mut notif_type);
        }
        fields::keyword("notif_type", &notif_type, fields::NOTIF_TYPE_MAX)?;
        if let Some(room_id) = &room_id {
            fields::id("room_id", room_id)?;
        }
        if let Some(source) = &source {
            fields::length("source", source, 1, fields::NOTIFICATION_SOURCE_MAX)?;
            fields::no_nul("source", source)?;
        }
        Ok(Self {
            user_id,
            title,
            body,
            notif_type,
            room_id,
            source,
        })
    }

    /// The notification and its source, as it is stored under `id` at `created_at`.
    pub fn into_notification(self, id: String, created_at: Timestamp) -> (Notification, Option<String>) {
        let notification = Notification {
            id,
            user_id: self.user_id,
            title: self.title,
            body: self.body,
            notif_type: self.notif_type,
            room_id: self.room_id,
            is_read: false,
            created_at,
        };
        (notification, self.source)
    }
}

impl<'a> From<&'a Notification> for NotificationFrame<'a> {
    fn from(from: &'a Notification) -> Self {
        Self {
            id: &from.id,
            user_id: &from.user_id,
            title: &from.title,
            body: &from.body,
            notif_type: &from.notif_type,
            room_id: from.room_id.as_deref(),
            is_read: from.is_read,
            created_at: from.created_at,
        }
    }
}

impl From<Notification> for proto::notify::Notification {
    fn from(from: Notification) -> Self {
        Self {
            id: from.id,
            user_id: from.user_id,
            title: from.title,
            body: from.body,
            notif_type: from.notif_type,
            room_id: from.room_id,
            is_read: from.is_read,
            created_at: Some(proto::time::to_proto(from.created_at)),
        }
    }
}
