//! Small histories by hand, for what the model does not do and for the edges of each rule.

use std::{collections::BTreeMap, time::Duration};

use chaos::{
    check::{self, Invariant},
    history::{Content, Event, History, Name, Person, Room, Seen, Session, StoredMessage, StoredRoom, What},
};
use uuid::Uuid;

const ROOM: Room = Room(0);
const AUTHOR: Person = Person(0);
const READER: Person = Person(1);

fn id(seq: u64) -> Uuid {
    Uuid::from_u128(seq.into())
}

fn name(seq: u64) -> Name {
    Name(u32::try_from(seq).expect("messages are few"))
}

/// A room with messages 1 to `count`, sent and acknowledged one after the other, each at the second of its number.
fn with_messages(count: u64) -> History {
    let mut history = History::default();
    let mut messages = Vec::new();
    for seq in 1..=count {
        let (name, content) = (name(seq), Content(seq));
        let sent = What::Sent {
            room: ROOM,
            name,
            content,
        };
        let acked = What::Acked {
            room: ROOM,
            name,
            id: id(seq),
            seq,
        };
        for what in [sent, acked] {
            happens(&mut history, seq, AUTHOR, what);
        }
        messages.push(StoredMessage {
            id: id(seq),
            author: AUTHOR,
            name,
            content,
            seq,
            change_seq: seq,
            deleted: false,
        });
    }
    let last_seq = count;
    history.stored = BTreeMap::from([(ROOM, StoredRoom { last_seq, messages })]);
    history
}

/// Changes the message that was made with `seq`: its last change is the room's next.
fn edit(history: &mut History, seq: u64) {
    let log = history.stored.get_mut(&ROOM).expect("it is stored");
    log.last_seq += 1;
    let message = log
        .messages
        .iter_mut()
        .find(|message| message.seq == seq)
        .expect("it is stored");
    message.change_seq = log.last_seq;
    message.content = Content(100 + log.last_seq);
}

fn happens(history: &mut History, second: u64, person: Person, what: What) {
    let at = Duration::from_secs(second);
    history.events.push(Event { at, person, what });
}

fn joins(history: &mut History, session: u32, after: Option<u64>, last_seq: Option<u64>) {
    let (session, room) = (Session(session), ROOM);
    let joined = What::Joined {
        session,
        room,
        after,
        last_seq,
    };
    happens(history, 100, READER, joined);
}

/// The reader sees the first frame of the message that was made with each of these numbers.
fn sees(history: &mut History, session: u32, seqs: impl IntoIterator<Item = u64>) {
    for seq in seqs {
        let saw = What::Saw {
            session: Session(session),
            room: ROOM,
            seq,
            id: id(seq),
            change: Seen::Text {
                author: AUTHOR,
                name: name(seq),
                content: Content(seq),
            },
        };
        happens(history, 100, READER, saw);
    }
}

fn is_reset(history: &mut History, session: u32, last_seq: u64) {
    let (session, room) = (Session(session), ROOM);
    let reset = What::Reset {
        session,
        room,
        last_seq,
    };
    happens(history, 100, READER, reset);
}

fn leaves(history: &mut History, session: u32) {
    let session = Session(session);
    happens(history, 100, READER, What::Left { session });
}

fn reads(history: &mut History, asked: u64, whole: bool, page: impl IntoIterator<Item = u64>) {
    let read = What::Read {
        room: ROOM,
        asked: Duration::from_secs(asked),
        whole,
        page: page.into_iter().map(|seq| (seq, id(seq))).collect(),
    };
    happens(history, 100, AUTHOR, read);
}

/// Exactly these kinds are found, each as often as it is named.
#[track_caller]
fn finds(history: &History, expected: &[Invariant]) {
    let verdict = check::check(history);
    let mut kinds: Vec<Invariant> = verdict
        .violations
        .iter()
        .map(|violation| violation.kind)
        .collect();
    kinds.sort_unstable();
    assert_eq!(kinds, expected, "{verdict}");
    assert_eq!(verdict.is_ok(), expected.is_empty());
}

/// The only violation is told in these words.
#[track_caller]
fn tells(history: &History, expected: &str) {
    let verdict = check::check(history);
    let told: Vec<String> = verdict.violations.iter().map(ToString::to_string).collect();
    assert_eq!(told, [expected]);
}

#[test]
fn nothing_happened() {
    finds(&History::default(), &[]);
    let mut empty = History::default();
    empty.stored.insert(ROOM, StoredRoom::default());
    finds(&empty, &[]);
    empty.stored.insert(
        ROOM,
        StoredRoom {
            last_seq: 1,
            ..StoredRoom::default()
        },
    );
    finds(&empty, &[Invariant::StoredIsWhole]);
}

#[test]
fn a_room_that_is_not_stored_is_empty() {
    let mut history = with_messages(1);
    history.stored.clear();
    joins(&mut history, 0, Some(0), None);
    sees(&mut history, 0, [1]);
    finds(&history, &[Invariant::AckedIsStored, Invariant::SeenIsStored]);
}

#[test]
fn a_resumption_goes_on_behind_what_was_said() {
    let mut history = with_messages(5);
    joins(&mut history, 0, Some(2), Some(5));
    sees(&mut history, 0, 3..=5);
    history.present.push((READER, ROOM));
    finds(&history, &[]);
    sees(&mut history, 0, [5]);
    finds(&history, &[Invariant::Repeat]);
    let mut early = with_messages(5);
    joins(&mut early, 0, Some(2), Some(5));
    sees(&mut early, 0, 2..=5);
    finds(&early, &[Invariant::Repeat]);
    let mut late = with_messages(5);
    joins(&mut late, 0, Some(2), Some(5));
    sees(&mut late, 0, 4..=5);
    finds(&late, &[Invariant::Gap]);
    assert_eq!(check::check(&late).numbers.gaps, 1);
}

#[test]
fn a_repeat_does_not_set_a_connection_back() {
    let mut history = with_messages(4);
    joins(&mut history, 0, Some(0), None);
    sees(&mut history, 0, [1, 2, 3, 1, 4]);
    finds(&history, &[Invariant::Repeat]);
    assert_eq!(check::check(&history).numbers.duplicates, 1);
}

#[test]
fn a_subscription_without_a_position_begins_at_the_end_that_was_told() {
    let mut history = with_messages(5);
    joins(&mut history, 0, None, Some(3));
    sees(&mut history, 0, 4..=5);
    finds(&history, &[]);
    let mut gap = with_messages(5);
    joins(&mut gap, 0, None, Some(3));
    sees(&mut gap, 0, [5]);
    finds(&gap, &[Invariant::Gap]);
}

#[test]
fn a_room_socket_without_a_position_begins_with_its_first_frame() {
    let mut history = with_messages(5);
    joins(&mut history, 0, None, None);
    history.present.push((READER, ROOM));
    finds(&history, &[]);
    sees(&mut history, 0, [3, 4]);
    finds(&history, &[Invariant::EverythingReachesEverybody]);
    sees(&mut history, 0, [5]);
    finds(&history, &[]);
    let mut gap = with_messages(5);
    joins(&mut gap, 0, None, None);
    sees(&mut gap, 0, [3, 5]);
    finds(&gap, &[Invariant::Gap]);
}

#[test]
fn a_superseded_number_may_be_passed_over_or_seen() {
    for skips in [true, false] {
        let mut history = with_messages(3);
        edit(&mut history, 2);
        joins(&mut history, 0, Some(0), None);
        sees(&mut history, 0, [1]);
        if !skips {
            sees(&mut history, 0, [2]);
        }
        sees(&mut history, 0, [3]);
        finds(&history, &[]);
        history.present.push((READER, ROOM));
        // The edit itself took a number, which has not come.
        finds(&history, &[Invariant::EverythingReachesEverybody]);
    }
}

#[test]
fn each_of_two_connections_is_judged_by_itself() {
    let mut history = with_messages(3);
    joins(&mut history, 0, Some(0), None);
    joins(&mut history, 1, Some(0), None);
    for seq in 1..=3 {
        sees(&mut history, 0, [seq]);
        sees(&mut history, 1, [seq]);
    }
    finds(&history, &[]);
    assert_eq!(check::check(&history).numbers.sessions, 2);
}

#[test]
fn a_room_may_be_subscribed_to_anew_on_the_same_connection() {
    let mut history = with_messages(3);
    joins(&mut history, 0, Some(0), None);
    sees(&mut history, 0, 1..=3);
    joins(&mut history, 0, Some(1), Some(3));
    sees(&mut history, 0, 2..=3);
    finds(&history, &[]);
}

#[test]
fn the_connection_that_lasts_longest_tells_whether_everything_came() {
    let mut history = with_messages(3);
    history.present.push((READER, ROOM));
    joins(&mut history, 0, Some(0), None);
    joins(&mut history, 1, Some(3), None);
    leaves(&mut history, 1);
    finds(&history, &[Invariant::EverythingReachesEverybody]);
    sees(&mut history, 0, 1..=3);
    finds(&history, &[]);
    leaves(&mut history, 0);
    finds(&history, &[]);
    let mut last = with_messages(3);
    last.present.push((READER, ROOM));
    joins(&mut last, 0, Some(3), None);
    leaves(&mut last, 0);
    joins(&mut last, 1, Some(1), None);
    finds(&last, &[Invariant::EverythingReachesEverybody]);
}

#[test]
fn a_missing_number_is_excused_only_by_a_message_that_had_changed_by_then() {
    // 4 was a change of 2, which changed again with 6; 5 was made between.
    let mut history = with_messages(5);
    edit(&mut history, 2);
    history.stored.get_mut(&ROOM).unwrap().messages.remove(3);
    history.events.retain(|event| {
        !matches!(event.what, What::Sent { name: of, .. } | What::Acked { name: of, .. } if of == name(4))
    });
    finds(&history, &[]);
    // Nothing that changed later was there when 1 was taken.
    history.stored.get_mut(&ROOM).unwrap().messages.remove(0);
    history.events.retain(|event| {
        !matches!(event.what, What::Sent { name: of, .. } | What::Acked { name: of, .. } if of == name(1))
    });
    finds(&history, &[Invariant::StoredIsWhole]);
}

#[test]
fn the_text_of_an_edit_is_not_held_against_what_was_sent() {
    let mut history = with_messages(2);
    edit(&mut history, 1);
    joins(&mut history, 0, Some(2), None);
    let edited = What::Saw {
        session: Session(0),
        room: ROOM,
        seq: 3,
        id: id(1),
        change: Seen::Text {
            author: AUTHOR,
            name: name(1),
            content: Content(103),
        },
    };
    happens(&mut history, 100, READER, edited);
    finds(&history, &[]);
}

#[test]
fn what_was_seen_before_a_reset_counts_up_to_its_end() {
    // The reader has seen 3 and 4 as they are not stored any more.
    let lost = |reset: Option<u64>| {
        let mut history = with_messages(4);
        joins(&mut history, 0, Some(0), None);
        sees(&mut history, 0, 1..=4);
        for event in &mut history.events {
            if let What::Saw { id: seen, seq, .. } = &mut event.what
                && *seq > 2
            {
                *seen = id(*seq + 50);
            }
        }
        if let Some(end) = reset {
            is_reset(&mut history, 0, end);
            sees(&mut history, 0, end + 1..=4);
        }
        history
    };
    finds(&lost(None), &[Invariant::SeenIsStored; 2]);
    finds(&lost(Some(2)), &[]);
    finds(&lost(Some(1)), &[]);
    finds(&lost(Some(3)), &[Invariant::SeenIsStored]);
}

#[test]
fn a_reset_excuses_nobody_else_and_nothing_later() {
    let mut history = with_messages(4);
    joins(&mut history, 0, Some(0), None);
    sees(&mut history, 0, 1..=4);
    is_reset(&mut history, 0, 2);
    sees(&mut history, 0, [3, 4]);
    let seen_after = history.events.len() - 1;
    finds(&history, &[]);
    if let What::Saw { id: seen, .. } = &mut history.events[seen_after].what {
        *seen = id(54);
    }
    finds(&history, &[Invariant::SeenIsStored]);
    let mut other = with_messages(4);
    joins(&mut other, 0, Some(0), None);
    sees(&mut other, 0, 1..=3);
    sees(&mut other, 0, [4]);
    let last = other.events.last_mut().unwrap();
    if let What::Saw { id: seen, .. } = &mut last.what {
        *seen = id(54);
    }
    let (session, room, last_seq) = (Session(1), ROOM, 2);
    let joined = What::Joined {
        session,
        room,
        after: Some(4),
        last_seq: Some(2),
    };
    happens(&mut other, 101, AUTHOR, joined);
    let reset = What::Reset {
        session,
        room,
        last_seq,
    };
    happens(&mut other, 101, AUTHOR, reset);
    finds(&other, &[Invariant::SeenIsStored]);
}

#[test]
fn after_a_reset_the_log_goes_on_from_its_end() {
    let mut history = with_messages(4);
    joins(&mut history, 0, Some(9), Some(2));
    is_reset(&mut history, 0, 2);
    history.present.push((READER, ROOM));
    finds(&history, &[Invariant::EverythingReachesEverybody]);
    sees(&mut history, 0, [3, 4]);
    finds(&history, &[]);
    let mut gap = with_messages(4);
    joins(&mut gap, 0, Some(9), Some(2));
    is_reset(&mut gap, 0, 2);
    sees(&mut gap, 0, [4]);
    finds(&gap, &[Invariant::Gap]);
}

#[test]
fn a_page_holds_what_was_acknowledged_before_it_was_asked_for() {
    // Asked for when 4 was not acknowledged.
    let mut history = with_messages(5);
    reads(&mut history, 4, true, 1..=3);
    reads(&mut history, 4, true, 1..=5);
    finds(&history, &[]);
    reads(&mut history, 5, true, 1..=3);
    finds(&history, &[Invariant::ReadYourWrites]);
}

#[test]
fn a_page_reaches_back_as_far_as_it_says() {
    let mut history = with_messages(5);
    reads(&mut history, 50, false, 3..=5);
    finds(&history, &[]);
    reads(&mut history, 50, true, 3..=5);
    finds(&history, &[Invariant::ReadYourWrites, Invariant::PagesAreStored]);
}

#[test]
fn a_page_lacks_what_is_deleted_and_has_what_is_edited() {
    let mut history = with_messages(5);
    edit(&mut history, 2);
    reads(&mut history, 50, true, 1..=5);
    edit(&mut history, 4);
    history.stored.get_mut(&ROOM).unwrap().messages[3].deleted = true;
    reads(&mut history, 50, true, [1, 2, 3, 5]);
    finds(&history, &[]);
    reads(&mut history, 50, true, [1, 3, 5]);
    finds(&history, &[Invariant::ReadYourWrites, Invariant::PagesAreStored]);
}

#[test]
fn a_page_that_a_reset_follows_may_lack_what_came_back() {
    let mut history = with_messages(3);
    reads(&mut history, 50, true, [1, 3]);
    finds(&history, &[Invariant::ReadYourWrites, Invariant::PagesAreStored]);
    let (session, room) = (Session(1), ROOM);
    let joined = What::Joined {
        session,
        room,
        after: Some(9),
        last_seq: Some(2),
    };
    happens(&mut history, 101, AUTHOR, joined);
    let reset = What::Reset {
        session,
        room,
        last_seq: 2,
    };
    happens(&mut history, 101, AUTHOR, reset);
    finds(&history, &[]);
}

#[test]
fn a_gap_is_told_with_what_is_missing() {
    let mut history = with_messages(6);
    edit(&mut history, 2);
    joins(&mut history, 3, Some(1), None);
    sees(&mut history, 3, [4]);
    let third = "00000000-0000-0000-0000-000000000003 (m3 of p0, made with seq 3, content 0000000000000003)";
    tells(
        &history,
        &format!("town-0, p1: at 100.000 s connection 3 went from 1 to 4 without 3: {third}"),
    );
    let mut long = with_messages(7);
    joins(&mut long, 3, Some(2), None);
    sees(&mut long, 3, [7]);
    let told = check::check(&long).to_string();
    assert!(told.contains("went from 2 to 7 without 3: 0"), "{told}");
    assert!(told.contains("; 5: 0") && !told.contains("; 6: 0"), "{told}");
    assert!(told.contains("0000000000000005) and 1 more"), "{told}");
}

#[test]
fn five_are_told_in_full_and_the_rest_is_counted() {
    for (count, more) in [(5, None), (6, Some(1))] {
        let mut history = with_messages(count);
        history
            .events
            .retain(|event| matches!(event.what, What::Sent { .. }));
        let told = check::check(&history).to_string();
        let said = told.lines().find_map(|line| line.strip_prefix("    and "));
        assert_eq!(
            said,
            more.map(|more: u32| format!("{more} more")).as_deref(),
            "{told}"
        );
    }
}

#[test]
fn a_repeat_is_told_with_what_was_there_before() {
    let mut history = with_messages(3);
    joins(&mut history, 3, Some(2), None);
    sees(&mut history, 3, [1]);
    tells(
        &history,
        "town-0, p1: seq 1 came at 100.000 s on connection 3, which had 2",
    );
}

#[test]
fn a_frame_is_told_with_what_is_stored() {
    let mut history = with_messages(2);
    edit(&mut history, 1);
    history.stored.get_mut(&ROOM).unwrap().messages[0].deleted = true;
    joins(&mut history, 3, Some(2), None);
    sees(&mut history, 3, [3]);
    let last = history.events.last_mut().unwrap();
    if let What::Saw { id: seen, .. } = &mut last.what {
        *seen = id(1);
    }
    if let What::Saw { change, .. } = &mut last.what {
        *change = Seen::Text {
            author: AUTHOR,
            name: name(1),
            content: Content(255),
        };
    }
    let first = "00000000-0000-0000-0000-000000000001";
    tells(
        &history,
        &format!(
            "town-0, p1: seq 3 was seen at 100.000 s as {first} (m1 of p0, content 00000000000000ff), \
             but stored with that seq is {first} (m1 of p0, made with seq 1, changed with seq 3, deleted)"
        ),
    );
}

#[test]
fn holes_are_told_from_their_first_to_their_last_number() {
    let without = |lost: std::ops::Range<usize>| {
        let mut history = with_messages(6);
        let gone: Vec<StoredMessage> = history
            .stored
            .get_mut(&ROOM)
            .unwrap()
            .messages
            .drain(lost)
            .collect();
        history.events.retain(|event| match event.what {
            What::Sent { name, .. } | What::Acked { name, .. } => {
                gone.iter().all(|message| message.name != name)
            }
            _ => true,
        });
        history
    };
    let then = |seq: u64| {
        format!(
            "then comes {} (m{seq} of p0, made with seq {seq}, content {seq:016x})",
            id(seq)
        )
    };
    tells(
        &without(2..3),
        &format!("town-0: 3 is no change of any stored message; {}", then(4)),
    );
    tells(
        &without(1..4),
        &format!("town-0: 2 to 4 are no change of any stored message; {}", then(5)),
    );
}
