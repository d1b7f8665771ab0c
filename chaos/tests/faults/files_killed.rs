//! files-svc killed in the middle of an upload: no row without an object, and no object without a row after the sweep.

use std::{convert::Infallible, time::Duration};

use futures_util::{StreamExt as _, stream};
use reqwest::{
    Body,
    multipart::{Form, Part as FormPart},
};
use serde_json::Value;
use test_support::{
    client::Rest,
    cluster::{Cluster, Part},
    wait,
};
use tokio::time::sleep;

use crate::support::file_rows;

/// Several parts of a multipart upload to S3.
const CHUNKS: usize = 600;
const CHUNK: usize = 64 * 1024;

/// As old as the sweep wants what it removes, and more.
const LATER: i64 = 2 * 3600;

/// The sweep looks twice, some time apart.
const SWEPT_WITHIN: Duration = Duration::from_mins(1);

/// An upload whose bytes keep coming for some seconds.
async fn slow_upload(base: String) -> Option<u16> {
    let chunks = stream::iter(0..CHUNKS).then(|_| async {
        sleep(Duration::from_millis(5)).await;
        Ok::<_, Infallible>(vec![7_u8; CHUNK])
    });
    let file = FormPart::stream(Body::wrap_stream(chunks)).file_name("half.bin");
    let form = Form::new()
        .text("room_id", "general")
        .text("user_id", "alice")
        .part("file", file);
    let answer = reqwest::Client::new()
        .post(format!("{base}/api/files/upload?room_id=general&user_id=alice"))
        .multipart(form)
        .send();
    answer.await.ok().map(|answer| answer.status().as_u16())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_dies_with_its_service_leaves_nothing_after_the_sweep() {
    let cluster = Cluster::builder().jumping_clocks().start().await;
    let rest = Rest::new(cluster.base_url(0));
    let kept: Value = rest
        .upload("general", "alice", "kept.bin", vec![1; 100_000])
        .await
        .expect(201)
        .parse();
    let upload = tokio::spawn(slow_upload(cluster.base_url(0)));
    wait::until(wait::SOON, "a part of it is at the object store", async || {
        !cluster.s3.unfinished_uploads().is_empty()
    })
    .await;
    let files = cluster.process(Part::Files(0));
    files.kill().await;
    let status = upload.await.expect("the upload ends");
    assert!(status.is_none_or(|status| status >= 500), "{status:?}");
    assert_eq!(file_rows(&cluster).await, 1, "no row of it");
    assert!(
        !cluster.s3.unfinished_uploads().is_empty(),
        "this is what the sweep is for"
    );

    // The sweep leaves alone what may be of an upload that is alive; two hours later nothing is.
    files.set_clock(LATER);
    files.start();
    files.wait_ready(wait::START).await;
    wait::until(SWEPT_WITHIN, "the sweep has removed what is left", async || {
        cluster.s3.unfinished_uploads().is_empty() && cluster.s3.objects("chatfiles").len() == 1
    })
    .await;
    assert_eq!(file_rows(&cluster).await, 1);
    let url = kept["url"].as_str().expect("where it is");
    assert_eq!(
        rest.get(url).await.expect(200).body.len(),
        100_000,
        "what has a row stays"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_whose_service_dies_before_its_row_is_stored_is_swept() {
    let cluster = Cluster::builder().jumping_clocks().start().await;
    let url = cluster.postgres.url("files_db");
    let (slow, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
        .await
        .expect("the database answers");
    tokio::spawn(connection);
    // Whoever wants to store a row waits.
    slow.batch_execute("BEGIN; LOCK TABLE files IN SHARE MODE")
        .await
        .expect("the table can be locked");
    let rest = Rest::new(cluster.base_url(0));
    let upload =
        tokio::spawn(async move { rest.upload("general", "alice", "half.bin", vec![1; 1000]).await });
    wait::until(wait::SOON, "the object is whole", async || {
        cluster.s3.objects("chatfiles").len() == 1
    })
    .await;
    let files = cluster.process(Part::Files(0));
    files.kill().await;
    // As if its last statement had never arrived: otherwise it would be done for nobody.
    let forget = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'files-svc'; ROLLBACK";
    slow.batch_execute(forget).await.expect("the lock can be left");
    assert!(upload.await.expect("the upload ends").status >= 500);
    assert_eq!(file_rows(&cluster).await, 0, "no row of it");
    assert_eq!(
        cluster.s3.objects("chatfiles").len(),
        1,
        "this is what the sweep is for"
    );
    files.set_clock(LATER);
    files.start();
    files.wait_ready(wait::START).await;
    wait::until(SWEPT_WITHIN, "the sweep has removed it", async || {
        cluster.s3.objects("chatfiles").is_empty()
    })
    .await;
}
