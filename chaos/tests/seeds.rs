//! A short fixed set of seeds: between them they draw nearly every kind of fault.

use std::time::Duration;

use chaos::{
    run::Plan,
    schedule::{Pace, Shape},
    town::Size,
};

#[expect(
    clippy::print_stdout,
    reason = "what happened, for whoever looks at a failure"
)]
async fn holds(seed: u64) {
    let lasts = Duration::from_secs(45);
    let plan = Plan::draw(seed, lasts, Size::default(), Shape::default(), Pace::Dense);
    let cluster = plan.cluster().await;
    let outcome = plan
        .run(&cluster, |line| println!("{line}"))
        .await
        .expect("the town begins to live");
    assert!(outcome.is_ok(), "{outcome}");
}

#[tokio::test(flavor = "multi_thread")]
async fn seed_1_holds() {
    holds(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn seed_2_holds() {
    holds(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn seed_3_holds() {
    holds(3).await;
}
