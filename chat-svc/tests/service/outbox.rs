//! Mentions: in the message's transaction, delivered by a relay to a real notify-svc until it has them.

use std::{collections::HashSet, net::Ipv4Addr};

use broker::{Broker, Source};
use chat_svc::{
    clock::Clock,
    message::{Change, NewMessage},
    store::{Log as _, Outbox as _},
};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use proto::notify::{ListRequest, Notification, notify_service_client::NotifyServiceClient};
use runtime::{Shutdown, client::ServiceUrl, health::Health, settings::Listen};
use sql::DatabaseUrl;
use tempfile::TempDir;
use test_support::{ports, wait};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    on_both_stores,
    support::{Store, named},
};

on_both_stores!(
    mentions_reach_notify_svc_also_after_it_was_away,
    two_replicas_deliver_once,
    a_claim_is_nobody_elses_until_it_runs_out,
    a_wrong_clock_puts_no_mention_off_for_other_replicas,
    without_notify_svc_mentions_wait,
);

/// A notify-svc that can go away and come back.
struct Notified {
    port: u16,
    folder: TempDir,
    running: Option<(Shutdown, JoinHandle<Result<(), runtime::Fatal>>)>,
}

impl Notified {
    fn away() -> Self {
        Self {
            port: ports::free(),
            folder: TempDir::new().unwrap(),
            running: None,
        }
    }

    fn url(&self) -> ServiceUrl {
        ServiceUrl::new("127.0.0.1", self.port)
    }

    async fn come(&mut self) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await.unwrap();
        let config = notify_svc::Config {
            listen: Listen {
                bind: Ipv4Addr::LOCALHOST.into(),
                port: self.port,
                admin_port: None,
            },
            database: DatabaseUrl::Sqlite(self.folder.path().join("notifications.db")),
            broker: Source::Shared(Broker::memory()),
        };
        let shutdown = Shutdown::new();
        let serving = notify_svc::serve_on(listener, config, Health::new(), shutdown.clone());
        self.running = Some((shutdown, tokio::spawn(serving)));
    }

    async fn go(&mut self) {
        let (shutdown, serving) = self.running.take().expect("it is there");
        shutdown.begin();
        serving.await.unwrap().unwrap();
    }

    /// A user's notifications, oldest first, once there are so many.
    async fn of(&self, user: &str, count: usize) -> Vec<Notification> {
        let attempt = async || {
            let url = format!("http://127.0.0.1:{}", self.port);
            let mut client = NotifyServiceClient::connect(url).await.ok()?;
            let request = ListRequest {
                user_id: user.to_owned(),
                unread_only: false,
                limit: 200,
            };
            let mut list = client.list(request).await.ok()?.into_inner().notifications;
            list.reverse();
            (list.len() >= count).then_some(list)
        };
        wait::eventually(wait::START, "notifications arrive", attempt).await
    }
}

async fn mentions_reach_notify_svc_also_after_it_was_away(store: Store) {
    let mut notify = Notified::away();
    let broker = || Source::Shared(Broker::memory());
    let service = store.service_with(broker(), Some(notify.url())).await;
    let mut request = named("general", "alice", "1");
    request.username = "Alice".to_owned();
    request.content = format!("@bob @alice `@carol` {}", "x".repeat(300));
    let sent = service.send(request.clone()).await.unwrap();
    assert!(service.send(request.clone()).await.unwrap().repeated);
    notify.come().await;
    let [first] = <[_; 1]>::try_from(notify.of("bob", 1).await).unwrap();
    assert_eq!(first.title, "Alice mentioned you in #general");
    assert_eq!(first.body, request.content[..200]);
    assert_eq!(
        (first.notif_type.as_str(), first.room_id.as_deref()),
        ("mention", Some("general"))
    );
    notify.go().await;
    service.say("general", "alice", "again @bob").await;
    let edit = proto::chat::EditMessageRequest {
        room_id: "general".to_owned(),
        message_id: sent.id,
        user_id: "alice".to_owned(),
        content: "edited for @bob".to_owned(),
    };
    service.chat.clone().edit_message(edit).await.unwrap();
    notify.come().await;
    let bodies: Vec<_> = notify.of("bob", 2).await.into_iter().map(|n| n.body).collect();
    assert_eq!(bodies[1..], ["again @bob"]);
    let direct = store.direct().await;
    let empty = async || direct.backlog().await.unwrap() == 0;
    wait::until(wait::SOON, "what was delivered is gone", empty).await;
    assert_eq!(notify.of("bob", 2).await.len(), 2);
    for nobody in ["alice", "carol"] {
        assert_eq!(notify.of(nobody, 0).await, []);
    }
}

async fn two_replicas_deliver_once(store: Store) {
    let mut notify = Notified::away();
    let broker = || Source::Shared(Broker::memory());
    let one = store.service_with(broker(), Some(notify.url())).await;
    let other = store.service_with(broker(), Some(notify.url())).await;
    let sends = (0..40).map(|n| {
        let service = if n % 2 == 0 { &one } else { &other };
        async move {
            service.say("general", "alice", &format!("{n} for @bob")).await;
        }
    });
    join_all(sends).await;
    notify.come().await;
    let direct = store.direct().await;
    let empty = async || direct.backlog().await.unwrap() == 0;
    wait::until(wait::START, "the outbox is empty", empty).await;
    let bodies: Vec<_> = notify.of("bob", 40).await.into_iter().map(|n| n.body).collect();
    let distinct: HashSet<_> = bodies.iter().collect();
    assert_eq!((bodies.len(), distinct.len()), (40, 40));
}

async fn a_claim_is_nobody_elses_until_it_runs_out(store: Store) {
    let service = store.service().await;
    for n in 0..30 {
        service.say("general", "alice", &format!("{n} @bob")).await;
    }
    let (one, other) = (store.direct().await, store.direct().await);
    let now = Timestamp::now() + SignedDuration::from_secs(1);
    let until = now + SignedDuration::from_secs(60);
    let (mine, theirs) = tokio::join!(one.claim(20, now, until), other.claim(20, now, until));
    let mut ids: Vec<_> = mine
        .unwrap()
        .iter()
        .chain(&theirs.unwrap())
        .map(|d| d.id)
        .collect();
    ids.extend(one.claim(30, now, until).await.unwrap().iter().map(|d| d.id));
    assert_eq!(ids.len(), 30);
    assert_eq!(
        ids.iter().collect::<HashSet<_>>().len(),
        30,
        "nothing is claimed twice"
    );
    assert_eq!(one.claim(30, now, until).await.unwrap(), []);
    let again = other.claim(30, until, until).await.unwrap();
    assert_eq!(again.len(), 30);
    assert!(again.iter().all(|delivery| delivery.attempts == 2));
}

async fn without_notify_svc_mentions_wait(store: Store) {
    let service = store.service().await;
    service.say("general", "alice", "@bob @carol").await;
    assert_eq!(store.direct().await.backlog().await.unwrap(), 2);
}

async fn a_wrong_clock_puts_no_mention_off_for_other_replicas(store: Store) {
    let direct = store.direct().await;
    let ahead = Clock::from_fn(|| Timestamp::now() + SignedDuration::from_hours(1));
    let mention = NewMessage {
        room_id: "general".to_owned(),
        user_id: "alice".to_owned(),
        username: "Alice".to_owned(),
        content: "@bob".to_owned(),
        message_type: "text".to_owned(),
        file_url: None,
        client_msg_id: None,
    };
    direct.commit(vec![Change::Send(mention)], &ahead).await.unwrap();
    let now = direct.now(&Clock::system()).await.unwrap();
    let drift = now.duration_since(Timestamp::now()).abs();
    assert!(drift < SignedDuration::from_secs(30), "{drift:?}");
    assert_eq!(
        direct.claim(10, now, now).await.unwrap().len(),
        1,
        "due for everybody"
    );
}
