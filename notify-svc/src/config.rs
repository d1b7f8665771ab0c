//! The settings of notify-svc, from flags and environment.

use std::net::SocketAddr;

use broker::Source;
use clap::Parser;
use runtime::{
    Fatal, Problems, Program, Shutdown,
    process::Command,
    settings::{Listen, given},
    telemetry::LogSettings,
    trace::TraceSettings,
};
use sql::DatabaseUrl;

/// Where notifications lie unless `DATABASE_URL` says otherwise.
const DATABASE_URL: &str = "sqlite://data/notifications.db";

/// The settings as they are given.
#[derive(Debug, Parser)]
#[command(
    name = "notify-svc",
    version,
    about = "ChatFlow's notifications: stores them and publishes them live, over gRPC"
)]
pub struct Settings {
    /// The gRPC port; 0 lets the system choose
    #[arg(long, env = "PORT", default_value = "8022")]
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
    /// The broker: redis://host:port, or redis-cluster://host:port,host:port; without one, live frames stay in this process
    #[arg(long, env = "REDIS_URL", hide_env_values = true)]
    redis_url: Option<String>,
    #[command(flatten)]
    logs: LogSettings,
    #[command(flatten)]
    traces: TraceSettings,
    #[command(subcommand)]
    command: Option<Command>,
}

/// The settings, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens.
    pub listen: Listen,
    /// Where notifications lie.
    pub database: DatabaseUrl,
    /// Where live frames go.
    pub broker: Source,
}

impl Program for Settings {
    type Config = Config;

    fn logs(&self) -> &LogSettings {
        &self.logs
    }

    fn traces(&self) -> &TraceSettings {
        &self.traces
    }

    fn command(&self) -> Option<Command> {
        self.command
    }

    fn admin_address(config: &Config) -> SocketAddr {
        config.listen.admin_address()
    }

    fn check(&self) -> Result<Config, Problems> {
        let mut problems = Problems::new();
        let port = given(Some(&self.port)).unwrap_or("8022");
        let bind = given(Some(&self.bind)).unwrap_or("127.0.0.1");
        let listen = Listen::check(&mut problems, bind, port, self.admin_port.as_deref());
        let database = given(Some(&self.database_url)).unwrap_or(DATABASE_URL);
        let database = problems.check("DATABASE_URL", database.parse());
        let broker = problems.check("REDIS_URL", Source::from_setting(self.redis_url.as_deref()));
        let config = listen
            .zip(database)
            .zip(broker)
            .map(|((listen, database), broker)| Config {
                listen,
                database,
                broker,
            });
        problems.into_result(config)
    }

    async fn run(config: Config, shutdown: Shutdown) -> Result<(), Fatal> {
        crate::run(config, shutdown).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(args: &[&str]) -> Result<Config, String> {
        let args = ["notify-svc"].iter().chain(args);
        let settings = Settings::try_parse_from(args).map_err(|error| error.to_string())?;
        settings.check().map_err(|problems| problems.to_string())
    }

    #[test]
    fn empty_means_not_set() {
        let config = checked(&[
            "--port=",
            "--bind=",
            "--admin-port=",
            "--database-url=",
            "--redis-url=",
        ]);
        let config = config.unwrap();
        assert_eq!(config.listen.address().to_string(), "127.0.0.1:8022");
        assert_eq!(config.listen.admin_address().to_string(), "127.0.0.1:9022");
        assert_eq!(config.database.to_string(), DATABASE_URL);
        assert!(matches!(config.broker, Source::Shared(_)));
    }

    #[test]
    fn every_bad_value_is_named_and_none_is_repeated() {
        let told = checked(&[
            "--port=hunter2",
            "--bind=nowhere",
            "--admin-port=70000",
            "--database-url=mysql://u:hunter2@h/d",
            "--redis-url=http://u:hunter2@h",
        ])
        .unwrap_err();
        for name in ["PORT", "BIND", "ADMIN_PORT", "DATABASE_URL", "REDIS_URL"] {
            assert!(told.contains(&format!("\n  {name}: ")), "{name} in {told}");
        }
        assert!(!told.contains("hunter2"), "{told}");
    }

    #[test]
    fn secrets_do_not_print() {
        let config = checked(&[
            "--database-url=postgres://u:hunter2@db/notifications_db",
            "--redis-url=redis://:hunter2@redis:6379",
        ]);
        let told = format!("{:?}", config.unwrap());
        assert!(told.contains("redis:6379") && !told.contains("hunter2"), "{told}");
    }
}
