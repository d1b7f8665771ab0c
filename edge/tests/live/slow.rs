//! A client that does not read, and those around it.

use std::{collections::HashMap, time::Duration};

use edge::socket::SocketLimits;
use futures_util::future::join_all;
use proto::chat::CreateRoomRequest;
use serde_json::{Value, json};
use test_support::{
    client::Frame,
    proxy::{Fault, Proxy},
    wait::{SOON, START, until},
};

use crate::support::{System, consecutive, say};

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_is_told_4408_and_nobody_else_notices() {
    const COUNT: usize = 600;
    let system = System::start().await;
    let limits = SocketLimits {
        queue_bytes: 64 * 1024,
        ..SocketLimits::default()
    };
    let edge = system.edge_with(limits, true).await;
    let mut quick = edge.subscribed("quick", "general").await;
    let mut slow = edge.subscribed("slow", "general").await;
    let upstream = edge.upstream.clone();
    // More than the kernel's buffers and the queue hold together.
    let talker = tokio::spawn(async move {
        let content = "x".repeat(15_000);
        for _ in 0..COUNT {
            say(&upstream, "general", &content).await;
        }
    });
    consecutive(&mut quick, 1, COUNT).await;
    talker.await.unwrap();
    assert_eq!(slow.close_code(START).await, Some(4408));
    until(SOON, "the slow one is gone", async || {
        edge.sockets.connections() == 1
    })
    .await;
    edge.say("general", "on it goes").await;
    consecutive(&mut quick, COUNT as u64 + 1, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_in_many_rooms_is_not_read_before_it_can_be_sent() {
    // Several times what the kernel's buffers hold.
    const ROOMS: usize = 200;
    const EACH: usize = 5;
    let system = System::start().await;
    let proxy = Proxy::to(&system.chat().to_string()).await;
    let edge = system.edge_behind(&proxy).await;
    let other = system.edge().await;
    let content = "x".repeat(15_000);
    let rooms: Vec<String> = (0..ROOMS).map(|nth| format!("room-{nth}")).collect();
    let fill = rooms.iter().map(async |room| {
        let new = CreateRoomRequest {
            id: room.clone(),
            name: room.clone(),
            description: String::new(),
        };
        let made = other.upstream.chat.clone().create_room(new).await;
        made.expect("a room");
        for _ in 0..EACH {
            other.say(room, &content).await;
        }
    });
    join_all(fill).await;
    let mut slow = edge.multiplexed("slow").await;
    for room in &rooms {
        slow.send_json(&json!({"type": "subscribe", "room_id": room, "after_seq": 0}))
            .await;
    }
    // It takes in nothing meanwhile: whatever comes now was read before.
    tokio::time::sleep(Duration::from_secs(2)).await;
    proxy.set(Fault::Stall);
    let frames = slow.collect_for(Duration::from_secs(1)).await.into_iter();
    let mut messages: Vec<Value> = frames
        .filter_map(|frame| match frame {
            Frame::Json(frame) if frame["type"] == "message" => Some(frame),
            _ => None,
        })
        .collect();
    let heard = by_room(&messages).len();
    assert!((1..ROOMS).contains(&heard), "{heard}");
    // The rest comes when there is room for it.
    proxy.set(Fault::None);
    let left = ROOMS * EACH - messages.len();
    messages.extend(slow.collect("message", left, START).await);
    let seqs = by_room(&messages);
    let whole: Vec<u64> = (1..).take(EACH).collect();
    for room in &rooms {
        assert_eq!(seqs[room.as_str()], whole, "{room}");
    }
}

/// The seqs of messages, in the order in which they came.
fn by_room(messages: &[Value]) -> HashMap<&str, Vec<u64>> {
    let mut seqs: HashMap<&str, Vec<u64>> = HashMap::new();
    for message in messages {
        let room = message["room_id"].as_str().expect("a room");
        seqs.entry(room).or_default().extend(message["seq"].as_u64());
    }
    seqs
}
