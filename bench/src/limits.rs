//! How many sockets a process may have here.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Open files that a process needs besides its sockets: logs, databases, its own listeners.
const OTHERS: u64 = 1_000;

/// Lets this process, and those that it starts, have as many open files as it is allowed, and returns how many sockets that leaves one process.
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

/// Asks the machine for so many sockets per process, as its administrator would: its limits of open files and the memory of TCP.
/// Returns how many one process may have now, and in words what was not to be had.
pub(crate) fn raise(wanted: u64) -> (u64, Vec<String>) {
    let files = wanted.saturating_add(OTHERS);
    let mut missing: Vec<String> = [("fs/nr_open", files), ("fs/file-max", files.saturating_mul(3))]
        .into_iter()
        .filter_map(|(name, needed)| at_least(name, needed))
        .collect();
    missing.extend(tcp_memory(wanted));
    let now = sockets();
    if now >= wanted {
        return (now, missing);
    }
    let more = Rlimit {
        current: Some(files),
        maximum: Some(files),
    };
    if let Err(error) = setrlimit(Resource::Nofile, more) {
        let limit = getrlimit(Resource::Nofile).maximum.unwrap_or_default();
        missing.push(format!(
            "not to be had: {files} open files; the limit is {limit}, and raising it is refused: {error}"
        ));
    }
    (sockets(), missing)
}

fn tcp_memory(sockets: u64) -> Option<String> {
    // A page each, should all have something in their buffers.
    let pages = sockets.max(600_000);
    let name = "net/ipv4/tcp_mem";
    let now = read(name);
    let highest = now
        .split_whitespace()
        .last()
        .and_then(|value| value.parse::<u64>().ok());
    let enough = highest.is_some_and(|highest| highest >= pages);
    let lacks = !enough && fs::write(path(name), format!("{} {} {pages}", pages / 2, pages / 4 * 3)).is_err();
    lacks.then(|| format!("not to be had: {name} of {pages} pages; it is {now}"))
}

fn at_least(name: &str, needed: u64) -> Option<String> {
    let now = read(name);
    let enough = now.parse::<u64>().is_ok_and(|value| value >= needed);
    let lacks = !enough && fs::write(path(name), needed.to_string()).is_err();
    lacks.then(|| format!("not to be had: {name} of {needed}; it is {now}"))
}

fn read(name: &str) -> String {
    fs::read_to_string(path(name))
        .unwrap_or_default()
        .trim()
        .to_owned()
}

fn path(name: &str) -> String {
    format!("/proc/sys/{name}")
}
