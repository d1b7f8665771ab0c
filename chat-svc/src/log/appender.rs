//! Group commit: changes that arrive while a batch is being committed become the next batch. A lone one waits for
//! nobody.

use std::{
    hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher},
    sync::Arc,
    time::Instant,
};

use runtime::{Shutdown, trace::Span};
use tokio::sync::{Notify, mpsc, oneshot};

pub use super::publisher::Publisher;
use super::{
    batch::{Batch, Pending},
    queue::Budget,
    traced::{Begun, Queued},
};
use crate::{
    clock::Clock,
    error::{Error, Result},
    message::{Change, Committed, Message},
    store::Log,
};

/// Most bytes that wait for their commit, in all queues of the process.
const QUEUE_BYTES: usize = 32 * 1024 * 1024;

/// Most changes that wait in one queue.
const QUEUE_CHANGES: usize = 8 * 1024;

/// Takes changes into the log. Cheap to clone.
///
/// There are a few queues, each with one committer: a room always has the same one, so that its batches are
/// committed, and published, in their order, while rooms in other queues do not wait for it.
#[derive(Debug, Clone)]
pub struct Appender {
    queues: Arc<[mpsc::Sender<Pending>]>,
    budget: Budget,
}

/// What committers use.
#[derive(Debug, Clone)]
pub struct Parts<S> {
    /// Where the log is.
    pub store: S,
    /// What time it is.
    pub clock: Clock,
    /// Gets the frames of what was committed.
    pub publisher: Publisher,
    /// Told when somebody may have been mentioned.
    pub mentioned: Arc<Notify>,
}

impl Appender {
    /// Starts so many committers; they end when every clone of the appender is gone.
    pub fn start<S: Log>(parts: &Parts<S>, committers: usize, shutdown: &Shutdown) -> Self {
        let queues = (0..committers.max(1))
            .map(|_| {
                let (sender, queue) = mpsc::channel(QUEUE_CHANGES);
                shutdown.spawn(commit(parts.clone(), queue));
                sender
            })
            .collect();
        Self {
            queues,
            budget: Budget::new(QUEUE_BYTES, "chatflow_chat_queue_bytes"),
        }
    }

    /// Puts a change into its room's log; the answer means that it is durable.
    ///
    /// Dropping the future before the change was taken into a batch leaves it undone; after that, whether it was done
    /// is unknown to the caller.
    ///
    /// # Errors
    /// [`Error::Busy`] where too much waits already; what the store says of this change.
    pub async fn append(&self, change: Change) -> Result<Committed> {
        self.queue(change)?.await
    }

    /// As [`Appender::append`], in two steps: once this returns, it is behind what was queued before and before what is
    /// queued after.
    ///
    /// # Errors
    /// [`Error::Busy`] where too much waits already; the future's are what the store says of this change.
    pub fn queue(&self, change: Change) -> Result<impl Future<Output = Result<Committed>> + use<>> {
        let share = self.budget.take(change.weight()).ok_or(Error::Busy)?;
        let (answer, answered) = oneshot::channel();
        let queue = self.queue_of(change.room_id())?;
        let pending = Pending {
            change,
            answer,
            share,
            trace: Queued::new(),
        };
        queue.try_send(pending).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Error::Busy,
            mpsc::error::TrySendError::Closed(_) => Error::Stopping,
        })?;
        Ok(async { answered.await.unwrap_or(Err(Error::Stopping)) })
    }

    fn queue_of(&self, room_id: &str) -> Result<&mpsc::Sender<Pending>> {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(room_id);
        let count = self.queues.len() as u64;
        usize::try_from(hash % count)
            .ok()
            .and_then(|at| self.queues.get(at))
            .ok_or(Error::Stopping)
    }
}

async fn commit<S: Log>(parts: Parts<S>, mut queue: mpsc::Receiver<Pending>) {
    while let Some(Batch {
        changes,
        callers,
        shares,
        traces,
    }) = Batch::next(&mut queue).await
    {
        #[expect(clippy::cast_precision_loss, reason = "a batch is far below 2^52")]
        metrics::histogram!("chatflow_chat_batch_size").record(changes.len() as f64);
        let began = Instant::now();
        let spans: Vec<Span> = traces
            .iter()
            .flatten()
            .map(|trace| trace.commit(changes.len()))
            .collect();
        let result = parts.store.commit(changes, &parts.clock).await;
        metrics::histogram!("chatflow_chat_commit_seconds").record(began.elapsed().as_secs_f64());
        let answers = match result {
            Ok(answers) => answers,
            Err(error) => {
                for span in &spans {
                    span.fail("the store failed");
                }
                let cause = error.to_string();
                tracing::warn!(error = ?error, "a batch was not committed");
                let failed = |_| Err(Error::Store(sql::Error::Unavailable(cause.clone())));
                callers.iter().map(failed).collect()
            }
        };
        drop(spans);
        // Before the answers: what one caller sends after its answer is queued behind this.
        publish(&parts, &answers, &traces);
        for (caller, answer) in callers.into_iter().zip(answers) {
            // A caller that gave up meanwhile finds out by its client_msg_id.
            let _ = caller.send(answer);
        }
        drop(shares);
    }
}

fn publish<S>(parts: &Parts<S>, answers: &[Result<Committed>], traces: &[Option<Begun>]) {
    let new = || {
        let stored = answers.iter().zip(traces);
        stored.filter_map(|(answer, trace)| Some((answer.as_ref().ok().filter(|c| !c.repeated)?, trace)))
    };
    let mut publications = Vec::with_capacity(answers.len());
    let mut spans = Vec::new();
    for (committed, trace) in new() {
        if let Some(trace) = trace {
            let (span, hint) = trace.publish(&committed.message);
            spans.push(span);
            publications.push(hint);
        }
        publications.push(committed.message.publication());
    }
    parts.publisher.publish_traced(publications, spans);
    let mentions = |message: &Message| message.change_seq == message.seq && message.content.contains('@');
    if new().any(|(committed, _)| mentions(&committed.message)) {
        parts.mentioned.notify_one();
    }
}

#[cfg(test)]
#[path = "appender_tests.rs"]
mod tests;
