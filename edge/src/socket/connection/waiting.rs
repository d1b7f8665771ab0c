//! Who waits for something of a connection to change. One for which nobody ever waited owns nothing for that.

use std::sync::{Arc, atomic::Ordering};

use super::{Connection, lock};

/// Replays of one connection that may hold a page of the log at once. All of them together stay far below what may wait
/// for a socket in all; the others wait without a page.
const REPLAYS: u8 = 4;

/// A replay's turn to read a page of the log and to send it, until this is dropped.
pub(crate) struct Turn<'a>(&'a Connection);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.replaying.fetch_sub(1, Ordering::SeqCst);
        self.0.wake();
    }
}

impl Connection {
    /// Resolves when no request to the hub waits for its turn.
    pub(in crate::socket) async fn all_asked(&self) {
        self.until(|| !self.asking.load(Ordering::SeqCst)).await;
    }

    /// Resolves when nothing is under way.
    pub(in crate::socket) async fn finished(&self) {
        self.until(|| self.in_flight.load(Ordering::SeqCst) == 0).await;
    }

    /// Resolves when the hub has confirmed, refused or lost the subscription.
    pub(in crate::socket) async fn settled(&self, room: &str) {
        self.until(|| !self.is_joining(room)).await;
    }

    /// Resolves when at most `bytes` wait for the socket, or nobody sends any more.
    pub(crate) async fn drained(&self, bytes: usize) {
        self.until(|| {
            let outbox = lock(&self.outbox);
            outbox.waiting() <= bytes || outbox.is_closing()
        })
        .await;
    }

    /// Resolves when nothing more can be fed of a subscription: it is over, or the connection is.
    pub(crate) async fn unfed(&self, room: &str, generation: u32) {
        self.until(|| !lock(&self.subscriptions).has(room, generation) || self.is_closing())
            .await;
    }

    /// Resolves when it is a replay's turn.
    pub(crate) async fn turn(&self) -> Turn<'_> {
        let more = |replays| (replays < REPLAYS).then_some(replays + 1);
        self.until(|| {
            let taken = self
                .replaying
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, more);
            taken.is_ok()
        })
        .await;
        Turn(self)
    }

    /// Has those look again who wait for a subscription, for an empty outbox, or for what is under way.
    pub(super) fn wake(&self) {
        let changed = lock(&self.subscriptions).changed.clone();
        if let Some(changed) = changed {
            changed.notify_waiters();
        }
    }

    async fn until(&self, done: impl Fn() -> bool) {
        // Most need not wait, and leave nothing behind.
        if done() {
            return;
        }
        let notify = Arc::clone(lock(&self.subscriptions).changed.get_or_insert_default());
        loop {
            let mut changed = std::pin::pin!(notify.notified());
            changed.as_mut().enable();
            if done() {
                return;
            }
            changed.await;
        }
    }
}
