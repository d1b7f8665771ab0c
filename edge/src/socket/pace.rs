//! How many client messages a connection may send: a token bucket of one timestamp (GCRA).

use std::time::{Duration, Instant};

/// One connection's pace.
#[derive(Debug)]
pub(crate) struct Pace {
    every: Duration,
    tolerance: Duration,
    due: Instant,
}

impl Pace {
    /// `per_second` in the long run, `burst` at once.
    pub(crate) fn new(per_second: u32, burst: u32, now: Instant) -> Self {
        let every = Duration::from_secs(1) / per_second.max(1);
        Self {
            every,
            tolerance: every.saturating_mul(burst.saturating_sub(1)),
            due: now,
        }
    }

    /// Takes one.
    ///
    /// # Errors
    /// How long to wait.
    pub(crate) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let due = self.due.max(now);
        let early = due.duration_since(now);
        if early > self.tolerance {
            return Err(early.saturating_sub(self.tolerance));
        }
        self.due = due + self.every;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let start = Instant::now();
        let mut pace = Pace::new(10, 3, start);
        for _ in 0..3 {
            assert_eq!(pace.take(start), Ok(()));
        }
        assert_eq!(pace.take(start), Err(Duration::from_millis(100)));
        assert_eq!(pace.take(start + Duration::from_millis(100)), Ok(()));
        assert!(pace.take(start + Duration::from_millis(100)).is_err());
        let later = start + Duration::from_mins(1);
        assert_eq!((0..10).filter(|_| pace.take(later).is_ok()).count(), 3);
    }
}
