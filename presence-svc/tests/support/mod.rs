//! A presence service in this process, on a port of its own, with a client and an ear on its broker.
#![expect(clippy::unwrap_used, reason = "a test stops at whatever fails")]
#![expect(dead_code, reason = "each test binary uses its own part")]

use std::{net::SocketAddr, time::Duration};

use broker::{Broker, Event, Source, Subscription};
use presence_svc::{
    Config,
    store::{Lifetimes, StoreSource},
};
use proto::{
    frame::PresenceEvent,
    presence::{HeartbeatRequest, presence_service_client::PresenceServiceClient},
};
use runtime::{Shutdown, health::Health, settings::Listen};
use test_support::wait::SOON;
use tonic::transport::Channel;

/// Nothing expires while a test runs.
pub(crate) const LONG: Duration = Duration::from_mins(10);

/// Soon expired.
pub(crate) const SHORT: Duration = Duration::from_millis(200);

pub(crate) fn lifetimes(online: Duration, typing: Duration) -> Lifetimes {
    Lifetimes { online, typing }
}

pub(crate) struct Service {
    pub(crate) client: PresenceServiceClient<Channel>,
    pub(crate) health: Health,
    pub(crate) address: SocketAddr,
    shutdown: Shutdown,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.shutdown.begin();
    }
}

impl Service {
    /// In process, and the broker that it publishes on.
    pub(crate) async fn in_process(lifetimes: Lifetimes) -> (Self, Broker) {
        let broker = Broker::memory();
        let service = Self::start(StoreSource::Memory, Source::Shared(broker.clone()), lifetimes).await;
        service.ready().await;
        (service, broker)
    }

    pub(crate) async fn start(store: StoreSource, broker: Source, lifetimes: Lifetimes) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let config = Config {
            listen: Listen {
                bind: address.ip(),
                port: address.port(),
                admin_port: None,
            },
            store,
            broker,
            lifetimes,
        };
        let (shutdown, health) = (Shutdown::new(), Health::new());
        tokio::spawn(presence_svc::serve_on(
            listener,
            config,
            health.clone(),
            shutdown.clone(),
        ));
        let channel = Channel::from_shared(format!("http://{address}"))
            .unwrap()
            .connect_lazy();
        Self {
            client: PresenceServiceClient::new(channel),
            health,
            address,
            shutdown,
        }
    }

    pub(crate) async fn ready(&self) {
        test_support::wait::until(SOON, "the service is ready", async || {
            !self.health.report().is_empty() && self.health.is_ready()
        })
        .await;
    }

    pub(crate) async fn beat(&self, user_id: &str, rooms: &[&str]) {
        let request = beat(user_id, rooms);
        self.client.clone().heartbeat(request).await.unwrap();
    }

    pub(crate) async fn online(&self) -> Vec<String> {
        let mut client = self.client.clone();
        let answer = client.list_online(proto::presence::ListOnlineRequest {});
        let users = answer.await.unwrap().into_inner().users;
        users.into_iter().map(|user| user.user_id).collect()
    }
}

pub(crate) fn beat(user_id: &str, rooms: &[&str]) -> HeartbeatRequest {
    HeartbeatRequest {
        user_id: user_id.to_owned(),
        username: user_id.to_uppercase(),
        room_ids: rooms.iter().map(|&room| room.to_owned()).collect(),
    }
}

/// Hears what is published.
pub(crate) struct Ear(Box<dyn Subscription>);

impl Ear {
    pub(crate) async fn on(broker: &Broker, pattern: &str) -> Self {
        let mut ear = Self(broker.subscribe(&[pattern]));
        assert_eq!(ear.event().await, Event::Connected);
        ear
    }

    async fn event(&mut self) -> Event {
        tokio::time::timeout(SOON, self.0.recv())
            .await
            .expect("something is heard in time")
            .expect("the broker lives")
    }

    /// The next publication: its channel and its text.
    pub(crate) async fn next(&mut self) -> (String, String) {
        match self.event().await {
            Event::Message(message) => (
                message.channel().to_owned(),
                String::from_utf8(message.payload().to_vec()).unwrap(),
            ),
            other => panic!("not a publication: {other:?}"),
        }
    }

    pub(crate) async fn presence(&mut self) -> PresenceEvent {
        serde_json::from_str(&self.next().await.1).unwrap()
    }
}
