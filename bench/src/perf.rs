//! Samples of the stacks of processes, taken by `perf` while work is measured.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::fault::{Doing, Fault, Result};

/// Samples a second and core: a prime, so that nothing that happens by the clock is always met or always missed.
const FREQUENCY: &str = "997";

/// `perf record`, at work.
pub(crate) struct Sampling(Child);

impl Sampling {
    /// Begins to sample these processes into a file.
    pub(crate) fn begin(pids: &[u32], file: &Path) -> Result<Self> {
        let pids: Vec<String> = pids.iter().map(ToString::to_string).collect();
        // Virtual machines often have no other clock, and frame pointers are what a program built for it has.
        let perf = Command::new("perf")
            .args(["record", "--quiet", "--event", "cpu-clock", "--call-graph", "fp"])
            .args(["--freq", FREQUENCY, "--pid", &pids.join(","), "--output"])
            .arg(file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        perf.map(Self).doing("starting perf")
    }

    /// Ends it, and waits until the file is whole.
    pub(crate) fn end(mut self) -> Result<()> {
        let pid = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| Fault::other("perf without a process id"))?;
        kill_process(pid, Signal::INT).doing("ending perf")?;
        self.0.wait().doing("ending perf").map(drop)
    }
}
