//! The service on Redis: what others find there, two replicas, and outages.
#![expect(clippy::unwrap_used, reason = "a test stops at whatever fails")]

mod support;

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use broker::{Broker, RedisBroker, Source};
use presence_svc::store::{Lifetimes, StoreSource};
use proto::{
    frame::PresenceStatus,
    presence::{
        GetUserRequest, GoOfflineRequest, HeartbeatManyRequest, StartTypingRequest, StopTypingRequest,
    },
};
use redis::aio::MultiplexedConnection;
use runtime::Shutdown;
use support::{Ear, LONG, Service, beat, lifetimes};
use test_support::{
    redis::{Cluster, Server},
    wait,
};
use tonic::Code;

async fn service(server: &Server, lifetimes: Lifetimes) -> Service {
    let url: broker::BrokerUrl = server.url().parse().unwrap();
    let service = Service::start(StoreSource::Redis(url.clone()), Source::Redis(url), lifetimes).await;
    service.ready().await;
    service
}

fn ear_broker(server: &Server) -> Broker {
    Broker::new(RedisBroker::connect(
        &server.url().parse().unwrap(),
        &Shutdown::new(),
    ))
}

async fn plain(server: &Server) -> MultiplexedConnection {
    let client = redis::Client::open(server.url()).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

async fn ask<T: redis::FromRedisValue>(connection: &mut MultiplexedConnection, command: &[&str]) -> T {
    let mut asked = redis::cmd(command[0]);
    asked.arg(&command[1..]);
    asked.query_async(connection).await.unwrap()
}

fn typing(room_id: &str, user_id: &str) -> StartTypingRequest {
    StartTypingRequest {
        room_id: room_id.to_owned(),
        user_id: user_id.to_owned(),
        username: "Alice".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_are_those_of_the_contract() {
    let server = Server::start_new().await;
    let service = service(&server, Lifetimes::default()).await;
    let mut client = service.client.clone();
    let mut redis = plain(&server).await;

    service.beat("alice", &["general"]).await;
    let ttl: i64 = ask(&mut redis, &["PTTL", "presence:user:alice"]).await;
    assert!((20_000..=30_000).contains(&ttl), "{ttl}");
    let json: String = ask(&mut redis, &["GET", "presence:user:alice"]).await;
    let value: HashMap<String, serde_json::Value> = serde_json::from_str(&json).unwrap();
    assert_eq!(value["user_id"], "alice");
    assert_eq!(value["username"], "ALICE");
    assert_eq!(value["status"], "online");
    let last_seen: jiff::Timestamp = value["last_seen"].as_str().unwrap().parse().unwrap();
    assert!(last_seen.duration_until(proto::time::now()).abs() < jiff::SignedDuration::from_secs(20));

    client.start_typing(typing("general", "alice")).await.unwrap();
    let ttl: i64 = ask(&mut redis, &["PTTL", "presence:typing:general:alice"]).await;
    assert!((1..=5_000).contains(&ttl), "{ttl}");

    // What is taken back leaves nothing behind.
    let stop = StopTypingRequest {
        room_id: "general".to_owned(),
        user_id: "alice".to_owned(),
    };
    assert!(client.stop_typing(stop).await.unwrap().into_inner().changed);
    let go = GoOfflineRequest {
        user_id: "alice".to_owned(),
    };
    assert!(client.go_offline(go).await.unwrap().into_inner().changed);
    let left: Vec<String> = ask(&mut redis, &["KEYS", "*"]).await;
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_expires_leaves_nothing_behind() {
    let server = Server::start_new().await;
    let short = Duration::from_millis(200);
    let service = service(&server, lifetimes(short, short)).await;
    let mut redis = plain(&server).await;
    service.beat("alice", &["general"]).await;
    service
        .client
        .clone()
        .start_typing(typing("general", "alice"))
        .await
        .unwrap();
    wait::until(wait::SOON, "all keys are gone", async || {
        ask::<Vec<String>>(&mut redis, &["KEYS", "*"]).await.is_empty()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_replicas_exactly_one_announces_each_change() {
    const USERS: usize = 200;
    let server = Server::start_new().await;
    let hearing = ear_broker(&server);
    let mut news = Ear::on(&hearing, "presence").await;
    let lifetimes = lifetimes(Duration::from_secs(2), LONG);
    let (one, two) = (
        service(&server, lifetimes).await,
        service(&server, lifetimes).await,
    );
    let users: Vec<_> = (0..USERS)
        .map(|user| beat(&format!("u{user}"), &["general"]))
        .collect();
    let request = HeartbeatManyRequest { users };
    let (mut first, mut second) = (one.client.clone(), two.client.clone());
    let (first, second) = tokio::join!(
        first.heartbeat_many(request.clone()),
        second.heartbeat_many(request)
    );
    first.unwrap();
    second.unwrap();
    // Everybody comes once and goes once.
    let mut told: HashMap<String, Vec<PresenceStatus>> = HashMap::new();
    for _ in 0..2 * USERS {
        let event = news.presence().await;
        assert_eq!(event.rooms, ["general"]);
        told.entry(event.user_id).or_default().push(event.status);
    }
    assert_eq!(told.len(), USERS);
    for (user, told) in told {
        assert_eq!(told, [PresenceStatus::Online, PresenceStatus::Offline], "{user}");
    }
    // And nothing more: the next thing heard is the next thing done.
    one.beat("marker", &[]).await;
    assert_eq!(news.presence().await.user_id, "marker");
    assert!(two.online().await.contains(&"marker".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_beats_fit_one_call() {
    let server = Server::start_new().await;
    let service = service(&server, lifetimes(LONG, LONG)).await;
    let rooms = ["general", "random", "devops"];
    let users: Vec<_> = (0..10_000)
        .map(|user| beat(&format!("u{user:05}"), &rooms))
        .collect();
    let mut client = service.client.clone();
    for _ in 0..2 {
        let request = HeartbeatManyRequest { users: users.clone() };
        client.heartbeat_many(request).await.unwrap();
        let online = service.online().await;
        assert_eq!(online.len(), 10_000);
        assert!(online.is_sorted());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_comes_back_empty_is_right_after_one_beat() {
    let server = Server::start_new().await;
    let service = service(&server, lifetimes(LONG, LONG)).await;
    let hearing = ear_broker(&server);
    service.beat("alice", &["general"]).await;
    server.kill().await;
    wait::until(wait::SOON, "the health turns red", async || {
        service.health.report()["presence-store"].is_some()
    })
    .await;
    let began = Instant::now();
    for _ in 0..10 {
        let get = GetUserRequest {
            user_id: "alice".to_owned(),
        };
        let refused = service.client.clone().get_user(get).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unavailable);
        let refused = service
            .client
            .clone()
            .heartbeat(beat("alice", &[]))
            .await
            .unwrap_err();
        assert_eq!(refused.code(), Code::Unavailable);
    }
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "an outage is told at once"
    );
    server.start().await;
    service.ready().await;
    assert!(service.online().await.is_empty());
    let mut news = Ear::on(&hearing, "presence").await;
    service.beat("alice", &["general"]).await;
    assert_eq!(news.presence().await.status, PresenceStatus::Online);
    assert_eq!(service.online().await, ["alice"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_may_start_later() {
    let server = Server::start_new().await;
    server.stop().await;
    let url: broker::BrokerUrl = server.url().parse().unwrap();
    let (store, broker) = (StoreSource::Redis(url.clone()), Source::Redis(url));
    let service = Service::start(store, broker, lifetimes(LONG, LONG)).await;
    let refused = service
        .client
        .clone()
        .heartbeat(beat("alice", &[]))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(!service.health.is_ready());
    server.start().await;
    service.ready().await;
    service.beat("alice", &[]).await;
    assert_eq!(service.online().await, ["alice"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_redis_is_told_and_heals() {
    let server = Server::start_new().await;
    let service = service(&server, lifetimes(LONG, LONG)).await;
    service.beat("alice", &["general"]).await;
    server.pause();
    let refused = service
        .client
        .clone()
        .heartbeat(beat("alice", &[]))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    wait::until(wait::SOON, "the health turns red", async || {
        service.health.report()["presence-store"].is_some()
    })
    .await;
    server.resume();
    service.ready().await;
    assert_eq!(service.online().await, ["alice"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_has_lost_a_server_is_no_reason_to_refuse_beats() {
    let cluster = Cluster::start_new().await;
    let broker = Source::Cluster(cluster.url().parse().unwrap());
    let service = Service::start(StoreSource::Memory, broker, lifetimes(LONG, LONG)).await;
    service.ready().await;
    for dead in 0..2 {
        cluster.masters()[dead].kill().await;
        let end = Instant::now() + Duration::from_secs(1);
        while Instant::now() < end {
            assert!(service.health.is_ready(), "{:?}", service.health.report());
            service.beat("alice", &["general"]).await;
        }
    }
    cluster.masters()[2].kill().await;
    wait::until(wait::SOON, "the health turns red", async || {
        service.health.report()["presence-broker"].is_some()
    })
    .await;
    for server in cluster.servers() {
        server.start().await;
    }
    service.ready().await;
}
