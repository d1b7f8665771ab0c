//! The bound of a queue, in bytes: what waits holds a share of it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// A budget of bytes. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    used: Arc<AtomicUsize>,
    most: usize,
    gauge: &'static str,
}

/// A share of a [`Budget`], given back when dropped.
#[derive(Debug)]
pub(super) struct Share {
    budget: Budget,
    bytes: usize,
}

impl Budget {
    /// Of `most` bytes; `gauge` is the metric that shows how many are used.
    pub(super) fn new(most: usize, gauge: &'static str) -> Self {
        Self {
            used: Arc::default(),
            most,
            gauge,
        }
    }

    /// A share of `bytes`, unless that is too much.
    pub(super) fn take(&self, bytes: usize) -> Option<Share> {
        let before = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(bytes).filter(|sum| *sum <= self.most)
            })
            .ok()?;
        self.show(before + bytes);
        Some(Share {
            budget: self.clone(),
            bytes,
        })
    }

    fn show(&self, used: usize) {
        #[expect(clippy::cast_precision_loss, reason = "a queue's bytes are far below 2^52")]
        metrics::gauge!(self.gauge).set(used as f64);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let before = self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
        self.budget.show(before - self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let budget = Budget::new(10, "test_bytes");
        let share = budget.take(7);
        assert!(share.is_some());
        assert!(budget.take(4).is_none());
        drop(share);
        assert!(budget.take(10).is_some());
    }
}
