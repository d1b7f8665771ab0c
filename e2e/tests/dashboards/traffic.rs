//! A little of everything that people do, so that a cluster exports every metric it has.

use e2e::{
    Stack,
    stack::{fresh, say, settle, subscribe},
};
use serde_json::json;
use test_support::wait;

/// Beyond what the test's edge allows from one address in a minute.
const SIGN_INS: usize = 100;

/// One of each: messages, files, presence, notifications, and what is turned away.
pub(crate) async fn everything(stack: &Stack) {
    let room = stack.fresh_room().await;
    let (alice, bob) = (fresh("alice"), fresh("bob"));
    messages(stack, &room, &alice, &bob).await;
    presence(stack, &room, &alice).await;
    notifications(stack, &bob).await;
    files(stack, &room, &alice).await;
    too_many_sign_ins(stack).await;
}

async fn messages(stack: &Stack, room: &str, alice: &str, bob: &str) {
    let mut writer = stack.room_socket(room, alice).await;
    say(&mut writer, &format!("hello @{bob}")).await;
    let mut reader = stack.socket(bob).await;
    // From the start of the log, so that something is replayed.
    subscribe(&mut reader, room, Some(0)).await;
    reader.wait_for("message", wait::SOON).await;
    for n in 0..5 {
        say(&mut writer, &format!("message {n}")).await;
        reader.wait_for("message", wait::SOON).await;
    }
    writer
        .send_json(&json!({"type": "typing", "room_id": room}))
        .await;
    reader.wait_for("typing", wait::SOON).await;
    let rest = stack.rest();
    let _ = rest.get("/api/chat/rooms").await.expect(200);
    stack.history(room).await;
    settle(&mut writer).await;
}

async fn presence(stack: &Stack, room: &str, user: &str) {
    let rest = stack.rest();
    let beat = format!("/api/presence/{user}/heartbeat?username={user}");
    assert_eq!(rest.post_empty(&beat).await.status / 100, 2);
    let typing = format!("/api/presence/{user}/typing?room_id={room}&username={user}");
    assert_eq!(rest.post_empty(&typing).await.status / 100, 2);
    let _ = rest
        .get(&format!("/api/presence/rooms/{room}/typing"))
        .await
        .expect(200);
    let _ = rest.get("/api/presence").await.expect(200);
}

async fn notifications(stack: &Stack, user: &str) {
    let rest = stack.rest();
    let new = json!({"user_id": user, "title": "Welcome", "body": "Hello.", "notif_type": "info"});
    let _ = rest.post("/api/notifications", &new).await.expect(201);
    let _ = rest.get(&format!("/api/notifications/{user}")).await.expect(200);
}

async fn files(stack: &Stack, room: &str, user: &str) {
    let rest = stack.rest();
    let stored = rest.upload(room, user, "a.txt", "hello").await.expect(201).json();
    let url = stored["url"].as_str().expect("a url");
    assert_eq!(rest.get(url).await.expect(200).text(), "hello");
}

async fn too_many_sign_ins(stack: &Stack) {
    let rest = stack.rest();
    for _ in 0..SIGN_INS {
        let guest = json!({"user_id": fresh("guest")});
        if rest.post("/api/chat/sessions", &guest).await.status == 429 {
            return;
        }
    }
    panic!("{SIGN_INS} sign-ins from one address are let in");
}

/// Messages and notifications while nothing can be published; both are kept all the same.
pub(crate) async fn without_hints(stack: &Stack) {
    let (room, user) = (stack.fresh_room().await, fresh("carol"));
    let mut writer = stack.room_socket(&room, &user).await;
    say(&mut writer, "before").await;
    let cluster = stack.cluster().expect("the five processes");
    cluster.redis.stop().await;
    say(&mut writer, "nobody is told of this").await;
    notifications(stack, &user).await;
}

/// Ends [`without_hints`].
pub(crate) async fn with_hints_again(stack: &Stack) {
    let cluster = stack.cluster().expect("the five processes");
    cluster.redis.start().await;
    for process in cluster.processes() {
        process.wait_ready(wait::START).await;
    }
}
