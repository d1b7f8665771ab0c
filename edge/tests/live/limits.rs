//! What clients must not send, and what they are told.

use std::time::Duration;

use edge::socket::SocketLimits;
use serde_json::json;
use test_support::{client::Socket, wait::SOON};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Edge, System, message};

async fn error(socket: &mut Socket) -> serde_json::Value {
    socket.wait_for("error", SOON).await
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_frames_are_answered_and_the_socket_stays_open() {
    let system = System::start().await;
    let edge = system.edge().await;
    let mut alice = edge.room("general", "alice").await;
    let nested = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    let deep = format!(r#"{{"type":"message","content":"x","more":{nested}}}"#);
    let cases = [
        ("not json".to_owned(), "bad_frame"),
        (deep, "bad_frame"),
        (json!({"type": "message", "content": 7}).to_string(), "bad_frame"),
        (json!({"type": "dance"}).to_string(), "unknown_type"),
        (
            json!({"type": "subscribe", "room_id": "random"}).to_string(),
            "unknown_type",
        ),
        (json!({"type": "message", "content": "  "}).to_string(), "empty"),
        (
            json!({"type": "message", "content": "x".repeat(16_001)}).to_string(),
            "too_long",
        ),
        (
            json!({"type": "message", "content": "x", "room_id": "random"}).to_string(),
            "not_subscribed",
        ),
    ];
    for (text, code) in cases {
        alice.send_text(text.clone()).await;
        assert_eq!(
            error(&mut alice).await["code"],
            code,
            "{}",
            &text[..text.len().min(60)]
        );
    }
    alice.send_binary(vec![1, 2, 3]).await;
    assert_eq!(error(&mut alice).await["code"], "bad_frame");
    alice.send_json(&message(" ", "c-7")).await;
    assert_eq!(error(&mut alice).await["client_msg_id"], "c-7");
    alice.send_json(&message(&"陳".repeat(16_000), "c-8")).await;
    assert_eq!(alice.wait_for("ack", SOON).await["client_msg_id"], "c-8");
    alice.send_json(&json!({"type": "ping"})).await;
    alice.wait_for("pong", SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_over_the_limit_closes_with_1009() {
    let system = System::start().await;
    let edge = system.edge().await;
    let mut alice = edge.room("general", "alice").await;
    let _ = alice.send_raw(Message::text("x".repeat(64 * 1024 + 1))).await;
    assert_eq!(alice.close_code(SOON).await, Some(1009));
}

/// Sends raw bytes behind the handshake, and reads the close code.
async fn raw(edge: &Edge, bytes: &[u8]) -> Option<u16> {
    let mut stream = TcpStream::connect(edge.address()).await.expect("a connection");
    let request = "GET /ws?user_id=raw HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    // In one piece: what follows the request must not get lost.
    stream
        .write_all(&[request.as_bytes(), bytes].concat())
        .await
        .expect("it is sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    match answer[end..] {
        [0x88, _, high, low, ..] => Some(u16::from_be_bytes([high, low])),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_frames_close_with_their_code() {
    let system = System::start().await;
    let edge = system.edge().await;
    assert_eq!(raw(&edge, &[0x81, 1, b'x']).await, Some(1002), "unmasked");
    assert_eq!(
        raw(&edge, &[0x81, 0x81, 0, 0, 0, 0, 0xFF]).await,
        Some(1007),
        "not UTF-8"
    );
    assert_eq!(
        raw(&edge, &[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE8]).await,
        Some(1000),
        "the client's close"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_too_fast_is_told_when_to_go_on() {
    let system = System::start().await;
    let limits = SocketLimits {
        frames_per_second: 5,
        frames_burst: 3,
        ..SocketLimits::default()
    };
    let edge = system.edge_with(limits, true).await;
    let mut alice = edge.room("general", "alice").await;
    for number in 0..4 {
        alice.send_json(&message("x", &format!("c-{number}"))).await;
    }
    let told = error(&mut alice).await;
    assert_eq!(
        (&told["code"], &told["client_msg_id"]),
        (&json!("rate_limited"), &json!("c-3"))
    );
    let wait = told["retry_after_ms"].as_u64().unwrap();
    assert!((1..=200).contains(&wait), "{wait}");
    tokio::time::sleep(Duration::from_millis(wait + 50)).await;
    alice.send_json(&message("x", "c-4")).await;
    alice
        .wait_where("the ack of c-4", SOON, |frame| {
            frame["type"] == "ack" && frame["client_msg_id"] == "c-4"
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_silent_are_dropped_and_the_pinged_stay() {
    let system = System::start().await;
    let limits = SocketLimits {
        silence: Duration::from_millis(600),
        ping_every: Duration::from_millis(200),
        ..SocketLimits::default()
    };
    let edge = system.edge_with(limits, true).await;
    let mut alive = edge.room("general", "alive").await;
    // Never reads, so never answers a ping.
    let _silent = edge.room("general", "silent").await;
    let left = alive.wait_where("the silent one to go", SOON, |frame| frame["type"] == "user_left");
    assert_eq!(left.await["user_id"], "silent");
    // Reading answers the pings.
    while edge.sockets.connections() > 1 {
        alive.collect_for(Duration::from_millis(50)).await;
    }
    alive.send_json(&json!({"type": "ping"})).await;
    alive.wait_for("pong", SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_socket_has_only_so_many_rooms() {
    let system = System::start().await;
    let limits = SocketLimits {
        rooms_per_socket: 1,
        ..SocketLimits::default()
    };
    let edge = system.edge_with(limits, true).await;
    let mut alice = edge.subscribed("alice", "general").await;
    alice
        .send_json(&json!({"type": "subscribe", "room_id": "random"}))
        .await;
    assert_eq!(error(&mut alice).await["code"], "forbidden");
    alice
        .send_json(&json!({"type": "subscribe", "room_id": "general"}))
        .await;
    alice.wait_for("subscribed", SOON).await;
}
