//! `/ws?user_id=…&username=…`: any number of rooms on one socket, and what concerns the user.

use std::{sync::Arc, time::Duration};

use e2e::{
    Stack,
    lines::Line,
    shape,
    stack::{fresh, say, subscribe},
};
use serde_json::{Value, json};
use test_support::wait;

pub(crate) fn lines() -> Vec<Line> {
    e2e::lines![
        subscribing_is_answered_first_then_the_missed_then_live,
        several_rooms_live_on_one_socket,
        unsubscribing_ends_the_rooms_frames,
        a_frame_for_a_room_without_subscription_is_not_subscribed,
        a_frame_for_a_missing_room_is_no_such_room,
        a_read_mark_moves_forward_only,
        users_who_share_a_room_see_each_other_come_and_go,
        a_mention_notifies_the_mentioned_live,
        a_notification_made_by_rest_is_shown_live,
        a_new_room_is_announced_to_everybody,
    ]
}

async fn subscribing_is_answered_first_then_the_missed_then_live(stack: Arc<Stack>) {
    let room = stack.fresh_room().await;
    let mut alice = stack.room_socket(&room, "alice").await;
    for n in 1..=4 {
        say(&mut alice, &format!("message {n}")).await;
    }
    let mut bob = stack.socket("bob").await;
    bob.send_json(&json!({"type": "subscribe", "room_id": room, "after_seq": 1}))
        .await;
    let ours = |frame: &Value| frame["room_id"] == room.as_str();
    let first = bob.wait_where("the first of the room", wait::SOON, ours).await;
    let last_id = first["last_id"].clone();
    assert_eq!(
        first,
        json!({"type": "subscribed", "room_id": room, "last_seq": 4, "last_id": last_id})
    );
    say(&mut alice, "message 5").await;
    for seq in 2..=5 {
        let next = bob.wait_for("message", wait::SOON).await;
        assert_eq!(next["seq"], seq);
        assert_eq!(next["content"], format!("message {seq}"));
        assert_eq!(next["id"] == last_id, seq == 4, "{next}");
    }
}

async fn several_rooms_live_on_one_socket(stack: Arc<Stack>) {
    let (one, two) = (stack.fresh_room().await, stack.fresh_room().await);
    let mut alice = stack.subscribed(&one, "alice").await;
    subscribe(&mut alice, &two, None).await;
    for room in [&one, &two] {
        let frame = json!({"type": "message", "room_id": room, "content": "hi", "client_msg_id": "same"});
        alice.send_json(&frame).await;
        let message = alice.wait_for("message", wait::SOON).await;
        assert_eq!(message["room_id"], room.as_str());
        assert_eq!(message["seq"], 1, "a client_msg_id counts per room");
    }
    let mut bob = stack.room_socket(&two, "bob").await;
    alice.send_json(&json!({"type": "typing", "room_id": two})).await;
    assert_eq!(bob.wait_for("typing", wait::SOON).await["user_id"], "alice");
}

async fn unsubscribing_ends_the_rooms_frames(stack: Arc<Stack>) {
    let room = stack.fresh_room().await;
    let mut alice = stack.subscribed(&room, "alice").await;
    let mut bob = stack.room_socket(&room, "bob").await;
    alice
        .send_json(&json!({"type": "unsubscribe", "room_id": room}))
        .await;
    let answer = alice.wait_for("unsubscribed", wait::SOON).await;
    assert_eq!(answer, json!({"type": "unsubscribed", "room_id": room}));
    say(&mut bob, "unheard").await;
    let frames = format!("{:?}", alice.collect_for(Duration::from_millis(500)).await);
    assert!(!frames.contains("unheard"), "{frames}");
}

async fn a_frame_for_a_room_without_subscription_is_not_subscribed(stack: Arc<Stack>) {
    let room = stack.fresh_room().await;
    let mut alice = stack.socket("alice").await;
    for kind in ["message", "typing", "stop_typing"] {
        let frame = json!({"type": kind, "room_id": room, "content": "x", "client_msg_id": "n1"});
        alice.send_json(&frame).await;
        shape::error(&alice.wait_for("error", wait::SOON).await, "not_subscribed");
    }
    assert_eq!(stack.history(&room).await.len(), 0, "nothing is stored");
    alice
        .send_json(&json!({"type": "message", "content": "where?"}))
        .await;
    shape::error(&alice.wait_for("error", wait::SOON).await, "bad_frame");
}

async fn a_frame_for_a_missing_room_is_no_such_room(stack: Arc<Stack>) {
    let mut alice = stack.socket("alice").await;
    alice
        .send_json(&json!({"type": "subscribe", "room_id": fresh("nowhere")}))
        .await;
    shape::error(&alice.wait_for("error", wait::SOON).await, "no_such_room");
    for bad in ["Ünder", "", "-dash", "a/b", &"x".repeat(65)] {
        alice
            .send_json(&json!({"type": "subscribe", "room_id": bad}))
            .await;
        shape::error(&alice.wait_for("error", wait::SOON).await, "bad_frame");
    }
}

async fn a_read_mark_moves_forward_only(stack: Arc<Stack>) {
    let (room, reader) = (stack.fresh_room().await, fresh("reader"));
    let mut socket = stack.subscribed(&room, &reader).await;
    for n in 1..=3 {
        let id = format!("m{n}");
        socket
            .send_json(&json!({"type": "message", "room_id": room, "content": "x", "client_msg_id": id}))
            .await;
        e2e::stack::ack_of(&mut socket, &id).await;
    }
    let marks = || async {
        let path = format!("/api/chat/users/{reader}/read-marks?user_id={reader}");
        stack.rest().get(&path).await.expect(200).text()
    };
    socket
        .send_json(&json!({"type": "read", "room_id": room, "seq": 2}))
        .await;
    wait::until(wait::SOON, "the mark at 2", async || marks().await.contains(":2")).await;
    socket
        .send_json(&json!({"type": "read", "room_id": room, "seq": 1}))
        .await;
    socket
        .send_json(&json!({"type": "read", "room_id": room, "seq": 3}))
        .await;
    wait::until(wait::SOON, "the mark at 3", async || marks().await.contains(":3")).await;
    assert!(!marks().await.contains(":1"), "an older seq changes nothing");
}

async fn users_who_share_a_room_see_each_other_come_and_go(stack: Arc<Stack>) {
    let (room, bob_id) = (stack.fresh_room().await, fresh("bob"));
    let mut alice = stack.subscribed(&room, "alice").await;
    let of_bob = |frame: &Value, status: &str| {
        frame["type"] == "presence" && frame["user_id"] == bob_id.as_str() && frame["status"] == status
    };
    let bob = stack.subscribed(&room, &bob_id).await;
    let online = alice
        .wait_where("bob online", wait::SOON, |f| of_bob(f, "online"))
        .await;
    shape::has(&online, &["type", "user_id", "status"]);
    bob.close().await;
    // A closed browser is offline within 30 s.
    alice
        .wait_where("bob offline", Duration::from_secs(35), |f| of_bob(f, "offline"))
        .await;
}

async fn a_mention_notifies_the_mentioned_live(stack: Arc<Stack>) {
    let (room, bob_id) = (stack.fresh_room().await, fresh("bob"));
    // Not in the room at all: a notification is the user's own.
    let mut bob = stack.socket(&bob_id).await;
    let mut alice = stack.room_socket(&room, "alice").await;
    say(&mut alice, &format!("look here @{bob_id}, please")).await;
    let notification = bob.wait_for("notification", wait::SOON).await;
    shape::has(
        &notification,
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
    assert_eq!(notification["user_id"], bob_id.as_str());
    assert_eq!(notification["room_id"], room.as_str());
    assert_eq!(notification["notif_type"], "mention");
    let path = format!("/api/notifications/{bob_id}");
    let stored = stack.rest().get(&path).await.expect(200).json();
    assert_eq!(stored[0]["id"], notification["id"], "{stored}");
}

async fn a_notification_made_by_rest_is_shown_live(stack: Arc<Stack>) {
    let user = fresh("carol");
    let (mut one, mut two) = (stack.socket(&user).await, stack.socket(&user).await);
    let new = json!({"user_id": user, "title": "Hi", "body": "there", "notif_type": "info", "room_id": null});
    let made = stack
        .rest()
        .post("/api/notifications", &new)
        .await
        .expect(201)
        .json();
    for socket in [&mut one, &mut two] {
        let shown = socket.wait_for("notification", wait::SOON).await;
        assert_eq!(shown["id"], made["id"]);
        assert_eq!(shown["title"], "Hi");
        shape::timestamp(&shown["created_at"]);
    }
}

async fn a_new_room_is_announced_to_everybody(stack: Arc<Stack>) {
    let mut alice = stack.socket("alice").await;
    let room = stack.fresh_room().await;
    let frame = alice
        .wait_where("the new room", wait::SOON, |frame| {
            frame["type"] == "room_updated" && frame["room_id"] == room.as_str()
        })
        .await;
    shape::has(&frame, &["type", "room_id", "name", "description", "created_at"]);
    shape::timestamp(&frame["created_at"]);
}
