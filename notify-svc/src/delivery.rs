//! Live frames to a user's sockets, through the broker: a hint, so that a broker which is down fails nobody.

use std::sync::atomic::{AtomicBool, Ordering};

use broker::{Broker, Publication};
use proto::frame::{ServerFrame, user_channel};

use crate::Notification;

/// Publishes notifications, and remembers whether the broker is known to be down.
pub(crate) struct Delivery {
    broker: Broker,
    down: AtomicBool,
}

impl Delivery {
    pub(crate) fn new(broker: Broker) -> Self {
        Self {
            broker,
            down: AtomicBool::new(false),
        }
    }

    /// Publishes a stored notification on its user's channel. What can't be published is seen at the next listing.
    pub(crate) async fn publish(&self, notification: &Notification) {
        let publication = Publication {
            channel: user_channel(&notification.user_id),
            payload: ServerFrame::Notification(notification.into()).encode(),
        };
        match self.broker.publish(vec![publication]).await {
            Ok(()) => {
                if self.down.swap(false, Ordering::Relaxed) {
                    tracing::info!("notifications are published again");
                }
            }
            Err(error) => {
                metrics::counter!("chatflow_notify_unpublished_total").increment(1);
                // Once per outage, not per notification.
                if !self.down.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "notifications are stored but not published");
                }
            }
        }
    }
}
