//! The broker on Redis: one connection that publishes and one that subscribes, each made again for ever, and the news of
//! when something may have been missed.

mod chunk;
mod command;
mod link;
mod listener;
mod resp;
mod session;

use std::sync::Arc;

use futures_util::{FutureExt as _, future::BoxFuture};
use redis::{IntoConnectionInfo as _, RedisError};
use runtime::Shutdown;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    Backend, BrokerUrl, Error, INBOX_BYTES, PUBLISH_DEADLINE, Publication, Subscription, hub::Hub, publishing,
};
use link::in_words;
use listener::Listener;

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
        let following = link.follow(move |works| publishing.publishes(works));
        shutdown.spawn_until_begun(following);
        if let Ok(info) = url.expose().into_connection_info() {
            let listener = Listener {
                name: "broker-intake",
                server: url.to_string(),
                info,
                hub: Arc::clone(&hub),
                lane: 0,
                silent: Box::new(link.doubt()),
            };
            let (last, ended) = (shutdown.token(), end.clone());
            // Nothing waits for it: what is connected is heard until the process ends.
            tokio::spawn(async move { ended.run_until_cancelled(listener.run(last)).await });
        }
        Self {
            link,
            hub,
            _end: end.drop_guard(),
        }
    }

    async fn publish_now(&self, publications: &[Publication]) -> Result<(), Error> {
        let mut connection = self.link.connection().map_err(Error::Unavailable)?;
        let mut pipeline = redis::pipe();
        // Each command has an answer of its own: those of extras are nobody's concern.
        pipeline.ignore_errors();
        for publication in publications {
            pipeline.publish(&publication.channel, publication.payload.as_ref());
            if publication.is_extra() {
                pipeline.ignore();
            }
        }
        let answers = pipeline.query_async::<Vec<Result<(), RedisError>>>(&mut connection);
        let Ok(answers) = tokio::time::timeout(PUBLISH_DEADLINE, answers).await else {
            self.link.doubt()();
            return Err(Error::Unavailable("no answer".to_owned()));
        };
        answers
            .and_then(|answers| answers.into_iter().collect())
            .map_err(|error| Error::Unavailable(in_words(&error)))
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
