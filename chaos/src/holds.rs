//! What faults take hold of at this moment: one that needs what another holds waits for it to heal.

use std::{cell::RefCell, collections::BTreeSet};

use tokio::sync::Notify;

/// What is held. All faults of a run share one.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    held: RefCell<BTreeSet<String>>,
    freed: Notify,
}

/// Holds until it is dropped.
#[derive(Debug)]
pub(crate) struct Hold<'a> {
    holds: &'a Holds,
    what: Vec<String>,
}

impl Holds {
    /// Waits until nobody holds any of these, and holds them.
    pub(crate) async fn take(&self, what: Vec<String>) -> Hold<'_> {
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            freed.as_mut().enable();
            if self.try_take(&what) {
                return Hold { holds: self, what };
            }
            freed.await;
        }
    }

    fn try_take(&self, what: &[String]) -> bool {
        let mut held = self.held.borrow_mut();
        let free = what.iter().all(|one| !held.contains(one));
        if free {
            held.extend(what.iter().cloned());
        }
        free
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        let mut held = self.holds.held.borrow_mut();
        for one in &self.what {
            held.remove(one);
        }
        drop(held);
        self.holds.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn who_needs_what_is_held_waits() {
        let holds = Holds::default();
        let name = |name: &str| vec![name.to_owned()];
        let postgres = holds.take(name("postgres")).await;
        let _edge = holds.take(name("edge-0")).await;
        let mut both = std::pin::pin!(holds.take(vec!["postgres".to_owned(), "chat-0".to_owned()]));
        assert!(both.as_mut().now_or_never().is_none());
        drop(postgres);
        let _both = both.await;
        assert!(holds.take(name("chat-0")).now_or_never().is_none());
    }
}
