//! Presence and typing.

use serde_json::json;

use crate::app::{App, assert_field};

#[tokio::test(flavor = "multi_thread")]
async fn a_beat_brings_a_user_online_and_a_delete_takes_them_off() {
    let app = App::start().await;
    let alice = "/api/presence/alice";
    let nobody = app.rest.get(alice).await.expect(200).json();
    assert_eq!(
        (&nobody["user_id"], &nobody["status"]),
        (&json!("alice"), &json!("offline"))
    );
    let held = app
        .rest
        .post_empty(&format!("{alice}/heartbeat?username=Alice"))
        .await
        .expect(200)
        .json();
    assert_eq!(held["ttl_ms"], 30_000);
    let online = app.rest.get("/api/presence").await.expect(200).json();
    assert_eq!(online.as_array().unwrap().len(), 1);
    assert_eq!(online[0]["username"], "Alice");
    assert_eq!(online[0]["status"], "online");
    assert!(online[0]["last_seen"].as_str().unwrap().ends_with('Z'));
    let _ = app.rest.delete(alice).await.expect(204);
    assert_eq!(app.rest.get(alice).await.expect(200).json()["status"], "offline");
}

#[tokio::test(flavor = "multi_thread")]
async fn typing_shows_in_its_room() {
    let app = App::start().await;
    let typing = "/api/presence/alice/typing?room_id=general";
    let _ = app
        .rest
        .post_empty(&format!("{typing}&username=Alice"))
        .await
        .expect(200);
    let list = "/api/presence/rooms/general/typing";
    let who = app.rest.get(list).await.expect(200).json();
    assert_eq!(who, json!([{ "user_id": "alice", "username": "Alice" }]));
    let _ = app.rest.delete(typing).await.expect(204);
    assert_eq!(app.rest.get(list).await.expect(200).json(), json!([]));
    assert_field(
        &app.rest.post_empty("/api/presence/alice/typing").await,
        "room_id",
    );
    assert_field(&app.rest.post_empty("/api/presence/A/heartbeat").await, "user_id");
    assert_field(
        &app.rest
            .post_empty("/api/presence/alice/heartbeat?username=%00")
            .await,
        "username",
    );
}
