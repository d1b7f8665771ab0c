//! `/api/chat`.

use std::sync::Arc;

use e2e::{
    Stack,
    lines::Line,
    shape,
    stack::{fresh, say},
};
use serde_json::{Value, json};

pub(crate) fn lines() -> Vec<Line> {
    e2e::lines![
        three_rooms_exist_from_the_first_start,
        a_room_is_made_once,
        a_room_breaking_a_rule_is_422_with_the_field_named,
        history_is_oldest_first_with_the_frames_fields,
        history_of_a_missing_room_is_404,
        a_page_out_of_range_is_422,
        a_message_can_be_sent_by_rest,
        a_missing_address_is_a_problem_too,
        every_answer_carries_a_request_id,
    ]
}

async fn three_rooms_exist_from_the_first_start(stack: Arc<Stack>) {
    let rooms: Vec<Value> = stack.rest().get("/api/chat/rooms").await.expect(200).parse();
    for id in ["general", "random", "devops"] {
        let room = rooms.iter().find(|room| room["id"] == id);
        let room = room.unwrap_or_else(|| panic!("no {id} in {rooms:?}"));
        shape::has(room, &["id", "name", "description", "created_at"]);
        shape::timestamp(&room["created_at"]);
    }
}

async fn a_room_is_made_once(stack: Arc<Stack>) {
    let id = fresh("lunch");
    let room = json!({"id": id, "name": "Lunch", "description": "where to?", "colour": "unknown fields are ignored"});
    let answer = stack.rest().post("/api/chat/rooms", &room).await.expect(201);
    let made = answer.json();
    assert_eq!(
        (&made["id"], &made["name"], &made["description"]),
        (&room["id"], &room["name"], &room["description"])
    );
    shape::timestamp(&made["created_at"]);
    shape::problem(&stack.rest().post("/api/chat/rooms", &room).await, 409);
    let rooms: Vec<Value> = stack.rest().get("/api/chat/rooms").await.expect(200).parse();
    assert_eq!(rooms.iter().filter(|room| room["id"] == id.as_str()).count(), 1);
    let one = stack
        .rest()
        .get(&format!("/api/chat/rooms/{id}"))
        .await
        .expect(200)
        .json();
    assert_eq!(one["name"], "Lunch");
}

async fn a_room_breaking_a_rule_is_422_with_the_field_named(stack: Arc<Stack>) {
    let id = fresh("bad");
    for (room, field) in [
        (json!({"id": "Bad Id", "name": "x"}), "id"),
        (json!({"id": "x".repeat(65), "name": "x"}), "id"),
        (json!({"id": id, "name": "x".repeat(81)}), "name"),
        (json!({"id": id, "name": "tab\u{7}bell"}), "name"),
        (json!({"id": id, "name": "\u{202e}esrever"}), "name"),
        (
            json!({"id": id, "name": "x", "description": "x".repeat(501)}),
            "description",
        ),
        (json!({"id": id, "name": 7}), "name"),
        (json!({"id": [], "name": "x"}), "id"),
    ] {
        shape::invalid(&stack.rest().post("/api/chat/rooms", &room).await, field);
    }
    shape::problem(&stack.rest().get(&format!("/api/chat/rooms/{id}")).await, 404);
    let answer = stack
        .rest()
        .post_raw("/api/chat/rooms", "application/json", "{not json")
        .await;
    let status = answer.status;
    assert!([400, 422].contains(&status), "{status}");
    shape::problem(&answer, status);
}

async fn history_is_oldest_first_with_the_frames_fields(stack: Arc<Stack>) {
    let room = stack.fresh_room().await;
    let mut alice = stack.room_socket(&room, "alice").await;
    for content in ["first", "second", "third"] {
        say(&mut alice, content).await;
    }
    let history = stack.history(&room).await;
    let contents: Vec<&Value> = history.iter().map(|message| &message["content"]).collect();
    assert_eq!(contents, ["first", "second", "third"]);
    for message in &history {
        let fields = [
            "type",
            "id",
            "room_id",
            "user_id",
            "username",
            "content",
            "message_type",
            "file_url",
            "timestamp",
            "seq",
        ];
        shape::has(message, &fields);
        shape::timestamp(&message["timestamp"]);
    }
}

async fn history_of_a_missing_room_is_404(stack: Arc<Stack>) {
    let path = format!("/api/chat/rooms/{}/messages", fresh("nowhere"));
    shape::problem(&stack.rest().get(&path).await, 404);
    let message = json!({"user_id": "alice", "content": "hello?"});
    shape::problem(&stack.rest().post(&path, &message).await, 404);
}

async fn a_page_out_of_range_is_422(stack: Arc<Stack>) {
    for limit in ["0", "201", "x", "-1", "1.5", "99999999999999999999"] {
        let path = format!("/api/chat/rooms/general/messages?limit={limit}");
        shape::invalid(&stack.rest().get(&path).await, "limit");
    }
    shape::invalid(
        &stack
            .rest()
            .get("/api/chat/rooms/general/messages?before=x")
            .await,
        "before",
    );
    shape::invalid(
        &stack.rest().get("/api/chat/rooms/General/messages").await,
        "room_id",
    );
}

async fn a_message_can_be_sent_by_rest(stack: Arc<Stack>) {
    let room = stack.fresh_room().await;
    let mut alice = stack.room_socket(&room, "alice").await;
    let path = format!("/api/chat/rooms/{room}/messages");
    let message = json!({"user_id": "bob", "username": "Bob", "content": "by REST", "client_msg_id": "r1"});
    let sent = stack.rest().post(&path, &message).await.expect(201).json();
    let again = stack.rest().post(&path, &message).await;
    assert_eq!(
        (&again.json()["id"], &again.json()["seq"]),
        (&sent["id"], &sent["seq"]),
        "idempotent"
    );
    let shown = alice.wait_for("message", test_support::wait::SOON).await;
    assert_eq!(
        (&shown["id"], &shown["content"]),
        (&sent["id"], &message["content"])
    );
    for (content, field) in [
        (json!(""), "content"),
        (json!("x".repeat(16_001)), "content"),
        (json!(7), "content"),
    ] {
        let message = json!({"user_id": "bob", "content": content});
        shape::invalid(&stack.rest().post(&path, &message).await, field);
    }
    assert_eq!(stack.history(&room).await.len(), 1);
}

async fn a_missing_address_is_a_problem_too(stack: Arc<Stack>) {
    shape::problem(&stack.rest().get("/api/chat/no-such-thing").await, 404);
    shape::problem(&stack.rest().patch_empty("/api/chat/rooms").await, 405);
}

async fn every_answer_carries_a_request_id(stack: Arc<Stack>) {
    let rest = stack.rest();
    for path in [
        "/api/chat/rooms",
        "/api/presence",
        "/api/chat/health",
        "/",
        "/api/chat/nothing",
    ] {
        let answer = rest.get(path).await;
        assert!(
            !answer.header("x-request-id").is_empty(),
            "{path}: {:?}",
            answer.headers
        );
    }
    let request = rest
        .request(reqwest::Method::GET, "/api/chat/rooms")
        .header("x-request-id", "mine-1");
    assert_eq!(
        rest.send(request).await.header("x-request-id"),
        "mine-1",
        "the client's own is kept"
    );
}
