//! Two edges and two replicas of chat-svc on one Redis: what clients of different edges may rely on, also while Redis is down.

use std::{collections::HashSet, time::Duration};

use e2e::{
    raw_http::Raw,
    stack::{ack_of, fresh, settle},
};
use futures_util::{StreamExt as _, future::join_all};
use serde_json::{Value, json};
use test_support::{
    client::{Rest, Socket},
    cluster::Cluster,
    wait,
};

async fn join(cluster: &Cluster, edge: usize, room: &str, user: &str) -> Socket {
    let url = cluster.ws_url(edge, &format!("/ws/{room}/{user}?username={user}&after_seq=0"));
    let mut socket = Socket::connect(&url).await;
    settle(&mut socket).await;
    socket
}

async fn make_room(cluster: &Cluster) -> String {
    let id = fresh("room");
    let rest = Rest::new(cluster.base_url(0));
    let _ = rest
        .post("/api/chat/rooms", &json!({"id": id, "name": "A room"}))
        .await
        .expect(201);
    id
}

fn message(content: &str, id: &str) -> Value {
    json!({"type": "message", "content": content, "client_msg_id": id})
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_two_edges_share_one_log() {
    let cluster = Cluster::builder().edges(2).chats(2).start().await;
    a_message_on_one_edge_arrives_on_the_other_byte_for_byte(&cluster).await;
    fifty_sends_of_one_message_over_both_edges_make_one(&cluster).await;
    everybody_sees_one_order_without_gaps(&cluster).await;
    messages_go_on_while_redis_is_down(&cluster).await;
}

async fn a_message_on_one_edge_arrives_on_the_other_byte_for_byte(cluster: &Cluster) {
    let client = redis::Client::open(cluster.redis.url()).expect("a URL");
    let mut channel = client.get_async_pubsub().await.expect("a connection");
    channel.subscribe("room:general").await.expect("a subscription");
    channel.psubscribe("trace:*").await.expect("a subscription");
    let mut published = channel.into_on_message();
    let authority = cluster.base_url(1).replacen("http://", "", 1);
    let mut bob = Raw::websocket(&authority, "/ws/general/bob?username=bob&after_seq=0").await;
    bob.settle().await;
    let mut alice = join(cluster, 0, "general", "alice").await;
    alice
        .send_json(&message("over the edges: \u{1F98A} \"é\"", "bytes-1"))
        .await;
    let marker = "over the edges";
    let on_redis = tokio::time::timeout(wait::SOON, async {
        loop {
            let message = published.next().await.expect("a message");
            let channel = message.get_channel_name();
            // It would come before the frame.
            assert_eq!(channel, "room:general", "no trace is told while tracing is off");
            let bytes = message.get_payload_bytes().to_vec();
            if String::from_utf8_lossy(&bytes).contains(marker) {
                return bytes;
            }
        }
    });
    let on_socket = tokio::time::timeout(wait::SOON, async {
        loop {
            let (_, bytes) = bob.frame().await.expect("a frame");
            if String::from_utf8_lossy(&bytes).contains(marker) {
                return bytes;
            }
        }
    });
    let (on_redis, on_socket) = tokio::join!(on_redis, on_socket);
    let on_redis = on_redis.expect("SUBSCRIBE room:general shows it");
    let on_socket = on_socket.expect("it arrives on the other edge");
    let frame: Value = serde_json::from_slice(&on_socket).expect("a JSON frame");
    assert_eq!(frame["user_id"], "alice");
    assert_eq!(
        on_redis, on_socket,
        "the published bytes are the frame's, byte for byte"
    );
}

async fn fifty_sends_of_one_message_over_both_edges_make_one(cluster: &Cluster) {
    let room = make_room(cluster).await;
    let mut sockets = Vec::new();
    for n in 0..50 {
        sockets.push(join(cluster, n % 2, &room, "alice").await);
    }
    let sends = sockets.iter_mut().map(|socket| async {
        socket.send_json(&message("only once", "the-one")).await;
        ack_of(socket, "the-one").await
    });
    let acks = join_all(sends).await;
    for ack in &acks {
        assert_eq!(*ack, acks[0], "50 equal acks");
    }
    let path = format!("/api/chat/rooms/{room}/messages");
    let history: Vec<Value> = Rest::new(cluster.base_url(1))
        .get(&path)
        .await
        .expect(200)
        .parse();
    assert_eq!(history.len(), 1, "one message: {history:?}");
    assert_eq!(history[0]["id"], acks[0]["id"]);
}

async fn everybody_sees_one_order_without_gaps(cluster: &Cluster) {
    const SENDERS: usize = 8;
    const EACH: usize = 25;
    let room = make_room(cluster).await;
    let mut readers = Vec::new();
    for n in 0..4 {
        readers.push(join(cluster, n % 2, &room, &format!("reader{n}")).await);
    }
    let mut senders = Vec::new();
    for n in 0..SENDERS {
        senders.push(join(cluster, n % 2, &room, &format!("sender{n}")).await);
    }
    let sending = senders.iter_mut().enumerate().map(|(n, socket)| async move {
        for m in 0..EACH {
            socket
                .send_json(&message(&format!("{n}/{m}"), &format!("o{m}")))
                .await;
        }
        ack_of(socket, &format!("o{}", EACH - 1)).await;
    });
    join_all(sending).await;
    let mut seen: Vec<Vec<(u64, String)>> = Vec::new();
    for reader in &mut readers {
        let frames = reader.collect("message", SENDERS * EACH, wait::START).await;
        let entry = |frame: &Value| {
            let content = frame["content"].as_str().unwrap_or_default();
            (frame["seq"].as_u64().unwrap_or_default(), content.to_owned())
        };
        seen.push(frames.iter().map(entry).collect());
    }
    let seqs = seen[0].iter().map(|(seq, _)| *seq);
    assert!(seqs.eq(1..=(SENDERS * EACH) as u64), "gapless: {:?}", seen[0]);
    for other in &seen[1..] {
        assert_eq!(*other, seen[0], "the same sequence at every reader");
    }
    for n in 0..SENDERS {
        let own = seen[0]
            .iter()
            .filter_map(|(_, content)| content.strip_prefix(&format!("{n}/")));
        let in_order = (0..EACH).map(|m| m.to_string());
        assert!(
            own.map(str::to_owned).eq(in_order),
            "frames of one socket keep their order"
        );
    }
}

async fn messages_go_on_while_redis_is_down(cluster: &Cluster) {
    let room = make_room(cluster).await;
    let mut alice = join(cluster, 0, &room, "alice").await;
    let mut near = join(cluster, 0, &room, "near").await;
    let mut far = join(cluster, 1, &room, "far").await;
    let pids: Vec<_> = cluster
        .processes()
        .map(test_support::process::Process::pid)
        .collect();

    cluster.redis.kill().await;
    for n in 1..=10 {
        let id = format!("down{n}");
        alice.send_json(&message(&id, &id)).await;
        assert_eq!(ack_of(&mut alice, &id).await["seq"], n, "sends go on being acked");
    }
    for (name, socket) in [("the same edge", &mut near), ("the other edge", &mut far)] {
        let frames = socket.collect("message", 10, wait::SOON).await;
        let seqs: Vec<&Value> = frames.iter().map(|frame| &frame["seq"]).collect();
        assert_eq!(
            seqs,
            [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
            "each once and in order at {name}"
        );
    }

    cluster.redis.start().await;
    wait::until(wait::START, "every process is ready again", async || {
        join_all(cluster.processes().map(test_support::process::Process::is_ready))
            .await
            .iter()
            .all(|ready| *ready)
    })
    .await;
    // Typing goes over Redis alone: it shows that the edges hear each other again.
    wait::until(wait::START, "typing crosses the edges again", async || {
        alice.send_json(&json!({"type": "stop_typing"})).await;
        alice.send_json(&json!({"type": "typing"})).await;
        let frames = far.collect_for(Duration::from_millis(500)).await;
        format!("{frames:?}").contains("\"typing\"")
    })
    .await;
    alice.send_json(&message("after", "after")).await;
    assert_eq!(ack_of(&mut alice, "after").await["seq"], 11);
    let after = far.wait_for("message", wait::SOON).await;
    assert_eq!((&after["content"], &after["seq"]), (&json!("after"), &json!(11)));
    let still: HashSet<_> = cluster
        .processes()
        .map(test_support::process::Process::pid)
        .collect();
    assert!(
        pids.iter().all(|pid| pid.is_some() && still.contains(pid)),
        "no process was restarted"
    );
}
