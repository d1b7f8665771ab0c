//! Two people in a room.

use std::time::{Duration, Instant};

use edge::socket::SocketLimits;
use futures_util::future::join_all;
use serde_json::json;
use test_support::{
    client::{Frame, Socket},
    wait::SOON,
};

use crate::support::{System, consecutive, message, silent};

#[tokio::test(flavor = "multi_thread")]
async fn two_people_on_two_edges_chat() {
    let system = System::start().await;
    let (one, other) = (system.edge().await, system.edge().await);
    let mut alice = one.room("general", "alice").await;
    let mut bob = other.room("general", "bob").await;
    let joined = alice.wait_for("user_joined", SOON).await;
    assert_eq!(
        (&joined["user_id"], &joined["room_id"]),
        (&json!("bob"), &json!("general"))
    );

    alice.send_json(&message("Hello!", "c-1")).await;
    let ack = alice.wait_for("ack", SOON).await;
    let heard = bob.wait_for("message", SOON).await;
    assert_eq!(heard["content"], "Hello!");
    assert_eq!(heard["user_id"], "alice");
    assert_eq!(heard["message_type"], "text");
    assert_eq!(heard["client_msg_id"], "c-1");
    assert_eq!((&ack["id"], &ack["seq"]), (&heard["id"], &heard["seq"]));
    assert_eq!(ack["client_msg_id"], "c-1");

    bob.send_json(&json!({"type": "message", "content": "Hi"})).await;
    let ack = bob.wait_for("ack", SOON).await;
    assert_eq!(ack["client_msg_id"], json!(null));
    let heard = alice.wait_where("bob's answer", SOON, |frame| {
        frame["user_id"] == "bob" && frame["type"] == "message"
    });
    assert!(heard.await.get("client_msg_id").is_none());
    silent(&mut alice, "ack").await;

    bob.close().await;
    let left = alice.wait_for("user_left", SOON).await;
    assert_eq!(left["user_id"], "bob");
}

/// What they send shares calls: each still gets its own answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_sends_at_once_is_acknowledged_each_for_itself() {
    const EACH: u64 = 5;
    let system = System::start().await;
    let edge = system.edge().await;
    let rooms = ["general", "random"];
    let mut sockets = Vec::new();
    for user in 0..120 {
        sockets.push(edge.room(rooms[user % 2], &format!("user-{user}")).await);
    }
    let acked = join_all(sockets.iter_mut().enumerate().map(async |(user, socket)| {
        for n in 0..EACH {
            let name = format!("{user}-{n}");
            socket.send_json(&message(&name, &name)).await;
        }
        let mut seqs = Vec::new();
        for n in 0..EACH {
            let ack = socket.wait_for("ack", SOON).await;
            assert_eq!(
                ack["client_msg_id"],
                format!("{user}-{n}"),
                "in the order of sending"
            );
            seqs.push((user % 2, ack["seq"].as_u64().expect("a seq")));
        }
        seqs
    }));
    let mut seqs: Vec<_> = acked.await.into_iter().flatten().collect();
    seqs.sort_unstable();
    let all = |room| (1..=60 * EACH).map(move |seq| (room, seq));
    assert_eq!(seqs, all(0).chain(all(1)).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sender_hears_itself_even_right_after_connecting() {
    let system = System::start().await;
    let edge = system.edge().await;
    for round in 0..10 {
        let mut socket = Socket::connect(&edge.url(&format!("/ws/general/user-{round}?username=Ünï"))).await;
        socket.send_json(&message("first", "c-1")).await;
        let heard = socket
            .wait_where("the own message", SOON, |frame| frame["type"] == "message")
            .await;
        assert_eq!(heard["username"], "Ünï");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn typing_is_told_to_the_room() {
    let system = System::start().await;
    let edge = system.edge().await;
    let mut alice = edge.room("general", "alice").await;
    let mut bob = edge.room("general", "bob").await;
    for kind in ["typing", "stop_typing"] {
        alice.send_json(&json!({ "type": kind })).await;
        let told = bob.wait_for(kind, SOON).await;
        assert_eq!(
            (&told["user_id"], &told["room_id"]),
            (&json!("alice"), &json!("general"))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_one_sender_keeps_its_order() {
    let system = System::start().await;
    let edge = system.edge().await;
    let gathering = SocketLimits {
        flush_floor: Duration::from_millis(20),
        ..SocketLimits::default()
    };
    let other = system.edge_with(gathering, true).await;
    let mut alice = edge.room("general", "alice").await;
    let mut bob = other.room("general", "bob").await;
    for number in 0..200 {
        alice
            .send_json(&message(&number.to_string(), &format!("c-{number}")))
            .await;
    }
    let heard = bob.collect("message", 200, SOON).await;
    for (number, message) in heard.iter().enumerate() {
        assert_eq!(message["content"], number.to_string());
    }
    let acks = alice.collect("ack", 1, SOON).await;
    assert_eq!(acks[0]["type"], "ack");
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_sends_of_one_name_over_two_edges_make_one_message() {
    let system = System::start().await;
    let edges = [system.edge().await, system.edge().await];
    let mut watcher = edges[0].room("general", "watcher").await;
    let mut sockets = Vec::new();
    for number in 0..50 {
        sockets.push(Socket::connect(&edges[number % 2].url("/ws/general/alice")).await);
    }
    for socket in &mut sockets {
        socket.send_json(&message("once", "the-same")).await;
    }
    let mut acks = Vec::new();
    for socket in &mut sockets {
        acks.push(socket.wait_for("ack", SOON).await);
    }
    assert!(acks.iter().all(|ack| *ack == acks[0]), "{acks:?}");
    consecutive(&mut watcher, 1, 1).await;
    silent(&mut watcher, "message").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_that_stops_tells_everybody_to_come_back() {
    let system = System::start().await;
    let (stopping, staying) = (system.edge().await, system.edge().await);
    let mut watcher = staying.room("general", "watcher").await;
    let mut alice = stopping.room("general", "alice").await;
    alice.send_json(&message("last words", "c-1")).await;
    watcher.wait_for("message", SOON).await;
    stopping.shutdown.begin();
    let ack = alice.wait_for("ack", SOON).await;
    assert_eq!(ack["client_msg_id"], "c-1");
    assert_eq!(alice.close_code(SOON).await, Some(1001));
    silent(&mut watcher, "user_left").await;
    let gone = async || stopping.sockets.connections() == 0;
    test_support::wait::until(SOON, "no connection is left", gone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_that_stops_lets_its_clients_go_one_after_the_other_and_says_when_to_be_back() {
    // Enough for each shard, of which there is one per core, to have some.
    let count = 40 * std::thread::available_parallelism().map_or(1, usize::from);
    let drain = Duration::from_secs(1);
    let limits = SocketLimits {
        drain,
        ..SocketLimits::default()
    };
    let system = System::start().await;
    let edge = system.edge_with(limits, true).await;
    let born = Instant::now();
    let mut clients = Vec::new();
    for n in 0..count {
        clients.push(edge.multiplexed(&format!("client{n}")).await);
    }
    // One that has just started has no ticks to make up for.
    let old = async || born.elapsed() > 2 * drain;
    test_support::wait::until(SOON, "the edge is older than its drain takes", old).await;
    edge.shutdown.begin();
    let goodbyes = clients.into_iter().map(|mut client| async move {
        loop {
            match client.next_frame(SOON).await {
                Frame::Closed(code, reason) => return (Instant::now(), code, reason),
                Frame::Lost => panic!("nobody is just cut off"),
                _ => {}
            }
        }
    });
    let goodbyes = join_all(goodbyes).await;
    let times = || goodbyes.iter().map(|(at, ..)| *at);
    let spread = times().max().unwrap().duration_since(times().min().unwrap());
    assert!(spread > drain / 5, "all within {spread:?}");
    for (_, code, reason) in &goodbyes {
        assert_eq!(*code, 1001);
        assert!(reason.contains("; reconnect_after_ms="), "{reason}");
    }
}
