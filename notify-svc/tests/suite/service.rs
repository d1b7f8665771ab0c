//! The service as its callers and the edges see it: gRPC in, frames out.

use crate::support::{Fresh, Replica, published};
use broker::{Broker, Event, RedisBroker, Source};
use notify_svc::{Draft, Notifications};
use proto::notify::{
    CreateRequest, DeleteRequest, ListRequest, MarkAllReadRequest, MarkReadRequest, Notification,
    UnreadCountRequest,
};
use runtime::Shutdown;
use test_support::{ports, postgres, redis, wait};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

on_both!(
    creates_lists_marks_and_deletes,
    publishes_the_frame_of_the_contract,
    two_replicas_publish_one_source_once,
    what_a_lost_caller_began_is_published,
    refuses_bad_input_by_name_and_stores_nothing,
    works_while_the_broker_is_down,
);

fn create(user_id: &str, title: &str) -> CreateRequest {
    CreateRequest {
        user_id: user_id.to_owned(),
        title: title.to_owned(),
        body: "a body".to_owned(),
        notif_type: "mention".to_owned(),
        room_id: Some("general".to_owned()),
        source: None,
    }
}

fn list(user_id: &str) -> ListRequest {
    ListRequest {
        user_id: user_id.to_owned(),
        unread_only: false,
        limit: 0,
    }
}

async fn creates_lists_marks_and_deletes(fresh: Fresh) {
    let mut replica = Replica::start(&fresh.url, Source::from_setting(None).unwrap()).await;
    let client = &mut replica.client;
    let mut made = Vec::new();
    for title in ["one", "two", "three"] {
        let answer = client.create(create("alice", title)).await.unwrap().into_inner();
        assert!(!answer.repeated);
        made.insert(0, answer.notification.unwrap());
    }
    let found = client.list(list("alice")).await.unwrap().into_inner();
    assert_eq!(found.notifications, made, "newest first");

    let marked = MarkReadRequest {
        id: made[0].id.to_uppercase(),
        user_id: String::new(),
    };
    let read = client.mark_read(marked.clone()).await.unwrap().into_inner();
    assert!(read.is_read);
    assert_eq!(client.mark_read(marked).await.unwrap().into_inner(), read);
    let user_id = "alice".to_owned();
    let unread = client.unread_count(UnreadCountRequest {
        user_id: user_id.clone(),
    });
    assert_eq!(unread.await.unwrap().into_inner().unread_count, 2);
    let unread = ListRequest {
        unread_only: true,
        limit: 1,
        ..list("alice")
    };
    let unread = client.list(unread).await.unwrap().into_inner();
    assert_eq!(unread.notifications, made[1..2]);
    let all = MarkAllReadRequest {
        user_id: user_id.clone(),
    };
    let changed = client.mark_all_read(all).await.unwrap().into_inner();
    assert_eq!(changed.changed, 2);

    let others = DeleteRequest {
        id: made[0].id.clone(),
        user_id: "bob".to_owned(),
    };
    let own = DeleteRequest {
        user_id,
        ..others.clone()
    };
    let not_found = |status: Status| {
        assert_eq!(
            (status.code(), status.message()),
            (Code::NotFound, "there is no such notification")
        );
    };
    not_found(client.delete(others).await.unwrap_err());
    client.delete(own.clone()).await.unwrap();
    not_found(client.delete(own).await.unwrap_err());
    not_found(
        client
            .mark_read(MarkReadRequest {
                id: made[0].id.clone(),
                user_id: "alice".to_owned(),
            })
            .await
            .unwrap_err(),
    );
    not_found(
        client
            .mark_read(MarkReadRequest {
                id: made[1].id.clone(),
                user_id: "bob".to_owned(),
            })
            .await
            .unwrap_err(),
    );
}

/// The frame that the contract asks for, written out.
fn frame(of: &Notification) -> String {
    let at = proto::time::from_proto(of.created_at.as_ref().unwrap()).unwrap();
    format!(
        r#"{{"type":"notification","id":"{}","user_id":"alice","title":"bob mentioned you","body":"a body","notif_type":"mention","room_id":"general","is_read":false,"created_at":"{}"}}"#,
        of.id,
        proto::time::rfc3339(at)
    )
}

async fn publishes_the_frame_of_the_contract(fresh: Fresh) {
    let redis = redis::Server::start_new().await;
    let alive = Shutdown::new();
    let connect = || Broker::new(RedisBroker::connect(&redis.url().parse().unwrap(), &alive));
    let (services, edges) = (connect(), connect());
    let mut heard = edges.subscribe(&["user:*"]);
    assert_eq!(heard.recv().await, Some(Event::Connected));
    services
        .connected()
        .wait_for(|connected| *connected)
        .await
        .unwrap();

    let mut replica = Replica::start(&fresh.url, Source::Shared(services)).await;
    let request = create("alice", "bob mentioned you");
    let made = replica.client.create(request).await.unwrap().into_inner();
    let made = made.notification.unwrap();
    let (channel, payload) = published(heard.as_mut()).await;
    assert_eq!(channel, "user:alice");
    assert_eq!(payload, frame(&made));
}

async fn two_replicas_publish_one_source_once(fresh: Fresh) {
    let broker = Broker::memory();
    let mut heard = broker.subscribe(&["user:*"]);
    let shared = || Source::Shared(broker.clone());
    let replicas = [
        Replica::start(&fresh.url, shared()).await,
        Replica::start(&fresh.url, shared()).await,
    ];
    let request = CreateRequest {
        source: Some("mention:0192:alice".to_owned()),
        ..create("alice", "bob mentioned you")
    };
    let calls = (0..20).map(|number| {
        let (mut client, request) = (replicas[number % 2].client.clone(), request.clone());
        tokio::spawn(async move { client.create(request).await.unwrap().into_inner() })
    });
    let mut answers = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        answers.push(call.await.unwrap());
    }
    assert_eq!(answers.iter().filter(|answer| !answer.repeated).count(), 1);
    let first = answers[0].notification.clone().unwrap();
    assert!(
        answers
            .iter()
            .all(|answer| answer.notification.as_ref() == Some(&first))
    );

    let mut client = replicas[0].client.clone();
    client.create(create("alice", "the end")).await.unwrap();
    assert_eq!(published(heard.as_mut()).await.1, frame(&first));
    let (_, next) = published(heard.as_mut()).await;
    assert!(next.contains("the end"), "published once: {next}");
}

async fn what_a_lost_caller_began_is_published(fresh: Fresh) {
    let (store, alive) = fresh.store().await;
    let broker = Broker::memory();
    let mut heard = broker.subscribe(&["user:*"]);
    let notifications = Notifications::new(store, broker, alive);
    let draft = Draft::check(create("alice", "bob mentioned you")).unwrap();
    let mut call = Box::pin(notifications.create(draft));
    assert!(futures_util::poll!(call.as_mut()).is_pending());
    drop(call);
    let (channel, _) = published(heard.as_mut()).await;
    assert_eq!(channel, "user:alice");
    assert_eq!(notifications.unread_count("alice").await.unwrap(), 1);
}

async fn refuses_bad_input_by_name_and_stores_nothing(fresh: Fresh) {
    let replica = Replica::start(&fresh.url, Source::from_setting(None).unwrap()).await;
    let mut client = replica.client.clone();
    let good = create("alice", "title");
    let text = |count: usize| "ä".repeat(count);
    let bad = [
        ("user_id", create("", "t")),
        ("user_id", create("Alice", "t")),
        ("user_id", create(&"a".repeat(65), "t")),
        ("title", create("alice", "")),
        ("title", create("alice", &text(201))),
        ("title", create("alice", "a\nb")),
        ("title", create("alice", "a\0b")),
        ("title", create("alice", "\u{1b}[31m")),
        (
            "body",
            CreateRequest {
                body: text(2_001),
                ..good.clone()
            },
        ),
        (
            "body",
            CreateRequest {
                body: "a\0b".to_owned(),
                ..good.clone()
            },
        ),
        (
            "notif_type",
            CreateRequest {
                notif_type: "Mention".to_owned(),
                ..good.clone()
            },
        ),
        (
            "notif_type",
            CreateRequest {
                notif_type: "a b".to_owned(),
                ..good.clone()
            },
        ),
        (
            "notif_type",
            CreateRequest {
                notif_type: "a".repeat(33),
                ..good.clone()
            },
        ),
        (
            "room_id",
            CreateRequest {
                room_id: Some(String::new()),
                ..good.clone()
            },
        ),
        (
            "room_id",
            CreateRequest {
                room_id: Some("../..".to_owned()),
                ..good.clone()
            },
        ),
        (
            "source",
            CreateRequest {
                source: Some(String::new()),
                ..good.clone()
            },
        ),
        (
            "source",
            CreateRequest {
                source: Some(text(201)),
                ..good.clone()
            },
        ),
        (
            "source",
            CreateRequest {
                source: Some("\0".to_owned()),
                ..good.clone()
            },
        ),
    ];
    for (field, request) in bad {
        let status = client.create(request.clone()).await.unwrap_err();
        assert_refused(field, &status, &request);
    }
    assert_eq!(
        client
            .list(list("alice"))
            .await
            .unwrap()
            .into_inner()
            .notifications,
        []
    );

    for (field, request) in [
        ("user_id", list("")),
        ("user_id", list("a b")),
        (
            "limit",
            ListRequest {
                limit: 201,
                ..list("alice")
            },
        ),
    ] {
        let status = client.list(request.clone()).await.unwrap_err();
        assert_refused(field, &status, &request);
    }
    for (field, id, user_id) in [
        ("id", "", ""),
        ("id", "x", ""),
        ("id", "0192f0c1-2345-7000-8000-00000000000g", "alice"),
        ("user_id", "0192f0c1-2345-7000-8000-000000000000", "Ä"),
    ] {
        let (id, user_id) = (id.to_owned(), user_id.to_owned());
        let mark = MarkReadRequest {
            id: id.clone(),
            user_id: user_id.clone(),
        };
        assert_refused(field, &client.mark_read(mark).await.unwrap_err(), &id);
        let delete = DeleteRequest {
            id: id.clone(),
            user_id,
        };
        assert_refused(field, &client.delete(delete).await.unwrap_err(), &id);
    }
    let nobody = String::new;
    let count = UnreadCountRequest { user_id: nobody() };
    assert_refused("user_id", &client.unread_count(count).await.unwrap_err(), &"");
    let all = MarkAllReadRequest { user_id: nobody() };
    assert_refused("user_id", &client.mark_all_read(all).await.unwrap_err(), &"");

    // The bounds themselves are allowed, and an empty kind is "info".
    let widest = CreateRequest {
        user_id: "a".repeat(64),
        title: text(200),
        body: text(2_000),
        notif_type: String::new(),
        room_id: None,
        source: Some(text(200)),
    };
    let made = client
        .create(widest)
        .await
        .unwrap()
        .into_inner()
        .notification
        .unwrap();
    assert_eq!((made.notif_type.as_str(), made.room_id), ("info", None));
}

fn assert_refused(field: &str, status: &Status, request: &dyn std::fmt::Debug) {
    assert_eq!(status.code(), Code::InvalidArgument, "{request:?}: {status}");
    let details = status.get_error_details();
    let violations = &details.bad_request().unwrap().field_violations;
    assert_eq!(violations[0].field, field, "{request:?}: {status}");
}

async fn works_while_the_broker_is_down(fresh: Fresh) {
    let nobody = format!("redis://127.0.0.1:{}", ports::free());
    let broker = Source::from_setting(Some(&nobody)).unwrap();
    let mut replica = Replica::start(&fresh.url, broker).await;
    replica.client.create(create("alice", "title")).await.unwrap();
    assert!(replica.health.is_ready(), "{:?}", replica.health.report());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_down_is_unavailable_and_heals_without_a_restart() {
    let server = postgres::Server::start_new(postgres::Durability::Full).await;
    let database = server.create_database("notifications_db").await;
    let url = database.url().parse().unwrap();
    server.stop().await;
    let mut replica = Replica::start(&url, Source::from_setting(None).unwrap()).await;
    for _ in 0..2 {
        let status = replica.client.create(create("alice", "lost")).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{status}");
        assert!(!status.message().contains("127.0.0.1"), "chosen words: {status}");
        let noticed = async || !replica.health.is_ready();
        wait::until(wait::SOON, "readiness says so", noticed).await;
        server.start().await;
        let healed = async || replica.health.is_ready();
        wait::until(wait::SOON, "it heals", healed).await;
        replica.client.create(create("alice", "kept")).await.unwrap();
        server.stop().await;
    }
    server.start().await;
    let list = wait::eventually(wait::SOON, "it answers", async || {
        replica.client.list(list("alice")).await.ok()
    });
    let titles: Vec<_> = list
        .await
        .into_inner()
        .notifications
        .into_iter()
        .map(|n| n.title)
        .collect();
    assert_eq!(titles, ["kept", "kept"]);
}
