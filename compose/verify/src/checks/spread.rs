//! Load is spread over all replicas, and what one of them takes in reaches people on every other.

use std::collections::BTreeSet;

use e2e::grpcurl_examples;
use serde_json::json;
use test_support::{
    client::{Rest, Socket},
    wait,
};

use crate::{
    shell::Shell,
    stack::{self, GATEWAY, SOON},
};

/// Sockets opened at once.
const SOCKETS: usize = 60;

/// The least that each of three edges has to have of them.
const FAIR: f64 = 10.0;

/// Each replica of edge has its share of sockets, and a message reaches all of them.
pub async fn sockets_are_on_all_edges(shell: Shell, edges: usize) {
    let mut sockets = Vec::new();
    for number in 0..SOCKETS {
        sockets.push(stack::join("spread", &format!("s{number}")).await);
    }
    let shares = stack::metric(&shell, "edge", 8092, "chatflow_edge_connections", "").await;
    assert_eq!(shares.len(), edges);
    for (edge, share) in &shares {
        assert!(*share > FAIR, "{edge} has {share} of {SOCKETS}: {shares:?}");
    }
    for (number, sender) in [0, SOCKETS / 2, SOCKETS - 1].into_iter().enumerate() {
        let text = format!("to all {number}");
        sockets[sender]
            .send_json(&json!({"type": "message", "content": text}))
            .await;
        for socket in &mut sockets {
            let what = format!("{text:?} everywhere");
            socket
                .wait_where(&what, SOON, |frame| {
                    frame["type"] == "message" && frame["content"] == text.as_str()
                })
                .await;
        }
    }
    for socket in sockets {
        socket.close().await;
    }
}

/// Room `spread`, for the sockets.
pub async fn make_room() {
    let answer = Rest::new(GATEWAY)
        .post("/api/chat/rooms", &json!({"id": "spread", "name": "Spread"}))
        .await;
    assert!(matches!(answer.status, 201 | 409), "{}", answer.text());
}

/// Each replica of each service answers calls.
pub async fn calls_are_on_all_replicas(shell: Shell) {
    let services = [
        ("chat-service", 9020),
        ("presence-service", 9021),
        ("notification-service", 9022),
        ("file-service", 9023),
    ];
    let mut before = Vec::new();
    for (service, port) in services {
        before.push(stack::metric(&shell, service, port, "chatflow_grpc_server_seconds_count", "").await);
    }
    let gateway = Rest::new(GATEWAY);
    for _ in 0..60 {
        for path in [
            "/api/chat/rooms",
            "/api/presence",
            "/api/notifications/alice",
            "/api/files/files?room_id=general",
        ] {
            let _ = gateway.get(path).await.expect(200);
        }
    }
    for ((service, port), before) in services.into_iter().zip(before) {
        let after = stack::metric(&shell, service, port, "chatflow_grpc_server_seconds_count", "").await;
        let calls: Vec<f64> = after
            .iter()
            .map(|(at, calls)| calls - before.get(at).unwrap_or(&0.0))
            .collect();
        assert_eq!(calls.len(), 2, "{service}");
        assert!(calls.iter().all(|calls| *calls >= 10.0), "{service}: {calls:?}");
    }
}

/// grpcurl's ports: each example runs, and the gateway balances calls over the replicas.
pub async fn grpc_examples_run() {
    let at = [8020, 8021, 8022, 8023].map(|port| format!("localhost:{port}"));
    grpcurl_examples::run_examples(at).await;
}

/// Scaling down and up again under load: new connections find the replicas that are there, without a restart.
pub async fn scaling_is_followed(shell: Shell) {
    stack::up(&shell, "--no-recreate --scale edge=1 --scale chat-service=2 --scale presence-service=2 --scale notification-service=2 --scale file-service=2").await;
    stack::gateway_answers().await;
    stack::up(&shell, &format!("--no-recreate {}", stack::SCALED)).await;
    let found = async || {
        let sockets = futures_util::future::join_all((0..12).map(|number| async move {
            Socket::connect(&format!(
                "ws://localhost:8092/ws/general/scale{number}?username=S"
            ))
            .await
        }));
        let sockets = sockets.await;
        let shares = stack::metric(&shell, "edge", 8092, "chatflow_edge_connections", "").await;
        let used: BTreeSet<_> = shares
            .iter()
            .filter(|(_, share)| **share > 0.0)
            .map(|(edge, _)| edge)
            .collect();
        let all = used.len() == 3;
        for socket in sockets {
            socket.close().await;
        }
        all
    };
    wait::until(SOON, "new sockets on all three edges", found).await;
}
