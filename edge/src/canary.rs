//! The canary: what this edge publishes to itself, to know that hints are delivered.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use broker::{Broker, Publication};
use runtime::{Shutdown, health::Health};
use uuid::Uuid;

use crate::meters;

/// How often it sings.
const EVERY: Duration = Duration::from_millis(500);

/// How long it may be unheard before the edge stops relying on hints.
const DOUBT: Duration = Duration::from_millis(1200);

/// How long it may be unheard before the edge is not ready.
const PATIENCE: Duration = Duration::from_secs(5);

/// One edge's canary. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Canary(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    channel: String,
    began: Instant,
    /// Milliseconds from the beginning to when the last song that was heard was sung.
    heard: AtomicU64,
}

impl Canary {
    /// Starts singing; the part `edge-delivery` of `health` says whether it is heard.
    pub(crate) fn start(broker: Broker, health: &Health, shutdown: &Shutdown) -> Self {
        let canary = Self::new();
        let part = health.part("edge-delivery");
        let bird = canary.clone();
        shutdown.spawn_until_begun(async move {
            let mut every = tokio::time::interval(EVERY);
            every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            // The first songs come quickly: a process is ready as soon as it hears itself.
            let mut first = Some(Duration::from_millis(5));
            loop {
                bird.sing(&broker).await;
                match first {
                    Some(pause) if bird.0.heard.load(Ordering::Relaxed) == 0 => {
                        tokio::time::sleep(pause).await;
                        first = Some((pause * 2).min(EVERY));
                    }
                    _ => {
                        first = None;
                        if bird.sings() {
                            part.up();
                        } else {
                            part.down("what this edge publishes does not come back");
                        }
                        every.tick().await;
                    }
                }
            }
        });
        canary
    }

    /// One that does not sing yet; that counts as unheard only after a while.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner {
            channel: format!("canary:{}", Uuid::now_v7()),
            began: Instant::now(),
            heard: AtomicU64::new(0),
        }))
    }

    /// The channel it sings on.
    pub(crate) fn channel(&self) -> &str {
        &self.0.channel
    }

    /// It was heard.
    pub(crate) fn heard(&self, song: &[u8]) {
        let sung = std::str::from_utf8(song).ok().and_then(|song| song.parse().ok());
        if let Some(sung) = sung.filter(|sung| *sung <= self.now()) {
            self.0.heard.fetch_max(sung, Ordering::Relaxed);
            meters::canary(Duration::from_millis(self.now() - sung));
        }
    }

    /// Whether hints can be relied on: it was heard just now.
    pub(crate) fn is_fresh(&self) -> bool {
        self.unheard() <= DOUBT
    }

    /// Whether it was heard lately.
    fn sings(&self) -> bool {
        self.unheard() <= PATIENCE
    }

    fn unheard(&self) -> Duration {
        let heard = Duration::from_millis(self.0.heard.load(Ordering::Relaxed));
        Duration::from_millis(self.now()).saturating_sub(heard)
    }

    async fn sing(&self, broker: &Broker) {
        let publication = Publication {
            channel: self.0.channel.clone(),
            // Never 0, which is "not heard yet".
            payload: self.now().max(1).to_string().into(),
        };
        if let Err(error) = broker.publish(vec![publication]).await {
            tracing::debug!(%error, "the canary can't sing");
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
