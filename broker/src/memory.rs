//! The broker of a single process.

use std::sync::Arc;

use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::sync::watch;

use crate::{Backend, Error, INBOX_BYTES, Publication, Subscription, hub::Hub, publishing};

/// See the module.
pub struct MemoryBroker {
    hub: Arc<Hub>,
}

impl Default for MemoryBroker {
    fn default() -> Self {
        Self {
            hub: Hub::always(INBOX_BYTES),
        }
    }
}

impl Drop for MemoryBroker {
    fn drop(&mut self) {
        self.hub.close();
    }
}

impl Backend for MemoryBroker {
    fn publish(&self, publications: Vec<Publication>) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            let publish = async {
                self.hub.deliver(&publications);
                Ok(())
            };
            publishing::measured(&publications, publish).await
        }
        .boxed()
    }

    fn subscribe(&self, patterns: &[&str]) -> Box<dyn Subscription> {
        self.hub.subscribe(patterns)
    }

    fn connected(&self) -> watch::Receiver<bool> {
        self.hub.connected()
    }
}
