//! The broker of a single process: a bounded ring that every subscriber reads at its own pace.

use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::sync::{broadcast, watch};

use crate::{Backend, Error, Event, Publication, Subscription, matches};

/// Publications kept for a subscriber that lags; one that lags further is told [`Event::Interrupted`].
const RING: usize = 1024;

/// See the module.
#[derive(Debug)]
pub struct MemoryBroker {
    ring: broadcast::Sender<Publication>,
    connected: watch::Sender<bool>,
}

impl Default for MemoryBroker {
    fn default() -> Self {
        Self {
            ring: broadcast::Sender::new(RING),
            connected: watch::Sender::new(true),
        }
    }
}

impl Backend for MemoryBroker {
    fn publish(&self, publications: Vec<Publication>) -> BoxFuture<'_, Result<(), Error>> {
        for publication in publications {
            // An error only says that nobody listens.
            let _ = self.ring.send(publication);
        }
        async { Ok(()) }.boxed()
    }

    fn subscribe(&self, patterns: &[&str]) -> Box<dyn Subscription> {
        Box::new(MemorySubscription {
            ring: self.ring.subscribe(),
            patterns: patterns.iter().map(|&pattern| pattern.to_owned()).collect(),
            announce: true,
        })
    }

    fn connected(&self) -> watch::Receiver<bool> {
        self.connected.subscribe()
    }
}

struct MemorySubscription {
    ring: broadcast::Receiver<Publication>,
    patterns: Vec<String>,
    announce: bool,
}

impl Subscription for MemorySubscription {
    fn recv(&mut self) -> BoxFuture<'_, Option<Event>> {
        async {
            loop {
                if std::mem::take(&mut self.announce) {
                    return Some(Event::Connected);
                }
                match self.ring.recv().await {
                    Ok(publication) if self.patterns.iter().any(|p| matches(p, &publication.channel)) => {
                        return Some(Event::Message(publication));
                    }
                    Ok(_) => {}
                    Err(broadcast::error::RecvError::Lagged(_)) => {
                        self.announce = true;
                        return Some(Event::Interrupted);
                    }
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
            }
        }
        .boxed()
    }
}
