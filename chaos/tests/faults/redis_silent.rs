//! A subscription that is silent although everything else works: the known silent failure of pub/sub servers.

use std::time::Duration;

use test_support::{
    cluster::{Cluster, Dependency, Part},
    proxy::Fault,
    redis, wait,
};

use crate::support::{life_goes_on, lively, longest_delivery, prompt_town, verified};

/// What the guarantees promise.
const NOTICED_WITHIN: Duration = Duration::from_secs(10);

async fn cluster() -> Cluster {
    Cluster::builder().edges(2).links().start().await
}

/// Waits until an edge says that it hears nothing, and lets that go on for some seconds.
async fn turns_red(cluster: &Cluster) {
    wait::until(NOTICED_WITHIN, "the deaf edge turns unready", async || {
        !cluster.edge(0).is_ready().await
    })
    .await;
    assert!(cluster.edge(1).is_ready().await, "the other one hears well");
    life_goes_on(Duration::from_secs(5)).await;
    assert!(!cluster.edge(0).is_ready().await, "as long as it lasts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_without_pushes_is_noticed_and_repaired_from_the_log() {
    let cluster = cluster().await;
    let running = lively(&cluster, prompt_town(12)).await;
    let link = cluster.link(Part::Edge(0), Dependency::Redis);
    let from = running.now();
    link.set(Fault::Pushes);
    turns_red(&cluster).await;
    link.set(Fault::None);
    cluster.edge(0).wait_ready(wait::SOON).await;
    let history = verified(&cluster, running).await.history;
    let slowest = longest_delivery(&history, from);
    // The canary tells at once: it comes back over the same subscription.
    assert!(slowest <= Duration::from_secs(4), "a message took {slowest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_on_another_redis_than_everybody_else_is_noticed_and_repaired_from_the_log() {
    let cluster = cluster().await;
    let running = lively(&cluster, prompt_town(12)).await;
    let elsewhere = redis::Server::start_new().await;
    let link = cluster.link(Part::Edge(0), Dependency::Redis);
    let from = running.now();
    // As after a failover that one of them missed: it publishes to itself, and even hears itself.
    link.reroute(&elsewhere.url());
    turns_red(&cluster).await;
    link.reroute(&cluster.redis.url());
    cluster.edge(0).wait_ready(wait::START).await;
    let history = verified(&cluster, running).await.history;
    let slowest = longest_delivery(&history, from);
    assert!(slowest <= NOTICED_WITHIN, "a message took {slowest:?}");
}
