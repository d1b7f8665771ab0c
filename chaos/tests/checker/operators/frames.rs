//! Plants in what came on people's connections.

use chaos::history::{Content, Event, History, Name, Person, Room, Seen, Session, What};
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

use super::places::{
    Frame, a_frame, an_event, current, frames, insert, neighbours, new_id, one_of, replace, with_id,
};

/// Lets a frame for which something holds say something else.
fn change(
    history: &mut History,
    random: &mut ChaCha8Rng,
    holds: impl Fn(&History, &Frame) -> bool,
    change: impl FnOnce(&mut Frame),
) -> Option<()> {
    let mut frame = a_frame(history, random, |frame| holds(history, frame))?;
    change(&mut frame);
    replace(history, frame);
    Some(())
}

fn is_text(_: &History, frame: &Frame) -> bool {
    matches!(frame.change, Seen::Text { .. })
}

fn is_current(history: &History, frame: &Frame) -> bool {
    current(history, frame.room, frame.seq).is_some()
}

/// A frame of a change that was superseded.
fn is_old(history: &History, frame: &Frame) -> bool {
    !is_current(history, frame)
}

/// Such a frame that is not its message's first.
fn is_old_edit(history: &History, frame: &Frame) -> bool {
    let made = with_id(history, frame.room, frame.id);
    is_old(history, frame) && made.is_some_and(|message| message.seq != frame.seq)
}

fn with_author(change: &mut Seen, other: Person) {
    if let Seen::Text { author, .. } = change {
        *author = other;
    }
}

fn with_content(change: &mut Seen, other: Content) {
    if let Seen::Text { content, .. } = change {
        *content = other;
    }
}

/// A frame for the number after one that somebody saw, of a message that nobody sent.
pub(super) fn ghost(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let id = new_id(random);
    let frame = a_frame(history, random, |_| true)?;
    let ghost = What::Saw {
        session: frame.session,
        room: frame.room,
        seq: frame.seq + 1,
        id,
        change: Seen::Text {
            author: frame.person,
            name: Name(u32::MAX),
            content: Content(0),
        },
    };
    insert(history, frame.at, ghost);
    history.events.swap(frame.at, frame.at + 1);
    Some(())
}

/// A message that was sent is shown behind the end of the log, under an id of its own.
pub(super) fn unstored(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let id = new_id(random);
    let mut frame = a_frame(history, random, |frame| is_text(history, frame))?;
    frame.id = id;
    frame.seq = history.stored[&frame.room].last_seq + 1;
    replace(history, frame);
    Some(())
}

pub(super) fn other_id(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let id = new_id(random);
    change(history, random, is_current, |frame| frame.id = id)
}

pub(super) fn other_author(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let holds = |history: &History, frame: &Frame| is_current(history, frame) && is_text(history, frame);
    change(history, random, holds, |frame| {
        with_author(&mut frame.change, Person(u32::MAX));
    })
}

pub(super) fn other_name(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let holds = |history: &History, frame: &Frame| is_current(history, frame) && is_text(history, frame);
    change(history, random, holds, |frame| {
        if let Seen::Text { name, .. } = &mut frame.change {
            *name = Name(name.0 + 1);
        }
    })
}

pub(super) fn other_content(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let holds = |history: &History, frame: &Frame| is_current(history, frame) && is_text(history, frame);
    let content = Content(random.random());
    change(history, random, holds, |frame| {
        with_content(&mut frame.change, content);
    })
}

pub(super) fn deleted(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let holds = |history: &History, frame: &Frame| is_current(history, frame) && is_text(history, frame);
    change(history, random, holds, |frame| frame.change = Seen::Deleted)
}

pub(super) fn undeleted(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let is_deletion = |_: &History, frame: &Frame| frame.change == Seen::Deleted;
    let mut frame = a_frame(history, random, |frame| is_deletion(history, frame))?;
    let message = with_id(history, frame.room, frame.id)?;
    frame.change = Seen::Text {
        author: message.author,
        name: message.name,
        content: message.content,
    };
    replace(history, frame);
    Some(())
}

pub(super) fn old_with_other_content(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let holds = |history: &History, frame: &Frame| is_old(history, frame) && !is_old_edit(history, frame);
    let content = Content(random.random());
    change(history, random, holds, |frame| {
        with_content(&mut frame.change, content);
    })
}

/// A message's first frame is said to be of another one that spans its number, too, or of none.
pub(super) fn old_with_other_id(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let mut frame = a_frame(history, random, |frame| is_old(history, frame))?;
    let others = history.stored[&frame.room].messages.iter();
    let spanning = others.filter(|message| {
        message.id != frame.id && message.seq < frame.seq && frame.seq < message.change_seq
    });
    let made = with_id(history, frame.room, frame.id).is_some_and(|message| message.seq == frame.seq);
    match one_of(spanning.cloned().collect(), random) {
        Some(other) if made => {
            frame.id = other.id;
            frame.change = Seen::Text {
                author: other.author,
                name: other.name,
                content: other.content,
            };
        }
        _ => frame.id = new_id(random),
    }
    replace(history, frame);
    Some(())
}

pub(super) fn old_with_other_author(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    change(history, random, is_old, |frame| {
        with_author(&mut frame.change, Person(u32::MAX));
    })
}

pub(super) fn old_deletion(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    // Somebody saw it alone, so that nobody else contradicts.
    let all = frames(history);
    let holds = |history: &History, frame: &Frame| {
        let same = all
            .iter()
            .filter(|other| (other.room, other.seq) == (frame.room, frame.seq));
        is_old(history, frame) && same.count() == 1
    };
    change(history, random, holds, |frame| frame.change = Seen::Deleted)
}

pub(super) fn old_seen_differently(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let all = frames(history);
    let holds = |history: &History, frame: &Frame| {
        let same = all
            .iter()
            .filter(|other| (other.room, other.seq) == (frame.room, frame.seq));
        is_old_edit(history, frame) && same.count() > 1
    };
    let content = Content(random.random());
    change(history, random, holds, |frame| {
        with_content(&mut frame.change, content);
    })
}

pub(super) fn not_joined(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let frame = a_frame(history, random, |_| true)?;
    history.events.retain(|event| {
        !matches!(event.what, What::Joined { session, room, .. } if (session, room) == (frame.session, frame.room))
    });
    Some(())
}

pub(super) fn after_leaving(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let frame = a_frame(history, random, |_| true)?;
    let session = frame.session;
    insert(history, frame.at, What::Left { session });
    Some(())
}

pub(super) fn reset_without_subscription(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let at = an_event(history, random, |_| true)?;
    let (session, room) = (Session(u32::MAX), Room(0));
    let last_seq = history.stored[&room].last_seq;
    insert(
        history,
        at,
        What::Reset {
            session,
            room,
            last_seq,
        },
    );
    Some(())
}

pub(super) fn twice_in_a_row(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let frame = a_frame(history, random, |_| true)?;
    let again = history.events[frame.at].what.clone();
    insert(history, frame.at, again);
    Some(())
}

pub(super) fn again_later(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let (first, second) = one_of(neighbours(history), random)?;
    let again = history.events[first.at].what.clone();
    insert(history, second.at, again);
    history.events.swap(second.at, second.at + 1);
    Some(())
}

pub(super) fn swapped(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let (first, second) = one_of(neighbours(history), random)?;
    let what = history.events[first.at].what.clone();
    history.events[first.at].what = std::mem::replace(&mut history.events[second.at].what, what);
    Some(())
}

/// The first frames of resumptions, each with what its person said to have.
fn first_after_resuming(history: &History) -> Vec<(Frame, u64)> {
    let mut frames = frames(history);
    frames.sort_by_key(|frame| (frame.joined, frame.at));
    frames.dedup_by_key(|frame| frame.joined);
    frames
        .into_iter()
        .filter_map(|frame| match history.events[frame.joined].what {
            What::Joined { after, .. } => Some((frame, after?)),
            _ => None,
        })
        .collect()
}

fn say_to_have(history: &mut History, joined: usize, seq: u64) {
    if let What::Joined { after, .. } = &mut history.events[joined].what {
        *after = Some(seq);
    }
}

pub(super) fn resumed_too_early(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let (frame, _) = one_of(first_after_resuming(history), random)?;
    let more = random.random_range(0..3);
    say_to_have(history, frame.joined, frame.seq + more);
    Some(())
}

pub(super) fn resumed_too_late(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let mut resumed = first_after_resuming(history);
    resumed.retain(|(frame, after)| *after > 0 && current(history, frame.room, *after).is_some());
    let (frame, after) = one_of(resumed, random)?;
    say_to_have(history, frame.joined, after - 1);
    Some(())
}

pub(super) fn began_later_than_told(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let mut frames = frames(history);
    frames.retain(|frame| {
        let What::Joined {
            after: None,
            last_seq: Some(told),
            ..
        } = history.events[frame.joined].what
        else {
            return false;
        };
        current(history, frame.room, told).is_some()
    });
    let frame = one_of(frames, random)?;
    if let What::Joined {
        last_seq: Some(told), ..
    } = &mut history.events[frame.joined].what
    {
        *told -= 1;
    }
    Some(())
}

/// A frame that another one follows is lost; on a room socket that began with it, that could not be known.
pub(super) fn left_out(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let mut followed = neighbours(history);
    followed.retain(|(first, _)| {
        let starts_unknown = matches!(
            history.events[first.joined].what,
            What::Joined {
                after: None,
                last_seq: None,
                ..
            }
        );
        !starts_unknown && is_current(history, first)
    });
    let (first, _) = one_of(followed, random)?;
    history.events.remove(first.at);
    Some(())
}

/// Instead of a frame, the connection is told that the log ends there.
pub(super) fn reset_forwards(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let mut followed = neighbours(history);
    followed.retain(|(_, second)| is_current(history, second));
    let (_, second) = one_of(followed, random)?;
    history.events[second.at].what = What::Reset {
        session: second.session,
        room: second.room,
        last_seq: second.seq,
    };
    Some(())
}

/// Whether a subscription began at the log's end, so that nothing had to come on it.
fn began_at_end(event: &Event, person: Person, room: Room, end: u64) -> bool {
    event.person == person
        && matches!(
            event.what,
            What::Joined { room: of, after, last_seq, .. } if of == room && after.or(last_seq).is_none_or(|at| at >= end)
        )
}

pub(super) fn lost_end(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let mut present = history.present.clone();
    present.retain(|(person, room)| {
        let end = history.stored[room].last_seq;
        let mut events = history.events.iter();
        end > 0 && !events.any(|event| began_at_end(event, *person, *room, end))
    });
    let (person, room) = one_of(present, random)?;
    let end = history.stored[&room].last_seq;
    history.events.retain(|event| {
        let is_end = matches!(event.what, What::Saw { room: of, seq, .. } if (of, seq) == (room, end));
        !(is_end && event.person == person)
    });
    Some(())
}

/// Somebody comes back at the very end, and the log is not replayed.
pub(super) fn deaf(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let present = history.present.clone();
    let (person, room) = one_of(present, random)?;
    let end = history.stored[&room].last_seq;
    if end == 0 {
        return None;
    }
    let last = history.events.last()?;
    let (at, session) = (last.at, Session(u32::MAX));
    let (after, last_seq) = (Some(random.random_range(0..end)), Some(end));
    let what = What::Joined {
        session,
        room,
        after,
        last_seq,
    };
    history.events.push(Event { at, person, what });
    Some(())
}

pub(super) fn never_there(history: &mut History, random: &mut ChaCha8Rng) -> Option<()> {
    let at = an_event(history, random, |event| matches!(event.what, What::Joined { .. }))?;
    if let What::Joined { room, .. } = history.events[at].what {
        history.present.push((Person(u32::MAX), room));
    }
    Some(())
}
