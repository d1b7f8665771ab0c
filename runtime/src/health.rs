//! Readiness: named parts of a process, each up or down with a reason, and one answer for all.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::watch;

/// Why a part is down before it was ever asked. A reason that ends with this is the normal course of a start, not
/// worth a line in the log.
pub const STARTING: &str = "starting";

/// The health of one process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Health {
    parts: Arc<Mutex<BTreeMap<&'static str, Option<String>>>>,
    ready: watch::Sender<bool>,
}

/// One part's handle, such as the store's.
#[derive(Debug, Clone)]
pub struct Part {
    name: &'static str,
    health: Health,
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

impl Health {
    /// Without parts: not ready before there is one.
    pub fn new() -> Self {
        Self {
            parts: Arc::default(),
            ready: watch::Sender::new(false),
        }
    }

    /// Adds a part, down until it says otherwise.
    pub fn part(&self, name: &'static str) -> Part {
        let part = Part {
            name,
            health: self.clone(),
        };
        part.set(Some(STARTING.to_owned()));
        part
    }

    /// Whether every part is up.
    pub fn is_ready(&self) -> bool {
        *self.ready.borrow()
    }

    /// Each part with what is wrong with it, if anything.
    pub fn report(&self) -> BTreeMap<&'static str, Option<String>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Follows readiness; wakes also when only a reason has changed.
    pub fn watch(&self) -> watch::Receiver<bool> {
        self.ready.subscribe()
    }
}

impl Part {
    /// It works.
    pub fn up(&self) {
        self.set(None);
    }

    /// It doesn't, for a reason that an operator may read.
    pub fn down(&self, reason: impl Into<String>) {
        self.set(Some(reason.into()));
    }

    fn set(&self, trouble: Option<String>) {
        let mut parts = self.health.parts.lock().unwrap_or_else(PoisonError::into_inner);
        match (parts.get(self.name), &trouble) {
            (Some(Some(reason)), None) if !reason.ends_with(STARTING) => {
                tracing::info!(part = self.name, "up");
            }
            (Some(old), Some(reason)) if old.as_ref() != Some(reason) && !reason.ends_with(STARTING) => {
                tracing::warn!(part = self.name, reason, "down");
            }
            _ => {}
        }
        let news = parts.get(self.name) != Some(&trouble);
        parts.insert(self.name, trouble);
        let all = parts.values().all(Option::is_none);
        self.health
            .ready
            .send_if_modified(|ready| std::mem::replace(ready, all) != all || news);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_when_every_part_is_up() {
        let health = Health::new();
        let (store, broker) = (health.part("store"), health.part("broker"));
        store.up();
        assert!(!health.is_ready());
        broker.up();
        assert!(health.is_ready());
        store.down("no answer");
        assert!(!health.is_ready());
        assert_eq!(health.report()["store"].as_deref(), Some("no answer"));
    }
}
