//! `/api/notifications`.

use std::sync::Arc;

use e2e::{Stack, lines::Line, shape, stack::fresh};
use serde_json::{Value, json};

pub(crate) fn lines() -> Vec<Line> {
    e2e::lines![
        notifications_are_listed_newest_first_and_counted,
        marking_read_changes_the_count,
        a_deleted_notification_is_gone,
        notifications_breaking_a_rule_are_422,
    ]
}

async fn notify(stack: &Stack, user: &str, title: &str) -> Value {
    let new =
        json!({"user_id": user, "title": title, "body": "text", "notif_type": "info", "room_id": "general"});
    stack
        .rest()
        .post("/api/notifications", &new)
        .await
        .expect(201)
        .json()
}

async fn list(stack: &Stack, user: &str, query: &str) -> Vec<Value> {
    stack
        .rest()
        .get(&format!("/api/notifications/{user}{query}"))
        .await
        .expect(200)
        .parse()
}

async fn unread(stack: &Stack, user: &str) -> Value {
    stack
        .rest()
        .get(&format!("/api/notifications/{user}/unread-count"))
        .await
        .expect(200)
        .json()
}

fn titles(list: &[Value]) -> Vec<&str> {
    list.iter().filter_map(|one| one["title"].as_str()).collect()
}

async fn notifications_are_listed_newest_first_and_counted(stack: Arc<Stack>) {
    let user = fresh("user");
    assert_eq!(
        unread(&stack, &user).await,
        json!({"user_id": user, "unread_count": 0})
    );
    for title in ["one", "two", "three"] {
        let made = notify(&stack, &user, title).await;
        shape::has(
            &made,
            &[
                "id",
                "user_id",
                "title",
                "body",
                "notif_type",
                "room_id",
                "is_read",
                "created_at",
            ],
        );
        shape::uuid(&made["id"]);
        shape::timestamp(&made["created_at"]);
        assert_eq!(made["is_read"], false);
    }
    assert_eq!(titles(&list(&stack, &user, "").await), ["three", "two", "one"]);
    assert_eq!(
        titles(&list(&stack, &user, "?unread_only=false&limit=2").await),
        ["three", "two"]
    );
    assert_eq!(
        unread(&stack, &user).await,
        json!({"user_id": user, "unread_count": 3})
    );
    assert!(
        list(&stack, &fresh("other"), "").await.is_empty(),
        "others see nothing of it"
    );
}

async fn marking_read_changes_the_count(stack: Arc<Stack>) {
    let user = fresh("user");
    let mut ids = Vec::new();
    for title in ["one", "two", "three"] {
        ids.push(
            notify(&stack, &user, title).await["id"]
                .as_str()
                .expect("an id")
                .to_owned(),
        );
    }
    let read = stack
        .rest()
        .patch_empty(&format!("/api/notifications/{}/read", ids[1]))
        .await;
    assert_eq!(read.status / 100, 2, "{}", read.text());
    assert_eq!(unread(&stack, &user).await["unread_count"], 2);
    assert_eq!(
        titles(&list(&stack, &user, "?unread_only=true").await),
        ["three", "one"]
    );
    assert_eq!(list(&stack, &user, "").await[1]["is_read"], true);
    let all = stack
        .rest()
        .patch_empty(&format!("/api/notifications/{user}/read-all"))
        .await;
    assert_eq!(all.status / 100, 2, "{}", all.text());
    assert_eq!(unread(&stack, &user).await["unread_count"], 0);
    assert!(list(&stack, &user, "?unread_only=true").await.is_empty());
    let missing = format!("/api/notifications/{}/read", uuid::Uuid::now_v7());
    shape::problem(&stack.rest().patch_empty(&missing).await, 404);
}

async fn a_deleted_notification_is_gone(stack: Arc<Stack>) {
    let user = fresh("user");
    let id = notify(&stack, &user, "to be deleted").await["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let path = format!("/api/notifications/{id}");
    assert_eq!(stack.rest().delete(&path).await.status / 100, 2);
    assert!(list(&stack, &user, "").await.is_empty());
    shape::problem(&stack.rest().delete(&path).await, 404);
}

async fn notifications_breaking_a_rule_are_422(stack: Arc<Stack>) {
    let user = fresh("user");
    let with = |field: &str, value: Value| {
        let mut new = json!({"user_id": user, "title": "x", "body": "x", "notif_type": "info"});
        new[field] = value;
        new
    };
    for (field, value) in [
        ("user_id", json!("Not An Id")),
        ("title", json!("")),
        ("title", json!("x".repeat(201))),
        ("title", json!(7)),
        ("body", json!("x".repeat(2001))),
        ("notif_type", json!("NOT A KIND")),
        ("room_id", json!("Not A Room")),
    ] {
        shape::invalid(
            &stack.rest().post("/api/notifications", &with(field, value)).await,
            field,
        );
    }
    for limit in ["0", "201", "x"] {
        let path = format!("/api/notifications/{user}?limit={limit}");
        shape::invalid(&stack.rest().get(&path).await, "limit");
    }
    shape::invalid(
        &stack
            .rest()
            .get(&format!("/api/notifications/{user}?unread_only=perhaps"))
            .await,
        "unread_only",
    );
    shape::problem(
        &stack
            .rest()
            .patch_empty("/api/notifications/not-a-uuid/read")
            .await,
        422,
    );
    assert!(
        list(&stack, &user, "").await.is_empty(),
        "nothing of it is stored"
    );
}
