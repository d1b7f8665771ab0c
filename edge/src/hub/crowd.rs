//! How often a large room is told who comes and who leaves: for a crowd, telling everybody of everybody grows with the
//! square of the room, and would leave no time for what people say.

use std::time::{Duration, Instant};

/// Members on this edge up to which a room is told of everybody.
const LARGE: usize = 1000;

/// How often a larger room is told of somebody, at most.
const EVERY: Duration = Duration::from_millis(100);

/// See the module. One for each room.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    told: Option<Instant>,
}

impl Crowd {
    /// Whether a room of so many members is told now that somebody has come or left.
    pub(super) fn is_told(&mut self, members: usize, now: Instant) -> bool {
        if members > LARGE {
            let too_early = self.told.is_some_and(|told| now.duration_since(told) < EVERY);
            if too_early {
                return false;
            }
            self.told = Some(now);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_room_is_told_of_everybody_and_a_large_one_now_and_then() {
        let (mut crowd, start) = (Crowd::default(), Instant::now());
        let told = |members: usize, crowd: &mut Crowd| {
            let come = (0..1000).map(|milli| start + Duration::from_millis(milli));
            come.filter(|now| crowd.is_told(members, *now)).count()
        };
        assert_eq!(told(LARGE, &mut crowd), 1000);
        assert_eq!(told(LARGE + 1, &mut crowd), 10);
        let slowly = (1..=10).map(|nth| start + Duration::from_secs(nth));
        assert!(slowly.into_iter().all(|now| crowd.is_told(2 * LARGE, now)));
    }
}
