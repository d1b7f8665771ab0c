//! How many client messages a connection may send: a token bucket of one timestamp (GCRA).

use std::time::{Duration, Instant};

/// What all connections may.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rhythm {
    every: Duration,
    tolerance: Duration,
}

/// One connection's pace.
#[derive(Debug)]
pub(crate) struct Pace {
    due: Instant,
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
    /// Nothing was sent yet.
    pub(crate) fn new(now: Instant) -> Self {
        Self { due: now }
    }

    /// Takes one.
    ///
    /// # Errors
    /// How long to wait.
    pub(crate) fn take(&mut self, rhythm: Rhythm, now: Instant) -> Result<(), Duration> {
        let due = self.due.max(now);
        let early = due.duration_since(now);
        if early > rhythm.tolerance {
            return Err(early.saturating_sub(rhythm.tolerance));
        }
        self.due = due + rhythm.every;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let start = Instant::now();
        let (mut pace, rhythm) = (Pace::new(start), Rhythm::new(10, 3));
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
