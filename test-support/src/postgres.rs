//! A real PostgreSQL server, copied from a template that `initdb` makes once, and fresh databases on it.

mod backup;
mod template;

use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::OnceCell;
use tokio_postgres::{NoTls, error::SqlState};

use crate::{
    ports,
    supervised::{Spec, Supervised},
    wait,
};

pub use backup::Snapshot;
pub use tokio_postgres::Client;

/// The user of every connection.
const USER: &str = "chatuser";

static SHARED: OnceCell<Server> = OnceCell::const_new();

/// A fresh, empty database on the test process' own server, which is started at the first call.
///
/// That server keeps nothing through a crash (see [`Durability::Off`]); a test that stops its server, or that needs
/// durability, starts a [`Server`] of its own.
pub async fn database() -> Database {
    let server = SHARED.get_or_init(|| Server::start_new(Durability::Off)).await;
    server
        .create_database(&format!("test_{}", uuid::Uuid::now_v7().simple()))
        .await
}

/// A database of its own, owned by `chatuser`. It goes with its server.
#[derive(Clone, Debug)]
pub struct Database {
    url: String,
}

impl Database {
    /// `postgres://chatuser:chatpass@127.0.0.1:<port>/<name>`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Connects with plain SQL, to look at what a service has stored.
    pub async fn client(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls)
            .await
            .expect("the database can be connected to");
        tokio::spawn(connection);
        client
    }
}

/// Whether a server promises to keep what it has committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// `fsync=off`: fast, for tests that never kill the server.
    Off,
    /// PostgreSQL's own defaults.
    Full,
}

/// What a server is set up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Many servers on one machine, each with little to do: small log segments and buffers.
    Tests,
    /// Measurements: PostgreSQL's own log segments, 512 MB of buffers, few checkpoints.
    Load,
}

/// What a server is started with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What it promises to keep; [`Durability::Off`] unless told.
    pub durability: Durability,
    /// What it is set up for; [`Scale::Tests`] unless told.
    pub scale: Scale,
    /// How many connections it takes; 300 unless told. `chatuser` may use all of them: it is the superuser, so the ones
    /// that are reserved for that one are its own.
    pub max_connections: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            durability: Durability::Off,
            scale: Scale::Tests,
            max_connections: 300,
        }
    }
}

impl Settings {
    /// What the server is told on its command line.
    fn options(self, port: u16) -> Vec<String> {
        let mut options = vec![
            format!("port={port}"),
            "listen_addresses=127.0.0.1".into(),
            "unix_socket_directories=".into(),
            format!("max_connections={}", self.max_connections),
            "jit=off".into(),
        ];
        let more: &[&str] = match self.scale {
            Scale::Tests => &["shared_buffers=32MB"],
            Scale::Load => &["shared_buffers=512MB", "min_wal_size=1GB", "max_wal_size=4GB"],
        };
        options.extend(more.iter().copied().map(Into::into));
        if self.durability == Durability::Off {
            options.extend(["fsync=off", "synchronous_commit=off", "full_page_writes=off"].map(Into::into));
        }
        options
    }
}

/// A server on a port of its own.
pub struct Server {
    process: Supervised,
    port: u16,
    directory: TempDir,
    settings: Settings,
}

/// All connections that a server had left. Dropping it gives them back a moment later.
pub struct Exhausted {
    clients: Vec<Client>,
}

impl Exhausted {
    /// How many connections it holds.
    pub fn count(&self) -> usize {
        self.clients.len()
    }
}

impl Server {
    /// Starts a server without databases of ours and waits until it answers.
    pub async fn start_new(durability: Durability) -> Self {
        Self::start_with(Settings {
            durability,
            ..Settings::default()
        })
        .await
    }

    /// As [`Self::start_new`], with more settings.
    pub async fn start_with(settings: Settings) -> Self {
        let directory = template::copy();
        if settings.scale == Scale::Load {
            template::use_default_log_segments(directory.path());
        }
        Self::start_on(directory, settings).await
    }

    /// A replica on a port of its own: a copy of all databases that follows this server and takes no writes.
    pub async fn replica(&self) -> Self {
        let port = self.port;
        let copy = tokio::task::spawn_blocking(move || Snapshot::take_to_follow(port));
        let copy = copy.await.expect("a server can be copied");
        Self::start_on(copy.into_directory(), self.settings).await
    }

    async fn start_on(directory: TempDir, settings: Settings) -> Self {
        let port = ports::free();
        let (program, mut args) = template::command("postgres");
        args.extend(["-D".into(), directory.path().into()]);
        let options = settings.options(port).into_iter();
        args.extend(options.flat_map(|option| ["-c".into(), option.into()]));
        let process = Supervised::start_new(Spec {
            name: "postgres".into(),
            program,
            args,
            env: Vec::new(),
            directory: directory.path().to_owned(),
            // An immediate shutdown: the other ways wait for clients or write a checkpoint.
            stop_signal: "QUIT",
            // After a SIGKILL its shared memory would stay.
            end_signal: "QUIT",
            remove: Some(directory.path().to_owned()),
        });
        let server = Self {
            process,
            port,
            directory,
            settings,
        };
        server.wait_ready().await;
        server
    }

    /// Makes a database. Panics where there is one of that name.
    pub async fn create_database(&self, name: &str) -> Database {
        let maintenance = self.database("postgres");
        // Copying files is far faster than logging every page of the template.
        let statement = format!("CREATE DATABASE \"{name}\" STRATEGY FILE_COPY");
        maintenance
            .client()
            .await
            .batch_execute(&statement)
            .await
            .expect("a database can be created");
        self.database(name)
    }

    /// A database that is there already.
    pub fn database(&self, name: &str) -> Database {
        Database { url: self.url(name) }
    }

    /// The URL of a database on this server; the same after a restart.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}:chatpass@127.0.0.1:{}/{database}", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends it at once (an "immediate" shutdown: connections break, the next start recovers from the log).
    pub async fn stop(&self) {
        self.process.stop(wait::SOON).await;
    }

    /// Ends all its processes with SIGKILL.
    pub async fn kill(&self) {
        self.process.kill().await;
    }

    /// Starts it again on the same port with the same data.
    pub async fn start(&self) {
        self.process.start();
        self.wait_ready().await;
    }

    /// Freezes all its processes: connections stay open, nothing answers.
    pub fn pause(&self) {
        self.process.pause();
    }

    /// Ends [`Self::pause`].
    pub fn resume(&self) {
        self.process.resume();
    }

    /// Takes connections until the server refuses more (`too_many_connections`), also to those that it reserves. The ones
    /// that others have open go on; one that they give up is there to be had again.
    pub async fn exhaust(&self) -> Exhausted {
        let url = self.url("postgres");
        let mut clients = Vec::new();
        loop {
            match tokio_postgres::connect(&url, NoTls).await {
                Ok((client, connection)) => {
                    tokio::spawn(connection);
                    clients.push(client);
                }
                Err(error) if error.code() == Some(&SqlState::TOO_MANY_CONNECTIONS) => {
                    return Exhausted { clients };
                }
                Err(error) => panic!("PostgreSQL refuses for another reason: {error:?}"),
            }
        }
    }

    /// Lets a replica take what the other server writes without showing it, until [`Self::resume_replay`].
    pub async fn pause_replay(&self) {
        self.ask("SELECT pg_wal_replay_pause()").await;
        let paused = async || self.ask("SELECT pg_get_wal_replay_pause_state()").await == "paused";
        wait::until(wait::SOON, "the replica shows nothing new", paused).await;
    }

    /// Ends [`Self::pause_replay`].
    pub async fn resume_replay(&self) {
        self.ask("SELECT pg_wal_replay_resume()").await;
    }

    /// Waits until a replica shows what `primary` has committed so far.
    pub async fn catches_up(&self, primary: &Self) {
        // A commit that waits for the disk takes those before it along that did not.
        let flush = "SET synchronous_commit = on; SELECT pg_logical_emit_message(true, 'test', '')";
        primary.ask(flush).await;
        let written = primary.ask("SELECT pg_current_wal_lsn()::text").await;
        let query = format!("SELECT (pg_last_wal_replay_lsn() >= '{written}')::text");
        let shows = async || self.ask(&query).await == "true";
        wait::until(wait::SOON, "the replica catches up", shows).await;
    }

    /// The only value of an answer, as a text.
    async fn ask(&self, query: &str) -> String {
        let client = self.database("postgres").client().await;
        let answer = client.simple_query(query).await.expect("PostgreSQL answers");
        let value = answer.iter().find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        value.unwrap_or_default()
    }

    /// A backup of all databases as they are at this moment, taken while the server works on.
    pub async fn snapshot(&self) -> Snapshot {
        let port = self.port;
        tokio::task::spawn_blocking(move || Snapshot::take(port))
            .await
            .expect("a backup can be taken")
    }

    /// Sets all databases back to a backup, as an operator would: ends the server at once, puts the backup in the place of
    /// its data, and starts it again. What was committed since is gone.
    pub async fn restore(&self, snapshot: &Snapshot) {
        self.stop().await;
        snapshot.put_in_place_of(self.directory.path());
        self.start().await;
    }

    /// The process itself: pid, output, signals.
    pub fn process(&self) -> &Supervised {
        &self.process
    }

    async fn wait_ready(&self) {
        let url = self.url("postgres");
        let connects = || async {
            let attempt = tokio::time::timeout(Duration::from_secs(5), tokio_postgres::connect(&url, NoTls));
            matches!(attempt.await, Ok(Ok(_)))
        };
        self.process.ready(wait::START, connects).await;
    }
}
