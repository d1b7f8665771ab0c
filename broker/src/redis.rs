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

use futures_util::{FutureExt as _, future::BoxFuture};
use runtime::Shutdown;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    Backend, BrokerUrl, Error, INBOX_BYTES, Publication, Subscription,
    hub::{Hub, Publishes},
    publishing,
};
use link::in_words;
use listener::Listener;
use publish::{Channels, publish};

pub use cluster::ClusterBroker;
pub use link::RedisLink;

/// See the module.
pub struct RedisBroker {
    link: RedisLink,
    hub: Arc<Hub>,
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
        Self {
            link,
            hub,
            _end: end.drop_guard(),
        }
    }

    async fn publish_now(&self, publications: &[Publication]) -> Result<(), Error> {
        let publications: Vec<&Publication> = publications.iter().collect();
        let answers = publish(&self.link, &publications, Channels::Whole).await;
        let refused = answers.map(|answers| answers.into_iter().find_map(Result::err));
        match refused {
            Ok(None) => Ok(()),
            Ok(Some(error)) => Err(Error::Unavailable(in_words(&error))),
            Err(reason) => Err(Error::Unavailable(reason)),
        }
    }
}

impl Drop for RedisBroker {
    fn drop(&mut self) {
        self.hub.close();
    }
}

impl Backend for RedisBroker {
    fn publish(&self, publications: Vec<Publication>) -> BoxFuture<'_, Result<(), Error>> {
        async move { publishing::measured(&publications, self.publish_now(&publications)).await }.boxed()
    }

    fn subscribe(&self, patterns: &[&str]) -> Box<dyn Subscription> {
        self.hub.subscribe(patterns)
    }

    fn connected(&self) -> watch::Receiver<bool> {
        self.hub.connected()
    }
}
