//! Delivers outbox rows to notify-svc until it has them: again after failures, shared among replicas, never twice in
//! effect, because notify-svc knows a repeat by its source.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use proto::notify::{CreateRequest, notify_service_client::NotifyServiceClient};
use runtime::{Shutdown, client::Channel};
use tokio::sync::Notify;
use tonic::{Code, Request};

use crate::{
    clock::Clock,
    error::Result,
    message::Message,
    store::{Delivery, Outbox},
};

/// Rows claimed at once: few, so that little has to wait for its claim to run out when a replica dies.
const BATCH: u32 = 32;

/// Calls at once.
const CALLS: usize = 8;

/// How long one call may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// How long a claim keeps others off: more than the calls of a batch take at worst.
const LEASE: SignedDuration = SignedDuration::from_secs(30);

/// How often the outbox is looked at when nobody was mentioned here: for rows that failed, or that a replica left.
const EVERY: Duration = Duration::from_secs(2);

/// The longest pause between two tries of a row.
const PAUSE_MAX: SignedDuration = SignedDuration::from_secs(30);

/// Characters of the message that a notification shows.
const BODY_MAX: usize = 200;

/// Delivers what is in the outbox.
#[derive(Debug, Clone)]
pub struct Relay<S> {
    /// Where the outbox is.
    pub store: S,
    /// What time it is.
    pub clock: Clock,
    /// notify-svc.
    pub notify: Channel,
    /// Told when somebody may have been mentioned.
    pub mentioned: Arc<Notify>,
}

/// Starts delivering. When the shutdown begins, what is claimed is still tried, and nothing more claimed.
pub fn start<S: Outbox>(relay: Relay<S>, shutdown: &Shutdown) {
    let begun = shutdown.clone();
    shutdown.spawn(async move {
        let mut pause = Duration::ZERO;
        loop {
            tokio::select! {
                () = begun.begun() => return,
                () = relay.worth_a_look(pause) => {}
            }
            pause = match relay.deliver_due().await {
                Ok(BATCH_FULL) => Duration::ZERO,
                Ok(_) => EVERY,
                Err(error) => {
                    tracing::debug!(?error, "the outbox can't be read");
                    EVERY
                }
            };
        }
    });
}

const BATCH_FULL: usize = BATCH as usize;

impl<S: Outbox> Relay<S> {
    /// Waits for so long, or for a mention, and then for somebody to deliver to: without, a claim would only count as
    /// a failure.
    async fn worth_a_look(&self, pause: Duration) {
        let _ = tokio::time::timeout(pause, self.mentioned.notified()).await;
        self.notify.ready().await;
    }

    /// Claims a batch and tries each of its rows once; how many there were.
    async fn deliver_due(&self) -> Result<usize> {
        let now = self.store.now(&self.clock).await?;
        let claimed = self.store.claim(BATCH, now, later(now, LEASE)).await?;
        let count = claimed.len();
        let done: Vec<i64> = stream::iter(claimed)
            .map(|delivery| async move { self.deliver(&delivery).await.then_some(delivery.id) })
            .buffer_unordered(CALLS)
            .filter_map(|id| async move { id })
            .collect()
            .await;
        if !done.is_empty() {
            self.store.delivered(done).await?;
        }
        Ok(count)
    }

    /// Tries one; whether it is done with.
    async fn deliver(&self, delivery: &Delivery) -> bool {
        let Some(message) = &delivery.message else {
            // Deleted before anybody heard of it.
            return true;
        };
        let mut request = Request::new(notification(delivery, message));
        request.set_timeout(DEADLINE);
        let mut client = NotifyServiceClient::new(self.notify.clone());
        let outcome = match client.create(request).await {
            Ok(_) => "delivered",
            Err(status) if status.code() == Code::InvalidArgument => {
                tracing::error!(
                    message_id = message.id,
                    user_id = delivery.user_id,
                    reason = status.message(),
                    "notify-svc will never take this notification: dropped"
                );
                "dropped"
            }
            Err(status) => {
                tracing::debug!(code = ?status.code(), "a notification is delivered later");
                let postponed = async {
                    let now = self.store.now(&self.clock).await?;
                    let due = later(now, pause(delivery.attempts));
                    self.store.postpone(delivery.id, due).await
                };
                if let Err(error) = postponed.await {
                    tracing::debug!(?error, "the claim has to run out");
                }
                "postponed"
            }
        };
        metrics::counter!("chatflow_chat_notifications_total", "result" => outcome).increment(1);
        outcome != "postponed"
    }
}

fn later(now: Timestamp, pause: SignedDuration) -> Timestamp {
    now.checked_add(pause).unwrap_or(now)
}

/// The pause after so many tries: 1 s, 2 s, 4 s … up to [`PAUSE_MAX`].
fn pause(attempts: u32) -> SignedDuration {
    let doubled = 1_i64 << attempts.saturating_sub(1).min(10);
    SignedDuration::from_secs(doubled).min(PAUSE_MAX)
}

fn notification(delivery: &Delivery, message: &Message) -> CreateRequest {
    CreateRequest {
        user_id: delivery.user_id.clone(),
        title: format!("{} mentioned you in #{}", message.username, message.room_id),
        body: message.content.chars().take(BODY_MAX).collect(),
        notif_type: delivery.kind.clone(),
        room_id: Some(message.room_id.clone()),
        source: Some(format!("{}:{}:{}", delivery.kind, message.id, delivery.user_id)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_bound() {
        let seconds: Vec<i64> = (0..8).map(|attempts| pause(attempts).as_secs()).collect();
        assert_eq!(seconds, [1, 1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(pause(u32::MAX), PAUSE_MAX);
    }
}
