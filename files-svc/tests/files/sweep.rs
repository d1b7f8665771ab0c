//! What a killed process leaves is removed, and nothing else is.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use files_svc::{
    Limits,
    objects::{self, Key},
};
use test_support::{postgres, wait};

use crate::setup::{Kept, Service, on_both_stores};

on_both_stores!(old_leftovers_are_removed, fresh_ones_are_not);

fn every_moment(sweep_age: Duration) -> Limits {
    Limits {
        sweep_age,
        sweep_doubt: Duration::ZERO,
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

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_row_comes_after_the_sweep_has_seen_it_stays() {
    let database = postgres::database().await;
    let kept = Kept::postgres(database.clone());
    // To a clock that is ahead everything is old.
    let limits = Limits {
        sweep_doubt: Duration::from_secs(5),
        ..every_moment(Duration::ZERO)
    };
    let service = Service::start_with(&kept, limits).await;
    let slow = database.client().await;
    slow.batch_execute("BEGIN; LOCK TABLE files IN SHARE MODE")
        .await
        .unwrap();
    let uploading = async { service.upload("a.txt", "hello").await };
    let sweeping = async {
        let whole = async || kept.objects().len() == 1;
        wait::until(wait::SOON, "the object is whole", whole).await;
        // Many rounds of the sweep.
        slow.batch_execute("SELECT pg_sleep(0.5); COMMIT").await.unwrap();
    };
    let (file, ()) = tokio::join!(uploading, sweeping);
    let file = file.unwrap();
    assert_eq!(service.download(&file.id, 0, None).await.unwrap().1, b"hello");
}
