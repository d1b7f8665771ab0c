//! Somebody who chats while commands are tried: types, says something each second, comes back when the connection is lost.

use std::time::Duration;

use serde_json::json;
use test_support::client::Socket;
use tokio::task::JoinHandle;

/// A person at work. Dropping ends it.
#[derive(Debug)]
pub struct Chatter(JoinHandle<()>);

impl Chatter {
    /// Chats in `general` as `name`.
    pub fn start(name: &'static str) -> Self {
        Self(tokio::spawn(async move {
            let url = format!("ws://localhost:8092/ws/general/{name}?username={name}");
            loop {
                if let Ok(mut socket) = Socket::try_connect(&url, &[]).await {
                    chat(&mut socket).await;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }))
    }
}

impl Drop for Chatter {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn chat(socket: &mut Socket) {
    use tokio_tungstenite::tungstenite::Message;
    for frame in [
        json!({"type": "typing"}),
        json!({"type": "message", "content": "Hello from the guide!"}),
        json!({"type": "stop_typing"}),
    ]
    .iter()
    .cycle()
    {
        if socket.send_raw(Message::text(frame.to_string())).await.is_err() {
            return;
        }
        let came = socket.collect_for(Duration::from_millis(400)).await;
        if came.iter().any(|frame| {
            matches!(
                frame,
                test_support::client::Frame::Closed(..) | test_support::client::Frame::Lost
            )
        }) {
            return;
        }
    }
}
