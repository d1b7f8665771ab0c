//! What a cluster is to be made of, and its start.

use futures_util::future::join_all;

use super::{
    layout::{Layout, Servers},
    part::Part,
    services::Cluster,
};
use crate::{postgres, process::Process, redis, s3, wait};

/// How many of each service to start, and what else to set.
pub struct Builder {
    edges: usize,
    edges_later: usize,
    chats: usize,
    presences: usize,
    notifies: usize,
    files: usize,
    links: bool,
    clocks: bool,
    postgres: postgres::Settings,
    s3_space: Option<u64>,
    env: Vec<(String, String, String)>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            edges: 1,
            edges_later: 0,
            chats: 1,
            presences: 1,
            notifies: 1,
            files: 1,
            links: false,
            clocks: false,
            postgres: postgres::Settings::default(),
            s3_space: None,
            env: Vec::new(),
        }
    }
}

impl Builder {
    /// How many edges; 1 unless told.
    #[must_use]
    pub fn edges(mut self, count: usize) -> Self {
        self.edges = count;
        self
    }

    /// How many further edges are left to be started by [`Process::start`], counted after the others; none unless told.
    #[must_use]
    pub fn edges_later(mut self, count: usize) -> Self {
        self.edges_later = count;
        self
    }

    /// How many replicas of chat-svc; 1 unless told.
    #[must_use]
    pub fn chats(mut self, count: usize) -> Self {
        self.chats = count;
        self
    }

    /// How many replicas of presence-svc; 1 unless told.
    #[must_use]
    pub fn presences(mut self, count: usize) -> Self {
        self.presences = count;
        self
    }

    /// How many replicas of notify-svc; 1 unless told.
    #[must_use]
    pub fn notifies(mut self, count: usize) -> Self {
        self.notifies = count;
        self
    }

    /// How many replicas of files-svc; 1 unless told.
    #[must_use]
    pub fn files(mut self, count: usize) -> Self {
        self.files = count;
        self
    }

    /// Lets each part reach each of its dependencies through a proxy of its own, and people each edge: see
    /// [`Cluster::link`] and [`Cluster::door`].
    #[must_use]
    pub fn links(mut self) -> Self {
        self.links = true;
        self
    }

    /// Gives each part a clock that can jump: see [`Process::set_clock`].
    #[must_use]
    pub fn jumping_clocks(mut self) -> Self {
        self.clocks = true;
        self
    }

    /// What PostgreSQL promises; [`postgres::Durability::Off`] unless told.
    #[must_use]
    pub fn durability(mut self, durability: postgres::Durability) -> Self {
        self.postgres.durability = durability;
        self
    }

    /// How many connections PostgreSQL takes.
    #[must_use]
    pub fn max_connections(mut self, count: u32) -> Self {
        self.postgres.max_connections = count;
        self
    }

    /// How many bytes the object store has; as many as the machine has unless told.
    #[must_use]
    pub fn s3_space(mut self, bytes: u64) -> Self {
        self.s3_space = Some(bytes);
        self
    }

    /// Sets an environment variable of all processes of a binary, such as `edge`.
    #[must_use]
    pub fn env(mut self, binary: &str, name: &str, value: impl Into<String>) -> Self {
        self.env.push((binary.to_owned(), name.to_owned(), value.into()));
        self
    }

    /// Sets an environment variable of all processes.
    #[must_use]
    pub fn env_of_all(self, name: &str, value: &str) -> Self {
        let binaries = ["edge", "chat-svc", "presence-svc", "notify-svc", "files-svc"];
        let set = |builder: Self, binary: &&str| builder.env(binary, name, value);
        binaries.iter().fold(self, set)
    }

    /// Starts the servers, then all services at once, then the edges, and waits until all are ready.
    pub async fn start(self) -> Cluster {
        let s3 = async {
            match self.s3_space {
                Some(bytes) => s3::Server::start_with_space(bytes).await,
                None => s3::Server::start_new().await,
            }
        };
        let (postgres, redis, s3) = tokio::join!(
            postgres::Server::start_with(self.postgres),
            redis::Server::start_new(),
            s3,
        );
        s3.create_bucket("chatfiles");
        for database in ["chat_db", "notifications_db", "files_db"] {
            postgres.create_database(database).await;
        }

        let servers = Servers {
            redis: &redis,
            postgres: &postgres,
            s3: &s3,
        };
        let mut layout = Layout::new(self.parts());
        if self.links {
            layout.link(&servers).await;
        }
        let prepared = self
            .parts()
            .map(|part| (part, self.prepare(part, &layout, &servers)));
        let cluster = Cluster {
            members: prepared.collect(),
            layout,
            redis,
            s3,
            postgres,
        };
        let (edges, services): (Vec<Part>, Vec<Part>) =
            cluster.parts().partition(|part| matches!(part, Part::Edge(_)));
        start(&cluster, &services).await;
        start(&cluster, &edges[..self.edges]).await;
        cluster
    }

    fn parts(&self) -> impl Iterator<Item = Part> {
        let edges = (0..self.edges + self.edges_later).map(Part::Edge);
        edges
            .chain((0..self.chats).map(Part::Chat))
            .chain((0..self.presences).map(Part::Presence))
            .chain((0..self.notifies).map(Part::Notify))
            .chain((0..self.files).map(Part::Files))
    }

    fn prepare(&self, part: Part, layout: &Layout, servers: &Servers<'_>) -> Process {
        let process = Process::builder(part.binary())
            .name(part.to_string())
            .ready_port(layout.ports(part).admin_port);
        let settings = layout.settings(part, servers).into_iter();
        let process = settings.fold(process, |process, (name, value)| process.env(name, value));
        let own = self.env.iter().filter(|(binary, ..)| binary == part.binary());
        let process = own.fold(process, |process, (_, name, value)| process.env(name, value));
        if self.clocks { process.clock() } else { process }.prepare()
    }
}

async fn start(cluster: &Cluster, parts: &[Part]) {
    for part in parts {
        cluster.process(*part).start();
    }
    let ready = parts
        .iter()
        .map(|part| cluster.process(*part).wait_ready(wait::START));
    join_all(ready).await;
}
