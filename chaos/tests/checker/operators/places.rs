//! Where in a history something can be planted.

use std::collections::BTreeMap;

use chaos::history::{Event, History, Person, Room, Seen, Session, StoredMessage, What};
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;
use uuid::Uuid;

/// A frame that arrived.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    /// As which event.
    pub(super) at: usize,
    pub(super) person: Person,
    pub(super) session: Session,
    pub(super) room: Room,
    pub(super) seq: u64,
    pub(super) id: Uuid,
    pub(super) change: Seen,
    /// With which event its subscription was confirmed.
    pub(super) joined: usize,
}

/// One of several, drawn at random.
pub(super) fn one_of<T>(mut some: Vec<T>, random: &mut ChaCha8Rng) -> Option<T> {
    if some.is_empty() {
        return None;
    }
    let at = random.random_range(0..some.len());
    Some(some.swap_remove(at))
}

/// A stored message for which something holds, as its room and its place there.
pub(super) fn a_stored(
    history: &History,
    random: &mut ChaCha8Rng,
    holds: impl Fn(Room, &StoredMessage) -> bool,
) -> Option<(Room, usize)> {
    let stored = history.stored.iter().flat_map(|(room, log)| {
        let messages = log.messages.iter().enumerate();
        messages.map(|(at, message)| (*room, at, message))
    });
    let fitting = stored.filter(|(room, _, message)| holds(*room, message));
    one_of(fitting.map(|(room, at, _)| (room, at)).collect(), random)
}

/// An event for which something holds, as its place in the history.
pub(super) fn an_event(
    history: &History,
    random: &mut ChaCha8Rng,
    holds: impl Fn(&Event) -> bool,
) -> Option<usize> {
    let events = history.events.iter().enumerate();
    one_of(
        events
            .filter(|(_, event)| holds(event))
            .map(|(at, _)| at)
            .collect(),
        random,
    )
}

/// All frames that arrived.
pub(super) fn frames(history: &History) -> Vec<Frame> {
    let mut joins = BTreeMap::new();
    let mut frames = Vec::new();
    for (at, event) in history.events.iter().enumerate() {
        match event.what {
            What::Joined { session, room, .. } => {
                joins.insert((session, room), at);
            }
            What::Saw {
                session,
                room,
                seq,
                id,
                change,
            } => frames.push(Frame {
                at,
                person: event.person,
                session,
                room,
                seq,
                id,
                change,
                joined: joins[&(session, room)],
            }),
            _ => {}
        }
    }
    frames
}

/// Pairs of frames that follow each other on one subscription.
pub(super) fn neighbours(history: &History) -> Vec<(Frame, Frame)> {
    let mut last: BTreeMap<usize, Frame> = BTreeMap::new();
    let mut pairs = Vec::new();
    // One subscription is one `Joined`.
    for frame in frames(history) {
        if let Some(before) = last.insert(frame.joined, frame) {
            pairs.push((before, frame));
        }
    }
    pairs
}

/// The message whose last change took this seq.
pub(super) fn current(history: &History, room: Room, seq: u64) -> Option<&StoredMessage> {
    let messages = &history.stored[&room].messages;
    messages.iter().find(|message| message.change_seq == seq)
}

/// The message with this id.
pub(super) fn with_id(history: &History, room: Room, id: Uuid) -> Option<&StoredMessage> {
    let messages = &history.stored[&room].messages;
    messages.iter().find(|message| message.id == id)
}

/// A frame for which something holds.
pub(super) fn a_frame(
    history: &History,
    random: &mut ChaCha8Rng,
    holds: impl Fn(&Frame) -> bool,
) -> Option<Frame> {
    one_of(
        frames(history).into_iter().filter(|frame| holds(frame)).collect(),
        random,
    )
}

/// Lets a frame say something else.
pub(super) fn replace(history: &mut History, frame: Frame) {
    let Frame {
        session,
        room,
        seq,
        id,
        change,
        ..
    } = frame;
    history.events[frame.at].what = What::Saw {
        session,
        room,
        seq,
        id,
        change,
    };
}

/// Lets something happen right before an event, to the person of that event.
pub(super) fn insert(history: &mut History, at: usize, what: What) {
    let Event { at: time, person, .. } = history.events[at];
    let event = Event {
        at: time,
        person,
        what,
    };
    history.events.insert(at, event);
}

/// An id that no message has.
pub(super) fn new_id(random: &mut ChaCha8Rng) -> Uuid {
    Uuid::from_u128(random.random_range(1 << 100..u128::MAX))
}
