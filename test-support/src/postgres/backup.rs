//! A backup of a whole server, and its way back.

use std::{path::Path, process::Command};

use tempfile::TempDir;

use super::template;

/// All databases of a server as they were at one moment. Dropping it removes it.
pub struct Snapshot {
    directory: TempDir,
}

impl Snapshot {
    /// Takes a backup of the server on `port`, which works on meanwhile.
    pub(super) fn take(port: u16) -> Self {
        Self::take_with(port, &[])
    }

    /// As [`Self::take`], for a server that goes on with what is written since.
    pub(super) fn take_to_follow(port: u16) -> Self {
        Self::take_with(port, &["--write-recovery-conf"])
    }

    fn take_with(port: u16, options: &[&str]) -> Self {
        let directory = template::empty();
        let (program, args) = template::command("pg_basebackup");
        template::run(
            Command::new(program)
                .args(args)
                .args(["--host=127.0.0.1", "--checkpoint=fast", "--no-sync"])
                .args(options)
                .args([format!("--port={port}"), format!("--username={}", super::USER)])
                .arg("--pgdata")
                .arg(directory.path())
                .current_dir("/"),
        );
        Self { directory }
    }

    /// Its files, for a server of its own.
    pub(super) fn into_directory(self) -> TempDir {
        self.directory
    }

    /// Replaces the data of a server that does not run.
    pub(super) fn put_in_place_of(&self, data: &Path) {
        template::run(Command::new("find").arg(data).args(["-mindepth", "1", "-delete"]));
        template::run(
            Command::new("cp")
                .args(["-R", "--reflink=auto", "--no-target-directory"])
                .arg(self.directory.path())
                .arg(data),
        );
        template::own(data);
    }
}
