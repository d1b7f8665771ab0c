//! The store's transactions, as large as group commit makes them.

use chat_svc::{
    clock::Clock,
    message::{Change, NewMessage},
    store::{Head, Log as _, Span},
};

use crate::{on_both_stores, support::Store};

/// As many as the appender puts into one batch.
const BATCH: usize = 512;

on_both_stores!(
    a_batch_full_of_mentions_is_committed,
    a_batch_of_retries_from_many_users_gets_the_first_answers,
    what_only_some_messages_have_stays_theirs,
);

fn send(room: &str, user: &str, content: &str, client_msg_id: &str) -> Change {
    let message = NewMessage {
        room_id: room.to_owned(),
        user_id: user.to_owned(),
        username: user.to_owned(),
        content: content.to_owned(),
        message_type: String::new(),
        file_url: None,
        client_msg_id: Some(client_msg_id.to_owned()),
    };
    Change::Send(message.check().unwrap())
}

async fn a_batch_full_of_mentions_is_committed(store: Store) {
    let crowd = (0..20).map(|n| format!("@user{n} ")).collect::<Vec<_>>().concat();
    let batch = (0..BATCH)
        .map(|n| send("general", "alice", &crowd, &n.to_string()))
        .collect();
    let answers = store
        .direct()
        .await
        .commit(batch, &Clock::system())
        .await
        .unwrap();
    assert!(answers.iter().all(Result::is_ok));
}

async fn a_batch_of_retries_from_many_users_gets_the_first_answers(store: Store) {
    // Rooms, users and names in all combinations: each of them alone is another one's too.
    let rooms = ["general", "random", "devops"];
    let batch = || -> Vec<Change> {
        (0..BATCH)
            .map(|n| {
                let (user, name) = (format!("user{}", n / 3 % 16), format!("name{}", n / 48));
                send(rooms[n % 3], &user, &n.to_string(), &name)
            })
            .collect()
    };
    let log = store.direct().await;
    let commit = async |batch: Vec<Change>| -> Vec<_> {
        let answers = log.commit(batch, &Clock::system()).await.unwrap();
        answers.into_iter().map(Result::unwrap).collect()
    };
    let first = commit(batch()).await;
    assert!(first.iter().all(|committed| !committed.repeated));
    for (before, again) in first.iter().zip(commit(batch()).await) {
        assert!(again.repeated);
        assert_eq!(before.message, again.message);
    }
}

async fn what_only_some_messages_have_stays_theirs(store: Store) {
    // A file, a file's address, a name: each alone and together, at the beginning, in the middle, missing at the end.
    let message = |n: usize| NewMessage {
        room_id: "general".to_owned(),
        user_id: "alice".to_owned(),
        username: "Alice".to_owned(),
        content: n.to_string(),
        message_type: if n.is_multiple_of(3) { "file" } else { "text" }.to_owned(),
        file_url: n.is_multiple_of(6).then(|| format!("/api/files/{n}/download")),
        client_msg_id: (n % 5 == 2).then(|| format!("name{n}")),
    };
    let messages: Vec<NewMessage> = (0..20).map(message).collect();
    let log = store.direct().await;
    let batch = messages.iter().cloned().map(Change::Send).collect();
    let answers = log.commit(batch, &Clock::system()).await.unwrap();
    let answers: Vec<_> = answers
        .into_iter()
        .map(|answer| answer.unwrap().message)
        .collect();
    let head = Head {
        room_id: "general".to_owned(),
        last_seq: 20,
        last_id: None,
    };
    let stored = log.history("general", Span::After(0), &head, 100).await.unwrap();
    assert_eq!(stored, answers);
    for (n, (stored, sent)) in stored.into_iter().zip(messages).enumerate() {
        assert_eq!(
            stored,
            sent.stored(stored.id.clone(), n as u64 + 1, stored.created_at)
        );
    }
}
