//! Collects what everybody does and sees, with one clock for all of them.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::history::{Event, Name, Person, Room, Session, What};

/// Somebody named somebody else in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mention {
    /// Where.
    pub room: Room,
    /// Who wrote it.
    pub author: Person,
    /// In which message.
    pub name: Name,
    /// Who was named.
    pub whom: Person,
}

/// Shared by everybody in a run. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Recorder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    began: Instant,
    events: Mutex<Vec<Event>>,
    mentions: Mutex<Vec<Mention>>,
    names: AtomicU32,
    sessions: AtomicU32,
    sent: AtomicU64,
    acked: AtomicU64,
    seen: AtomicU64,
}

/// What happened so far, for the progress line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Messages that were given to a socket.
    pub sent: u64,
    /// Acknowledgements, repeated ones too.
    pub acked: u64,
    /// Frames of logs that arrived.
    pub seen: u64,
}

impl Default for Recorder {
    fn default() -> Self {
        Self(Arc::new(Inner {
            began: Instant::now(),
            events: Mutex::default(),
            mentions: Mutex::default(),
            names: AtomicU32::new(0),
            sessions: AtomicU32::new(0),
            sent: AtomicU64::new(0),
            acked: AtomicU64::new(0),
            seen: AtomicU64::new(0),
        }))
    }
}

impl Recorder {
    /// Since the run began.
    pub fn now(&self) -> Duration {
        self.0.began.elapsed()
    }

    /// A name that no other message of the run has.
    pub fn name(&self) -> Name {
        Name(self.0.names.fetch_add(1, Ordering::Relaxed))
    }

    /// A number that no other connection of the run has.
    pub fn session(&self) -> Session {
        Session(self.0.sessions.fetch_add(1, Ordering::Relaxed))
    }

    /// Notes that this happened just now.
    pub fn note(&self, person: Person, what: What) {
        let counter = match &what {
            What::Sent { .. } => Some(&self.0.sent),
            What::Acked { .. } => Some(&self.0.acked),
            What::Saw { .. } => Some(&self.0.seen),
            _ => None,
        };
        if let Some(counter) = counter {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        let mut events = lock(&self.0.events);
        // Read under the lock, so that the events are in the order of their times.
        let at = self.now();
        events.push(Event { at, person, what });
    }

    /// How much happened so far.
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            sent: read(&self.0.sent),
            acked: read(&self.0.acked),
            seen: read(&self.0.seen),
        }
    }

    /// Everything so far; what happens later is a new history.
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut *lock(&self.0.events))
    }

    /// Notes that a message which is about to be sent names somebody.
    pub fn note_mention(&self, mention: Mention) {
        lock(&self.0.mentions).push(mention);
    }

    /// All mentions so far.
    pub fn mentions(&self) -> Vec<Mention> {
        lock(&self.0.mentions).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
