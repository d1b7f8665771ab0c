//! What both members of the pair do alike.
#![expect(clippy::unwrap_used, reason = "a test stops at whatever fails")]

mod support;

use broker::{Event, INBOX_BYTES};
use support::{Rig, added, event, message, publication, subscribed};
use test_support::wait;

macro_rules! both {
    ($($test:ident),+ $(,)?) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() { super::$test(super::Rig::memory().await).await; })+
        }
        mod redis {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() { super::$test(super::Rig::redis().await).await; })+
        }
    };
}

both!(
    publications_keep_their_order,
    only_what_matches_is_heard,
    overlapping_patterns_hear_everything_once,
    bytes_pass_unchanged,
    a_slow_subscriber_is_told_and_holds_up_nobody,
    a_pattern_can_be_given_up_and_taken_again,
    patterns_can_be_added_and_removed,
    events_come_together_and_in_order,
    a_payload_that_fits_nowhere_is_a_gap,
    subscriptions_end_with_the_broker,
);

async fn publications_keep_their_order(rig: Rig) {
    let mut heard = subscribed(&rig.broker, &["room:*"]).await;
    for call in 0..20 {
        let batch = (0..50)
            .map(|at| publication(&format!("room:{}", at % 3), format!("{call} {at}")))
            .collect();
        rig.broker.publish(batch).await.unwrap();
    }
    for call in 0..20 {
        for at in 0..50 {
            let expected = message(&format!("room:{}", at % 3), format!("{call} {at}"));
            assert_eq!(event(&mut heard).await, expected);
        }
    }
}

async fn only_what_matches_is_heard(rig: Rig) {
    let mut rooms = subscribed(&rig.broker, &["room:*"]).await;
    let mut one = subscribed(&rig.broker, &["presence"]).await;
    let mut mixed = subscribed(&rig.broker, &["user:al*", "room:b"]).await;
    let channels = [
        "presence",
        "presence2",
        "room",
        "room:",
        "room:b",
        "rooms:a",
        "user:alice",
        "user:bob",
        "end",
        "room:end",
        "user:alend",
    ];
    let all = channels.iter().map(|channel| publication(channel, *channel));
    rig.broker
        .publish(all.chain([publication("presence", "end")]).collect())
        .await
        .unwrap();
    for channel in ["room:", "room:b", "room:end"] {
        assert_eq!(event(&mut rooms).await, message(channel, channel));
    }
    assert_eq!(event(&mut one).await, message("presence", "presence"));
    assert_eq!(event(&mut one).await, message("presence", "end"));
    for channel in ["room:b", "user:alice", "user:alend"] {
        assert_eq!(event(&mut mixed).await, message(channel, channel));
    }
}

async fn overlapping_patterns_hear_everything_once(rig: Rig) {
    let mut wide = subscribed(&rig.broker, &["room:*"]).await;
    let mut narrow = subscribed(&rig.broker, &["room:general"]).await;
    let mut all = subscribed(&rig.broker, &["room:*", "room:general", "room:gen*"]).await;
    for text in ["one", "two", "three"] {
        let publications = vec![publication("room:general", text)];
        rig.broker.publish(publications).await.unwrap();
    }
    for subscription in [&mut wide, &mut narrow, &mut all] {
        for text in ["one", "two", "three"] {
            assert_eq!(event(subscription).await, message("room:general", text));
        }
    }
}

async fn bytes_pass_unchanged(rig: Rig) {
    let mut heard = subscribed(&rig.broker, &["room:*"]).await;
    let payloads = [
        Vec::new(),
        vec![0, 255, 13, 10, 36, 0],
        (0..=255).cycle().take(200_000).collect::<Vec<u8>>(),
    ];
    for payload in payloads {
        let publications = vec![publication("room:a", payload.clone())];
        rig.broker.publish(publications).await.unwrap();
        assert_eq!(event(&mut heard).await, message("room:a", payload));
    }
}

async fn a_slow_subscriber_is_told_and_holds_up_nobody(rig: Rig) {
    const SIZE: usize = 64 * 1024;
    let count = INBOX_BYTES / SIZE * 2;
    let mut slow = subscribed(&rig.broker, &["room:*"]).await;
    let mut quick = subscribed(&rig.broker, &["room:*"]).await;
    let payload = |at: usize| {
        let mut payload = vec![b'x'; SIZE];
        payload[..8].copy_from_slice(&at.to_be_bytes());
        payload
    };
    for at in 0..count {
        let publications = vec![publication("room:a", payload(at))];
        rig.broker.publish(publications).await.unwrap();
        assert_eq!(event(&mut quick).await, message("room:a", payload(at)));
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
        assert_eq!(event(&mut slow).await, message("room:a", payload(at)));
    }
}

async fn a_pattern_can_be_given_up_and_taken_again(rig: Rig) {
    let mut steady = subscribed(&rig.broker, &["room:*"]).await;
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
        .publish(vec![publication("room:a", "end")])
        .await
        .unwrap();
    assert_eq!(event(&mut steady).await, message("room:a", "end"));
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
        heard.add(&["room:a", "room:b"]);
        assert_eq!(event(&mut heard).await, added("room:a"));
        assert_eq!(event(&mut heard).await, added("room:b"));
        publish(&["room:a", "room:b", "room:c"], &text).await;
        assert_eq!(event(&mut heard).await, message("room:a", text.clone()));
        assert_eq!(event(&mut heard).await, message("room:b", text.clone()));
        // What is there already is told of all the same, and nothing is heard twice.
        heard.add(&["room:b", "room:*"]);
        assert_eq!(event(&mut heard).await, added("room:b"));
        assert_eq!(event(&mut heard).await, added("room:*"));
        publish(&["room:a", "room:c"], &text).await;
        assert_eq!(event(&mut heard).await, message("room:a", text.clone()));
        assert_eq!(event(&mut heard).await, message("room:c", text.clone()));
        heard.remove(&["room:*"]);
        heard.remove(&["room:a", "room:b"]);
        publish(&["room:a", "room:b", "presence"], &text).await;
        assert_eq!(event(&mut heard).await, message("presence", text.clone()));
    }
    let mut events = Vec::new();
    while events.len() < 30 * 8 {
        assert_ne!(all.recv_many(&mut events, 1000).await, 0);
    }
    assert!(events.iter().all(|event| matches!(event, Event::Message(_))));
}

async fn events_come_together_and_in_order(rig: Rig) {
    let mut heard = subscribed(&rig.broker, &["room:*"]).await;
    let text = |at: usize| format!("{at}");
    let batch = (0..500).map(|at| publication("room:a", text(at))).collect();
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
        assert_eq!(event, message("room:a", text(at)));
    }
    drop(rig.broker);
    assert_eq!(heard.recv_many(&mut Vec::new(), 64).await, 0);
}

async fn a_payload_that_fits_nowhere_is_a_gap(rig: Rig) {
    let mut heard = subscribed(&rig.broker, &["room:*"]).await;
    let mut other = subscribed(&rig.broker, &["presence"]).await;
    let batch = vec![
        publication("room:a", vec![b'x'; INBOX_BYTES + 1]),
        publication("room:a", "next"),
        publication("presence", "next"),
    ];
    rig.broker.publish(batch).await.unwrap();
    assert_eq!(event(&mut heard).await, Event::Interrupted);
    assert_eq!(event(&mut heard).await, Event::Connected);
    assert_eq!(event(&mut heard).await, message("room:a", "next"));
    assert_eq!(event(&mut other).await, message("presence", "next"));
}

async fn subscriptions_end_with_the_broker(rig: Rig) {
    let mut heard = subscribed(&rig.broker, &["room:*"]).await;
    rig.broker
        .publish(vec![publication("room:a", "last")])
        .await
        .unwrap();
    assert_eq!(event(&mut heard).await, message("room:a", "last"));
    drop(rig.broker);
    let end = tokio::time::timeout(wait::SOON, heard.recv()).await;
    assert_eq!(end.expect("an end"), None);
}
