//! Redis gone for half a minute, and back empty: hints are lost, messages are not.

use std::time::Duration;

use chaos::check::stalls::{acks, deliveries};
use test_support::{cluster::Cluster, wait};

use crate::support::{life_goes_on, lively, longest, median, pids, prompt_town, verified};

/// What the guarantees promise while Redis is gone, and again from this long after its return.
const WITHIN: Duration = Duration::from_secs(2);

/// One heartbeat of an edge, and its way.
const HEARTBEAT: Duration = Duration::from_secs(12);

#[tokio::test(flavor = "multi_thread")]
async fn redis_stopped_for_half_a_minute_costs_time_and_no_message() {
    let cluster = Cluster::builder().edges(2).edges_later(1).chats(2).start().await;
    let running = lively(&cluster, prompt_town(16)).await;
    let before = pids(&cluster);

    cluster.redis.kill().await;
    let stopped = running.now();
    // Starts without Redis, serves all the same, and finds it on its old port later.
    cluster.edge(2).start();
    cluster.edge(2).wait_live(wait::START).await;
    life_goes_on(Duration::from_secs(30)).await;
    assert!(
        !cluster.edge(2).is_ready().await,
        "an edge that hears nothing says so"
    );
    cluster.redis.start().await;
    let back = running.now();
    wait::until(WITHIN, "all edges are ready again", async || {
        let mut ready = true;
        for edge in 0..3 {
            ready &= cluster.edge(edge).is_ready().await;
        }
        ready
    })
    .await;
    running
        .online_within(HEARTBEAT)
        .await
        .expect("presence is right again");
    life_goes_on(Duration::from_secs(5)).await;
    let after = pids(&cluster);
    let history = verified(&cluster, running).await.history;

    assert!(
        before.iter().flatten().all(|pid| after.contains(&Some(*pid))),
        "no process was restarted"
    );
    let acks = acks(&history);
    for second in (0..30).step_by(5) {
        let from = stopped + Duration::from_secs(second);
        let until = from + Duration::from_secs(5);
        let during = || acks.iter().filter(|wait| (from..until).contains(&wait.sent));
        assert!(during().count() > 10, "people write all the time");
        let slowest = longest(during().map(|wait| wait.stall));
        assert!(slowest < WITHIN, "an ack took {slowest:?} after {second} s");
    }
    let waits = deliveries(&history);
    let during = waits
        .iter()
        .filter(|wait| (stopped..back).contains(&wait.since()));
    let slowest = longest(during.map(|wait| wait.stall));
    assert!(slowest <= WITHIN, "without Redis a message took {slowest:?}");
    let normal = || {
        let waits = waits.iter().filter(|wait| wait.since() > back + WITHIN);
        waits.map(|wait| wait.stall)
    };
    // Comparing heads takes half a second on average: this is not that.
    assert!(
        median(normal()) < Duration::from_millis(150),
        "{:?}",
        median(normal())
    );
    assert!(longest(normal()) <= WITHIN, "{:?}", longest(normal()));
}
