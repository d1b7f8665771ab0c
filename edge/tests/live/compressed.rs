//! Sockets that agreed on compression, beside others that did not.

use std::time::Duration;

use edge::socket::SocketLimits;
use flate2::{Decompress, FlushDecompress};
use serde_json::{Value, json};
use test_support::wait::SOON;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    time::timeout,
};
use wire::deflate;

use crate::support::{Edge, System};

fn with_compression() -> SocketLimits {
    SocketLimits {
        compression: true,
        ..SocketLimits::default()
    }
}

/// A client that looks at the frames themselves.
struct Raw {
    stream: BufReader<TcpStream>,
    /// The extension that the server agreed on.
    extension: Option<String>,
}

impl Raw {
    /// Into room `general`, with an offer of extensions.
    async fn connect(edge: &Edge, user: &str, offer: &str) -> Self {
        let stream = TcpStream::connect(edge.address()).await.expect("a connection");
        let mut stream = BufReader::new(stream);
        let request = format!(
            "GET /ws/general/{user} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Extensions: {offer}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.expect("it is sent");
        let mut extension = None;
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await.expect("an answer");
            match line.trim_end().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("sec-websocket-extensions") => {
                    extension = Some(value.to_owned());
                }
                None if line == "\r\n" => break,
                _ => {}
            }
        }
        let mut client = Self { stream, extension };
        while client.next().await.0["type"] != "user_joined" {}
        client
    }

    /// The next frame, and whether it came compressed.
    async fn next(&mut self) -> (Value, bool) {
        timeout(SOON, self.read()).await.expect("a frame in time")
    }

    async fn read(&mut self) -> (Value, bool) {
        let first = self.stream.read_u8().await.expect("a frame");
        let len = match self.stream.read_u8().await.expect("a length") {
            126 => usize::from(self.stream.read_u16().await.expect("a length")),
            short => usize::from(short),
        };
        let mut payload = vec![0; len];
        self.stream.read_exact(&mut payload).await.expect("a payload");
        match first {
            0x81 => (serde_json::from_slice(&payload).expect("JSON"), false),
            0xC1 => (serde_json::from_slice(&inflated(payload)).expect("JSON"), true),
            other => panic!("a frame that begins with {other:#x}"),
        }
    }

    /// The next message, and whether it came compressed.
    async fn message(&mut self) -> (Value, bool) {
        loop {
            let (frame, compressed) = self.next().await;
            if frame["type"] == "message" {
                return (frame, compressed);
            }
        }
    }

    /// Sends a text message that is compressed. The mask is zero.
    async fn send_compressed(&mut self, json: &Value) {
        let mut frame = deflate::compress_text(json.to_string().as_bytes())
            .expect("it gets shorter")
            .to_vec();
        assert!(frame[1] < 126, "a short header");
        frame[1] |= 0x80;
        frame.splice(2..2, [0; 4]);
        self.stream.write_all(&frame).await.expect("it is sent");
    }
}

fn inflated(mut payload: Vec<u8>) -> Vec<u8> {
    payload.extend([0, 0, 0xFF, 0xFF]);
    let mut out = Vec::with_capacity(1 << 20);
    let mut inflate = Decompress::new(false);
    inflate
        .decompress_vec(&payload, &mut out, FlushDecompress::Sync)
        .expect("Deflate");
    out
}

fn words(count: usize) -> String {
    "the same words for all ".repeat(count)
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_or_not_all_members_get_the_same() {
    let system = System::start().await;
    let edge = system.edge_with(with_compression(), true).await;
    let mut plain = edge.room("general", "plain").await;
    let mut packed = Raw::connect(&edge, "packed", "permessage-deflate; client_max_window_bits").await;
    let mut narrow = Raw::connect(&edge, "narrow", "permessage-deflate; server_max_window_bits=9").await;
    let answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    assert_eq!(packed.extension.as_deref(), Some(answer));
    assert!(
        narrow
            .extension
            .as_deref()
            .unwrap()
            .ends_with("server_max_window_bits=9")
    );

    // A payload of 256 bytes is tried, and one of more than 512 does not fit the window of one of the clients.
    for (content, to_packed, to_narrow) in [
        ("short".to_owned(), false, false),
        (words(8), true, true),
        (words(40), true, false),
        (words(600), true, false),
    ] {
        edge.say("general", &content).await;
        let told = plain.wait_for("message", SOON).await;
        assert_eq!(told["content"], content);
        assert_eq!(packed.message().await, (told.clone(), to_packed));
        assert_eq!(narrow.message().await, (told, to_narrow));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_comes_in_order_whether_frames_are_compressed_or_not() {
    let system = System::start().await;
    let limits = SocketLimits {
        flush_floor: Duration::from_millis(50),
        ..with_compression()
    };
    let edge = system.edge_with(limits, true).await;
    let mut packed = Raw::connect(&edge, "packed", "permessage-deflate").await;
    let said: Vec<String> = (0..20)
        .map(|nth| format!("{nth} {}", words(if nth % 2 == 0 { 1 } else { 30 })))
        .collect();
    for content in &said {
        edge.say("general", content).await;
    }
    for (content, compressed) in said.iter().zip([false, true].into_iter().cycle()) {
        let (told, came_compressed) = packed.message().await;
        assert_eq!(
            (told["content"].as_str(), came_compressed),
            (Some(&**content), compressed)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_send_compressed_messages() {
    let system = System::start().await;
    let edge = system.edge_with(with_compression(), true).await;
    let mut plain = edge.room("general", "plain").await;
    let mut packed = Raw::connect(&edge, "packed", "permessage-deflate").await;
    packed
        .send_compressed(&json!({"type": "message", "content": words(40), "client_msg_id": "p-1"}))
        .await;
    let told = plain.wait_for("message", SOON).await;
    assert_eq!(
        (&told["user_id"], &told["content"]),
        (&json!("packed"), &json!(words(40)))
    );
    assert_eq!(packed.message().await.0, told);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_agreed_on_unless_it_is_switched_on() {
    let system = System::start().await;
    let edge = system.edge().await;
    let mut client = Raw::connect(&edge, "alice", "permessage-deflate").await;
    assert_eq!(client.extension, None);
    edge.say("general", &words(40)).await;
    assert!(!client.message().await.1);
}
