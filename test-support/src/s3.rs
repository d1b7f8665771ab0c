//! A real S3 server: the workspace's `s3-server` binary over a directory, which may be on a small disk.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::{
    binaries,
    disk::Disk,
    ports,
    supervised::{Spec, Supervised},
    wait,
};

/// The access key that every server takes.
pub const ACCESS_KEY: &str = "minioadmin";
/// The secret key that every server takes.
pub const SECRET_KEY: &str = "minioadmin";

/// A server on a port of its own, at first without buckets.
pub struct Server {
    process: Supervised,
    port: u16,
    root: PathBuf,
    // After the process, which has files open there.
    disk: Option<Disk>,
    _directory: TempDir,
}

impl Server {
    /// Starts a server without buckets and waits until it answers.
    pub async fn start_new() -> Self {
        Self::start_on(None).await
    }

    /// As [`Self::start_new`], on a disk of its own that has only so many bytes for everything. The disk outlives restarts.
    pub async fn start_with_space(bytes: u64) -> Self {
        Self::start_on(Some(Disk::new(bytes).await)).await
    }

    async fn start_on(disk: Option<Disk>) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("chatflow-s3-")
            .tempdir()
            .expect("a folder for the objects");
        let port = ports::free();
        let mut program = binaries::own("s3-server");
        let mut args: Vec<OsString> = Vec::new();
        // Where the server sees its objects, and where we do.
        let (mut inside, mut root) = (directory.path().to_owned(), directory.path().to_owned());
        if let Some(disk) = &disk {
            (program, args) = disk.command(program);
            (inside, root) = (disk.inside().join("objects"), disk.outside().join("objects"));
            fs::create_dir(&root).expect("the disk can be written to");
        }
        args.extend(["--port".into(), port.to_string().into()]);
        args.extend(["--access-key".into(), ACCESS_KEY.into()]);
        args.extend(["--secret-key".into(), SECRET_KEY.into()]);
        args.extend(["--root".into(), inside.into()]);
        let process = Supervised::start_new(Spec {
            name: "s3-server".into(),
            program,
            args,
            env: Vec::new(),
            directory: directory.path().to_owned(),
            stop_signal: "TERM",
            end_signal: "KILL",
            remove: Some(directory.path().to_owned()),
        });
        let server = Self {
            process,
            port,
            root,
            disk,
            _directory: directory,
        };
        server.wait_ready().await;
        server
    }

    /// `http://127.0.0.1:<port>`; the same after a restart.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Makes a bucket, as an operator would.
    pub fn create_bucket(&self, name: &str) {
        fs::create_dir_all(self.root.join(name)).expect("the bucket's folder can be made");
    }

    /// The folder with one folder per bucket and one file per object.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The objects of a bucket, whole ones only, as paths of files; empty where there is no such bucket.
    pub fn objects(&self, bucket: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.root.join(bucket)];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = fs::read_dir(folder) else {
                continue;
            };
            for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
                if path.is_dir() { &mut folders } else { &mut found }.push(path);
            }
        }
        found
    }

    /// The ids of the multipart uploads that were begun and neither completed nor aborted.
    pub fn unfinished_uploads(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.root).expect("the objects' folder can be read");
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names
            .filter_map(|name| Some(name.strip_prefix(".upload-")?.strip_suffix(".json")?.to_owned()))
            .collect()
    }

    /// Makes its disk full. Panics without [`Self::start_with_space`].
    pub fn fill(&self) {
        self.disk().fill();
    }

    /// Ends [`Self::fill`].
    pub fn free_space(&self) {
        self.disk().free();
    }

    fn disk(&self) -> &Disk {
        self.disk
            .as_ref()
            .expect("the server was given no disk of its own")
    }

    /// Ends it in good order.
    pub async fn stop(&self) {
        self.process.stop(wait::SOON).await;
    }

    /// Ends it with SIGKILL.
    pub async fn kill(&self) {
        self.process.kill().await;
    }

    /// Starts it again on the same port with the same objects.
    pub async fn start(&self) {
        self.process.start();
        self.wait_ready().await;
    }

    /// Freezes it: connections stay open, nothing answers.
    pub fn pause(&self) {
        self.process.pause();
    }

    /// Ends [`Self::pause`].
    pub fn resume(&self) {
        self.process.resume();
    }

    /// The process itself: pid, output, signals.
    pub fn process(&self) -> &Supervised {
        &self.process
    }

    async fn wait_ready(&self) {
        let address = ("127.0.0.1", self.port);
        self.process
            .ready(wait::START, || async {
                TcpStream::connect(address).await.is_ok()
            })
            .await;
    }
}
