//! `/api/presence`.

use std::{sync::Arc, time::Duration};

use e2e::{Stack, lines::Line, shape, stack::fresh};
use serde_json::{Value, json};
use test_support::wait;

pub(crate) fn lines() -> Vec<Line> {
    e2e::lines![
        a_heartbeat_keeps_a_user_online_for_30_s,
        going_offline_is_at_once,
        an_unknown_user_is_offline,
        typing_is_listed_until_it_stops_or_5_s_have_passed,
        a_connected_socket_is_online_without_a_beat,
        presence_of_a_bad_id_is_422,
    ]
}

async fn status_of(stack: &Stack, user: &str) -> Value {
    stack
        .rest()
        .get(&format!("/api/presence/{user}"))
        .await
        .expect(200)
        .json()
}

async fn listed(stack: &Stack, user: &str) -> Option<Value> {
    let online: Vec<Value> = stack.rest().get("/api/presence").await.expect(200).parse();
    online.into_iter().find(|one| one["user_id"] == user)
}

async fn a_heartbeat_keeps_a_user_online_for_30_s(stack: Arc<Stack>) {
    let user = fresh("beating");
    let beat = stack
        .rest()
        .post_empty(&format!("/api/presence/{user}/heartbeat?username=Alice"))
        .await;
    assert_eq!(beat.status / 100, 2, "{}", beat.text());
    let begun = tokio::time::Instant::now();
    let one = listed(&stack, &user).await.expect("listed");
    shape::has(&one, &["user_id", "username", "status", "last_seen"]);
    assert_eq!(
        (&one["username"], &one["status"]),
        (&json!("Alice"), &json!("online"))
    );
    shape::timestamp(&one["last_seen"]);
    assert_eq!(status_of(&stack, &user).await["status"], "online");
    let offline = async || status_of(&stack, &user).await["status"] == "offline";
    wait::until(Duration::from_secs(40), "offline without another beat", offline).await;
    assert!(
        begun.elapsed() > Duration::from_secs(28),
        "offline after {:?}",
        begun.elapsed()
    );
    assert_eq!(listed(&stack, &user).await, None);
}

async fn going_offline_is_at_once(stack: Arc<Stack>) {
    let user = fresh("leaving");
    let _ = stack
        .rest()
        .post_empty(&format!("/api/presence/{user}/heartbeat?username=Alice"))
        .await;
    assert_eq!(status_of(&stack, &user).await["status"], "online");
    assert_eq!(
        stack.rest().delete(&format!("/api/presence/{user}")).await.status / 100,
        2
    );
    assert_eq!(status_of(&stack, &user).await["status"], "offline");
    assert_eq!(listed(&stack, &user).await, None);
}

async fn an_unknown_user_is_offline(stack: Arc<Stack>) {
    let user = fresh("unknown");
    let answer = status_of(&stack, &user).await;
    assert_eq!(
        (&answer["user_id"], &answer["status"]),
        (&json!(user), &json!("offline"))
    );
}

async fn typing_is_listed_until_it_stops_or_5_s_have_passed(stack: Arc<Stack>) {
    let (room, user) = (stack.fresh_room().await, fresh("typist"));
    let mut bob = stack.room_socket(&room, "bob").await;
    let path = format!("/api/presence/{user}/typing?room_id={room}&username=Ty");
    let list = async || {
        let path = format!("/api/presence/rooms/{room}/typing");
        stack.rest().get(&path).await.expect(200).text()
    };
    let start = async || assert_eq!(stack.rest().post_empty(&path).await.status / 100, 2);
    start().await;
    let shown = bob.wait_for("typing", wait::SOON).await;
    assert_eq!(
        (&shown["user_id"], &shown["username"]),
        (&json!(user), &json!("Ty"))
    );
    assert!(list().await.contains(&user));
    assert_eq!(stack.rest().delete(&path).await.status / 100, 2);
    bob.wait_for("stop_typing", wait::SOON).await;
    assert!(!list().await.contains(&user), "stopped");
    start().await;
    let begun = tokio::time::Instant::now();
    wait::until(wait::SOON, "nobody types any more", async || {
        !list().await.contains(&user)
    })
    .await;
    assert!(
        begun.elapsed() > Duration::from_secs(4),
        "typing is over after {:?}",
        begun.elapsed()
    );
}

async fn a_connected_socket_is_online_without_a_beat(stack: Arc<Stack>) {
    let (room, user) = (stack.fresh_room().await, fresh("connected"));
    let mut socket = stack.room_socket(&room, &user).await;
    wait::until(wait::SOON, "online", async || {
        listed(&stack, &user).await.is_some()
    })
    .await;
    // Longer than a beat is worth.
    socket.collect_for(Duration::from_secs(35)).await;
    assert_eq!(status_of(&stack, &user).await["status"], "online");
    socket.close().await;
    let offline = async || status_of(&stack, &user).await["status"] == "offline";
    wait::until(Duration::from_secs(35), "offline within 30 s of closing", offline).await;
}

async fn presence_of_a_bad_id_is_422(stack: Arc<Stack>) {
    let rest = stack.rest();
    shape::invalid(&rest.get("/api/presence/Alice").await, "user_id");
    shape::invalid(
        &rest.post_empty("/api/presence/Alice/heartbeat?username=a").await,
        "user_id",
    );
    shape::invalid(
        &rest
            .post_empty("/api/presence/alice/heartbeat?username=%E2%80%AEa")
            .await,
        "username",
    );
    shape::invalid(
        &rest
            .post_empty("/api/presence/alice/typing?room_id=No&username=a")
            .await,
        "room_id",
    );
    shape::problem(
        &rest.post_empty("/api/presence/alice/typing?username=a").await,
        422,
    );
}
