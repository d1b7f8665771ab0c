//! How long people waited, by kind of fault: for the ack of a message, and for a message that was acknowledged.

mod intervals;
mod table;
mod waits;

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

pub use self::waits::Waits;
use self::{intervals::Intervals, waits::Samples};
use crate::history::{History, Name, Person, Room, Session, What};

/// When a fault of some kind was felt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Which kind.
    pub kind: String,
    /// By the clock of the history.
    pub from: Duration,
    /// By the clock of the history.
    pub until: Duration,
}

/// How long people waited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stalls {
    /// By kind of fault.
    pub rows: Vec<Row>,
    /// What no fault overlaps.
    pub no_fault: Row,
}

/// How long people waited for what a kind of fault overlaps: from its sending to its arrival. What several kinds overlap
/// counts for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Which kind.
    pub kind: String,
    /// How many windows it had.
    pub faults: usize,
    /// From the first try to send to the first ack.
    pub acks: Waits,
    /// From the ack to the arrival, for everybody who was subscribed before the ack.
    pub deliveries: Waits,
}

/// Finds out how long people waited during the windows.
pub fn stalls(history: &History, windows: &[Window]) -> Stalls {
    let mut kinds: BTreeMap<&str, Kind> = BTreeMap::new();
    for window in windows {
        let kind = kinds.entry(&window.kind).or_default();
        kind.faults += 1;
        kind.felt.add(window.from, window.until);
    }
    let mut kinds: Vec<(&str, Kind)> = kinds.into_iter().collect();
    let mut no_fault = Kind::default();
    let mut note = |wait: Wait, of: fn(&mut Kind) -> &mut Samples| {
        let mut any = false;
        let felt = kinds
            .iter_mut()
            .map(|(_, kind)| kind)
            .filter(|kind| kind.felt.overlap(wait.sent, wait.arrived));
        for kind in felt {
            any = true;
            of(kind).add(wait.stall);
        }
        if !any {
            of(&mut no_fault).add(wait.stall);
        }
    };
    for wait in acks(history) {
        note(wait, |kind| &mut kind.acks);
    }
    for wait in deliveries(history) {
        note(wait, |kind| &mut kind.deliveries);
    }
    Stalls {
        rows: kinds.into_iter().map(|(name, kind)| kind.row(name)).collect(),
        no_fault: no_fault.row("no fault"),
    }
}

/// A kind of fault.
#[derive(Debug, Default)]
struct Kind {
    faults: usize,
    felt: Intervals,
    acks: Samples,
    deliveries: Samples,
}

impl Kind {
    fn row(self, kind: &str) -> Row {
        Row {
            kind: kind.to_owned(),
            faults: self.faults,
            acks: self.acks.waits(),
            deliveries: self.deliveries.waits(),
        }
    }
}

/// An acknowledged message.
#[derive(Debug, Clone, Copy)]
struct Acked {
    sent: Duration,
    acked: Duration,
}

/// Somebody waited for something of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// When the message was first sent.
    pub sent: Duration,
    /// When came what was waited for.
    pub arrived: Duration,
    /// How long it was waited for.
    pub stall: Duration,
}

impl Wait {
    /// Since when it was waited for.
    pub fn since(&self) -> Duration {
        self.arrived.saturating_sub(self.stall)
    }
}

/// How long each message took from its first try to its first ack.
pub fn acks(history: &History) -> Vec<Wait> {
    let acked = acked(history);
    let waits = acked
        .values()
        .map(|message| message.until(message.acked, message.sent));
    waits.collect()
}

impl Acked {
    /// Something arrived for whom had waited for it since then.
    fn until(self, arrived: Duration, since: Duration) -> Wait {
        Wait {
            sent: self.sent,
            arrived,
            stall: arrived.saturating_sub(since),
        }
    }
}

/// The messages with an ack, by their place in the log; the first ack counts.
fn acked(history: &History) -> HashMap<(Room, u64), Acked> {
    let mut sent: HashMap<(Person, Name), Duration> = HashMap::new();
    let mut acked = HashMap::new();
    for event in &history.events {
        match event.what {
            What::Sent { name, .. } => {
                sent.entry((event.person, name)).or_insert(event.at);
            }
            What::Acked { room, name, seq, .. } => {
                if let Some(sent) = sent.get(&(event.person, name)) {
                    acked.entry((room, seq)).or_insert(Acked {
                        sent: *sent,
                        acked: event.at,
                    });
                }
            }
            _ => {}
        }
    }
    acked
}

/// How long each acknowledged message took from its ack to each of those who had been listening before; who came later
/// reads what was missed, and did not wait for it.
pub fn deliveries(history: &History) -> Vec<Wait> {
    let acked = acked(history);
    let mut joined: HashMap<(Session, Room), Duration> = HashMap::new();
    let mut waits = Vec::new();
    for event in &history.events {
        match event.what {
            What::Joined { session, room, .. } => {
                joined.insert((session, room), event.at);
            }
            What::Saw {
                session, room, seq, ..
            } => {
                if let Some(message) = acked.get(&(room, seq))
                    && let Some(since) = joined.get(&(session, room))
                    && *since < message.acked
                {
                    waits.push(message.until(event.at, message.acked));
                }
            }
            _ => {}
        }
    }
    waits
}
