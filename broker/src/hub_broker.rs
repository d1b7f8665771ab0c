//! What all kinds of brokers have in common: subscriptions are a hub's, and whatever is published is counted and timed.
//! They differ in how they publish.

use std::{sync::Arc, time::Instant};

use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::sync::watch;

use crate::{Backend, Error, Publication, Subscription, hub::Hub};

/// How a kind of broker publishes.
pub trait Publisher: Send + Sync + 'static {
    /// See [`Backend::publish`].
    fn publish(&self, publications: &[Publication]) -> impl Future<Output = Result<(), Error>> + Send;
}

/// A broker that publishes by `P`. Its subscriptions end with it.
pub struct HubBroker<P> {
    hub: Arc<Hub>,
    publisher: P,
}

impl<P> HubBroker<P> {
    pub(crate) fn of(hub: Arc<Hub>, publisher: P) -> Self {
        Self { hub, publisher }
    }
}

impl<P> Drop for HubBroker<P> {
    fn drop(&mut self) {
        self.hub.close();
    }
}

impl<P: Publisher> Backend for HubBroker<P> {
    fn publish(&self, publications: Vec<Publication>) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            let count = counted(&publications).count();
            let began = Instant::now();
            let result = self.publisher.publish(&publications).await;
            let lost = result.as_ref().err().map_or(0, |error| error.lost(count));
            for (outcome, count) in [("published", count - lost), ("lost", lost)] {
                metrics::counter!("chatflow_broker_publications_total", "outcome" => outcome)
                    .increment(count as u64);
            }
            metrics::histogram!("chatflow_broker_publish_seconds").record(began.elapsed().as_secs_f64());
            result
        }
        .boxed()
    }

    fn subscribe(&self, patterns: &[&str]) -> Box<dyn Subscription> {
        self.hub.subscribe(patterns)
    }

    fn connected(&self) -> watch::Receiver<bool> {
        self.hub.connected()
    }

    fn reachable(&self) -> watch::Receiver<bool> {
        self.hub.reachable()
    }
}

/// Without extras.
pub(crate) fn counted(publications: &[Publication]) -> impl Iterator<Item = &Publication> {
    publications.iter().filter(|one| !one.is_extra())
}
