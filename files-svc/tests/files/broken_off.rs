//! Uploads that do not end well leave neither row nor object.

use std::{sync::Arc, time::Duration};

use files_svc::Limits;
use proto::files::{GetFileRequest, ListFilesRequest};
use test_support::{postgres, wait};
use tonic::Code;

use crate::setup::{Kept, Service, on_both_stores};

on_both_stores!(
    a_caller_that_goes_away,
    a_caller_that_falls_asleep,
    an_upload_that_takes_too_long,
    a_file_that_is_too_large,
    a_process_that_stops,
);

/// Enough for a part to be in the store already.
const MIB: usize = 10;

async fn nothing_is_left(kept: &Kept, service: &Service) {
    kept.holds(0).await;
    let listed = service
        .client
        .clone()
        .list_files(ListFilesRequest::default())
        .await;
    assert_eq!(listed.unwrap().into_inner().files, []);
}

async fn something_is_there(kept: &Kept) {
    wait::until(wait::SOON, "the upload has reached the store", async || {
        !kept.unfinished().is_empty()
    })
    .await;
}

async fn a_caller_that_goes_away(kept: Arc<Kept>) {
    let service = Service::start(&kept).await;
    let upload = service.begin("half").await;
    upload.send_mib(MIB).await;
    something_is_there(&kept).await;
    upload.abandon().await;
    nothing_is_left(&kept, &service).await;
}

async fn a_caller_that_falls_asleep(kept: Arc<Kept>) {
    let limits = Limits {
        stall: Duration::from_millis(300),
        ..Limits::default()
    };
    let service = Service::start_with(&kept, limits).await;
    let upload = service.begin("half").await;
    upload.send_mib(MIB).await;
    assert_eq!(upload.answer().await.unwrap_err().code(), Code::DeadlineExceeded);
    nothing_is_left(&kept, &service).await;
}

async fn an_upload_that_takes_too_long(kept: Arc<Kept>) {
    let limits = Limits {
        upload_time: Duration::from_millis(500),
        ..Limits::default()
    };
    let service = Service::start_with(&kept, limits).await;
    let upload = service.begin("half").await;
    upload.send_mib(1).await;
    assert_eq!(upload.answer().await.unwrap_err().code(), Code::DeadlineExceeded);
    nothing_is_left(&kept, &service).await;
}

async fn a_file_that_is_too_large(kept: Arc<Kept>) {
    let limits = Limits {
        max_upload_bytes: 9 << 20,
        ..Limits::default()
    };
    let service = Service::start_with(&kept, limits).await;
    let upload = service.begin("large").await;
    upload.send_mib(MIB).await;
    // It is told before the upload has ended.
    let refused = upload.answer().await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(refused.message(), "the file is larger than 9 MiB");
    nothing_is_left(&kept, &service).await;
    let upload = service.begin("just right").await;
    upload.send_mib(9).await;
    assert_eq!(upload.finish().await.unwrap().size_bytes, 9 << 20);
}

async fn a_process_that_stops(kept: Arc<Kept>) {
    let service = Service::start(&kept).await;
    let upload = service.begin("half").await;
    upload.send_mib(MIB).await;
    something_is_there(&kept).await;
    service.shutdown.begin();
    assert_eq!(upload.answer().await.unwrap_err().code(), Code::Unavailable);
    service.stop().await;
    kept.holds(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_before_the_answer() {
    let database = postgres::database().await;
    let kept = Kept::postgres(database.clone());
    let service = Service::start(&kept).await;
    // The row can't be stored before the caller is gone; then it can.
    let lock = database.client().await;
    lock.batch_execute("BEGIN; LOCK TABLE files").await.unwrap();
    let upload = service.begin("whole").await;
    upload.send_mib(1).await;
    upload.end_and_abandon(&kept).await;
    // What follows on the same connection is answered after the service has heard of that.
    for _ in 0..20 {
        let request = GetFileRequest::default();
        service.client.clone().get_file(request).await.unwrap_err();
    }
    lock.batch_execute("COMMIT").await.unwrap();
    nothing_is_left(&kept, &service).await;
}
