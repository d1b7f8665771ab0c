//! What both members of the pair do alike.
#![expect(clippy::unwrap_used, reason = "a test stops at whatever fails")]

mod support;

use broker::{Event, INBOX_BYTES};
use support::{Rig, event, message, publication, subscribed};

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
    let first = usize::from_be_bytes(first.payload[..8].try_into().unwrap());
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

async fn subscriptions_end_with_the_broker(rig: Rig) {
    let mut heard = subscribed(&rig.broker, &["room:*"]).await;
    rig.broker
        .publish(vec![publication("room:a", "last")])
        .await
        .unwrap();
    assert_eq!(event(&mut heard).await, message("room:a", "last"));
    drop(rig.broker);
    let end = tokio::time::timeout(test_support::wait::SOON, heard.recv()).await;
    assert_eq!(end.expect("an end"), None);
}
