//! A real `redis-server` that forgets everything when it stops, and clusters of such.

mod cluster;

use std::time::Duration;

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::OnceCell,
};

use crate::{
    binaries, ports,
    supervised::{Spec, Supervised},
    wait,
};

pub use cluster::Cluster;

static SHARED: OnceCell<Server> = OnceCell::const_new();

/// The test process' own server, started at the first call. Its keys are shared by all tests of the process: use it where
/// names are unique, and [`Server::start_new`] where not.
pub async fn shared() -> &'static Server {
    SHARED.get_or_init(Server::start_new).await
}

/// A server on a port of its own.
pub struct Server {
    process: Supervised,
    port: u16,
    _directory: TempDir,
}

impl Server {
    /// Starts an empty server and waits until it answers.
    pub async fn start_new() -> Self {
        Self::start_with(&[]).await
    }

    /// As [`Self::start_new`], with more settings, such as `--maxclients 10`.
    async fn start_with(settings: &[&str]) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("chatflow-redis-")
            .tempdir()
            .expect("a folder for Redis");
        let port = ports::free();
        let args =
            format!("--port {port} --bind 127.0.0.1 --appendonly no --loglevel notice --daemonize no --save");
        let process = Supervised::start_new(Spec {
            name: "redis-server".into(),
            program: binaries::system("redis-server", &[]),
            args: args
                .split(' ')
                .chain([""])
                .chain(settings.iter().copied())
                .map(Into::into)
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
            _directory: directory,
        };
        server.wait_ready().await;
        server
    }

    /// `redis://127.0.0.1:<port>`; the same after a restart.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends it in good order; connections are closed.
    pub async fn stop(&self) {
        self.process.stop(wait::SOON).await;
    }

    /// Ends it with SIGKILL.
    pub async fn kill(&self) {
        self.process.kill().await;
    }

    /// Starts it again, empty, on the same port.
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

    /// Ends all connections but leaves the server as it is. Returns how many there were.
    pub async fn kill_clients(&self) -> usize {
        let mut connection = self.connection().await;
        let mut killed = 0;
        // Those that subscribe are of a type of their own.
        for kind in ["normal", "pubsub"] {
            let mut kill = redis::cmd("CLIENT");
            kill.arg(&["KILL", "TYPE", kind, "SKIPME", "yes"]);
            killed += kill
                .query_async::<usize>(&mut connection)
                .await
                .expect("Redis ends connections");
        }
        killed
    }

    /// Ends it with SIGKILL and starts it again, empty, on the same port.
    pub async fn restart_empty(&self) {
        self.kill().await;
        self.start().await;
    }

    /// A connection of one's own, for looking at what is stored.
    pub async fn connection(&self) -> redis::aio::MultiplexedConnection {
        redis::Client::open(self.url())
            .expect("the URL is right")
            .get_multiplexed_async_connection()
            .await
            .expect("Redis can be connected to")
    }

    /// The process itself: pid, output, signals.
    pub fn process(&self) -> &Supervised {
        &self.process
    }

    async fn wait_ready(&self) {
        self.process.ready(wait::START, || self.pongs()).await;
    }

    async fn pongs(&self) -> bool {
        let ping = async {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
            stream.write_all(b"PING\r\n").await?;
            let mut answer = [0; 7];
            stream.read_exact(&mut answer).await?;
            Ok::<bool, std::io::Error>(&answer == b"+PONG\r\n")
        };
        matches!(
            tokio::time::timeout(Duration::from_secs(1), ping).await,
            Ok(Ok(true))
        )
    }
}
