//! Cutting the messages of a database in use into partitions.

use std::process::{Command, Output, Stdio};

use chat_svc::store::Partitioned;
use futures_util::future::join_all;
use proto::chat::{EditMessageRequest, HeadsRequest};
use test_support::{postgres::Database, wait};

use crate::support::{Service, Store, assert_gapless, message, named};

/// Everything that callers can read of a room, as one text.
async fn read(service: &Service, room: &str) -> String {
    let (history, changes) = (service.history(room).await, service.changes(room, 0, 7).await);
    let heads = HeadsRequest {
        room_ids: vec![room.to_owned()],
    };
    let heads = service.chat.clone().heads(heads).await.unwrap().into_inner();
    format!("{history:?} {changes:?} {heads:?}")
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_find_what_they_left() {
    let store = Store::postgres().await;
    // It keeps its connections, and what it has prepared on them.
    let service = store.service().await;
    for n in 0..20 {
        service.say("general", "alice", &format!("{n} @bob")).await;
        service.say("random", "bob", &n.to_string()).await;
    }
    let first = service.send(named("general", "alice", "once")).await.unwrap();
    let edit = |content: &str| EditMessageRequest {
        room_id: "general".to_owned(),
        message_id: first.id.clone(),
        user_id: "alice".to_owned(),
        content: content.to_owned(),
    };
    service.chat.clone().edit_message(edit("before")).await.unwrap();
    let before = (read(&service, "general").await, read(&service, "random").await);

    let mut told = Vec::new();
    let direct = store.direct().await;
    let done = direct
        .partition_messages(5, |step| told.push(step.to_string()))
        .await;
    assert_eq!(done.unwrap(), Partitioned::Now { messages: 41 });
    assert_eq!(told[..2], ["messages is locked: 41 rows", "copied 41 of 41 rows"]);
    assert_eq!(told.last().unwrap(), "committing");

    assert_eq!(read(&service, "general").await, before.0);
    assert_eq!(read(&service, "random").await, before.1);
    let again = service.send(named("general", "alice", "once")).await.unwrap();
    assert_eq!((again.id, again.seq), (first.id.clone(), first.seq));
    service.chat.clone().edit_message(edit("after")).await.unwrap();
    assert_eq!(service.say("general", "bob", "next").await.seq, 24);
    let newest = service.history("general").await.pop().unwrap();
    assert_eq!(newest.content, "next");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_indexes_and_privileges_are_kept() {
    let store = Store::postgres().await;
    let client = store.database.clone().unwrap().client().await;
    store.direct().await;
    // As a later migration, and an operator, might add it.
    client
        .batch_execute(
            "CREATE INDEX messages_by_age ON messages (created_at) WHERE deleted_at IS NULL; \
             ALTER TABLE messages ADD CONSTRAINT of_a_room FOREIGN KEY (room_id) REFERENCES rooms (id); CREATE ROLE \"Reader\"; \
             GRANT SELECT ON messages TO \"Reader\" WITH GRANT OPTION; GRANT TRIGGER ON messages TO \"Reader\"",
        )
        .await
        .unwrap();
    store.direct().await.partition_messages(3, |_| ()).await.unwrap();
    let query = "SELECT replace(replace(pg_get_indexdef(indexrelid), 'public.', ''), 'USING btree ', '') \
                 FROM pg_index WHERE indrelid = 'messages'::regclass ORDER BY 1";
    let indexes: Vec<String> = client
        .query(query, &[])
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    let expected = [
        "CREATE INDEX messages_by_age ON ONLY messages (created_at) WHERE (deleted_at IS NULL)",
        "CREATE INDEX messages_id_idx ON ONLY messages (id)",
        "CREATE UNIQUE INDEX messages_by_change ON ONLY messages (room_id, change_seq)",
        "CREATE UNIQUE INDEX messages_by_seq ON ONLY messages (room_id, seq)",
        "CREATE UNIQUE INDEX messages_once ON ONLY messages (room_id, user_id, client_msg_id)",
        "CREATE UNIQUE INDEX messages_pkey ON ONLY messages (room_id, id)",
    ];
    assert_eq!(indexes, expected);
    let query = "SELECT privilege_type || CASE WHEN is_grantable THEN ' on' ELSE '' END FROM pg_class, aclexplode(relacl) \
                 WHERE pg_class.oid = 'messages'::regclass AND grantee = '\"Reader\"'::regrole ORDER BY 1";
    let privileges = client.query(query, &[]).await.unwrap();
    let privileges: Vec<String> = privileges.iter().map(|row| row.get(0)).collect();
    assert_eq!(privileges, ["SELECT on", "TRIGGER"]);
    let nowhere = client
        .batch_execute(
            "INSERT INTO messages (id, room_id, user_id, username, content, seq, change_seq) \
             VALUES ('x', 'nowhere', 'u', 'u', 'c', 1, 1)",
        )
        .await;
    let refused = nowhere.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "23503", "a foreign key");
    // A later migration has a table like any other before it, and all can be taken down.
    client
        .batch_execute("ALTER TABLE messages ADD COLUMN pinned_at TIMESTAMPTZ")
        .await
        .unwrap();
    store.direct().await;
    client
        .batch_execute("ALTER TABLE messages DROP CONSTRAINT of_a_room")
        .await
        .unwrap();
    client
        .batch_execute(concat!(
            include_str!("../../migrations/postgres/0002_rooms_kept/down.sql"),
            include_str!("../../migrations/postgres/0001_chat/down.sql")
        ))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_fails_changes_nothing() {
    let store = Store::postgres().await;
    let service = store.service().await;
    service.say("general", "alice", "kept").await;
    let client = store.database.clone().unwrap().client().await;
    // In the way of the second partition.
    client
        .batch_execute("CREATE TABLE messages_1 (n INT)")
        .await
        .unwrap();
    let failed = store.direct().await.partition_messages(3, |_| ()).await;
    assert!(failed.unwrap_err().to_string().contains("messages_1"));
    assert_eq!(service.say("general", "alice", "next").await.seq, 2);
    client.batch_execute("DROP TABLE messages_1").await.unwrap();
    let done = store.direct().await.partition_messages(3, |_| ()).await.unwrap();
    assert_eq!(done, Partitioned::Now { messages: 2 });
}

#[tokio::test(flavor = "multi_thread")]
async fn sends_meanwhile_leave_no_gap() {
    let store = Store::postgres().await;
    let service = store.service().await;
    let sends = (0..200).map(|n| {
        let (service, room) = (&service, ["general", "random"][n % 2]);
        async move {
            let sent = service
                .send(message(room, "alice", &n.to_string()))
                .await
                .unwrap();
            (room, sent.seq)
        }
    });
    let direct = store.direct().await;
    let (sent, done) = tokio::join!(join_all(sends), direct.partition_messages(4, |_| ()));
    done.unwrap();
    for room in ["general", "random"] {
        let of_room = sent.iter().filter(|(of, _)| *of == room);
        assert_gapless(of_room.map(|(_, seq)| *seq));
        assert_eq!(service.history(room).await.len(), 100);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_tells_what_it_did() {
    let store = Store::postgres().await;
    let url = store.database.clone().unwrap().url().to_owned();
    let run = async |url: String, into: &'static str| -> Output {
        tokio::task::spawn_blocking(move || {
            Command::new(env!("CARGO_BIN_EXE_chat-svc"))
                .args(["partition-messages", "--into", into])
                .env("DATABASE_URL", url)
                .output()
        })
        .await
        .unwrap()
        .unwrap()
    };
    let words = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();
    let first = run(url.clone(), "6").await;
    assert!(first.status.success(), "{first:?}");
    assert!(
        words(&first).ends_with("done: 0 messages in 6 partitions\n"),
        "{first:?}"
    );
    let second = run(url, "12").await;
    assert!(second.status.success(), "{second:?}");
    assert_eq!(
        words(&second),
        "messages has 6 partitions already: nothing to do\n"
    );

    let refused = run("sqlite://nowhere/chat.db".to_owned(), "6").await;
    assert_eq!(refused.status.code(), Some(64));
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(told.contains("needs PostgreSQL"), "{told}");
    assert_eq!(run(String::new(), "1").await.status.code(), Some(64));
}

/// Lets each message take some seconds to be stored, or copied.
async fn slow_down(database: &Database, seconds: u32) {
    let check = format!(
        "ALTER TABLE messages ADD CONSTRAINT slow CHECK (pg_sleep({seconds})::text IS NOT NULL) NOT VALID"
    );
    database.client().await.batch_execute(&check).await.unwrap();
}

/// Waits until messages are being copied.
async fn copies(database: &Database) {
    let copies = "SELECT FROM pg_stat_activity WHERE query LIKE 'INSERT INTO messages_new%' AND wait_event = 'PgSleep'";
    let client = database.client().await;
    wait::until(wait::START, "it copies", async || {
        client.query_opt(copies, &[]).await.unwrap().is_some()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_during_the_copy_is_in_it_or_behind_it() {
    let store = Store::postgres().await;
    let service = store.service().await;
    service.say("general", "alice", "before").await;
    let database = store.database.clone().unwrap();
    slow_down(&database, 1).await;
    let direct = store.direct().await;
    let sent = async {
        copies(&database).await;
        service
            .send(named("general", "alice", "meanwhile"))
            .await
            .unwrap()
    };
    let (done, sent) = tokio::join!(direct.partition_messages(2, |_| ()), sent);
    assert_eq!(done.unwrap(), Partitioned::Now { messages: 1 });
    assert_eq!(sent.seq, 2);
    let newest = service.history("general").await.pop().unwrap();
    assert_eq!((newest.id, newest.seq), (sent.id, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_before_the_lock_is_had_is_copied_whatever_the_isolation() {
    let store = Store::postgres().await;
    let service = store.service().await;
    service.say("general", "alice", "before").await;
    let client = store.database.clone().unwrap().client().await;
    client
        .batch_execute(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = ''repeatable read''', \
             current_database()); END $$",
        )
        .await
        .unwrap();
    let direct = store.direct().await;
    client
        .batch_execute(
            "BEGIN; INSERT INTO messages (id, room_id, user_id, username, content, seq, change_seq) \
             VALUES ('x', 'general', 'u', 'u', 'c', 2, 2)",
        )
        .await
        .unwrap();
    let committed = async {
        store.until_locked_out(wait::SOON, "%LOCK TABLE%").await;
        client.batch_execute("COMMIT").await.unwrap();
    };
    let (done, ()) = tokio::join!(direct.partition_messages(2, |_| ()), committed);
    assert_eq!(done.unwrap(), Partitioned::Now { messages: 2 });
    let count = client
        .query_one("SELECT count(*) FROM messages", &[])
        .await
        .unwrap();
    assert_eq!(count.get::<_, i64>(0), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_its_owner_cuts_the_table() {
    let store = Store::postgres().await;
    let client = store.database.clone().unwrap().client().await;
    let direct = store.direct().await;
    client
        .batch_execute("CREATE ROLE \"Keeper\"; ALTER TABLE messages OWNER TO \"Keeper\"")
        .await
        .unwrap();
    let refused = direct.partition_messages(2, |_| ()).await.unwrap_err();
    assert!(refused.to_string().contains("run it as \"Keeper\""), "{refused}");
    client
        .batch_execute("ALTER TABLE messages OWNER TO current_user")
        .await
        .unwrap();
    let done = direct.partition_messages(2, |_| ()).await.unwrap();
    assert_eq!(done, Partitioned::Now { messages: 0 });
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_stopped_lets_go_of_the_messages_at_once() {
    let store = Store::postgres().await;
    let service = store.service().await;
    service.say("general", "alice", "kept").await;
    let database = store.database.clone().unwrap();
    let client = database.client().await;
    slow_down(&database, 60).await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-svc"))
        .args(["partition-messages", "--into", "2"])
        .env("DATABASE_URL", database.url())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    copies(&database).await;
    let stopped = Command::new("kill").arg(command.id().to_string()).status();
    assert!(stopped.unwrap().success());
    let code = tokio::task::spawn_blocking(move || command.wait()).await.unwrap();
    assert!(!code.unwrap().success());
    client.batch_execute("SET lock_timeout = '5s'").await.unwrap();
    let kept = client.query_one(
        "SELECT count(*), min(relkind)::text FROM messages, pg_class WHERE relname = 'messages'",
        &[],
    );
    let kept = kept.await.expect("nothing holds the table");
    assert_eq!((kept.get::<_, i64>(0), kept.get::<_, &str>(1)), (1, "r"));
}
