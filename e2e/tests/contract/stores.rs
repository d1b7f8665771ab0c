//! The stores as guides show them: SQL tables and columns, Redis keys and channels, S3 keys. Only the five processes have
//! stores that others can look into.

use std::sync::Arc;

use e2e::{
    Stack,
    lines::Line,
    stack::{fresh, say},
};
use futures_util::StreamExt as _;
use redis::AsyncCommands as _;
use serde_json::json;
use test_support::{cluster::Cluster, wait};
use tokio_postgres::{NoTls, SimpleQueryMessage};

pub(crate) fn lines() -> Vec<Line> {
    e2e::lines![
        rooms_and_messages_are_in_chat_db,
        notifications_are_in_notifications_db,
        files_are_in_files_db_and_their_objects_under_uuids,
        presence_and_typing_are_redis_keys_with_their_ttls,
        the_channel_of_a_room_carries_the_very_bytes_of_the_frame,
    ]
}

/// The columns of the first row, as text.
async fn select(cluster: &Cluster, database: &str, statement: &str) -> Vec<Option<String>> {
    let url = cluster.postgres.url(database);
    let (client, connection) = tokio_postgres::connect(&url, NoTls)
        .await
        .expect("a connection as chatuser");
    tokio::spawn(connection);
    let rows = client
        .simple_query(statement)
        .await
        .unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    let row = rows.into_iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let row = row.unwrap_or_else(|| panic!("no row: {statement}"));
    (0..row.len())
        .map(|column| row.get(column).map(str::to_owned))
        .collect()
}

fn text(row: &[Option<String>]) -> Vec<&str> {
    row.iter()
        .map(|value| value.as_deref().unwrap_or("NULL"))
        .collect()
}

async fn rooms_and_messages_are_in_chat_db(stack: Arc<Stack>) {
    let Some(cluster) = stack.cluster() else { return };
    let room = stack.fresh_room().await;
    let mut alice = stack.room_socket(&room, "alice").await;
    let ack = say(&mut alice, "stored").await;
    let statement =
        format!("SELECT id, name, description, created_at IS NOT NULL FROM rooms WHERE id = '{room}'");
    let row = select(cluster, "chat_db", &statement).await;
    assert_eq!(text(&row), [room.as_str(), "A room", "for one test", "t"]);
    let statement = format!(
        "SELECT id, room_id, user_id, username, content, message_type, file_url, seq, \
         created_at > now() - interval '5 minutes' FROM messages WHERE room_id = '{room}'"
    );
    let row = select(cluster, "chat_db", &statement).await;
    let id = ack["id"].as_str().expect("an id");
    assert_eq!(
        text(&row),
        [id, &room, "alice", "alice", "stored", "text", "NULL", "1", "t"]
    );
}

async fn notifications_are_in_notifications_db(stack: Arc<Stack>) {
    let Some(cluster) = stack.cluster() else { return };
    let user = fresh("user");
    let new = json!({"user_id": user, "title": "T", "body": "B", "notif_type": "info", "room_id": "general"});
    let made = stack
        .rest()
        .post("/api/notifications", &new)
        .await
        .expect(201)
        .json();
    let statement = format!(
        "SELECT id, user_id, title, body, notif_type, room_id, is_read, created_at > now() - interval '5 minutes' \
         FROM notifications WHERE user_id = '{user}' AND NOT is_read"
    );
    let row = select(cluster, "notifications_db", &statement).await;
    let id = made["id"].as_str().expect("an id");
    assert_eq!(text(&row), [id, &user, "T", "B", "info", "general", "f", "t"]);
}

async fn files_are_in_files_db_and_their_objects_under_uuids(stack: Arc<Stack>) {
    let Some(cluster) = stack.cluster() else { return };
    let room = fresh("room");
    let file = stack
        .rest()
        .upload(&room, "alice", "secret plans.txt", "the plans")
        .await
        .expect(201)
        .json();
    let statement = format!(
        "SELECT id, original_name, content_type, size_bytes, room_id, user_id, minio_key, sha256 IS NOT NULL, \
         created_at > now() - interval '5 minutes' FROM files WHERE room_id = '{room}'"
    );
    let row = select(cluster, "files_db", &statement).await;
    let row = text(&row);
    let (id, kind) = (
        file["id"].as_str().expect("an id"),
        file["content_type"].as_str().expect("a type"),
    );
    assert_eq!(row[..6], [id, "secret plans.txt", kind, "9", &room, "alice"]);
    let key = row[6];
    assert!(
        uuid::Uuid::try_parse(key).is_ok(),
        "the object's key is a UUID: {key}"
    );
    assert_eq!(row[7..], ["t", "t"]);
    let object = cluster.s3.root().join("chatfiles").join(key);
    assert_eq!(std::fs::read(&object).expect("the object"), b"the plans");
    let names = format!("{:?}", cluster.s3.objects("chatfiles"));
    assert!(!names.contains("plans"), "never the client's file name: {names}");
}

async fn presence_and_typing_are_redis_keys_with_their_ttls(stack: Arc<Stack>) {
    let Some(cluster) = stack.cluster() else { return };
    let (room, user) = (stack.fresh_room().await, fresh("user"));
    let client = redis::Client::open(cluster.redis.url()).expect("a URL");
    let mut redis = client
        .get_multiplexed_async_connection()
        .await
        .expect("a connection");
    let rest = stack.rest();
    let _ = rest
        .post_empty(&format!("/api/presence/{user}/heartbeat?username=Alice"))
        .await;
    let _ = rest
        .post_empty(&format!(
            "/api/presence/{user}/typing?room_id={room}&username=Alice"
        ))
        .await;
    for (key, ttl_ms) in [
        (format!("presence:user:{user}"), 30_000),
        (format!("presence:typing:{room}:{user}"), 5_000),
    ] {
        let left: i64 = redis.pttl(&key).await.expect("an answer");
        assert!(
            (ttl_ms - 4_000..=ttl_ms).contains(&left),
            "{key} lives {left} ms more"
        );
    }
    let _ = rest.delete(&format!("/api/presence/{user}")).await;
    let there: bool = redis
        .exists(format!("presence:user:{user}"))
        .await
        .expect("an answer");
    assert!(!there, "offline now");
}

async fn the_channel_of_a_room_carries_the_very_bytes_of_the_frame(stack: Arc<Stack>) {
    let Some(cluster) = stack.cluster() else { return };
    let room = stack.fresh_room().await;
    let client = redis::Client::open(cluster.redis.url()).expect("a URL");
    let mut channel = client.get_async_pubsub().await.expect("a connection");
    channel
        .subscribe(format!("room:{room}"))
        .await
        .expect("a subscription");
    let mut bob =
        e2e::raw_http::Raw::websocket(&stack.authority(), &format!("/ws/{room}/bob?username=bob")).await;
    bob.settle().await;
    let mut alice = stack.room_socket(&room, "alice").await;
    say(&mut alice, "byte for byte: é, \u{1F98A}, \"quotes\" and \\ too").await;
    let (mut published, marker) = (channel.on_message(), b"byte for byte");
    let holds = |bytes: &[u8]| bytes.windows(marker.len()).any(|window| window == marker);
    let on_redis = tokio::time::timeout(wait::SOON, async {
        loop {
            let message = published.next().await.expect("a message");
            if holds(message.get_payload_bytes()) {
                return message.get_payload_bytes().to_vec();
            }
        }
    });
    let on_socket = tokio::time::timeout(wait::SOON, async {
        loop {
            let (_, payload) = bob.frame().await.expect("a frame");
            if holds(&payload) {
                return payload;
            }
        }
    });
    let (on_redis, on_socket) = tokio::join!(on_redis, on_socket);
    let (on_redis, on_socket) = (on_redis.expect("it is published"), on_socket.expect("it is sent"));
    assert_eq!(
        String::from_utf8_lossy(&on_redis),
        String::from_utf8_lossy(&on_socket)
    );
    assert_eq!(on_redis, on_socket);
}
