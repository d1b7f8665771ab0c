//! Frames on their way to the broker: one task, in the order in which they were committed, never in the way of an
//! answer. A broker that is down costs the hint, not the message: edges read the log.

mod outage;

use std::time::Instant;

use broker::{Broker, Publication};
use runtime::{Shutdown, trace::Span};
use tokio::sync::mpsc;

use super::queue::{Budget, Share};
use outage::Outage;

/// Most bytes that wait for the broker.
const QUEUE_BYTES: usize = 16 * 1024 * 1024;

/// Most batches that wait.
const QUEUE_BATCHES: usize = 16 * 1024;

/// Frames in one round trip, about.
const ROUND: usize = 1024;

/// Takes frames to publish. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Publisher {
    queue: mpsc::Sender<Waiting>,
    budget: Budget,
}

#[derive(Debug)]
struct Waiting {
    publications: Vec<Publication>,
    /// They end when it is published.
    spans: Vec<Span>,
    since: Instant,
    /// Of the frames. Hints of traces take none: each is smaller than its frame.
    share: Share,
}

impl Publisher {
    /// Starts the task; it ends when every clone of the publisher is gone.
    pub fn start(broker: Broker, shutdown: &Shutdown) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE_BATCHES);
        shutdown.spawn(publish(broker, waiting));
        Self {
            queue,
            budget: Budget::new(QUEUE_BYTES, "chatflow_chat_publish_queue_bytes"),
        }
    }

    /// Queues frames behind those queued before; drops them where the queue is full.
    pub fn publish(&self, publications: Vec<Publication>) {
        self.publish_traced(publications, Vec::new());
    }

    /// As [`Publisher::publish`], with spans that end when it is done.
    pub(super) fn publish_traced(&self, publications: Vec<Publication>, spans: Vec<Span>) {
        if publications.is_empty() {
            return;
        }
        let count = frames(&publications).count();
        let bytes = frames(&publications)
            .map(|p| p.payload.len() + p.channel.len())
            .sum();
        let queued = match self.budget.take(bytes) {
            Some(share) => {
                let waiting = Waiting {
                    publications,
                    spans,
                    since: Instant::now(),
                    share,
                };
                let sent = self.queue.try_send(waiting);
                sent.map_err(|error| error.into_inner().spans)
            }
            None => Err(spans),
        };
        if let Err(spans) = queued {
            for span in spans {
                span.fail("the queue is full");
            }
            metrics::counter!("chatflow_chat_publish_dropped_total").increment(count as u64);
        }
    }
}

/// Without what travels beside them, which nobody misses.
fn frames(publications: &[Publication]) -> impl Iterator<Item = &Publication> {
    publications.iter().filter(|one| !one.is_extra())
}

async fn publish(broker: Broker, mut queue: mpsc::Receiver<Waiting>) {
    let mut outage = Outage::default();
    let connected = broker.connected();
    while let Some(first) = queue.recv().await {
        let mut publications = first.publications;
        let (mut shares, mut spans) = (vec![first.share], first.spans);
        while publications.len() < ROUND {
            let Ok(next) = queue.try_recv() else { break };
            publications.extend(next.publications);
            shares.push(next.share);
            spans.extend(next.spans);
        }
        let count = frames(&publications).count();
        match broker.publish(publications).await {
            Ok(()) => {
                outage.published(*connected.borrow(), Instant::now());
                metrics::histogram!("chatflow_chat_publish_lag_seconds")
                    .record(first.since.elapsed().as_secs_f64());
            }
            Err(error) => {
                let lost = error.lost(count);
                // Which ones is not told.
                let why = if lost < count {
                    "the broker is unavailable for some of the batch"
                } else {
                    "the broker is unavailable"
                };
                for span in &spans {
                    span.fail(why);
                }
                metrics::counter!("chatflow_chat_publish_dropped_total").increment(lost as u64);
                outage.lost(&error, Instant::now());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proto::{frame::room_channel, trace_hint::trace_channel};

    use super::*;

    fn publication(channel: String) -> Publication {
        Publication {
            channel,
            payload: vec![b'x'; 100].into(),
        }
    }

    #[test]
    fn hints_take_nothing_from_frames() {
        let (queue, mut waiting) = mpsc::channel(8);
        let frame = publication(room_channel("general"));
        let publisher = Publisher {
            queue,
            budget: Budget::new(frame.channel.len() + frame.payload.len(), "test_bytes"),
        };
        let hint = publication(trace_channel("general"));
        let both = vec![hint, frame.clone()];
        assert_eq!(frames(&both).collect::<Vec<_>>(), [&frame]);
        publisher.publish(both.clone());
        let first = waiting.try_recv().unwrap();
        assert_eq!(first.publications, both);
        publisher.publish(both);
        assert!(waiting.try_recv().is_err(), "one frame is the bound");
    }
}
