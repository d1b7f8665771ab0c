//! Metrics of what no call shows: the broker's connection, the outbox's backlog.

use std::time::Duration;

use broker::Broker;
use runtime::Shutdown;

use crate::store::Outbox;

/// How often the backlog is counted.
const EVERY: Duration = Duration::from_secs(15);

/// Shows whether the broker is connected. No part of readiness: a Redis that is gone must not stop sends.
pub(crate) fn follow_broker(broker: &Broker, shutdown: &Shutdown) {
    let mut connected = broker.connected();
    // Holds the broker, so that the channel does not end before the process does.
    let broker = broker.clone();
    shutdown.spawn_until_begun(async move {
        let _broker = broker;
        loop {
            let up = *connected.borrow_and_update();
            metrics::gauge!("chatflow_chat_broker_connected").set(f64::from(u8::from(up)));
            if connected.changed().await.is_err() {
                return;
            }
        }
    });
}

/// Shows how many notifications wait for their delivery.
pub(crate) fn follow_outbox<S: Outbox>(store: S, shutdown: &Shutdown) {
    shutdown.spawn_until_begun(async move {
        loop {
            // A store that is down shows in its part of the health.
            if let Ok(rows) = store.backlog().await {
                #[expect(clippy::cast_precision_loss, reason = "rows are far below 2^52")]
                metrics::gauge!("chatflow_chat_outbox_rows").set(rows as f64);
            }
            tokio::time::sleep(EVERY).await;
        }
    });
}
