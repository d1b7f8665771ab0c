//! Processor time of processes, from `/proc`.

use std::{fs, time::Duration};

/// Clock ticks per second: what Linux tells programs on every machine that we run on.
const TICKS: u64 = 100;

/// What a process has used, without its children.
pub(crate) fn of(pid: u32) -> Duration {
    stat(pid).map_or(Duration::ZERO, |stat| stat.own)
}

/// What a process, its children, and those of them that have ended have used.
pub(crate) fn of_family(pid: u32) -> Duration {
    let own = stat(pid).map_or(Duration::ZERO, |stat| stat.own + stat.ended);
    own + children(pid).into_iter().map(of).sum::<Duration>()
}

/// The children of a process.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let all = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    all.filter(|child| stat(*child).is_some_and(|stat| stat.parent == pid))
        .collect()
}

struct Stat {
    parent: u32,
    own: Duration,
    ended: Duration,
}

fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before the last bracket may hold anything, blanks included.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |from: usize| -> Option<Duration> {
        let two = fields.get(from..from + 2)?;
        let ticks: u64 = two.iter().filter_map(|field| field.parse::<u64>().ok()).sum();
        Some(Duration::from_millis(ticks * 1000 / TICKS))
    };
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        own: ticks(11)?,
        ended: ticks(13)?,
    })
}
