//! PostgreSQL and chat-svc killed in the moment of an ack: the message is there afterwards.

use serde_json::{Value, json};
use test_support::{
    client::{Rest, Socket},
    cluster::Cluster,
    postgres::Durability,
    wait,
};

/// Each is one chance for an ack that came too early.
const ROUNDS: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_the_death_of_its_store_and_its_service_in_that_moment() {
    let cluster = Cluster::builder().durability(Durability::Full).start().await;
    let mut acked: Vec<(String, u64)> = Vec::new();
    for round in 0..ROUNDS {
        let mut socket = Socket::connect(&cluster.ws_url(0, "/ws/general/alice?username=alice")).await;
        // A stream of sends, so that the ack is one of many on their way.
        for n in 0..20 {
            let id = format!("r{round}-{n}");
            socket
                .send_json(&json!({"type": "message", "content": id, "client_msg_id": id}))
                .await;
        }
        for _ in 0..=round {
            let ack = socket.wait_for("ack", wait::SOON).await;
            let id = ack["client_msg_id"].as_str().expect("its name").to_owned();
            acked.push((id, ack["seq"].as_u64().expect("its seq")));
        }
        tokio::join!(cluster.postgres.kill(), cluster.chat(0).kill());
        // Acks that were under way when they died count just as much.
        for frame in socket.collect_for(std::time::Duration::from_millis(100)).await {
            if let test_support::client::Frame::Json(ack) = frame
                && ack["type"] == "ack"
            {
                let id = ack["client_msg_id"].as_str().expect("its name").to_owned();
                acked.push((id, ack["seq"].as_u64().expect("its seq")));
            }
        }
        cluster.postgres.start().await;
        cluster.chat(0).start();
        cluster.chat(0).wait_ready(wait::START).await;
    }
    let rest = Rest::new(cluster.base_url(0));
    let history: Vec<Value> = wait::eventually(wait::SOON, "history is there again", async || {
        let answer = rest.get("/api/chat/rooms/general/messages?limit=200").await;
        (answer.status == 200).then(|| answer.parse())
    })
    .await;
    for (id, seq) in &acked {
        let found = history
            .iter()
            .find(|message| message["client_msg_id"] == json!(id));
        let found = found.unwrap_or_else(|| panic!("{id} was acknowledged with {seq}, and is gone"));
        assert_eq!(found["seq"], json!(seq), "{id}");
    }
    let seqs = history.iter().filter_map(|message| message["seq"].as_u64());
    assert!(seqs.eq(1..=history.len() as u64), "without gaps");
}
