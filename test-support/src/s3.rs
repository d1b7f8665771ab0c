//! A real S3 server: the workspace's `s3-server` binary over a directory.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::{
    binaries, ports,
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
    directory: TempDir,
}

impl Server {
    /// Starts a server without buckets and waits until it answers.
    pub async fn start_new() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("chatflow-s3-")
            .tempdir()
            .expect("a folder for the objects");
        let port = ports::free();
        let args = [
            "--port",
            &port.to_string(),
            "--access-key",
            ACCESS_KEY,
            "--secret-key",
            SECRET_KEY,
            "--root",
        ];
        let process = Supervised::start_new(Spec {
            name: "s3-server".into(),
            program: binaries::own("s3-server"),
            args: args
                .into_iter()
                .map(Into::into)
                .chain([directory.path().into()])
                .collect(),
            env: Vec::new(),
            directory: directory.path().to_owned(),
            stop_signal: "TERM",
            end_signal: "KILL",
            remove: Some(directory.path().to_owned()),
        });
        let server = Self {
            process,
            port,
            directory,
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
        std::fs::create_dir_all(self.directory.path().join(name)).expect("the bucket's folder can be made");
    }

    /// The folder with one folder per bucket and one file per object.
    pub fn root(&self) -> &Path {
        self.directory.path()
    }

    /// The objects of a bucket, whole ones only, as paths of files; empty where there is no such bucket.
    pub fn objects(&self, bucket: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.directory.path().join(bucket)];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = std::fs::read_dir(folder) else {
                continue;
            };
            for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
                if path.is_dir() { &mut folders } else { &mut found }.push(path);
            }
        }
        found
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
            .ready(wait::START, async || TcpStream::connect(address).await.is_ok())
            .await;
    }
}
