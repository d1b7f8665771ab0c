//! An edge killed under load: its clients go on elsewhere.

use std::time::Duration;

use chaos::history::What;
use test_support::cluster::Cluster;

use crate::support::{life_goes_on, lively, prompt_town, verified};

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_a_killed_edge_resume_elsewhere_without_gap_or_repeat() {
    let cluster = Cluster::builder().edges(2).start().await;
    let running = lively(&cluster, prompt_town(20)).await;
    let killed = running.now();
    cluster.edge(0).kill().await;
    life_goes_on(Duration::from_secs(5)).await;
    let history = verified(&cluster, running).await.history;
    let resumed = history.events.iter().filter(|event| {
        event.at > killed && matches!(event.what, What::Joined { after: Some(after), .. } if after > 0)
    });
    assert!(resumed.count() > 5, "about half of the people were there");
}
