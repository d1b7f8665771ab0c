//! One message, followed through the containers as one trace.

use std::{collections::BTreeSet, net::Ipv4Addr};

use serde_json::json;
use test_support::{collector::Collector, wait};

use crate::{
    shell::Shell,
    stack::{self, SOON},
};

/// With a collector on this machine in the place of the profile's: from the sender's socket through chat-service to each
/// of the three edges.
pub async fn follow_a_message(shell: Shell) {
    let network = format!("{}_front", shell.project());
    let ask = format!("docker network inspect --format '{{{{(index .IPAM.Config 0).Gateway}}}}' {network}");
    let gateway: Ipv4Addr = shell.must(&ask, SOON).await.trim().parse().expect("an address");
    let collector = Collector::start_at(gateway).await;
    let traced = shell.with("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url());
    stack::up(&traced, stack::SCALED).await;
    stack::gateway_answers().await;

    // As many as put one on each edge.
    let mut sockets = Vec::new();
    for number in 0..9 {
        sockets.push(stack::join("general", &format!("traced{number}")).await);
    }
    let text = "follow me";
    let frame = json!({"type": "message", "content": text, "client_msg_id": "traced-1"});
    sockets[0].send_json(&frame).await;
    for socket in &mut sockets {
        socket
            .wait_where(text, SOON, |frame| {
                frame["type"] == "message" && frame["content"] == text
            })
            .await;
    }
    let whole = async || {
        let named = |span: &test_support::collector::Span| {
            span.attributes
                .get("chatflow.client_msg_id")
                .is_some_and(|name| name == "traced-1")
        };
        let root = collector.spans().into_iter().find(named)?;
        let trace = collector.trace(&root.trace_id);
        let of = |service: &str| {
            let spans = trace.iter().filter(|span| span.service == service);
            spans.map(|span| span.name.clone()).collect::<BTreeSet<_>>()
        };
        let delivered: BTreeSet<_> = trace
            .iter()
            .filter(|span| span.name == "deliver")
            .map(|span| span.instance.clone())
            .collect();
        let committed = of("chat-svc").contains("commit") && of("chat-svc").contains("publish");
        (delivered.len() == 3 && committed).then_some(trace)
    };
    let trace = wait::eventually(SOON, "one trace over chat-service and three edges", whole).await;
    assert!(
        trace
            .iter()
            .all(|span| !span.attributes.values().any(|value| value.contains(text)))
    );
    for socket in sockets {
        socket.close().await;
    }
}
