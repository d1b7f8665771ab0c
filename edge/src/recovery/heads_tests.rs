use runtime::health::Health;

use super::*;

/// Of an edge that hears its canary and was connected just now, at 0.
fn heads() -> (Heads, watch::Sender<bool>, Health, impl Fn(u64) -> Instant) {
    let (canary, health, began) = (Canary::new(), Health::new(), Instant::now());
    let at = move |millis| began + Duration::from_millis(millis);
    let (connection, connected) = watch::channel(true);
    let part = health.part("edge-hints");
    let mut heads = Heads::new(connected, canary, part, began);
    heads.heard(&Event::Connected, began);
    (heads, connection, health, at)
}

/// Whether it begins to compare now, and why. The canary lives by the clock: it is heard whenever this is asked.
fn begins(heads: &mut Heads, at: &impl Fn(u64) -> Instant, millis: u64) -> Option<Why> {
    let song = at(0).elapsed().as_millis().to_string();
    heads.canary.heard(song.as_bytes());
    heads.take_due(at(millis))
}

/// The same, where it takes no time.
fn take_due(heads: &mut Heads, at: &impl Fn(u64) -> Instant, millis: u64) -> Option<Why> {
    begins(heads, at, millis).inspect(|why| heads.ended(*why))
}

/// When it compares, and why, if asked each 50 ms.
fn due(
    heads: &mut Heads,
    at: &impl Fn(u64) -> Instant,
    millis: impl IntoIterator<Item = u64>,
) -> Vec<(u64, Why)> {
    let due = |millis| Some((millis, take_due(heads, at, millis)?));
    millis
        .into_iter()
        .filter(|millis| millis % 50 == 0)
        .filter_map(due)
        .collect()
}

#[test]
fn heads_are_compared_at_once_and_then_each_five_seconds() {
    let (mut heads, _connection, _, at) = heads();
    assert_eq!(
        due(&mut heads, &at, 0..12_000),
        [(0, Why::Lost), (5_000, Why::Routine), (10_000, Why::Routine)]
    );
}

#[test]
fn an_edge_that_hears_nothing_compares_each_second_and_once_more_when_it_does() {
    let (mut heads, connection, _, at) = heads();
    assert_eq!(due(&mut heads, &at, 0..3_100), [(0, Why::Lost)]);
    connection.send_replace(false);
    assert_eq!(
        due(&mut heads, &at, 3_100..5_300),
        [(3_100, Why::Lost), (4_100, Why::Lost), (5_100, Why::Lost)]
    );
    connection.send_replace(true);
    assert_eq!(
        due(&mut heads, &at, 5_300..12_000),
        [(6_100, Why::Lost), (11_100, Why::Routine)]
    );
    // What was lost between an end and a beginning is missed at once.
    heads.heard(&Event::Interrupted, at(12_000));
    heads.heard(&Event::Connected, at(12_000));
    assert_eq!(
        due(&mut heads, &at, 12_000..18_000),
        [(12_000, Why::Lost), (17_000, Why::Routine)]
    );
}

/// A slot moves.
fn moves(heads: &mut Heads, now: Instant) {
    heads.heard(&Event::Interrupted, now);
    heads.heard(&Event::Connected, now);
}

#[test]
fn slots_that_move_one_after_the_other_make_no_storm_and_the_last_one_counts() {
    let (mut heads, _connection, _, at) = heads();
    let mut compared = Vec::new();
    for millis in (0..2_000).step_by(50) {
        // Noticed in between, and after it is over.
        if millis < 1_750 {
            heads.heard(&Event::Interrupted, at(millis));
            compared.extend(due(&mut heads, &at, [millis]));
            heads.heard(&Event::Connected, at(millis));
        }
        compared.extend(due(&mut heads, &at, [millis]));
    }
    compared.extend(due(&mut heads, &at, 2_000..5_000));
    let lost = [0, 500, 1_000, 1_500, 2_000].map(|millis| (millis, Why::Lost));
    assert_eq!(compared, lost);
}

#[test]
fn no_comparison_begins_beside_another_and_one_begins_behind_it() {
    let (mut heads, _connection, _, at) = heads();
    assert_eq!(begins(&mut heads, &at, 0), Some(Why::Lost));
    moves(&mut heads, at(600));
    for millis in [600, 1_500, 3_000] {
        assert_eq!(begins(&mut heads, &at, millis), None);
    }
    heads.ended(Why::Hint);
    assert_eq!(begins(&mut heads, &at, 3_050), None);
    heads.ended(Why::Lost);
    assert_eq!(begins(&mut heads, &at, 3_100), Some(Why::Lost));
    // One that never ends is not waited for.
    moves(&mut heads, at(3_200));
    assert_eq!(begins(&mut heads, &at, 8_050), None);
    assert_eq!(begins(&mut heads, &at, 8_100), Some(Why::Lost));
    heads.failed(Why::Lost, at(8_200));
    assert_eq!(begins(&mut heads, &at, 9_200), Some(Why::Lost));
}

#[test]
fn in_doubt_heads_are_compared_each_second_and_hints_still_get_their_time() {
    let (mut heads, _connection, health, at) = heads();
    let _ = due(&mut heads, &at, 0..5_250);
    heads.unhinted(1, at(5_250));
    let mut compared = due(&mut heads, &at, 5_250..8_300);
    heads.unhinted(1, at(8_300));
    assert!(!health.is_ready());
    compared.extend(due(&mut heads, &at, 8_300..30_000));
    assert!(compared.iter().all(|(_, why)| *why == Why::Routine));
    let expected: Vec<u64> = (6_250..=19_250).step_by(1_000).chain([24_250, 29_250]).collect();
    let compared: Vec<u64> = compared.into_iter().map(|(millis, _)| millis).collect();
    assert_eq!(compared, expected);
    assert!(health.is_ready());
}

#[test]
fn within_ten_seconds_it_is_noticed_that_no_hint_comes() {
    let (mut heads, _connection, health, at) = heads();
    let _ = due(&mut heads, &at, 0..5_050);
    // From here on people talk all the time, and no hint comes, though the canary is heard.
    let mut red = None;
    for millis in (5_050..20_000).step_by(50) {
        if take_due(&mut heads, &at, millis) == Some(Why::Routine) {
            heads.unhinted(2, at(millis + 250));
        }
        if !health.is_ready() && red.is_none() {
            red = Some(millis - 5_050);
        }
    }
    assert!(red.is_some_and(|after| after < 10_000), "{red:?}");
    heads.hinted();
    assert!(health.is_ready());
}

#[test]
fn rooms_that_hints_make_doubtful_are_compared_four_times_a_second_at_most() {
    let (mut heads, _connection, _, at) = heads();
    let compared: Vec<u64> = (0..1_000).filter(|millis| heads.may_hurry(at(*millis))).collect();
    assert_eq!(compared, [0, 250, 500, 750]);
}

#[test]
fn a_comparison_that_failed_is_soon_made_up_for() {
    let (mut heads, _connection, _, at) = heads();
    assert_eq!(due(&mut heads, &at, 0..100), [(0, Why::Lost)]);
    heads.failed(Why::Lost, at(100));
    assert_eq!(
        due(&mut heads, &at, 100..7_000),
        [(1_100, Why::Lost), (6_100, Why::Routine)]
    );
    heads.failed(Why::Routine, at(7_000));
    assert_eq!(due(&mut heads, &at, 7_000..9_000), [(8_000, Why::Routine)]);
}

#[test]
fn hints_get_their_time_where_some_may_come() {
    let compared = |why, heads: &[u64]| {
        let standing = Standing {
            room: "general".into(),
            epoch: 1,
            at: Seen::at(5),
        };
        let rooms = heads.iter().map(|head| (standing.clone(), Seen::at(*head)));
        Compared {
            why,
            rooms: rooms.collect(),
        }
    };
    assert!(compared(Why::Routine, &[4, 6]).awaits_hints() && compared(Why::Hint, &[6]).awaits_hints());
    assert!(!compared(Why::Lost, &[6]).awaits_hints());
    assert!(!compared(Why::Routine, &[4, 5]).awaits_hints());
}
