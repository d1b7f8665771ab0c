//! Redis is stopped and started again: messages go on between edges, a little later, and everything heals by itself.

use std::time::Duration;

use serde_json::json;
use test_support::{client::Socket, wait};

use crate::{
    shell::Shell,
    stack::{self, SOON, START},
};

/// How long a message may take to another edge without Redis.
const WITHOUT: Duration = Duration::from_secs(6);

/// Sockets on all edges hear each other before, during and after.
pub async fn is_a_hint(shell: Shell) {
    let mut sockets = Vec::new();
    for number in 0..6 {
        let url = format!("ws://localhost:8092/ws/general/redis{number}?username=R{number}");
        sockets.push(Socket::connect(&url).await);
    }
    heard_by_all(&mut sockets, "with Redis", WITHOUT).await;
    shell.must("docker compose stop redis", START).await;
    heard_by_all(&mut sockets, "without Redis", WITHOUT).await;
    heard_by_all(&mut sockets, "still without Redis", WITHOUT).await;
    shell.must("docker compose start redis", START).await;
    let healthy = async || {
        let edges = stack::replicas(&shell, "edge").await;
        edges
            .iter()
            .all(|edge| edge.inspected["State"]["Health"]["Status"] == "healthy")
    };
    wait::until(SOON, "all edges are healthy again", healthy).await;
    heard_by_all(&mut sockets, "with Redis again", WITHOUT).await;
    for socket in sockets {
        socket.close().await;
    }
}

async fn heard_by_all(sockets: &mut [Socket], text: &str, within: Duration) {
    sockets[0]
        .send_json(&json!({"type": "message", "content": text}))
        .await;
    for socket in sockets.iter_mut() {
        socket
            .wait_where(text, within, |frame| {
                frame["type"] == "message" && frame["content"] == text
            })
            .await;
    }
}
