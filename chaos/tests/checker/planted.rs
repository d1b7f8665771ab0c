//! What is planted is found.

use std::collections::BTreeSet;

use chaos::check::{self, Invariant};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use crate::{
    model::{self, Shape},
    operators::{OPERATORS, Operator},
};

/// In how many histories each is planted.
const PLANTS: usize = 50;

/// Of how many histories at most: not each has a place for everything.
const TRIES: u64 = 1000;

fn is_found(operator: &Operator) {
    let mut planted = 0;
    for seed in 0..TRIES {
        let mut history = model::history(seed, Shape::default());
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        if (operator.plant)(&mut history, &mut random).is_none() {
            continue;
        }
        let verdict = check::check(&history);
        let found = verdict
            .violations
            .iter()
            .any(|violation| violation.kind == operator.kind);
        assert!(
            found,
            "{}, seed {seed}: no {:?} in {verdict}",
            operator.name, operator.kind
        );
        planted += 1;
        if planted == PLANTS {
            return;
        }
    }
    panic!("{}: a place in {planted} histories only", operator.name);
}

#[test]
fn everything_that_is_planted_is_found() {
    for operator in OPERATORS {
        is_found(operator);
    }
}

/// A plant for each kind: whoever adds a kind has to name one here, or this does not compile.
fn planted_by(kind: Invariant) -> &'static str {
    match kind {
        Invariant::AckedIsStored => "a stored message is lost",
        Invariant::OneMessagePerName => "two messages are stored under one name",
        Invariant::StoredIsWhole => "a number has no message",
        Invariant::NothingFromNowhere => "what is stored was never sent",
        Invariant::SeenIsStored => "a frame of what is not stored",
        Invariant::OnlyWhereJoined => "a subscription is not confirmed",
        Invariant::Repeat => "a frame comes twice in a row",
        Invariant::Gap => "a frame is left out",
        Invariant::EverythingReachesEverybody => "somebody lacks the end of the log",
        Invariant::ReadYourWrites => "a page is stale",
        Invariant::PagesAreStored => "a page is not in order",
        Invariant::NothingIsForgotten => "an ack never comes",
    }
}

#[test]
fn every_kind_of_violation_is_planted() {
    for kind in Invariant::ALL {
        let name = planted_by(kind);
        let operator = OPERATORS.iter().find(|operator| operator.name == name);
        assert_eq!(operator.map(|operator| operator.kind), Some(kind), "{name}");
    }
    // One that is not among all would not be told in a verdict.
    let planted: BTreeSet<Invariant> = OPERATORS.iter().map(|operator| operator.kind).collect();
    assert_eq!(planted, BTreeSet::from(Invariant::ALL));
}
