//! One batch: what waits now, up to a size, without those whose callers have given up.

use tokio::sync::{mpsc, oneshot};

use super::{
    queue::Share,
    traced::{Begun, Queued},
};
use crate::{
    error::Result,
    message::{Change, Committed},
};

/// Most changes in one transaction.
const BATCH_MAX: usize = 512;

/// A batch is closed once it has this many bytes, so that a transaction of large messages stays short.
const BATCH_BYTES: usize = 2 * 1024 * 1024;

/// A change that waits, and who waits for it.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) change: Change,
    pub(super) answer: oneshot::Sender<Result<Committed>>,
    pub(super) share: Share,
    pub(super) trace: Queued,
}

/// Changes to commit together, and the callers in the same order.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) changes: Vec<Change>,
    pub(super) callers: Vec<oneshot::Sender<Result<Committed>>>,
    /// Held until the batch is done: it counts as queued until then.
    pub(super) shares: Vec<Share>,
    /// Of those changes whose trace is sampled, in the same order.
    pub(super) traces: Vec<Option<Begun>>,
}

impl Batch {
    /// Waits for a first change, then takes what else is there, without waiting. `None` once nobody can send any more.
    pub(super) async fn next(queue: &mut mpsc::Receiver<Pending>) -> Option<Self> {
        let (mut batch, mut bytes) = (Self::default(), 0);
        while batch.changes.is_empty() {
            bytes += batch.add(queue.recv().await?);
        }
        while batch.changes.len() < BATCH_MAX && bytes < BATCH_BYTES {
            match queue.try_recv() {
                Ok(pending) => bytes += batch.add(pending),
                Err(_) => break,
            }
        }
        Some(batch)
    }

    /// Adds a change; its bytes.
    fn add(&mut self, pending: Pending) -> usize {
        // A caller whose deadline has passed is not listening any more: nothing of it is stored.
        if pending.answer.is_closed() {
            return 0;
        }
        let bytes = pending.change.weight();
        self.traces.push(pending.trace.begin());
        self.changes.push(pending.change);
        self.callers.push(pending.answer);
        self.shares.push(pending.share);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{log::queue::Budget, message::Target};

    #[tokio::test]
    async fn who_gave_up_is_left_out() {
        let budget = Budget::new(1 << 20, "test_bytes");
        let (sender, mut queue) = mpsc::channel(8);
        let mut listening = Vec::new();
        for n in 0..3 {
            let (answer, caller) = oneshot::channel();
            let target = Target {
                room_id: "general".to_owned(),
                message_id: n.to_string(),
                user_id: "alice".to_owned(),
            };
            let pending = Pending {
                change: Change::Delete(target),
                answer,
                share: budget.take(1).unwrap(),
                trace: Queued::default(),
            };
            sender.try_send(pending).unwrap();
            if n != 1 {
                listening.push(caller);
            }
        }
        drop(sender);
        let batch = Batch::next(&mut queue).await.unwrap();
        let ids: Vec<_> = batch
            .changes
            .iter()
            .map(|change| match change {
                Change::Delete(target) => target.message_id.as_str(),
                _ => "",
            })
            .collect();
        assert_eq!(ids, ["0", "2"]);
        assert!(Batch::next(&mut queue).await.is_none());
    }
}
