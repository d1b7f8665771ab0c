use proptest::prelude::*;

use super::*;
use crate::hub::frame::Class;

fn frame(seq: u64) -> Frame {
    Frame::text(seq.to_string().as_bytes(), Class::Logged(seq))
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
        frames: seqs.into_iter().map(|seq| (seq, frame(seq))).collect(),
        complete_to,
        head,
    }
}

fn started(head: u64) -> Tail {
    let mut tail = Tail::starting();
    assert_eq!(tail.start(head, &mut Vec::new()), Next::Listen);
    tail
}

#[test]
fn hints_in_order_pass_and_old_ones_do_not() {
    let (mut tail, mut out) = (started(4), Vec::new());
    for seq in [5, 5, 3, 6] {
        assert_eq!(tail.offer(seq, frame(seq), &mut out), Next::Listen);
    }
    assert_eq!(seqs(&out), [5, 6]);
}

#[test]
fn a_hole_is_read_from_the_log_and_the_rest_follows() {
    let (mut tail, mut out) = (started(4), Vec::new());
    assert_eq!(tail.offer(7, frame(7), &mut out), Next::Fetch(4));
    assert_eq!(tail.offer(8, frame(8), &mut out), Next::Listen);
    assert_eq!(tail.offer(10, frame(10), &mut out), Next::Listen);
    assert!(out.is_empty());
    assert_eq!(tail.page(4, page([5, 6, 7], 7, 7), &mut out), Next::Fetch(8));
    assert_eq!(tail.page(8, page([9, 10], 10, 10), &mut out), Next::Listen);
    assert_eq!(seqs(&out), [5, 6, 7, 8, 9, 10]);
}

#[test]
fn a_late_hint_fills_its_hole_before_the_log_does() {
    let (mut tail, mut out) = (started(4), Vec::new());
    assert_eq!(tail.offer(6, frame(6), &mut out), Next::Fetch(4));
    assert_eq!(tail.offer(5, frame(5), &mut out), Next::Listen);
    assert_eq!(seqs(&out), [5, 6]);
    assert_eq!(tail.page(4, page([5, 6], 6, 6), &mut out), Next::Listen);
    assert_eq!(seqs(&out), [5, 6]);
}

#[test]
fn an_edit_leaves_a_hole_that_is_none() {
    let (mut tail, mut out) = (started(0), Vec::new());
    assert_eq!(tail.offer(4, frame(4), &mut out), Next::Fetch(0));
    // Message 2 was edited at 4.
    assert_eq!(tail.page(0, page([1, 3, 4], 4, 4), &mut out), Next::Listen);
    assert_eq!(tail.offer(5, frame(5), &mut out), Next::Listen);
    assert_eq!(seqs(&out), [1, 3, 4, 5]);
}

#[test]
fn hints_that_come_before_the_head_is_known_are_not_lost() {
    let (mut tail, mut out) = (Tail::starting(), Vec::new());
    for seq in [41, 42, 43] {
        assert_eq!(tail.offer(seq, frame(seq), &mut out), Next::Listen);
    }
    assert_eq!(tail.start(41, &mut out), Next::Listen);
    assert_eq!((seqs(&out), tail.last()), (vec![42, 43], 43));
}

#[test]
fn heads_reveal_what_no_hint_told() {
    let (mut tail, mut out) = (started(4), Vec::new());
    assert_eq!(tail.head(4, 4), Next::Listen);
    assert_eq!(tail.head(4, 6), Next::Fetch(4));
    assert_eq!(tail.page(4, page([5, 6], 6, 6), &mut out), Next::Listen);
    assert_eq!(seqs(&out), [5, 6]);
    // Asked for when 4 was fanned out, answered late.
    assert_eq!(tail.head(4, 5), Next::Listen);
}

#[test]
fn a_log_that_was_set_back_is_told() {
    let (mut tail, mut out) = (started(9), Vec::new());
    assert_eq!(tail.head(9, 3), Next::Reset(3));
    assert_eq!(tail.offer(4, frame(4), &mut out), Next::Listen);
    assert_eq!(seqs(&out), [4]);
    assert_eq!(tail.offer(9, frame(9), &mut out), Next::Fetch(4));
    assert_eq!(tail.page(4, page([], 2, 2), &mut out), Next::Reset(2));
}

#[test]
fn a_hint_that_is_in_no_log_does_not_ask_for_ever() {
    let (mut tail, mut out) = (started(4), Vec::new());
    assert_eq!(tail.offer(1_000_000, frame(1_000_000), &mut out), Next::Fetch(4));
    assert_eq!(tail.page(4, page([5], 5, 5), &mut out), Next::Listen);
    assert_eq!(tail.offer(6, frame(6), &mut out), Next::Listen);
    assert_eq!(seqs(&out), [5, 6]);
}

#[test]
fn what_cannot_be_held_is_read_again() {
    let (mut tail, mut out) = (started(0), Vec::new());
    let big = |seq| Frame::text(&vec![b'x'; HELD_MAX / 2], Class::Logged(seq));
    assert_eq!(tail.offer(2, big(2), &mut out), Next::Fetch(0));
    for seq in 3..=9 {
        assert_eq!(tail.offer(seq, big(seq), &mut out), Next::Listen);
    }
    assert_eq!(tail.page(0, page(1..=4, 4, 4), &mut out), Next::Fetch(4));
    assert_eq!(tail.page(4, page(5..=9, 9, 9), &mut out), Next::Listen);
    assert_eq!(seqs(&out), (1..=9).collect::<Vec<_>>());
}

proptest! {
    /// Whatever the broker loses, repeats and reorders, everybody gets the log, in order, once.
    #[test]
    fn any_hints_and_the_log_make_the_log(
        steps in proptest::collection::vec((0..4_u8, any::<prop::sample::Index>()), 1..200),
        page_size in 1..5_u64,
    ) {
        let (mut tail, mut out) = (started(0), Vec::new());
        let (mut head, mut asked): (u64, Option<(u64, u64)>) = (0, None);
        let answer = |tail: &mut Tail, out: &mut Vec<Frame>, (from, at): (u64, u64)| {
            let to = at.min(from + page_size);
            tail.page(from, page(from + 1..=to, to, at), out)
        };
        let follow = |next, head, asked: &mut Option<(u64, u64)>| match next {
            Next::Fetch(from) => {
                assert!(asked.is_none(), "one page at a time");
                *asked = Some((from, head));
            }
            Next::Reset(_) => panic!("nothing was set back"),
            Next::Listen => {}
        };
        for (step, which) in steps {
            match step {
                0 => head += 1,
                1 if head > 0 => {
                    let seq = which.index(usize::try_from(head).unwrap()) as u64 + 1;
                    let next = tail.offer(seq, frame(seq), &mut out);
                    follow(next, head, &mut asked);
                }
                2 => if let Some(question) = asked.take() {
                    let next = answer(&mut tail, &mut out, question);
                    follow(next, head, &mut asked);
                },
                _ => {
                    let next = tail.head(tail.last(), head);
                    follow(next, head, &mut asked);
                }
            }
        }
        for _ in 0..500 {
            if let Some(question) = asked.take() {
                let next = answer(&mut tail, &mut out, question);
                follow(next, head, &mut asked);
            } else {
                let next = tail.head(tail.last(), head);
                follow(next, head, &mut asked);
            }
        }
        prop_assert_eq!(seqs(&out), (1..=head).collect::<Vec<_>>());
        prop_assert!(tail.fetching.is_none());
    }
}
