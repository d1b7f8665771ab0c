//! Both object stores, by the rules of their trait.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use files_svc::objects::{self, Error, Key, ObjectStore};
use futures_util::TryStreamExt as _;

use crate::setup::{Kept, on_both_stores, pattern};

on_both_stores!(
    an_object_is_there_once_it_is_whole,
    ranges_are_exact,
    removing_leaves_nothing_at_any_point,
    parts_leave_memory_as_they_come,
    objects_are_listed_by_their_age,
    a_missing_bucket_or_folder_is_made_again,
);

async fn store(kept: &Kept) -> Arc<dyn ObjectStore> {
    let store = objects::open(&kept.place()).unwrap();
    store.check().await.unwrap();
    store
}

async fn put(store: &dyn ObjectStore, bytes: &[u8]) -> Key {
    let key = Key::make();
    let mut object = store.write(key);
    for piece in bytes.chunks(1 << 20) {
        object.write(Bytes::copy_from_slice(piece)).await.unwrap();
    }
    object.finish().await.unwrap();
    key
}

async fn get(store: &dyn ObjectStore, key: Key, offset: u64, length: u64) -> Result<Vec<u8>, Error> {
    let pieces = store.read(key, offset, length).await?;
    pieces
        .try_fold(Vec::new(), |mut all, piece| async move {
            all.extend_from_slice(&piece);
            Ok(all)
        })
        .await
}

async fn an_object_is_there_once_it_is_whole(kept: Arc<Kept>) {
    let store = store(&kept).await;
    let key = Key::make();
    let mut object = store.write(key);
    object.write(Bytes::from_static(b"hello ")).await.unwrap();
    object.write(Bytes::from_static(b"world")).await.unwrap();
    assert!(matches!(get(&*store, key, 0, 1).await, Err(Error::Missing)));
    assert_eq!(kept.objects().len(), 0);
    object.finish().await.unwrap();
    assert_eq!(get(&*store, key, 0, 11).await.unwrap(), b"hello world");
    store.delete(key).await.unwrap();
    store.delete(key).await.unwrap();
    assert!(matches!(get(&*store, key, 0, 1).await, Err(Error::Missing)));
    kept.holds(0).await;
}

async fn ranges_are_exact(kept: Arc<Kept>) {
    let store = store(&kept).await;
    let bytes = pattern(300_000);
    let key = put(&*store, &bytes).await;
    for (offset, length) in [(0, 300_000), (0, 1), (299_999, 1), (65_535, 65_538)] {
        let got = get(&*store, key, offset, length).await.unwrap();
        let at = usize::try_from(offset).unwrap();
        assert_eq!(
            got,
            bytes[at..][..usize::try_from(length).unwrap()],
            "{offset} {length}"
        );
    }
    assert!(matches!(get(&*store, key, 300_000, 1).await, Err(Error::Missing)));
}

async fn removing_leaves_nothing_at_any_point(kept: Arc<Kept>) {
    let store = store(&kept).await;
    for mib in [0, 1, 9] {
        for finish in [false, true] {
            let mut object = store.write(Key::make());
            for _ in 0..mib {
                object.write(pattern(1 << 20).into()).await.unwrap();
            }
            if finish {
                object.finish().await.unwrap();
                assert_eq!(kept.objects().len(), 1);
            }
            object.remove().await.unwrap();
            object.remove().await.unwrap();
            kept.holds(0).await;
        }
    }
}

async fn parts_leave_memory_as_they_come(kept: Arc<Kept>) {
    let store = store(&kept).await;
    let bytes = pattern(20 << 20);
    let key = Key::make();
    let mut object = store.write(key);
    let mut least_outside = u64::MAX;
    for (at, piece) in bytes.chunks(1 << 20).enumerate() {
        object.write(Bytes::copy_from_slice(piece)).await.unwrap();
        let outside: u64 = kept
            .unfinished()
            .iter()
            .map(|file| file.metadata().unwrap().len())
            .sum();
        // Whatever its size, never more than a part of 8 MiB is held back (a file's last write is on its way).
        let taken = (at as u64 + 1) << 20;
        assert!(
            outside + (9 << 20) > taken,
            "{outside} of {taken} have left memory"
        );
        least_outside = least_outside.min(outside);
    }
    object.finish().await.unwrap();
    assert!(least_outside < 2 << 20, "the check looked at the whole way");
    assert!(get(&*store, key, 0, 20 << 20).await.unwrap() == bytes);
    kept.holds(1).await;
}

async fn objects_are_listed_by_their_age(kept: Arc<Kept>) {
    let store = store(&kept).await;
    let mut keys = Vec::new();
    for _ in 0..5 {
        keys.push(put(&*store, b"x").await);
    }
    keys.sort();
    // Somebody else's file beside ours.
    std::fs::write(kept.objects()[0].with_file_name("README"), "not ours").unwrap();
    let listed = async |before: SystemTime| {
        let (mut found, mut from) = (Vec::new(), None);
        loop {
            let page = store.older_than(before, from).await.unwrap();
            found.extend(page.keys);
            from = page.next;
            if from.is_none() {
                found.sort();
                return found;
            }
        }
    };
    let minute = Duration::from_mins(1);
    assert_eq!(listed(SystemTime::now() + minute).await, keys);
    assert_eq!(listed(SystemTime::now() - minute).await, []);
}

async fn a_missing_bucket_or_folder_is_made_again(kept: Arc<Kept>) {
    let store = store(&kept).await;
    put(&*store, b"x").await;
    let folder = match &kept.s3 {
        Some(server) => server.root().join(crate::setup::BUCKET),
        None => kept.objects()[0].parent().unwrap().parent().unwrap().to_owned(),
    };
    std::fs::remove_dir_all(&folder).unwrap();
    let small = put(&*store, b"small").await;
    assert_eq!(get(&*store, small, 0, 5).await.unwrap(), b"small");
    std::fs::remove_dir_all(&folder).unwrap();
    store.check().await.unwrap();
    assert!(folder.exists());
    let page = store.older_than(SystemTime::now(), None).await.unwrap();
    assert!(page.keys.is_empty());
}
