//! What a room's stream passed on: up to where, and which messages the last few changes were of.

use std::collections::VecDeque;

use uuid::Uuid;

use super::seen::Seen;

/// Changes that are remembered by their message. Few: an edge can serve 100,000 rooms.
pub(crate) const KEPT: usize = 8;

/// See the module. Owns memory only once a change is known by its message.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    last: u64,
    /// Ascending, and not without holes.
    recent: VecDeque<(u64, Uuid)>,
}

impl Passed {
    /// Everything up to `seen`.
    pub(crate) fn up_to(seen: Seen) -> Self {
        let mut passed = Self::default();
        passed.pass(seen);
        passed
    }

    /// Everything up to here was passed on.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// The last change, by its message where that is known.
    pub(crate) fn stands_at(&self) -> Seen {
        Seen {
            seq: self.last,
            id: self.id_at(self.last),
        }
    }

    /// The last change that is known by its message; without any, the last one.
    pub(crate) fn anchor(&self) -> Seen {
        self.recent
            .back()
            .map_or(Seen::at(self.last), |&(seq, id)| Seen { seq, id: Some(id) })
    }

    /// The message of a change, where it is remembered.
    pub(crate) fn id_at(&self, seq: u64) -> Option<Uuid> {
        let newest_first = self.recent.iter().rev();
        newest_first
            .take_while(|(at, _)| *at >= seq)
            .find(|(at, _)| *at == seq)
            .map(|(_, id)| *id)
    }

    /// Whether a change of another message was passed on at the same seq.
    pub(crate) fn contradicts(&self, seen: Seen) -> bool {
        let id = self.id_at(seen.seq);
        Seen { seq: seen.seq, id }.contradicts(seen)
    }

    /// The next change; or the last one again, whose message is known by now.
    pub(crate) fn pass(&mut self, seen: Seen) {
        self.last = seen.seq;
        if let Some(id) = seen.id
            && self.recent.back().is_none_or(|(at, _)| *at < seen.seq)
        {
            if self.recent.len() == KEPT {
                self.recent.pop_front();
            }
            self.recent.push_back((seen.seq, id));
        }
    }

    /// There is nothing more up to here.
    pub(crate) fn complete(&mut self, to: u64) {
        self.last = self.last.max(to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(seq: u64) -> Seen {
        let id = Some(Uuid::from_u128(seq.into()));
        Seen { seq, id }
    }

    #[test]
    fn the_last_few_changes_are_known_by_their_messages() {
        let mut passed = Passed::up_to(Seen::at(90));
        assert_eq!(
            (passed.stands_at(), passed.anchor()),
            (Seen::at(90), Seen::at(90))
        );
        for seq in (91..=100).chain([110]) {
            passed.pass(seen(seq));
        }
        passed.complete(112);
        assert_eq!((passed.stands_at(), passed.anchor()), (Seen::at(112), seen(110)));
        assert_eq!(passed.recent.len(), KEPT);
        let known: Vec<u64> = (1..=120).filter(|seq| passed.id_at(*seq).is_some()).collect();
        assert_eq!(known, [94, 95, 96, 97, 98, 99, 100, 110]);
        assert!(passed.contradicts(Seen { seq: 98, ..seen(7) }) && !passed.contradicts(seen(98)));
        assert!(!passed.contradicts(Seen { seq: 93, ..seen(7) }) && !passed.contradicts(Seen::at(98)));
        // Learned later.
        passed.pass(seen(112));
        assert_eq!(passed.stands_at(), seen(112));
    }
}
