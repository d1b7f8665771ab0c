//! Whether every connection carried the log in order, without a repeat or a gap, and to its end.

use std::collections::{BTreeMap, HashMap};

use super::{Invariant, index::Index, numbers::Tally, resets::Resets, verdict::Findings, words};
use crate::history::{Event, History, Person, Room, Session, StoredMessage, What};

/// How many of the changes that are missing are told.
const EXAMPLES: usize = 3;

pub(super) fn check(history: &History, index: &Index<'_>, resets: &Resets, found: &mut Findings) -> Tally {
    let mut order = Order {
        index,
        resets,
        found,
        sessions: HashMap::new(),
        ends: HashMap::new(),
        tally: Tally::default(),
    };
    for (position, event) in history.events.iter().enumerate() {
        order.take(position, event);
    }
    order.end(history);
    order.tally
}

struct Order<'c, 'h> {
    index: &'c Index<'h>,
    resets: &'c Resets,
    found: &'c mut Findings,
    sessions: HashMap<Session, BTreeMap<Room, Subscription>>,
    ends: HashMap<(Person, Room), End>,
    tally: Tally,
}

/// A connection's subscription to a room.
#[derive(Debug, Clone, Copy)]
struct Subscription {
    person: Person,
    /// With which event of the history it began.
    since: usize,
    has: Has,
}

/// How far a client has the log.
#[derive(Debug, Clone, Copy)]
enum Has {
    UpTo(u64),
    /// A room socket that began with what came from then on. Only its first frame tells where that was: what is sent
    /// while a socket is being opened may come or not.
    Unknown,
}

/// How far somebody had the log on a connection that is over.
#[derive(Debug, Clone, Copy)]
struct End {
    /// With which event the connection was over, and with which the subscription began.
    lasted: (usize, usize),
    has: Has,
}

impl Order<'_, '_> {
    fn take(&mut self, position: usize, event: &Event) {
        let person = event.person;
        match event.what {
            What::Joined {
                session,
                room,
                after,
                last_seq,
            } => {
                let has = after.or(last_seq).map_or(Has::Unknown, Has::UpTo);
                let since = position;
                let subscription = Subscription { person, since, has };
                self.sessions
                    .entry(session)
                    .or_default()
                    .insert(room, subscription);
            }
            What::Saw {
                session, room, seq, ..
            } => {
                let frame = format_args!("seq {seq}");
                match self.has(session, room) {
                    Some(Has::UpTo(end)) if seq <= end => {
                        self.tally.duplicates += 1;
                        let text = format!("{}, which had {end}", came(frame, session, event));
                        self.found.of_person(Invariant::Repeat, room, person, text);
                        return;
                    }
                    Some(Has::UpTo(end)) => {
                        let is_last_word = self.resets.counts_to(person, room, position).is_none();
                        if is_last_word {
                            self.skipped(event, session, room, end, seq);
                        }
                    }
                    Some(Has::Unknown) => {}
                    None => self.not_subscribed(event, room, &came(frame, session, event)),
                }
                self.move_to(session, room, seq, person, position);
            }
            What::Reset {
                session,
                room,
                last_seq,
            } => {
                let frame = format_args!("a reset to {last_seq}");
                match self.has(session, room) {
                    Some(Has::UpTo(end)) => {
                        let is_last_word = self.resets.counts_to(person, room, position + 1).is_none();
                        // A reset goes back: forwards it would hide a gap.
                        if is_last_word {
                            self.skipped(event, session, room, end, last_seq.saturating_add(1));
                        }
                    }
                    Some(Has::Unknown) => {}
                    None => self.not_subscribed(event, room, &came(frame, session, event)),
                }
                self.move_to(session, room, last_seq, person, position);
            }
            What::Left { session } => {
                for (room, subscription) in self.sessions.remove(&session).unwrap_or_default() {
                    self.over(room, subscription, position);
                }
            }
            What::Sent { .. } | What::Acked { .. } | What::Refused { .. } | What::Read { .. } => {}
        }
    }

    fn has(&self, session: Session, room: Room) -> Option<Has> {
        let subscription = self.sessions.get(&session)?.get(&room)?;
        Some(subscription.has)
    }

    fn move_to(&mut self, session: Session, room: Room, seq: u64, person: Person, since: usize) {
        let has = Has::UpTo(seq);
        self.sessions
            .entry(session)
            .or_default()
            .entry(room)
            .and_modify(|subscription| subscription.has = has)
            .or_insert(Subscription { person, since, has });
    }

    fn not_subscribed(&mut self, event: &Event, room: Room, came: &str) {
        let text = format!("{came}, which was not subscribed to the room");
        self.found
            .of_person(Invariant::OnlyWhereJoined, room, event.person, text);
    }

    /// What a connection passes over must have been superseded.
    fn skipped(&mut self, event: &Event, session: Session, room: Room, after: u64, next: u64) {
        let missing = self.index.room(room).changed_between(after, next);
        if missing.is_empty() {
            return;
        }
        self.tally.gaps += missing.len();
        let text = format!(
            "at {} connection {} went from {after} to {next} without {}",
            words::time(event.at),
            session.0,
            examples(missing)
        );
        self.found.of_person(Invariant::Gap, room, event.person, text);
    }

    /// Of two connections at once the one counts that lasts longer: whoever is there at the end closes it last.
    fn over(&mut self, room: Room, subscription: Subscription, position: usize) {
        let Subscription { person, since, has } = subscription;
        let lasted = (position, since);
        let end = End { lasted, has };
        self.ends
            .entry((person, room))
            .and_modify(|last| {
                if last.lasted < lasted {
                    *last = end;
                }
            })
            .or_insert(end);
    }

    fn end(&mut self, history: &History) {
        for rooms in std::mem::take(&mut self.sessions).into_values() {
            for (room, subscription) in rooms {
                self.over(room, subscription, usize::MAX);
            }
        }
        for (person, room) in &history.present {
            let text = match self.ends.get(&(*person, *room)).map(|end| end.has) {
                Some(Has::UpTo(end)) => {
                    let missing = self.index.room(*room).changed_after(end);
                    if missing.is_empty() {
                        continue;
                    }
                    format!("had {end} in the end, without {}", examples(missing))
                }
                Some(Has::Unknown) => continue,
                None => "is there at the end, and was never subscribed".to_owned(),
            };
            self.found
                .of_person(Invariant::EverythingReachesEverybody, *room, *person, text);
        }
    }
}

fn came(frame: std::fmt::Arguments<'_>, session: Session, event: &Event) -> String {
    format!(
        "{frame} came at {} on connection {}",
        words::time(event.at),
        session.0
    )
}

fn examples(missing: &[&StoredMessage]) -> String {
    let told: Vec<String> = missing
        .iter()
        .take(EXAMPLES)
        .map(|message| format!("{}: {}", message.change_seq, words::stored(message)))
        .collect();
    let more = missing.len().saturating_sub(EXAMPLES);
    let more = if more == 0 {
        String::new()
    } else {
        format!(" and {more} more")
    };
    format!("{}{more}", told.join("; "))
}
