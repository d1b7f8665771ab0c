//! Sending: one order without gaps, idempotent for good, whichever instance gets it.

use std::collections::HashSet;

use broker::{Broker, Event, Source};
use futures_util::{StreamExt as _, future::join_all, stream::FuturesUnordered};
use test_support::wait;
use tonic::Code;

use crate::{
    on_both_stores,
    support::{Store, assert_gapless, message, named, refusal},
};

on_both_stores!(
    a_message_comes_back_as_it_was_sent,
    writers_on_two_instances_leave_no_gap,
    one_client_msg_id_is_one_message,
    repeats_within_a_burst_leave_no_gap,
    the_same_name_from_another_user_or_room_is_another_message,
    a_missing_room_fails_alone,
    messages_of_one_call_are_stored_in_their_order,
    one_that_is_refused_takes_no_other_along,
    what_is_on_its_way_at_shutdown_is_answered_and_kept,
);

async fn a_message_comes_back_as_it_was_sent(store: Store) {
    let service = store.service().await;
    let mut request = named("general", "alice", "c-1");
    request.content = "Grüße 陳 \u{1F600}".to_owned();
    request.message_type = "file".to_owned();
    request.file_url = Some("/api/files/1/download".to_owned());
    let sent = service.send(request.clone()).await.unwrap();
    assert_eq!((sent.seq, sent.repeated), (1, false));
    let [got] = <[_; 1]>::try_from(service.history("general").await).unwrap();
    assert_eq!((got.id, got.seq, got.change_seq), (sent.id, 1, 1));
    assert_eq!((got.content, got.file_url), (request.content, request.file_url));
    assert_eq!(
        (got.message_type.as_str(), got.client_msg_id.as_deref()),
        ("file", Some("c-1"))
    );
    assert_eq!(got.created_at, sent.created_at);
    assert_eq!(got.edited_at, None);
}

async fn writers_on_two_instances_leave_no_gap(store: Store) {
    let (one, other) = (store.service().await, store.service().await);
    let writers = (0..8).map(|writer| {
        let service = if writer % 2 == 0 { &one } else { &other };
        async move {
            let mut seqs = Vec::new();
            for n in 0..25 {
                // Alternating rooms in both orders: batches hold both, and must not lock each other out.
                let room = ["general", "random"][(n + writer) % 2];
                let request = named(room, "alice", &format!("{writer}-{n}"));
                seqs.push((room, service.send(request).await.unwrap().seq));
            }
            seqs
        }
    });
    let sent: Vec<_> = join_all(writers).await.into_iter().flatten().collect();
    for room in ["general", "random"] {
        let seqs: Vec<u64> = sent
            .iter()
            .filter(|(r, _)| *r == room)
            .map(|(_, seq)| *seq)
            .collect();
        assert_eq!(seqs.len(), 100);
        assert_gapless(seqs);
        let stored: Vec<u64> = one.history(room).await.iter().map(|m| m.seq).collect();
        assert_eq!(stored, (1..=100).collect::<Vec<_>>());
    }
}

async fn one_client_msg_id_is_one_message(store: Store) {
    let (one, other) = (store.service().await, store.service().await);
    let sends = (0..50).map(|n| {
        let service = if n % 2 == 0 { &one } else { &other };
        service.send(named("general", "alice", "once"))
    });
    let answers: Vec<_> = join_all(sends).await.into_iter().map(Result::unwrap).collect();
    let distinct: HashSet<_> = answers
        .iter()
        .map(|a| (a.id.clone(), a.seq, a.created_at.map(|at| (at.seconds, at.nanos))))
        .collect();
    assert_eq!(distinct.len(), 1, "{distinct:?}");
    assert_eq!(answers.iter().filter(|a| !a.repeated).count(), 1);
    assert_eq!(one.history("general").await.len(), 1);
    // The number was not used up by the repeats.
    assert_eq!(one.say("general", "alice", "next").await.seq, 2);
}

async fn repeats_within_a_burst_leave_no_gap(store: Store) {
    let service = store.service().await;
    let first = service.send(named("general", "alice", "old")).await.unwrap();
    let sends = (0..60).map(|n| match n % 3 {
        0 => service.send(named("general", "alice", "old")),
        1 => service.send(named("general", "alice", &format!("new-{}", n / 6))),
        _ => service.send(message("general", "alice", "unnamed")),
    });
    let answers: Vec<_> = join_all(sends).await.into_iter().map(Result::unwrap).collect();
    assert!(
        answers
            .iter()
            .step_by(3)
            .all(|a| a.repeated && a.id == first.id && a.seq == 1)
    );
    let stored = service.history("general").await;
    assert_eq!(stored.len(), 1 + 10 + 20);
    assert_gapless(stored.iter().map(|m| m.seq));
}

async fn the_same_name_from_another_user_or_room_is_another_message(store: Store) {
    let service = store.service().await;
    let sends = [("general", "alice"), ("general", "bob"), ("random", "alice")];
    let sends = sends.map(|(room, user)| service.send(named(room, user, "1")));
    let ids: HashSet<_> = join_all(sends).await.into_iter().map(|a| a.unwrap().id).collect();
    assert_eq!(ids.len(), 3);
}

async fn a_missing_room_fails_alone(store: Store) {
    let service = store.service().await;
    let sends = (0..40).map(|n| {
        let room = if n % 4 == 0 { "nowhere" } else { "general" };
        service.send(named(room, "alice", &n.to_string()))
    });
    let answers = join_all(sends).await;
    let mut seqs = Vec::new();
    for (n, answer) in answers.into_iter().enumerate() {
        if n % 4 == 0 {
            assert_eq!(refusal(answer).0, Code::NotFound);
        } else {
            seqs.push(answer.unwrap().seq);
        }
    }
    assert_eq!(seqs.len(), 30);
    assert_gapless(seqs);
}

async fn what_is_on_its_way_at_shutdown_is_answered_and_kept(store: Store) {
    let broker = Broker::memory();
    let mut published = broker.subscribe(&["room:general"]);
    let mut service = store.service_with(Source::Shared(broker), None).await;
    let (first, rest) = {
        let sends = (0..100).map(|n| service.send(named("general", "alice", &n.to_string())));
        let mut sends: FuturesUnordered<_> = sends.collect();
        let first = sends.next().await.unwrap();
        service.shutdown.begin();
        (first, sends.collect::<Vec<_>>().await)
    };
    let answered: Vec<u64> = rest
        .into_iter()
        .chain([first])
        .flatten()
        .map(|sent| sent.seq)
        .collect();
    let serving = tokio::time::timeout(wait::SOON, &mut service.serving).await;
    serving.expect("it ends").unwrap().unwrap();
    service.shutdown.finish().await;
    let again = store.service().await;
    let stored: Vec<u64> = again.history("general").await.iter().map(|m| m.seq).collect();
    assert!(!answered.is_empty() && answered.iter().all(|seq| stored.contains(seq)));
    // Everything that was stored was published, too.
    for seq in &stored {
        let frame = loop {
            let event = tokio::time::timeout(wait::SOON, published.recv()).await;
            match event.expect("something is published").unwrap() {
                Event::Message(message) => break message,
                other => assert_eq!(other, Event::Connected),
            }
        };
        let frame: serde_json::Value = serde_json::from_slice(frame.payload()).unwrap();
        assert_eq!(frame["seq"], *seq);
    }
}

async fn messages_of_one_call_are_stored_in_their_order(store: Store) {
    let service = store.service().await;
    let rooms = ["general", "random"];
    let asked = (0..100_usize).map(|n| named(rooms[n % 2], &format!("user-{}", n % 7), &n.to_string()));
    let outcomes = service.send_all(asked.collect()).await.unwrap();
    assert_eq!(outcomes.len(), 100);
    let mut seqs = vec![0; 100];
    for (index, outcome) in outcomes {
        seqs[index] = outcome.unwrap().seq;
    }
    assert_eq!(seqs, (0..100).map(|n| n / 2 + 1).collect::<Vec<u64>>());
    let stored = service.history("random").await.into_iter();
    let names: Vec<_> = stored.filter_map(|message| message.client_msg_id).collect();
    assert_eq!(
        names,
        (0..50).map(|n| (2 * n + 1).to_string()).collect::<Vec<_>>()
    );
    // Sent again, they are known.
    let again = service
        .send_all(vec![named("general", "user-0", "0")])
        .await
        .unwrap();
    assert_eq!(
        again[0].1.as_ref().map(|sent| (sent.seq, sent.repeated)),
        Ok((1, true))
    );
}

async fn one_that_is_refused_takes_no_other_along(store: Store) {
    let service = store.service().await;
    let asked = vec![
        message("general", "alice", "  "),
        message("nowhere", "alice", "to nobody"),
        message("general", "alice", "to all"),
    ];
    let mut outcomes = service.send_all(asked).await.unwrap();
    outcomes.sort_by_key(|(index, _)| *index);
    let codes: Vec<_> = outcomes
        .iter()
        .map(|(_, outcome)| outcome.as_ref().map(|sent| sent.seq).map_err(|refused| refused.0))
        .collect();
    assert_eq!(codes, [Err(Code::InvalidArgument), Err(Code::NotFound), Ok(1)]);
    assert_eq!(
        outcomes[0].1.as_ref().unwrap_err().1,
        "content: must not be only white space"
    );
    let many = vec![message("general", "alice", "x"); 257];
    let refused = refusal(service.send_all(many).await);
    assert_eq!(refused, (Code::InvalidArgument, Some("messages".to_owned())));
    assert_eq!(service.history("general").await.len(), 1);
    assert_eq!(service.send_all(Vec::new()).await.unwrap().len(), 0);
}
