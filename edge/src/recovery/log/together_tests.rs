//! Who gets which page, and when.

use std::future::pending;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::*;

fn behind(room: usize, after: u64) -> Behind {
    Behind {
        room: format!("room-{room}").into(),
        after: Seen::at(after),
    }
}

/// A page that was read to its end.
fn page(complete_to: u64) -> ChangesSinceResponse {
    ChangesSinceResponse {
        complete_to,
        last_seq: complete_to,
        ..ChangesSinceResponse::default()
    }
}

fn asked(rooms: usize) -> Vec<ChangesSinceRequest> {
    (0..rooms)
        .map(|room| request(&format!("room-{room}"), Seen::at(1), BYTES))
        .collect()
}

#[test]
fn what_several_ask_for_is_read_once() {
    let wanted = vec![
        behind(1, 5),
        behind(2, 5),
        behind(1, 5),
        behind(1, 6),
        behind(2, 5),
    ];
    let expected = vec![
        (behind(1, 5), vec![0, 2]),
        (behind(2, 5), vec![1, 4]),
        (behind(1, 6), vec![3]),
    ];
    assert_eq!(distinct(wanted), expected);
}

#[test]
fn a_page_that_failed_fails_alone_and_what_was_not_come_to_is_told_apart() {
    let failed = ChangesSinceResponse {
        failed: true,
        ..page(1)
    };
    let nowhere = ChangesSinceResponse {
        no_such_room: true,
        ..ChangesSinceResponse::default()
    };
    let told = reads(&asked(5), vec![failed, page(7), nowhere]);
    let told = told
        .into_iter()
        .map(|read| read.map(|read| read.map(|page| page.complete_to)));
    let expected = [
        Some(Err(Unread::Unavailable)),
        Some(Ok(7)),
        Some(Err(Unread::NoSuchRoom)),
        None,
        None,
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
    let nothing = reads(&asked(2), Vec::new());
    let is_unavailable = |read: &Option<Read>| matches!(read, Some(Err(Unread::Unavailable)));
    assert!(nothing.len() == 2 && nothing.iter().all(is_unavailable));
}

#[tokio::test]
async fn a_call_that_hangs_keeps_only_its_own_askers() {
    let shutdown = Shutdown::new();
    let together = Together(Gather::start(BOUNDS, &shutdown, |wanted, askers| async {
        let call = |asked: Vec<ChangesSinceRequest>| async move {
            if asked.iter().any(|page| page.room_id == "room-0") {
                return pending().await;
            }
            reads(&asked, vec![page(9); asked.len()])
        };
        read(wanted, askers, call).await;
    }));
    let pages: FuturesUnordered<_> = (0..200).map(|room| together.page(behind(room, 1))).collect();
    let told = timeout(DEADLINE, pages.take(200 - PAGES).collect::<Vec<_>>());
    assert!(told.await.unwrap().into_iter().all(|page| page.is_ok()));
}

#[tokio::test]
async fn what_was_not_come_to_is_asked_for_again_at_once() {
    let shutdown = Shutdown::new();
    let together = Together(Gather::start(BOUNDS, &shutdown, |wanted, askers| {
        let call = |asked: Vec<ChangesSinceRequest>| async move { reads(&asked, vec![page(9)]) };
        read(wanted, askers, call)
    }));
    let pages = join_all((0..20).map(|room| together.page(behind(room, 1)))).await;
    assert!(pages.into_iter().all(|page| page.unwrap().complete_to == 9));
}
