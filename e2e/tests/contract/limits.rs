//! Limits: rates, sizes, and the client that does not drain its socket.

use std::{sync::Arc, time::Duration};

use e2e::{
    Stack,
    lines::Line,
    raw_http::Raw,
    shape,
    stack::{fresh, say, settle},
};
use serde_json::{Value, json};
use test_support::{client::Frame, wait};

pub(crate) fn lines() -> Vec<Line> {
    e2e::lines![
        a_flood_is_rate_limited_and_told_when_to_try_again,
        a_client_that_does_not_drain_its_socket_is_closed_with_4408_and_resumes,
        pages_have_one_to_two_hundred_messages,
    ]
}

async fn a_flood_is_rate_limited_and_told_when_to_try_again(stack: Arc<Stack>) {
    let room = stack.fresh_room().await;
    let mut alice = stack.room_socket(&room, &fresh("flooder")).await;
    for _ in 0..3000 {
        alice.send_json(&json!({"type": "ping"})).await;
    }
    let refusal = alice.wait_for("error", wait::SOON).await;
    shape::error(&refusal, "rate_limited");
    assert!(
        refusal["retry_after_ms"].as_u64().is_some_and(|ms| ms > 0),
        "{refusal}"
    );
    wait::until(wait::START, "the socket takes frames again", async || {
        alice.send_json(&json!({"type": "ping"})).await;
        loop {
            match alice.next_frame(wait::SOON).await {
                Frame::Json(frame) if frame["type"] == "pong" => return true,
                Frame::Json(frame) if frame["code"] == "rate_limited" => return false,
                Frame::Json(_) => {}
                other => panic!("the socket stays open: {other:?}"),
            }
        }
    })
    .await;
}

async fn a_client_that_does_not_drain_its_socket_is_closed_with_4408_and_resumes(stack: Arc<Stack>) {
    let room = stack.fresh_room().await;
    let mut slow = Raw::websocket(&stack.authority(), &format!("/ws/{room}/slow?username=slow")).await;
    let mut alice = stack.room_socket(&room, "alice").await;
    let content = "x".repeat(16_000);
    let mut sent = 0;
    // What the kernel's buffers take besides the server's own megabyte is not known: until it shows in the metrics.
    wait::until(wait::START, "the slow client is given up", async || {
        for _ in 0..50 {
            say(&mut alice, &content).await;
            sent += 1;
        }
        let metrics = stack.rest().get("/metrics").await.expect(200).text();
        metrics
            .lines()
            .any(|line| line.starts_with("chatflow_edge_slow_closed_total") && !line.ends_with(" 0"))
    })
    .await;
    assert_eq!(slow.close_code(wait::SOON).await, Some(4408));
    let url = stack.ws_url(&format!("/ws/{room}/slow?username=slow&after_seq=0"));
    let mut again = test_support::client::Socket::connect(&url).await;
    let frames = again.collect("message", sent, Duration::from_secs(30)).await;
    let seqs: Vec<u64> = frames.iter().filter_map(|frame| frame["seq"].as_u64()).collect();
    assert!(
        seqs.iter().copied().eq(1..=sent as u64),
        "it resumes without a gap: {seqs:?}"
    );
    settle(&mut alice).await;
}

async fn pages_have_one_to_two_hundred_messages(stack: Arc<Stack>) {
    let room = stack.fresh_room().await;
    let mut alice = stack.room_socket(&room, "alice").await;
    for n in 1..=201 {
        let frame = json!({"type": "message", "content": "x", "client_msg_id": format!("m{n}")});
        alice.send_json(&frame).await;
    }
    e2e::stack::ack_of(&mut alice, "m201").await;
    let page = async |query: &str| {
        let path = format!("/api/chat/rooms/{room}/messages{query}");
        let messages: Vec<Value> = stack.rest().get(&path).await.expect(200).parse();
        let seqs = messages.iter().filter_map(|message| message["seq"].as_u64());
        seqs.collect::<Vec<u64>>()
    };
    assert!(
        page("").await.into_iter().eq(152..=201),
        "50 unless told, the newest, oldest first"
    );
    assert_eq!(page("?limit=1").await, [201]);
    assert!(page("?limit=200").await.into_iter().eq(2..=201));
    assert_eq!(page("?limit=2&before=10").await, [8, 9]);
    assert_eq!(page("?limit=2&after=10").await, [11, 12]);
}
