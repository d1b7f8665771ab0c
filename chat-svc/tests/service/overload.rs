//! A store that stands still: PostgreSQL with a room's row locked by somebody else.

use std::time::Duration;

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use proto::chat::SendMessagesRequest;
use test_support::wait;
use tonic::Code;

use crate::support::{Service, Store, assert_gapless, message, named, refusal};

async fn until_it_waits_for_a_lock(store: &Store) {
    let watch = store.database.as_ref().unwrap().client().await;
    let waits = async || {
        let query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
                     AND application_name = 'chat-svc' AND datname = current_database()";
        watch.query_one(query, &[]).await.unwrap().get::<_, i64>(0) == 1
    };
    wait::until(wait::SOON, "a batch waits for the lock", waits).await;
}

/// Holds the row of `general` until the answer is called.
async fn lock_general(store: &Store) -> impl AsyncFnOnce() {
    let client = store.database.as_ref().unwrap().client().await;
    client
        .batch_execute("BEGIN; SELECT * FROM rooms WHERE id = 'general' FOR UPDATE")
        .await
        .unwrap();
    async move || client.batch_execute("COMMIT").await.unwrap()
}

/// So many that not all share the committer of `general`.
async fn sixteen_rooms(service: &Service) -> Vec<String> {
    let rooms: Vec<String> = (0..16).map(|n| format!("room-{n}")).collect();
    for room in &rooms {
        service.make_room(room).await;
    }
    rooms
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_up_in_the_queue_has_sent_nothing() {
    let store = Store::postgres().await;
    let service = store.service().await;
    let unlock = lock_general(&store).await;
    // The first is in a batch that waits for the lock; the second waits behind it.
    let first = {
        let mut chat = service.chat.clone();
        tokio::spawn(async move { chat.send_message(named("general", "alice", "first")).await })
    };
    until_it_waits_for_a_lock(&store).await;
    let mut hasty = tonic::Request::new(named("general", "alice", "hasty"));
    hasty.set_timeout(Duration::from_millis(50));
    let code = refusal(service.chat.clone().send_message(hasty).await).0;
    assert!(
        matches!(code, Code::DeadlineExceeded | Code::Cancelled),
        "{code:?}"
    );
    unlock().await;
    assert_eq!(first.await.unwrap().unwrap().into_inner().seq, 1);
    assert_eq!(service.say("general", "alice", "third").await.seq, 2);
    assert_eq!(
        service.history("general").await.len(),
        2,
        "the hasty one is not there"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_stands_still_does_not_stop_all_others() {
    let store = Store::postgres().await;
    let service = store.service().await;
    let rooms = sixteen_rooms(&service).await;
    let unlock = lock_general(&store).await;
    let stuck = {
        let mut chat = service.chat.clone();
        tokio::spawn(async move { chat.send_message(message("general", "alice", "stuck")).await })
    };
    until_it_waits_for_a_lock(&store).await;
    // Those that share its committer wait with it; of sixteen, some do not.
    let mut sends: FuturesUnordered<_> = rooms
        .iter()
        .map(|room| service.send(message(room, "alice", "free")))
        .collect();
    let free = tokio::time::timeout(Duration::from_secs(3), sends.next()).await;
    assert!(free.expect("some do not wait").expect("an answer").is_ok());
    assert!(!stuck.is_finished());
    unlock().await;
    assert_eq!(stuck.await.unwrap().unwrap().into_inner().seq, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_stands_still_holds_up_no_other_of_the_same_call() {
    let store = Store::postgres().await;
    let service = store.service().await;
    let rooms = sixteen_rooms(&service).await;
    let unlock = lock_general(&store).await;
    let stuck = {
        let mut chat = service.chat.clone();
        tokio::spawn(async move { chat.send_message(message("general", "alice", "stuck")).await })
    };
    until_it_waits_for_a_lock(&store).await;
    let messages: Vec<_> = rooms.iter().map(|room| message(room, "alice", "free")).collect();
    let mut chat = service.chat.clone();
    let answers = chat.send_messages(SendMessagesRequest { messages }).await;
    let mut answers = answers.unwrap().into_inner();
    let first = tokio::time::timeout(wait::SOON, answers.message()).await;
    let first = first.expect("some do not wait").unwrap().unwrap().outcomes.len();
    assert!(first < rooms.len() && !stuck.is_finished(), "{first}");
    unlock().await;
    let mut all = first;
    while let Some(answer) = answers.message().await.unwrap() {
        all += answer.outcomes.len();
    }
    assert_eq!(all, rooms.len());
    assert!(stuck.await.unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_and_what_it_took_is_stored() {
    let store = Store::postgres().await;
    let service = store.service().await;
    let unlock = lock_general(&store).await;
    let large = "x".repeat(16_000);
    let many = "陳".repeat(16_000);
    let mut sends: FuturesUnordered<_> = (0..900)
        .map(|n| {
            service.send(message(
                "general",
                "alice",
                if n % 8 == 0 { &large } else { &many },
            ))
        })
        .collect();
    // Whoever is answered while the room is locked was refused.
    let refused = tokio::time::timeout(wait::SOON, sends.next()).await;
    let refused = refused.expect("the queue is full").expect("an answer");
    assert_eq!(refusal(refused).0, Code::ResourceExhausted);
    unlock().await;
    let mut seqs = Vec::new();
    while let Some(answer) = sends.next().await {
        match answer {
            Ok(sent) => seqs.push(sent.seq),
            Err(status) => assert_eq!(status.code(), Code::ResourceExhausted, "{status}"),
        }
    }
    assert!(seqs.len() > 100, "{}", seqs.len());
    assert_gapless(seqs);
}
