//! `/api/chat/asyncapi.json`: every WebSocket frame in both directions, as AsyncAPI 3.0.

use axum::{Router, http::header, routing::get};

/// The document.
pub const DOCUMENT: &str = include_str!("asyncapi.json");

/// Serves it.
pub fn routes() -> Router {
    let answer = || async { ([(header::CONTENT_TYPE, "application/json")], DOCUMENT) };
    Router::new().route("/api/chat/asyncapi.json", get(answer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use proto::frame::{ErrorCode, MessageFrame, NotificationFrame, PresenceStatus, RoomUser, ServerFrame};
    use serde_json::Value;

    fn schemas() -> Vec<Value> {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        schemas.values().cloned().collect()
    }

    /// Whether a value is one of the types that a schema allows.
    fn fits(schema: &Value, value: &Value) -> bool {
        if let Some(constant) = schema.get("const") {
            return value == constant;
        }
        if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
            return choices.contains(value);
        }
        let is = |kind: &Value| match kind.as_str() {
            Some("string") => value.is_string(),
            Some("integer") => value.is_u64(),
            Some("boolean") => value.is_boolean(),
            Some("null") => value.is_null(),
            _ => false,
        };
        match &schema["type"] {
            Value::Array(kinds) => kinds.iter().any(is),
            kind => is(kind),
        }
    }

    fn is_documented(frame: &Value) -> bool {
        let fields = frame.as_object().unwrap();
        schemas().iter().any(|schema| {
            let properties = schema["properties"].as_object().unwrap();
            let required = schema["required"].as_array().unwrap();
            fields
                .iter()
                .all(|(name, value)| properties.get(name).is_some_and(|schema| fits(schema, value)))
                && required
                    .iter()
                    .all(|name| fields.contains_key(name.as_str().unwrap()))
        })
    }

    #[test]
    fn every_frame_of_the_server_is_in_the_document() {
        let now = Timestamp::UNIX_EPOCH;
        let who = RoomUser {
            user_id: "alice",
            username: "Alice",
            room_id: "general",
        };
        let message = |client_msg_id, edited_at, file_url| MessageFrame {
            id: "i",
            room_id: "general",
            user_id: "alice",
            username: "Alice",
            content: "x",
            message_type: "text",
            file_url,
            timestamp: now,
            seq: 1,
            client_msg_id,
            edited_at,
        };
        let notification = NotificationFrame {
            id: "i",
            user_id: "alice",
            title: "t",
            body: "b",
            notif_type: "info",
            room_id: None,
            is_read: false,
            created_at: now,
        };
        let error = |code| ServerFrame::Error {
            code,
            message: "m",
            client_msg_id: None,
            room_id: Some("general"),
            retry_after_ms: Some(5),
        };
        let (room_id, id, seq, last_seq) = ("general", "i", 2, 2);
        let subscribed = |last_id| ServerFrame::Subscribed {
            room_id,
            last_seq,
            last_id,
        };
        let reset = |last_id| ServerFrame::Reset {
            room_id,
            last_seq,
            last_id,
        };
        let frames = [
            ServerFrame::Message(message(None, None, None)),
            ServerFrame::MessageUpdated(message(Some("c"), Some(now), Some("/api/files/1/download"))),
            ServerFrame::MessageDeleted { id, room_id, seq },
            ServerFrame::Typing(who),
            ServerFrame::StopTyping(who),
            ServerFrame::UserJoined { who, timestamp: now },
            ServerFrame::UserLeft { who, timestamp: now },
            ServerFrame::Ack {
                client_msg_id: None,
                id,
                room_id,
                seq,
            },
            error(ErrorCode::BadFrame),
            error(ErrorCode::UnknownType),
            error(ErrorCode::TooLong),
            error(ErrorCode::Empty),
            error(ErrorCode::NotSubscribed),
            error(ErrorCode::NoSuchRoom),
            error(ErrorCode::Forbidden),
            error(ErrorCode::RateLimited),
            error(ErrorCode::Unavailable),
            ServerFrame::Pong,
            subscribed(None),
            subscribed(Some("i")),
            ServerFrame::Unsubscribed { room_id },
            reset(None),
            reset(Some("i")),
            ServerFrame::Presence {
                user_id: "alice",
                username: "Alice",
                status: PresenceStatus::Offline,
            },
            ServerFrame::Notification(notification),
            ServerFrame::RoomUpdated {
                room_id,
                name: "General",
                description: "",
                created_at: now,
            },
        ];
        for frame in frames {
            let value: Value = serde_json::from_slice(&frame.encode()).unwrap();
            assert!(is_documented(&value), "{value}");
        }
        assert!(!is_documented(&serde_json::json!({ "type": "pong", "extra": 1 })));
    }
}
