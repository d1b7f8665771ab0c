//! Clients that come back with the last seq they saw.

use edge::socket::SocketLimits;
use serde_json::json;
use test_support::{
    client::Socket,
    proxy::{Fault, Proxy},
    wait::SOON,
};

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
async fn who_comes_back_behind_another_needs_no_log() {
    const LOST: &str = "01890000-0000-7000-8000-000000000000";
    let system = System::start().await;
    let proxy = Proxy::to(&system.chat().to_string()).await;
    let edge = system.edge_behind(&proxy).await;
    let other = system.edge().await;
    let mut ids = vec![String::new()];
    for number in 1..=5 {
        ids.push(other.say("general", &number.to_string()).await.id);
    }
    let back = |after_seq: u64, after_id: Option<&str>| json!({"type": "subscribe", "room_id": "general", "after_seq": after_seq, "after_id": after_id});
    // All of one user, and so on one shard.
    let mut first = edge.multiplexed("alice").await;
    first.send_json(&back(2, None)).await;
    consecutive(&mut first, 3, 3).await;
    let mut same = edge.multiplexed("alice").await;
    let mut later = edge.multiplexed("alice").await;
    let mut named = edge.multiplexed("alice").await;
    let mut foreign = edge.multiplexed("alice").await;
    let mut earlier = edge.multiplexed("alice").await;
    for socket in [&mut same, &mut later, &mut named, &mut foreign, &mut earlier] {
        socket.send_json(&json!({"type": "ping"})).await;
        socket.wait_for("pong", SOON).await;
    }
    other.say("general", "live").await;
    consecutive(&mut first, 6, 1).await;
    proxy.set(Fault::Stall);
    same.send_json(&back(2, None)).await;
    consecutive(&mut same, 3, 4).await;
    later.send_json(&back(5, None)).await;
    consecutive(&mut later, 6, 1).await;
    named.send_json(&back(4, Some(&ids[4]))).await;
    consecutive(&mut named, 5, 2).await;
    // What is not surely there is asked of the log.
    foreign.send_json(&back(4, Some(LOST))).await;
    earlier.send_json(&back(1, None)).await;
    silent(&mut foreign, "message").await;
    silent(&mut earlier, "message").await;
    proxy.set(Fault::None);
    assert_eq!(foreign.wait_for("reset", SOON).await["last_seq"], 6);
    consecutive(&mut earlier, 2, 5).await;
    // And all are live.
    other.say("general", "live").await;
    for socket in [
        &mut first,
        &mut same,
        &mut later,
        &mut named,
        &mut foreign,
        &mut earlier,
    ] {
        consecutive(socket, 7, 1).await;
    }
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
