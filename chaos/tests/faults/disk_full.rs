//! The object store's disk is full: uploads are refused, nothing half is left, chat goes on, and space heals it.

use serde_json::{Value, json};
use test_support::{
    client::{Answer, Rest, Socket},
    cluster::Cluster,
    wait,
};

use crate::support::file_rows;

const SPACE: u64 = 24 * 1024 * 1024;

async fn upload(rest: &Rest, size: usize) -> Answer {
    rest.upload("general", "alice", "noise.bin", vec![7; size]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_uploads_leaves_nothing_half_and_heals_with_space() {
    let cluster = Cluster::builder().s3_space(SPACE).start().await;
    let rest = Rest::new(cluster.base_url(0));
    let before: Value = upload(&rest, 100_000).await.expect(201).parse();
    cluster.s3.fill();
    // One that fits into a single part, and one that needs several.
    for size in [100_000, 20_000_000] {
        let answer = upload(&rest, size).await;
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    assert_eq!(file_rows(&cluster).await, 1, "no row without its object");
    let mut alice = Socket::connect(&cluster.ws_url(0, "/ws/general/alice?username=alice")).await;
    alice
        .send_json(&json!({"type": "message", "content": "hello", "client_msg_id": "m1"}))
        .await;
    alice.wait_for("ack", wait::SOON).await;
    let url = before["url"].as_str().expect("where it is");
    let there = rest.get(url).await.expect(200);
    assert_eq!(there.body.len(), 100_000, "what was there still is");

    cluster.s3.free_space();
    wait::until(wait::START, "uploads work again", async || {
        upload(&rest, 100_000).await.status == 201
    })
    .await;
    wait::until(wait::START, "nothing half is left", async || {
        cluster.s3.objects("chatfiles").len() == 2 && cluster.s3.unfinished_uploads().is_empty()
    })
    .await;
    assert_eq!(file_rows(&cluster).await, 2);
}
