//! A replica of chat-svc killed with a thousand sends in flight.

use std::{collections::HashSet, time::Duration};

use chaos::{
    history::{Name, Person, Room, What},
    town::{Reads, Resident},
};
use test_support::{cluster::Cluster, wait};

use crate::support::{life_goes_on, lively, verified};

const PEOPLE: u32 = 50;

/// Rooms of each person: a client's messages to one room go to chat-svc one after the other, those to many at once.
const ROOMS: u32 = 20;

/// Everybody writes as fast as they may; few read along, so that the writing is what this is about.
fn busy_town() -> Vec<Resident> {
    let resident = |number: u32| Resident {
        person: Person(number),
        multiplexed: true,
        rooms: (0..ROOMS).map(|room| Room(number / 2 * ROOMS + room)).collect(),
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
    let history = verified(&cluster, running).await.history;
    let until_then = || history.events.iter().filter(|event| event.at <= killed);
    let sent = until_then().filter(|event| matches!(event.what, What::Sent { .. }));
    let acked: HashSet<Name> = until_then()
        .filter_map(|event| match event.what {
            What::Acked { name, .. } => Some(name),
            _ => None,
        })
        .collect();
    let in_flight = sent.count() - acked.len();
    assert!(in_flight >= 990, "only {in_flight} were in flight");
}
