//! The service as its callers see it: answers, refusals, and what is published.
#![expect(clippy::unwrap_used, reason = "a test stops at whatever fails")]

mod support;

use proto::{
    frame::PresenceStatus,
    presence::{
        GetUserRequest, GoOfflineRequest, HeartbeatManyRequest, HeartbeatRequest, ListTypingRequest,
        StartTypingRequest, Status as Presence, StopTypingRequest,
    },
};
use support::{Ear, LONG, SHORT, Service, beat, lifetimes};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

fn typing(room_id: &str, user_id: &str) -> StartTypingRequest {
    StartTypingRequest {
        room_id: room_id.to_owned(),
        user_id: user_id.to_owned(),
        username: String::new(),
    }
}

fn stop(room_id: &str, user_id: &str) -> StopTypingRequest {
    StopTypingRequest {
        room_id: room_id.to_owned(),
        user_id: user_id.to_owned(),
    }
}

async fn typing_in(service: &Service, room_id: &str) -> Vec<(String, String)> {
    let request = ListTypingRequest {
        room_id: room_id.to_owned(),
    };
    let answer = service.client.clone().list_typing(request).await.unwrap();
    let users = answer.into_inner().users;
    users
        .into_iter()
        .map(|user| (user.user_id, user.username))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_comes_stays_and_goes() {
    let (service, broker) = Service::in_process(lifetimes(LONG, LONG)).await;
    let mut client = service.client.clone();
    let mut news = Ear::on(&broker, "presence").await;

    let get = || GetUserRequest {
        user_id: "alice".to_owned(),
    };
    let unknown = client.get_user(get()).await.unwrap().into_inner();
    assert_eq!(unknown.status(), Presence::Offline);
    assert_eq!(unknown.last_seen, None);

    let ttl = client
        .heartbeat(beat("alice", &["general", "random", "general"]))
        .await;
    assert_eq!(ttl.unwrap().into_inner().ttl_ms, 600_000);
    let came = news.presence().await;
    assert_eq!(
        (came.user_id.as_str(), came.status),
        ("alice", PresenceStatus::Online)
    );
    assert_eq!(came.username, "ALICE");
    assert_eq!(came.rooms, ["general", "random"]);

    let known = client.get_user(get()).await.unwrap().into_inner();
    assert_eq!(
        (known.status(), known.username.as_str()),
        (Presence::Online, "ALICE")
    );
    assert!(known.last_seen.is_some());

    // Neither a further beat nor one without rooms is news, and the rooms are kept.
    service.beat("alice", &[]).await;
    service.beat("bob", &[]).await;
    assert_eq!(news.presence().await.user_id, "bob");
    assert_eq!(service.online().await, ["alice", "bob"]);

    let go = || GoOfflineRequest {
        user_id: "alice".to_owned(),
    };
    assert!(client.go_offline(go()).await.unwrap().into_inner().changed);
    assert!(!client.go_offline(go()).await.unwrap().into_inner().changed);
    let went = news.presence().await;
    assert_eq!(
        (went.user_id.as_str(), went.status),
        ("alice", PresenceStatus::Offline)
    );
    assert_eq!(went.rooms, ["general", "random"]);
    assert_eq!(service.online().await, ["bob"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_beating_is_announced_offline() {
    let (service, broker) = Service::in_process(lifetimes(SHORT, LONG)).await;
    let mut news = Ear::on(&broker, "presence").await;
    service.beat("alice", &["general"]).await;
    assert_eq!(news.presence().await.status, PresenceStatus::Online);
    let went = news.presence().await;
    assert_eq!(
        (went.user_id.as_str(), went.status),
        ("alice", PresenceStatus::Offline)
    );
    assert_eq!(went.rooms, ["general"]);
    assert!(service.online().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn typing_is_announced_each_time_and_when_it_ends() {
    let (service, broker) = Service::in_process(lifetimes(LONG, LONG)).await;
    let mut client = service.client.clone();
    let mut room = Ear::on(&broker, "room:*").await;
    let ttl = client.start_typing(typing("general", "alice")).await.unwrap();
    assert_eq!(ttl.into_inner().ttl_ms, 600_000);
    client.start_typing(typing("general", "alice")).await.unwrap();
    client.start_typing(typing("general", "bob")).await.unwrap();
    let both = [("alice", "alice"), ("bob", "bob")].map(|(id, name)| (id.to_owned(), name.to_owned()));
    assert_eq!(typing_in(&service, "general").await, both);
    assert!(typing_in(&service, "random").await.is_empty());

    let stopped = client.stop_typing(stop("general", "alice")).await.unwrap();
    assert!(stopped.into_inner().changed);
    let again = client.stop_typing(stop("general", "alice")).await.unwrap();
    assert!(!again.into_inner().changed);

    let frame = |kind: &str, user: &str| {
        let text =
            format!(r#"{{"type":"{kind}","user_id":"{user}","username":"{user}","room_id":"general"}}"#);
        ("room:general".to_owned(), text)
    };
    assert_eq!(room.next().await, frame("typing", "alice"));
    assert_eq!(room.next().await, frame("typing", "alice"));
    assert_eq!(room.next().await, frame("typing", "bob"));
    assert_eq!(room.next().await, frame("stop_typing", "alice"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_typing_that_expires_is_announced_as_stopped() {
    let (service, broker) = Service::in_process(lifetimes(LONG, SHORT)).await;
    let mut room = Ear::on(&broker, "room:general").await;
    for _ in 0..2 {
        service
            .client
            .clone()
            .start_typing(typing("general", "alice"))
            .await
            .unwrap();
        assert!(room.next().await.1.contains(r#""type":"typing""#));
        assert!(room.next().await.1.contains(r#""type":"stop_typing""#));
        assert!(typing_in(&service, "general").await.is_empty());
    }
}

#[track_caller]
fn names(status: &Status, field: &str) {
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let details = status.get_error_details();
    let named = &details.bad_request().expect("details").field_violations[0].field;
    assert_eq!(named, field);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_with_its_field_named() {
    let (service, broker) = Service::in_process(lifetimes(LONG, LONG)).await;
    let mut client = service.client.clone();
    let mut news = Ear::on(&broker, "presence").await;

    names(
        &client.heartbeat(beat("Alice", &[])).await.unwrap_err(),
        "user_id",
    );
    names(
        &client.heartbeat(beat("alice", &["../x"])).await.unwrap_err(),
        "room_ids",
    );
    names(
        &client.heartbeat(beat("alice", &["a"; 201])).await.unwrap_err(),
        "room_ids",
    );
    let mut lying = beat("alice", &[]);
    lying.username = "a\u{202E}b".to_owned();
    names(&client.heartbeat(lying).await.unwrap_err(), "username");

    let many = |users: Vec<HeartbeatRequest>| HeartbeatManyRequest { users };
    let one_bad = many(vec![beat("alice", &[]), beat("", &[])]);
    names(
        &client.heartbeat_many(one_bad).await.unwrap_err(),
        "users.user_id",
    );
    let too_many = many(vec![beat("alice", &[]); 10_001]);
    names(&client.heartbeat_many(too_many).await.unwrap_err(), "users");

    let get = GetUserRequest {
        user_id: "a b".to_owned(),
    };
    names(&client.get_user(get).await.unwrap_err(), "user_id");
    let go = GoOfflineRequest {
        user_id: String::new(),
    };
    names(&client.go_offline(go).await.unwrap_err(), "user_id");
    names(
        &client
            .start_typing(typing("general:x", "alice"))
            .await
            .unwrap_err(),
        "room_id",
    );
    names(
        &client.start_typing(typing("general", "*")).await.unwrap_err(),
        "user_id",
    );
    names(
        &client.stop_typing(stop("", "alice")).await.unwrap_err(),
        "room_id",
    );
    names(
        &client.stop_typing(stop("general", "")).await.unwrap_err(),
        "user_id",
    );
    let list = ListTypingRequest {
        room_id: "ß".to_owned(),
    };
    names(&client.list_typing(list).await.unwrap_err(), "room_id");

    // Nothing of it was kept or told, also not the good half of the bad call.
    assert!(service.online().await.is_empty());
    service.beat("bob", &[]).await;
    assert_eq!(news.presence().await.user_id, "bob");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_beats_fit_one_call() {
    let (service, _broker) = Service::in_process(lifetimes(LONG, LONG)).await;
    let rooms: Vec<String> = (0..20)
        .map(|room| format!("room-number-{room}-of-a-busy-company"))
        .collect();
    let rooms: Vec<&str> = rooms.iter().map(String::as_str).collect();
    let users = (0..10_000)
        .map(|user| beat(&format!("user-{user:05}"), &rooms))
        .collect();
    let mut client = service.client.clone();
    client
        .heartbeat_many(HeartbeatManyRequest { users })
        .await
        .unwrap();
    let online = service.online().await;
    assert_eq!(online.len(), 10_000);
    assert!(online.is_sorted());
}
