//! How much, how many and how long.

use std::time::Duration;

/// The service's limits; operators set the first one, tests all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest file, in bytes.
    pub max_upload_bytes: u64,
    /// Uploads at once in one process; each holds at most one part (8 MiB) in memory.
    pub uploads: usize,
    /// Downloads at once in one process.
    pub downloads: usize,
    /// How long a client may send, or take, nothing.
    pub stall: Duration,
    /// How long a whole upload may take. Below `sweep_age`, so that the sweep never meets an upload that is alive.
    pub upload_time: Duration,
    /// How old something without a row must be for the sweep to remove it.
    pub sweep_age: Duration,
    /// How long the sweep waits between finding an object without a row and removing it, if there is no row then
    /// either. Above the time that the row of a whole object can take, so that a clock that is wrong, and makes a new
    /// object look old, costs no file.
    pub sweep_doubt: Duration,
    /// How often the sweep runs.
    pub sweep_every: Duration,
}

/// The default of `MAX_UPLOAD_BYTES`: 100 MiB.
pub(crate) const MAX_UPLOAD_BYTES: u64 = 100 << 20;

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_upload_bytes: MAX_UPLOAD_BYTES,
            uploads: 64,
            downloads: 512,
            stall: Duration::from_secs(30),
            upload_time: Duration::from_mins(45),
            sweep_age: Duration::from_hours(1),
            sweep_doubt: Duration::from_secs(30),
            sweep_every: Duration::from_hours(1),
        }
    }
}
