//! Whether what people saw is what is stored, and the same for everybody.

use std::collections::{HashMap, hash_map::Entry};

use uuid::Uuid;

use super::{
    Invariant,
    index::{Index, RoomIndex},
    resets::Resets,
    stored::was_sent,
    verdict::Findings,
    words,
};
use crate::history::{Event, History, Person, Room, Seen, StoredMessage, What};

/// What a frame of the log said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame {
    room: Room,
    seq: u64,
    id: Uuid,
    change: Seen,
}

pub(super) fn check(history: &History, index: &Index<'_>, resets: &Resets, found: &mut Findings) {
    let mut superseded: HashMap<(Room, u64), (Person, Frame)> = HashMap::new();
    for (position, event) in history.events.iter().enumerate() {
        let What::Saw {
            room,
            seq,
            id,
            change,
            ..
        } = event.what
        else {
            continue;
        };
        let frame = Frame {
            room,
            seq,
            id,
            change,
        };
        let log = index.room(room);
        let current = log.changed_with(seq);
        // Nearly every frame: the stored message is held against what was sent elsewhere.
        if current.is_some_and(|message| frame.says(message)) {
            continue;
        }
        if let Err(wrong) = frame.was_sent(index) {
            let text = format!("{}, but {wrong}", frame.told_at(event));
            found.of_person(Invariant::NothingFromNowhere, room, event.person, text);
        }
        if resets
            .counts_to(event.person, room, position)
            .is_some_and(|end| seq > end)
        {
            continue;
        }
        let is_stored = match current {
            Some(message) => Err(format!("stored with that seq is {}", words::stored(message))),
            None => frame
                .is_superseded(log)
                .and_then(|()| frame.is_as_others_saw_it(event.person, &mut superseded)),
        };
        if let Err(wrong) = is_stored {
            let text = format!("{}, but {wrong}", frame.told_at(event));
            found.of_person(Invariant::SeenIsStored, room, event.person, text);
        }
    }
}

impl Frame {
    /// Whether this is the frame of a message's last change.
    fn says(&self, message: &StoredMessage) -> bool {
        let same = match self.change {
            Seen::Deleted => message.deleted,
            Seen::Text {
                author,
                name,
                content,
            } => {
                !message.deleted && (author, name, content) == (message.author, message.name, message.content)
            }
        };
        same && self.id == message.id
    }

    /// A text is what its author sent, unless it may be that of an edit.
    fn was_sent(&self, index: &Index<'_>) -> Result<(), String> {
        let Seen::Text {
            author,
            name,
            content,
        } = self.change
        else {
            return Ok(());
        };
        let sending = was_sent(index, self.room, author, name)?;
        let made = index.room(self.room).with_id(self.id);
        let is_first = made.is_some_and(|message| message.seq == self.seq);
        if is_first && content != sending.content {
            return Err(format!("content {:016x} was sent", sending.content.0));
        }
        Ok(())
    }

    /// The frame's message changed again after it.
    fn is_superseded(&self, log: &RoomIndex<'_>) -> Result<(), String> {
        let Some(message) = log.with_id(self.id) else {
            return Err("neither that id nor that seq is stored".to_owned());
        };
        let stored = words::stored(message);
        if !(message.seq..message.change_seq).contains(&self.seq) {
            return Err(format!("it had no change of that seq: {stored}"));
        }
        if let Some(other) = log.made_with(self.seq)
            && other.id != self.id
        {
            return Err(format!("that seq made {}", words::stored(other)));
        }
        match self.change {
            Seen::Deleted => Err(format!("what is deleted can't change any more: {stored}")),
            Seen::Text { author, name, .. } if (author, name) != (message.author, message.name) => {
                Err(format!("stored is {stored}"))
            }
            Seen::Text { .. } => Ok(()),
        }
    }

    /// What is not stored any more has to look the same to everybody who saw it.
    fn is_as_others_saw_it(
        self,
        person: Person,
        superseded: &mut HashMap<(Room, u64), (Person, Self)>,
    ) -> Result<(), String> {
        match superseded.entry((self.room, self.seq)) {
            Entry::Vacant(entry) => {
                entry.insert((person, self));
                Ok(())
            }
            Entry::Occupied(entry) => {
                let (other, first) = entry.get();
                if *first == self {
                    return Ok(());
                }
                let said = words::seen(&first.change);
                Err(format!("{} saw {}: {said}", other.user_id(), first.id))
            }
        }
    }

    fn told_at(&self, event: &Event) -> String {
        format!(
            "seq {} was seen at {} as {} ({})",
            self.seq,
            words::time(event.at),
            self.id,
            words::seen(&self.change)
        )
    }
}
