//! The settings of the service, checked.

use std::net::SocketAddr;

use clap::Parser;
use runtime::{
    Fatal, Problems, Program, Shutdown,
    process::Command,
    settings::{Listen, given},
    telemetry::LogSettings,
    trace::TraceSettings,
};

use crate::store::{Lifetimes, StoreSource};

/// Command line and environment of `presence-svc`.
#[derive(Debug, Parser)]
#[command(
    name = "presence-svc",
    version,
    about = "ChatFlow's presence service: who is online, who types"
)]
#[expect(clippy::doc_markdown, reason = "the comments are the text of --help")]
pub struct Settings {
    /// Port for gRPC
    #[arg(long, env = "PORT", default_value = "8021")]
    port: String,
    /// Address to listen on
    #[arg(long, env = "BIND", default_value = "127.0.0.1")]
    bind: String,
    /// Port for /livez, /readyz and /metrics [default: PORT + 1000]
    #[arg(long, env = "ADMIN_PORT")]
    admin_port: Option<String>,
    /// Redis for presence and its news, redis://[user:password@]host[:port][/database] [default: in process]
    #[arg(long, env = "REDIS_URL", hide_env_values = true)]
    redis_url: Option<String>,
    /// Redis for presence alone, where REDIS_URL is a cluster: its keys have to be on one server [default: REDIS_URL]
    #[arg(long, env = "PRESENCE_REDIS_URL", hide_env_values = true)]
    presence_redis_url: Option<String>,
    #[command(flatten)]
    logs: LogSettings,
    #[command(flatten)]
    traces: TraceSettings,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Checked settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens.
    pub listen: Listen,
    /// Where presence is kept.
    pub store: StoreSource,
    /// Where changes are published.
    pub broker: broker::Source,
    /// How long presence and typing last; the contract's unless a test says otherwise.
    pub lifetimes: Lifetimes,
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
        let bind = given(Some(&self.bind)).unwrap_or("127.0.0.1");
        let port = given(Some(&self.port)).unwrap_or("8021");
        let listen = Listen::check(&mut problems, bind, port, self.admin_port.as_deref());
        let url = self.redis_url.as_deref();
        let own = given(self.presence_redis_url.as_deref());
        let broker = broker::Source::from_setting(url);
        let on_cluster = broker.as_ref().is_ok_and(broker::Source::is_sharded);
        let store = if own.is_some() {
            problems.check("PRESENCE_REDIS_URL", StoreSource::from_setting(own))
        } else if on_cluster {
            let told = "must be set where REDIS_URL is a cluster";
            problems.check("PRESENCE_REDIS_URL", Err(told))
        } else {
            // A URL that can't be used is told once, below.
            StoreSource::from_setting(url).ok()
        };
        let broker = problems.check("REDIS_URL", broker);
        let config = listen
            .zip(store)
            .zip(broker)
            .map(|((listen, store), broker)| Config {
                listen,
                store,
                broker,
                lifetimes: Lifetimes::default(),
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

    fn checked(args: &[&str]) -> Result<Config, Problems> {
        Settings::try_parse_from(std::iter::once(&"presence-svc").chain(args))
            .unwrap()
            .check()
    }

    #[test]
    fn without_redis_everything_is_in_process() {
        let config = checked(&["--redis-url", " ", "--port", ""]).unwrap();
        assert_eq!(config.store, StoreSource::Memory);
        assert!(matches!(config.broker, broker::Source::Shared(_)));
        assert_eq!(config.listen.port, 8021);
        assert_eq!(config.listen.admin_port, Some(9021));
    }

    #[test]
    fn all_problems_are_told_once_and_without_values() {
        let told = checked(&["--redis-url", "postgres://u:hunter2@h", "--port", "x"])
            .unwrap_err()
            .to_string();
        assert_eq!(told.matches("REDIS_URL: ").count(), 1, "{told}");
        assert!(told.contains("PORT: "), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }

    #[test]
    fn a_cluster_carries_the_news_and_not_the_keys() {
        let cluster = ["--redis-url", "redis-cluster://h:7000"];
        let told = checked(&cluster).unwrap_err().to_string();
        assert!(told.contains("PRESENCE_REDIS_URL: must be set"), "{told}");
        let config = checked(&[&cluster[..], &["--presence-redis-url", "redis://h"]].concat()).unwrap();
        assert!(config.broker.is_sharded() && matches!(config.store, StoreSource::Redis(_)));
    }

    #[test]
    fn a_password_does_not_print() {
        let config = checked(&["--redis-url", "redis://u:hunter2@redis:6379"]).unwrap();
        let printed = format!("{config:?} {}", config.store);
        assert!(
            printed.contains("redis:6379") && !printed.contains("hunter2"),
            "{printed}"
        );
    }
}
