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

/// How many sockets an edge has that may have as many open files as this process: it leaves some for its own needs, and of the others a
/// sixteenth for REST.
pub(crate) fn at_an_edge() -> u64 {
    const OWN: u64 = 256;
    let places = sockets().saturating_add(OTHERS).saturating_sub(OWN);
    places - places / 16
}
