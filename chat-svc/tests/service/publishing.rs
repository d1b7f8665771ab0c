//! What goes to the broker: every change, in the order of its seq, as the bytes that the log gives back.

use std::collections::HashMap;

use broker::{Broker, Event, Publication, Source, Subscription};
use bytes::Bytes;
use futures_util::future::join_all;
use proto::chat::ChangesSinceRequest;
use test_support::{ports, wait};

use crate::{
    on_both_stores,
    support::{Store, message, named},
};

on_both_stores!(
    frames_are_published_in_the_order_of_their_seq,
    a_repeat_is_not_published_again,
    a_new_room_is_announced,
    a_broker_that_is_down_stops_nobody,
);

async fn next(subscription: &mut Box<dyn Subscription>) -> Publication {
    loop {
        let event = tokio::time::timeout(wait::SOON, subscription.recv()).await;
        match event.expect("something is published").expect("the broker lives") {
            Event::Message(message) => return message.into(),
            Event::Connected => {}
            Event::Interrupted => panic!("nothing was missed"),
            Event::Added(pattern) => panic!("nobody added {pattern}"),
        }
    }
}

async fn frames_are_published_in_the_order_of_their_seq(store: Store) {
    let broker = Broker::memory();
    let mut subscription = broker.subscribe(&["room:*"]);
    let service = store.service_with(Source::Shared(broker), None).await;
    let sends =
        (0..200).map(|n| service.send(message(["general", "random"][n % 2], "alice", &n.to_string())));
    for sent in join_all(sends).await {
        sent.unwrap();
    }
    let mut published: HashMap<String, Vec<Bytes>> = HashMap::new();
    for _ in 0..200 {
        let Publication { channel, payload } = next(&mut subscription).await;
        published.entry(channel).or_default().push(payload);
    }
    for room in ["general", "random"] {
        let request = ChangesSinceRequest {
            room_id: room.to_owned(),
            ..Default::default()
        };
        let log = service
            .chat
            .clone()
            .changes_since(request)
            .await
            .unwrap()
            .into_inner();
        let logged: Vec<Bytes> = log.changes.into_iter().map(|change| change.frame).collect();
        assert_eq!(logged.len(), 100);
        assert_eq!(published[&format!("room:{room}")], logged);
    }
}

async fn a_repeat_is_not_published_again(store: Store) {
    let broker = Broker::memory();
    let mut subscription = broker.subscribe(&["room:*"]);
    let service = store.service_with(Source::Shared(broker), None).await;
    for name in ["a", "a", "b"] {
        service.send(named("general", "alice", name)).await.unwrap();
    }
    for seq in 1..=2 {
        let frame: serde_json::Value =
            serde_json::from_slice(&next(&mut subscription).await.payload).unwrap();
        assert_eq!((&frame["type"], &frame["seq"]), (&"message".into(), &seq.into()));
    }
}

async fn a_new_room_is_announced(store: Store) {
    let broker = Broker::memory();
    let mut subscription = broker.subscribe(&["room:*", "rooms"]);
    let service = store.service_with(Source::Shared(broker), None).await;
    service.make_room("lobby").await;
    let publication = next(&mut subscription).await;
    assert_eq!(publication.channel, "room:lobby");
    let again = next(&mut subscription).await;
    assert_eq!((&*again.channel, &again.payload), ("rooms", &publication.payload));
    let frame: serde_json::Value = serde_json::from_slice(&publication.payload).unwrap();
    assert_eq!(
        (&frame["type"], &frame["room_id"]),
        (&"room_updated".into(), &"lobby".into())
    );
}

async fn a_broker_that_is_down_stops_nobody(store: Store) {
    let nowhere = format!("redis://127.0.0.1:{}", ports::free());
    let broker = Source::from_setting(Some(&nowhere)).unwrap();
    let service = store.service_with(broker, None).await;
    let sends = (0..20).map(|_| service.send(message("general", "alice", "hi")));
    let all = tokio::time::timeout(wait::SOON, join_all(sends)).await;
    assert!(
        all.expect("nobody waits for Redis")
            .into_iter()
            .all(|sent| sent.is_ok())
    );
}
