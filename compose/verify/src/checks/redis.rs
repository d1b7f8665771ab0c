//! Redis is stopped and started again: messages go on between edges, a little later, and everything heals by itself.

use std::time::Duration;

use serde_json::json;
use test_support::client::Socket;

use crate::{
    shell::Shell,
    stack::{self, SOON, START},
};

/// How long a message may take to another edge without Redis.
const WITHOUT: Duration = Duration::from_secs(6);

/// And with it: less than an edge takes to find a message in the log by itself.
const WITH: Duration = Duration::from_millis(800);

/// Sockets on all edges hear each other before, during and after.
pub async fn is_a_hint(shell: Shell) {
    let mut sockets = Vec::new();
    for number in 0..6 {
        sockets.push(stack::join("general", &format!("redis{number}")).await);
    }
    heard_by_all(&mut sockets, "with Redis", WITH).await;
    shell.must("docker compose stop redis", START).await;
    heard_by_all(&mut sockets, "without Redis", WITHOUT).await;
    heard_by_all(&mut sockets, "still without Redis", WITHOUT).await;
    shell.must("docker compose start redis", START).await;
    // By their own word, each: what Docker says of them may be some seconds old.
    for edge in stack::replicas(&shell, "edge").await {
        let ask = format!(
            "until docker exec {} /app/edge health; do sleep 0.2; done",
            edge.id
        );
        shell.must(&ask, SOON).await;
    }
    heard_by_all(&mut sockets, "with Redis again", WITH).await;
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
