//! The broker on Redis: one connection that publishes and one that subscribes, each made again for ever, and the news of
//! when something may have been missed.

mod chunk;
mod cluster;
mod command;
mod link;
mod listener;
mod publish;
mod resp;
mod session;

use std::sync::Arc;

use redis::RedisError;
use runtime::Shutdown;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    BrokerUrl, Error, INBOX_BYTES, PUBLISH_DEADLINE, Publication,
    hub::{Hub, Publishes},
    hub_broker::{HubBroker, Publisher},
};
use link::in_words;
use listener::Listener;
use publish::{Channels, publish};

pub use cluster::ClusterBroker;
pub use link::RedisLink;

/// See the module.
pub type RedisBroker = HubBroker<ToServer>;

/// Publishes at one server.
pub struct ToServer {
    link: RedisLink,
    _end: DropGuard,
}

impl RedisBroker {
    /// Connects in the background and keeps connecting until the shutdown begins; then, what is connected serves on.
    pub fn connect(url: &BrokerUrl, shutdown: &Shutdown) -> Self {
        let hub = Hub::unconnected(INBOX_BYTES);
        let link = RedisLink::connect("broker", url, shutdown);
        let end = CancellationToken::new();
        let publishing = Arc::clone(&hub);
        let following = link.follow(move |works| {
            publishing.publishes(if works {
                Publishes::Everything
            } else {
                Publishes::Nothing
            });
        });
        shutdown.spawn_until_begun(following);
        let listener = Listener {
            name: "broker-intake",
            server: url.server(),
            hub: Arc::clone(&hub),
            lane: 0,
            doubt: link.doubt(),
            cluster: None,
        };
        let (last, ended) = (shutdown.token(), end.clone());
        // Nothing waits for it: what is connected is heard until the process ends.
        tokio::spawn(async move { ended.run_until_cancelled(listener.run(last)).await });
        let end = end.drop_guard();
        Self::of(hub, ToServer { link, _end: end })
    }
}

impl Publisher for ToServer {
    async fn publish(&self, publications: &[Publication]) -> Result<(), Error> {
        let publications: Vec<&Publication> = publications.iter().collect();
        let deadline = Instant::now() + PUBLISH_DEADLINE;
        let answers = publish(&self.link, &publications, Channels::Whole, deadline).await;
        let answers = answers.map_err(Error::Unavailable)?;
        let count = answers.len();
        let refused: Vec<RedisError> = answers.into_iter().filter_map(Result::err).collect();
        match refused.last() {
            None => Ok(()),
            Some(error) => Err(Error::of(refused.len(), count, in_words(error))),
        }
    }
}
