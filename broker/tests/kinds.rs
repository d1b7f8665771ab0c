//! What all kinds of brokers do alike.
//!
//! Channels that begin with `chat:` are on every server of a cluster, those that begin with `room:` on one of them.
#![expect(clippy::unwrap_used, reason = "a test stops at whatever fails")]

mod support;

use std::collections::HashSet;

use broker::{Event, INBOX_BYTES};
use support::{Rig, added, event, message, publication, subscribed};
use test_support::wait;

macro_rules! each {
    ($($test:ident),+ $(,)?) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() { super::$test(super::Rig::memory().await).await; })+
        }
        mod redis {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() { super::$test(super::Rig::redis().await).await; })+
        }
        mod cluster {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() { super::$test(super::Rig::on_cluster().await).await; })+
        }
    };
}

each!(
    publications_keep_their_order,
    only_what_matches_is_heard,
    overlapping_patterns_hear_everything_once,
    bytes_pass_unchanged,
    a_slow_subscriber_is_told_and_holds_up_nobody,
    a_pattern_can_be_given_up_and_taken_again,
    patterns_can_be_added_and_removed,
    rooms_are_heard_by_name_each_in_its_order,
    thousands_of_rooms_can_be_added_and_removed,
    events_come_together_and_in_order,
    a_payload_that_fits_nowhere_is_a_gap,
    subscriptions_end_with_the_broker,
);

async fn publications_keep_their_order(rig: Rig) {
    let mut heard = subscribed(&rig.broker, &["chat:*"]).await;
    for call in 0..20 {
        let batch = (0..50)
            .map(|at| publication(&format!("chat:{}", at % 3), format!("{call} {at}")))
            .collect();
        rig.broker.publish(batch).await.unwrap();
    }
    for call in 0..20 {
        for at in 0..50 {
            let expected = message(&format!("chat:{}", at % 3), format!("{call} {at}"));
            assert_eq!(event(&mut heard).await, expected);
        }
    }
}

async fn only_what_matches_is_heard(rig: Rig) {
    let mut rooms = subscribed(&rig.broker, &["chat:*"]).await;
    let mut one = subscribed(&rig.broker, &["presence"]).await;
    let mut mixed = subscribed(&rig.broker, &["user:al*", "chat:b"]).await;
    let channels = [
        "presence",
        "presence2",
        "chat",
        "chat:",
        "chat:b",
        "chats:a",
        "user:alice",
        "user:bob",
        "end",
        "chat:end",
        "user:alend",
    ];
    let all = channels.iter().map(|channel| publication(channel, *channel));
    rig.broker
        .publish(all.chain([publication("presence", "end")]).collect())
        .await
        .unwrap();
    for channel in ["chat:", "chat:b", "chat:end"] {
        assert_eq!(event(&mut rooms).await, message(channel, channel));
    }
    assert_eq!(event(&mut one).await, message("presence", "presence"));
    assert_eq!(event(&mut one).await, message("presence", "end"));
    for channel in ["chat:b", "user:alice", "user:alend"] {
        assert_eq!(event(&mut mixed).await, message(channel, channel));
    }
}

async fn overlapping_patterns_hear_everything_once(rig: Rig) {
    let mut wide = subscribed(&rig.broker, &["chat:*"]).await;
    let mut narrow = subscribed(&rig.broker, &["chat:general"]).await;
    let mut all = subscribed(&rig.broker, &["chat:*", "chat:general", "chat:gen*"]).await;
    for text in ["one", "two", "three"] {
        let publications = vec![publication("chat:general", text)];
        rig.broker.publish(publications).await.unwrap();
    }
    for subscription in [&mut wide, &mut narrow, &mut all] {
        for text in ["one", "two", "three"] {
            assert_eq!(event(subscription).await, message("chat:general", text));
        }
    }
}

async fn bytes_pass_unchanged(rig: Rig) {
    let mut heard = subscribed(&rig.broker, &["chat:*"]).await;
    let payloads = [
        Vec::new(),
        vec![0, 255, 13, 10, 36, 0],
        (0..=255).cycle().take(200_000).collect::<Vec<u8>>(),
    ];
    for payload in payloads {
        let publications = vec![publication("chat:a", payload.clone())];
        rig.broker.publish(publications).await.unwrap();
        assert_eq!(event(&mut heard).await, message("chat:a", payload));
    }
}

async fn a_slow_subscriber_is_told_and_holds_up_nobody(rig: Rig) {
    const SIZE: usize = 64 * 1024;
    let count = INBOX_BYTES / SIZE * 2;
    let mut slow = subscribed(&rig.broker, &["chat:*"]).await;
    let mut quick = subscribed(&rig.broker, &["chat:*"]).await;
    let payload = |at: usize| {
        let mut payload = vec![b'x'; SIZE];
        payload[..8].copy_from_slice(&at.to_be_bytes());
        payload
    };
    for at in 0..count {
        let publications = vec![publication("chat:a", payload(at))];
        rig.broker.publish(publications).await.unwrap();
        assert_eq!(event(&mut quick).await, message("chat:a", payload(at)));
    }
    assert_eq!(event(&mut slow).await, Event::Interrupted);
    assert_eq!(event(&mut slow).await, Event::Connected);
    // From there on nothing is missing.
    let Event::Message(first) = event(&mut slow).await else {
        panic!("a message follows");
    };
    let first = usize::from_be_bytes(first.payload()[..8].try_into().unwrap());
    assert!(first > 0);
    for at in first + 1..count {
        assert_eq!(event(&mut slow).await, message("chat:a", payload(at)));
    }
}

async fn a_pattern_can_be_given_up_and_taken_again(rig: Rig) {
    let mut steady = subscribed(&rig.broker, &["chat:*"]).await;
    for round in 0..30 {
        let mut brief = subscribed(&rig.broker, &["presence", "user:*"]).await;
        let texts = ["presence", "user:a"];
        let publications = texts.map(|channel| publication(channel, round.to_string()));
        rig.broker.publish(publications.to_vec()).await.unwrap();
        for channel in texts {
            assert_eq!(event(&mut brief).await, message(channel, round.to_string()));
        }
    }
    rig.broker
        .publish(vec![publication("chat:a", "end")])
        .await
        .unwrap();
    assert_eq!(event(&mut steady).await, message("chat:a", "end"));
}

async fn patterns_can_be_added_and_removed(rig: Rig) {
    let mut heard = subscribed(&rig.broker, &["presence"]).await;
    let mut all = subscribed(&rig.broker, &["*"]).await;
    let publish = async |channels: &[&str], text: &str| {
        let publications = channels
            .iter()
            .map(|channel| publication(channel, text.to_owned()));
        rig.broker.publish(publications.collect()).await.unwrap();
    };
    for round in 0..30 {
        let text = round.to_string();
        heard.add(&["chat:a", "chat:b"]);
        assert_eq!(event(&mut heard).await, added("chat:a"));
        assert_eq!(event(&mut heard).await, added("chat:b"));
        publish(&["chat:a", "chat:b", "chat:c"], &text).await;
        assert_eq!(event(&mut heard).await, message("chat:a", text.clone()));
        assert_eq!(event(&mut heard).await, message("chat:b", text.clone()));
        // What is there already is told of all the same, and nothing is heard twice.
        heard.add(&["chat:b", "chat:*"]);
        assert_eq!(event(&mut heard).await, added("chat:b"));
        assert_eq!(event(&mut heard).await, added("chat:*"));
        publish(&["chat:a", "chat:c"], &text).await;
        assert_eq!(event(&mut heard).await, message("chat:a", text.clone()));
        assert_eq!(event(&mut heard).await, message("chat:c", text.clone()));
        heard.remove(&["chat:*"]);
        heard.remove(&["chat:a", "chat:b"]);
        publish(&["chat:a", "chat:b", "presence"], &text).await;
        assert_eq!(event(&mut heard).await, message("presence", text.clone()));
    }
    let mut events = Vec::new();
    while events.len() < 30 * 8 {
        assert_ne!(all.recv_many(&mut events, 1000).await, 0);
    }
    assert!(events.iter().all(|event| matches!(event, Event::Message(_))));
}

async fn rooms_are_heard_by_name_each_in_its_order(rig: Rig) {
    let rooms: Vec<String> = (0..50).map(|room| format!("room:{room}")).collect();
    let names: Vec<&str> = rooms.iter().map(String::as_str).collect();
    let mut heard = subscribed(&rig.broker, &names).await;
    for call in 0..20 {
        let batch = (0..200).map(|at| publication(names[at % names.len()], format!("{call} {at}")));
        rig.broker.publish(batch.collect()).await.unwrap();
    }
    let mut events = Vec::new();
    while events.len() < 20 * 200 {
        events.push(event(&mut heard).await);
    }
    for (room, name) in names.iter().enumerate() {
        let of_room = events.iter().filter_map(|event| match event {
            Event::Message(message) if message.channel() == *name => Some(message.payload()),
            _ => None,
        });
        let expected = (0..20).flat_map(|call| {
            let published = (room..200).step_by(names.len());
            published.map(move |at| format!("{call} {at}"))
        });
        assert!(of_room.eq(expected.map(String::into_bytes)), "{name}");
    }
}

async fn thousands_of_rooms_can_be_added_and_removed(rig: Rig) {
    const COUNT: usize = 3000;
    let rooms: Vec<String> = (0..COUNT).map(|room| format!("room:{room}")).collect();
    let names: Vec<&str> = rooms.iter().map(String::as_str).collect();
    // With a room at each server of a cluster: all are connected to.
    let mut heard = subscribed(&rig.broker, &["presence", "room:b", "room:c", "room:d", "room:a"]).await;
    for round in ["one", "two"] {
        heard.add(&names);
        let mut left: HashSet<&str> = names.iter().copied().collect();
        while !left.is_empty() {
            match event(&mut heard).await {
                Event::Added(name) => assert!(left.remove(&*name), "{name} is told once"),
                other => panic!("not an addition: {other:?}"),
            }
        }
        let publish = async || {
            let batch = names.iter().map(|name| publication(name, round));
            rig.broker.publish(batch.collect()).await.unwrap();
        };
        publish().await;
        let mut left: HashSet<&str> = names.iter().copied().collect();
        while !left.is_empty() {
            match event(&mut heard).await {
                Event::Message(message) => assert!(left.remove(message.channel()), "{message:?} comes once"),
                other => panic!("not a message: {other:?}"),
            }
        }
        heard.remove(&names);
        publish().await;
        rig.broker
            .publish(vec![publication("presence", round)])
            .await
            .unwrap();
        assert_eq!(event(&mut heard).await, message("presence", round));
    }
}

async fn events_come_together_and_in_order(rig: Rig) {
    let mut heard = subscribed(&rig.broker, &["chat:*"]).await;
    let text = |at: usize| format!("{at}");
    let batch = (0..500).map(|at| publication("chat:a", text(at))).collect();
    rig.broker.publish(batch).await.unwrap();
    let mut events = Vec::new();
    while events.len() < 500 {
        let before = events.len();
        let receiving = tokio::time::timeout(wait::SOON, heard.recv_many(&mut events, 64));
        let count = receiving.await.expect("events come in time");
        assert!((1..=64).contains(&count));
        assert_eq!(events.len(), before + count);
    }
    for (at, event) in events.into_iter().enumerate() {
        assert_eq!(event, message("chat:a", text(at)));
    }
    drop(rig.broker);
    assert_eq!(heard.recv_many(&mut Vec::new(), 64).await, 0);
}

async fn a_payload_that_fits_nowhere_is_a_gap(rig: Rig) {
    let mut heard = subscribed(&rig.broker, &["chat:*"]).await;
    let mut other = subscribed(&rig.broker, &["presence"]).await;
    let batch = vec![
        publication("chat:a", vec![b'x'; INBOX_BYTES + 1]),
        publication("chat:a", "next"),
        publication("presence", "next"),
    ];
    rig.broker.publish(batch).await.unwrap();
    assert_eq!(event(&mut heard).await, Event::Interrupted);
    assert_eq!(event(&mut heard).await, Event::Connected);
    assert_eq!(event(&mut heard).await, message("chat:a", "next"));
    assert_eq!(event(&mut other).await, message("presence", "next"));
}

async fn subscriptions_end_with_the_broker(rig: Rig) {
    let mut heard = subscribed(&rig.broker, &["chat:*"]).await;
    rig.broker
        .publish(vec![publication("chat:a", "last")])
        .await
        .unwrap();
    assert_eq!(event(&mut heard).await, message("chat:a", "last"));
    drop(rig.broker);
    let end = tokio::time::timeout(wait::SOON, heard.recv()).await;
    assert_eq!(end.expect("an end"), None);
}
