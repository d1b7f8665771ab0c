//! How many sockets this machine lets a process have, and how to be allowed more.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Lets this process, and those that it starts, have so many open files. Returns what it does not get, in words.
pub(crate) fn allow_files(wanted: u64) -> Vec<String> {
    let mut missing = Vec::new();
    for (name, needed) in [("fs/nr_open", wanted), ("fs/file-max", wanted.saturating_mul(3))] {
        missing.extend(at_least(name, needed));
    }
    let limits = getrlimit(Resource::Nofile);
    let enough = |limit: Option<u64>| limit.is_none_or(|limit| limit >= wanted);
    if enough(limits.current) && enough(limits.maximum) {
        return missing;
    }
    let most = limits.maximum.map_or(wanted, |maximum| maximum.max(wanted));
    let all = Rlimit { current: Some(wanted), maximum: Some(most) };
    if setrlimit(Resource::Nofile, all).is_err() {
        let less = Rlimit { current: limits.maximum, maximum: limits.maximum };
        let _ = setrlimit(Resource::Nofile, less);
        missing.push(format!("{wanted} open files (the limit is {:?}; root may raise it)", limits.maximum));
    }
    missing
}

/// Lets the whole machine's TCP have memory for so many sockets. Returns what it does not get, in words.
pub(crate) fn allow_tcp(sockets: u64) -> Vec<String> {
    // A page each, should all have something in their buffers.
    let pages = sockets.max(600_000);
    let name = "net/ipv4/tcp_mem";
    let now = read(name);
    let highest = now.split_whitespace().last().and_then(|value| value.parse::<u64>().ok());
    let enough = highest.is_some_and(|highest| highest >= pages);
    let lacks = !enough && fs::write(path(name), format!("{} {} {pages}", pages / 2, pages / 4 * 3)).is_err();
    let mut missing = Vec::new();
    missing.extend(lacks.then(|| format!("{name} of {pages} pages (it is {now}; root may raise it)")));
    missing.extend(at_least("net/core/somaxconn", 4096));
    missing.extend(at_least("net/ipv4/tcp_max_syn_backlog", 4096));
    missing
}

fn at_least(name: &str, needed: u64) -> Option<String> {
    let now = read(name);
    let enough = now.parse::<u64>().is_ok_and(|value| value >= needed);
    let lacks = !enough && fs::write(path(name), needed.to_string()).is_err();
    lacks.then(|| format!("{name} of {needed} (it is {now}; root may raise it)"))
}

fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_default().trim().to_owned()
}

fn path(name: &str) -> String {
    format!("/proc/sys/{name}")
}
