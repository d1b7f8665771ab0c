//! Clients that come back with the last seq they saw.

use edge::socket::SocketLimits;
use serde_json::json;
use test_support::{client::Socket, wait::SOON};

use crate::support::{System, consecutive, say, shared, silent};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_is_replayed_then_comes_live() {
    let system = System::start().await;
    let edge = system.edge().await;
    for number in 1..=5 {
        edge.say("general", &number.to_string()).await;
    }
    let mut alice = edge.multiplexed("alice").await;
    alice
        .send_json(&json!({"type": "subscribe", "room_id": "general", "after_seq": 2}))
        .await;
    let subscribed = alice.wait_for("subscribed", SOON).await;
    assert_eq!(subscribed["last_seq"], 5);
    consecutive(&mut alice, 3, 3).await;
    edge.say("general", "live").await;
    consecutive(&mut alice, 6, 1).await;

    // Subscribing again starts over.
    alice
        .send_json(&json!({"type": "subscribe", "room_id": "general", "after_seq": 4}))
        .await;
    alice.wait_for("subscribed", SOON).await;
    consecutive(&mut alice, 5, 2).await;
    edge.say("general", "live").await;
    consecutive(&mut alice, 7, 1).await;

    let mut bob = Socket::connect(&edge.url("/ws/general/bob?after_seq=0")).await;
    consecutive(&mut bob, 1, 7).await;
    silent(&mut bob, "message").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seq_from_the_future_is_reset() {
    let system = System::start().await;
    let edge = system.edge().await;
    edge.say("general", "the only one").await;
    let mut alice = Socket::connect(&edge.url("/ws/general/alice?after_seq=40")).await;
    let reset = alice.wait_for("reset", SOON).await;
    assert_eq!(
        (&reset["room_id"], &reset["last_seq"]),
        (&json!("general"), &json!(1))
    );
    edge.say("general", "live").await;
    consecutive(&mut alice, 2, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replays_meet_live_traffic_without_gap_and_repeat() {
    const BEFORE: u64 = 700;
    const DURING: u64 = 600;
    let system = System::start().await;
    // So little is held back that replays have to start over now and then.
    let limits = SocketLimits {
        queue_bytes: 16 * 1024,
        ..SocketLimits::default()
    };
    let edge = shared(system.edge_with(limits, true).await);
    let upstream = edge.upstream.clone();
    for number in 0..BEFORE {
        say(&upstream, "general", &number.to_string()).await;
    }
    let talker = tokio::spawn(async move {
        for number in 0..DURING {
            say(&upstream, "general", &format!("live {number}")).await;
        }
    });
    let mut clients = Vec::new();
    for number in 0..20_u64 {
        let edge = edge.clone();
        clients.push(tokio::spawn(async move {
            let after = number * 30;
            let path = format!("/ws/general/user-{number}?after_seq={after}");
            let mut socket = Socket::connect(&edge.url(&path)).await;
            let count = usize::try_from(BEFORE + DURING - after).unwrap();
            consecutive(&mut socket, after + 1, count).await;
        }));
    }
    talker.await.unwrap();
    for client in clients {
        client.await.unwrap();
    }
}
