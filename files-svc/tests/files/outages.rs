//! Stores that go and come back: no restart, and nothing left behind.

use std::path::PathBuf;

use files_svc::Limits;
use test_support::{postgres, wait};
use tonic::Code;

use crate::setup::{Kept, Service};

#[tokio::test(flavor = "multi_thread")]
async fn s3_may_come_after_the_service() {
    let kept = Kept::s3().await;
    let s3 = kept.s3.as_ref().unwrap();
    s3.stop().await;
    let service = Service::start_unready(&kept, Limits::default()).await;
    wait::until(wait::SOON, "health names what is down", async || {
        let report = service.health.report();
        report.get("files-store") == Some(&None)
            && report
                .get("files-objects")
                .is_some_and(|trouble| trouble.as_deref() == Some("the S3 server can't be reached"))
    })
    .await;
    assert!(!service.health.is_ready());
    let refused = service.upload("a.txt", "hello").await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert_eq!(refused.message(), "the object store is unavailable");
    s3.start().await;
    service.is_ready().await;
    let file = service.upload("a.txt", "hello").await.unwrap();
    assert_eq!(service.download(&file.id, 0, None).await.unwrap().1, b"hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_that_stops_in_the_middle_of_an_upload() {
    let kept = Kept::s3().await;
    let s3 = kept.s3.as_ref().unwrap();
    let service = Service::start(&kept).await;
    let upload = service.begin("half").await;
    upload.send_mib(10).await;
    // The upload's own file comes before its id is known here: an id that is lost with the server is the sweep's.
    wait::until(wait::SOON, "a part is at S3", async || {
        let is_part = |path: &PathBuf| path.to_string_lossy().contains(".upload_id-");
        kept.unfinished().iter().any(is_part)
    })
    .await;
    s3.kill().await;
    upload.send_mib(10).await;
    assert_eq!(upload.finish().await.unwrap_err().code(), Code::Unavailable);
    s3.start().await;
    service.is_ready().await;
    // What could not be aborted then is aborted now.
    kept.holds(0).await;
    service.upload("whole", "hello").await.unwrap();
    kept.holds(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_that_stops_before_the_row_is_stored() {
    let server = postgres::Server::start_new(postgres::Durability::Full).await;
    let database = server.create_database("files_db").await;
    let kept = Kept::postgres(database);
    let service = Service::start(&kept).await;
    let upload = service.begin("half").await;
    upload.send_mib(2).await;
    server.stop().await;
    let refused = upload.finish().await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert_eq!(refused.message(), "the files database is unavailable");
    let refused = service.upload("a.txt", "hello").await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    server.start().await;
    service.is_ready().await;
    kept.holds(0).await;
    service.upload("a.txt", "hello").await.unwrap();
    kept.holds(1).await;
}
