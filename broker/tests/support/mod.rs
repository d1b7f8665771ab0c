//! Subscribing and publishing with deadlines.
#![expect(clippy::unwrap_used, reason = "a test stops at whatever fails")]
#![expect(dead_code, reason = "each test binary uses its own part")]

use broker::{Broker, ClusterBroker, Event, Publication, RedisBroker, Subscription};
use bytes::Bytes;
use runtime::Shutdown;
use test_support::{
    redis::{Cluster, Server},
    wait,
};

/// A broker with what it stands on.
pub(crate) struct Rig {
    pub(crate) broker: Broker,
    pub(crate) redis: Option<Server>,
    pub(crate) cluster: Option<Cluster>,
    pub(crate) shutdown: Shutdown,
}

impl Rig {
    pub(crate) async fn memory() -> Self {
        std::future::ready(Self {
            broker: Broker::memory(),
            redis: None,
            cluster: None,
            shutdown: Shutdown::new(),
        })
        .await
    }

    pub(crate) async fn redis() -> Self {
        let server = Server::start_new().await;
        let shutdown = Shutdown::new();
        let broker = connect(&server, &shutdown);
        Self {
            broker,
            redis: Some(server),
            cluster: None,
            shutdown,
        }
    }

    pub(crate) async fn on_cluster() -> Self {
        Self::on(Cluster::start_new().await)
    }

    pub(crate) fn on(cluster: Cluster) -> Self {
        let rig = Self::at(&cluster.url());
        Self {
            cluster: Some(cluster),
            ..rig
        }
    }

    /// On a cluster that somebody else keeps.
    pub(crate) fn at(url: &str) -> Self {
        let shutdown = Shutdown::new();
        Self {
            broker: Broker::new(ClusterBroker::connect(&url.parse().unwrap(), &shutdown)),
            redis: None,
            cluster: None,
            shutdown,
        }
    }

    pub(crate) fn cluster(&self) -> &Cluster {
        self.cluster.as_ref().expect("a rig on a cluster")
    }

    pub(crate) fn server(&self) -> &Server {
        self.redis.as_ref().expect("a rig on Redis")
    }
}

pub(crate) fn connect(server: &Server, shutdown: &Shutdown) -> Broker {
    Broker::new(RedisBroker::connect(&server.url().parse().unwrap(), shutdown))
}

pub(crate) fn publication(channel: &str, payload: impl Into<Bytes>) -> Publication {
    Publication {
        channel: channel.to_owned(),
        payload: payload.into(),
    }
}

pub(crate) fn message(channel: &str, payload: impl Into<Bytes>) -> Event {
    Event::Message(publication(channel, payload).into())
}

pub(crate) fn added(pattern: &str) -> Event {
    Event::Added(pattern.into())
}

pub(crate) async fn event(subscription: &mut Box<dyn Subscription>) -> Event {
    tokio::time::timeout(wait::SOON, subscription.recv())
        .await
        .expect("an event comes in time")
        .expect("the broker lives")
}

/// A subscription that works.
pub(crate) async fn subscribed(broker: &Broker, patterns: &[&str]) -> Box<dyn Subscription> {
    let mut subscription = broker.subscribe(patterns);
    assert_eq!(event(&mut subscription).await, Event::Connected);
    subscription
}

/// Waits until the broker says that it is connected, or not.
pub(crate) async fn connected(broker: &Broker, expected: bool) {
    let mut connected = broker.connected();
    tokio::time::timeout(wait::SOON, connected.wait_for(|now| *now == expected))
        .await
        .unwrap_or_else(|_| panic!("connected becomes {expected}"))
        .expect("the broker lives");
}
