//! Whether each stored message is what its author sent, and only once.

use std::collections::HashMap;

use super::{
    Invariant,
    index::{Index, RoomIndex},
    verdict::Findings,
    words,
};
use crate::history::{Name, Person, Room, StoredMessage};

pub(super) fn check(index: &Index<'_>, found: &mut Findings) {
    for (room, log) in index.rooms() {
        one_per_name(room, log, found);
        for message in log.by_seq() {
            if let Err(wrong) = is_as_sent(room, message, index) {
                let text = format!("stored is {}, but {wrong}", words::stored(message));
                found.in_room(Invariant::NothingFromNowhere, room, text);
            }
        }
    }
}

fn one_per_name(room: Room, log: &RoomIndex<'_>, found: &mut Findings) {
    let mut named: HashMap<(Person, Name), &StoredMessage> = HashMap::new();
    for message in log.by_seq() {
        if let Some(first) = named.insert((message.author, message.name), message) {
            let (first, second) = (words::stored(first), words::stored(message));
            let text = format!("two messages under one name: {first} and {second}");
            found.of_person(Invariant::OneMessagePerName, room, message.author, text);
        }
    }
}

fn is_as_sent(room: Room, message: &StoredMessage, index: &Index<'_>) -> Result<(), String> {
    let sending = was_sent(index, room, message.author, message.name)?;
    // Edits are not told in a history, so what a changed message says can't be known.
    if message.change_seq == message.seq && message.content != sending.content {
        return Err(format!("content {:016x} was sent", sending.content.0));
    }
    Ok(())
}

/// The sending of a message; `Err` tells why there is none.
pub(super) fn was_sent<'i>(
    index: &'i Index<'_>,
    room: Room,
    author: Person,
    name: Name,
) -> Result<&'i super::index::Sending, String> {
    index
        .sent_by(author, room, name)
        .ok_or_else(|| match index.sent(name) {
            Some(other) => format!(
                "{} was sent by {} to {}",
                name.client_msg_id(),
                other.author.user_id(),
                other.room.id()
            ),
            None => format!("nobody sent {}", name.client_msg_id()),
        })
}
