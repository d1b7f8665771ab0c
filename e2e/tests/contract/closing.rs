//! Why and how the server closes a socket.

use std::{sync::Arc, time::Duration};

use e2e::{
    Stack,
    lines::Line,
    raw_http::Raw,
    stack::{fresh, settle},
};
use serde_json::json;
use test_support::{client::Socket, wait};

pub(crate) fn lines() -> Vec<Line> {
    e2e::lines![
        a_silent_peer_is_pinged_and_dropped_after_a_minute,
        a_peer_that_answers_pings_stays,
        a_missing_room_closes_with_4404,
        a_bad_id_or_name_in_the_url_closes_with_4400,
        a_name_that_an_account_owns_closes_with_4403,
        a_wrong_token_closes_with_4401,
        a_frame_over_64_kib_closes_with_1009,
        too_many_connections_of_one_user_close_with_4429,
    ]
}

/// Connects, expects 101, and returns the close code.
async fn code_of(stack: &Stack, path: &str) -> Option<u16> {
    let mut socket = Socket::connect(&stack.ws_url(path)).await;
    socket.close_code(wait::SOON).await
}

async fn a_silent_peer_is_pinged_and_dropped_after_a_minute(stack: Arc<Stack>) {
    let room = stack.fresh_room().await;
    let mut peer = Raw::websocket(&stack.authority(), &format!("/ws/{room}/silent?username=silent")).await;
    let mut pings = 0;
    let ended = tokio::time::timeout(Duration::from_secs(80), async {
        // Nothing is ever answered.
        while let Some((opcode, _)) = peer.frame().await {
            pings += u32::from(opcode == 9);
        }
    });
    ended.await.expect("a peer that is silent for 60 s is dropped");
    assert!(pings > 0, "the server sends WebSocket pings");
}

async fn a_peer_that_answers_pings_stays(stack: Arc<Stack>) {
    let room = stack.fresh_room().await;
    let mut peer = stack.room_socket(&room, "listener").await;
    // Reading answers pings; nothing else is sent.
    let frames = peer.collect_for(Duration::from_secs(70)).await;
    assert!(!format!("{frames:?}").contains("Closed"), "{frames:?}");
    settle(&mut peer).await;
}

async fn a_missing_room_closes_with_4404(stack: Arc<Stack>) {
    let path = format!("/ws/{}/alice?username=alice", fresh("nowhere"));
    assert_eq!(code_of(&stack, &path).await, Some(4404));
}

async fn a_bad_id_or_name_in_the_url_closes_with_4400(stack: Arc<Stack>) {
    let long = "x".repeat(65);
    for path in [
        "/ws/General/alice?username=alice".to_owned(),
        "/ws/general/Alice?username=alice".to_owned(),
        format!("/ws/general/{long}?username=alice"),
        format!("/ws/{long}/alice?username=alice"),
        "/ws/general/-alice?username=alice".to_owned(),
        "/ws/general/alice?username=a%00b".to_owned(),
        "/ws/general/alice?username=%E2%80%AEecila".to_owned(),
        format!("/ws/general/alice?username={long}"),
        "/ws/general/alice?username=alice&after_seq=x".to_owned(),
        "/ws?user_id=Alice&username=alice".to_owned(),
    ] {
        assert_eq!(code_of(&stack, &path).await, Some(4400), "{path}");
    }
}

async fn a_name_that_an_account_owns_closes_with_4403(stack: Arc<Stack>) {
    let owner = fresh("owner");
    let account = json!({"user_id": owner, "username": "The owner", "password": "correct horse"});
    let session = stack
        .rest()
        .post("/api/chat/accounts", &account)
        .await
        .expect(201)
        .json();
    let path = format!("/ws/general/{owner}?username={owner}");
    assert_eq!(code_of(&stack, &path).await, Some(4403), "by name alone");
    let token = format!("chatflow.token.{}", session["token"].as_str().expect("a token"));
    let mut own = Socket::connect_with(&stack.ws_url(&path), &["chatflow.v1", &token]).await;
    settle(&mut own).await;
    assert_eq!(own.protocol(), Some("chatflow.v1"), "the token is not echoed");
    let other = stack.ws_url(&format!("/ws/general/{}?username=x", fresh("other")));
    let mut foreign = Socket::connect_with(&other, &["chatflow.v1", &token]).await;
    assert_eq!(
        foreign.close_code(wait::SOON).await,
        Some(4403),
        "with another's token"
    );
}

async fn a_wrong_token_closes_with_4401(stack: Arc<Stack>) {
    let url = stack.ws_url("/ws/general/alice?username=alice");
    let mut socket = Socket::connect_with(&url, &["chatflow.v1", "chatflow.token.no-such-token"]).await;
    assert_eq!(socket.close_code(wait::SOON).await, Some(4401));
}

async fn a_frame_over_64_kib_closes_with_1009(stack: Arc<Stack>) {
    let room = stack.fresh_room().await;
    let mut alice = stack.room_socket(&room, "alice").await;
    let mut fits = json!({"type": "ping", "pad": ""}).to_string();
    let pad = " ".repeat(64 * 1024 - fits.len());
    fits.push_str(&pad);
    alice.send_text(fits.clone()).await;
    alice.wait_for("pong", wait::SOON).await;
    alice.send_text(fits + " ").await;
    assert_eq!(alice.close_code(wait::SOON).await, Some(1009));
    let mut again = stack.room_socket(&room, "alice").await;
    settle(&mut again).await;
}

async fn too_many_connections_of_one_user_close_with_4429(stack: Arc<Stack>) {
    let (room, user) = (stack.fresh_room().await, fresh("greedy"));
    let url = stack.ws_url(&format!("/ws/{room}/{user}?username={user}"));
    let mut open = Vec::new();
    let refused = loop {
        assert!(open.len() < 1000, "1000 connections of one user are let in");
        let mut socket = Socket::connect(&url).await;
        socket.send_json(&json!({"type": "ping"})).await;
        match socket.next_frame(wait::SOON).await {
            test_support::client::Frame::Closed(code, _) => break code,
            _ => open.push(socket),
        }
    };
    assert_eq!(refused, 4429);
    settle(&mut open[0]).await;
    let mut other = stack.room_socket(&room, &fresh("modest")).await;
    settle(&mut other).await;
}
