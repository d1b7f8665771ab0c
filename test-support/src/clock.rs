//! The wall clock of one process, which can jump; the monotonic clock never does. libfaketime does it.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use crate::{binaries, supervised::is_alive};

/// A clock that jumps, told by a file. Dropping it after its process removes what that one left.
pub(crate) struct Clock {
    file: PathBuf,
}

impl Clock {
    /// A clock that is right at first, told by a file in `directory`.
    pub(crate) fn new(directory: &Path) -> Self {
        let clock = Self {
            file: directory.join(".clock"),
        };
        clock.set(0);
        clock
    }

    /// Removes the shared memory of processes that were killed. libfaketime names it after the process, and takes none that
    /// is there already, as where a process is given the number of a dead one.
    pub(crate) fn forget_the_dead() {
        let entries = fs::read_dir("/dev/shm").into_iter().flatten();
        for entry in entries.filter_map(Result::ok) {
            let name = entry.file_name();
            let pid = name.to_str().and_then(|name| {
                let pid = name.strip_prefix("faketime_shm_");
                pid.or_else(|| name.strip_prefix("sem.faketime_sem_"))?
                    .parse()
                    .ok()
            });
            if pid.is_some_and(|pid| !is_alive(pid)) {
                // Another test process may do the same at this moment.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Sets it to so many seconds after the true time; before it where negative.
    pub(crate) fn set(&self, offset_seconds: i64) {
        // Moved into place whole, since the process reads it at every look at the time.
        let aside = self.file.with_extension("aside");
        fs::write(&aside, format!("{offset_seconds:+}\n")).expect("the clock's file can be written");
        fs::rename(&aside, &self.file).expect("the clock's file can be moved into place");
    }

    /// The program and arguments that run `program` by this clock, in the same process.
    pub(crate) fn command(&self, program: PathBuf) -> (PathBuf, Vec<OsString>) {
        let mut preload = OsString::from("LD_PRELOAD=");
        preload.push(library());
        let mut file = OsString::from("FAKETIME_TIMESTAMP_FILE=");
        file.push(&self.file);
        let flags = [
            // A jump is seen at the next look.
            "FAKETIME_NO_CACHE=1",
            // The name in 0.9.8 and later, and the one of before.
            "FAKETIME_DONT_FAKE_MONOTONIC=1",
            "DONT_FAKE_MONOTONIC=1",
            // Files keep the times that they have.
            "NO_FAKE_STAT=1",
        ];
        // `env` and not the environment of the process: the shell that starts it must not run by this clock.
        let args = [preload, file]
            .into_iter()
            .chain(flags.map(Into::into))
            .chain([program.into()]);
        (binaries::system("env", &[]), args.collect())
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        Self::forget_the_dead();
    }
}

/// Where Debian keeps the library: in a folder that is named after the machine's architecture. The one
/// with MT looks at the time from several threads at once.
fn library() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").into_iter().flatten();
    let mut libraries = folders
        .filter_map(|entry| Some(entry.ok()?.path().join("faketime/libfaketimeMT.so.1")))
        .filter(|library| library.is_file());
    libraries
        .next()
        .expect("faketime is not installed: run `make setup`")
}
