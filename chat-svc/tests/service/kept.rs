//! Rooms that have messages, against whoever works on PostgreSQL by hand; and how that came into databases in use.

use futures_util::future::join_all;
use proto::chat::CreateRoomRequest;
use tonic::Code;

use crate::support::{Store, assert_gapless, message};

const RENAME: &str = "UPDATE rooms SET id = 'elsewhere' WHERE id = 'general'";
const REMOVE: &str = "DELETE FROM rooms WHERE id = 'general'";

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
    for by_hand in [RENAME, REMOVE, "TRUNCATE rooms"] {
        let refused = client.batch_execute(by_hand).await.unwrap_err();
        let refused = refused.as_db_error().unwrap();
        assert!(["23503", "0A000"].contains(&refused.code().code()), "{refused}");
    }
    let refused = client.batch_execute(REMOVE).await.unwrap_err();
    let refused = refused.as_db_error().unwrap();
    assert_eq!(refused.message(), "room \"general\" has messages");
    assert_eq!(service.say("general", "alice", "still here").await.seq, 2);

    let removed = "DELETE FROM rooms WHERE id = 'random'";
    assert_eq!(client.execute(removed, &[]).await.unwrap(), 1);
    let sent = service.send(message("random", "alice", "lost?")).await;
    assert_eq!(sent.unwrap_err().code(), Code::NotFound);
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
    let waits = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query = $1";
    let watching = database.client().await;
    let waiting = async || !watching.query(waits, &[&REMOVE]).await.unwrap().is_empty();
    test_support::wait::until(test_support::wait::SOON, "the removal waits", waiting).await;
    storing.batch_execute("COMMIT").await.unwrap();
    let refused = removed.await.unwrap().unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "23503");
    assert_eq!(service.say("general", "alice", "next").await.seq, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_in_use_is_migrated_unnoticed() {
    let store = Store::postgres().await;
    let before = store.service().await;
    let client = store.database.clone().unwrap().client().await;
    // As the first version left it.
    client
        .batch_execute(concat!(
            include_str!("../../migrations/postgres/0002_rooms_kept/down.sql"),
            "DELETE FROM __diesel_schema_migrations WHERE version = '0002'"
        ))
        .await
        .unwrap();
    let room = CreateRoomRequest {
        id: "lunch".to_owned(),
        name: "Lunch".to_owned(),
        ..Default::default()
    };
    before.chat.clone().create_room(room).await.unwrap();
    let sends = (0..200).map(|n| {
        let service = &before;
        async move {
            service
                .send(message("lunch", "alice", &n.to_string()))
                .await
                .unwrap()
                .seq
        }
    });
    let (seqs, after) = tokio::join!(join_all(sends), store.service());
    assert_gapless(seqs);
    assert_eq!(after.say("lunch", "bob", "new").await.seq, 201);
    assert_eq!(before.say("lunch", "alice", "old").await.seq, 202);
    let refused = client.batch_execute("DELETE FROM rooms WHERE id = 'lunch'").await;
    assert_eq!(refused.unwrap_err().code().unwrap().code(), "23503");
}
