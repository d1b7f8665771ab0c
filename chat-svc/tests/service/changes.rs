//! Edits and deletions, and what those who were away read of them.

use std::time::Duration;

use chat_svc::history::{Since, changes_of_rooms};
use futures_util::future::join_all;
use proto::chat::{
    ChangesOfRoomsRequest, ChangesSinceRequest, ChangesSinceResponse, DeleteMessageRequest,
    EditMessageRequest, HistoryRequest, Message,
};
use runtime::Shutdown;
use tonic::{Code, Status};

use crate::{
    on_both_stores,
    support::{Service, Store, assert_gapless, message, parsed, refusal},
};

on_both_stores!(
    history_is_read_in_pages,
    edits_and_deletions_take_the_next_seq,
    only_the_sender_changes_a_message,
    whoever_was_away_reads_the_last_state,
    pages_of_changes_are_complete,
    pages_of_large_messages_are_cut,
    who_saw_another_log_is_told,
    concurrent_changes_leave_no_gap,
    bad_input_is_named,
    pages_of_many_rooms_come_in_one_call,
);

async fn edit(service: &Service, user: &str, id: &str, content: &str) -> Result<Message, Status> {
    let request = EditMessageRequest {
        room_id: "general".to_owned(),
        message_id: id.to_owned(),
        user_id: user.to_owned(),
        content: content.to_owned(),
    };
    let answer = service.chat.clone().edit_message(request).await?;
    Ok(answer.into_inner().message.expect("a message"))
}

async fn delete(service: &Service, user: &str, id: &str) -> Result<Message, Status> {
    let request = DeleteMessageRequest {
        room_id: "general".to_owned(),
        message_id: id.to_owned(),
        user_id: user.to_owned(),
    };
    let answer = service.chat.clone().delete_message(request).await?;
    Ok(answer.into_inner().message.expect("a message"))
}

async fn page(service: &Service, after: u64, limit: u32, up_to: u64) -> ChangesSinceResponse {
    let request = ChangesSinceRequest {
        room_id: "general".to_owned(),
        after_seq: after,
        limit,
        up_to_seq: up_to,
        max_bytes: 0,
        after_id: None,
    };
    service
        .chat
        .clone()
        .changes_since(request)
        .await
        .unwrap()
        .into_inner()
}

async fn history_is_read_in_pages(store: Store) {
    let service = store.service().await;
    let mut ids = Vec::new();
    for n in 1..=10 {
        ids.push(service.say("general", "alice", &n.to_string()).await.id);
    }
    delete(&service, "alice", &ids[4]).await.unwrap();
    let seqs = async |before: Option<u64>, after: Option<u64>, limit: u32| {
        let request = HistoryRequest {
            room_id: "general".to_owned(),
            before,
            after,
            limit,
        };
        let page = service.chat.clone().history(request).await.unwrap().into_inner();
        assert_eq!(page.last_seq, 11);
        page.messages.into_iter().map(|m| m.seq).collect::<Vec<_>>()
    };
    assert_eq!(seqs(None, None, 3).await, [8, 9, 10]);
    assert_eq!(seqs(Some(8), None, 3).await, [4, 6, 7]);
    assert_eq!(seqs(Some(4), None, 9).await, [1, 2, 3]);
    assert_eq!(seqs(Some(1), None, 9).await, [0; 0]);
    assert_eq!(seqs(None, Some(0), 3).await, [1, 2, 3]);
    assert_eq!(seqs(None, Some(3), 3).await, [4, 6, 7]);
    assert_eq!(seqs(None, Some(u64::MAX), 3).await, [0; 0]);
    assert_eq!(seqs(None, None, 0).await.len(), 9);
}

async fn edits_and_deletions_take_the_next_seq(store: Store) {
    let service = store.service().await;
    let sent = service.say("general", "alice", "teh").await;
    let edited = edit(&service, "alice", &sent.id, "the").await.unwrap();
    assert_eq!(
        (edited.seq, edited.change_seq, edited.content.as_str()),
        (1, 2, "the")
    );
    assert!(edited.edited_at.is_some());
    assert_eq!(service.history("general").await, [edited]);
    let gone = delete(&service, "alice", &sent.id).await.unwrap();
    assert_eq!((gone.change_seq, gone.content.as_str()), (3, ""));
    assert_eq!(service.history("general").await, []);
    // Again: the same tombstone, no new seq.
    assert_eq!(delete(&service, "alice", &sent.id).await.unwrap().change_seq, 3);
    assert_eq!(
        refusal(edit(&service, "alice", &sent.id, "x").await).0,
        Code::NotFound
    );
    assert_eq!(service.say("general", "alice", "next").await.seq, 4);
}

async fn only_the_sender_changes_a_message(store: Store) {
    let service = store.service().await;
    let sent = service.say("general", "alice", "mine").await;
    assert_eq!(
        refusal(edit(&service, "bob", &sent.id, "x").await).0,
        Code::PermissionDenied
    );
    assert_eq!(
        refusal(delete(&service, "bob", &sent.id).await).0,
        Code::PermissionDenied
    );
    let none = "01890000-0000-7000-8000-000000000000";
    assert_eq!(
        refusal(edit(&service, "alice", none, "x").await).0,
        Code::NotFound
    );
    let elsewhere = DeleteMessageRequest {
        room_id: "random".to_owned(),
        message_id: sent.id.clone(),
        user_id: "alice".to_owned(),
    };
    assert_eq!(
        refusal(service.chat.clone().delete_message(elsewhere).await).0,
        Code::NotFound
    );
    assert_eq!(service.history("general").await[0].content, "mine");
    assert_eq!(
        service.say("general", "alice", "next").await.seq,
        2,
        "refusals take no seq"
    );
}

async fn whoever_was_away_reads_the_last_state(store: Store) {
    let service = store.service().await;
    let mut ids = Vec::new();
    for n in 1..=4 {
        ids.push(service.say("general", "alice", &n.to_string()).await.id);
    }
    edit(&service, "alice", &ids[0], "one").await.unwrap(); // 5
    delete(&service, "alice", &ids[1]).await.unwrap(); // 6
    edit(&service, "alice", &ids[0], "ONE").await.unwrap(); // 7
    let told: Vec<(u64, String, String)> = service
        .changes("general", 0, 0)
        .await
        .into_iter()
        .map(|(seq, frame)| {
            assert_eq!(frame["seq"], seq);
            let text = |name: &str| frame[name].as_str().unwrap_or_default().to_owned();
            (seq, text("type"), text("content"))
        })
        .collect();
    let expected = [
        (3, "message", "3"),
        (4, "message", "4"),
        (6, "message_deleted", ""),
        (7, "message_updated", "ONE"),
    ];
    let expected = expected.map(|(seq, kind, content)| (seq, kind.to_owned(), content.to_owned()));
    assert_eq!(told, expected);
    assert_eq!(service.changes("general", 6, 0).await.len(), 1);
}

async fn pages_of_changes_are_complete(store: Store) {
    let service = store.service().await;
    for n in 1..=10 {
        service.say("general", "alice", &n.to_string()).await;
    }
    let told = |page: &ChangesSinceResponse| {
        let seqs: Vec<u64> = page.changes.iter().map(|change| change.seq).collect();
        (seqs, page.complete_to, page.last_seq)
    };
    assert_eq!(told(&page(&service, 0, 4, 0).await), (vec![1, 2, 3, 4], 4, 10));
    assert_eq!(told(&page(&service, 8, 4, 0).await), (vec![9, 10], 10, 10));
    assert_eq!(told(&page(&service, 2, 100, 5).await), (vec![3, 4, 5], 5, 10));
    assert_eq!(told(&page(&service, 7, 100, 5).await), (vec![], 7, 10));
    assert_eq!(told(&page(&service, 10, 100, 0).await), (vec![], 10, 10));
    // A restored database: the log ends before what the caller has seen.
    assert_eq!(told(&page(&service, 99, 100, 0).await), (vec![], 10, 10));
    assert_eq!(service.changes("general", 0, 3).await.len(), 10);
    // Only the last state of the first message is left in front of the bound: everything up to it is complete.
    let first = service.history("general").await[0].id.clone();
    edit(&service, "alice", &first, "later").await.unwrap();
    assert_eq!(told(&page(&service, 0, 100, 1).await), (vec![], 1, 11));
}

async fn pages_of_large_messages_are_cut(store: Store) {
    let service = store.service().await;
    let large = "陳".repeat(16_000);
    for _ in 0..50 {
        service.say("general", "alice", &large).await;
    }
    let first = page(&service, 0, 1000, 0).await;
    let bytes: usize = first.changes.iter().map(|change| change.frame.len()).sum();
    assert!((1 << 20..(1 << 20) + 100_000).contains(&bytes), "{bytes}");
    let (last, _) = parsed(first.changes.last().unwrap());
    assert_eq!(first.complete_to, last);
    let small = ChangesSinceRequest {
        room_id: "general".to_owned(),
        limit: 1000,
        max_bytes: 60_000,
        ..ChangesSinceRequest::default()
    };
    let small = service
        .chat
        .clone()
        .changes_since(small)
        .await
        .unwrap()
        .into_inner();
    assert_eq!((small.changes.len(), small.complete_to), (2, 2), "each has 48 KB");
    let all = service.changes("general", 0, 1000).await;
    assert_eq!(
        all.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(),
        (1..=50).collect::<Vec<_>>()
    );
}

/// What a caller is told who saw, as the last change, one of this message at this seq.
async fn since(
    service: &Service,
    room: &str,
    seq: u64,
    id: Option<&str>,
) -> Result<ChangesSinceResponse, Status> {
    let request = ChangesSinceRequest {
        room_id: room.to_owned(),
        after_seq: seq,
        after_id: id.map(str::to_owned),
        ..ChangesSinceRequest::default()
    };
    Ok(service.chat.clone().changes_since(request).await?.into_inner())
}

async fn who_saw_another_log_is_told(store: Store) {
    let service = store.service().await;
    let mut ids = vec![String::new()];
    for n in 1..=5 {
        ids.push(service.say("general", "alice", &n.to_string()).await.id);
    }
    let elsewhere = service.say("random", "alice", "elsewhere").await.id;
    let lost = "01890000-0000-7000-8000-000000000000";
    let ours = async |seq, id: &str| {
        let answer = since(&service, "general", seq, Some(id)).await.unwrap();
        assert!(!answer.forked, "{seq} {id}");
        assert_eq!(answer.last_id, "");
        let seqs: Vec<u64> = answer.changes.iter().map(|change| change.seq).collect();
        (seqs, answer.complete_to, answer.last_seq)
    };
    let forked = async |seq, id: Option<&str>| {
        let answer = since(&service, "general", seq, id).await.unwrap();
        assert!(answer.forked && answer.changes.is_empty(), "{seq} {id:?}");
        assert_eq!(answer.complete_to, answer.last_seq);
        (answer.last_seq, answer.last_id)
    };
    assert_eq!(ours(5, &ids[5]).await, (vec![], 5, 5));
    assert_eq!(ours(2, &ids[2]).await, (vec![3, 4, 5], 5, 5));
    assert_eq!(ours(2, &ids[2].to_uppercase()).await, (vec![3, 4, 5], 5, 5));
    let head = (5, ids[5].clone());
    // Overtaken by a log that never had it, also where the id is another room's.
    assert_eq!(forked(4, Some(lost)).await, head);
    assert_eq!(forked(5, Some(lost)).await, head);
    assert_eq!(forked(1, Some(&elsewhere)).await, head);
    // Here in this log, but not at that seq: whoever saw it there saw a change that was lost.
    assert_eq!(forked(4, Some(&ids[2])).await, head);
    assert_eq!(forked(2, Some(&ids[4])).await, head);
    assert_eq!(forked(99, Some(&ids[5])).await, head);
    assert_eq!(forked(99, None).await, head);
    // A message that changed again was changed before.
    edit(&service, "alice", &ids[2], "two").await.unwrap(); // 6
    delete(&service, "alice", &ids[1]).await.unwrap(); // 7
    assert_eq!(ours(1, &ids[1]).await, (vec![3, 4, 5, 6, 7], 7, 7));
    assert_eq!(ours(2, &ids[2]).await, (vec![3, 4, 5, 6, 7], 7, 7));
    assert_eq!(ours(6, &ids[2]).await, (vec![7], 7, 7));
    assert_eq!(ours(7, &ids[1]).await, (vec![], 7, 7));
    delete(&service, "alice", &ids[4]).await.unwrap(); // 8
    let head = (8, ids[4].clone());
    // Nobody is at 1 and 4 any more, but these were never there either; at 5 is somebody else.
    assert_eq!(forked(1, Some(&elsewhere)).await, head);
    assert_eq!(forked(4, Some(&ids[3])).await, head);
    assert_eq!(forked(5, Some(&ids[2])).await, head);
    // A room that was emptied.
    let emptied = since(&service, "devops", 1, Some(lost)).await.unwrap();
    assert!(emptied.forked && emptied.last_seq == 0 && emptied.last_id.is_empty());
    assert!(!since(&service, "devops", 0, None).await.unwrap().forked);
    let odd = since(&service, "general", 1, Some("m1")).await;
    assert_eq!(refusal(odd), (Code::InvalidArgument, Some("after_id".to_owned())));
    let nowhere = since(&service, "nowhere", 1, Some(lost)).await;
    assert_eq!(refusal(nowhere).0, Code::NotFound);
}

async fn pages_of_many_rooms_come_in_one_call(store: Store) {
    let service = store.service().await;
    let large = "陳".repeat(16_000);
    let mut last = String::new();
    for _ in 0..3 {
        last = service.say("general", "alice", &large).await.id;
    }
    service.say("random", "alice", "hi").await;
    let lost = "01890000-0000-7000-8000-000000000000";
    let ask = |room: &str, after_seq, after_id: Option<&str>| ChangesSinceRequest {
        room_id: room.to_owned(),
        after_seq,
        after_id: after_id.map(str::to_owned),
        ..ChangesSinceRequest::default()
    };
    let asked = vec![
        ask("random", 0, None),
        ask("nowhere", 0, None),
        ask("general", 1, None),
        ask("general", 1, Some(lost)),
        ask("random", 1, None),
    ];
    let many = |pages| {
        let mut chat = service.chat.clone();
        async move {
            let answer = chat.changes_of_rooms(ChangesOfRoomsRequest { pages }).await?;
            Ok::<_, Status>(answer.into_inner().pages)
        }
    };
    let pages = many(asked.clone()).await.unwrap();
    let seqs = |page: &ChangesSinceResponse| page.changes.iter().map(|c| c.seq).collect::<Vec<_>>();
    assert_eq!(
        pages.iter().map(seqs).collect::<Vec<_>>(),
        [vec![1], vec![], vec![2, 3], vec![], vec![]]
    );
    let nowhere: Vec<bool> = pages.iter().map(|page| page.no_such_room).collect();
    assert_eq!(nowhere, [false, true, false, false, false]);
    assert!(pages[3].forked && pages[3].last_id == last);
    assert_eq!((pages[4].complete_to, pages[4].last_seq), (1, 1));
    // Each as it is by itself.
    let alone = service
        .chat
        .clone()
        .changes_since(asked[2].clone())
        .await
        .unwrap();
    assert_eq!(pages[2], alone.into_inner());

    // Many share the bytes: here a message of 48 KB each is more than a share.
    let shared = many(vec![ask("general", 0, None); 64]).await.unwrap();
    assert!(
        shared
            .iter()
            .all(|page| page.changes.len() == 2 && page.complete_to == 2)
    );
    assert!(many(vec![]).await.unwrap().is_empty());
    // Where time is short, only the first ones come.
    let since = Since {
        seq: 0,
        id: None,
        up_to: None,
        limit: 100,
        max_bytes: 1,
    };
    let asked = vec![
        ("random".to_owned(), since.clone()),
        ("general".to_owned(), since),
    ];
    let direct = store.direct().await;
    let first = changes_of_rooms(&direct, &Shutdown::new(), asked, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(first.len(), 1);
    let bad = |field: &str| (Code::InvalidArgument, Some(field.to_owned()));
    let odd = many(vec![ask("general", 0, None), ask("general", 0, Some("m1"))]).await;
    assert_eq!(refusal(odd), bad("after_id"));
    let too_many = many(vec![ask("general", 0, None); 65]).await;
    assert_eq!(refusal(too_many), bad("pages"));
}

async fn concurrent_changes_leave_no_gap(store: Store) {
    let (one, other) = (store.service().await, store.service().await);
    let mut ids = Vec::new();
    for n in 0..10 {
        ids.push(one.say("general", "alice", &n.to_string()).await.id);
    }
    let edits = ids
        .iter()
        .map(|id| async { edit(&one, "alice", id, "edited").await.ok() });
    let deletions = ids[5..]
        .iter()
        .map(|id| async { delete(&other, "alice", id).await.ok() });
    let sends = (0..10).map(|_| other.send(message("general", "bob", "hi")));
    let (edits, deletions, sends) = tokio::join!(join_all(edits), join_all(deletions), join_all(sends));
    let mut seqs: Vec<u64> = (1..=10).collect();
    seqs.extend(edits.into_iter().flatten().map(|m| m.change_seq));
    seqs.extend(deletions.into_iter().flatten().map(|m| m.change_seq));
    seqs.extend(sends.into_iter().map(|sent| sent.unwrap().seq));
    assert!(seqs.len() >= 10 + 5 + 5 + 10);
    let head = *seqs.iter().max().unwrap();
    assert_gapless(seqs);
    assert_eq!(page(&one, 0, 1000, 0).await.last_seq, head);
}

async fn bad_input_is_named(store: Store) {
    let service = store.service().await;
    let bad = |field: &str| (Code::InvalidArgument, Some(field.to_owned()));
    assert_eq!(
        refusal(edit(&service, "alice", "no-uuid", "x").await),
        bad("message_id")
    );
    let id = service.say("general", "alice", "hi").await.id;
    assert_eq!(refusal(edit(&service, "alice", &id, "").await), bad("content"));
    assert_eq!(refusal(delete(&service, "Alice!", &id).await), bad("user_id"));
    let history = |limit, before, after| HistoryRequest {
        room_id: "general".to_owned(),
        before,
        after,
        limit,
    };
    let mut chat = service.chat.clone();
    assert_eq!(
        refusal(chat.history(history(201, None, None)).await),
        bad("limit")
    );
    assert_eq!(
        refusal(chat.history(history(1, Some(1), Some(1))).await),
        bad("before")
    );
    let mut missing = history(1, None, None);
    missing.room_id = "nowhere".to_owned();
    assert_eq!(refusal(chat.history(missing).await).0, Code::NotFound);
    let request = ChangesSinceRequest {
        room_id: "general".to_owned(),
        limit: 1001,
        ..Default::default()
    };
    assert_eq!(refusal(chat.changes_since(request).await), bad("limit"));
}
