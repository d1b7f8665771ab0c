//! Whether pages of history hold what their readers wrote before, and what is stored.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use uuid::Uuid;

use super::{
    Invariant,
    index::{Index, RoomIndex},
    resets::Resets,
    verdict::Findings,
    words,
};
use crate::history::{History, Person, Room, What};

/// Acks of one person in one room so far, by seq.
type Acked = BTreeMap<u64, (Duration, Uuid)>;

pub(super) fn check(history: &History, index: &Index<'_>, resets: &Resets, found: &mut Findings) {
    let mut acked: HashMap<(Person, Room), Acked> = HashMap::new();
    for (position, event) in history.events.iter().enumerate() {
        let person = event.person;
        match &event.what {
            What::Acked { room, id, seq, .. } => {
                let acked = acked.entry((person, *room)).or_default();
                acked.entry(*seq).or_insert((event.at, *id));
            }
            What::Read {
                room,
                asked,
                whole,
                page,
            } => {
                let log = index.room(*room);
                let page = Page::new(*asked, *whole, page);
                let counts_to = resets.counts_to(person, *room, position);
                let mut broken = |kind, what: Result<(), String>| {
                    if let Err(wrong) = what {
                        let (asked, at) = (words::time(*asked), words::time(event.at));
                        let text = format!("the page asked for at {asked} and read at {at} {wrong}");
                        found.of_person(kind, *room, person, text);
                    }
                };
                broken(Invariant::PagesAreStored, page.ascends());
                broken(
                    Invariant::PagesAreStored,
                    page.is_stored(log, counts_to.unwrap_or(u64::MAX)),
                );
                if counts_to.is_some() {
                    continue;
                }
                broken(Invariant::PagesAreStored, page.leaves_nothing_out(log));
                if let Some(acked) = acked.get(&(person, *room)) {
                    broken(Invariant::ReadYourWrites, page.has_what_was_acked(acked, log));
                }
            }
            _ => {}
        }
    }
}

/// The newest page of a room's history, as somebody read it.
struct Page<'p> {
    asked: Duration,
    messages: &'p [(u64, Uuid)],
    ids: HashSet<Uuid>,
    /// It holds everything from this seq on; all, where that is 0.
    from: u64,
}

impl<'p> Page<'p> {
    fn new(asked: Duration, whole: bool, messages: &'p [(u64, Uuid)]) -> Self {
        let oldest = messages.iter().map(|(seq, _)| *seq).min();
        Self {
            asked,
            messages,
            ids: messages.iter().map(|(_, id)| *id).collect(),
            from: oldest.filter(|_| !whole).unwrap_or(0),
        }
    }

    fn ascends(&self) -> Result<(), String> {
        match self.messages.windows(2).find(|pair| pair[0].0 >= pair[1].0) {
            Some(pair) => Err(format!("has seq {} before {}", pair[0].0, pair[1].0)),
            None => Ok(()),
        }
    }

    /// Each message is the stored one that was made with that seq, as far as the log still is what it was.
    fn is_stored(&self, log: &RoomIndex<'_>, counts_to: u64) -> Result<(), String> {
        for (seq, id) in self.messages.iter().filter(|(seq, _)| *seq <= counts_to) {
            match log.with_id(*id) {
                Some(message) if message.seq == *seq => {}
                Some(message) => {
                    return Err(format!("has seq {seq} of {}", words::stored(message)));
                }
                None => return Err(format!("has {id} with seq {seq}, which is not stored")),
            }
        }
        Ok(())
    }

    /// What was made before a message of the page is in it, too, unless it was deleted at some time.
    fn leaves_nothing_out(&self, log: &RoomIndex<'_>) -> Result<(), String> {
        let Some(newest) = self.messages.iter().map(|(seq, _)| *seq).max() else {
            return Ok(());
        };
        let due = log.made_between(self.from.saturating_sub(1), newest);
        match due
            .iter()
            .find(|message| !message.deleted && !self.ids.contains(&message.id))
        {
            Some(message) => Err(format!("goes to {newest} without {}", words::stored(message))),
            None => Ok(()),
        }
    }

    fn has_what_was_acked(&self, acked: &Acked, log: &RoomIndex<'_>) -> Result<(), String> {
        // At one and the same time neither is known to be the first.
        let due = acked.range(self.from..).filter(|(_, (at, _))| *at < self.asked);
        for (seq, (at, id)) in due {
            let is_deleted = log.with_id(*id).is_some_and(|message| message.deleted);
            if !is_deleted && !self.ids.contains(id) {
                let at = words::time(*at);
                return Err(format!("lacks the own message {id} (seq {seq}), acked at {at}"));
            }
        }
        Ok(())
    }
}
