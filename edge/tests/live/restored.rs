//! A database that was restored to an earlier state and went on with other messages: nobody keeps what is no longer
//! true, and nobody is reset for nothing.

use std::sync::atomic::Ordering;

use broker::Publication;
use serde_json::{Value, json};
use test_support::{
    client::{Frame, Socket},
    proxy::{Fault, Proxy},
    wait::SOON,
};

use crate::{
    hintless,
    support::{Edge, System, consecutive, silent},
};

const LOST: &str = "01890000-0000-7000-8000-000000000000";

/// Says some things and tells their ids, by seq.
async fn say(edge: &Edge, room: &str, seqs: impl IntoIterator<Item = u64>) -> Vec<(u64, String)> {
    let mut said = Vec::new();
    for seq in seqs {
        let sent = edge.say(room, &seq.to_string()).await;
        assert_eq!(sent.seq, seq);
        said.push((seq, sent.id));
    }
    said
}

/// The next `count` messages of a room, by seq; a reset among them is one too many.
async fn heard(socket: &mut Socket, count: usize) -> Vec<(u64, String)> {
    let mut heard = Vec::new();
    while heard.len() < count {
        let next = socket.wait_where("a message", SOON, |frame| {
            frame["type"] == "message" || frame["type"] == "reset"
        });
        let frame = next.await;
        assert_eq!(frame["type"], "message", "{frame}");
        heard.push((frame["seq"].as_u64().expect("a seq"), text(&frame["id"])));
    }
    heard
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Waits for a reset; tells where the room goes on.
async fn reset(socket: &mut Socket, room: &str) -> u64 {
    let reset = socket
        .wait_where("a reset of the room", SOON, |frame| {
            frame["type"] == "reset" && frame["room_id"] == room
        })
        .await;
    reset["last_seq"].as_u64().expect("a seq")
}

async fn subscribe(socket: &mut Socket, after_seq: u64, after_id: Option<&str>) -> Value {
    let frame =
        json!({"type": "subscribe", "room_id": "general", "after_seq": after_seq, "after_id": after_id});
    socket.send_json(&frame).await;
    socket.wait_for("subscribed", SOON).await
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_is_reset_once_hints_tell_of_other_messages_in_the_same_places() {
    let system = System::start().await;
    let edge = system.edge().await;
    let mut alice = edge.subscribed("alice", "general").await;
    let old = say(&edge, "general", 1..=9).await;
    assert_eq!(heard(&mut alice, 9).await, old);

    system.set_back("general", 5).await;
    say(&edge, "general", 6..=11).await;
    let at = reset(&mut alice, "general").await;
    assert!((6..=11).contains(&at), "{at}");
    let live = say(&edge, "general", 12..=13).await;
    let came = heard(&mut alice, usize::try_from(13 - at).unwrap()).await;
    assert_eq!(
        came.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(),
        (at + 1..=13).collect::<Vec<_>>()
    );
    assert!(came.ends_with(&live));
    silent(&mut alice, "reset").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_is_reset_when_no_hint_tells_of_it() {
    let (broker, loses) = hintless::broker();
    let system = System::on(broker).await;
    let edge = system.edge().await;
    let mut alice = edge.subscribed("alice", "general").await;
    let mut bob = edge.room("random", "bob").await;
    for (room, socket) in [("general", &mut alice), ("random", &mut bob)] {
        let old = say(&edge, room, 1..=9).await;
        assert_eq!(heard(socket, 9).await, old);
    }
    loses.store(true, Ordering::Relaxed);
    // One goes beyond where it was, the other just as far.
    for (room, to) in [("general", 12), ("random", 9)] {
        system.set_back(room, 5).await;
        say(&edge, room, 6..=to).await;
    }
    for (room, socket, to) in [("general", &mut alice, 12), ("random", &mut bob, 9)] {
        assert_eq!(reset(socket, room).await, to);
    }
    loses.store(false, Ordering::Relaxed);
    for (room, socket, next) in [("general", &mut alice, 13), ("random", &mut bob, 10)] {
        let live = say(&edge, room, next..=next).await;
        assert_eq!(heard(socket, 1).await, live);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_with_what_the_log_lost_is_reset() {
    let system = System::start().await;
    let edge = system.edge().await;
    let before = say(&edge, "general", 1..=9).await;
    system.set_back("general", 5).await;
    let now = say(&edge, "general", 6..=9).await;
    let id = |log: &[(u64, String)], seq: u64| {
        let found = log.iter().find(|(at, _)| *at == seq);
        found.map(|(_, id)| id.clone()).unwrap_or_default()
    };

    // At the head, and behind it; by a room socket and by a subscription.
    for after in [9, 7] {
        let lost = id(&before, after);
        let path = format!("/ws/general/alice-{after}?after_seq={after}&after_id={lost}");
        let mut alice = Socket::connect(&edge.url(&path)).await;
        assert_eq!(reset(&mut alice, "general").await, 9);
        let mut bob = edge.multiplexed(&format!("bob-{after}")).await;
        let subscribed = subscribe(&mut bob, after, Some(&lost)).await;
        assert_eq!(subscribed["last_id"], id(&now, 9));
        let told = bob.wait_for("reset", SOON).await;
        assert_eq!(
            (&told["last_seq"], text(&told["last_id"])),
            (&json!(9), id(&now, 9))
        );
        let live = edge.say("general", "live").await;
        for socket in [&mut alice, &mut bob] {
            assert_eq!(heard(socket, 1).await, [(live.seq, live.id.clone())]);
        }
        system.set_back("general", 9).await;
        drop((alice, bob));
        test_support::wait::until(SOON, "nobody listens", async || edge.sockets.rooms_served() == 0).await;
    }

    // What is in the log is in it, whatever came after; without an id, the seq has to do.
    for (after, after_id) in [
        (5, Some(id(&before, 5))),
        (7, Some(id(&now, 7).to_uppercase())),
        (7, None),
    ] {
        let mut carol = edge.multiplexed("carol").await;
        subscribe(&mut carol, after, after_id.as_deref()).await;
        let missed: Vec<_> = now.iter().filter(|(seq, _)| *seq > after).cloned().collect();
        assert_eq!(heard(&mut carol, missed.len()).await, missed);
        silent(&mut carol, "reset").await;
    }
    for after_id in [Some(id(&now, 9)), None] {
        let mut dave = edge.multiplexed("dave").await;
        subscribe(&mut dave, 9, after_id.as_deref()).await;
        silent(&mut dave, "reset").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_none_is_named() {
    let system = System::start().await;
    let edge = system.edge().await;
    let mut alice = edge.multiplexed("alice").await;
    let frame = json!({"type": "subscribe", "room_id": "general", "after_seq": 1, "after_id": "m1"});
    alice.send_json(&frame).await;
    let error = alice.wait_for("error", SOON).await;
    assert_eq!(error["code"], "bad_frame");
    assert_eq!(error["message"], "after_id: must be a UUID");
    let mut bob = Socket::connect(&edge.url("/ws/general/bob?after_seq=1&after_id=m1")).await;
    let closed = Frame::Closed(4400, "after_id: must be a UUID".to_owned());
    assert_eq!(bob.next_frame(SOON).await, closed);
}

/// An edge that reaches chat-svc through a proxy.
#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_at_the_head_asks_the_log_nothing() {
    let system = System::start().await;
    let proxy = Proxy::to(&system.chat().to_string()).await;
    let edge = system.edge_behind(&proxy).await;
    let mut sockets = Vec::new();
    for user in ["alice", "bob", "carol", "dave"] {
        sockets.push(edge.multiplexed(user).await);
    }
    let [alice, bob, carol, dave] = &mut sockets[..] else {
        unreachable!("four came");
    };
    subscribe(alice, 0, None).await;
    let said = say(&edge, "general", 1..=5).await;
    assert_eq!(heard(alice, 5).await, said);
    let (last, earlier) = (said[4].1.clone(), said[3].1.clone());

    proxy.set(Fault::Cut);
    assert_eq!(subscribe(bob, 5, Some(&last)).await["last_id"], last);
    subscribe(carol, 5, Some(LOST)).await;
    assert_eq!(reset(carol, "general").await, 5);
    // Who is behind needs the log, and waits for it.
    subscribe(dave, 4, Some(&earlier)).await;
    let hint = json!({
        "type": "message", "id": LOST, "room_id": "general", "user_id": "narrator", "username": "narrator",
        "content": "6", "message_type": "text", "file_url": null, "timestamp": "2026-11-23T10:00:00.123Z", "seq": 6,
    });
    let publication = Publication {
        channel: "room:general".to_owned(),
        payload: hint.to_string().into(),
    };
    system.broker.publish(vec![publication]).await.unwrap();
    for socket in [alice, bob, carol] {
        assert_eq!(heard(socket, 1).await, [(6, LOST.to_owned())]);
    }
    silent(dave, "message").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_still_fed_from_the_log_is_reset_too() {
    let system = System::start().await;
    let proxy = Proxy::to(&system.chat().to_string()).await;
    let (edge, other) = (system.edge_behind(&proxy).await, system.edge().await);
    let mut alice = edge.subscribed("alice", "general").await;
    let mut bob = edge.multiplexed("bob").await;
    say(&other, "general", 1..=5).await;
    consecutive(&mut alice, 1, 5).await;
    proxy.set(Fault::Cut);
    // Without an id, what he has can't be told from what is there now.
    subscribe(&mut bob, 4, None).await;
    system.set_back("general", 3).await;
    say(&other, "general", 4..=6).await;
    proxy.set(Fault::None);
    for socket in [&mut alice, &mut bob] {
        reset(socket, "general").await;
    }
    let live = say(&other, "general", 7..=7).await;
    for socket in [&mut alice, &mut bob] {
        let seen = socket.wait_where("what is said", SOON, |frame| frame["seq"] == 7);
        assert_eq!(text(&seen.await["id"]), live[0].1);
    }
}
