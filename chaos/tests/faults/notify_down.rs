//! notify-svc down for a minute: mentions arrive afterwards, each once.

use std::time::Duration;

use chaos::stored::Stored;
use test_support::{cluster::Cluster, wait};

use crate::support::{life_goes_on, lively, prompt_town, verified};

async fn notifications(cluster: &Cluster) -> usize {
    let url = cluster.postgres.url("notifications_db");
    let stored = Stored::connect(&url).await.expect("the database answers");
    stored.notifications().await.expect("it can be read").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn mentions_of_a_minute_without_notify_svc_arrive_afterwards_each_once() {
    // Two replicas share the outbox: what one has delivered the other must not.
    let cluster = Cluster::builder().edges(1).chats(2).start().await;
    let running = lively(&cluster, prompt_town(12)).await;
    cluster.notify().kill().await;
    let before = notifications(&cluster).await;
    life_goes_on(Duration::from_mins(1)).await;
    assert_eq!(notifications(&cluster).await, before, "nobody is there to tell");
    cluster.notify().start();
    cluster.notify().wait_ready(wait::START).await;
    // The town's end waits for each mention, and counts.
    let ended = verified(&cluster, running).await;
    assert!(!ended.history.events.is_empty());
    let after = notifications(&cluster).await;
    assert!(
        after > before + 10,
        "{before} before, {after} after: people were mentioned meanwhile"
    );
}
