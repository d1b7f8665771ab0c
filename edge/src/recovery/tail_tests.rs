use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::hub::frame::Class;

/// The change at a seq, of the message of that number.
fn seen(seq: u64) -> Seen {
    other(seq, seq)
}

/// A change at a seq, of another message.
fn other(seq: u64, id: u64) -> Seen {
    Seen {
        seq,
        id: Some(Uuid::from_u128(id.into())),
    }
}

fn frame(seq: u64) -> Frame {
    frame_of(other(seq, seq))
}

fn frame_of(seen: Seen) -> Frame {
    let id = seen.id.map_or(0, |id| id.as_u128());
    Frame::text(id.to_string().as_bytes(), Class::Logged(seen.seq))
}

fn seqs(frames: &[Frame]) -> Vec<u64> {
    frames
        .iter()
        .map(|frame| match frame.class {
            Class::Logged(seq) => seq,
            _ => 0,
        })
        .collect()
}

fn page(seqs: impl IntoIterator<Item = u64>, complete_to: u64, head: u64) -> Page {
    Page {
        frames: seqs.into_iter().map(|seq| (seen(seq), frame(seq))).collect(),
        complete_to,
        head: Seen::at(head),
        forked: false,
    }
}

fn forked(head: Seen) -> Page {
    Page {
        complete_to: head.seq,
        head,
        forked: true,
        ..Page::default()
    }
}

fn started(head: u64) -> Tail {
    let mut tail = Tail::starting();
    assert_eq!(tail.start(seen(head), &mut Vec::new()), Next::Listen);
    tail
}

/// Of a room that was quiet until `head`, then had `count` changes.
fn after(head: u64, count: u64) -> Tail {
    let (mut tail, mut out) = (started(head), Vec::new());
    for seq in head + 1..=head + count {
        assert_eq!(tail.offer(seen(seq), frame(seq), &mut out), Next::Listen);
    }
    tail
}

/// Offers a hint that has to change nothing in the stream.
fn offer(tail: &mut Tail, hint: Seen) -> Next {
    let (mut out, at) = (Vec::new(), tail.stands_at());
    let next = tail.offer(hint, frame_of(hint), &mut out);
    assert!(out.is_empty() && tail.stands_at() == at);
    next
}

#[test]
fn hints_in_order_pass_and_old_ones_do_not() {
    let (mut tail, mut out) = (started(4), Vec::new());
    for seq in [5, 5, 4, 6] {
        assert_eq!(tail.offer(seen(seq), frame(seq), &mut out), Next::Listen);
    }
    assert_eq!(seqs(&out), [5, 6]);
}

#[test]
fn a_hole_is_read_from_the_log_and_the_rest_follows() {
    let (mut tail, mut out) = (started(4), Vec::new());
    assert_eq!(tail.offer(seen(7), frame(7), &mut out), Next::Fetch(seen(4)));
    assert_eq!(tail.offer(seen(8), frame(8), &mut out), Next::Listen);
    assert_eq!(tail.offer(seen(10), frame(10), &mut out), Next::Listen);
    assert!(out.is_empty());
    assert_eq!(tail.page(page([5, 6, 7], 7, 7), &mut out), Next::Fetch(seen(8)));
    assert_eq!(tail.page(page([9, 10], 10, 10), &mut out), Next::Listen);
    assert_eq!(seqs(&out), [5, 6, 7, 8, 9, 10]);
}

#[test]
fn a_late_hint_fills_its_hole_before_the_log_does() {
    let (mut tail, mut out) = (started(4), Vec::new());
    assert_eq!(tail.offer(seen(6), frame(6), &mut out), Next::Fetch(seen(4)));
    assert_eq!(tail.offer(seen(5), frame(5), &mut out), Next::Listen);
    assert_eq!(seqs(&out), [5, 6]);
    assert_eq!(tail.page(page([5, 6], 6, 6), &mut out), Next::Listen);
    assert_eq!(seqs(&out), [5, 6]);
}

#[test]
fn an_edit_leaves_a_hole_that_is_none() {
    let (mut tail, mut out) = (started(0), Vec::new());
    assert_eq!(tail.offer(seen(4), frame(4), &mut out), Next::Fetch(seen(0)));
    // Message 2 was edited at 4.
    assert_eq!(tail.page(page([1, 3, 4], 4, 4), &mut out), Next::Listen);
    assert_eq!(tail.offer(seen(5), frame(5), &mut out), Next::Listen);
    assert_eq!(seqs(&out), [1, 3, 4, 5]);
    // Message 5 was edited at 6 while the page was read, so that it ends before the log did.
    assert_eq!(tail.head(seen(5), Seen::at(7), false), Next::Fetch(seen(5)));
    assert_eq!(tail.page(page([7], 8, 8), &mut out), Next::Listen);
    assert_eq!(tail.stands_at(), Seen::at(8));
    assert_eq!(tail.offer(seen(10), frame(10), &mut out), Next::Fetch(seen(7)));
}

#[test]
fn hints_that_come_before_the_head_is_known_are_not_lost() {
    let (mut tail, mut out) = (Tail::starting(), Vec::new());
    for seq in [41, 42, 43] {
        assert_eq!(tail.offer(seen(seq), frame(seq), &mut out), Next::Listen);
    }
    assert_eq!(tail.start(seen(41), &mut out), Next::Listen);
    assert_eq!((seqs(&out), tail.stands_at()), (vec![42, 43], seen(43)));
}

#[test]
fn heads_reveal_what_no_hint_told() {
    let (mut tail, mut out) = (started(4), Vec::new());
    assert_eq!(tail.head(seen(4), seen(4), false), Next::Listen);
    assert_eq!(tail.head(seen(4), seen(6), false), Next::Fetch(seen(4)));
    assert_eq!(tail.page(page([5, 6], 6, 6), &mut out), Next::Listen);
    assert_eq!(seqs(&out), [5, 6]);
    // Asked for when 4 was fanned out, answered late.
    assert_eq!(tail.head(seen(4), seen(5), false), Next::Listen);
}

#[test]
fn a_log_that_was_set_back_is_told() {
    let (mut tail, mut out) = (started(9), Vec::new());
    assert_eq!(tail.head(seen(9), seen(3), false), Next::Reset(seen(3)));
    assert_eq!(tail.offer(seen(4), frame(4), &mut out), Next::Listen);
    assert_eq!(seqs(&out), [4]);
    assert_eq!(tail.offer(seen(9), frame(9), &mut out), Next::Fetch(seen(4)));
    assert_eq!(tail.page(forked(seen(2)), &mut out), Next::Reset(seen(2)));
}

#[test]
fn a_log_that_overtook_what_was_passed_on_is_told_by_its_hints() {
    let mut tail = after(4, 5);
    // It was set back to 5 and went on with other messages. Which of the two hints is late, the log knows.
    assert_eq!(offer(&mut tail, seen(6)), Next::Listen);
    assert_eq!(offer(&mut tail, other(6, 60)), Next::Fetch(seen(6)));
    assert_eq!(offer(&mut tail, other(7, 70)), Next::Listen);
    let mut out = Vec::new();
    let next = tail.page(forked(other(8, 80)), &mut out);
    assert_eq!(next, Next::Reset(other(8, 80)));
    let next = tail.offer(other(9, 90), frame_of(other(9, 90)), &mut out);
    assert_eq!((next, seqs(&out)), (Next::Listen, vec![9]));
}

#[test]
fn a_late_hint_of_what_the_log_lost_resets_nobody() {
    let (mut tail, mut out) = (after(4, 5), Vec::new());
    assert_eq!(offer(&mut tail, other(8, 80)), Next::Fetch(seen(8)));
    assert_eq!(tail.page(page([9], 9, 9), &mut out), Next::Listen);
    assert!(out.is_empty() && tail.fetching.is_none());
}

#[test]
fn hints_of_what_is_no_longer_remembered_ask_for_heads() {
    let mut tail = after(4, 20);
    assert_eq!(offer(&mut tail, other(6, 60)), Next::Compare);
    assert_eq!(offer(&mut tail, seen(16)), Next::Compare);
    assert_eq!(offer(&mut tail, seen(17)), Next::Listen);
    // That is what a hint without a message says.
    assert_eq!(offer(&mut tail, Seen::at(6)), Next::Listen);
    assert_eq!(
        tail.head(seen(24), other(9, 90), false),
        Next::Reset(other(9, 90))
    );
}

#[test]
fn a_log_that_overtook_what_was_passed_on_is_told_by_its_head() {
    for lost in [false, true] {
        // As far as the stream.
        let mut tail = after(4, 5);
        let head = other(9, 90);
        assert_eq!(tail.head(seen(9), head, lost), Next::Reset(head));
        assert_eq!(tail.stands_at(), head);
        // Behind it.
        let (mut tail, mut out) = (after(4, 5), Vec::new());
        let head = other(12, 120);
        assert_eq!(tail.head(seen(9), head, lost), Next::Fetch(seen(9)));
        assert_eq!(tail.page(forked(head), &mut out), Next::Reset(head));
        assert!(out.is_empty());
    }
    // Before it, where the stream has gone on since it was asked, or has forgotten what it stood at.
    let mut tail = after(4, 5);
    assert_eq!(tail.head(seen(6), other(8, 80), false), Next::Reset(other(8, 80)));
    let mut tail = after(4, 20);
    assert_eq!(tail.head(seen(9), other(9, 90), false), Next::Reset(other(9, 90)));
    // A page shows it, too.
    let (mut tail, mut out) = (after(4, 5), Vec::new());
    assert_eq!(tail.offer(seen(12), frame(12), &mut out), Next::Fetch(seen(9)));
    let mut page = page([8, 9, 10, 11, 12], 12, 12);
    page.frames[1].0 = other(9, 90);
    assert_eq!(tail.page(page, &mut out), Next::Reset(seen(12)));
    assert!(out.is_empty());
}

#[test]
fn a_hint_right_behind_what_was_lost_hides_nothing() {
    let hint = other(10, 100);
    let compared = |lost| {
        let (mut tail, mut out) = (after(4, 5), Vec::new());
        // The head was asked for at 9; what took the places of 6 to 9 was never hinted.
        assert_eq!(tail.offer(hint, frame_of(hint), &mut out), Next::Listen);
        tail.head(seen(9), hint, lost)
    };
    assert_eq!(compared(true), Next::Fetch(seen(9)));
    // No more questions than needed while hints are delivered.
    assert_eq!(compared(false), Next::Listen);
    let mut tail = after(4, 5);
    let _ = tail.offer(hint, frame_of(hint), &mut Vec::new());
    assert_eq!(tail.head(seen(9), other(12, 120), false), Next::Fetch(seen(9)));
}

#[test]
fn doubts_that_come_while_a_page_is_on_its_way_are_not_forgotten() {
    let doubts: [fn(&mut Tail) -> Next; 4] = [
        |tail| tail.head(seen(9), seen(3), false),
        |tail| tail.head(seen(9), other(9, 90), false),
        |tail| tail.head(seen(9), seen(11), true),
        |tail| offer(tail, other(9, 90)),
    ];
    for (number, doubt) in doubts.into_iter().enumerate() {
        let (mut tail, mut out) = (after(4, 5), Vec::new());
        assert_eq!(tail.offer(seen(11), frame(11), &mut out), Next::Fetch(seen(9)));
        assert_eq!(doubt(&mut tail), Next::Listen);
        assert_eq!(doubt(&mut tail), Next::Listen);
        let read_before = page([10, 11], 11, 11);
        assert_eq!(
            tail.page(read_before, &mut out),
            Next::Fetch(seen(9)),
            "doubt {number}"
        );
        assert_eq!(
            tail.page(page([10, 11], 11, 11), &mut out),
            Next::Listen,
            "{number}"
        );
        assert_eq!(seqs(&out), [10, 11]);
    }
}

#[test]
fn the_last_message_is_learned_from_its_head() {
    let mut tail = Tail::starting();
    assert_eq!(tail.start(Seen::at(4), &mut Vec::new()), Next::Listen);
    assert_eq!(tail.head(Seen::at(4), seen(4), false), Next::Listen);
    assert_eq!(tail.stands_at(), seen(4));
    assert_eq!(tail.head(seen(4), other(4, 40), false), Next::Reset(other(4, 40)));
}

#[test]
fn a_room_that_is_gone_is_a_log_that_was_set_back() {
    let (mut tail, mut out) = (started(4), Vec::new());
    assert_eq!(tail.offer(seen(6), frame(6), &mut out), Next::Fetch(seen(4)));
    let next = tail.page(Page::of_nothing(seen(4)), &mut out);
    assert_eq!(next, Next::Reset(Seen::at(0)));
    assert!(!Page::of_nothing(Seen::at(0)).forked);
}

#[test]
fn a_hint_that_is_in_no_log_does_not_ask_for_ever() {
    let (mut tail, mut out) = (started(4), Vec::new());
    assert_eq!(
        tail.offer(seen(1_000_000), frame(1_000_000), &mut out),
        Next::Fetch(seen(4))
    );
    assert_eq!(tail.page(page([5], 5, 5), &mut out), Next::Listen);
    assert_eq!(tail.offer(seen(6), frame(6), &mut out), Next::Listen);
    assert_eq!(seqs(&out), [5, 6]);
}

#[test]
fn what_cannot_be_held_is_read_again() {
    let (mut tail, mut out) = (started(0), Vec::new());
    let big = |seq| Frame::text(&vec![b'x'; HELD_MAX / 2], Class::Logged(seq));
    assert_eq!(tail.offer(seen(2), big(2), &mut out), Next::Fetch(seen(0)));
    for seq in 3..=9 {
        assert_eq!(tail.offer(seen(seq), big(seq), &mut out), Next::Listen);
    }
    assert_eq!(tail.page(page(1..=4, 4, 4), &mut out), Next::Fetch(seen(4)));
    assert_eq!(tail.page(page(5..=9, 9, 9), &mut out), Next::Listen);
    assert_eq!(seqs(&out), (1..=9).collect::<Vec<_>>());
}

#[test]
fn another_hint_of_a_held_seq_takes_its_place() {
    let (mut tail, mut out) = (started(0), Vec::new());
    let sized = |size| Frame::text(&vec![b'x'; size], Class::Logged(3));
    for size in [10, 1_000, 100] {
        let _ = tail.offer(seen(3), sized(size), &mut out);
    }
    let held = tail.fetching.as_ref().map(|held| held.bytes);
    assert_eq!(held, Some(sized(100).bytes.len()));
    assert_eq!(tail.page(page([1, 2], 2, 3), &mut out), Next::Listen);
    assert_eq!(out[2].bytes, sized(100).bytes);
}

/// A log, the stream that an edge makes of it, and what a client has who listens to that.
struct World {
    /// The messages, by seq; each change is another message's.
    log: Vec<u64>,
    written: u64,
    /// What was in the log and is no more.
    gone: Vec<Seen>,
    tail: Tail,
    client: Vec<u64>,
    /// As it was read when it was asked for.
    page: Option<Page>,
    page_size: usize,
    /// Where the stream stood at each time that hints may have been lost, as long as no head was compared with it.
    unsure: Vec<Seen>,
    resets: usize,
}

impl World {
    fn new(page_size: usize) -> Self {
        Self {
            log: Vec::new(),
            written: 0,
            gone: Vec::new(),
            tail: {
                let mut tail = Tail::starting();
                assert_eq!(tail.start(Seen::default(), &mut Vec::new()), Next::Listen);
                tail
            },
            client: Vec::new(),
            page: None,
            page_size,
            unsure: Vec::new(),
            resets: 0,
        }
    }

    fn at(&self, seq: usize) -> Seen {
        match seq.checked_sub(1) {
            Some(place) => other(seq as u64, self.log[place]),
            None => Seen::default(),
        }
    }

    fn head(&self) -> Seen {
        self.at(self.log.len())
    }

    fn read(&self, from: Seen) -> Page {
        let from_seq = usize::try_from(from.seq).unwrap();
        let ours = from_seq <= self.log.len() && !self.at(from_seq).contradicts(from);
        if !ours {
            return forked(self.head());
        }
        let to = self.log.len().min(from_seq + self.page_size);
        Page {
            frames: (from_seq + 1..=to)
                .map(|seq| (self.at(seq), frame_of(self.at(seq))))
                .collect(),
            complete_to: to as u64,
            head: Seen::at(self.log.len() as u64),
            forked: false,
        }
    }

    /// Gives the client what came out, then does what comes next.
    fn follow(&mut self, next: Next, out: Vec<Frame>) {
        for frame in out {
            assert_eq!(seqs(std::slice::from_ref(&frame)), [self.client.len() as u64 + 1]);
            let id = std::str::from_utf8(&frame.bytes[2..]).unwrap();
            self.client.push(id.parse().unwrap());
        }
        match next {
            Next::Listen | Next::Compare => {}
            Next::Fetch(from) => {
                assert!(self.page.is_none(), "one page at a time");
                self.page = Some(self.read(from));
            }
            Next::Reset(to) => {
                self.resets += 1;
                // Comparisons on their way are of the stream as it was.
                self.unsure.clear();
                let to = usize::try_from(to.seq).unwrap().min(self.log.len());
                self.client = self.log[..to].to_vec();
            }
        }
    }

    fn write(&mut self) {
        self.written += 1;
        self.log.push(self.written);
    }

    fn hint(&mut self, hint: Seen) {
        let mut out = Vec::new();
        let next = self.tail.offer(hint, frame_of(hint), &mut out);
        self.follow(next, out);
    }

    /// A page arrives; tells whether there was one.
    fn arrive(&mut self) -> bool {
        let Some(page) = self.page.take() else {
            return false;
        };
        let mut out = Vec::new();
        let next = self.tail.page(page, &mut out);
        self.follow(next, out);
        true
    }

    fn compare(&mut self) {
        let next = self.tail.head(self.tail.stands_at(), self.head(), false);
        self.follow(next, Vec::new());
    }

    /// The answer to what was asked when hints may have been lost arrives.
    fn make_sure(&mut self) {
        if let Some(asked) = self.unsure.pop() {
            let next = self.tail.head(asked, self.head(), true);
            self.follow(next, Vec::new());
        }
    }

    /// The log is set back, which takes longer than a page does and cuts hints off.
    fn set_back(&mut self, to: usize) {
        while self.arrive() {}
        self.unsure.push(self.tail.stands_at());
        self.gone.extend(
            (to + 1..=self.log.len())
                .map(|seq| self.at(seq))
                .collect::<Vec<_>>(),
        );
        self.log.truncate(to);
    }

    fn settle(&mut self) {
        for _ in 0..500 {
            if !self.arrive() {
                self.make_sure();
            }
            if self.page.is_none() && self.unsure.is_empty() {
                self.compare();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Whatever the broker loses, repeats and reorders, everybody gets the log, in order, once.
    #[test]
    fn any_hints_and_the_log_make_the_log(
        steps in proptest::collection::vec((0..4_u8, any::<prop::sample::Index>()), 1..200),
        page_size in 1..5_usize,
    ) {
        let mut world = World::new(page_size);
        for (step, which) in steps {
            match step {
                0 => world.write(),
                1 if !world.log.is_empty() => world.hint(world.at(which.index(world.log.len()) + 1)),
                2 => drop(world.arrive()),
                _ => world.compare(),
            }
        }
        world.settle();
        prop_assert_eq!(world.resets, 0, "nothing was set back");
        prop_assert_eq!(&world.client, &world.log);
        prop_assert!(world.tail.fetching.is_none());
    }

    /// However often the log is set back and goes on, and whenever that is noticed: who forgets when told to has the
    /// log, and nothing else.
    #[test]
    fn a_log_that_is_set_back_is_never_mixed_with_what_it_was(
        steps in proptest::collection::vec((0..14_u8, any::<prop::sample::Index>()), 1..200),
        page_size in 1..5_usize,
    ) {
        let mut world = World::new(page_size);
        for (step, which) in steps {
            match step {
                0..4 => world.write(),
                4..8 if !world.log.is_empty() => world.hint(world.at(which.index(world.log.len()) + 1)),
                8..10 => drop(world.arrive()),
                10 => world.compare(),
                11 => world.make_sure(),
                12 => world.set_back(which.index(world.log.len() + 1)),
                // A late hint of what is gone, where it is not taken for the next one.
                _ => {
                    let last = world.tail.stands_at().seq;
                    let old: Vec<Seen> = world.gone.iter().copied().filter(|gone| gone.seq <= last).collect();
                    if !old.is_empty() {
                        world.hint(*which.get(&old));
                    }
                }
            }
        }
        world.settle();
        prop_assert_eq!(&world.client, &world.log);
        prop_assert!(world.tail.fetching.is_none());
    }
}
