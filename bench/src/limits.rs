//! How many sockets a process may have here.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Open files that a process needs besides its sockets: logs, databases, its own listeners.
pub(crate) const OTHERS: u64 = 1_000;

/// Lets this process, and those that it starts, have as many open files as it is allowed, and returns how many sockets that leaves one process.
/// The limit itself is the machine's to raise.
pub(crate) fn sockets() -> u64 {
    let Some(maximum) = getrlimit(Resource::Nofile).maximum else {
        return u64::MAX;
    };
    let all = Rlimit {
        current: Some(maximum),
        maximum: Some(maximum),
    };
    // Where even that is refused, the sockets that are too many say so.
    let _ = setrlimit(Resource::Nofile, all);
    maximum.saturating_sub(OTHERS).max(1)
}
