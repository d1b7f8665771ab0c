//! A replica of chat-svc killed with a thousand sends in flight.

use std::time::Duration;

use chaos::{
    history::{Person, Room, What},
    town::{Reads, Resident},
};
use test_support::{cluster::Cluster, wait};

use crate::support::{life_goes_on, lively, verified};

const PEOPLE: u32 = 50;

/// Everybody writes as fast as they may; few read along, so that the writing is what this is about.
fn busy_town() -> Vec<Resident> {
    let resident = |number: u32| Resident {
        person: Person(number),
        multiplexed: true,
        rooms: vec![Room(number % 10), Room(10 + number % 5)],
        writes_every: Some(Duration::from_millis(15)),
        leaves_every: Duration::from_mins(10),
        reads: Reads::Promptly,
    };
    (0..PEOPLE).map(resident).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_killed_with_a_thousand_sends_in_flight_makes_no_message_twice_and_loses_none() {
    let cluster = Cluster::builder().edges(2).chats(2).start().await;
    let running = lively(&cluster, busy_town()).await;
    // A store that hangs for a moment: everything that people write is in flight, in both replicas.
    cluster.postgres.pause();
    wait::until(wait::SOON, "a thousand sends are in flight", async || {
        let counts = running.counts();
        counts.sent >= counts.acked + 990
    })
    .await;
    let killed = running.now();
    cluster.chat(0).kill().await;
    cluster.postgres.resume();
    life_goes_on(Duration::from_secs(2)).await;
    cluster.chat(0).start();
    cluster.chat(0).wait_ready(wait::START).await;
    let history = verified(running).await.history;
    let sent_before = history
        .events
        .iter()
        .filter(|event| event.at <= killed && matches!(event.what, What::Sent { .. }));
    assert!(sent_before.count() >= 990);
}
