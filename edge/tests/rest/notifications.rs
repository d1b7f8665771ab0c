//! Notifications.

use serde_json::{Value, json};

use crate::app::{App, assert_field, assert_problem};

fn new(title: &str) -> Value {
    json!({ "user_id": "alice", "title": title, "body": "b", "notif_type": "info", "room_id": "general" })
}

#[tokio::test(flavor = "multi_thread")]
async fn notifications_are_stored_counted_read_and_deleted() {
    let app = App::start().await;
    let first = app
        .rest
        .post("/api/notifications", &new("one"))
        .await
        .expect(201)
        .json();
    let _ = app.rest.post("/api/notifications", &new("two")).await.expect(201);
    assert_eq!(
        (&first["is_read"], &first["room_id"]),
        (&json!(false), &json!("general"))
    );
    let list = app.rest.get("/api/notifications/alice").await.expect(200).json();
    let titles: Vec<_> = list.as_array().unwrap().iter().map(|row| &row["title"]).collect();
    assert_eq!(titles, ["two", "one"]);
    let one = format!("/api/notifications/{}", first["id"].as_str().unwrap());
    let read = app
        .rest
        .patch_empty(&format!("{one}/read"))
        .await
        .expect(200)
        .json();
    assert_eq!(read["is_read"], true);
    let count = app
        .rest
        .get("/api/notifications/alice/unread-count")
        .await
        .expect(200)
        .json();
    assert_eq!(count, json!({ "user_id": "alice", "unread_count": 1 }));
    let unread = app
        .rest
        .get("/api/notifications/alice?unread_only=true&limit=1")
        .await
        .expect(200)
        .json();
    assert_eq!(unread[0]["title"], "two");
    let all = app
        .rest
        .patch_empty("/api/notifications/alice/read-all")
        .await
        .expect(200)
        .json();
    assert_eq!(all["changed"], 1);
    let _ = app.rest.delete(&one).await.expect(204);
    assert_problem(&app.rest.delete(&one).await, 404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_token_only_one_s_own_exist() {
    let app = App::start().await;
    let stored = app
        .rest
        .post("/api/notifications", &new("private"))
        .await
        .expect(201)
        .json();
    let one = format!("/api/notifications/{}", stored["id"].as_str().unwrap());
    let bob = app.guest("bob").await;
    assert_problem(&bob.patch_empty(&format!("{one}/read")).await, 404, "not_found");
    assert_problem(&bob.delete(&one).await, 404, "not_found");
    let alice = app.guest("alice").await;
    let _ = alice.delete(&one).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_fields_are_named() {
    let app = App::start().await;
    assert_field(
        &app.rest
            .post("/api/notifications", &json!({ "user_id": "alice" }))
            .await,
        "title",
    );
    assert_field(
        &app.rest.post("/api/notifications", &new(&"x".repeat(201))).await,
        "title",
    );
    assert_field(&app.rest.get("/api/notifications/alice?limit=0").await, "limit");
    assert_field(
        &app.rest.get("/api/notifications/alice?unread_only=maybe").await,
        "unread_only",
    );
    assert_field(&app.rest.delete("/api/notifications/123").await, "id");
}
