//! Edits and deletions: they take the next `seq` of their room and reach every socket.

use std::sync::Arc;

use e2e::{
    Stack,
    lines::Line,
    shape,
    stack::{fresh, say, subscribe},
};
use serde_json::{Value, json};
use test_support::{grpc_cli, wait};
use tonic::Code;

pub(crate) fn lines() -> Vec<Line> {
    e2e::lines![
        an_edit_takes_the_next_seq_and_shows_the_whole_message,
        a_deletion_takes_the_next_seq_and_leaves_the_history,
        a_client_that_was_away_gets_the_changes_too,
        nobody_changes_anothers_message,
    ]
}

async fn an_edit_takes_the_next_seq_and_shows_the_whole_message(stack: Arc<Stack>) {
    let room = stack.fresh_room().await;
    let mut alice = stack.room_socket(&room, "alice").await;
    let mut bob = stack.subscribed(&room, "bob").await;
    let ack = say(&mut alice, "before").await;
    let id = ack["id"].as_str().expect("an id").to_owned();

    let path = format!("/api/chat/rooms/{room}/messages/{id}");
    let answer = stack
        .rest()
        .patch(&path, &json!({"user_id": "alice", "content": "by REST"}))
        .await
        .expect(200);
    assert_eq!(answer.json()["content"], "by REST");
    let request = json!({"roomId": room, "messageId": id, "userId": "alice", "content": "by gRPC"});
    let method = "chatflow.chat.v1.ChatService/EditMessage";
    grpc_cli::call(&stack.chat_grpc(), method, &request)
        .await
        .expect("an edit");

    for socket in [&mut alice, &mut bob] {
        for (content, seq) in [("by REST", 2), ("by gRPC", 3)] {
            let frame = socket.wait_for("message_updated", wait::SOON).await;
            shape::has(
                &frame,
                &[
                    "type",
                    "id",
                    "room_id",
                    "user_id",
                    "username",
                    "message_type",
                    "file_url",
                    "timestamp",
                ],
            );
            assert_eq!(frame["id"], ack["id"]);
            assert_eq!(frame["content"], content);
            assert_eq!(frame["seq"], seq);
        }
    }
    let history = stack.history(&room).await;
    assert_eq!(history.len(), 1, "an edit is no new message: {history:?}");
    assert_eq!(history[0]["content"], "by gRPC");
    assert_eq!(
        say(&mut alice, "the next").await["seq"],
        4,
        "edits take seqs of the same row"
    );
}

async fn a_deletion_takes_the_next_seq_and_leaves_the_history(stack: Arc<Stack>) {
    let room = stack.fresh_room().await;
    let mut alice = stack.room_socket(&room, "alice").await;
    let ack = say(&mut alice, "to be deleted").await;
    let path = format!(
        "/api/chat/rooms/{room}/messages/{}?user_id=alice",
        ack["id"].as_str().expect("an id")
    );
    let answer = stack.rest().delete(&path).await;
    assert_eq!(answer.status / 100, 2, "{}", answer.text());
    let frame = alice.wait_for("message_deleted", wait::SOON).await;
    let wanted = json!({"type": "message_deleted", "id": ack["id"], "room_id": room, "seq": 2});
    assert_eq!(frame, wanted);
    assert_eq!(stack.history(&room).await, Vec::<Value>::new());
}

async fn a_client_that_was_away_gets_the_changes_too(stack: Arc<Stack>) {
    let room = stack.fresh_room().await;
    let mut alice = stack.room_socket(&room, "alice").await;
    let mut ids = Vec::new();
    for n in 1..=3 {
        let ack = say(&mut alice, &format!("message {n}")).await;
        ids.push(ack["id"].as_str().expect("an id").to_owned());
    }
    let path = |id: &str| format!("/api/chat/rooms/{room}/messages/{id}?user_id=alice");
    let _ = stack
        .rest()
        .patch(&path(&ids[0]), &json!({"content": "edited"}))
        .await
        .expect(200);
    assert_eq!(stack.rest().delete(&path(&ids[1])).await.status / 100, 2);

    let mut bob = stack.socket("bob").await;
    let subscribed = subscribe(&mut bob, &room, Some(2)).await;
    assert_eq!(subscribed["last_seq"], 5);
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let frame = bob
            .wait_where("a change", wait::SOON, |frame| frame["seq"].is_number())
            .await;
        seen.push((frame["type"].clone(), frame["seq"].clone(), frame["id"].clone()));
    }
    let wanted = [
        (json!("message"), json!(3), json!(ids[2])),
        (json!("message_updated"), json!(4), json!(ids[0])),
        (json!("message_deleted"), json!(5), json!(ids[1])),
    ];
    assert_eq!(seen, wanted);
}

async fn nobody_changes_anothers_message(stack: Arc<Stack>) {
    let room = stack.fresh_room().await;
    let mut alice = stack.room_socket(&room, "alice").await;
    let ack = say(&mut alice, "mine").await;
    let id = ack["id"].as_str().expect("an id");
    let path = format!(
        "/api/chat/rooms/{room}/messages/{id}?user_id={}",
        fresh("mallory")
    );
    shape::problem(
        &stack.rest().patch(&path, &json!({"content": "theirs"})).await,
        403,
    );
    shape::problem(&stack.rest().delete(&path).await, 403);
    let request = json!({"roomId": room, "messageId": id, "userId": "mallory"});
    let refusal = grpc_cli::call(
        &stack.chat_grpc(),
        "chatflow.chat.v1.ChatService/DeleteMessage",
        &request,
    )
    .await;
    assert_eq!(refusal.expect_err("it is alice's").code, Code::PermissionDenied);
    assert_eq!(stack.history(&room).await[0]["content"], "mine");
}
