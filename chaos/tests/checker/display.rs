//! What a verdict says to whoever has to act on it.

use chaos::{
    check::{self, Invariant, Violation},
    history::{Person, Room, What},
};

use crate::model::{self, Shape};

#[test]
fn a_good_verdict_says_ok_for_each_promise() {
    let told = check::check(&model::history(1, Shape::default())).to_string();
    assert_eq!(told.lines().count(), 1 + Invariant::ALL.len(), "{told}");
    assert!(told.starts_with("4 people in 2 rooms on "), "{told}");
    assert!(told.lines().skip(1).all(|line| line.ends_with(" ok")), "{told}");
    for kind in Invariant::ALL {
        assert!(told.contains(kind.promise()), "{kind:?} in {told}");
    }
}

#[test]
fn a_bad_verdict_names_who_where_which_and_when() {
    let mut history = model::history(1, Shape::default());
    let first = history
        .events
        .iter()
        .position(|event| matches!(event.what, What::Acked { .. }));
    let mut event = history.events[first.unwrap()].clone();
    let What::Acked { room, name, id, seq } = event.what else {
        panic!("{event:?}");
    };
    event.what = What::Acked {
        room,
        name,
        id,
        seq: seq + 7,
    };
    history.events.insert(first.unwrap() + 1, event.clone());
    let told = check::check(&history).to_string();
    let broken = told
        .lines()
        .skip_while(|line| !line.starts_with("what is acknowledged is stored"));
    let broken: Vec<&str> = broken.take(2).collect();
    assert!(broken[0].ends_with(" BROKEN once"), "{told}");
    let seconds = event.at.as_secs_f64();
    for word in [
        room.id(),
        event.person.user_id(),
        name.client_msg_id(),
        id.to_string(),
        format!("with seq {}", seq + 7),
        format!("{seconds:.3} s"),
        format!("made with seq {seq}"),
    ] {
        assert!(broken[1].contains(&word), "{word} in {told}");
    }
}

#[test]
fn a_very_bad_verdict_is_short() {
    let mut history = model::history(1, Shape::default());
    history.stored.clear();
    let verdict = check::check(&history);
    assert!(verdict.violations.len() > 100);
    let told = verdict.to_string();
    assert!(told.lines().count() < 60, "{told}");
    assert!(told.contains(" times\n"), "{told}");
    assert!(told.contains("\n    and "), "{told}");
}

#[test]
fn a_violation_of_nobody_names_its_room() {
    let mut violation = Violation {
        kind: Invariant::StoredIsWhole,
        room: Room(3),
        person: None,
        text: "7 is missing".to_owned(),
    };
    assert_eq!(violation.to_string(), "town-3: 7 is missing");
    violation.person = Some(Person(2));
    assert_eq!(violation.to_string(), "town-3, p2: 7 is missing");
}
