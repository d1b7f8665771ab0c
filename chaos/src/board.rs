//! Where everybody stands at this moment, for whoever waits until all are through; and what nobody should ever see.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::history::{Person, Room};

/// Troubles that are kept; the rest is only counted.
const KEPT: usize = 20;

/// Shared by everybody in a run. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Board(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    people: BTreeMap<Person, Standing>,
    troubles: Vec<String>,
    more_troubles: usize,
}

/// Where one person stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// The rooms that the person is subscribed to now, and how far each was read.
    pub joined: BTreeMap<Room, u64>,
    /// How many rooms the person is in.
    pub rooms: usize,
    /// Whether a message has no acknowledgement yet.
    pub waits: bool,
}

impl Board {
    /// A person stands here now.
    pub(crate) fn stand(&self, person: Person, standing: Standing) {
        self.lock().people.insert(person, standing);
    }

    /// Something happened that no fault excuses.
    pub(crate) fn trouble(&self, what: String) {
        let mut inner = self.lock();
        if inner.troubles.len() < KEPT {
            inner.troubles.push(what);
        } else {
            inner.more_troubles += 1;
        }
    }

    /// Where everybody stands.
    pub fn standings(&self) -> BTreeMap<Person, Standing> {
        self.lock().people.clone()
    }

    /// What no fault excuses.
    pub fn troubles(&self) -> Vec<String> {
        let inner = self.lock();
        let mut troubles = inner.troubles.clone();
        if inner.more_troubles > 0 {
            troubles.push(format!("and {} more", inner.more_troubles));
        }
        troubles
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
