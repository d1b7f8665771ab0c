//! Whether hints come at all. The canary tells that this edge hears itself, not that it hears chat-svc: after a failover
//! the two may be at different brokers. Only the log shows it, by changes that no hint told of.

use std::time::{Duration, Instant};

use runtime::health::Part;

use crate::meters;

/// How long a doubt lasts after the last find.
const LASTS: Duration = Duration::from_secs(10);

/// Finds without any hint in between after which it is more than a slow broker or a busy machine.
const SURE: u32 = 2;

/// See the module.
#[derive(Debug)]
pub(crate) struct Doubt {
    /// Red while no hint arrives of what changes.
    part: Part,
    /// When changes were last found that no hint told of.
    found: Option<Instant>,
    /// How often, without any hint in between.
    finds: u32,
}

impl Doubt {
    /// No doubt; `part` says so.
    pub(crate) fn none(part: Part) -> Self {
        part.up();
        Self {
            part,
            found: None,
            finds: 0,
        }
    }

    /// Hints had their time, and the log has changes of so many rooms that none told of.
    pub(crate) fn found(&mut self, rooms: usize, now: Instant) {
        meters::unhinted(rooms);
        if self.found.replace(now).is_none() {
            tracing::warn!(
                rooms,
                "rooms changed and no hint told of it: heads are compared each second"
            );
        }
        self.finds = self.finds.saturating_add(1);
        if self.finds == SURE {
            self.part
                .down("rooms change, and no hint of it arrives: is chat-svc at another broker?");
        }
    }

    /// A hint of a change arrived, of whichever room.
    pub(crate) fn hinted(&mut self) {
        if std::mem::take(&mut self.finds) >= SURE {
            self.part.up();
        }
    }

    /// Whether changes were found lately that no hint told of.
    pub(crate) fn lasts(&mut self, now: Instant) -> bool {
        let is_over = |at: Instant| now.saturating_duration_since(at) >= LASTS;
        if self.found.is_some_and(is_over) {
            tracing::info!("no more changes without a hint");
            self.found = None;
            self.hinted();
        }
        self.found.is_some()
    }
}

#[cfg(test)]
mod tests {
    use runtime::health::Health;

    use super::*;

    fn doubt() -> (Doubt, Health, impl Fn(u64) -> Instant) {
        let (health, began) = (Health::new(), Instant::now());
        let at = move |millis| began + Duration::from_millis(millis);
        (Doubt::none(health.part("edge-hints")), health, at)
    }

    #[test]
    fn two_finds_without_a_hint_turn_the_part_red_and_a_hint_turns_it_green() {
        let (mut doubt, health, at) = doubt();
        assert!(health.is_ready() && !doubt.lasts(at(0)));
        doubt.found(1, at(0));
        assert!(health.is_ready() && doubt.lasts(at(0)));
        // Some comparisons in between find nothing, as nothing was said.
        doubt.found(3, at(4_000));
        assert!(!health.is_ready());
        doubt.found(1, at(5_000));
        assert!(!health.is_ready());
        doubt.hinted();
        assert!(health.is_ready() && doubt.lasts(at(5_000)));
        doubt.found(1, at(6_000));
        assert!(health.is_ready());
        doubt.found(1, at(7_000));
        assert!(!health.is_ready());
    }

    #[test]
    fn a_slow_broker_never_turns_it_red() {
        let (mut doubt, health, at) = doubt();
        for second in 0..100 {
            doubt.found(50, at(second * 1_000));
            assert!(health.is_ready() && doubt.lasts(at(second * 1_000 + 999)));
            doubt.hinted();
        }
    }

    #[test]
    fn a_doubt_is_over_ten_seconds_after_the_last_find() {
        let (mut doubt, health, at) = doubt();
        doubt.found(1, at(0));
        doubt.found(1, at(1_000));
        assert!(doubt.lasts(at(10_999)) && !health.is_ready());
        assert!(!doubt.lasts(at(11_000)) && health.is_ready());
        // The next one begins from the start.
        doubt.found(1, at(20_000));
        assert!(doubt.lasts(at(20_000)) && health.is_ready());
    }
}
