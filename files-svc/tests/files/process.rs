//! The program as an operator meets it: its settings, its words, its end.

use std::process::Command;

use proto::files::{DownloadRequest, UploadRequest};
use test_support::wait;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

use crate::setup::{Kept, Service, pattern};

fn files_svc() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_files-svc"));
    command.env_clear();
    command
}

#[test]
fn a_partial_set_of_s3_settings_is_refused() {
    let ended = files_svc()
        .env("MINIO_ENDPOINT", "minio:9000")
        .env("MINIO_SECRET_KEY", "hunter2")
        .env("MAX_UPLOAD_BYTES", "many")
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(64));
    let told = String::from_utf8(ended.stderr).unwrap();
    assert!(
        told.contains("MINIO_ACCESS_KEY: ") && told.contains("MAX_UPLOAD_BYTES: "),
        "{told}"
    );
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn help_keeps_secrets() {
    let ended = files_svc()
        .arg("--help")
        .env("MINIO_ENDPOINT", "minio:9000")
        .env("MINIO_ACCESS_KEY", "AKIA")
        .env("MINIO_SECRET_KEY", "hunter2")
        .env("DATABASE_URL", "postgres://u:passw0rd@db/files_db")
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(0));
    let told = String::from_utf8(ended.stdout).unwrap();
    assert!(
        told.contains("MINIO_SECRET_KEY") && told.contains("minio:9000"),
        "{told}"
    );
    for secret in ["AKIA", "hunter2", "passw0rd"] {
        assert!(!told.contains(secret), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_nobody_who_sleeps_and_a_cut_file_is_no_whole_one() {
    let kept = Kept::directory();
    let service = Service::start(&kept).await;
    let file = service.upload("large.bin", pattern(8 << 20)).await.unwrap();
    let mut client = service.client.clone();
    let request = DownloadRequest {
        file_id: file.id,
        ..DownloadRequest::default()
    };
    let mut half = client.download(request).await.unwrap().into_inner();
    half.message().await.unwrap().unwrap();
    // One that never says what it uploads.
    let (_silent, messages) = mpsc::channel::<UploadRequest>(1);
    let silent = tokio::spawn(async move { client.upload(ReceiverStream::new(messages)).await });
    tokio::time::timeout(wait::SOON, service.stop())
        .await
        .expect("the service stops");
    let cut = loop {
        match half.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a cut file passed for a whole one"),
            Err(status) => break status,
        }
    };
    assert_eq!(cut.code(), Code::Unavailable, "{cut}");
    assert!(silent.await.unwrap().is_err());
}
