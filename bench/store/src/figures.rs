//! Medians and percentiles.

use std::time::Duration;

/// The middle one; 0 of none.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

/// The duration that so many of a thousand do not exceed, in milliseconds.
pub(crate) fn percentile(took: &mut [Duration], of_thousand: usize) -> f64 {
    took.sort_unstable();
    let at = (took.len() * of_thousand / 1000).min(took.len().saturating_sub(1));
    took.get(at)
        .map_or(0.0, |duration| duration.as_secs_f64() * 1000.0)
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
