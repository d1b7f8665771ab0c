//! Samples of the stacks of processes, taken by `perf` while work is measured.

use std::{
    io,
    path::Path,
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

/// Samples a second and core: a prime, so that nothing that happens by the clock is always met or always missed.
const FREQUENCY: &str = "997";

/// `perf record`, at work.
pub struct Sampling(Child);

impl Sampling {
    /// Begins to sample these processes into a file.
    ///
    /// # Errors
    /// Where there is no `perf`.
    pub fn begin(pids: &[u32], file: &Path) -> io::Result<Self> {
        let pids: Vec<String> = pids.iter().map(ToString::to_string).collect();
        // Virtual machines often have no other clock, and frame pointers are what a program built for it has.
        let perf = Command::new("perf")
            .args(["record", "--quiet", "--event", "cpu-clock", "--call-graph", "fp"])
            .args(["--freq", FREQUENCY, "--pid", &pids.join(","), "--output"])
            .arg(file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        perf.map(Self)
    }

    /// Ends it, and waits until the file is whole.
    ///
    /// # Errors
    /// Where it has ended before, for lack of a right perhaps.
    pub fn end(mut self) -> io::Result<()> {
        let pid = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or(io::ErrorKind::InvalidData)?;
        if let Some(status) = self.0.try_wait()? {
            return Err(io::Error::other(format!("perf has ended before: {status}")));
        }
        kill_process(pid, Signal::INT)?;
        self.0.wait().map(drop)
    }
}
