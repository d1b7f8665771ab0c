//! Whole uploads and downloads.

use std::sync::Arc;

use files_svc::Limits;
use sha2::{Digest as _, Sha256};
use tonic::Code;

use crate::setup::{Kept, Service, on_both_stores, pattern};

on_both_stores!(
    what_was_uploaded_is_downloaded,
    large_files_pass_through,
    empty_files_are_files,
    ranges_of_downloads,
    a_lost_object_is_told_from_a_missing_file,
    files_outlive_the_process,
);

fn sha256(bytes: &[u8]) -> String {
    let digits = Sha256::digest(bytes);
    let digits = digits.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from_digit(digit.into(), 16).unwrap())
        .collect()
}

async fn what_was_uploaded_is_downloaded(kept: Arc<Kept>) {
    let service = Service::start(&kept).await;
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    bytes.extend(pattern(200_000));
    let file = service
        .upload("../../etc/\u{202E}photo.png", bytes.clone())
        .await
        .unwrap();
    assert_eq!(file.original_name, "photo.png");
    assert_eq!(file.content_type, "image/png");
    assert_eq!(file.size_bytes, 200_008);
    assert_eq!(file.sha256, sha256(&bytes));
    assert_eq!(
        (file.room_id.as_str(), file.user_id.as_str()),
        ("general", "alice")
    );
    let (start, got) = service.download(&file.id, 0, None).await.unwrap();
    assert!(got == bytes);
    assert_eq!((start.offset, start.length), (0, 200_008));
    assert_eq!(start.file, Some(file.clone()));
    // Nothing of the client's names the object.
    let objects = kept.objects();
    assert_eq!(objects.len(), 1);
    let key = objects[0].file_name().unwrap().to_string_lossy().into_owned();
    assert!(proto::fields::uuid("key", &key).is_ok(), "{key}");
}

async fn large_files_pass_through(kept: Arc<Kept>) {
    let service = Service::start(&kept).await;
    // No whole number of parts.
    let bytes = pattern((20 << 20) + 12_345);
    let file = service.upload("large.bin", bytes.clone()).await.unwrap();
    assert_eq!(file.sha256, sha256(&bytes));
    let (_, got) = service.download(&file.id, 0, None).await.unwrap();
    assert!(got == bytes);
    let (_, got) = service
        .download(&file.id, (8 << 20) - 10, Some(20))
        .await
        .unwrap();
    assert!(got == bytes[(8 << 20) - 10..][..20]);
    kept.holds(1).await;
}

async fn empty_files_are_files(kept: Arc<Kept>) {
    let service = Service::start(&kept).await;
    let file = service.upload("", "").await.unwrap();
    assert_eq!((file.size_bytes, file.original_name.as_str()), (0, "file"));
    assert_eq!(file.sha256, sha256(b""));
    let (start, got) = service.download(&file.id, 0, Some(10)).await.unwrap();
    assert_eq!((start.length, got.len()), (0, 0));
    let past = service.download(&file.id, 1, None).await.unwrap_err();
    assert_eq!(past.code(), Code::OutOfRange);
}

async fn ranges_of_downloads(kept: Arc<Kept>) {
    let service = Service::start(&kept).await;
    let file = service.upload("a.txt", "hello world").await.unwrap();
    for (offset, length, expected) in [
        (0, None, "hello world"),
        (6, None, "world"),
        (6, Some(2), "wo"),
        (6, Some(u64::MAX), "world"),
        (10, Some(1), "d"),
    ] {
        let (start, got) = service.download(&file.id, offset, length).await.unwrap();
        assert_eq!(got, expected.as_bytes());
        assert_eq!((start.offset, start.length), (offset, expected.len() as u64));
    }
    for offset in [11, u64::MAX] {
        let past = service.download(&file.id, offset, Some(1)).await.unwrap_err();
        assert_eq!(past.code(), Code::OutOfRange);
        assert!(past.message().contains("11 bytes"), "{past}");
    }
}

async fn a_lost_object_is_told_from_a_missing_file(kept: Arc<Kept>) {
    let service = Service::start(&kept).await;
    let file = service.upload("a.txt", "hello world").await.unwrap();
    std::fs::remove_file(&kept.objects()[0]).unwrap();
    let lost = service.download(&file.id, 0, None).await.unwrap_err();
    assert_eq!(lost.code(), Code::DataLoss);
    assert_eq!(lost.message(), "the bytes of this file are lost");
    let missing = uuid::Uuid::now_v7().to_string();
    let missing = service.download(&missing, 0, None).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
}

async fn files_outlive_the_process(kept: Arc<Kept>) {
    let service = Service::start(&kept).await;
    let file = service.upload("a.txt", "hello world").await.unwrap();
    service.stop().await;
    let service = Service::start(&kept).await;
    let (start, got) = service.download(&file.id, 0, None).await.unwrap();
    assert_eq!(got, b"hello world");
    assert_eq!(start.file, Some(file));
}

#[tokio::test(flavor = "multi_thread")]
async fn active_content_is_no_image() {
    let service = Service::start(&Kept::directory()).await;
    for bytes in [
        "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        "<!doctype html><script>alert(1)</script>",
        "<?xml version='1.0'?><x/>",
    ] {
        let file = service.upload("innocent.png", bytes).await.unwrap();
        assert_eq!(file.content_type, "text/plain");
        assert_eq!(file.original_name, "innocent.png");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_have_places() {
    let kept = Kept::directory();
    let limits = Limits {
        uploads: 1,
        ..Limits::default()
    };
    let service = Service::start_with(&kept, limits).await;
    let first = service.begin("first").await;
    first.send_mib(2).await;
    let busy = service.upload("second", "x").await.unwrap_err();
    assert_eq!(busy.code(), Code::ResourceExhausted);
    first.finish().await.unwrap();
    service.upload("second", "x").await.unwrap();
}
