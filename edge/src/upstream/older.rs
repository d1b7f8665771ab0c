//! A chat-svc that is older than this edge, as after only one of the two was taken back: it refuses what it does not know,
//! and nothing that an edge does heals that.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tonic::{Code, Status};

/// How long after the last refusal it is over. Not with the next call that is answered: another replica may be newer.
const LASTS: Duration = Duration::from_mins(1);

/// Says so in the log, once until it is over. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Older(Arc<Mutex<Option<Instant>>>);

impl Older {
    /// A call to chat-svc failed.
    pub(crate) fn failed(&self, call: &'static str, status: &Status) {
        if status.code() == Code::Unimplemented && self.is_news(Instant::now()) {
            tracing::warn!(
                call,
                "chat-svc is older than this edge and does not know what it asks: update all replicas of chat-svc, \
                 or take the edges back to its version"
            );
        }
    }

    fn is_news(&self, now: Instant) -> bool {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner).replace(now);
        last.is_none_or(|last| now.saturating_duration_since(last) >= LASTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_once_until_it_is_over() {
        let (older, began) = (Older::default(), Instant::now());
        let at = |secs| began + Duration::from_secs(secs);
        assert!(older.is_news(at(0)));
        for secs in 1..100 {
            assert!(!older.clone().is_news(at(secs)));
        }
        assert!(older.is_news(at(99 + 60)));
    }
}
