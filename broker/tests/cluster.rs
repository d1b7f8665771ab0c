//! A Redis Cluster loses servers and moves slots.

mod support;

use broker::{Broker, Error, Event, Subscription};
use support::{Rig, added, connected, event, message, publication, subscribed};
use test_support::{
    redis::{Cluster, Server},
    wait,
};

/// A room on each of the servers, in their order.
async fn rooms(cluster: &Cluster) -> Vec<String> {
    let mut rooms = vec![None; cluster.masters().len()];
    for room in 0.. {
        let name = format!("room:{room}");
        let owner = cluster.first_owner(&name).await;
        rooms[owner].get_or_insert(name);
        if rooms.iter().all(Option::is_some) {
            break;
        }
    }
    rooms.into_iter().flatten().collect()
}

/// Subscribes to what is on every server, then to the rooms.
async fn listening(broker: &Broker, rooms: &[String]) -> Box<dyn Subscription> {
    let mut heard = subscribed(broker, &["presence", "user:*"]).await;
    let names: Vec<&str> = rooms.iter().map(String::as_str).collect();
    heard.add(&names);
    let (mut told, mut works) = (Vec::new(), true);
    while told.len() < names.len() || !works {
        match event(&mut heard).await {
            // The connection to one of the servers was still on its way.
            Event::Interrupted => works = false,
            Event::Connected => works = true,
            other => told.push(other),
        }
    }
    for name in names {
        assert!(told.contains(&added(name)), "{name}: {told:?}");
    }
    heard
}

async fn publish(broker: &Broker, channel: &str, text: &'static str) -> Result<(), Error> {
    broker.publish(vec![publication(channel, text)]).await
}

/// Publishes once, and hears it.
async fn works(broker: &Broker, heard: &mut Box<dyn Subscription>, channel: &str, text: &'static str) {
    publish(broker, channel, text).await.expect("it is published");
    assert_eq!(event(heard).await, message(channel, text));
}

/// Publishes until it works, and waits until it is heard; what else comes meanwhile is returned.
async fn comes_to_work(
    broker: &Broker,
    heard: &mut Box<dyn Subscription>,
    channel: &str,
    text: &'static str,
) -> Vec<Event> {
    let mut others = Vec::new();
    wait::eventually(wait::START, "a message gets through", async || {
        publish(broker, channel, text).await.ok()?;
        loop {
            let next = tokio::time::timeout(std::time::Duration::from_millis(200), heard.recv());
            match next.await.ok()?.expect("the broker lives") {
                event if event == message(channel, text) => return Some(()),
                event => others.push(event),
            }
        }
    })
    .await;
    others
}

async fn ask(server: &Server, words: &[&str]) -> redis::Value {
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]);
    let mut connection = server.connection().await;
    let answer = command.query_async(&mut connection).await;
    answer.unwrap_or_else(|error| panic!("Redis answers {words:?}: {error}"))
}

/// How many subscribers a server has for a room.
async fn hearers(server: &Server, room: &str) -> i64 {
    let told = ask(server, &["PUBSUB", "SHARDNUMSUB", room]).await;
    let (_, count): (String, i64) = redis::from_redis_value(told).expect("a room and its subscribers");
    count
}

async fn fails(server: &Server) {
    wait::eventually(wait::SOON, "the cluster notices", async || {
        let told = ask(server, &["CLUSTER", "INFO"]).await;
        let told: String = redis::from_redis_value(told).expect("a text");
        told.contains("cluster_state:fail").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_room_is_subscribed_to_where_it_is_and_nowhere_else() {
    let rig = Rig::on_cluster().await;
    let cluster = rig.cluster();
    let rooms = rooms(cluster).await;
    let mut heard = listening(&rig.broker, &rooms).await;
    for (owner, room) in rooms.iter().enumerate() {
        for (at, server) in cluster.masters().iter().enumerate() {
            assert_eq!(
                hearers(server, room).await,
                i64::from(at == owner),
                "{room} at {at}"
            );
        }
        works(&rig.broker, &mut heard, room, "here").await;
    }
    heard.remove(&[&rooms[1]]);
    wait::eventually(wait::SOON, "the room is given up", async || {
        (hearers(&cluster.masters()[1], &rooms[1]).await == 0).then_some(())
    })
    .await;
    works(&rig.broker, &mut heard, &rooms[0], "still").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_takes_no_other_servers_rooms_with_it() {
    let rig = Rig::on_cluster().await;
    let cluster = rig.cluster();
    let rooms = rooms(cluster).await;
    let mut heard = listening(&rig.broker, &rooms).await;
    for (dead, survivor) in [(0, 1), (2, 0)] {
        cluster.masters()[dead].kill().await;
        assert_eq!(event(&mut heard).await, Event::Interrupted);
        connected(&rig.broker, false).await;
        // Before the cluster has noticed, and after.
        for text in ["before", "after"] {
            for room in rooms.iter().filter(|room| **room != rooms[dead]) {
                works(&rig.broker, &mut heard, room, text).await;
            }
            let lost = publish(&rig.broker, &rooms[dead], "lost").await;
            assert!(matches!(lost, Err(Error::Unavailable(_))), "{lost:?}");
            let some = [dead, survivor, dead].map(|at| publication(&rooms[at], "some"));
            let some = rig.broker.publish(some.into()).await;
            assert!(matches!(some, Err(Error::Partly { lost: 2, .. })), "{some:?}");
            assert_eq!(event(&mut heard).await, message(&rooms[survivor], "some"));
            assert!(*rig.broker.reachable().borrow());
            fails(&cluster.masters()[survivor]).await;
        }
        // What is on every server is heard elsewhere.
        let others = comes_to_work(&rig.broker, &mut heard, "presence", "elsewhere").await;
        assert!(others.is_empty(), "{others:?}");
        cluster.masters()[dead].start().await;
        cluster.wait_whole().await;
        loop {
            match event(&mut heard).await {
                Event::Connected => break,
                Event::Message(_) => {}
                other => panic!("{other:?} before it works"),
            }
        }
        connected(&rig.broker, true).await;
        for room in &rooms {
            works(&rig.broker, &mut heard, room, "again").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_takes_over_is_found() {
    let rig = Rig::on(Cluster::start_with_replicas().await);
    let cluster = rig.cluster();
    let rooms = rooms(cluster).await;
    let mut heard = listening(&rig.broker, &rooms).await;
    cluster.masters()[0].kill().await;
    assert_eq!(event(&mut heard).await, Event::Interrupted);
    let meanwhile = comes_to_work(&rig.broker, &mut heard, &rooms[0], "taken over").await;
    assert_eq!(meanwhile, [Event::Connected]);
    connected(&rig.broker, true).await;
    for room in rooms.iter().map(String::as_str).chain(["presence"]) {
        works(&rig.broker, &mut heard, room, "again").await;
    }
    // The one that was killed comes back as a replica: nothing moves.
    cluster.masters()[0].start().await;
    cluster.wait_whole().await;
    for room in &rooms {
        works(&rig.broker, &mut heard, room, "still").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_moves_is_followed_and_nothing_fails() {
    let rig = Rig::on_cluster().await;
    let cluster = rig.cluster();
    let rooms = rooms(cluster).await;
    let mut heard = listening(&rig.broker, &rooms).await;
    let slot = slot(cluster, &rooms[0]).await;
    for to in [1, 2, 0] {
        move_slots(cluster, slot..slot + 1, to, &[to, 0, 1, 2]).await;
        // Published where it is now, whoever is believed to have it.
        publish(&rig.broker, &rooms[0], "moving")
            .await
            .expect("it is published");
        let moving = message(&rooms[0], "moving");
        let mut told = Vec::new();
        while told.last() != Some(&Event::Connected) {
            told.push(event(&mut heard).await);
        }
        told.retain(|event| *event != moving);
        assert_eq!(told, [Event::Interrupted, Event::Connected]);
        let others = comes_to_work(&rig.broker, &mut heard, &rooms[0], "moved").await;
        assert!(others.iter().all(|event| *event == moving), "{others:?}");
        assert_eq!(hearers(&cluster.masters()[to], &rooms[0]).await, 1);
        for room in &rooms[1..] {
            works(&rig.broker, &mut heard, room, "undisturbed").await;
        }
    }
}

async fn slot(cluster: &Cluster, room: &str) -> u16 {
    let slot = ask(&cluster.masters()[0], &["CLUSTER", "KEYSLOT", room]).await;
    redis::from_redis_value(slot).expect("a slot")
}

/// Gives slots to another server, and tells `told` of it.
async fn move_slots(cluster: &Cluster, slots: std::ops::Range<u16>, to: usize, told: &[usize]) {
    // So that gossip of those who are told last is known to be old.
    ask(&cluster.masters()[to], &["CLUSTER", "BUMPEPOCH"]).await;
    let id = ask(&cluster.masters()[to], &["CLUSTER", "MYID"]).await;
    let id: String = redis::from_redis_value(id).expect("an id");
    for at in told {
        let mut moves = redis::pipe();
        for slot in slots.clone() {
            moves
                .cmd("CLUSTER")
                .arg(&["SETSLOT", &slot.to_string(), "NODE", &id])
                .ignore();
        }
        let mut connection = cluster.masters()[*at].connection().await;
        match moves.query_async::<()>(&mut connection).await {
            // Whoever has no slot left, as gossip tells it meanwhile, becomes a replica of who has them.
            Err(error) if *at != to && error.to_string().contains("only with masters") => {}
            moved => moved.expect("slots can be given away"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_moves_away_and_straight_back_is_heard_again() {
    let rig = Rig::on_cluster().await;
    let cluster = rig.cluster();
    let rooms = rooms(cluster).await;
    let mut heard = listening(&rig.broker, &rooms).await;
    let slot = slot(cluster, &rooms[0]).await;
    for _ in 0..5 {
        // The server that has it drops who subscribes; whoever is asked afterwards sees nothing of it.
        for to in [1, 0] {
            move_slots(cluster, slot..slot + 1, to, &[to, 1 - to, 2]).await;
        }
        let told = comes_to_work(&rig.broker, &mut heard, &rooms[0], "back").await;
        assert!(told.contains(&Event::Interrupted), "{told:?}");
    }
}

/// The server at which what is on all of them is heard, if there is one.
async fn home(cluster: &Cluster) -> Option<usize> {
    for (at, server) in cluster.masters().iter().enumerate() {
        let told = ask(server, &["PUBSUB", "NUMSUB", "presence"]).await;
        let (_, count): (String, i64) = redis::from_redis_value(told).expect("a channel and its subscribers");
        if count > 0 {
            return Some(at);
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_slots_is_left_and_nothing_fails() {
    let rig = Rig::on_cluster().await;
    let cluster = rig.cluster();
    let rooms = rooms(cluster).await;
    let mut heard = listening(&rig.broker, &rooms).await;
    connected(&rig.broker, true).await;
    let left = home(cluster).await.expect("there is one");
    let next = (left + 1) % 3;
    let slots = [0..5461, 5461..10922, 10922..16384];
    move_slots(cluster, slots[left].clone(), next, &[next, left, (left + 2) % 3]).await;
    wait::until(
        wait::START,
        "what is on all servers goes by another one",
        async || {
            publish(&rig.broker, "presence", "moving")
                .await
                .expect("it is published all the while");
            home(cluster).await.is_some_and(|at| at != left)
        },
    )
    .await;
    comes_to_work(&rig.broker, &mut heard, &rooms[left], "moved").await;
}

async fn forgets_the_others(server: &Server) {
    let nodes = ask(server, &["CLUSTER", "NODES"]).await;
    let nodes: String = redis::from_redis_value(nodes).expect("a text");
    for other in nodes.lines().filter(|line| !line.contains("myself")) {
        let id = other.split(' ').next().expect("an id");
        ask(server, &["CLUSTER", "FORGET", id]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_has_lost_sight_of_the_others_is_not_believed() {
    let cluster = Cluster::start_new().await;
    let rooms = rooms(&cluster).await;
    forgets_the_others(&cluster.masters()[0]).await;
    // Its URL names that one first.
    let rig = Rig::on(cluster);
    let mut heard = rig.broker.subscribe(&[&rooms[1], &rooms[2]]);
    assert_eq!(event(&mut heard).await, Event::Connected);
    for room in &rooms[1..] {
        works(&rig.broker, &mut heard, room, "seen by the others").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_cut_off_from_most_others_is_not_believed() {
    let (cut_off, cluster) = (Cluster::start_new().await, Cluster::start_new().await);
    for gone in &cut_off.masters()[1..] {
        gone.kill().await;
    }
    fails(&cut_off.masters()[0]).await;
    // As after a takeover that it has not heard of: others have its slots, and see them work.
    let url = format!(
        "redis-cluster://127.0.0.1:{},127.0.0.1:{}",
        cut_off.masters()[0].port(),
        cluster.masters()[0].port()
    );
    let rig = Rig::at(&url);
    let rooms = rooms(&cluster).await;
    let mut heard = subscribed(&rig.broker, &["presence"]).await;
    for room in &rooms {
        heard.add(&[room]);
        comes_to_work(&rig.broker, &mut heard, room, "seen by the others").await;
    }

    // Where nobody sees it work, who knows of most is believed.
    forgets_the_others(&cut_off.masters()[0]).await;
    cluster.masters()[1].kill().await;
    fails(&cluster.masters()[0]).await;
    let rig = Rig::at(&url);
    let mut heard = rig.broker.subscribe(&[&rooms[2]]);
    comes_to_work(&rig.broker, &mut heard, &rooms[2], "what is left of it").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_may_come_later() {
    let cluster = Cluster::start_new().await;
    let rooms = rooms(&cluster).await;
    for server in cluster.servers() {
        server.stop().await;
    }
    let rig = Rig::on(cluster);
    let mut heard = rig.broker.subscribe(&["presence", &rooms[0], &rooms[2]]);
    let refused = publish(&rig.broker, &rooms[0], "early").await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    for server in rig.cluster().servers() {
        server.start().await;
    }
    assert_eq!(event(&mut heard).await, Event::Connected);
    for channel in [&rooms[0], &rooms[2], "presence"] {
        comes_to_work(&rig.broker, &mut heard, channel, "late").await;
    }
    rig.cluster().wait_whole().await;
    connected(&rig.broker, true).await;
}
