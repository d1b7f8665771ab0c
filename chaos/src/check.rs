//! The checker: holds what everybody did and saw against what the database holds at the end, and both against what the
//! architecture promises.

mod acks;
mod index;
mod numbers;
mod order;
mod reads;
mod resets;
mod seen;
pub mod stalls;
mod stored;
mod verdict;
mod whole;
mod words;

pub use self::{
    numbers::Numbers,
    verdict::{Invariant, Verdict, Violation},
};

use self::{index::Index, resets::Resets, verdict::Findings};
use crate::history::History;

/// Checks a whole run. Its time grows with the number of events (times the logarithm of a room's length).
pub fn check(history: &History) -> Verdict {
    let index = Index::of(history);
    let resets = Resets::of(history);
    let mut found = Findings::default();
    whole::check(&index, &mut found);
    stored::check(&index, &mut found);
    acks::check(history, &index, &mut found);
    seen::check(history, &index, &resets, &mut found);
    let tally = order::check(history, &index, &resets, &mut found);
    reads::check(history, &index, &resets, &mut found);
    Verdict {
        violations: found.into_violations(),
        numbers: Numbers::count(history, tally),
    }
}
