//! Looks again and again for who has expired; of several replicas, the store lets exactly one find each.

use std::time::Duration;

use runtime::Shutdown;
use tokio::time::MissedTickBehavior;

use crate::presence::Presence;

/// How often: what expires is announced within this time.
const EVERY: Duration = Duration::from_millis(500);

/// Sweeps until the shutdown begins. A sweep that has begun is finished: what it removed must be announced.
pub(crate) fn start(presence: Presence, shutdown: &Shutdown) {
    let begun = shutdown.clone();
    shutdown.spawn(async move {
        let mut tick = tokio::time::interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = begun.begun() => return,
                _ = tick.tick() => {}
            }
            if let Err(unavailable) = presence.sweep().await {
                tracing::debug!(%unavailable, "nothing swept");
            }
        }
    });
}
