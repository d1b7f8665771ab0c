//! `OPEN_ACCESS=false`: nobody acts without a session.

use e2e::{
    Stack, shape,
    stack::{fresh, settle},
};
use serde_json::json;
use test_support::{
    client::{Rest, Socket},
    cluster::{AllInOne, Cluster},
    wait,
};

async fn only_the_signed_in_are_let_in(stack: Stack) {
    let rest = stack.rest();
    let mut stranger = Socket::connect(&stack.ws_url("/ws/general/alice?username=alice")).await;
    assert_eq!(stranger.close_code(wait::SOON).await, Some(4401), "a name alone");
    let mut stranger = Socket::connect(&stack.ws_url("/ws?user_id=alice&username=alice")).await;
    assert_eq!(
        stranger.close_code(wait::SOON).await,
        Some(4401),
        "a name alone, multiplexed"
    );
    for path in [
        "/api/chat/rooms",
        "/api/presence",
        "/api/notifications/alice",
        "/api/files/files?room_id=general",
    ] {
        shape::problem(&rest.get(path).await, 401);
    }
    let room = json!({"id": fresh("room"), "name": "A room"});
    shape::problem(&rest.post("/api/chat/rooms", &room).await, 401);
    shape::problem(&rest.upload("general", "alice", "a.txt", "hello").await, 401);
    for path in [
        "/api/chat/health",
        "/api/chat/docs/",
        "/api/chat/openapi.json",
        "/livez",
    ] {
        assert_eq!(rest.get(path).await.status, 200, "{path} is open to all");
    }

    let user = fresh("alice");
    let account = json!({"user_id": user, "username": "Alice", "password": "correct horse"});
    let session = rest.post("/api/chat/accounts", &account).await.expect(201).json();
    shape::timestamp(&session["expires_at"]);
    shape::problem(&rest.post("/api/chat/accounts", &account).await, 409);
    let wrong = json!({"user_id": user, "password": "wrong horse"});
    shape::problem(&rest.post("/api/chat/sessions", &wrong).await, 401);
    let token = session["token"].as_str().expect("a token").to_owned();
    let signed_in = Rest::new(stack.base_url()).with_token(token.clone());
    let _ = signed_in.get("/api/chat/rooms").await.expect(200);
    let entry = format!("chatflow.token.{token}");
    let url = stack.ws_url(&format!("/ws?user_id={user}&username=Alice"));
    let mut socket = Socket::connect_with(&url, &["chatflow.v1", &entry]).await;
    settle(&mut socket).await;

    shape::problem(&signed_in.get("/api/notifications/somebody-else").await, 403);
    assert_eq!(signed_in.delete("/api/chat/session").await.status / 100, 2);
    shape::problem(&signed_in.get("/api/chat/rooms").await, 401);
    let mut over = Socket::connect_with(&url, &["chatflow.v1", &entry]).await;
    assert_eq!(over.close_code(wait::SOON).await, Some(4401), "after signing out");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_open_access_the_all_in_one_lets_only_the_signed_in_in() {
    let chat = AllInOne::start_with(|process| process.env("OPEN_ACCESS", "false")).await;
    only_the_signed_in_are_let_in(Stack::AllInOne(Box::new(chat))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_open_access_the_edge_lets_only_the_signed_in_in() {
    let cluster = Cluster::builder()
        .env("edge", "OPEN_ACCESS", "false")
        .start()
        .await;
    only_the_signed_in_are_let_in(Stack::Services(Box::new(cluster))).await;
}
