//! Where, when, and of which commit something was measured.

use std::{collections::BTreeMap, fs, process::Command};

use serde::{Deserialize, Serialize};

use crate::limits;

/// What a reader has to know of a measurement besides its figures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Circumstances {
    /// The machine, and what is installed there.
    pub(crate) machine: BTreeMap<String, String>,
    /// What was measured, as Git calls it.
    pub(crate) commit: String,
    /// When it began, in UTC.
    pub(crate) date: String,
    /// The load of the machine then, over 1, 5 and 15 minutes.
    pub(crate) load: String,
}

impl Circumstances {
    /// Those of now.
    pub(crate) fn now() -> Self {
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load: Vec<&str> = load.split_whitespace().take(3).collect();
        Self {
            machine: machine(),
            commit: output("git", &["describe", "--always", "--dirty"]),
            date: jiff::Timestamp::now().strftime("%FT%TZ").to_string(),
            load: load.join(" "),
        }
    }

    /// The day, in UTC.
    pub(crate) fn day(&self) -> &str {
        self.date.split('T').next().unwrap_or_default()
    }
}

fn machine() -> BTreeMap<String, String> {
    let cpu = field("/proc/cpuinfo", "model name");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = field("/proc/meminfo", "MemTotal");
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    [
        ("processor", format!("{cores} × {cpu}")),
        ("memory", memory),
        ("kernel", kernel.trim().to_owned()),
        ("sockets that one process may hold", limits::sockets().to_string()),
        ("rustc", output("rustc", &["--version"])),
        ("redis", output("redis-server", &["--version"])),
        ("postgres", output("postgres", &["--version"])),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

fn field(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_once(':'))
        .map(|(_, value)| value.trim().to_owned())
        .unwrap_or_default()
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}
