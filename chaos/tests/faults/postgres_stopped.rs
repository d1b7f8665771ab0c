//! PostgreSQL stopped for a quarter of a minute under load.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_support::{
    client::{Rest, Socket},
    cluster::Cluster,
    postgres::Durability,
    wait,
};

use crate::support::{life_goes_on, lively, prompt_town, verified};

/// What a send may take, answered either way: its deadline, and its way there and back.
const ANSWERED_WITHIN: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread")]
async fn postgres_stopped_for_a_quarter_of_a_minute_is_told_in_time_and_heals_by_itself() {
    let cluster = Cluster::builder()
        .edges(2)
        .chats(2)
        .durability(Durability::Full)
        .start()
        .await;
    let running = lively(&cluster, prompt_town(12)).await;
    let mut probe = Socket::connect(&cluster.ws_url(0, "/ws/general/probe?username=probe")).await;
    // In its room: who only comes while the store is away is asked to come later.
    probe.wait_for("user_joined", wait::SOON).await;
    let rest = Rest::new(cluster.base_url(1));

    cluster.postgres.stop().await;
    let stopped = Instant::now();
    let mut told = 0;
    while stopped.elapsed() < Duration::from_secs(15) {
        let asked = Instant::now();
        probe
            .send_json(
                &json!({"type": "message", "content": "hello?", "client_msg_id": format!("probe-{told}")}),
            )
            .await;
        let error = probe.wait_for("error", ANSWERED_WITHIN).await;
        assert_eq!(error["code"], "unavailable", "{error}");
        assert_eq!(error["client_msg_id"], json!(format!("probe-{told}")));
        assert!(
            error["retry_after_ms"].as_u64().is_some_and(|wait| wait > 0),
            "{error}"
        );
        let history = rest.get("/api/chat/rooms/general/messages").await;
        assert_eq!(history.status, 503, "{}", history.text());
        assert_eq!(history.header("content-type"), "application/problem+json");
        assert_eq!(history.parse::<Value>()["code"], "unavailable");
        assert!(asked.elapsed() < 2 * ANSWERED_WITHIN, "{:?}", asked.elapsed());
        told += 1;
        life_goes_on(Duration::from_millis(500)).await;
    }
    assert!(told >= 2, "asked more than once");

    cluster.postgres.start().await;
    // Whoever was refused tries again with the same name, and gets its one message.
    let healed = wait::eventually(wait::SOON, "sends are acknowledged again", async || {
        probe
            .send_json(&json!({"type": "message", "content": "hello?", "client_msg_id": "probe-0"}))
            .await;
        let answer = probe
            .wait_where("an answer", ANSWERED_WITHIN, |frame| {
                frame["type"] == "ack" || frame["type"] == "error"
            })
            .await;
        (answer["type"] == "ack").then_some(answer)
    })
    .await;
    assert_eq!(healed["client_msg_id"], "probe-0");
    verified(&cluster, running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_postgres_is_frozen_sends_that_wait_behind_each_other_are_all_answered_in_time() {
    let cluster = Cluster::start().await;
    let mut alice = Socket::connect(&cluster.ws_url(0, "/ws/general/alice?username=alice")).await;
    alice.wait_for("user_joined", wait::SOON).await;
    cluster.postgres.pause();
    let asked = Instant::now();
    for n in 0..20 {
        alice
            .send_json(&json!({"type": "message", "content": "hello?", "client_msg_id": format!("f{n}")}))
            .await;
    }
    for _ in 0..20 {
        let left = ANSWERED_WITHIN.saturating_sub(asked.elapsed());
        let error = alice.wait_for("error", left).await;
        assert_eq!(error["code"], "unavailable", "{error}");
        assert!(
            error["retry_after_ms"].as_u64().is_some_and(|wait| wait > 0),
            "{error}"
        );
    }
    cluster.postgres.resume();
}
