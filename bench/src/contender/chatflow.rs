//! ChatFlow as it runs on servers: every service a process of its own, on Redis and PostgreSQL, with everything on that is on by default.

use std::path::Path;

use proto::chat::{CreateRoomRequest, chat_service_client::ChatServiceClient};
use test_support::{
    ports,
    postgres::{self, Durability},
};

use super::{Running, Server, Setup, redis::Broker};
use crate::{
    control::{Greeting, Way},
    fault::{Fault, Result},
    payload::CONTENT,
};

/// More than any workload connects.
const MAX_CONNECTIONS: u32 = 1_200_000;

/// More than any workload asks for from one address: the limiter works, and lets all in.
const REQUESTS_PER_MINUTE: u32 = 1_000_000_000;

/// ChatFlow's own servers and addresses.
pub(crate) struct Cluster {
    /// Its database server.
    pub(crate) postgres: postgres::Server,
    /// Its replica, where history is read from one.
    pub(crate) replica: Option<postgres::Server>,
    /// `http://127.0.0.1:<port>` of each edge; none where another contender takes its place.
    pub(crate) edges: Vec<String>,
    /// `http://127.0.0.1:<port>` of each chat-svc.
    pub(crate) chats: Vec<String>,
    /// What its messages go through.
    pub(super) redis: Broker,
    directory: tempfile::TempDir,
}

/// What is behind the edges.
pub(super) struct Backend {
    pub(super) others: Vec<Server>,
    pub(super) cluster: Cluster,
    presence_url: String,
    notify_url: String,
    files_url: String,
}

/// Starts all of it.
pub(super) async fn start(setup: &Setup) -> Result<Running> {
    let Backend {
        others,
        mut cluster,
        presence_url,
        notify_url,
        files_url,
    } = backend(setup).await?;
    let started = Started {
        setup,
        broker: &cluster.redis,
        directory: cluster.directory.path(),
    };
    let (mut servers, mut addresses) = (Vec::new(), Vec::new());
    for _ in 0..setup.edges.max(1) {
        let env = [
            ("CHAT_URL", cluster.chats.join(",")),
            ("PRESENCE_URL", presence_url.clone()),
            ("NOTIFY_URL", notify_url.clone()),
            ("FILES_URL", files_url.clone()),
            ("MAX_CONNECTIONS", MAX_CONNECTIONS.to_string()),
            ("REQUESTS_PER_MINUTE", REQUESTS_PER_MINUTE.to_string()),
        ];
        let (edge, url, port) = started.edge(&env).await?;
        addresses.push(([127, 0, 0, 1], port).into());
        servers.push(edge);
        cluster.edges.push(url);
    }
    Ok(Running {
        addresses,
        greeting: Greeting {
            path: "/ws/{room}/{user}?username={user}".into(),
            ..Greeting::default()
        },
        way: Way::Grpc(cluster.chats.clone()),
        servers,
        others,
        cluster: Some(cluster),
        profile: None,
    })
}

/// Starts everything but edges.
pub(super) async fn backend(setup: &Setup) -> Result<Backend> {
    let (broker, mut others) = Broker::start(setup.redis_cluster).await?;
    let settings = postgres::Settings {
        durability: Durability::Full,
        scale: postgres::Scale::Load,
        max_connections: 300,
    };
    let postgres = postgres::Server::start_with(settings).await;
    let chat_database = |postgres: &postgres::Server| match &setup.chat_database {
        Some(url) => url.clone(),
        None => postgres.url("chat_db"),
    };
    for database in ["chat_db", "notifications_db", "files_db"] {
        postgres.create_database(database).await;
    }
    let replica = if setup.read_replica {
        Some(postgres.replica().await)
    } else {
        None
    };
    let directory = tempfile::tempdir().map_err(|error| Fault::other(error.to_string()))?;
    let started = Started {
        setup,
        broker: &broker,
        directory: directory.path(),
    };

    let (presence, presence_url) = started.service("presence-svc", &[]).await?;
    let (notify, notify_url) = started
        .service(
            "notify-svc",
            &[("DATABASE_URL", postgres.url("notifications_db"))],
        )
        .await?;
    let (files, files_url) = started
        .service("files-svc", &[("DATABASE_URL", postgres.url("files_db"))])
        .await?;
    others.extend([presence, notify, files]);
    let mut chats = Vec::new();
    for _ in 0..setup.chats.max(1) {
        let mut env = vec![
            ("DATABASE_URL", chat_database(&postgres)),
            ("NOTIFY_URL", notify_url.clone()),
        ];
        env.extend(
            replica
                .iter()
                .map(|replica| ("DATABASE_READ_URL", replica.url("chat_db"))),
        );
        let (chat, url) = started.service("chat-svc", &env).await?;
        others.push(chat);
        chats.push(url);
    }
    for (name, server) in [
        ("postgres", Some(&postgres)),
        ("postgres-replica", replica.as_ref()),
    ] {
        if let Some(server) = server {
            let pid = server.process().pid();
            let pid = pid.ok_or_else(|| Fault::other(format!("{name} has ended")))?;
            others.push(Server::of(name, pid));
        }
    }
    match (&setup.chat_database, chats.first()) {
        (Some(_), Some(chat)) => ask_for_rooms(chat, setup.rooms).await?,
        _ => make_rooms(&postgres, setup.rooms).await?,
    }
    Ok(Backend {
        others,
        cluster: Cluster {
            postgres,
            replica,
            redis: broker,
            edges: Vec::new(),
            chats,
            directory,
        },
        presence_url,
        notify_url,
        files_url,
    })
}

struct Started<'a> {
    setup: &'a Setup,
    broker: &'a Broker,
    directory: &'a Path,
}

impl Started<'_> {
    async fn service(&self, program: &str, env: &[(&str, String)]) -> Result<(Server, String)> {
        let (port, admin) = (ports::free(), ports::free());
        let ports = [("PORT", port.to_string()), ("ADMIN_PORT", admin.to_string())];
        let server = self.start(program, &[&ports, env].concat())?;
        server.ready(admin).await?;
        Ok((server, format!("http://127.0.0.1:{port}")))
    }

    async fn edge(&self, env: &[(&str, String)]) -> Result<(Server, String, u16)> {
        let port = ports::free();
        let server = self.start("edge", &[&[("PORT", port.to_string())], env].concat())?;
        server.ready(port).await?;
        Ok((server, format!("http://127.0.0.1:{port}"), port))
    }

    fn start(&self, name: &str, env: &[(&str, String)]) -> Result<Server> {
        let program = self.setup.programs.join(name);
        if !program.is_file() {
            return Err(Fault::other(format!(
                "{} is not there: cargo build --release --workspace --bins",
                program.display()
            )));
        }
        let mut env = env.to_vec();
        if name != "files-svc" {
            env.extend(self.broker.env());
        }
        let further = self.setup.env.iter().filter(|(program, ..)| program == name);
        env.extend(further.map(|(_, variable, value)| (variable.as_str(), value.clone())));
        Ok(Server::start(name, &program, &[], &env, self.directory))
    }
}

impl Cluster {
    /// Puts so many messages into each of the first rooms, past the services: they are history when people come.
    pub(crate) async fn fill(&self, rooms: u64, messages: u64) -> Result<()> {
        let insert = format!(
            "INSERT INTO messages (id, room_id, user_id, username, content, seq, change_seq)
             SELECT gen_random_uuid()::text, 'r' || room, 'sender', 'sender', rpad('~t=0000000000000000000 ', {CONTENT}, 'history '), seq, seq
             FROM generate_series(0, {rooms} - 1) AS room, generate_series(1, {messages}) AS seq;
             UPDATE rooms SET last_seq = {messages} WHERE id IN (SELECT 'r' || room FROM generate_series(0, {rooms} - 1) AS room);
             ANALYZE messages"
        );
        execute(&self.postgres, &insert).await?;
        if let Some(replica) = &self.replica {
            replica.catches_up(&self.postgres).await;
        }
        Ok(())
    }
}

/// Puts the rooms where they belong, rather than ask for each.
async fn make_rooms(postgres: &postgres::Server, rooms: u64) -> Result<()> {
    let insert = "INSERT INTO rooms (id, name) SELECT 'r' || n, 'r' || n";
    execute(
        postgres,
        &format!("{insert} FROM generate_series(0, {rooms} - 1) AS n"),
    )
    .await
}

/// Asks chat-svc for the rooms, one after the other.
async fn ask_for_rooms(chat: &str, rooms: u64) -> Result<()> {
    let failed = |error: &dyn std::fmt::Display| Fault::other(format!("making rooms: {error}"));
    let client = ChatServiceClient::connect(chat.to_owned()).await;
    let mut client = client.map_err(|error| failed(&error))?;
    for number in 0..rooms {
        let request = CreateRoomRequest {
            id: format!("r{number}"),
            ..CreateRoomRequest::default()
        };
        client
            .create_room(request)
            .await
            .map_err(|status| failed(&status))?;
    }
    Ok(())
}

async fn execute(postgres: &postgres::Server, statements: &str) -> Result<()> {
    let failed = |error| Fault::other(format!("PostgreSQL: {error}"));
    let (client, connection) = tokio_postgres::connect(&postgres.url("chat_db"), tokio_postgres::NoTls)
        .await
        .map_err(failed)?;
    tokio::spawn(connection);
    client.batch_execute(statements).await.map_err(failed)
}
