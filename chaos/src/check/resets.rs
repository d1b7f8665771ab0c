//! Logs that were set back: what somebody saw before being told so counts only up to where the log ended then.

use std::collections::HashMap;

use crate::history::{History, Person, Room, What};

/// All resets, by whom they were told.
pub(super) struct Resets(HashMap<(Person, Room), Vec<Reset>>);

struct Reset {
    /// As which event of the history.
    position: usize,
    /// The lowest end of this reset and all later ones.
    end: u64,
}

impl Resets {
    pub(super) fn of(history: &History) -> Self {
        let mut told: HashMap<(Person, Room), Vec<Reset>> = HashMap::new();
        for (position, event) in history.events.iter().enumerate() {
            if let What::Reset { room, last_seq, .. } = event.what {
                let end = last_seq;
                told.entry((event.person, room))
                    .or_default()
                    .push(Reset { position, end });
            }
        }
        for resets in told.values_mut() {
            let mut lowest = u64::MAX;
            for reset in resets.iter_mut().rev() {
                lowest = lowest.min(reset.end);
                reset.end = lowest;
            }
        }
        Self(told)
    }

    /// Up to which seq of the room the person's event at this position of the history can be held against the store;
    /// `None`: all of it, because no reset follows.
    ///
    /// What is missing from such an event can't be held against the store at all: a change that was set back may have
    /// superseded it.
    pub(super) fn counts_to(&self, person: Person, room: Room, position: usize) -> Option<u64> {
        let resets = self.0.get(&(person, room))?;
        let next = resets.partition_point(|reset| reset.position < position);
        resets.get(next).map(|reset| reset.end)
    }
}
