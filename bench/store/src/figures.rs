//! What was measured, and how medians and percentiles are taken of it.

use std::{collections::BTreeMap, time::Duration};

/// What was measured, by name. The unit is the end of a name.
#[derive(Debug, Default)]
pub(crate) struct Figures(BTreeMap<String, f64>);

impl Figures {
    /// Adds one.
    pub(crate) fn set(&mut self, name: &str, value: f64) {
        self.0.insert(name.into(), value);
    }

    /// Adds the middle and the hundredth-slowest of durations, in milliseconds; the latter is told.
    pub(crate) fn spread(&mut self, name: &str, took: &mut [Duration]) -> f64 {
        took.sort_unstable();
        let of_thousand = |share: usize| {
            let at = (took.len() * share / 1000).min(took.len().saturating_sub(1));
            took.get(at).map_or(0.0, |took| took.as_secs_f64() * 1000.0)
        };
        let (p50, p99) = (of_thousand(500), of_thousand(990));
        self.set(&format!("{name}_p50_ms"), p50);
        self.set(&format!("{name}_p99_ms"), p99);
        p99
    }

    /// One line.
    pub(crate) fn json(&self) -> String {
        serde_json::to_string(&self.0).expect("names and numbers are JSON")
    }
}

/// The middle one; 0 of none.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

/// So many of something, as a number to reckon with.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a measurement are far below 2^52"
)]
pub(crate) fn number(count: usize) -> f64 {
    count as f64
}

/// So many in a duration, each second.
pub(crate) fn rate(count: usize, lasted: Duration) -> f64 {
    number(count) / lasted.as_secs_f64()
}

/// Processor time for each of so many, in microseconds.
pub(crate) fn micros_each(used: Duration, count: usize) -> f64 {
    used.as_secs_f64() * 1e6 / number(count.max(1))
}
