//! The rules of the store, for both members of the pair.
#![expect(clippy::unwrap_used, reason = "a test stops at whatever fails")]

mod support;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use presence_svc::store::{
    Beat, Change, Lifetimes, MemoryStore, Online, RedisStore, SWEEP_MAX, Store, Swept, Typist, User,
};
use proto::time;
use runtime::Shutdown;
use support::{LONG, SHORT, lifetimes};
use test_support::{redis::Server, wait};

/// A store with what it stands on.
struct Rig {
    store: Arc<dyn Store>,
    redis: Option<Server>,
}

impl Rig {
    async fn memory(lifetimes: Lifetimes) -> Self {
        std::future::ready(Self {
            store: Arc::new(MemoryStore::new(lifetimes)),
            redis: None,
        })
        .await
    }

    async fn redis(lifetimes: Lifetimes) -> Self {
        let server = Server::start_new().await;
        let store = on(&server, lifetimes).await;
        Self {
            store,
            redis: Some(server),
        }
    }
}

async fn on(server: &Server, lifetimes: Lifetimes) -> Arc<dyn Store> {
    let store = RedisStore::connect(&server.url().parse().unwrap(), lifetimes, &Shutdown::new());
    wait::until(wait::SOON, "the store connects", async || {
        store.ping().await.is_ok()
    })
    .await;
    Arc::new(store)
}

macro_rules! both {
    ($($test:ident($lifetimes:expr)),+ $(,)?) => {
        mod memory {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() { super::$test(Rig::memory($lifetimes).await).await; })+
        }
        mod redis {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() { super::$test(Rig::redis($lifetimes).await).await; })+
        }
    };
}

both!(
    a_change_is_reported_once(lifetimes(LONG, LONG)),
    a_user_twice_in_one_call_counts_once(lifetimes(LONG, LONG)),
    who_is_online_is_listed_by_id(lifetimes(LONG, LONG)),
    what_expires_is_swept_with_all_that_is_known(lifetimes(SHORT, SHORT)),
    a_sweep_is_bounded_and_misses_nobody(lifetimes(SHORT, LONG)),
    a_renewal_keeps_what_would_expire(lifetimes(Duration::from_secs(1), LONG)),
    typing_is_kept_per_room(lifetimes(LONG, LONG)),
    a_run_after_an_expired_one_is_listed_again(lifetimes(LONG, SHORT)),
    many_at_once_find_each_change_once(lifetimes(LONG, LONG)),
);

fn user(id: &str) -> User {
    User {
        id: id.to_owned(),
        name: id.to_uppercase(),
    }
}

fn beat(id: &str, rooms: &[&str]) -> Beat {
    Beat {
        user: user(id),
        rooms: rooms.iter().map(|&room| room.to_owned()).collect(),
        at: time::now(),
    }
}

fn change(id: &str, rooms: &[&str]) -> Change {
    let Beat { user, rooms, .. } = beat(id, rooms);
    Change { user, rooms }
}

fn typist(room_id: &str, id: &str) -> Typist {
    Typist {
        user: user(id),
        room_id: room_id.to_owned(),
    }
}

async fn a_change_is_reported_once(rig: Rig) {
    let store = rig.store;
    let first = store.beat(vec![beat("alice", &["a", "b"])]).await.unwrap();
    assert_eq!(first, [change("alice", &["a", "b"])]);
    assert_eq!(store.beat(vec![beat("alice", &[])]).await.unwrap(), []);
    assert_eq!(
        store.present(&["alice", "bob"]).await.unwrap(),
        HashSet::from(["alice".to_owned()])
    );
    let gone = store.leave("alice").await.unwrap();
    assert_eq!(
        gone,
        Some(change("alice", &["a", "b"])),
        "rooms are kept by a beat without any"
    );
    assert_eq!(store.leave("alice").await.unwrap(), None);
    assert_eq!(store.user("alice").await.unwrap(), None);
    let again = store.beat(vec![beat("alice", &[])]).await.unwrap();
    assert_eq!(again, [change("alice", &[])], "and forgotten with the presence");
    assert_eq!(store.sweep().await.unwrap(), Swept::default());
}

async fn a_user_twice_in_one_call_counts_once(rig: Rig) {
    let store = rig.store;
    let mut renamed = beat("alice", &["b"]);
    "Alice".clone_into(&mut renamed.user.name);
    let came = store
        .beat(vec![beat("alice", &["a"]), renamed, beat("bob", &[])])
        .await
        .unwrap();
    assert_eq!(came.iter().filter(|change| change.user.id == "alice").count(), 1);
    assert_eq!(came.len(), 2);
    let gone = store.leave("alice").await.unwrap().unwrap();
    assert_eq!(
        (gone.user.name.as_str(), gone.rooms),
        ("Alice", vec!["b".to_owned()])
    );
    assert_eq!(store.beat(Vec::new()).await.unwrap(), []);
}

async fn who_is_online_is_listed_by_id(rig: Rig) {
    let store = rig.store;
    let ids: Vec<String> = (0..1200).map(|user| format!("user-{:04}", 1199 - user)).collect();
    let beats: Vec<Beat> = ids.iter().map(|id| beat(id, &["general"])).collect();
    let at = beats[7].at;
    assert_eq!(store.beat(beats).await.unwrap().len(), 1200);
    let online = store.online().await.unwrap();
    assert_eq!(online.len(), 1200);
    assert!(online.is_sorted_by(|one, other| one.user.id < other.user.id));
    let expected = Online {
        user: user(&ids[7]),
        last_seen: at,
    };
    assert_eq!(store.user(&ids[7]).await.unwrap(), Some(expected));
}

async fn what_expires_is_swept_with_all_that_is_known(rig: Rig) {
    let store = rig.store;
    store.beat(vec![beat("alice", &["a"])]).await.unwrap();
    store.start_typing(&typist("a", "alice")).await.unwrap();
    let mut swept = Swept::default();
    wait::until(wait::SOON, "both expire", async || {
        let Swept { gone, stopped } = store.sweep().await.unwrap();
        swept.gone.extend(gone);
        swept.stopped.extend(stopped);
        !swept.gone.is_empty() && !swept.stopped.is_empty()
    })
    .await;
    assert_eq!(swept.gone, [change("alice", &["a"])]);
    assert_eq!(swept.stopped, [typist("a", "alice")]);
    assert_eq!(store.sweep().await.unwrap(), Swept::default());
    assert_eq!(store.online().await.unwrap(), []);
    assert_eq!(store.typing("a").await.unwrap(), []);
    assert_eq!(store.stop_typing("a", "alice").await.unwrap(), None);
    let again = store.beat(vec![beat("alice", &[])]).await.unwrap();
    assert_eq!(again, [change("alice", &[])]);
}

async fn a_sweep_is_bounded_and_misses_nobody(rig: Rig) {
    let store = rig.store;
    let count = SWEEP_MAX * 2 + 100;
    let beats = (0..count)
        .map(|user| beat(&format!("user-{user}"), &[]))
        .collect();
    store.beat(beats).await.unwrap();
    let mut gone = HashSet::new();
    wait::until(wait::SOON, "all expire", async || {
        let swept = store.sweep().await.unwrap();
        assert!(swept.gone.len() <= SWEEP_MAX);
        for change in swept.gone {
            assert!(gone.insert(change.user.id), "swept twice");
        }
        gone.len() == count
    })
    .await;
}

async fn a_renewal_keeps_what_would_expire(rig: Rig) {
    let store = rig.store;
    store
        .beat(vec![beat("alice", &[]), beat("idle", &[])])
        .await
        .unwrap();
    // Alice beats until the other has expired, and so for longer than her first beat lasts.
    wait::until(wait::SOON, "the idle user expires", async || {
        assert_eq!(store.beat(vec![beat("alice", &[])]).await.unwrap(), []);
        store.user("idle").await.unwrap().is_none()
    })
    .await;
    assert!(store.user("alice").await.unwrap().is_some());
    let swept = store.sweep().await.unwrap();
    assert_eq!(swept.gone, [change("idle", &[])]);
}

async fn typing_is_kept_per_room(rig: Rig) {
    let store = rig.store;
    for (room, id) in [("a", "bob"), ("a", "alice"), ("a", "alice"), ("b", "alice")] {
        store.start_typing(&typist(room, id)).await.unwrap();
    }
    assert_eq!(store.typing("a").await.unwrap(), [user("alice"), user("bob")]);
    assert_eq!(
        store.stop_typing("a", "alice").await.unwrap(),
        Some(typist("a", "alice"))
    );
    assert_eq!(store.stop_typing("a", "alice").await.unwrap(), None);
    assert_eq!(store.typing("a").await.unwrap(), [user("bob")]);
    assert_eq!(store.typing("b").await.unwrap(), [user("alice")]);
    store.start_typing(&typist("a", "alice")).await.unwrap();
}

async fn a_run_after_an_expired_one_is_listed_again(rig: Rig) {
    let store = rig.store;
    store.start_typing(&typist("a", "alice")).await.unwrap();
    wait::until(wait::SOON, "the run expires", async || {
        store.typing("a").await.unwrap().is_empty()
    })
    .await;
    // Nobody has swept, but everybody has forgotten.
    store.start_typing(&typist("a", "alice")).await.unwrap();
    assert_eq!(store.typing("a").await.unwrap(), [user("alice")]);
}

async fn many_at_once_find_each_change_once(rig: Rig) {
    let found = Arc::new(Mutex::new(Vec::new()));
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (store, found) = (Arc::clone(&rig.store), Arc::clone(&found));
            tokio::spawn(async move {
                let came = store.beat((0..20).map(|user| beat(&format!("u{user}"), &[])).collect());
                let came = came.await.unwrap();
                found
                    .lock()
                    .unwrap()
                    .extend(came.into_iter().map(|change| change.user.id));
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let mut found = std::mem::take(&mut *found.lock().unwrap());
    found.sort();
    let count = found.len();
    found.dedup();
    assert_eq!((found.len(), count), (20, 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_stores_on_one_redis_share_everything_and_sweep_each_user_once() {
    let rig = Rig::redis(lifetimes(SHORT, SHORT)).await;
    let other = on(rig.redis.as_ref().unwrap(), lifetimes(SHORT, SHORT)).await;
    let beats = (0..300).map(|user| beat(&format!("u{user}"), &[])).collect();
    rig.store.beat(beats).await.unwrap();
    let mut gone = Vec::new();
    wait::until(wait::SOON, "all are swept", async || {
        let (one, two) = tokio::join!(rig.store.sweep(), other.sweep());
        gone.extend(one.unwrap().gone);
        gone.extend(two.unwrap().gone);
        gone.len() >= 300
    })
    .await;
    let distinct: HashSet<&str> = gone.iter().map(|change| change.user.id.as_str()).collect();
    assert_eq!((distinct.len(), gone.len()), (300, 300));
    assert_eq!(other.sweep().await.unwrap(), Swept::default());
}

#[tokio::test]
async fn in_process_everything_goes_by_the_given_clock() {
    let now = Arc::new(Mutex::new(Duration::ZERO));
    let clock = Arc::clone(&now);
    let store = MemoryStore::with_clock(Lifetimes::default(), Arc::new(move || *clock.lock().unwrap()));
    let at = |seconds| *now.lock().unwrap() = Duration::from_secs(seconds);
    store.beat(vec![beat("alice", &[])]).await.unwrap();
    store.start_typing(&typist("a", "alice")).await.unwrap();
    at(4);
    store.start_typing(&typist("a", "alice")).await.unwrap();
    assert_eq!(store.typing("a").await.unwrap().len(), 1);
    at(9);
    assert_eq!(store.typing("a").await.unwrap(), []);
    store.start_typing(&typist("a", "alice")).await.unwrap();
    at(29);
    assert!(store.user("alice").await.unwrap().is_some());
    at(30);
    assert_eq!(store.user("alice").await.unwrap(), None);
    assert_eq!(store.online().await.unwrap(), []);
    // Nobody was told yet: this beat is no news.
    assert_eq!(store.beat(vec![beat("alice", &[])]).await.unwrap(), []);
    at(60);
    assert_eq!(store.sweep().await.unwrap().gone, [change("alice", &[])]);
}
