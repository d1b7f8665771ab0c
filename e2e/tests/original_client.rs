//! A client of the original contract, as its guides show it: no acks, no seqs, no tokens. It runs unchanged against both
//! topologies.

use e2e::{Stack, shape};
use serde_json::{Value, json};
use test_support::{client::Socket, wait};

async fn script(stack: Stack) {
    let (rest, on) = (stack.rest(), stack.name());

    // Presence first, as the original browser did.
    let _ = rest
        .post_empty("/api/presence/alice/heartbeat?username=alice")
        .await;
    let online: Vec<Value> = rest.get("/api/presence").await.expect(200).parse();
    assert!(
        online
            .iter()
            .any(|user| user["user_id"] == "alice" && user["status"] == "online"),
        "{on}: {online:?}"
    );

    // Rooms.
    let rooms: Vec<Value> = rest.get("/api/chat/rooms").await.expect(200).parse();
    assert!(
        rooms.iter().any(|room| room["id"] == "general"),
        "{on}: {rooms:?}"
    );
    let lunch = json!({"id": "lunch", "name": "Lunch", "description": "Where to go"});
    let _ = rest.post("/api/chat/rooms", &lunch).await.expect(201);
    let _ = rest.post("/api/chat/rooms", &lunch).await.expect(409);

    // Two sockets in one room.
    let mut alice = Socket::connect(&stack.ws_url("/ws/general/alice?username=alice")).await;
    let mut bob = Socket::connect(&stack.ws_url("/ws/general/bob?username=bob")).await;
    let is_bob = |frame: &Value| frame["type"] == "user_joined" && frame["user_id"] == "bob";
    let joined = alice.wait_where("bob's user_joined", wait::SOON, is_bob).await;
    assert_eq!(joined["room_id"], "general", "{on}");
    alice.send_json(&json!({"type": "typing"})).await;
    let typing = bob.wait_for("typing", wait::SOON).await;
    assert_eq!(
        typing,
        json!({"type": "typing", "user_id": "alice", "username": "alice", "room_id": "general"})
    );
    alice.send_json(&json!({"type": "stop_typing"})).await;
    bob.wait_for("stop_typing", wait::SOON).await;
    alice
        .send_json(&json!({"type": "message", "content": "Hello!"}))
        .await;
    let mine = alice.wait_for("message", wait::SOON).await;
    let theirs = bob.wait_for("message", wait::SOON).await;
    assert_eq!(mine, theirs, "{on}: the sender receives its own message too");
    assert_eq!(theirs["content"], "Hello!");
    assert_eq!(theirs["message_type"], "text");
    assert_eq!(theirs["file_url"], Value::Null);
    shape::timestamp(&theirs["timestamp"]);

    // A file: uploaded, announced, downloaded by the other.
    let file = rest
        .upload("general", "bob", "plan.txt", "the plan")
        .await
        .expect(201)
        .json();
    let announced =
        json!({"type": "message", "content": "plan.txt", "message_type": "file", "file_url": file["url"]});
    bob.send_json(&announced).await;
    let seen = alice.wait_for("message", wait::SOON).await;
    assert_eq!(seen["message_type"], "file");
    let url = seen["file_url"].as_str().expect("a link");
    assert_eq!(rest.get(url).await.expect(200).text(), "the plan");
    let files: Vec<Value> = rest
        .get("/api/files/files?room_id=general")
        .await
        .expect(200)
        .parse();
    assert_eq!(files[0]["id"], file["id"], "{on}");

    // History, and notifications.
    let history: Vec<Value> = rest
        .get("/api/chat/rooms/general/messages?limit=50")
        .await
        .expect(200)
        .parse();
    let contents: Vec<&Value> = history.iter().map(|message| &message["content"]).collect();
    assert_eq!(contents, ["Hello!", "plan.txt"], "{on}: oldest first");
    let new = json!({"user_id": "bob", "title": "Lunch", "body": "at 12", "notif_type": "info", "room_id": "lunch"});
    let made = rest.post("/api/notifications", &new).await.expect(201).json();
    let count = rest
        .get("/api/notifications/bob/unread-count")
        .await
        .expect(200)
        .json();
    assert_eq!(count, json!({"user_id": "bob", "unread_count": 1}), "{on}");
    let read = format!("/api/notifications/{}/read", made["id"].as_str().expect("an id"));
    assert_eq!(rest.patch_empty(&read).await.status / 100, 2);
    let count = rest
        .get("/api/notifications/bob/unread-count")
        .await
        .expect(200)
        .json();
    assert_eq!(count["unread_count"], 0, "{on}");

    // Leaving.
    bob.close().await;
    let left = alice.wait_for("user_left", wait::SOON).await;
    assert_eq!(left["user_id"], "bob", "{on}");
    assert_eq!(rest.delete("/api/presence/alice").await.status / 100, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_the_original_contract_talks_to_the_all_in_one() {
    script(Stack::all_in_one().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_the_original_contract_talks_to_the_five_processes() {
    script(Stack::services().await).await;
}
