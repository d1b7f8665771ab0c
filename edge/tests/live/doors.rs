//! Who is let in, and what the others are told.

use std::time::Duration;

use edge::socket::SocketLimits;
use proto::chat::RegisterRequest;
use test_support::{client::Socket, wait::SOON};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::System;

#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_is_told_by_close_code() {
    let system = System::start().await;
    let (open, closed) = (
        system.edge().await,
        system.edge_with(SocketLimits::default(), false).await,
    );
    let account = RegisterRequest {
        user_id: "owner".to_owned(),
        username: "Owner".to_owned(),
        password: "correct horse".to_owned(),
    };
    let session = open
        .upstream
        .identity
        .clone()
        .register(account)
        .await
        .unwrap()
        .into_inner();
    let token = format!("chatflow.token.{}", session.token);
    let cases: [(&str, &str, Vec<&str>, u16); 13] = [
        ("no such room", &open.url("/ws/nowhere/alice"), vec![], 4404),
        (
            "a room id outside the pattern",
            &open.url("/ws/No%20Room/alice"),
            vec![],
            4400,
        ),
        (
            "a user id outside the pattern",
            &open.url("/ws/general/Alice"),
            vec![],
            4400,
        ),
        ("no user", &open.url("/ws"), vec![], 4401),
        (
            "a name that misleads",
            &open.url("/ws?user_id=alice&username=%E2%80%AEx"),
            vec![],
            4400,
        ),
        (
            "a seq that is none",
            &open.url("/ws/general/alice?after_seq=x"),
            vec![],
            4400,
        ),
        (
            "a field twice",
            &open.url("/ws?user_id=alice&user_id=bob"),
            vec![],
            4400,
        ),
        ("another's name", &open.url("/ws/general/owner"), vec![], 4403),
        (
            "another's token",
            &open.url("/ws/general/alice"),
            vec![&token],
            4403,
        ),
        (
            "an unknown token",
            &open.url("/ws/general/owner"),
            vec!["chatflow.token.x"],
            4401,
        ),
        ("a name alone", &closed.url("/ws/general/alice"), vec![], 4401),
        (
            "a room that is nowhere, signed in",
            &closed.url("/ws/nowhere/owner"),
            vec![&token],
            4404,
        ),
        ("not UTF-8", &open.url("/ws/%FF/alice"), vec![], 4400),
    ];
    for (what, url, mut protocols, code) in cases {
        if !protocols.is_empty() {
            protocols.insert(0, "chatflow.v1");
        }
        let mut socket = Socket::connect_with(url, &protocols).await;
        assert_eq!(socket.close_code(SOON).await, Some(code), "{what}");
    }
    let mut owner = Socket::connect_with(&closed.url("/ws/general/owner"), &["chatflow.v1", &token]).await;
    assert_eq!(owner.protocol(), Some("chatflow.v1"));
    let joined = owner.wait_for("user_joined", SOON).await;
    assert_eq!(joined["username"], "Owner");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_upgrade_gets_an_http_status() {
    let system = System::start().await;
    let edge = system.edge().await;
    let good = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let cases = [
        ("", "426"),
        (&good.replace("13", "12"), "426"),
        (good, "400"),
        (&format!("{good}Sec-WebSocket-Key: eA==\r\n"), "400"),
        (&format!("{good}{key}{key}"), "400"),
        (&format!("{good}{key}Host: y\r\n"), "400"),
        (&format!("{good}{key}Sec-WebSocket-Version: 8\r\n"), "426"),
        (&format!("{good}{key}"), "101"),
    ];
    for (headers, status) in cases {
        let mut stream = TcpStream::connect(edge.address()).await.unwrap();
        let request = format!("GET /ws/general/alice HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = [0; 512];
        let read = stream.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..read]);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{headers}: {answer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_may_come_in_pieces_or_with_what_follows_it() {
    let system = System::start().await;
    let edge = system.edge().await;
    let handshake = |more: &str| {
        format!(
            "GET /ws/general/alice HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
        )
        .into_bytes()
    };
    // A masked frame, whose key is zero.
    let ping = br#"{"type":"ping"}"#;
    let frame = [&[0x81, 0x80 | 15, 0, 0, 0, 0], &ping[..]].concat();
    let (short, long) = (handshake(""), handshake("Content-Length: 0\r\n"));
    let cases: [(&str, Vec<Vec<u8>>); 5] = [
        ("in one piece", vec![short.clone(), frame.clone()]),
        ("with a frame", vec![[&short[..], &frame].concat()]),
        (
            "byte by byte",
            [&short[..], &frame].concat().chunks(1).map(Vec::from).collect(),
        ),
        ("by the long way", vec![long.clone(), frame.clone()]),
        (
            "by the long way, with a frame",
            vec![[&long[..], &frame].concat()],
        ),
    ];
    for (case, pieces) in cases {
        let mut stream = TcpStream::connect(edge.address()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        for piece in pieces {
            stream.write_all(&piece).await.unwrap();
        }
        let mut answer = Vec::new();
        let end = |answer: &[u8]| answer.windows(6).any(|bytes| bytes == b"\"pong\"");
        while !end(&answer) {
            let read = tokio::time::timeout(SOON, stream.read_buf(&mut answer)).await;
            let read = read.unwrap_or_else(|_| panic!("{case}: {}", answer.escape_ascii()));
            assert!(read.unwrap() > 0, "{case}: {}", answer.escape_ascii());
        }
        let text = String::from_utf8_lossy(&answer).to_lowercase();
        for line in [
            "http/1.1 101 ",
            "connection: upgrade\r\n",
            "upgrade: websocket\r\n",
            "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n",
        ] {
            assert!(text.contains(line), "{case}: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_in_the_middle_of_a_handshake_is_told_that_the_edge_stops() {
    let system = System::start().await;
    let edge = system.edge().await;
    let begun = "GET /ws/general/alice HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
    let rest = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let cases = [
        ("by the short way", format!("{rest}\r\n")),
        ("by the long way", format!("{rest}Content-Length: 0\r\n\r\n")),
    ];
    let mut streams = Vec::new();
    for (case, rest) in cases {
        let mut stream = TcpStream::connect(edge.address()).await.unwrap();
        stream.write_all(begun.as_bytes()).await.unwrap();
        streams.push((case, rest, stream));
    }
    let mut silent = TcpStream::connect(edge.address()).await.unwrap();
    // All of that has to have been read.
    tokio::time::sleep(Duration::from_millis(500)).await;
    edge.shutdown.begin();
    tokio::time::sleep(Duration::from_millis(50)).await;
    for (case, rest, mut stream) in streams {
        let _ = stream.write_all(rest.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(SOON, stream.read_to_end(&mut answer)).await;
        let text = answer.escape_ascii().to_string();
        assert!(answer.starts_with(b"HTTP/1.1 101 "), "{case}: {text}");
        let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
        let [0x88, _, high, low, ..] = answer[end..] else {
            panic!("{case}: {text}");
        };
        assert_eq!(u16::from_be_bytes([high, low]), 1001, "{case}");
    }
    let told = silent.read(&mut [0; 16]).await;
    assert!(matches!(told, Ok(0) | Err(_)), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_only_so_many_connections() {
    let system = System::start().await;
    let limits = SocketLimits {
        connections: 3,
        connections_per_user: 2,
        ..SocketLimits::default()
    };
    let edge = system.edge_with(limits, true).await;
    let mut one = edge.room("general", "alice").await;
    entered(&mut one).await;
    let mut two = edge.multiplexed("alice").await;
    entered(&mut two).await;
    let mut three = edge.multiplexed("alice").await;
    assert_eq!(three.close_code(SOON).await, Some(4429), "too many of one user");
    drop(three);
    test_support::wait::until(SOON, "it is gone", async || edge.sockets.connections() == 2).await;
    let mut bob = edge.room("general", "bob").await;
    entered(&mut bob).await;
    let mut carol = edge.multiplexed("carol").await;
    assert_eq!(carol.close_code(SOON).await, Some(4429), "too many in all");
    assert_eq!(edge.sockets.connections(), 3);
    two.close().await;
    let again = async || {
        let mut alice = edge.multiplexed("alice").await;
        alice.send_json(&serde_json::json!({"type": "ping"})).await;
        let frames = alice.next_frame(SOON).await;
        matches!(frames, test_support::client::Frame::Json(_))
    };
    test_support::wait::until(SOON, "there is room again", again).await;
    entered(&mut bob).await;
}

/// Waits until a socket counts: who is let in is decided after the upgrade, not in the order of the upgrades.
async fn entered(socket: &mut Socket) {
    socket.send_json(&serde_json::json!({"type": "ping"})).await;
    socket.wait_for("pong", SOON).await;
}
