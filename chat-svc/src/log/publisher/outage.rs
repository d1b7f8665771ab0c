//! When to say that frames are not published, and when that it is over: once each. Of a cluster that has lost a server,
//! batches with rooms of it and batches without alternate.

use std::time::{Duration, Instant};

use broker::Error;

/// How long nothing has to be lost before an outage is over.
const QUIET: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Outage {
    /// When frames were last lost, while it lasts.
    lost: Option<Instant>,
}

impl Outage {
    /// Frames were lost. Edges find them in the log.
    pub(super) fn lost(&mut self, error: &Error, now: Instant) {
        if self.lost.replace(now).is_none() {
            tracing::warn!(%error, "frames are not published");
        }
    }

    /// All frames of a batch were published; the broker says whether it is connected.
    pub(super) fn published(&mut self, connected: bool, now: Instant) {
        let is_over = |at: &mut Instant| connected && now.saturating_duration_since(*at) >= QUIET;
        if self.lost.take_if(is_over).is_some() {
            tracing::info!("publishing works again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lasts_until_the_broker_is_connected_and_nothing_is_lost() {
        let (mut outage, began) = (Outage::default(), Instant::now());
        let at = |millis| began + Duration::from_millis(millis);
        let gone = Error::Unavailable("gone".to_owned());
        outage.published(true, at(0));
        assert!(outage.lost.is_none());
        for second in 1..60 {
            outage.lost(&gone, at(second * 1_000));
            outage.published(second < 3, at(second * 1_000 + 500));
            assert!(outage.lost.is_some(), "{second}");
        }
        outage.published(false, at(70_000));
        assert!(outage.lost.is_some());
        outage.published(true, at(70_000));
        assert!(outage.lost.is_none());
    }
}
