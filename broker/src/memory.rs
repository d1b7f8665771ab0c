//! The broker of a single process.

use std::sync::Arc;

use crate::{
    Error, INBOX_BYTES, Publication,
    hub::Hub,
    hub_broker::{HubBroker, Publisher},
};

/// A broker of this process alone.
pub type MemoryBroker = HubBroker<ToHub>;

/// Hands on to the hub itself.
pub struct ToHub(Arc<Hub>);

impl Default for MemoryBroker {
    fn default() -> Self {
        let hub = Hub::always(INBOX_BYTES);
        Self::of(Arc::clone(&hub), ToHub(hub))
    }
}

impl Publisher for ToHub {
    async fn publish(&self, publications: &[Publication]) -> Result<(), Error> {
        self.0.deliver(publications);
        Ok(())
    }
}
