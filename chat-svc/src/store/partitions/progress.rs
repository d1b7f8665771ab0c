//! How far the work is, for who waits.

use std::fmt;

/// A step that is done, or begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Nobody else reads or writes messages from here on.
    Locked {
        /// How many there are.
        rows: i64,
    },
    /// So many are copied.
    Copied {
        /// They.
        rows: i64,
        /// And the others.
        of: i64,
    },
    /// The copy has all that the original has.
    Compared {
        /// How many messages.
        rows: i64,
        /// In how many partitions.
        partitions: u16,
    },
    /// An index or a key is being built.
    Building(String),
    /// From here on it may be done.
    Committing,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked { rows } => write!(f, "messages is locked: {rows} rows"),
            Self::Copied { rows, of } => write!(f, "copied {rows} of {of} rows"),
            Self::Compared { rows, partitions } => {
                write!(f, "{rows} rows are in {partitions} partitions, as many as before")
            }
            Self::Building(name) => write!(f, "building {name}"),
            Self::Committing => f.write_str("committing"),
        }
    }
}
