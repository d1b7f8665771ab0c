//! What processes have used, as `/proc` tells.
//!
//! The time of a process is the sum of its threads' run times (`schedstat`, in nanoseconds), or what `stat` tells of the whole
//! process (in hundredths of a second, ended threads included) where that is more. The kernel's work for a socket is
//! part of it: on loopback, a `send` runs the receiving side of the network stack in the sender's time.

use std::fs;

/// Nanoseconds of one tick of `stat`.
const TICK: u64 = 10_000_000;

/// What a process and its descendants have run so far, in nanoseconds.
pub(crate) fn cpu(pid: u32) -> u64 {
    family(pid).into_iter().map(cpu_of_one).sum()
}

fn cpu_of_one(pid: u32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten();
    let running: u64 = threads
        .filter_map(|thread| {
            let schedstat = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
            schedstat.split_whitespace().next()?.parse::<u64>().ok()
        })
        .sum();
    running.max(ticks(pid).unwrap_or(0) * TICK)
}

/// User and system time of a process with those threads and children that it has seen end.
fn ticks(pid: u32) -> Option<u64> {
    let fields = stat(pid)?;
    fields
        .iter()
        .skip(11)
        .take(4)
        .map(|field| field.parse::<u64>().ok())
        .sum()
}

/// The fields of `stat` after the name: state, parent, …
fn stat(pid: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some(fields.map(str::to_owned).collect())
}

/// A process and all its descendants.
fn family(root: u32) -> Vec<u32> {
    let mut family = vec![root];
    let mut next = 0;
    while let Some(pid) = family.get(next).copied() {
        next += 1;
        let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten();
        let children =
            threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok());
        let children: Vec<String> = children.collect();
        family.extend(
            children
                .iter()
                .flat_map(|list| list.split_whitespace())
                .filter_map(|pid| pid.parse::<u32>().ok()),
        );
    }
    family
}

/// Resident bytes of a process and its descendants; what several share counts in parts.
pub(crate) fn resident(pid: u32) -> u64 {
    let of_one = |pid| {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        value(&rollup, "Pss:").unwrap_or(0) * 1024
    };
    family(pid).into_iter().map(of_one).sum()
}

/// What the kernel keeps for sockets, files and their watching, in bytes, of the whole machine: slabs (where they may be read) and the
/// buffers of TCP. Take differences.
pub(crate) fn kernel_sockets() -> u64 {
    const SLABS: [&str; 14] = [
        "TCP",
        "TCPv6",
        "tw_sock_TCP",
        "request_sock_TCP",
        "tcp_bind_bucket",
        "tcp_bind2_bucket",
        "sock_inode_cache",
        "filp",
        "dentry",
        "eventpoll_epi",
        "eventpoll_pwq",
        "ep_head",
        "skbuff_head_cache",
        "skbuff_small_head",
    ];
    let slabinfo = fs::read_to_string("/proc/slabinfo").unwrap_or_default();
    let slabs = slabinfo.lines().filter_map(|line| {
        let mut fields = line.split_whitespace();
        let name = fields.next()?;
        // name, active objects, objects, size
        let active: u64 = fields.next()?.parse().ok()?;
        let size: u64 = fields.nth(1)?.parse().ok()?;
        SLABS.contains(&name).then_some(active * size)
    });
    let sockstat = fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
    let tcp = sockstat
        .lines()
        .find(|line| line.starts_with("TCP:"))
        .unwrap_or_default();
    slabs.sum::<u64>() + value(tcp, "mem").unwrap_or(0) * 4096
}

/// The number after a word.
fn value(text: &str, word: &str) -> Option<u64> {
    let mut words = text.split_whitespace().skip_while(|it| *it != word);
    words.nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_works_uses_time_and_memory() {
        let pid = std::process::id();
        let before = cpu(pid);
        let mut sum = 0_u64;
        while cpu(pid) <= before {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(resident(pid) > 1024 * 100);
    }
}
