//! Many waits in few numbers.

use std::time::Duration;

/// Many waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waits {
    /// How many.
    pub count: usize,
    /// What all but one in a hundred are within.
    pub p99: Duration,
    /// The longest.
    pub longest: Duration,
}

/// Waits as they are found.
#[derive(Debug, Default)]
pub(super) struct Samples(Vec<Duration>);

impl Samples {
    pub(super) fn add(&mut self, stall: Duration) {
        self.0.push(stall);
    }

    pub(super) fn waits(mut self) -> Waits {
        let count = self.0.len();
        if count == 0 {
            return Waits::default();
        }
        // The smallest one that 99 % of all are not longer than.
        let rank = count - count / 100 - 1;
        let (_, p99, longer) = self.0.select_nth_unstable(rank);
        Waits {
            count,
            p99: *p99,
            longest: longer.iter().max().copied().unwrap_or(*p99),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(samples: impl Iterator<Item = u64>) -> Waits {
        Samples(samples.map(Duration::from_millis).collect()).waits()
    }

    #[test]
    fn one_in_a_hundred_is_longer_than_p99() {
        let waits = of((1..=1000).rev());
        assert_eq!(waits.count, 1000);
        assert_eq!(waits.p99, Duration::from_millis(990));
        assert_eq!(waits.longest, Duration::from_secs(1));
        assert_eq!(of(1..=2).p99, Duration::from_millis(2));
        assert_eq!(of(std::iter::empty()), Waits::default());
    }
}
