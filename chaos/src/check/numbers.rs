//! How much there was to check: a verdict over nothing says nothing.

use std::{
    collections::{BTreeSet, HashSet},
    fmt,
};

use crate::history::{History, What};

/// What a history holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Who did or saw anything.
    pub people: usize,
    /// Rooms that are stored, or that anything happened in.
    pub rooms: usize,
    /// Connections.
    pub sessions: usize,
    /// Messages that were sent.
    pub sent: usize,
    /// Messages of which at least one ack came.
    pub acked: usize,
    /// Errors that came for a message.
    pub refused: usize,
    /// Frames of logs that arrived.
    pub delivered: usize,
    /// Frames that had arrived on their connection before, or came late.
    pub duplicates: usize,
    /// Changes that a connection left out.
    pub gaps: usize,
    /// Subscriptions that went on from where their person was.
    pub resumes: usize,
    /// How often somebody was told that a log was set back. Where nobody restored a database there must be none: what
    /// was seen beyond the log's end is excused by a reset.
    pub resets: usize,
    /// Pages of history that were read.
    pub reads: usize,
}

/// What the check of the order counts.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) duplicates: usize,
    pub(super) gaps: usize,
}

impl Numbers {
    pub(super) fn count(history: &History, tally: Tally) -> Self {
        let mut people = HashSet::new();
        let mut rooms: BTreeSet<_> = history.stored.keys().copied().collect();
        let mut sessions = HashSet::new();
        let mut acked = HashSet::new();
        let mut numbers = Self {
            duplicates: tally.duplicates,
            gaps: tally.gaps,
            ..Self::default()
        };
        for event in &history.events {
            people.insert(event.person);
            match event.what {
                What::Sent { room, .. } => {
                    numbers.sent += 1;
                    rooms.insert(room);
                }
                What::Acked { room, name, .. } => {
                    acked.insert((event.person, room, name));
                }
                What::Refused { .. } => numbers.refused += 1,
                What::Joined {
                    session, room, after, ..
                } => {
                    numbers.resumes += usize::from(after.is_some());
                    sessions.insert(session);
                    rooms.insert(room);
                }
                What::Saw { .. } => numbers.delivered += 1,
                What::Reset { .. } => numbers.resets += 1,
                What::Left { session } => {
                    sessions.insert(session);
                }
                What::Read { .. } => numbers.reads += 1,
            }
        }
        Self {
            people: people.len(),
            rooms: rooms.len(),
            sessions: sessions.len(),
            acked: acked.len(),
            ..numbers
        }
    }
}

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} people in {} rooms on {} connections; {} sent, {} acked, {} refused; {} delivered, {} duplicates, {} gaps; \
             {} resumed, {} reset, {} pages read",
            self.people,
            self.rooms,
            self.sessions,
            self.sent,
            self.acked,
            self.refused,
            self.delivered,
            self.duplicates,
            self.gaps,
            self.resumes,
            self.resets,
            self.reads
        )
    }
}
