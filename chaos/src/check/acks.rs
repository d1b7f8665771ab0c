//! Whether acks tell the truth, and whether one came for everything.

use std::collections::HashMap;

use uuid::Uuid;

use super::{
    Invariant,
    index::{Index, RoomIndex},
    stored::was_sent,
    verdict::Findings,
    words,
};
use crate::history::{Event, History, Name, Person, Room, What};

pub(super) fn check(history: &History, index: &Index<'_>, found: &mut Findings) {
    let mut acked: HashMap<(Person, Room, Name), (Uuid, u64)> = HashMap::new();
    for (position, event) in history.events.iter().enumerate() {
        match event.what {
            What::Acked { room, name, id, seq } => {
                after_sending("acked", position, event, room, name, index, found);
                let ack = Ack {
                    author: event.person,
                    name,
                    id,
                    seq,
                };
                if let Err(stored) = ack.is_stored(index.room(room)) {
                    let text = format!("{}, but {stored}", ack.told_at(event));
                    found.of_person(Invariant::AckedIsStored, room, event.person, text);
                }
                let (first_id, first_seq) = *acked.entry((event.person, room, name)).or_insert((id, seq));
                if (first_id, first_seq) != (id, seq) {
                    let text = format!(
                        "{}, before as {first_id} with seq {first_seq}",
                        ack.told_at(event)
                    );
                    found.of_person(Invariant::OneMessagePerName, room, event.person, text);
                }
            }
            What::Refused { room, name } => {
                after_sending("refused", position, event, room, name, index, found);
            }
            _ => {}
        }
    }
    for event in &history.events {
        if let What::Sent { room, name, .. } = event.what
            && !acked.contains_key(&(event.person, room, name))
        {
            let (name, at) = (name.client_msg_id(), words::time(event.at));
            let text = format!("{name}, sent at {at}, was never acknowledged");
            found.of_person(Invariant::NothingIsForgotten, room, event.person, text);
        }
    }
}

/// Nothing is answered before it was asked.
fn after_sending(
    how: &str,
    position: usize,
    event: &Event,
    room: Room,
    name: Name,
    index: &Index<'_>,
    found: &mut Findings,
) {
    let wrong = match was_sent(index, room, event.person, name) {
        Ok(sending) if sending.position < position => return,
        Ok(sending) => format!("it was sent only at {}", words::time(sending.at)),
        Err(wrong) => wrong,
    };
    let (name, at) = (name.client_msg_id(), words::time(event.at));
    let text = format!("{name} was {how} at {at}, but {wrong}");
    found.of_person(Invariant::NothingFromNowhere, room, event.person, text);
}

/// What an ack says.
struct Ack {
    author: Person,
    name: Name,
    id: Uuid,
    seq: u64,
}

impl Ack {
    fn is_stored(&self, log: &RoomIndex<'_>) -> Result<(), String> {
        let Some(message) = log.with_id(self.id) else {
            return Err(match log.made_with(self.seq) {
                Some(other) => format!("no such id is stored; that seq has {}", words::stored(other)),
                None => "neither that id nor that seq is stored".to_owned(),
            });
        };
        if (message.author, message.name, message.seq) == (self.author, self.name, self.seq) {
            Ok(())
        } else {
            Err(format!("stored is {}", words::stored(message)))
        }
    }

    fn told_at(&self, event: &Event) -> String {
        format!(
            "{} was acked at {} as {} with seq {}",
            self.name.client_msg_id(),
            words::time(event.at),
            self.id,
            self.seq
        )
    }
}
