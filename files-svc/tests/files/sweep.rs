//! What a killed process leaves is removed, and nothing else is.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use files_svc::{
    Limits,
    objects::{self, Key},
};
use test_support::wait;

use crate::setup::{Kept, Service, on_both_stores};

on_both_stores!(old_leftovers_are_removed, fresh_ones_are_not);

fn every_moment(sweep_age: Duration) -> Limits {
    Limits {
        sweep_age,
        sweep_every: Duration::from_millis(20),
        ..Limits::default()
    }
}

async fn leave_an_object(kept: &Kept) {
    let store = objects::open(&kept.place()).unwrap();
    store.check().await.unwrap();
    let mut object = store.write(Key::make());
    object
        .write(Bytes::from_static(b"an object without a row"))
        .await
        .unwrap();
    object.finish().await.unwrap();
}

async fn old_leftovers_are_removed(kept: Arc<Kept>) {
    let service = Service::start(&kept).await;
    let file = service.upload("a.txt", "hello").await.unwrap();
    service.stop().await;
    leave_an_object(&kept).await;
    assert_eq!(kept.objects().len(), 2);
    if kept.s3.is_none() {
        let folder = kept.objects()[0]
            .parent()
            .unwrap()
            .parent()
            .unwrap()
            .join("unfinished");
        std::fs::write(folder.join(Key::make().to_string()), "half").unwrap();
        assert_eq!(kept.unfinished().len(), 1);
    }
    let service = Service::start_with(&kept, every_moment(Duration::ZERO)).await;
    kept.holds(1).await;
    assert_eq!(service.download(&file.id, 0, None).await.unwrap().1, b"hello");
}

async fn fresh_ones_are_not(kept: Arc<Kept>) {
    leave_an_object(&kept).await;
    let service = Service::start_with(&kept, every_moment(Duration::from_hours(1))).await;
    let upload = service.begin("half").await;
    upload.send_mib(9).await;
    wait::until(wait::SOON, "the upload has reached the store", async || {
        !kept.unfinished().is_empty()
    })
    .await;
    // Many rounds pass meanwhile.
    for _ in 0..20 {
        service.upload("a.txt", "hello").await.unwrap();
    }
    assert_eq!(kept.objects().len(), 21);
    upload.finish().await.unwrap();
    kept.holds(22).await;
}
