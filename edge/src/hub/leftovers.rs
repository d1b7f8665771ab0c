//! When to give back the memory that a crowd needed to come or go, and does not need any more.

/// How many come or go in a row where they are a crowd.
const CROWD: usize = 100;

/// How many still come or go during a sweep once a crowd has.
const QUIET: usize = 10;

/// Sweeps that give memory back after a crowd. Each reaches the runtime's thread that it happens to be on: most likely all
/// of them, not certainly.
const SWEEPS: usize = 8;

/// See the module. One for each shard.
#[derive(Debug, Default)]
pub(super) struct Leftovers {
    /// How many came or went since the last sweep ended.
    moved: usize,
    /// And since the last that was quiet.
    crowd: usize,
    /// Sweeps that have yet to give memory back.
    left: usize,
}

impl Leftovers {
    /// A connection comes or goes.
    pub(super) fn moved(&mut self) {
        self.moved += 1;
    }

    /// A sweep has ended: `true` where memory is to be given back now.
    pub(super) fn swept(&mut self) -> bool {
        let moved = std::mem::take(&mut self.moved);
        self.crowd += moved;
        if moved > QUIET {
            return false;
        }
        if std::mem::take(&mut self.crowd) >= CROWD {
            self.left = SWEEPS;
        }
        let now = self.left > 0;
        self.left = self.left.saturating_sub(1);
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After how many of these sweeps, in which so many come or go, memory is given back.
    fn given_back(sweeps: &[usize]) -> Vec<usize> {
        let mut leftovers = Leftovers::default();
        let given = sweeps.iter().enumerate().filter(|(_, moved)| {
            (0..**moved).for_each(|_| leftovers.moved());
            leftovers.swept()
        });
        given.map(|(nth, _)| nth).collect()
    }

    #[test]
    fn memory_is_given_back_for_a_while_once_a_crowd_has_come() {
        let sweeps = [&[0, 5000, 5000][..], &[0; 12]].concat();
        assert_eq!(given_back(&sweeps), (3..3 + SWEEPS).collect::<Vec<_>>());
        let slowly = [&[30, 30, 30, 30][..], &[0; 12]].concat();
        assert_eq!(given_back(&slowly), (4..4 + SWEEPS).collect::<Vec<_>>());
    }

    #[test]
    fn neither_a_few_nor_those_who_keep_coming_are_a_crowd_that_has_come() {
        assert!(given_back(&[QUIET; 50]).is_empty());
        assert!(given_back(&[200; 50]).is_empty());
        assert_eq!(
            given_back(&[200, 0, 200, 200]),
            [1],
            "the next crowd needs it again"
        );
    }
}
