//! Any number of rooms on one socket.

use broker::Publication;
use proto::chat::{CreateRoomRequest, DeleteMessageRequest, EditMessageRequest, ListReadMarksRequest};
use serde_json::json;
use test_support::wait::{SOON, until};

use crate::support::{System, silent};

#[tokio::test(flavor = "multi_thread")]
async fn rooms_come_and_go_on_one_socket() {
    let system = System::start().await;
    let edge = system.edge().await;
    let mut alice = edge.multiplexed("alice").await;
    alice
        .send_json(&json!({"type": "message", "room_id": "general", "content": "too early"}))
        .await;
    assert_eq!(alice.wait_for("error", SOON).await["code"], "not_subscribed");
    alice
        .send_json(&json!({"type": "subscribe", "room_id": "nowhere"}))
        .await;
    let refused = alice.wait_for("error", SOON).await;
    assert_eq!(
        (&refused["code"], &refused["room_id"]),
        (&json!("no_such_room"), &json!("nowhere"))
    );

    for room in ["general", "random"] {
        alice
            .send_json(&json!({"type": "subscribe", "room_id": room}))
            .await;
        // Right behind the subscription: the own message has to come live.
        alice
            .send_json(&json!({"type": "message", "room_id": room, "content": "hi"}))
            .await;
        let subscribed = alice.wait_for("subscribed", SOON).await;
        assert_eq!(
            (&subscribed["room_id"], &subscribed["last_seq"]),
            (&json!(room), &json!(0))
        );
        assert_eq!(alice.wait_for("message", SOON).await["room_id"], room);
    }
    assert_eq!(edge.sockets.rooms_served(), 2);
    alice
        .send_json(&json!({"type": "unsubscribe", "room_id": "random"}))
        .await;
    alice.wait_for("unsubscribed", SOON).await;
    edge.say("random", "unheard").await;
    edge.say("general", "heard").await;
    assert_eq!(alice.wait_for("message", SOON).await["content"], "heard");
    silent(&mut alice, "message").await;
    until(SOON, "one room is served", async || {
        edge.sockets.rooms_served() == 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_messages_are_told_in_the_rooms_order() {
    let system = System::start().await;
    let edge = system.edge().await;
    let mut alice = edge.subscribed("alice", "general").await;
    let sent = edge.say("general", "helo").await;
    let mut chat = edge.upstream.chat.clone();
    let edit = EditMessageRequest {
        room_id: "general".to_owned(),
        message_id: sent.id.clone(),
        user_id: "narrator".to_owned(),
        content: "hello".to_owned(),
    };
    chat.edit_message(edit).await.unwrap();
    let delete = DeleteMessageRequest {
        room_id: "general".to_owned(),
        message_id: sent.id.clone(),
        user_id: "narrator".to_owned(),
    };
    chat.delete_message(delete).await.unwrap();
    let updated = alice.wait_for("message_updated", SOON).await;
    assert_eq!(
        (&updated["content"], &updated["seq"]),
        (&json!("hello"), &json!(2))
    );
    let deleted = alice.wait_for("message_deleted", SOON).await;
    assert_eq!((&deleted["id"], &deleted["seq"]), (&json!(sent.id), &json!(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_notifications_and_new_rooms_are_told() {
    let system = System::start().await;
    let edge = system.edge().await;
    let mut alice = edge.subscribed("alice", "general").await;
    let mut elsewhere = edge.subscribed("carol", "random").await;
    let mut room_socket = edge.room("general", "dave").await;
    let _bob = edge.subscribed("bob", "general").await;
    let online = alice.wait_where("bob to be online", SOON, |frame| {
        frame["type"] == "presence" && frame["user_id"] == "bob"
    });
    assert_eq!(online.await["status"], "online");

    let notification = json!({"type": "notification", "id": "n", "user_id": "alice", "title": "t"});
    let publication = Publication {
        channel: "user:alice".to_owned(),
        payload: notification.to_string().into(),
    };
    system.broker.publish(vec![publication]).await.unwrap();
    assert_eq!(alice.wait_for("notification", SOON).await, notification);

    let room = CreateRoomRequest {
        id: "fresh".to_owned(),
        name: "Fresh".to_owned(),
        description: String::new(),
    };
    edge.upstream.chat.clone().create_room(room).await.unwrap();
    for socket in [&mut alice, &mut elsewhere] {
        let told = socket.wait_for("room_updated", SOON).await;
        assert_eq!(
            (&told["room_id"], &told["name"]),
            (&json!("fresh"), &json!("Fresh"))
        );
    }
    silent(&mut elsewhere, "notification").await;
    for frame in room_socket.collect_for(crate::support::QUIET).await {
        let text = format!("{frame:?}");
        assert!(
            !text.contains("room_updated") && !text.contains("\"presence\""),
            "{text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn read_marks_are_kept() {
    let system = System::start().await;
    let edge = system.edge().await;
    let mut alice = edge.subscribed("alice", "general").await;
    edge.say("general", "read me").await;
    alice.wait_for("message", SOON).await;
    alice
        .send_json(&json!({"type": "read", "room_id": "general", "seq": 1}))
        .await;
    until(SOON, "the mark is set", async || {
        let request = ListReadMarksRequest {
            user_id: "alice".to_owned(),
        };
        let marks = edge
            .upstream
            .chat
            .clone()
            .list_read_marks(request)
            .await
            .unwrap()
            .into_inner();
        marks
            .marks
            .iter()
            .any(|mark| mark.room_id == "general" && mark.last_seq == 1)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_connected_is_online() {
    let system = System::start().await;
    let edge = system.edge().await;
    let _alice = edge.room("general", "alice").await;
    until(SOON, "alice is online", async || {
        let asked = proto::presence::GetUserRequest {
            user_id: "alice".to_owned(),
        };
        let user = edge
            .upstream
            .presence
            .clone()
            .get_user(asked)
            .await
            .unwrap()
            .into_inner();
        user.status() == proto::presence::Status::Online
    })
    .await;
}
