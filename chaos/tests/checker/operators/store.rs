//! Plants in what the database holds.

use chaos::history::{Content, History, Person, Room, StoredMessage};
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

use super::places::{a_stored, frames, new_id, one_of};

fn message(history: &mut History, room: Room, at: usize) -> &mut StoredMessage {
    &mut history
        .stored
        .get_mut(&room)
        .expect("it was found there")
        .messages[at]
}

/// Changes a message for which something holds.
fn change(
    history: &mut History,
    random: &mut ChaCha8Rng,
    holds: impl Fn(Room, &StoredMessage) -> bool,
    change: impl FnOnce(&mut StoredMessage),
) -> Option<()> {
    let (room, at) = a_stored(history, random, holds)?;
    change(message(history, room, at));
    Some(())
}

fn any(_: Room, _: &StoredMessage) -> bool {
    true
}

fn is_new(_: Room, message: &StoredMessage) -> bool {
    message.seq == message.change_seq
}

/// Two messages of one room, the older one first.
fn two(history: &History, random: &mut ChaCha8Rng) -> Option<(Room, usize, usize)> {
    let (room, at) = a_stored(history, random, any)?;
    let other = random.random_range(0..history.stored[&room].messages.len());
    (at != other).then_some((room, at.min(other), at.max(other)))
}

pub(super) fn lost(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let (room, at) = a_stored(history, random, any)?;
    history.stored.get_mut(&room)?.messages.remove(at);
    Some(())
}

pub(super) fn other_id(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let id = new_id(random);
    change(history, random, any, |message| message.id = id)
}

pub(super) fn other_author(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    change(history, random, any, |message| {
        message.author = Person(message.author.0 + 1);
    })
}

/// A retry that was stored again, in good order.
pub(super) fn twice(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let (room, at) = a_stored(history, random, any)?;
    let id = new_id(random);
    let log = history.stored.get_mut(&room)?;
    log.last_seq += 1;
    log.messages.push(StoredMessage {
        id,
        seq: log.last_seq,
        change_seq: log.last_seq,
        deleted: false,
        ..log.messages[at].clone()
    });
    Some(())
}

/// Removes a message of whose number nothing could be left.
pub(super) fn hole(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let stored = history.stored.clone();
    let place = a_stored(history, random, |room, message| {
        let (seq, log) = (message.change_seq, &stored[&room]);
        let spanned = |other: &StoredMessage| other.seq < seq && seq < other.change_seq;
        message.seq == seq && seq != log.last_seq && !log.messages.iter().any(spanned)
    });
    let (room, at) = place?;
    history.stored.get_mut(&room)?.messages.remove(at);
    Some(())
}

pub(super) fn lost_end(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let ends: Vec<Room> = history.stored.keys().copied().collect();
    let room = one_of(ends, random)?;
    let log = history.stored.get_mut(&room)?;
    let before = log.messages.len();
    log.messages.retain(|message| message.change_seq != log.last_seq);
    (log.messages.len() < before).then_some(())
}

pub(super) fn last_seq_too_high(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let log = history.stored.values_mut().next()?;
    log.last_seq += random.random_range(1..5);
    Some(())
}

pub(super) fn last_seq_too_low(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let log = history.stored.values_mut().next()?;
    if log.last_seq == 0 {
        return None;
    }
    log.last_seq = random.random_range(0..log.last_seq);
    Some(())
}

pub(super) fn one_seq_for_two(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let (room, older, newer) = two(history, random)?;
    let seq = message(history, room, older).seq;
    message(history, room, newer).seq = seq;
    Some(())
}

pub(super) fn one_change_seq_for_two(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let (room, older, newer) = two(history, random)?;
    let change_seq = message(history, room, newer).change_seq;
    message(history, room, older).change_seq = change_seq;
    Some(())
}

/// A message is made with the number that another one was changed with.
pub(super) fn one_number_for_two(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let stored = history.stored.clone();
    let place = a_stored(history, random, |_, message| message.change_seq > message.seq);
    let (room, at) = place?;
    let taken = stored[&room].messages[at].change_seq;
    let later = a_stored(history, random, |other, message| {
        other == room && message.change_seq > taken && message.seq != taken
    });
    let (_, at) = later?;
    message(history, room, at).seq = taken;
    Some(())
}

pub(super) fn one_id_for_two(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let (room, older, newer) = two(history, random)?;
    let id = message(history, room, older).id;
    message(history, room, newer).id = id;
    Some(())
}

pub(super) fn changed_before_made(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    change(history, random, any, |message| {
        (message.seq, message.change_seq) = (message.change_seq + 1, message.seq);
    })
}

pub(super) fn deleted_without_seq(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    change(history, random, is_new, |message| message.deleted = true)
}

pub(super) fn made_with_nothing(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    change(history, random, any, |message| message.seq = 0)
}

pub(super) fn other_content(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let content = Content(random.random());
    change(history, random, is_new, |message| message.content = content)
}

/// A message is stored as if it had changed last before a change of it that somebody saw.
pub(super) fn other_change_seq(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let frames = frames(history);
    let seen = |room: Room, message: &StoredMessage| {
        let mut frames = frames.iter();
        frames.any(|frame| (frame.room, frame.seq, frame.id) == (room, message.change_seq, message.id))
    };
    change(history, random, seen, |message| {
        message.seq = message.seq.min(message.change_seq - 1);
        message.change_seq -= 1;
    })
}
