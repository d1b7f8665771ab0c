//! `/api/chat/asyncapi.json` against the frames that really travel: a scenario produces every type in both directions, and
//! each frame must fit its description, with no type and no field left undescribed.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use e2e::{
    Stack, schema,
    stack::{fresh, settle},
};
use serde_json::{Value, json};
use test_support::client::{Frame, Socket};

/// What the document describes for one direction, by the frame's `type`.
type Described = BTreeMap<String, Value>;

/// The payloads that the server sends, or receives.
fn described(document: &Value, action: &str) -> Described {
    let operations = document["operations"].as_object().expect("operations").values();
    let messages = operations
        .filter(|operation| operation["action"] == action)
        .flat_map(|operation| operation["messages"].as_array().expect("an operation's messages"));
    let payloads = messages.map(|message| &schema::resolve(document, message)["payload"]);
    let kinds = payloads.map(|payload| {
        let resolved = schema::resolve(document, payload);
        let kind = kind_of(document, resolved).unwrap_or_else(|| panic!("no type in {resolved}"));
        (kind, payload.clone())
    });
    kinds.collect()
}

/// The constant `type` of a payload, which may be in one of its parts.
fn kind_of(document: &Value, schema: &Value) -> Option<String> {
    let schema = schema::resolve(document, schema);
    let kind = &schema["properties"]["type"];
    let own = kind["const"].as_str().or_else(|| kind["enum"][0].as_str());
    let parts = schema["allOf"].as_array().into_iter().flatten();
    own.map(str::to_owned)
        .or_else(|| parts.filter_map(|part| kind_of(document, part)).next())
}

/// Everything that travelled on one socket.
struct Recorder {
    socket: Socket,
    sent: Vec<Value>,
    received: Vec<Value>,
}

impl Recorder {
    async fn connect(stack: &Stack, path: &str) -> Self {
        let mut socket = Socket::connect(&stack.ws_url(path)).await;
        settle(&mut socket).await;
        Self {
            socket,
            sent: Vec::new(),
            received: Vec::new(),
        }
    }

    async fn send(&mut self, frame: Value) {
        self.socket.send_json(&frame).await;
        self.sent.push(frame);
    }

    /// Reads on until a frame of this type, keeping all.
    async fn until(&mut self, kind: &str) -> Value {
        let received = &mut self.received;
        self.socket
            .wait_where(&format!("a {kind:?} frame"), Duration::from_secs(35), |frame| {
                received.push(frame.clone());
                frame["type"] == kind
            })
            .await
    }

    async fn finish(mut self) -> (Vec<Value>, Vec<Value>) {
        for frame in self.socket.collect_for(Duration::from_millis(300)).await {
            if let Frame::Json(frame) = frame {
                self.received.push(frame);
            }
        }
        (self.sent, self.received)
    }
}

/// A scenario with every frame type.
async fn everything(stack: &Stack) -> (Vec<Value>, Vec<Value>) {
    let (room, bob_id) = (stack.fresh_room().await, fresh("bob"));
    let mut alice = Recorder::connect(stack, "/ws?user_id=alice&username=Alice").await;
    alice.send(json!({"type": "ping"})).await;
    alice.until("pong").await;
    alice
        .send(json!({"type": "subscribe", "room_id": room, "after_seq": 0}))
        .await;
    alice.until("subscribed").await;
    let mut bob = Recorder::connect(stack, &format!("/ws/{room}/{bob_id}?username=Bob")).await;
    alice.until("user_joined").await;
    alice.until("presence").await;

    bob.send(json!({"type": "typing"})).await;
    alice.until("typing").await;
    bob.send(json!({"type": "stop_typing"})).await;
    alice.until("stop_typing").await;
    let text = json!({"type": "message", "room_id": room, "content": "Hi @alice", "client_msg_id": "a1"});
    alice.send(text).await;
    let ack = alice.until("ack").await;
    let mention = json!({"type": "message", "content": "look, @alice"});
    bob.send(mention).await;
    bob.until("ack").await;
    alice.until("notification").await;
    let file = json!({
        "type": "message", "content": "f.png", "message_type": "file", "file_url": "/api/files/123/download",
    });
    bob.send(file).await;
    bob.until("ack").await;
    alice
        .send(json!({"type": "read", "room_id": room, "seq": 2}))
        .await;

    let path = format!(
        "/api/chat/rooms/{room}/messages/{}?user_id=alice",
        ack["id"].as_str().expect("an id")
    );
    let _ = stack
        .rest()
        .patch(&path, &json!({"content": "edited"}))
        .await
        .expect(200);
    alice.until("message_updated").await;
    assert_eq!(stack.rest().delete(&path).await.status / 100, 2);
    alice.until("message_deleted").await;
    stack.fresh_room().await;
    alice.until("room_updated").await;

    alice.socket.send_json(&json!({"type": "dance"})).await;
    alice.until("error").await;
    let bob = bob.finish_and_leave().await;
    alice.until("user_left").await;
    alice.send(json!({"type": "unsubscribe", "room_id": room})).await;
    alice.until("unsubscribed").await;
    // As after a restored backup: the client has seen more than there is.
    alice
        .send(json!({"type": "subscribe", "room_id": room, "after_seq": 1000}))
        .await;
    alice.until("reset").await;
    let (mut sent, mut received) = alice.finish().await;
    sent.extend(bob.0);
    received.extend(bob.1);
    (sent, received)
}

impl Recorder {
    async fn finish_and_leave(mut self) -> (Vec<Value>, Vec<Value>) {
        settle(&mut self.socket).await;
        self.finish().await
    }
}

fn fits(document: &Value, described: &Described, frames: &[Value]) {
    let mut seen = BTreeSet::new();
    for frame in frames {
        let kind = frame["type"]
            .as_str()
            .unwrap_or_else(|| panic!("no type: {frame}"));
        let payload = described
            .get(kind)
            .unwrap_or_else(|| panic!("{kind} is not described: {frame}"));
        let problems = schema::problems(document, payload, frame);
        assert!(problems.is_empty(), "{frame}:\n{problems:#?}");
        let fields = schema::described(document, payload);
        for (field, _) in frame.as_object().into_iter().flatten() {
            assert!(fields.contains(field), "{kind}.{field} is not described: {frame}");
        }
        seen.insert(kind);
    }
    let never: Vec<&String> = described
        .keys()
        .filter(|kind| !seen.contains(kind.as_str()))
        .collect();
    assert!(never.is_empty(), "described, but never seen: {never:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_frame_fits_the_asyncapi_document() {
    let stack = Stack::all_in_one().await;
    let document = stack
        .rest()
        .get("/api/chat/asyncapi.json")
        .await
        .expect(200)
        .json();
    let version = document["asyncapi"].as_str().unwrap_or_default();
    assert!(version.starts_with("3."), "{version:?}");
    // The document is written from the server's side.
    let (sends, receives) = (described(&document, "send"), described(&document, "receive"));
    let (sent, received) = everything(&stack).await;
    fits(&document, &sends, &received);
    fits(&document, &receives, &sent);
    let kinds: Vec<&str> = receives.keys().map(String::as_str).collect();
    assert_eq!(
        kinds,
        [
            "message",
            "ping",
            "read",
            "stop_typing",
            "subscribe",
            "typing",
            "unsubscribe"
        ]
    );
}
