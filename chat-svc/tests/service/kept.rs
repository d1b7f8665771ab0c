//! Rooms that have messages, against whoever works on PostgreSQL by hand; and how that came into databases in use.

use std::cell::Cell;

use futures_util::future::join_all;
use test_support::{postgres::Client, wait};
use tonic::Code;

use crate::support::{Store, assert_gapless, message};

const RENAME: &str = "UPDATE rooms SET id = 'elsewhere' WHERE id = 'general'";
const REMOVE: &str = "DELETE FROM rooms WHERE id = 'general'";
/// What the trigger says, and a foreign key would not.
const KEPT: &str = "room \"general\" has messages";

#[tokio::test(flavor = "multi_thread")]
async fn in_one_table() {
    a_room_with_messages_is_kept(Store::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_partitions() {
    a_room_with_messages_is_kept(Store::partitioned().await).await;
}

async fn a_room_with_messages_is_kept(store: Store) {
    let service = store.service().await;
    let client = store.database.clone().unwrap().client().await;
    service.say("general", "alice", "hello").await;
    for (by_hand, why) in [
        (RENAME, KEPT),
        (REMOVE, KEPT),
        ("TRUNCATE rooms CASCADE", "there are rooms that have messages"),
    ] {
        assert_eq!(objection(&client, by_hand).await, why);
    }
    assert_eq!(service.say("general", "alice", "still here").await.seq, 2);

    let removed = "DELETE FROM rooms WHERE id = 'random'";
    assert_eq!(client.execute(removed, &[]).await.unwrap(), 1);
    let sent = service.send(message("random", "alice", "lost?")).await;
    assert_eq!(sent.unwrap_err().code(), Code::NotFound);
}

/// What PostgreSQL says against a statement that would break a key.
async fn objection(client: &Client, statement: &str) -> String {
    let refused = client.batch_execute(statement).await.unwrap_err();
    let refused = refused.as_db_error().unwrap();
    assert_eq!(refused.code().code(), "23503", "{refused}");
    refused.message().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_on_its_way_keeps_its_room() {
    let store = Store::postgres().await;
    let service = store.service().await;
    let database = store.database.clone().unwrap();
    let (storing, removing) = (database.client().await, database.client().await);
    // As a commit does it.
    storing
        .batch_execute(
            "BEGIN; UPDATE rooms SET last_seq = 1 WHERE id = 'general'; \
             INSERT INTO messages (id, room_id, user_id, username, content, seq, change_seq) \
             VALUES ('x', 'general', 'u', 'u', 'c', 1, 1)",
        )
        .await
        .unwrap();
    let removed = tokio::spawn(async move { removing.batch_execute(REMOVE).await });
    store.until_locked_out(wait::SOON, REMOVE).await;
    storing.batch_execute("COMMIT").await.unwrap();
    let refused = removed.await.unwrap().unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "23503");
    assert_eq!(service.say("general", "alice", "next").await.seq, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_in_use_is_migrated_unnoticed() {
    let store = Store::postgres().await;
    let before = store.service().await;
    let client = first_version(&store).await;
    let migrated = Cell::new(false);
    let talk = join_all(["alice", "bob", "carol"].map(|user| {
        let (before, migrated) = (&before, &migrated);
        async move {
            let mut seqs = Vec::new();
            while !migrated.get() {
                seqs.push(before.say("general", user, "hello").await.seq);
            }
            seqs
        }
    }));
    let starting = async {
        let after = store.service().await;
        migrated.set(true);
        after
    };
    let (seqs, after) = tokio::join!(talk, starting);
    let seqs: Vec<u64> = seqs.into_iter().flatten().collect();
    let last = seqs.len() as u64;
    assert_gapless(seqs);
    assert_eq!(after.say("general", "bob", "new").await.seq, last + 1);
    assert_eq!(before.say("general", "alice", "old").await.seq, last + 2);
    assert_eq!(objection(&client, REMOVE).await, KEPT);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_waits_for_a_backup_lets_sends_through() {
    let store = Store::postgres().await;
    let before = store.service().await;
    let client = first_version(&store).await;
    let backup = store.database.clone().unwrap().client().await;
    backup
        .batch_execute("BEGIN; LOCK TABLE messages IN ACCESS SHARE MODE")
        .await
        .unwrap();
    let beside = async {
        store.until_locked_out(wait::START, "%FUNCTION keep_room%").await;
        assert_eq!(before.say("general", "alice", "beside").await.seq, 1);
        backup.batch_execute("COMMIT").await.unwrap();
    };
    let (after, ()) = tokio::join!(store.service(), beside);
    assert_eq!(after.say("general", "alice", "behind").await.seq, 2);
    assert_eq!(objection(&client, REMOVE).await, KEPT);
}

/// Makes the database as the first version left it; a client of it.
async fn first_version(store: &Store) -> Client {
    let client = store.database.clone().unwrap().client().await;
    let before = concat!(
        include_str!("../../migrations/postgres/0002_rooms_kept/down.sql"),
        "DELETE FROM __diesel_schema_migrations WHERE version = '0002'"
    );
    client.batch_execute(before).await.unwrap();
    client
}
