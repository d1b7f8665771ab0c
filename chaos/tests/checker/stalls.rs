//! How long people waited, in histories by hand.

use std::time::Duration;

use chaos::{
    check::stalls::{self, Row, Stalls, Waits, Window},
    history::{Content, Event, History, Name, Person, Room, Seen, Session, What},
};
use uuid::Uuid;

const ROOM: Room = Room(0);
const AUTHOR: Person = Person(0);

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn name(seq: u64) -> Name {
    Name(u32::try_from(seq).expect("messages are few"))
}

#[derive(Default)]
struct Tale(History);

impl Tale {
    fn happens(&mut self, at: u64, person: Person, what: What) {
        let at = ms(at);
        self.0.events.push(Event { at, person, what });
        self.0.events.sort_by_key(|event| event.at);
    }

    fn joins(&mut self, at: u64, who: u32) {
        let joined = What::Joined {
            session: Session(who),
            room: ROOM,
            after: Some(0),
            last_seq: None,
        };
        self.happens(at, Person(who), joined);
    }

    fn sends(&mut self, at: u64, seq: u64) {
        let sent = What::Sent {
            room: ROOM,
            name: name(seq),
            content: Content(seq),
        };
        self.happens(at, AUTHOR, sent);
    }

    fn is_acked(&mut self, at: u64, seq: u64) {
        let acked = What::Acked {
            room: ROOM,
            name: name(seq),
            id: Uuid::from_u128(seq.into()),
            seq,
        };
        self.happens(at, AUTHOR, acked);
    }

    fn sees(&mut self, at: u64, who: u32, seq: u64) {
        let saw = What::Saw {
            session: Session(who),
            room: ROOM,
            seq,
            id: Uuid::from_u128(seq.into()),
            change: Seen::Deleted,
        };
        self.happens(at, Person(who), saw);
    }

    fn stalls(&self, windows: &[(&str, u64, u64)]) -> Stalls {
        let windows = windows.iter().map(|(kind, from, until)| Window {
            kind: (*kind).to_owned(),
            from: ms(*from),
            until: ms(*until),
        });
        stalls::stalls(&self.0, &windows.collect::<Vec<_>>())
    }
}

fn waits(count: usize, longest: u64) -> Waits {
    let longest = ms(longest);
    Waits {
        count,
        p99: longest,
        longest,
    }
}

fn row(kind: &str, faults: usize, acks: Waits, deliveries: Waits) -> Row {
    Row {
        kind: kind.to_owned(),
        faults,
        acks,
        deliveries,
    }
}

/// Sent at 1,000, acknowledged at 1,200, seen at 1,190 and 1,500.
fn one_message() -> Tale {
    let mut tale = Tale::default();
    tale.joins(0, 1);
    tale.joins(0, 2);
    tale.sends(1000, 1);
    tale.is_acked(1200, 1);
    tale.sees(1190, 1, 1);
    tale.sees(1500, 2, 1);
    tale
}

#[test]
fn without_faults_everything_counts_as_such() {
    let stalls = one_message().stalls(&[]);
    assert_eq!(stalls.rows, []);
    assert_eq!(stalls.no_fault, row("no fault", 0, waits(1, 200), waits(2, 300)));
}

#[test]
fn a_wait_counts_for_each_kind_of_fault_that_it_overlaps() {
    let stalls = one_message().stalls(&[
        ("late", 1450, 1460),
        ("early", 0, 1000),
        ("late", 5000, 6000),
        ("before", 0, 999),
        ("after", 1501, 1600),
    ]);
    let none = Waits::default();
    assert_eq!(
        stalls.rows,
        [
            row("after", 1, none, none),
            row("before", 1, none, none),
            row("early", 1, waits(1, 200), waits(2, 300)),
            row("late", 2, none, waits(1, 300)),
        ]
    );
    // All deliveries were felt by some fault or other.
    assert_eq!(stalls.no_fault, row("no fault", 0, none, none));
}

#[test]
fn windows_of_one_kind_may_overlap_each_other() {
    let stalls = one_message().stalls(&[("kill", 0, 2000), ("kill", 100, 200)]);
    assert_eq!(stalls.rows, [row("kill", 2, waits(1, 200), waits(2, 300))]);
}

#[test]
fn who_comes_after_the_ack_has_not_waited() {
    let mut tale = one_message();
    tale.joins(1300, 3);
    tale.sees(9000, 3, 1);
    // Subscribed before the ack, and anew after it.
    tale.joins(1600, 2);
    tale.sees(9000, 2, 1);
    // Which of two things at one time was the first is not known.
    tale.joins(1200, 4);
    tale.sees(9000, 4, 1);
    assert_eq!(tale.stalls(&[]).no_fault.deliveries, waits(2, 300));
}

#[test]
fn the_first_ack_counts() {
    let mut tale = one_message();
    tale.is_acked(7000, 1);
    assert_eq!(tale.stalls(&[]).no_fault.acks, waits(1, 200));
}

#[test]
fn the_longest_is_told_and_what_most_are_within() {
    let mut tale = Tale::default();
    for seq in 1..=200 {
        tale.sends(seq * 1000, seq);
        tale.is_acked(seq * 1000 + seq, seq);
    }
    let acks = tale.stalls(&[]).no_fault.acks;
    assert_eq!((acks.count, acks.p99, acks.longest), (200, ms(198), ms(200)));
}

#[test]
fn the_table_is_aligned() {
    let mut tale = one_message();
    tale.sends(40_000, 2);
    tale.is_acked(52_345, 2);
    let stalls = tale.stalls(&[("edge killed", 41_000, 42_000), ("Redis frozen", 90_000, 91_000)]);
    assert_eq!(
        stalls.to_string(),
        "\
kind          faults  longest ack   ack p99  longest delivery  delivery p99
Redis frozen       1            –         –                 –             –
edge killed        1     12.345 s  12.345 s                 –             –
no fault           –      0.200 s   0.200 s           0.300 s       0.300 s"
    );
    assert_eq!(
        stalls.markdown(),
        "\
| kind | faults | longest ack | longest delivery |
|---|---:|---:|---:|
| Redis frozen | 1 | – | – |
| edge killed | 1 | 12.345 s | – |
| no fault | – | 0.200 s | 0.300 s |"
    );
}
