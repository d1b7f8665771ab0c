//! `/ws/{room_id}/{user_id}?username=…`: one room per socket.

use std::{sync::Arc, time::Duration};

use e2e::{
    Stack,
    lines::Line,
    shape,
    stack::{ack_of, fresh, say, settle},
};
use serde_json::{Value, json};
use test_support::{client::Socket, wait};

const MESSAGE: [&str; 10] = [
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

pub(crate) fn lines() -> Vec<Line> {
    e2e::lines![
        a_message_reaches_its_sender_and_the_others_with_exactly_the_fields,
        a_file_message_carries_its_type_and_link,
        typing_is_shown_to_the_others,
        joining_and_leaving_is_shown_to_the_others,
        an_ack_comes_to_the_sender_alone_and_means_stored,
        the_same_client_msg_id_never_makes_a_second_message,
        seqs_are_one_two_three_in_each_room,
        what_cannot_be_accepted_is_answered_and_the_socket_stays_open,
        after_seq_replays_what_was_missed_and_goes_on_live,
        a_ping_is_answered_with_a_pong,
        the_shown_name_is_the_one_in_the_url,
        unknown_fields_are_ignored,
    ]
}

async fn message_with(socket: &mut Socket, content: &str) -> Value {
    socket
        .wait_where(&format!("the message {content:?}"), wait::SOON, |frame| {
            frame["type"] == "message" && frame["content"] == content
        })
        .await
}

async fn a_message_reaches_its_sender_and_the_others_with_exactly_the_fields(stack: Arc<Stack>) {
    let room = stack.fresh_room().await;
    let mut alice = stack.room_socket(&room, "alice").await;
    let mut bob = stack.room_socket(&room, "bob").await;
    alice
        .send_json(&json!({"type": "message", "content": "Hello!"}))
        .await;
    let mine = message_with(&mut alice, "Hello!").await;
    let theirs = message_with(&mut bob, "Hello!").await;
    assert_eq!(mine, theirs, "the sender receives the same frame as everybody");
    shape::exactly(&mine, &MESSAGE);
    shape::uuid(&mine["id"]);
    shape::timestamp(&mine["timestamp"]);
    let wanted = json!({
        "type": "message", "id": mine["id"], "room_id": room, "user_id": "alice", "username": "alice",
        "content": "Hello!", "message_type": "text", "file_url": null, "timestamp": mine["timestamp"], "seq": 1,
    });
    assert_eq!(mine, wanted);
}

async fn a_file_message_carries_its_type_and_link(stack: Arc<Stack>) {
    let room = stack.fresh_room().await;
    let mut alice = stack.room_socket(&room, "alice").await;
    let frame = json!({
        "type": "message", "content": "file.png", "message_type": "file", "file_url": "/api/files/123/download",
    });
    alice.send_json(&frame).await;
    let message = message_with(&mut alice, "file.png").await;
    shape::exactly(&message, &MESSAGE);
    assert_eq!(message["message_type"], "file");
    assert_eq!(message["file_url"], "/api/files/123/download");
}

async fn typing_is_shown_to_the_others(stack: Arc<Stack>) {
    let (room, alice_id) = (stack.fresh_room().await, fresh("alice"));
    let mut bob = stack.room_socket(&room, "bob").await;
    let mut alice = stack.room_socket(&room, &alice_id).await;
    for kind in ["typing", "stop_typing"] {
        alice.send_json(&json!({"type": kind})).await;
        let seen = bob.wait_for(kind, wait::SOON).await;
        let wanted = json!({"type": kind, "user_id": alice_id, "username": alice_id, "room_id": room});
        assert_eq!(seen, wanted);
    }
}

async fn joining_and_leaving_is_shown_to_the_others(stack: Arc<Stack>) {
    let (room, alice_id) = (stack.fresh_room().await, fresh("alice"));
    let mut bob = stack.room_socket(&room, "bob").await;
    let alice = stack.room_socket(&room, &alice_id).await;
    let who = |frame: &Value, kind: &str| frame["type"] == kind && frame["user_id"] == alice_id.as_str();
    let joined = bob
        .wait_where("alice's user_joined", wait::SOON, |f| who(f, "user_joined"))
        .await;
    alice.close().await;
    let left = bob
        .wait_where("alice's user_left", wait::SOON, |f| who(f, "user_left"))
        .await;
    for frame in [joined, left] {
        shape::exactly(&frame, &["type", "user_id", "username", "room_id", "timestamp"]);
        shape::timestamp(&frame["timestamp"]);
        assert_eq!(frame["username"], alice_id.as_str());
        assert_eq!(frame["room_id"], room.as_str());
    }
}

async fn an_ack_comes_to_the_sender_alone_and_means_stored(stack: Arc<Stack>) {
    let room = stack.fresh_room().await;
    let mut alice = stack.room_socket(&room, "alice").await;
    let mut bob = stack.room_socket(&room, "bob").await;
    let ack = say(&mut alice, "to be acked").await;
    let history = stack.history(&room).await;
    shape::exactly(&ack, &["type", "client_msg_id", "id", "room_id", "seq"]);
    assert_eq!(ack["room_id"], room.as_str());
    assert_eq!(ack["seq"], 1);
    assert_eq!(history.len(), 1, "what is acked is in the history: {history:?}");
    assert_eq!(history[0]["id"], ack["id"]);
    let shown = message_with(&mut bob, "to be acked").await;
    assert_eq!(
        shown["client_msg_id"], ack["client_msg_id"],
        "the frame echoes it"
    );
    let more = bob.collect_for(Duration::from_millis(300)).await;
    let text = format!("{more:?}");
    assert!(!text.contains("\"ack\""), "nobody else gets the ack: {text}");

    // Also without a client_msg_id each accepted message is acked.
    alice
        .send_json(&json!({"type": "message", "content": "without a name"}))
        .await;
    let ack = alice
        .wait_where("the second ack", wait::SOON, |f| {
            f["type"] == "ack" && f["seq"] == 2
        })
        .await;
    assert_eq!(ack["client_msg_id"], Value::Null);
}

async fn the_same_client_msg_id_never_makes_a_second_message(stack: Arc<Stack>) {
    let room = stack.fresh_room().await;
    let mut alice = stack.room_socket(&room, "alice").await;
    let frame = json!({"type": "message", "content": "once", "client_msg_id": "m1"});
    alice.send_json(&frame).await;
    let first = ack_of(&mut alice, "m1").await;
    alice.send_json(&frame).await;
    let second = ack_of(&mut alice, "m1").await;
    assert_eq!(first, second);
    alice.close().await;
    let mut alice = stack.room_socket(&room, "alice").await;
    alice.send_json(&frame).await;
    let third = ack_of(&mut alice, "m1").await;
    assert_eq!(first, third, "also after a reconnect");
    assert_eq!(stack.history(&room).await.len(), 1);
    // It is the sender's own name for it: another's is another message.
    let mut bob = stack.room_socket(&room, "bob").await;
    bob.send_json(&frame).await;
    assert_eq!(ack_of(&mut bob, "m1").await["seq"], 2);
}

async fn seqs_are_one_two_three_in_each_room(stack: Arc<Stack>) {
    let (one, two) = (stack.fresh_room().await, stack.fresh_room().await);
    let mut in_one = stack.room_socket(&one, "alice").await;
    let mut in_two = stack.room_socket(&two, "alice").await;
    for seq in 1..=5 {
        assert_eq!(say(&mut in_one, "here").await["seq"], seq);
        assert_eq!(say(&mut in_two, "there").await["seq"], seq);
    }
}

async fn what_cannot_be_accepted_is_answered_and_the_socket_stays_open(stack: Arc<Stack>) {
    let room = stack.fresh_room().await;
    let mut alice = stack.room_socket(&room, "alice").await;
    let long = "x".repeat(16_001);
    let cases = [
        (
            "bad_frame",
            json!({"type": "message", "content": 7, "client_msg_id": "e1"}),
        ),
        ("empty", json!({"type": "message", "client_msg_id": "e2"})),
        ("bad_frame", json!({"content": "no type"})),
        ("bad_frame", json!(["type", "message"])),
        (
            "bad_frame",
            json!({"type": "message", "content": "x", "client_msg_id": "i".repeat(65)}),
        ),
        ("unknown_type", json!({"type": "dance", "client_msg_id": "e3"})),
        (
            "too_long",
            json!({"type": "message", "content": long, "client_msg_id": "e4"}),
        ),
        (
            "empty",
            json!({"type": "message", "content": "", "client_msg_id": "e5"}),
        ),
        (
            "empty",
            json!({"type": "message", "content": " \n\t ", "client_msg_id": "e6"}),
        ),
    ];
    for (code, frame) in cases {
        alice.send_json(&frame).await;
        let answer = alice.wait_for("error", wait::SOON).await;
        shape::error(&answer, code);
        // A frame that could not be read has no name to echo.
        if ["too_long", "empty"].contains(&code) {
            assert_eq!(answer["client_msg_id"], frame["client_msg_id"], "{answer}");
        }
    }
    let longest = "é".repeat(16_000);
    assert_eq!(
        say(&mut alice, &longest).await["seq"],
        1,
        "nothing refused took a seq"
    );
    assert_eq!(stack.history(&room).await.len(), 1, "nothing refused is stored");
}

async fn after_seq_replays_what_was_missed_and_goes_on_live(stack: Arc<Stack>) {
    let room = stack.fresh_room().await;
    let mut alice = stack.room_socket(&room, "alice").await;
    for n in 1..=5 {
        say(&mut alice, &format!("message {n}")).await;
    }
    let url = stack.ws_url(&format!("/ws/{room}/bob?username=bob&after_seq=2"));
    let mut bob = Socket::connect(&url).await;
    // Sent while the replay is under way: no gap, no repeat.
    for n in 6..=8 {
        say(&mut alice, &format!("message {n}")).await;
    }
    let frames = bob.collect("message", 6, wait::SOON).await;
    let seqs: Vec<&Value> = frames.iter().map(|frame| &frame["seq"]).collect();
    assert_eq!(seqs, [3, 4, 5, 6, 7, 8]);
    let sent = alice.collect("message", 0, wait::SOON).await;
    assert!(sent.is_empty());

    let mut without = stack.room_socket(&room, "carol").await;
    say(&mut without, "live only").await;
    let mut later = stack.room_socket(&room, "dave").await;
    say(&mut alice, "after dave").await;
    let first = later.wait_for("message", wait::SOON).await;
    assert_eq!(
        first["content"], "after dave",
        "without after_seq there is no replay"
    );
}

async fn a_ping_is_answered_with_a_pong(stack: Arc<Stack>) {
    let room = stack.fresh_room().await;
    let mut alice = stack.room_socket(&room, "alice").await;
    alice.send_json(&json!({"type": "ping"})).await;
    assert_eq!(alice.wait_for("pong", wait::SOON).await, json!({"type": "pong"}));
}

async fn the_shown_name_is_the_one_in_the_url(stack: Arc<Stack>) {
    let room = stack.fresh_room().await;
    let url = stack.ws_url(&format!("/ws/{room}/zoe?username=Zo%C3%AB%20%F0%9F%A6%8A"));
    let mut zoe = Socket::connect(&url).await;
    say(&mut zoe, "hi").await;
    assert_eq!(stack.history(&room).await[0]["username"], "Zoë 🦊");
    let mut nameless = Socket::connect(&stack.ws_url(&format!("/ws/{room}/yan"))).await;
    settle(&mut nameless).await;
    say(&mut nameless, "no name given").await;
    assert_eq!(stack.history(&room).await[1]["username"], "yan");
}

async fn unknown_fields_are_ignored(stack: Arc<Stack>) {
    let room = stack.fresh_room().await;
    let mut alice = stack.room_socket(&room, "alice").await;
    let frame = json!({"type": "message", "content": "with more", "colour": "red", "nested": {"a": [1, 2]}});
    alice.send_json(&frame).await;
    shape::exactly(&message_with(&mut alice, "with more").await, &MESSAGE);
}
