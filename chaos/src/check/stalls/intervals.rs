//! Stretches of time that may overlap each other, asked whether they overlap another one.

use std::{collections::BTreeMap, time::Duration};

/// Stretches of time, kept apart from each other.
#[derive(Debug, Default)]
pub(super) struct Intervals(BTreeMap<Duration, Duration>);

impl Intervals {
    /// Adds one, its ends included.
    pub(super) fn add(&mut self, mut from: Duration, mut until: Duration) {
        while let Some((start, end)) = self.last_until(until).filter(|(_, end)| *end >= from) {
            self.0.remove(&start);
            (from, until) = (from.min(start), until.max(end));
        }
        self.0.insert(from, until);
    }

    /// Whether any of them has a moment in common with this one.
    pub(super) fn overlap(&self, from: Duration, until: Duration) -> bool {
        self.last_until(until).is_some_and(|(_, end)| end >= from)
    }

    /// The last one that begins by then: as they are apart, none before it ends later.
    fn last_until(&self, until: Duration) -> Option<(Duration, Duration)> {
        let (start, end) = self.0.range(..=until).next_back()?;
        Some((*start, *end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlap_is_as_if_each_were_asked() {
        let seconds = Duration::from_secs;
        let spans = [(10, 12), (3, 5), (11, 20), (30, 31), (5, 6), (25, 40), (50, 50)];
        let mut intervals = Intervals::default();
        for (from, until) in spans {
            intervals.add(seconds(from), seconds(until));
        }
        for from in 0..60 {
            for until in from..60 {
                let expected = spans.iter().any(|span| span.0 <= until && span.1 >= from);
                assert_eq!(
                    intervals.overlap(seconds(from), seconds(until)),
                    expected,
                    "{from}..={until}"
                );
            }
        }
    }
}
