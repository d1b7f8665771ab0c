//! How many files and sockets a process may have open.

use std::process::Command;

/// Lets a process have as many open files as its hard limit allows, and says how many that are.
pub fn allow(pid: u32) -> usize {
    let pid = pid.to_string();
    let limits =
        std::fs::read_to_string(format!("/proc/{pid}/limits")).expect("the limits of a process of ours");
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"))
        .expect("a limit of open files");
    let hard = line.split_whitespace().nth(4).expect("a hard limit").to_owned();
    let status = Command::new("prlimit")
        .args(["--pid", &pid, &format!("--nofile={hard}:{hard}")])
        .status();
    assert!(
        status.expect("prlimit can be run").success(),
        "{hard} open files are not allowed"
    );
    hard.parse().unwrap_or(usize::MAX)
}
