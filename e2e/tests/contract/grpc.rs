//! The four gRPC services as a stranger meets them: reflection, health, and typed refusals.

use std::sync::Arc;

use e2e::{
    Stack,
    lines::Line,
    stack::{SERVICES, fresh},
};
use serde_json::{Value, json};
use test_support::grpc_cli::{self, Refusal};
use tonic::Code;

pub(crate) fn lines() -> Vec<Line> {
    e2e::lines![
        every_port_lists_its_services_by_reflection,
        every_service_is_serving,
        bad_input_names_the_field,
        a_missing_thing_is_not_found,
        a_repeated_thing_already_exists,
        a_message_sent_by_grpc_is_in_the_history_once,
        presence_by_grpc,
    ]
}

async fn every_port_lists_its_services_by_reflection(stack: Arc<Stack>) {
    let services = [
        "chat.v1.ChatService",
        "presence.v1.PresenceService",
        "notify.v1.NotifyService",
        "files.v1.FilesService",
    ];
    for (address, service) in stack.grpc().iter().zip(services) {
        let list = grpc_cli::list(address).await;
        for wanted in [format!("chatflow.{service}"), "grpc.health.v1.Health".to_owned()] {
            assert!(
                list.contains(&wanted),
                "{address} does not list {wanted}: {list:?}"
            );
        }
    }
}

async fn every_service_is_serving(stack: Arc<Stack>) {
    for (address, service) in stack.grpc().iter().zip(SERVICES) {
        let health = grpc_cli::call(address, "grpc.health.v1.Health/Check", &json!({})).await;
        assert_eq!(health.expect(service)["status"], "SERVING", "{service}");
    }
}

async fn refused(address: &str, method: &str, request: Value) -> Refusal {
    match grpc_cli::call(address, method, &request).await {
        Ok(answer) => panic!("{method} took {request}: {answer}"),
        Err(refusal) => refusal,
    }
}

const SEND: &str = "chatflow.chat.v1.ChatService/SendMessage";

async fn bad_input_names_the_field(stack: Arc<Stack>) {
    let [chat, presence, notify, files] = stack.grpc();
    let message = |field: &str, value: &str| {
        let mut message =
            json!({"roomId": "general", "userId": "alice", "username": "Alice", "content": "x"});
        message[field] = value.into();
        message
    };
    let long = "x".repeat(16_001);
    for (address, method, request, field) in [
        (&chat, SEND, message("roomId", "No Room"), "room_id"),
        (&chat, SEND, message("userId", ""), "user_id"),
        (&chat, SEND, message("username", "\u{202e}ecila"), "username"),
        (&chat, SEND, message("content", ""), "content"),
        (&chat, SEND, message("content", &long), "content"),
        (&chat, SEND, message("messageType", "video"), "message_type"),
        (
            &chat,
            "chatflow.chat.v1.ChatService/History",
            json!({"roomId": "general", "limit": 201}),
            "limit",
        ),
        (
            &presence,
            "chatflow.presence.v1.PresenceService/Heartbeat",
            json!({"userId": "Alice"}),
            "user_id",
        ),
        (
            &notify,
            "chatflow.notify.v1.NotifyService/Create",
            json!({"userId": "alice", "title": ""}),
            "title",
        ),
        (
            &files,
            "chatflow.files.v1.FilesService/GetFile",
            json!({"fileId": "x"}),
            "file_id",
        ),
    ] {
        let refusal = refused(address, method, request).await;
        assert_eq!(refusal.code, Code::InvalidArgument, "{method}: {}", refusal.text);
        assert!(
            refusal.text.contains("BadRequest"),
            "{method} has no details: {}",
            refusal.text
        );
        assert!(
            refusal.text.contains(field),
            "{method} does not name {field}: {}",
            refusal.text
        );
    }
}

async fn a_missing_thing_is_not_found(stack: Arc<Stack>) {
    let [chat, _, notify, files] = stack.grpc();
    let id = uuid::Uuid::now_v7().to_string();
    let room = fresh("nowhere");
    let send = json!({"roomId": room, "userId": "alice", "username": "Alice", "content": "x"});
    for (address, method, request) in [
        (&chat, SEND, send),
        (
            &chat,
            "chatflow.chat.v1.ChatService/GetRoom",
            json!({"roomId": room}),
        ),
        (
            &chat,
            "chatflow.chat.v1.ChatService/History",
            json!({"roomId": room}),
        ),
        (
            &chat,
            "chatflow.chat.v1.ChatService/DeleteMessage",
            json!({"roomId": "general", "messageId": id, "userId": "alice"}),
        ),
        (
            &notify,
            "chatflow.notify.v1.NotifyService/MarkRead",
            json!({"id": id}),
        ),
        (
            &files,
            "chatflow.files.v1.FilesService/GetFile",
            json!({"fileId": id}),
        ),
    ] {
        let refusal = refused(address, method, request).await;
        assert_eq!(refusal.code, Code::NotFound, "{method}: {}", refusal.text);
    }
}

async fn a_repeated_thing_already_exists(stack: Arc<Stack>) {
    let (chat, id) = (stack.chat_grpc(), fresh("room"));
    let method = "chatflow.chat.v1.ChatService/CreateRoom";
    let room = json!({"id": id, "name": "A room"});
    let made = grpc_cli::call(&chat, method, &room).await.expect("a room");
    assert_eq!(made["id"], id.as_str());
    assert_eq!(refused(&chat, method, room).await.code, Code::AlreadyExists);
}

async fn a_message_sent_by_grpc_is_in_the_history_once(stack: Arc<Stack>) {
    let (chat, room) = (stack.chat_grpc(), stack.fresh_room().await);
    let message =
        json!({"roomId": room, "userId": "bot", "username": "Bot", "content": "Hi", "clientMsgId": "g1"});
    let first = grpc_cli::call(&chat, SEND, &message).await.expect("a message");
    let second = grpc_cli::call(&chat, SEND, &message).await.expect("the same");
    assert_eq!((&first["id"], &first["seq"]), (&second["id"], &second["seq"]));
    assert_eq!(second["repeated"], true);
    let history = grpc_cli::call(
        &chat,
        "chatflow.chat.v1.ChatService/History",
        &json!({"roomId": room}),
    )
    .await;
    let history = history.expect("a history");
    assert_eq!(history["messages"].as_array().map(Vec::len), Some(1), "{history}");
    assert_eq!(stack.history(&room).await[0]["id"], first["id"]);
}

async fn presence_by_grpc(stack: Arc<Stack>) {
    let [_, presence, ..] = stack.grpc();
    let user = fresh("bot");
    let beat = json!({"userId": user, "username": "Bot"});
    let held = grpc_cli::call(&presence, "chatflow.presence.v1.PresenceService/Heartbeat", &beat).await;
    assert_eq!(held.expect("a beat")["ttlMs"], "30000");
    let online = grpc_cli::call(
        &presence,
        "chatflow.presence.v1.PresenceService/ListOnline",
        &json!({}),
    )
    .await;
    assert!(online.expect("a list").to_string().contains(&user));
}
