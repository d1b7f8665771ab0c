//! Reads that a replica of PostgreSQL answers, and what callers notice when it is late, gone, or another database's.

use std::time::{Duration, Instant};

use proto::chat::{DeleteMessageRequest, EditMessageRequest, HistoryRequest, Message};
use test_support::{
    postgres::{Durability, Server},
    wait,
};

use crate::support::{Service, Store, named};

/// A primary, a replica of it, and their databases.
struct Pair {
    primary: Server,
    replica: Server,
    store: Store,
}

const DATABASE: &str = "chat_db";

impl Pair {
    /// With `count` messages in `general`, all of which the replica shows.
    async fn with_messages(count: usize) -> Self {
        runtime::metrics::install();
        let primary = Server::start_new(Durability::Off).await;
        let mut store = Store::at(primary.create_database(DATABASE).await);
        let writer = store.service().await;
        for n in 0..count {
            writer.say("general", "alice", &n.to_string()).await;
        }
        let replica = primary.replica().await;
        replica.catches_up(&primary).await;
        store.replicas = vec![replica.url(DATABASE).parse().unwrap()];
        Self {
            primary,
            replica,
            store,
        }
    }

    /// Has the replica keep a lock on messages that the primary has given back.
    async fn lock_the_replica(&self) {
        let (client, replica) = (
            self.primary.database(DATABASE).client().await,
            self.replica.database(DATABASE).client().await,
        );
        client
            .batch_execute("BEGIN; LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
            .await
            .unwrap();
        let locked =
            "SELECT FROM pg_locks WHERE relation = 'messages'::regclass AND mode = 'AccessExclusiveLock'";
        wait::until(wait::SOON, "the replica is locked", async || {
            let other = self.primary.database(DATABASE).client().await;
            // What was logged before it leaves with it.
            other.query("SELECT pg_switch_wal()", &[]).await.unwrap();
            replica.query_opt(locked, &[]).await.unwrap().is_some()
        })
        .await;
        self.replica.pause_replay().await;
        client.batch_execute("COMMIT").await.unwrap();
    }
}

/// The value of a metric of this process.
fn value(metric: &str) -> f64 {
    let text = runtime::metrics::render();
    let value = text.lines().find_map(|line| line.strip_prefix(metric));
    value.map_or(0.0, |value| value.trim().parse().unwrap())
}

/// How many reads replicas have answered.
fn served() -> f64 {
    value("chatflow_chat_replica_reads_total{result=\"served\"}")
}

/// Reads the room until a replica has answered.
async fn until_the_replica_reads(service: &Service) {
    let before = served();
    let has_read = async || {
        service.history("general").await;
        served() > before
    };
    wait::until(wait::SOON, "the replica is read", has_read).await;
}

/// Whether an edit was stored.
async fn edit(service: &Service, message_id: &str, user_id: &str, content: &str) -> bool {
    let request = EditMessageRequest {
        room_id: "general".to_owned(),
        message_id: message_id.to_owned(),
        user_id: user_id.to_owned(),
        content: content.to_owned(),
    };
    service.chat.clone().edit_message(request).await.is_ok()
}

async fn page(service: &Service, before: u64, limit: u32) -> Vec<Message> {
    let request = HistoryRequest {
        room_id: "general".to_owned(),
        before: Some(before),
        limit,
        ..Default::default()
    };
    let answer = service.chat.clone().history(request).await.unwrap();
    answer.into_inner().messages
}

fn seqs(messages: &[Message]) -> Vec<u64> {
    messages.iter().map(|message| message.seq).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_replica_knows_it_answers_like_the_primary() {
    let pair = Pair::with_messages(250).await;
    let service = pair.store.service().await;
    until_the_replica_reads(&service).await;
    assert_eq!(
        seqs(&service.history("general").await),
        (51..=250).collect::<Vec<_>>()
    );
    assert_eq!(seqs(&page(&service, 100, 3).await), [97, 98, 99]);
    assert!(page(&service, 1, 3).await.is_empty());
    let before = served();
    let missed = async || {
        let missed = service.changes("general", 0, 1000).await;
        let missed: Vec<u64> = missed.into_iter().map(|(seq, _)| seq).collect();
        assert_eq!(missed, (1..=250).collect::<Vec<_>>());
        served() > before
    };
    wait::until(wait::SOON, "the replica is asked what was missed", missed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_replica_hides_nothing() {
    let pair = Pair::with_messages(150).await;
    let service = pair.store.service().await;
    let known = service.say("general", "alice", "known").await;
    pair.replica.catches_up(&pair.primary).await;
    until_the_replica_reads(&service).await;
    pair.replica.pause_replay().await;
    assert!(edit(&service, &known.id, "alice", "known, edited").await);
    let newest = service.history("general").await.pop().unwrap();
    assert_eq!(newest.content, "known, edited");
    for n in 0..20 {
        // One that reads its own writes: messages, edits, deletions.
        let sent = service.say("general", "alice", &n.to_string()).await;
        let newest = service.history("general").await.pop().unwrap();
        assert_eq!((newest.id.as_str(), newest.seq), (sent.id.as_str(), sent.seq));
        assert!(edit(&service, &sent.id, "alice", "edited").await);
        let newest = service.history("general").await.pop().unwrap();
        assert_eq!(newest.content, "edited");
        let delete = DeleteMessageRequest {
            room_id: "general".to_owned(),
            message_id: sent.id.clone(),
            user_id: "alice".to_owned(),
        };
        service.chat.clone().delete_message(delete).await.unwrap();
        let newest = service.history("general").await.pop().unwrap();
        assert_eq!(newest.seq, known.seq);
        let changes = service.changes("general", 0, 1000).await;
        assert_eq!(changes.last().unwrap().1["type"], "message_deleted");
        assert_eq!(changes.len(), 150 + 1 + n + 1);
    }
    pair.replica.resume_replay().await;
    pair.replica.catches_up(&pair.primary).await;
    until_the_replica_reads(&service).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_the_replica_does_not_know_to_its_end_takes_no_other_one_with_it() {
    let pair = Pair::with_messages(5).await;
    let service = pair.store.service().await;
    service.say("random", "bob", "known").await;
    pair.replica.catches_up(&pair.primary).await;
    until_the_replica_reads(&service).await;
    pair.replica.pause_replay().await;
    service.say("general", "alice", "new").await;
    for _ in 0..20 {
        let newest = service.history("general").await.pop().unwrap();
        assert_eq!(newest.content, "new");
        let before = served();
        assert_eq!(seqs(&service.history("random").await), [1]);
        assert!(
            served() > before,
            "the primary is asked for what the replica knows"
        );
    }
    // Where it knows nothing that is asked for, it is left out.
    wait::until(wait::SOON, "it is left out", async || {
        service.history("general").await;
        value("chatflow_chat_replicas_serving") < 1.0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_answers_but_reads_nothing_costs_one_read_its_time() {
    let pair = Pair::with_messages(5).await;
    let service = pair.store.service().await;
    until_the_replica_reads(&service).await;
    pair.lock_the_replica().await;
    let (began, mut slow) = (Instant::now(), 0);
    while began.elapsed() < Duration::from_secs(4) {
        let asked = Instant::now();
        assert_eq!(seqs(&service.history("general").await), [1, 2, 3, 4, 5]);
        slow += usize::from(asked.elapsed() > Duration::from_millis(400));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!((1..=2).contains(&slow), "{slow} reads waited for the replica");
    pair.replica.resume_replay().await;
    until_the_replica_reads(&service).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_replica_a_service_goes_on() {
    let pair = Pair::with_messages(5).await;
    let service = pair.store.service().await;
    until_the_replica_reads(&service).await;
    pair.replica.stop().await;
    for _ in 0..5 {
        assert_eq!(seqs(&service.history("general").await), [1, 2, 3, 4, 5]);
    }
    pair.replica.start().await;
    until_the_replica_reads(&service).await;
    pair.replica.pause();
    for _ in 0..5 {
        assert_eq!(seqs(&service.history("general").await), [1, 2, 3, 4, 5]);
    }
    pair.replica.resume();
    until_the_replica_reads(&service).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_may_be_away_when_the_service_starts() {
    let pair = Pair::with_messages(5).await;
    pair.replica.stop().await;
    let service = pair.store.service().await;
    assert_eq!(seqs(&service.history("general").await), [1, 2, 3, 4, 5]);
    pair.replica.start().await;
    until_the_replica_reads(&service).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_database_is_no_replica() {
    let other = Store::postgres().await;
    let stranger = other.service().await;
    for n in 0..300 {
        let sent = stranger.say("general", "mallory", &n.to_string()).await;
        // Some of its seqs belong to no message any more.
        if n % 2 == 0 {
            assert!(edit(&stranger, &sent.id, "mallory", "edited").await);
        }
    }
    let mut store = Store::postgres().await;
    store.replicas = vec![other.url.clone()];
    let service = store.service().await;
    for n in 1..=150 {
        service.say("general", "alice", "mine").await;
        let seen = service.history("general").await;
        assert_eq!(seen.len(), n);
        assert!(seen.iter().all(|message| message.user_id == "alice"));
    }
    assert_eq!(service.changes("general", 0, 1000).await.len(), 150);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_log_that_was_set_back_is_not_read() {
    let pair = Pair::with_messages(3).await;
    let backup = pair.primary.snapshot().await;
    let service = pair.store.service().await;
    until_the_replica_reads(&service).await;
    let kept = service.history("general").await.pop().unwrap();
    let lost = service.say("general", "alice", "lost").await;
    assert!(edit(&service, &kept.id, "alice", "lost").await);
    pair.replica.catches_up(&pair.primary).await;
    pair.primary.restore(&backup).await;
    let sent = async || service.send(named("random", "alice", "again")).await.is_ok();
    wait::until(wait::SOON, "the primary takes messages again", sent).await;
    // The last change is one of a message that the copy has, too, and with a later change.
    assert!(edit(&service, &kept.id, "alice", "kept").await);
    for _ in 0..5 {
        let newest = service.history("general").await.pop().unwrap();
        assert_eq!((newest.seq, &*newest.content), (kept.seq, "kept"));
    }
    let sent = service.send(named("general", "alice", "instead")).await.unwrap();
    assert_eq!(sent.seq, lost.seq + 1);
    for _ in 0..5 {
        let newest = service.history("general").await.pop().unwrap();
        assert_eq!(newest.content, "instead");
    }
}
