//! What all workers have received, and who waits for it.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use crate::{
    control::{Counted, Spread},
    fault::{Fault, Result},
};

/// How often those who wait look for themselves.
const LOOK: Duration = Duration::from_millis(5);

/// What all workers have received.
#[derive(Debug, Default)]
pub(super) struct Counters {
    deliveries: AtomicU64,
    bytes: AtomicU64,
    reads: AtomicU64,
    /// Sockets that are ready.
    pub(super) ready: AtomicU64,
    /// Sockets that could not be made.
    pub(super) failed: AtomicU64,
    /// Sockets that were ready or failed, ever.
    settled: AtomicU64,
    /// Sockets that were ready and were closed by the server.
    pub(super) lost: AtomicU64,
    /// Why the first socket failed or was closed, or the first message was refused.
    pub(super) why: Mutex<Option<String>>,
    /// Messages that the sockets have sent themselves.
    pub(super) said: AtomicU64,
    /// Those of them that were acknowledged.
    pub(super) acknowledged: AtomicU64,
    /// Those of them that were not accepted.
    refused: AtomicU64,
    /// When the last of them was.
    last_acknowledged: AtomicU64,
    /// How long each took to be acknowledged, in nanoseconds, where that is known.
    waits: Mutex<Vec<u64>>,
    /// At how many deliveries somebody has to be told.
    target: AtomicU64,
    changed: Notify,
    tracks: AtomicBool,
    tracked: Mutex<Tracked>,
}

/// When each message has reached how many, by the time of its sending.
#[derive(Debug, Default)]
struct Tracked {
    receivers: u32,
    messages: HashMap<u64, (u32, u64)>,
}

impl Counters {
    /// Takes what a worker has received in one round.
    pub(super) fn add(&self, deliveries: u64, bytes: u64, reads: u64) {
        self.bytes.fetch_add(bytes, Relaxed);
        self.reads.fetch_add(reads, Relaxed);
        if deliveries > 0 {
            let before = self.deliveries.fetch_add(deliveries, Relaxed);
            let target = self.target.load(Relaxed);
            if before < target && target <= before + deliveries {
                self.changed.notify_one();
            }
        }
    }

    /// Whether somebody wants to know how long each message took.
    pub(super) fn tracks(&self) -> bool {
        self.tracks.load(Relaxed)
    }

    /// Takes what a worker has received in one round: when each was sent, and when it was read.
    pub(super) fn track(&self, seen: &[(u64, u64)]) {
        let mut tracked = self.tracked.lock().unwrap_or_else(PoisonError::into_inner);
        for (sent, read) in seen {
            let (count, last) = tracked.messages.entry(*sent).or_default();
            *count += 1;
            *last = (*last).max(*read);
        }
    }

    /// A socket is ready.
    pub(super) fn one_is_ready(&self) {
        self.ready.fetch_add(1, Relaxed);
        self.settled.fetch_add(1, Relaxed);
    }

    /// A socket that was ready is gone: closed by the server where there is a reason.
    pub(super) fn one_is_gone(&self, why: Option<&str>) {
        self.ready.fetch_sub(1, Relaxed);
        if let Some(why) = why {
            self.lost.fetch_add(1, Relaxed);
            self.keep(&why);
        }
    }

    /// How many sockets were ready or failed, ever.
    pub(super) fn settled(&self) -> u64 {
        self.settled.load(Relaxed)
    }

    /// Keeps why a socket failed.
    pub(super) fn failed_because(&self, why: &dyn std::fmt::Display) {
        self.failed.fetch_add(1, Relaxed);
        self.settled.fetch_add(1, Relaxed);
        self.keep(why);
    }

    fn keep(&self, why: &dyn std::fmt::Display) {
        let mut first = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert_with(|| why.to_string());
    }

    /// How many messages were received.
    pub(super) fn deliveries(&self) -> u64 {
        self.deliveries.load(Relaxed)
    }

    /// Waits until so many messages were received.
    pub(super) async fn reached(&self, deliveries: u64, patience: Duration) -> Result<()> {
        let reached = async {
            self.target.store(deliveries, Relaxed);
            while self.deliveries() < deliveries {
                // A worker that counted before it saw the target tells nobody.
                let _ = timeout(LOOK, self.changed.notified()).await;
            }
        };
        timeout(patience, reached).await.map_err(|_| {
            let lost = self.lost.load(Relaxed);
            let got = self.deliveries();
            Fault::other(format!("{got} of {deliveries} deliveries within {patience:?}; {lost} sockets were closed by the server"))
        })
    }

    /// Waits until so many sockets were ready or failed, ever.
    pub(super) async fn all_settled(&self, sockets: u64, patience: Duration) {
        let settled = async {
            while self.settled() < sockets {
                sleep(LOOK).await;
            }
        };
        let _ = timeout(patience, settled).await;
    }

    /// Messages of a socket were acknowledged, now, and so long after they were sent.
    pub(super) fn acknowledge(&self, messages: u64, now: u64, wait: Option<u64>) {
        self.last_acknowledged.fetch_max(now, Relaxed);
        self.acknowledged.fetch_add(messages, Relaxed);
        if let Some(wait) = wait {
            self.waits
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(wait);
        }
    }

    /// Messages of a socket were not accepted, because of this.
    pub(super) fn refused(&self, messages: u64, why: &str) {
        self.refused.fetch_add(messages, Relaxed);
        self.keep(&why);
    }

    /// Waits until all that the sockets have sent themselves was acknowledged. Returns how long each took, in nanoseconds, where that is known,
    /// and when the last was.
    pub(super) async fn all_acknowledged(&self, patience: Duration) -> Result<(Vec<u64>, u64)> {
        let acknowledged = async {
            while self.acknowledged.load(Relaxed) < self.said.load(Relaxed) && self.refused.load(Relaxed) == 0
            {
                sleep(LOOK).await;
            }
        };
        let in_time = timeout(patience, acknowledged).await.is_ok();
        let (said, got) = (self.said.load(Relaxed), self.acknowledged.load(Relaxed));
        let refused = self.refused.load(Relaxed);
        if in_time && refused == 0 {
            let waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner).clone();
            return Ok((waits, self.last_acknowledged.load(Relaxed)));
        }
        let why = self
            .why
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .unwrap_or_default();
        Err(Fault::other(format!(
            "{got} of {said} messages were acknowledged, {refused} were refused: {why}"
        )))
    }

    /// Waits until no socket is left.
    pub(super) async fn all_closed(&self, patience: Duration) -> Result<()> {
        let closed = async {
            while self.ready.load(Relaxed) > 0 {
                sleep(LOOK).await;
            }
        };
        timeout(patience, closed)
            .await
            .map_err(|_| Fault::other("sockets that do not close"))
    }

    /// Counts from zero.
    pub(super) fn reset(&self, receivers: Option<u32>) {
        for counter in [
            &self.deliveries,
            &self.bytes,
            &self.reads,
            &self.target,
            &self.said,
            &self.acknowledged,
            &self.refused,
        ] {
            counter.store(0, Relaxed);
        }
        self.waits.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.tracks.store(receivers.is_some(), Relaxed);
        let mut tracked = self.tracked.lock().unwrap_or_else(PoisonError::into_inner);
        *tracked = Tracked {
            receivers: receivers.unwrap_or(0),
            messages: HashMap::new(),
        };
    }

    /// What there is to tell.
    pub(super) fn counted(&self) -> Counted {
        let tracked = self.tracked.lock().unwrap_or_else(PoisonError::into_inner);
        let complete = tracked
            .messages
            .iter()
            .filter(|(_, (count, _))| *count >= tracked.receivers);
        let spans: Vec<u64> = complete
            .map(|(sent, (_, last))| last.saturating_sub(*sent))
            .collect();
        Counted {
            deliveries: self.deliveries(),
            bytes: self.bytes.load(Relaxed),
            reads: self.reads.load(Relaxed),
            ready: self.ready.load(Relaxed),
            lost: self.lost.load(Relaxed),
            incomplete: (tracked.messages.len() - spans.len()) as u64,
            to_last: Spread::of(spans),
        }
    }
}
