//! A small disk: a tmpfs in a mount namespace of its own, which goes with the process that holds it.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{
    binaries,
    supervised::{Spec, Supervised, user},
    wait,
};

/// Mounts the disk and says so; the namespace lives as long as this process.
const HOLDER: &str =
    r#"mount -t tmpfs -o size="$1",mode=0755 chatflow-test "$2" && echo mounted && exec sleep infinity"#;

/// A file system with so many bytes. Nobody sees it but the programs that [`Disk::command`] runs, and we through `/proc`.
pub(crate) struct Disk {
    holder: Supervised,
    outside: PathBuf,
    // After the holder, which has it mounted.
    mount_point: TempDir,
}

impl Disk {
    /// Mounts a disk of `bytes`. Panics where the machine lets nobody do so: then neither root nor user namespaces are
    /// there to be had.
    pub(crate) async fn new(bytes: u64) -> Self {
        let mount_point = tempfile::Builder::new()
            .prefix("chatflow-disk-")
            .tempdir()
            .expect("a folder to mount at");
        let mut args: Vec<OsString> = vec!["--mount".into()];
        if user() != 0 {
            // Whoever may not mount may do so in a user namespace of their own.
            args.extend(["--user".into(), "--map-root-user".into()]);
        }
        args.extend(["sh", "-c", HOLDER, "sh"].map(Into::into));
        args.extend([bytes.to_string().into(), mount_point.path().into()]);
        let holder = Supervised::start_new(Spec {
            name: "disk".into(),
            program: binaries::system("unshare", &[]),
            args,
            env: Vec::new(),
            directory: "/".into(),
            stop_signal: "TERM",
            end_signal: "KILL",
            remove: Some(mount_point.path().to_owned()),
        });
        let mounted = || async { holder.output().contains("mounted") };
        holder.ready(wait::SOON, mounted).await;
        let pid = holder.pid().expect("the holder waits for ever");
        let inside = mount_point
            .path()
            .strip_prefix("/")
            .expect("a temporary folder has an absolute path");
        let outside = Path::new("/proc").join(pid.to_string()).join("root").join(inside);
        Self {
            holder,
            outside,
            mount_point,
        }
    }

    /// Where the programs that use it find it.
    pub(crate) fn inside(&self) -> &Path {
        self.mount_point.path()
    }

    /// Where we find it.
    pub(crate) fn outside(&self) -> &Path {
        &self.outside
    }

    /// The program and arguments that run `program` where it sees the disk.
    pub(crate) fn command(&self, program: PathBuf) -> (PathBuf, Vec<OsString>) {
        let pid = self.holder.pid().expect("the holder waits for ever");
        let mut args: Vec<OsString> = vec!["--target".into(), pid.to_string().into(), "--mount".into()];
        if user() != 0 {
            args.extend(["--user".into(), "--preserve-credentials".into()]);
        }
        args.extend(["--".into(), program.into()]);
        (binaries::system("nsenter", &[]), args)
    }

    /// Takes all the space that is left.
    pub(crate) fn fill(&self) {
        let mut filler = File::options()
            .create(true)
            .append(true)
            .open(self.filler())
            .expect("the disk can be written to");
        let zeros = [0; 4096];
        loop {
            match filler.write(&zeros) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::StorageFull => return,
                Err(error) => panic!("the disk can't be filled: {error}"),
            }
        }
    }

    /// Gives back what [`Self::fill`] took.
    pub(crate) fn free(&self) {
        match fs::remove_file(self.filler()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => panic!("can't free the disk: {error}"),
            _ => {}
        }
    }

    fn filler(&self) -> PathBuf {
        self.outside.join("filler")
    }
}
