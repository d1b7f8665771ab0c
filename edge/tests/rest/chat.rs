//! Rooms, messages, read marks.

use serde_json::json;

use crate::app::{App, assert_field, assert_problem};

#[tokio::test(flavor = "multi_thread")]
async fn rooms_are_listed_created_and_found() {
    let app = App::start().await;
    let rooms = app.rest.get("/api/chat/rooms").await.expect(200).json();
    let ids: Vec<_> = rooms.as_array().unwrap().iter().map(|room| &room["id"]).collect();
    assert_eq!(ids, ["general", "random", "devops"]);
    let new = json!({ "id": "design", "name": "Design", "description": "Shapes", "unknown": 1 });
    let room = app.rest.post("/api/chat/rooms", &new).await.expect(201).json();
    assert_eq!((&room["name"], &room["last_seq"]), (&json!("Design"), &json!(0)));
    assert!(room["created_at"].as_str().unwrap().ends_with('Z'));
    assert_problem(
        &app.rest.post("/api/chat/rooms", &new).await,
        409,
        "already_exists",
    );
    assert_eq!(
        app.rest.get("/api/chat/rooms/design").await.expect(200).json(),
        room
    );
    assert_problem(&app.rest.get("/api/chat/rooms/nowhere").await, 404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_sent_once_read_edited_and_deleted() {
    let app = App::start().await;
    let url = "/api/chat/rooms/general/messages";
    let new = json!({ "user_id": "alice", "username": "Alice", "content": "Hello!", "client_msg_id": "a1" });
    let sent = app.rest.post(url, &new).await.expect(201).json();
    assert_eq!(
        app.rest.post(url, &new).await.expect(201).json(),
        sent,
        "a repeat"
    );
    for (field, value) in [
        ("type", json!("message")),
        ("room_id", json!("general")),
        ("username", json!("Alice")),
        ("message_type", json!("text")),
        ("file_url", json!(null)),
        ("seq", json!(1)),
        ("client_msg_id", json!("a1")),
    ] {
        assert_eq!(sent[field], value, "{field}");
    }
    let history = app.rest.get(url).await.expect(200).json();
    assert_eq!(history, json!([sent]));

    let one = format!("{url}/{}", sent["id"].as_str().unwrap());
    let by = |user: &str| json!({ "user_id": user, "content": "Hi!" });
    assert_problem(&app.rest.patch(&one, &by("bob")).await, 403, "permission_denied");
    let edited = app.rest.patch(&one, &by("alice")).await.expect(200).json();
    assert_eq!((&edited["content"], &edited["seq"]), (&json!("Hi!"), &json!(1)));
    assert!(edited["edited_at"].is_string());
    assert_problem(
        &app.rest.delete(&format!("{one}?user_id=bob")).await,
        403,
        "permission_denied",
    );
    let gone = app.rest.delete(&format!("{one}?user_id=alice")).await.expect(204);
    assert!(gone.body.is_empty());
    assert_eq!(app.rest.get(url).await.expect(200).json(), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn history_pages_both_ways() {
    let app = App::start().await;
    let url = "/api/chat/rooms/general/messages";
    for n in 1..=5 {
        let new = json!({ "user_id": "alice", "content": n.to_string() });
        let _ = app.rest.post(url, &new).await.expect(201);
    }
    let page = async |query: &str| {
        let rows = app.rest.get(&format!("{url}?{query}")).await.expect(200).json();
        let seqs = rows
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["seq"].as_u64().unwrap());
        seqs.collect::<Vec<_>>()
    };
    assert_eq!(page("").await, [1, 2, 3, 4, 5]);
    assert_eq!(page("limit=2").await, [4, 5]);
    assert_eq!(page("limit=2&before=4").await, [2, 3]);
    assert_eq!(page("limit=2&after=1").await, [2, 3]);
    assert_field(&app.rest.get(&format!("{url}?before=4&after=1")).await, "after");
    for bad in [
        "limit=0",
        "limit=201",
        "limit=x",
        "limit=-1",
        "limit=",
        "limit=99999999999",
    ] {
        assert_field(&app.rest.get(&format!("{url}?{bad}")).await, "limit");
    }
    assert_problem(
        &app.rest.get("/api/chat/rooms/nowhere/messages").await,
        404,
        "not_found",
    );
    assert_field(
        &app.rest.get("/api/chat/rooms/No%20Room/messages").await,
        "room_id",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_a_rule_is_named_and_not_stored() {
    let app = App::start().await;
    let url = "/api/chat/rooms/general/messages";
    let long = "x".repeat(16_001);
    for (field, body) in [
        ("content", json!({ "user_id": "alice" })),
        ("content", json!({ "user_id": "alice", "content": " \n" })),
        ("content", json!({ "user_id": "alice", "content": long })),
        ("content", json!({ "user_id": "alice", "content": 7 })),
        ("user_id", json!({ "content": "x" })),
        ("user_id", json!({ "user_id": "Alice!", "content": "x" })),
        (
            "username",
            json!({ "user_id": "alice", "username": "a\u{202E}b", "content": "x" }),
        ),
        (
            "message_type",
            json!({ "user_id": "alice", "content": "x", "message_type": "video" }),
        ),
        (
            "client_msg_id",
            json!({ "user_id": "alice", "content": "x", "client_msg_id": "" }),
        ),
    ] {
        assert_field(&app.rest.post(url, &body).await, field);
    }
    assert_eq!(app.rest.get(url).await.expect(200).json(), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn read_marks_are_their_user_s_alone() {
    let app = App::closed().await;
    let alice = app.guest("alice").await;
    let marks = alice
        .get("/api/chat/users/alice/read-marks")
        .await
        .expect(200)
        .json();
    assert_eq!(marks, json!([]));
    let other = alice.get("/api/chat/users/bob/read-marks").await;
    assert_problem(&other, 403, "permission_denied");
}
