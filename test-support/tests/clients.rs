//! The clients, against servers made for these tests.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use test_support::{
    client::{Frame, Rest, Socket},
    grpc_cli, wait,
};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

/// Echoes text; answers "bye" by closing with 4408, "drop" by dropping the connection.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        let mut socket = tokio_tungstenite::accept_async(stream)
            .await
            .expect("a handshake");
        while let Some(Ok(message)) = socket.next().await {
            match message.to_text() {
                Ok("drop") => return,
                Ok("bye") => {
                    let frame = CloseFrame {
                        code: CloseCode::Library(4408),
                        reason: "too slow".into(),
                    };
                    socket.close(Some(frame)).await.expect("a closing frame");
                }
                _ => drop(socket.send(message).await),
            }
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_tells_frames_apart_and_gives_the_close_code() {
    let mut socket = Socket::connect(&format!("ws://{}/ws", echo().await)).await;
    socket.send_json(&json!({"type": "typing"})).await;
    socket.send_json(&json!({"type": "message", "seq": 1})).await;
    socket.send_json(&json!({"type": "message", "seq": 2})).await;
    assert_eq!(socket.collect("message", 2, wait::SOON).await[1]["seq"], 2);
    socket.send_text("no json").await;
    assert_eq!(socket.next_frame(wait::SOON).await, Frame::Text("no json".into()));
    socket.send_binary(vec![1, 2]).await;
    assert_eq!(
        socket.next_frame(wait::SOON).await,
        Frame::Binary(vec![1, 2].into())
    );
    socket.send_raw(Message::text("bye")).await.unwrap();
    assert_eq!(
        socket.next_frame(wait::SOON).await,
        Frame::Closed(4408, "too slow".into())
    );
    assert_eq!(socket.close_code(wait::SOON).await, Some(4408));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_socket_has_no_close_code() {
    let mut socket = Socket::connect(&format!("ws://{}/ws", echo().await)).await;
    socket.send_text("drop").await;
    assert_eq!(socket.close_code(wait::SOON).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_speak_websocket_refuses_the_handshake() {
    let server = test_support::s3::Server::start_new().await;
    let url = server.url().replace("http", "ws");
    assert_eq!(Socket::try_connect(&url, &[]).await.err(), Some(Some(403)));
    let answer = Rest::new(server.url()).get("/chatfiles/none").await.expect(403);
    assert!(answer.text().contains("AccessDenied"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_grpc_client_lists_calls_and_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter
        .set_service_status("chat", tonic_health::ServingStatus::Serving)
        .await;
    let descriptors = tonic_health::pb::FILE_DESCRIPTOR_SET;
    let reflection =
        tonic_reflection::server::Builder::configure().register_encoded_file_descriptor_set(descriptors);
    let reflection = reflection.build_v1().unwrap();
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    let router = tonic::transport::Server::builder()
        .add_service(health)
        .add_service(reflection);
    tokio::spawn(router.serve_with_incoming(incoming));

    assert!(
        grpc_cli::list(&address)
            .await
            .contains(&"grpc.health.v1.Health".to_owned())
    );
    let check = "grpc.health.v1.Health/Check";
    let answer = grpc_cli::call(&address, check, &json!({"service": "chat"}))
        .await
        .unwrap();
    assert_eq!(answer, json!({"status": "SERVING"}));
    let refusal = grpc_cli::call(&address, check, &json!({"service": "unknown"}))
        .await
        .unwrap_err();
    assert_eq!(refusal.code, tonic::Code::NotFound);
}
