//! Good histories are good.

use chaos::{check, history::History};

use crate::model::{self, Shape};

fn is_good(seed: u64, shape: Shape) -> (History, check::Numbers) {
    let history = model::history(seed, shape);
    let verdict = check::check(&history);
    assert!(verdict.is_ok(), "seed {seed}: {verdict}");
    (history, verdict.numbers)
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    for seed in 0..200 {
        is_good(seed, Shape::default());
    }
}

#[test]
fn nothing_is_found_where_databases_were_restored() {
    let shape = Shape {
        set_backs: true,
        ..Shape::default()
    };
    let resets: usize = (0..200).map(|seed| is_good(seed, shape).1.resets).sum();
    assert!(resets > 100, "{resets} resets");
}

#[test]
fn the_model_does_everything_that_people_do() {
    let mut all = check::Numbers::default();
    let mut superseded = 0;
    for seed in 0..20 {
        let (history, numbers) = is_good(seed, Shape::default());
        let messages = history.stored.values().flat_map(|log| &log.messages);
        superseded += messages
            .filter(|message| message.change_seq != message.seq)
            .count();
        all.sent += numbers.sent;
        all.acked += numbers.acked;
        all.refused += numbers.refused;
        all.delivered += numbers.delivered;
        all.resumes += numbers.resumes;
        all.reads += numbers.reads;
        assert_eq!((numbers.duplicates, numbers.gaps), (0, 0));
        assert_eq!((numbers.people, numbers.rooms), (4, 2));
    }
    assert_eq!(all.sent, all.acked);
    assert!(all.delivered > all.sent, "{all}");
    assert!(all.refused > 20 && all.resumes > 100 && all.reads > 50, "{all}");
    assert!(superseded > 100, "{superseded} changed");
}

/// Anything quadratic would take minutes.
#[test]
fn a_busy_town_is_checked_at_once() {
    let shape = Shape {
        people: 40,
        rooms: 6,
        steps: 60_000,
        set_backs: true,
    };
    let (_, numbers) = is_good(7, shape);
    assert!(numbers.delivered > 200_000, "{numbers}");
}
