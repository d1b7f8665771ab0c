//! All services on a Redis Cluster whose master dies while people talk over two edges: hints are lost, nothing else is.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use e2e::stack::{fresh, settle};
use futures_util::future::join_all;
use serde_json::{Value, json};
use test_support::{
    client::{Frame, Rest, Socket},
    cluster::Cluster,
    process::Process,
    redis, wait,
};

/// How long somebody reads before they speak again.
const PAUSE: Duration = Duration::from_millis(40);

/// Somebody who talks in a room, with all that they were told.
struct Talker {
    socket: Socket,
    name: String,
    sent: usize,
    /// Ids by seq.
    acked: BTreeMap<u64, String>,
    /// Seqs and ids, in the order in which they came.
    seen: Vec<(u64, String)>,
}

impl Talker {
    async fn join(cluster: &Cluster, edge: usize, room: &str) -> Self {
        let name = format!("on-{edge}");
        let path = format!("/ws/{room}/{name}?username={name}&after_seq=0");
        let mut socket = Socket::connect(&cluster.ws_url(edge, &path)).await;
        settle(&mut socket).await;
        Self {
            socket,
            name,
            sent: 0,
            acked: BTreeMap::new(),
            seen: Vec::new(),
        }
    }

    /// Talks until the end, then waits until all of it is acknowledged.
    async fn talk(mut self, end: Arc<AtomicBool>) -> Self {
        while !end.load(Ordering::Relaxed) {
            let id = format!("{}-{}", self.name, self.sent);
            let message = json!({"type": "message", "content": id, "client_msg_id": id});
            self.socket.send_json(&message).await;
            self.sent += 1;
            self.read().await;
        }
        self.read_until("everything is acknowledged", |one| one.acked.len() == one.sent)
            .await;
        self
    }

    async fn read_until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let reading = async {
            while !holds(self) {
                self.read().await;
            }
        };
        let read = tokio::time::timeout(wait::SOON, reading).await;
        assert!(
            read.is_ok(),
            "{what}: {} of {} acks, {} seen",
            self.acked.len(),
            self.sent,
            self.seen.len()
        );
    }

    async fn read(&mut self) {
        for frame in self.socket.collect_for(PAUSE).await {
            let Frame::Json(frame) = frame else {
                panic!("{} is told {frame:?}", self.name);
            };
            let entry = || {
                let id = frame["id"].as_str().expect("an id");
                (frame["seq"].as_u64().expect("a seq"), id.to_owned())
            };
            match frame["type"].as_str() {
                Some("ack") => self.acked.extend([entry()]),
                Some("message") => self.seen.push(entry()),
                Some("error" | "reset") => panic!("{} is told {frame}", self.name),
                _ => {}
            }
        }
    }
}

/// A room on each master, in their order.
async fn make_rooms(cluster: &Cluster, redis: &redis::Cluster) -> Vec<String> {
    let rest = Rest::new(cluster.base_url(0));
    let mut rooms = vec![None; redis.masters().len()];
    while rooms.iter().any(Option::is_none) {
        let room = fresh("room");
        let master = redis.first_owner(&format!("room:{room}")).await;
        if rooms[master].is_none() {
            let named = json!({"id": room, "name": "A room"});
            let _ = rest.post("/api/chat/rooms", &named).await.expect(201);
            rooms[master] = Some(room);
        }
    }
    rooms.into_iter().flatten().collect()
}

/// The master at which what is not of a room is heard.
async fn home(redis: &redis::Cluster) -> usize {
    wait::eventually(wait::SOON, "presence is heard somewhere", async || {
        for (at, server) in redis.masters().iter().enumerate() {
            let mut connection = server.connection().await;
            let mut question = ::redis::cmd("PUBSUB");
            let told = question.arg(&["NUMSUB", "presence"]).query_async(&mut connection);
            let (_, count): (String, i64) = told.await.expect("a channel and its subscribers");
            if count > 0 {
                return Some(at);
            }
        }
        None
    })
    .await
}

async fn is_master(server: &redis::Server) -> bool {
    let mut connection = server.connection().await;
    let mut question = ::redis::cmd("INFO");
    let told = question.arg("replication").query_async::<String>(&mut connection);
    told.await.is_ok_and(|told| told.contains("role:master"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_that_dies_takes_nothing_with_it() {
    let redis = redis::Cluster::start_with_replicas().await;
    let cluster = Cluster::builder()
        .edges(2)
        .chats(2)
        .env_of_all("REDIS_URL", &redis.url())
        .env("edge", "EDGE_SUBSCRIBE", "rooms")
        .env("presence-svc", "PRESENCE_REDIS_URL", redis::shared().await.url())
        .start()
        .await;
    let rooms = make_rooms(&cluster, &redis).await;
    let dies = home(&redis).await;

    let end = Arc::new(AtomicBool::new(false));
    let mut talks = Vec::new();
    for room in &rooms {
        for edge in 0..2 {
            let talker = Talker::join(&cluster, edge, room).await;
            talks.push(tokio::spawn(talker.talk(Arc::clone(&end))));
        }
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    redis.masters()[dies].kill().await;
    let replica = redis.servers().nth(3 + dies).expect("each has a replica");
    wait::until(wait::START, "the replica takes over", async || {
        // Else the edges would not even try to tell it who is there.
        assert!(cluster.presence().is_ready().await, "presence-svc gives up");
        is_master(replica).await
    })
    .await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    end.store(true, Ordering::Relaxed);
    let mut talkers: Vec<Talker> = join_all(talks)
        .await
        .into_iter()
        .map(|talker| talker.expect("somebody talks to the end"))
        .collect();

    for of_room in talkers.chunks_mut(2) {
        let acked: BTreeMap<u64, String> = of_room.iter().flat_map(|one| one.acked.clone()).collect();
        assert_eq!(acked.len(), of_room.iter().map(|one| one.sent).sum::<usize>());
        for talker in of_room {
            talker
                .read_until("everything has arrived", |one| one.seen.len() >= acked.len())
                .await;
            let seen = talker.seen.iter().map(|(seq, id)| (seq, id));
            assert!(
                seen.eq(&acked),
                "{}: {:?}, not {acked:?}",
                talker.name,
                talker.seen
            );
        }
    }
    hints_come_again(&cluster, &mut talkers[2 * dies..]).await;
}

/// Not by the log: what is in none gets through, in a room of the master that died, and to a user.
async fn hints_come_again(cluster: &Cluster, of_room: &mut [Talker]) {
    wait::until(wait::START, "every process is ready again", async || {
        let ready = join_all(cluster.processes().map(Process::is_ready));
        ready.await.iter().all(|ready| *ready)
    })
    .await;
    let url = cluster.ws_url(1, "/ws?user_id=carol&username=carol");
    let mut carol = Socket::connect(&url).await;
    settle(&mut carol).await;
    let [alice, bob, ..] = of_room else {
        panic!("there is one on each edge");
    };
    wait::until(wait::START, "typing crosses the edges again", async || {
        alice.socket.send_json(&json!({"type": "stop_typing"})).await;
        alice.socket.send_json(&json!({"type": "typing"})).await;
        let frames = bob.socket.collect_for(Duration::from_millis(500)).await;
        let is_typing = |frame: &Frame| matches!(frame, Frame::Json(frame) if frame["type"] == "typing");
        frames.iter().any(is_typing)
    })
    .await;
    let mention = json!({"type": "message", "content": "hello @carol", "client_msg_id": "mention"});
    alice.socket.send_json(&mention).await;
    let shown: Value = carol.wait_for("notification", wait::SOON).await;
    assert_eq!(shown["user_id"], "carol");
}
