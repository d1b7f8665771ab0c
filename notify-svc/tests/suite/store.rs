//! The rules of a store, on both members of the pair.

use std::{collections::HashSet, sync::Arc};

use crate::support::{Fresh, notification};
use notify_svc::{
    Notification,
    store::{Insertion, Store},
};

on_both!(
    lists_newest_first,
    gives_back_what_was_stored,
    knows_a_source_on_every_replica,
    rows_without_a_source_are_never_repeats,
    marks_read_once_and_only_the_owners,
    deletes_only_the_owners_and_frees_the_source,
    trims_the_oldest_of_one_user,
    opens_an_existing_database,
);

async fn insert(store: &Arc<dyn Store>, notification: &Notification) {
    let inserted = store.insert(notification.clone(), None).await.unwrap();
    assert_eq!(inserted, Insertion::New(notification.clone()));
}

async fn ids(store: &Arc<dyn Store>, user_id: &str, unread_only: bool, limit: u32) -> Vec<u128> {
    let found = store.list(user_id, unread_only, limit).await.unwrap();
    let number = |n: &Notification| n.id.parse::<uuid::Uuid>().unwrap().as_u128();
    found.iter().map(number).collect()
}

async fn lists_newest_first(fresh: Fresh) {
    let (store, _alive) = fresh.store().await;
    // 2 and 4 were made in one millisecond: the higher id counts as newer.
    for (number, millis) in [(1, 3_000), (4, 2_000), (2, 2_000), (3, 1_000)] {
        insert(&store, &notification("alice", number, millis)).await;
    }
    insert(&store, &notification("bob", 9, 9_000)).await;
    assert_eq!(ids(&store, "alice", false, 50).await, [1, 4, 2, 3]);
    assert_eq!(ids(&store, "alice", false, 2).await, [1, 4]);
    store
        .mark_read(&notification("alice", 4, 0).id, None)
        .await
        .unwrap();
    assert_eq!(ids(&store, "alice", true, 2).await, [1, 2]);
    assert_eq!(ids(&store, "nobody", false, 50).await, [0; 0]);
}

async fn gives_back_what_was_stored(fresh: Fresh) {
    let (store, _alive) = fresh.store().await;
    // Before 1970, before 2000 (PostgreSQL's epoch) and after, each with milliseconds.
    for (number, millis) in [(1, -1), (2, 946_684_799_999), (3, 1_795_428_000_123)] {
        let stored = Notification {
            title: "“Ünï” 陳 👩‍👩‍👧 '; DROP TABLE notifications; --".to_owned(),
            body: "two\nlines\t\u{202E}".to_owned(),
            notif_type: "mention".to_owned(),
            room_id: Some("general".to_owned()),
            is_read: number == 2,
            ..notification("alice", number, millis)
        };
        insert(&store, &stored).await;
        assert_eq!(store.list("alice", false, 1).await.unwrap(), [stored]);
    }
    if fresh.is_postgres() {
        let sql::DatabaseUrl::Postgres(url) = &fresh.url else {
            unreachable!("it is PostgreSQL")
        };
        let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let select = "SELECT to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS'), pg_typeof(is_read)::text \
                      FROM notifications ORDER BY created_at DESC LIMIT 1";
        let row = client.query_one(select, &[]).await.unwrap();
        assert_eq!(
            row.get::<_, String>(0),
            "2026-11-23 10:00:00.123",
            "people can read it in psql"
        );
        assert_eq!(row.get::<_, String>(1), "boolean");
    }
}

async fn knows_a_source_on_every_replica(fresh: Fresh) {
    let replicas = [fresh.store().await, fresh.store().await];
    for source in ["mention:1:alice", "mention:2:alice", "mention:3:alice"] {
        let calls = (0..20_u128).map(|number| {
            let store = Arc::clone(&replicas[(number % 2) as usize].0);
            let one = notification("alice", uuid::Uuid::now_v7().as_u128(), 1_000);
            tokio::spawn(async move { store.insert(one, Some(source.to_owned())).await.unwrap() })
        });
        let mut first = Vec::new();
        let mut answers = HashSet::new();
        for call in calls.collect::<Vec<_>>() {
            match call.await.unwrap() {
                Insertion::New(stored) => {
                    answers.insert(stored.id.clone());
                    first.push(stored);
                }
                Insertion::Known(stored) => {
                    answers.insert(stored.id);
                }
            }
        }
        assert_eq!(first.len(), 1, "stored once");
        assert_eq!(answers.len(), 1, "everybody gets the first one's answer");
    }
    assert_eq!(replicas[0].0.unread_count("alice").await.unwrap(), 3);
}

async fn rows_without_a_source_are_never_repeats(fresh: Fresh) {
    let (store, _alive) = fresh.store().await;
    for number in 1..=3 {
        insert(&store, &notification("alice", number, 1_000)).await;
    }
    assert_eq!(ids(&store, "alice", false, 50).await, [3, 2, 1]);
}

async fn marks_read_once_and_only_the_owners(fresh: Fresh) {
    let (store, _alive) = fresh.store().await;
    for number in 1..=3 {
        insert(&store, &notification("alice", number, 1_000)).await;
    }
    insert(&store, &notification("bob", 4, 1_000)).await;
    let one = notification("alice", 1, 1_000);
    assert_eq!(store.mark_read(&one.id, Some("bob")).await.unwrap(), None);
    assert_eq!(store.unread_count("alice").await.unwrap(), 3);
    let read = Notification {
        is_read: true,
        ..one.clone()
    };
    for owner in [Some("alice"), Some("alice"), None] {
        assert_eq!(store.mark_read(&one.id, owner).await.unwrap(), Some(read.clone()));
    }
    let nobodys = notification("alice", 7, 0).id;
    assert_eq!(store.mark_read(&nobodys, None).await.unwrap(), None);
    assert_eq!(store.unread_count("alice").await.unwrap(), 2);
    assert_eq!(store.mark_all_read("alice").await.unwrap(), 2);
    assert_eq!(store.mark_all_read("alice").await.unwrap(), 0);
    assert_eq!(store.unread_count("alice").await.unwrap(), 0);
    assert_eq!(store.unread_count("bob").await.unwrap(), 1);
}

async fn deletes_only_the_owners_and_frees_the_source(fresh: Fresh) {
    let (store, _alive) = fresh.store().await;
    let one = notification("alice", 1, 1_000);
    let source = Some("greeting".to_owned());
    store.insert(one.clone(), source.clone()).await.unwrap();
    assert!(!store.delete(&one.id, Some("bob")).await.unwrap());
    assert!(store.delete(&one.id, Some("alice")).await.unwrap());
    assert!(!store.delete(&one.id, None).await.unwrap());
    let again = store.insert(one.clone(), source).await.unwrap();
    assert_eq!(again, Insertion::New(one.clone()));
    assert!(store.delete(&one.id, None).await.unwrap());
}

async fn trims_the_oldest_of_one_user(fresh: Fresh) {
    let (store, _alive) = fresh.store().await;
    // More than one statement trims.
    for number in 0..1_100 {
        insert(&store, &notification("alice", number, 1_000)).await;
    }
    insert(&store, &notification("bob", 2_000, 1)).await;
    assert_eq!(store.trim("alice", 10).await.unwrap(), 1_090);
    let newest: Vec<u128> = (1_090..1_100).rev().collect();
    assert_eq!(ids(&store, "alice", false, 50).await, newest);
    assert_eq!(store.trim("alice", 10).await.unwrap(), 0);
    assert_eq!(store.trim("nobody", 10).await.unwrap(), 0);
    assert_eq!(ids(&store, "bob", false, 50).await, [2_000]);
}

async fn opens_an_existing_database(fresh: Fresh) {
    let (store, shutdown) = fresh.store().await;
    insert(&store, &notification("alice", 1, 1_000)).await;
    drop(store);
    shutdown.finish().await;
    let (store, _alive) = fresh.store().await;
    assert_eq!(ids(&store, "alice", false, 50).await, [1]);
}
