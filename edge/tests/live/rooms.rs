//! Edges that subscribe to the rooms that they serve, and to no others.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use broker::{Backend, Broker, Error, Event, MemoryBroker, Publication, RedisBroker, Subscription};
use futures_util::future::BoxFuture;
use proto::chat::CreateRoomRequest;
use runtime::Shutdown;
use serde_json::json;
use test_support::{
    client::Socket,
    redis::Server,
    wait::{SOON, START, until},
};
use tokio::sync::watch;

use crate::support::{Edge, System, consecutive, say, silent};

/// How long clients come and go.
const TRAFFIC: Duration = Duration::from_secs(12);

/// One Redis, the services, and two edges with a connection each.
struct Pair {
    redis: Server,
    shutdown: Shutdown,
    edges: [Edge; 2],
    _system: System,
}

impl Pair {
    async fn start() -> Self {
        let (redis, shutdown) = (Server::start_new().await, Shutdown::new());
        let system = System::on(connect(&redis, &shutdown)).await;
        let edges = [
            system.edge_of_rooms(&connect(&redis, &shutdown)).await,
            system.edge_of_rooms(&connect(&redis, &shutdown)).await,
        ];
        let pair = Self {
            redis,
            shutdown,
            edges,
            _system: system,
        };
        pair.is_ready().await;
        pair
    }

    async fn is_ready(&self) {
        let ready = async || self.edges.iter().all(|edge| edge.health.is_ready());
        until(START, "both edges hear", ready).await;
    }

    /// The rooms that anybody subscribes to.
    async fn subscribed_rooms(&self) -> BTreeSet<String> {
        let channels: Vec<String> = self.pubsub(&["CHANNELS", "*"]).await;
        channels
            .iter()
            .filter_map(|channel| Some(channel.strip_prefix("room:")?.to_owned()))
            .collect()
    }

    /// How many connections subscribe to a room.
    async fn subscribers(&self, room: &str) -> usize {
        let channel = format!("room:{room}");
        let (_, count): (String, usize) = self.pubsub(&["NUMSUB", &channel]).await;
        count
    }

    async fn pubsub<T: redis::FromRedisValue>(&self, question: &[&str]) -> T {
        let mut connection = self.redis.connection().await;
        let mut command = redis::cmd("PUBSUB");
        let answer = command.arg(question).query_async(&mut connection);
        answer.await.expect("Redis answers")
    }

    async fn make_rooms(&self, rooms: &[&str]) {
        for room in rooms {
            let room = CreateRoomRequest {
                id: (*room).to_owned(),
                name: (*room).to_owned(),
                description: String::new(),
            };
            let made = self.edges[0].upstream.chat.clone().create_room(room).await;
            made.expect("a room");
        }
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.shutdown.begin();
    }
}

fn connect(redis: &Server, shutdown: &Shutdown) -> Broker {
    Broker::new(RedisBroker::connect(
        &redis.url().parse().expect("a URL"),
        shutdown,
    ))
}

fn names(rooms: &[&str]) -> BTreeSet<String> {
    rooms.iter().map(|&room| room.to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_subscribes_to_what_it_serves_and_to_nothing_else() {
    let pair = Pair::start().await;
    pair.make_rooms(&["a", "b", "c"]).await;
    assert_eq!(pair.subscribed_rooms().await, names(&[]));
    let mut alice = pair.edges[0].subscribed("alice", "a").await;
    let mut bob = pair.edges[1].subscribed("bob", "b").await;
    assert_eq!(pair.subscribed_rooms().await, names(&["a", "b"]));
    assert_eq!((pair.subscribers("a").await, pair.subscribers("b").await), (1, 1));
    let patterns: usize = pair.pubsub(&["NUMPAT"]).await;
    assert_eq!(patterns, 1, "users alone are heard by a pattern");

    bob.send_json(&json!({"type": "subscribe", "room_id": "a"})).await;
    bob.wait_for("subscribed", SOON).await;
    assert_eq!(pair.subscribers("a").await, 2);
    for room in ["c", "b", "a"] {
        pair.edges[0].say(room, room).await;
    }
    assert_eq!(alice.wait_for("message", SOON).await["room_id"], "a");
    for room in ["b", "a"] {
        assert_eq!(bob.wait_for("message", SOON).await["room_id"], room);
    }

    alice.close().await;
    until(SOON, "what nobody listens to is given up", async || {
        pair.subscribers("a").await == 1
    })
    .await;
    assert_eq!(pair.subscribed_rooms().await, names(&["a", "b"]));
    bob.close().await;
    until(SOON, "nothing is subscribed to", async || {
        pair.subscribed_rooms().await.is_empty()
    })
    .await;
    let mut carol = pair.edges[0].subscribed("carol", "a").await;
    pair.edges[1].say("a", "again").await;
    assert_eq!(carol.wait_for("message", SOON).await["content"], "again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_room_is_told_once_to_those_who_are_in_others() {
    let pair = Pair::start().await;
    let mut alice = pair.edges[0].subscribed("alice", "general").await;
    pair.make_rooms(&["lobby"]).await;
    let told = alice.wait_for("room_updated", SOON).await;
    assert_eq!(told["room_id"], "lobby");
    silent(&mut alice, "room_updated").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_missing_while_rooms_are_joined_and_left_under_traffic() {
    const ROOMS: [&str; 3] = ["x", "y", "z"];
    let pair = Arc::new(Pair::start().await);
    pair.make_rooms(&ROOMS).await;
    // Visitors end first: a visit reads a number of messages, which somebody has to write.
    let (visited, over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let writers: Vec<_> = ROOMS
        .into_iter()
        .map(|room| {
            let (over, upstream) = (Arc::clone(&over), pair.edges[0].upstream.clone());
            tokio::spawn(async move {
                let mut last = 0;
                while !over.load(Ordering::Relaxed) {
                    last = say(&upstream, room, "on and on").await.seq;
                }
                last
            })
        })
        .collect();
    let visitors: Vec<_> = (0..6_usize)
        .map(|number| {
            let (visited, pair) = (Arc::clone(&visited), Arc::clone(&pair));
            tokio::spawn(async move {
                let (room, edge) = (ROOMS[number % 3], &pair.edges[number % 2]);
                let mut socket = edge.multiplexed(&format!("visitor-{number}")).await;
                let (mut seen, mut visits) = (0, 0);
                while !visited.load(Ordering::Relaxed) {
                    seen = visit(&mut socket, room, seen).await;
                    visits += 1;
                    // Some come back at once, some long after their room was given up.
                    let away = Duration::from_millis([0, 40, 3_300, 300][(number + visits) % 4]);
                    tokio::time::sleep(away).await;
                }
                (room, socket, seen)
            })
        })
        .collect();
    tokio::time::sleep(TRAFFIC).await;
    visited.store(true, Ordering::Relaxed);
    let mut visits = Vec::new();
    for visitor in visitors {
        visits.push(visitor.await.expect("nothing was missing"));
    }
    over.store(true, Ordering::Relaxed);
    let mut heads = Vec::new();
    for writer in writers {
        heads.push(writer.await.expect("everything was said"));
    }
    for (room, mut socket, seen) in visits {
        let at = ROOMS.iter().position(|one| *one == room).expect("a room");
        join(&mut socket, room, seen).await;
        let left = usize::try_from(heads[at] - seen).expect("not so many");
        consecutive(&mut socket, seen + 1, left).await;
    }
}

async fn join(socket: &mut Socket, room: &str, seen: u64) {
    let subscribe = json!({"type": "subscribe", "room_id": room, "after_seq": seen});
    socket.send_json(&subscribe).await;
}

/// Reads on from `seen` for some messages. Returns the last that was read.
async fn visit(socket: &mut Socket, room: &str, seen: u64) -> u64 {
    const MESSAGES: u64 = 60;
    join(socket, room, seen).await;
    consecutive(socket, seen + 1, 60).await;
    socket
        .send_json(&json!({"type": "unsubscribe", "room_id": room}))
        .await;
    let mut last = seen + MESSAGES;
    loop {
        let is_of_interest =
            |frame: &serde_json::Value| frame["type"] == "message" || frame["type"] == "unsubscribed";
        let frame = socket.wait_where("the end", SOON, is_of_interest).await;
        if frame["type"] == "unsubscribed" {
            return last;
        }
        assert_eq!(frame["seq"], last + 1);
        last += 1;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_are_joined_while_redis_is_away_and_heard_when_it_is_back() {
    let pair = Pair::start().await;
    pair.make_rooms(&["a", "b"]).await;
    let mut alice = pair.edges[0].subscribed("alice", "a").await;
    pair.redis.kill().await;
    let mut bob = pair.edges[1].subscribed("bob", "b").await;
    for room in ["a", "b"] {
        pair.edges[0].say(room, "without").await;
    }
    consecutive(&mut alice, 1, 1).await;
    consecutive(&mut bob, 1, 1).await;
    pair.redis.start().await;
    until(START, "both rooms are subscribed to", async || {
        pair.subscribed_rooms().await == names(&["a", "b"])
    })
    .await;
    for room in ["a", "b"] {
        pair.edges[0].say(room, "with").await;
    }
    consecutive(&mut alice, 2, 1).await;
    consecutive(&mut bob, 2, 1).await;
    pair.is_ready().await;
}

/// A broker that takes up no pattern after the first ones.
struct Stubborn(MemoryBroker);

struct Deaf(Box<dyn Subscription>);

impl Backend for Stubborn {
    fn publish(&self, publications: Vec<Publication>) -> BoxFuture<'_, Result<(), Error>> {
        self.0.publish(publications)
    }

    fn subscribe(&self, patterns: &[&str]) -> Box<dyn Subscription> {
        Box::new(Deaf(self.0.subscribe(patterns)))
    }

    fn connected(&self) -> watch::Receiver<bool> {
        self.0.connected()
    }
}

impl Subscription for Deaf {
    fn recv(&mut self) -> BoxFuture<'_, Option<Event>> {
        self.0.recv()
    }

    fn recv_many<'a>(&'a mut self, events: &'a mut Vec<Event>, limit: usize) -> BoxFuture<'a, usize> {
        self.0.recv_many(events, limit)
    }

    fn add(&mut self, _: &[&str]) {}

    fn remove(&mut self, patterns: &[&str]) {
        self.0.remove(patterns);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_confirms_nothing_keeps_nobody_out_of_a_room() {
    let broker = Broker::new(Stubborn(MemoryBroker::default()));
    let system = System::on(broker.clone()).await;
    let edge = system.edge_of_rooms(&broker).await;
    let mut alice = edge.subscribed("alice", "general").await;
    for seq in 1..=3 {
        edge.say("general", "unheard").await;
        consecutive(&mut alice, seq, 1).await;
    }
}
