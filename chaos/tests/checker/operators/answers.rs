//! Plants in what people sent and were answered.

use chaos::history::{Content, Event, History, Name, Person, Room, What};
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;
use uuid::Uuid;

use super::places::{an_event, insert, new_id};

#[derive(Debug, Clone, Copy)]
struct Ack {
    at: usize,
    person: Person,
    room: Room,
    name: Name,
    id: Uuid,
    seq: u64,
}

fn an_ack(history: &History, random: &mut ChaCha8Rng, holds: impl Fn(&Event) -> bool) -> Option<Ack> {
    let is_ack = |event: &Event| matches!(event.what, What::Acked { .. }) && holds(event);
    let at = an_event(history, random, is_ack)?;
    let Event { person, ref what, .. } = history.events[at];
    match *what {
        What::Acked { room, name, id, seq } => Some(Ack {
            at,
            person,
            room,
            name,
            id,
            seq,
        }),
        _ => None,
    }
}

fn change_ack(history: &mut History, random: &mut ChaCha8Rng, change: impl FnOnce(&mut Ack)) -> Option<()> {
    let mut ack = an_ack(history, random, |_| true)?;
    change(&mut ack);
    let Ack {
        at,
        room,
        name,
        id,
        seq,
        ..
    } = ack;
    history.events[at].what = What::Acked { room, name, id, seq };
    Some(())
}

pub(super) fn ack_of_other_seq(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let off = random.random_range(1..5);
    change_ack(history, random, |ack| ack.seq += off)
}

pub(super) fn ack_of_other_id(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let id = new_id(random);
    change_ack(history, random, |ack| ack.id = id)
}

pub(super) fn ack_of_other_message(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let ack = an_ack(history, random, |_| true)?;
    let elsewhere = |event: &Event| matches!(event.what, What::Acked { name, .. } if name != ack.name);
    let other = an_ack(history, random, elsewhere)?;
    let Ack { id, seq, .. } = other;
    history.events[ack.at].what = What::Acked {
        room: ack.room,
        name: ack.name,
        id,
        seq,
    };
    Some(())
}

/// A message is sent and acknowledged, and that is all.
pub(super) fn ack_of_nothing(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let at = an_event(history, random, |_| true)?;
    let (room, name, id) = (Room(0), Name(u32::MAX), new_id(random));
    let seq = history.stored[&room].last_seq + 1;
    insert(history, at, What::Acked { room, name, id, seq });
    let content = Content(0);
    insert(history, at, What::Sent { room, name, content });
    Some(())
}

fn second_ack(history: &mut History, random: &mut ChaCha8Rng, change: impl FnOnce(&mut Ack)) -> Option<()> {
    let mut ack = an_ack(history, random, |_| true)?;
    change(&mut ack);
    let Ack {
        at,
        person,
        room,
        name,
        id,
        seq,
    } = ack;
    let event = Event {
        at: history.events[at].at,
        person,
        what: What::Acked { room, name, id, seq },
    };
    history.events.insert(at + 1, event);
    Some(())
}

pub(super) fn second_ack_of_other_id(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let id = new_id(random);
    second_ack(history, random, |ack| ack.id = id)
}

pub(super) fn second_ack_of_other_seq(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    second_ack(history, random, |ack| ack.seq += 1)
}

pub(super) fn never_sent(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let is_sending = |event: &Event| matches!(event.what, What::Sent { .. });
    let at = an_event(history, random, is_sending)?;
    history.events.remove(at);
    Some(())
}

pub(super) fn sent_elsewhere(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let is_sending = |event: &Event| matches!(event.what, What::Sent { .. });
    let at = an_event(history, random, is_sending)?;
    if let What::Sent { room, .. } = &mut history.events[at].what {
        *room = Room(1 - room.0);
    }
    Some(())
}

/// Where a message was sent, with its room and name.
fn a_sending(history: &History, random: &mut ChaCha8Rng) -> Option<(usize, Room, Name)> {
    let at = an_event(history, random, |event| matches!(event.what, What::Sent { .. }))?;
    match history.events[at].what {
        What::Sent { room, name, .. } => Some((at, room, name)),
        _ => None,
    }
}

/// The ack is the same, only too early.
pub(super) fn acked_before_sent(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let (at, _, name) = a_sending(history, random)?;
    let mut events = history.events.iter();
    let is_its_ack = |event: &Event| matches!(event.what, What::Acked { name: of, .. } if of == name);
    let ack = events.position(is_its_ack)?;
    let what = history.events.remove(ack).what;
    insert(history, at, what);
    Some(())
}

pub(super) fn refused_before_sent(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let (at, room, name) = a_sending(history, random)?;
    insert(history, at, What::Refused { room, name });
    Some(())
}

pub(super) fn refused_without_message(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let at = an_event(history, random, |_| true)?;
    let (room, name) = (Room(0), Name(u32::MAX));
    insert(history, at, What::Refused { room, name });
    Some(())
}

pub(super) fn never_acked(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let ack = an_ack(history, random, |_| true)?;
    history
        .events
        .retain(|event| !matches!(event.what, What::Acked { name, .. } if name == ack.name));
    Some(())
}
