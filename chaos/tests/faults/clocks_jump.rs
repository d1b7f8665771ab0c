//! The clock of one machine jumps by an hour, either way: order and presence don't care.

use std::time::Duration;

use chaos::check::stalls::acks;
use test_support::{
    cluster::{Cluster, Part},
    wait,
};

use crate::support::{life_goes_on, lively, longest, longest_delivery, prompt_town, verified};

const HOUR: i64 = 3600;

/// Nobody waits for a clock.
const NO_STALL: Duration = Duration::from_secs(2);

/// One heartbeat of an edge, and its way.
const HEARTBEAT: Duration = Duration::from_secs(12);

#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_jump_an_hour_either_way_harm_neither_order_nor_presence() {
    let cluster = Cluster::builder()
        .edges(2)
        .chats(2)
        .presences(2)
        .jumping_clocks()
        .start()
        .await;
    let running = lively(&cluster, prompt_town(12)).await;
    let from = running.now();
    for offset in [HOUR, -HOUR, 0] {
        for part in [Part::Edge(0), Part::Chat(0), Part::Presence(0), Part::Notify(0)] {
            cluster.process(part).set_clock(offset);
            life_goes_on(Duration::from_secs(1)).await;
        }
        running
            .online_within(HEARTBEAT)
            .await
            .unwrap_or_else(|absent| panic!("at {offset:+} s: {absent}"));
        for process in cluster.processes() {
            process.wait_ready(wait::SOON).await;
        }
    }
    // A heartbeat with every clock right again: nobody has dropped out meanwhile.
    life_goes_on(HEARTBEAT).await;
    let history = verified(&cluster, running).await.history;
    let slowest = longest_delivery(&history, from);
    assert!(slowest <= NO_STALL, "a message took {slowest:?}");
    let slowest = longest(acks(&history).iter().map(|wait| wait.stall));
    assert!(slowest <= NO_STALL, "an ack took {slowest:?}");
}
