//! The settings of chat-svc, from flags and environment.

use std::net::SocketAddr;

use broker::Source;
use clap::{Parser, Subcommand};
use runtime::{
    Fatal, Problems, Program, Shutdown,
    client::{ServiceUrl, service_url},
    process::Command,
    settings::{Listen, given},
    telemetry::LogSettings,
    trace::TraceSettings,
};
use sql::DatabaseUrl;

use crate::{
    partitioning,
    store::{FEWEST_PARTITIONS, MOST_PARTITIONS},
};

/// Where rooms and messages lie unless `DATABASE_URL` says otherwise.
const DATABASE_URL: &str = "sqlite://data/chat.db";

/// The settings as they are given.
#[derive(Debug, Parser)]
#[command(
    name = "chat-svc",
    version,
    about = "ChatFlow's rooms, messages and identities: one durable log per room, over gRPC"
)]
pub struct Settings {
    /// The gRPC port; 0 lets the system choose
    #[arg(long, env = "PORT", default_value = "8020")]
    port: String,
    /// The address to listen on; 0.0.0.0 for every one
    #[arg(long, env = "BIND", default_value = "127.0.0.1")]
    bind: String,
    /// The port of /livez, /readyz and /metrics [default: the gRPC port + 1000]
    #[arg(long, env = "ADMIN_PORT")]
    admin_port: Option<String>,
    #[arg(
        long,
        env = "DATABASE_URL",
        default_value = DATABASE_URL,
        hide_env_values = true,
        help = "The store: sqlite://path/to/file.db or postgres://user:password@host:port/database"
    )]
    database_url: String,
    #[arg(
        long,
        env = "DATABASE_READ_URL",
        hide_env_values = true,
        help = "Replicas of PostgreSQL that history may be read from, separated by commas: postgres://…"
    )]
    database_read_url: Option<String>,
    /// The broker: redis://host:port, or redis-cluster://host:port,host:port; without one, live frames stay in this process
    #[arg(long, env = "REDIS_URL", hide_env_values = true)]
    redis_url: Option<String>,
    /// Where mentions are delivered to; empty: they wait in the store
    #[arg(long, env = "NOTIFY_URL", default_value = "http://127.0.0.1:8022")]
    notify_url: String,
    #[command(flatten)]
    logs: LogSettings,
    #[command(flatten)]
    traces: TraceSettings,
    #[command(subcommand)]
    asked: Option<Asked>,
}

/// What can be asked of chat-svc instead of serving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
enum Asked {
    /// Ask the running process whether it is ready: exit code 0 or 1
    Health,
    /// Cut the messages table of PostgreSQL into partitions by room, once and for good; nobody sends or reads meanwhile
    PartitionMessages {
        /// How many partitions, 2 to 256
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(i64::from(FEWEST_PARTITIONS)..=i64::from(MOST_PARTITIONS)))]
        into: u16,
    },
}

/// What the process is to do.
#[derive(Debug, Clone)]
pub struct Task {
    /// With which settings.
    pub(crate) config: Config,
    /// Into how many partitions messages are to be cut; `None`: serve.
    pub(crate) partitions: Option<u16>,
}

/// The settings, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens.
    pub listen: Listen,
    /// Where rooms, messages and identities lie.
    pub database: DatabaseUrl,
    /// Copies of it that history may be read from; PostgreSQL only.
    pub replicas: Vec<DatabaseUrl>,
    /// Where frames go.
    pub broker: Source,
    /// Where mentions are delivered to; `None`: they wait in the store.
    pub notify: Option<ServiceUrl>,
}

impl Program for Settings {
    type Config = Task;

    fn logs(&self) -> &LogSettings {
        &self.logs
    }

    fn traces(&self) -> &TraceSettings {
        &self.traces
    }

    fn command(&self) -> Option<Command> {
        (self.asked == Some(Asked::Health)).then_some(Command::Health)
    }

    fn admin_address(task: &Task) -> SocketAddr {
        task.config.listen.admin_address()
    }

    fn check(&self) -> Result<Task, Problems> {
        let mut problems = Problems::new();
        let port = given(Some(&self.port)).unwrap_or("8020");
        let bind = given(Some(&self.bind)).unwrap_or("127.0.0.1");
        let listen = Listen::check(&mut problems, bind, port, self.admin_port.as_deref());
        let database = given(Some(&self.database_url)).unwrap_or(DATABASE_URL);
        let database: Option<DatabaseUrl> = problems.check("DATABASE_URL", database.parse());
        let partitions = match self.asked {
            Some(Asked::PartitionMessages { into }) => Some(into),
            Some(Asked::Health) | None => None,
        };
        if partitions.is_some() && matches!(database, Some(DatabaseUrl::Sqlite(_))) {
            problems.note(
                "DATABASE_URL",
                "names SQLite, which has no partitions: partition-messages needs PostgreSQL",
            );
        }
        let replicas = given(self.database_read_url.as_deref()).unwrap_or_default();
        let replicas = problems.check("DATABASE_READ_URL", replicas_of(database.as_ref(), replicas));
        let broker = problems.check("REDIS_URL", Source::from_setting(self.redis_url.as_deref()));
        let notify =
            given(Some(&self.notify_url)).and_then(|url| service_url(&mut problems, "NOTIFY_URL", url));
        let config =
            listen
                .zip(database)
                .zip(replicas)
                .zip(broker)
                .map(|(((listen, database), replicas), broker)| Task {
                    config: Config {
                        listen,
                        database,
                        replicas,
                        broker,
                        notify,
                    },
                    partitions,
                });
        problems.into_result(config)
    }

    async fn run(Task { config, partitions }: Task, shutdown: Shutdown) -> Result<(), Fatal> {
        match partitions {
            Some(into) => partitioning::run(&config.database, into, &shutdown).await,
            None => crate::run(config, shutdown).await,
        }
    }
}

/// The databases that `urls` names. A comma alone does not separate them: one URL may name several hosts.
fn replicas_of(database: Option<&DatabaseUrl>, urls: &str) -> Result<Vec<DatabaseUrl>, &'static str> {
    let mut replicas: Vec<DatabaseUrl> = Vec::new();
    let mut rest = urls;
    while !rest.is_empty() {
        let end = rest.match_indices(',').map(|(at, _)| at);
        let end = end.into_iter().find(|at| {
            // Another host of the same URL has no scheme.
            let next = rest.get(at + 1..).and_then(|next| next.split(',').next());
            next.is_some_and(|next| next.contains("://"))
        });
        let (url, others) = rest.split_at(end.unwrap_or(rest.len()));
        replicas.push(url.parse()?);
        rest = others.trim_start_matches(',');
    }
    let is_postgres = |url: &DatabaseUrl| matches!(url, DatabaseUrl::Postgres(_));
    if !replicas.iter().all(is_postgres) || (!replicas.is_empty() && !database.is_none_or(is_postgres)) {
        return Err("only PostgreSQL has replicas: this and DATABASE_URL must begin with postgres://");
    }
    Ok(replicas)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(args: &[&str]) -> Result<Config, String> {
        let args = ["chat-svc"].iter().chain(args);
        let settings = Settings::try_parse_from(args).map_err(|error| error.to_string())?;
        let task = settings.check().map_err(|problems| problems.to_string())?;
        Ok(task.config)
    }

    #[test]
    fn empty_means_not_set() {
        let config = checked(&[
            "--port=",
            "--bind=",
            "--admin-port=",
            "--database-url=",
            "--database-read-url=",
            "--redis-url=",
            "--notify-url=",
        ])
        .unwrap();
        assert_eq!(config.listen.address().to_string(), "127.0.0.1:8020");
        assert_eq!(config.listen.admin_address().to_string(), "127.0.0.1:9020");
        assert_eq!(config.database.to_string(), DATABASE_URL);
        assert!(matches!(config.broker, Source::Shared(_)));
        assert_eq!(config.notify, None);
        assert_eq!(config.replicas, []);
    }

    #[test]
    fn replicas_may_be_several_and_have_several_hosts() {
        let one = "--database-url=postgres://u:p@db/chat_db";
        let replicas = |urls: &str| {
            let config = checked(&[one, &format!("--database-read-url={urls}")])?;
            Ok::<_, String>(config.replicas)
        };
        let parsed = |url: &str| url.parse::<DatabaseUrl>().unwrap();
        assert_eq!(replicas("postgres://a/d").unwrap(), [parsed("postgres://a/d")]);
        assert_eq!(
            replicas("postgres://u:p@a,b/d, postgresql://c/d").unwrap(),
            [parsed("postgres://u:p@a,b/d"), parsed("postgresql://c/d")]
        );
        for bad in ["sqlite://a.db", "postgres://a/d,sqlite://b", "hunter2"] {
            let told = replicas(bad).unwrap_err();
            assert!(
                told.contains("DATABASE_READ_URL") && !told.contains("hunter2"),
                "{told}"
            );
        }
        let told = checked(&["--database-read-url=postgres://a/d"]).unwrap_err();
        assert!(told.contains("DATABASE_READ_URL"), "SQLite has none: {told}");
    }

    #[test]
    fn every_bad_value_is_named_and_none_is_repeated() {
        let told = checked(&[
            "--port=hunter2",
            "--bind=nowhere",
            "--admin-port=70000",
            "--database-url=mysql://u:hunter2@h/d",
            "--redis-url=http://u:hunter2@h",
            "--notify-url=ftp://hunter2",
        ])
        .unwrap_err();
        for name in [
            "PORT",
            "BIND",
            "ADMIN_PORT",
            "DATABASE_URL",
            "REDIS_URL",
            "NOTIFY_URL",
        ] {
            assert!(told.contains(&format!("\n  {name}: ")), "{name} in {told}");
        }
        assert!(!told.contains("hunter2"), "{told}");
    }

    #[test]
    fn secrets_do_not_print() {
        let config = checked(&[
            "--database-url=postgres://u:hunter2@db/chat_db",
            "--redis-url=redis://:hunter2@redis:6379",
        ]);
        let told = format!("{:?}", config.unwrap());
        assert!(told.contains("redis:6379") && !told.contains("hunter2"), "{told}");
    }
}
