//! The five services as processes, in any number, on a PostgreSQL, Redis and S3 of their own.

use futures_util::future::join_all;

use crate::{
    ports, postgres,
    process::{self, Process},
    redis, s3, wait,
};

/// How many of each service to start, and what else to set.
pub struct Builder {
    edges: usize,
    chats: usize,
    durability: postgres::Durability,
    env: Vec<(String, String, String)>,
}

/// One process of a service and its ports.
struct Member {
    process: Process,
    port: u16,
}

/// A running cluster. Dropping it ends all of it.
pub struct Cluster {
    edges: Vec<Member>,
    chats: Vec<Member>,
    presence: Member,
    notify: Member,
    files: Member,
    /// Redis: broker and presence.
    pub redis: redis::Server,
    /// The object store; its bucket is `chatfiles`.
    pub s3: s3::Server,
    /// PostgreSQL with `chat_db`, `notifications_db` and `files_db`.
    pub postgres: postgres::Server,
}

impl Builder {
    /// How many edges; 1 unless told.
    #[must_use]
    pub fn edges(mut self, count: usize) -> Self {
        self.edges = count;
        self
    }

    /// How many replicas of chat-svc; 1 unless told.
    #[must_use]
    pub fn chats(mut self, count: usize) -> Self {
        self.chats = count;
        self
    }

    /// What PostgreSQL promises; [`postgres::Durability::Off`] unless told.
    #[must_use]
    pub fn durability(mut self, durability: postgres::Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Sets an environment variable of all processes of a binary, such as `edge`.
    #[must_use]
    pub fn env(mut self, binary: &str, name: &str, value: impl Into<String>) -> Self {
        self.env.push((binary.to_owned(), name.to_owned(), value.into()));
        self
    }

    /// Starts the servers, then all services at once, then the edges, and waits until all are ready.
    pub async fn start(self) -> Cluster {
        let (postgres, redis, s3) = tokio::join!(
            postgres::Server::start_new(self.durability),
            redis::Server::start_new(),
            s3::Server::start_new(),
        );
        s3.create_bucket("chatfiles");
        let redis_url = redis.url();

        let chat_db = postgres.create_database("chat_db").await;
        let notifications_db = postgres.create_database("notifications_db").await;
        let files_db = postgres.create_database("files_db").await;

        let presence = self.service("presence-svc", &[("REDIS_URL", &redis_url)]);
        let notify = self.service(
            "notify-svc",
            &[
                ("DATABASE_URL", notifications_db.url()),
                ("REDIS_URL", &redis_url),
            ],
        );
        let files = self.service(
            "files-svc",
            &[
                ("DATABASE_URL", files_db.url()),
                ("MINIO_ENDPOINT", &s3.url()),
                ("MINIO_ACCESS_KEY", s3::ACCESS_KEY),
                ("MINIO_SECRET_KEY", s3::SECRET_KEY),
                ("MINIO_BUCKET", "chatfiles"),
            ],
        );
        // NOTIFY_URL: chat-svc's outbox relay delivers mentions there.
        let chat_env = [
            ("DATABASE_URL", chat_db.url()),
            ("REDIS_URL", &redis_url),
            ("NOTIFY_URL", &notify.url()),
        ];
        let chats: Vec<Member> = (0..self.chats)
            .map(|_| self.service("chat-svc", &chat_env))
            .collect();
        all_ready(chats.iter().chain([&presence, &notify, &files])).await;

        let chat_url = chats.iter().map(Member::url).collect::<Vec<_>>().join(",");
        let edge_env = [
            ("REDIS_URL", redis_url.as_str()),
            ("CHAT_URL", &chat_url),
            ("PRESENCE_URL", &presence.url()),
            ("NOTIFY_URL", &notify.url()),
            ("FILES_URL", &files.url()),
        ];
        let edges: Vec<Member> = (0..self.edges).map(|_| self.edge(&edge_env)).collect();
        all_ready(&edges).await;
        Cluster {
            edges,
            chats,
            presence,
            notify,
            files,
            redis,
            s3,
            postgres,
        }
    }

    fn service(&self, binary: &str, env: &[(&str, &str)]) -> Member {
        let (port, admin_port) = (ports::free(), ports::free());
        let process = Process::builder(binary)
            .env("ADMIN_PORT", admin_port.to_string())
            .ready_port(admin_port);
        self.spawn(binary, process, port, env)
    }

    fn edge(&self, env: &[(&str, &str)]) -> Member {
        let port = ports::free();
        self.spawn("edge", Process::builder("edge").ready_port(port), port, env)
    }

    fn spawn(&self, binary: &str, process: process::Builder, port: u16, env: &[(&str, &str)]) -> Member {
        let process = process.env("PORT", port.to_string()).env("BIND", "127.0.0.1");
        let process = env
            .iter()
            .fold(process, |process, (name, value)| process.env(name, value));
        let own = self.env.iter().filter(|(its, ..)| its == binary);
        let process = own.fold(process, |process, (_, name, value)| process.env(name, value));
        Member {
            process: process.spawn(),
            port,
        }
    }
}

impl Member {
    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

async fn all_ready(members: impl IntoIterator<Item = &Member>) {
    join_all(
        members
            .into_iter()
            .map(|member| member.process.wait_ready(wait::START)),
    )
    .await;
}

impl Cluster {
    /// One of everything, to be changed before it is started.
    pub fn builder() -> Builder {
        Builder {
            edges: 1,
            chats: 1,
            durability: postgres::Durability::Off,
            env: Vec::new(),
        }
    }

    /// Starts one of everything and waits until all are ready.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// `http://127.0.0.1:<port>` of an edge, from 0.
    pub fn base_url(&self, edge: usize) -> String {
        self.edges[edge].url()
    }

    /// `ws://127.0.0.1:<port>` of an edge followed by `path`, such as `/ws/general/alice?username=alice`.
    pub fn ws_url(&self, edge: usize, path: &str) -> String {
        format!("ws://127.0.0.1:{}{path}", self.edges[edge].port)
    }

    /// `http://127.0.0.1:<port>` of a chat service, from 0.
    pub fn chat_grpc(&self, replica: usize) -> String {
        self.chats[replica].url()
    }

    /// `http://127.0.0.1:<port>` of the presence service.
    pub fn presence_grpc(&self) -> String {
        self.presence.url()
    }

    /// `http://127.0.0.1:<port>` of the notification service.
    pub fn notify_grpc(&self) -> String {
        self.notify.url()
    }

    /// `http://127.0.0.1:<port>` of the file service.
    pub fn files_grpc(&self) -> String {
        self.files.url()
    }

    /// An edge's process, from 0.
    pub fn edge(&self, edge: usize) -> &Process {
        &self.edges[edge].process
    }

    /// A chat service's process, from 0.
    pub fn chat(&self, replica: usize) -> &Process {
        &self.chats[replica].process
    }

    /// The presence service's process.
    pub fn presence(&self) -> &Process {
        &self.presence.process
    }

    /// The notification service's process.
    pub fn notify(&self) -> &Process {
        &self.notify.process
    }

    /// The file service's process.
    pub fn files(&self) -> &Process {
        &self.files.process
    }

    /// Every process of ours, edges first.
    pub fn processes(&self) -> impl Iterator<Item = &Process> {
        let singles = [&self.presence, &self.notify, &self.files];
        self.edges
            .iter()
            .chain(&self.chats)
            .chain(singles)
            .map(|member| &member.process)
    }
}
