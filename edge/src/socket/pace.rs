//! How many client messages a connection may send: a token bucket of one timestamp (GCRA).

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

/// What points in time are counted from.
static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// What all connections may.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rhythm {
    every: Duration,
    tolerance: Duration,
}

/// One connection's pace.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// In nanoseconds: half of an [`Instant`].
    due: u64,
}

impl Rhythm {
    /// `per_second` in the long run, `burst` at once.
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let every = Duration::from_secs(1) / per_second.max(1);
        Self {
            every,
            tolerance: every.saturating_mul(burst.saturating_sub(1)),
        }
    }
}

impl Pace {
    /// Takes one.
    ///
    /// # Errors
    /// How long to wait.
    pub(crate) fn take(&mut self, rhythm: Rhythm, now: Instant) -> Result<(), Duration> {
        let now = now.saturating_duration_since(*BEGAN);
        let due = Duration::from_nanos(self.due).max(now);
        let early = due.saturating_sub(now);
        if early > rhythm.tolerance {
            return Err(early.saturating_sub(rhythm.tolerance));
        }
        self.due = u64::try_from((due + rhythm.every).as_nanos()).unwrap_or(u64::MAX);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let start = *BEGAN + Duration::from_secs(1);
        let (mut pace, rhythm) = (Pace::default(), Rhythm::new(10, 3));
        for _ in 0..3 {
            assert_eq!(pace.take(rhythm, start), Ok(()));
        }
        assert_eq!(pace.take(rhythm, start), Err(Duration::from_millis(100)));
        assert_eq!(pace.take(rhythm, start + Duration::from_millis(100)), Ok(()));
        assert!(pace.take(rhythm, start + Duration::from_millis(100)).is_err());
        let later = start + Duration::from_mins(1);
        assert_eq!((0..10).filter(|_| pace.take(rhythm, later).is_ok()).count(), 3);
    }
}
