//! An edge stopped in good order with ten thousand clients, all of which come back at the other one.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use test_support::{
    client::{Frame, Rest, Socket},
    cluster::Cluster,
    open_files, wait,
};
use tokio::{sync::oneshot, task::JoinSet, time::sleep};

use crate::support::median;

/// Fewer only where the hard limit of open files is lower: the test says how many there were.
const WANTED: usize = 10_000;

/// Files besides the clients' sockets.
const SPARE: usize = 1_000;

/// Clients to a room.
const TOGETHER: usize = 20;

/// How long an edge may take to stop, as operators are told.
const STOPS_WITHIN: Duration = Duration::from_secs(5);

/// What nobody else may wait longer than.
const NO_STALL: Duration = Duration::from_secs(1);

/// How often somebody says something at the other edge.
const SAYS_EVERY: Duration = Duration::from_millis(50);

/// A client that is told to go, and comes back when it was told to.
async fn come_back(mut socket: Socket, room: String, user: String, elsewhere: String) -> Duration {
    let (code, reason) = loop {
        match socket.next_frame(Duration::from_secs(30)).await {
            Frame::Closed(code, reason) => break (code, reason),
            Frame::Lost => panic!("{user} was not told why"),
            _ => {}
        }
    };
    assert_eq!(code, 1001, "{reason}");
    let told = reason
        .split_once("reconnect_after_ms=")
        .map(|(_, rest)| rest.parse());
    let Some(Ok(wait)) = told else {
        panic!("{user} was not told when to be back: {reason:?}")
    };
    drop(socket);
    sleep(Duration::from_millis(wait)).await;
    let back = Instant::now();
    let url = format!("{elsewhere}/ws?user_id={user}&username={user}");
    let mut pause = Duration::from_millis(500);
    let mut socket = loop {
        let mut socket = Socket::connect(&url).await;
        socket
            .send_json(&json!({"type": "subscribe", "room_id": room, "after_seq": 1}))
            .await;
        match socket.next_frame(Duration::from_secs(30)).await {
            Frame::Json(frame) => {
                assert_eq!(frame["type"], "subscribed", "{frame}");
                break socket;
            }
            // Asked to try later: as any client does, later each time.
            Frame::Closed(1013, _) => sleep(pause).await,
            other => panic!("{user}: {other:?}"),
        }
        pause *= 2;
    };
    let took = back.elapsed();
    let last = socket.wait_for("message", Duration::from_secs(30)).await;
    assert_eq!(last["seq"], 2, "what came while it was away");
    took
}

/// Somebody at the other edge who talks to a friend there: how long each message took.
async fn talk(elsewhere: String, mut over: oneshot::Receiver<()>) -> Vec<Duration> {
    let join =
        async |user: &str| Socket::connect(&format!("{elsewhere}/ws/general/{user}?username={user}")).await;
    let (mut says, mut hears) = (join("says").await, join("hears").await);
    let mut waits = Vec::new();
    for n in 0_u32.. {
        let said = Instant::now();
        says.send_json(
            &json!({"type": "message", "content": format!("{n}"), "client_msg_id": format!("s{n}")}),
        )
        .await;
        let content = n.to_string();
        hears
            .wait_where("the message", wait::SOON, |frame: &Value| {
                frame["type"] == "message" && frame["content"] == content
            })
            .await;
        waits.push(said.elapsed());
        tokio::select! {
            () = sleep(SAYS_EVERY) => {}
            _ = &mut over => break,
        }
    }
    waits
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_clients_of_a_stopped_edge_come_back_without_stalling_anybody() {
    let cluster = Cluster::builder().edges(2).start().await;
    let files = open_files::allow(std::process::id());
    let count = WANTED.min(files.saturating_sub(SPARE));
    println!("{count} clients");
    let rest = Rest::new(cluster.base_url(0));
    let rooms = count.div_ceil(TOGETHER);
    for room in 0..rooms {
        let id = format!("crowd-{room}");
        let _ = rest
            .post("/api/chat/rooms", &json!({"id": id, "name": id}))
            .await
            .expect(201);
        let _ = rest
            .post(
                &format!("/api/chat/rooms/{id}/messages"),
                &json!({"user_id": "host", "username": "host", "content": "welcome"}),
            )
            .await
            .expect(201);
    }
    let place = |n: usize| (format!("crowd-{}", n / TOGETHER), format!("c{n}"));
    let clients: Vec<(Socket, String, String)> = stream::iter(0..count)
        .map(|n| {
            let (room, user) = place(n);
            let url = cluster.ws_url(0, &format!("/ws?user_id={user}&username={user}"));
            async move {
                let mut socket = Socket::connect(&url).await;
                socket
                    .send_json(&json!({"type": "subscribe", "room_id": room, "after_seq": 1}))
                    .await;
                socket.wait_for("subscribed", wait::START).await;
                (socket, room, user)
            }
        })
        .buffer_unordered(64)
        .collect()
        .await;

    let (quiet, over) = oneshot::channel();
    // On a thread of its own: not to be measured is how long ten thousand clients in one process wait for each other.
    let elsewhere = cluster.ws_url(1, "");
    let talk = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime can be made");
        runtime.block_on(talk(elsewhere, over))
    });
    let mut returns = JoinSet::new();
    for (socket, room, user) in clients {
        returns.spawn(come_back(socket, room, user, cluster.ws_url(1, "")));
    }
    let stopping = Instant::now();
    cluster.edge(0).signal("TERM");
    // Said while the crowd is on its way.
    let said = async {
        let rest = Rest::new(cluster.base_url(1));
        for room in 0..rooms {
            let body = json!({"user_id": "host", "username": "host", "content": "meanwhile"});
            let path = format!("/api/chat/rooms/crowd-{room}/messages");
            let _ = rest.post(&path, &body).await.expect(201);
        }
    };
    let stopped = async {
        let status = cluster.edge(0).exited(wait::SOON).await;
        assert!(status.success(), "{status}");
        stopping.elapsed()
    };
    let ((), took) = tokio::join!(said, stopped);
    assert!(took <= STOPS_WITHIN, "the edge stopped after {took:?}");
    let mut resumed = Vec::new();
    while let Some(done) = returns.join_next().await {
        resumed.push(done.expect("everybody comes back"));
    }
    println!("all back after {:?}", stopping.elapsed());
    let _ = quiet.send(());
    let waits = talk.await.expect("they talk to the end");
    let slowest = waits.iter().max().expect("they talk");
    println!(
        "others waited {slowest:?} at most, {:?} in the middle; a return took {:?} at most",
        median(waits.iter().copied()),
        resumed.iter().max()
    );
    assert_eq!(resumed.len(), count);
    assert!(*slowest <= NO_STALL, "somebody else waited {slowest:?}");
}
