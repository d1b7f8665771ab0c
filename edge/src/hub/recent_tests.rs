//! What is kept of a room's log for those who come back, and for how long.

use super::*;

const ONE: &str = "01890000-0000-7000-8000-00000000000a";
const TWO: &str = "01890000-0000-7000-8000-00000000000b";

fn change(seq: u64, id: &str) -> Frame {
    let json = format!(r#"{{"type":"message","id":"{id}","seq":{seq}}}"#);
    Frame::text(json.as_bytes(), Class::Logged(seq))
}

fn page(changes: &[(u64, &str)], complete_to: u64) -> Page {
    Page {
        frames: changes
            .iter()
            .map(|(seq, id)| (Seen::at(*seq), change(*seq, id)))
            .collect(),
        complete_to,
        head: Seen::at(complete_to),
        forked: false,
    }
}

fn room() -> RoomId {
    "general".into()
}

fn seqs(found: Option<(Arc<Batch>, u64)>) -> Option<(Vec<u64>, u64)> {
    let (batch, to) = found?;
    let seqs = batch.parts.iter().filter_map(|part| match part.class {
        Class::Logged(seq) => Some(seq),
        _ => None,
    });
    Some((seqs.collect(), to))
}

#[test]
fn all_that_came_after_is_given_or_nothing() {
    let (mut shelf, now) = (Shelf::default(), Instant::now());
    // 5 was changed again as 8.
    let brought = page(&[(4, ONE), (6, TWO), (8, ONE)], 9);
    let mut recent = shelf
        .put(&room(), Seen::by_service(3, TWO), &brought, now)
        .unwrap();
    let mut since = |after| seqs(recent.since(after, now));
    assert_eq!(since(Seen::at(2)), None, "what came before is not here");
    assert_eq!(since(Seen::at(3)), Some((vec![4, 6, 8], 9)));
    assert_eq!(since(Seen::at(5)), Some((vec![6, 8], 9)));
    assert_eq!(since(Seen::at(9)), Some((vec![], 9)));
    assert_eq!(since(Seen::at(10)), None, "of another log");
    // By what message it was.
    assert_eq!(since(Seen::by_service(3, TWO)), Some((vec![4, 6, 8], 9)));
    assert_eq!(since(Seen::by_service(3, ONE)), None);
    assert_eq!(since(Seen::by_service(4, ONE)), Some((vec![6, 8], 9)));
    assert_eq!(since(Seen::by_service(4, TWO)), None);
    assert_eq!(since(Seen::by_service(5, ONE)), None, "that change is not kept");
}

#[test]
fn it_goes_on_with_the_stream() {
    let (mut shelf, now) = (Shelf::default(), Instant::now());
    let brought = page(&[(1, ONE)], 2);
    let mut recent = shelf.put(&room(), Seen::at(0), &brought, now).unwrap();
    assert_eq!(seqs(recent.since(Seen::at(0), now)), Some((vec![1], 2)));
    let typing = Frame::text(b"{}", Class::Ephemeral);
    let stream = Batch::of(&[change(2, ONE), typing, change(3, TWO), change(4, ONE)]);
    assert!(recent.extend(&stream));
    assert_eq!(
        seqs(recent.since(Seen::at(0), now)),
        Some((vec![1, 3, 4], 4)),
        "2 is in what came before, typing is in no log"
    );
    assert_eq!(
        seqs(recent.since(Seen::by_service(3, TWO), now)),
        Some((vec![4], 4))
    );
}

#[test]
fn what_was_edited_or_deleted_is_not_told_to_those_who_come_back() {
    let (mut shelf, now) = (Shelf::default(), Instant::now());
    for kind in ["message_deleted", "message_updated"] {
        let brought = page(&[(1, ONE), (2, TWO)], 2);
        let mut recent = shelf.put(&room(), Seen::at(0), &brought, now).unwrap();
        assert!(recent.extend(&Batch::of(&[change(3, TWO)])));
        let json = format!(r#"{{"type":"{kind}","id":"{ONE}","seq":4}}"#);
        let changed = Frame::text(json.as_bytes(), Class::Logged(4));
        assert!(
            !recent.extend(&Batch::of(std::slice::from_ref(&changed))),
            "{kind}"
        );
        // What a page brought after that is as the log has it now.
        let brought = page(&[(2, TWO), (3, TWO), (4, ONE)], 4);
        let mut recent = shelf.put(&room(), Seen::at(0), &brought, now).unwrap();
        assert!(recent.extend(&Batch::of(&[changed, change(5, TWO)])), "{kind}");
        assert_eq!(seqs(recent.since(Seen::at(0), now)), Some((vec![2, 3, 4, 5], 5)));
    }
}

#[test]
fn rooms_take_no_more_than_their_bound() {
    let (mut shelf, now) = (Shelf::default(), Instant::now());
    let large = format!(
        r#"{{"type":"message","content":"{}"}}"#,
        "x".repeat(ROOM_BYTES / 2)
    );
    let big = |seq| Frame::text(large.as_bytes(), Class::Logged(seq));
    let of = |seq| Page {
        frames: vec![(Seen::at(seq), big(seq))],
        complete_to: seq,
        ..Page::default()
    };
    let mut recent = shelf.put(&room(), Seen::at(0), &of(1), now).unwrap();
    assert!(
        !recent.extend(&Batch::of(&[big(2)])),
        "two are more than one room has"
    );
    drop(recent);
    let kept: Vec<Recent> = (0..1000)
        .map_while(|_| shelf.put(&room(), Seen::at(0), &of(1), now))
        .collect();
    assert_eq!(kept.len(), SHARD_BYTES / big(1).bytes.len());
    drop(kept);
    assert!(shelf.put(&room(), Seen::at(0), &of(1), now).is_some());
    let forked = Page {
        forked: true,
        ..of(1)
    };
    assert!(shelf.put(&room(), Seen::at(0), &forked, now).is_none());
}

#[test]
fn what_is_used_stays() {
    let (mut shelf, now) = (Shelf::default(), Instant::now());
    let brought = page(&[(1, ONE)], 1);
    let mut recent = shelf.put(&room(), Seen::at(0), &brought, now).unwrap();
    assert_eq!(shelf.due(now + KEPT / 2), None);
    let used = now + KEPT / 2;
    recent.since(Seen::at(0), used);
    assert_eq!(shelf.due(now + KEPT), Some(room()));
    assert!(shelf.is_used(&room(), &recent, now + KEPT));
    assert_eq!(
        shelf.due(now + KEPT),
        None,
        "looked at again when it would be over"
    );
    assert_eq!(shelf.due(used + KEPT), Some(room()));
    assert!(!shelf.is_used(&room(), &recent, used + KEPT));
    assert_eq!(shelf.due(used + KEPT * 2), None);
}

#[test]
fn a_room_is_looked_at_once_however_often_it_comes_and_goes() {
    let (mut shelf, now) = (Shelf::default(), Instant::now());
    for _ in 0..1000 {
        drop(shelf.put(&room(), Seen::at(0), &page(&[(1, ONE)], 1), now));
    }
    assert_eq!(shelf.due(now + KEPT), Some(room()));
    assert_eq!(shelf.due(now + KEPT * 2), None);
    drop(shelf.put(&room(), Seen::at(0), &page(&[(1, ONE)], 1), now));
    assert_eq!(
        shelf.due(now + KEPT * 2),
        Some(room()),
        "and again when it comes again"
    );
}
