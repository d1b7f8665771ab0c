//! The edge's settings, from flags and environment, checked all at once.

use std::{net::SocketAddr, str::FromStr};

use broker::Source;
use clap::Parser;
use runtime::{
    Fatal, Problems, Program, Shutdown,
    client::service_url,
    process::Command,
    settings::{Listen, given},
    telemetry::LogSettings,
    trace::TraceSettings,
};

use crate::{layers::origin::AllowedOrigins, upstream::Addresses};

/// The largest file, in bytes, where it is not set: 100 MiB.
pub const MAX_UPLOAD_BYTES: u64 = 100 * 1024 * 1024;

/// The edge of ChatFlow: WebSocket, REST, documentation and the browser UI, on one port
#[derive(Debug, Clone, Parser)]
#[command(name = "edge", version)]
pub struct Settings {
    /// The HTTP port; 0 lets the system choose
    #[arg(long, env = "PORT", default_value = "8092", global = true)]
    pub port: String,
    /// The address to listen on; 0.0.0.0 for all
    #[arg(long, env = "BIND", default_value = "127.0.0.1", global = true)]
    pub bind: String,
    /// The broker that all edges and services share: redis://host:port, or redis-cluster://host:port,host:port
    #[arg(long, env = "REDIS_URL", hide_env_values = true)]
    pub redis_url: Option<String>,
    /// The rooms whose frames the broker sends here: all, or rooms, those with a subscriber here; then fewer reach an
    /// edge of many, and each room's first subscriber waits for the broker
    #[arg(long, env = "EDGE_SUBSCRIBE", default_value = "all", value_name = "all|rooms")]
    pub edge_subscribe: String,
    /// Where chat-svc is; several replicas separated by commas, a name may stand for several
    #[arg(long, env = "CHAT_URL", default_value = "http://127.0.0.1:8020")]
    pub chat_url: String,
    /// Where presence-svc is
    #[arg(long, env = "PRESENCE_URL", default_value = "http://127.0.0.1:8021")]
    pub presence_url: String,
    /// Where notify-svc is
    #[arg(long, env = "NOTIFY_URL", default_value = "http://127.0.0.1:8022")]
    pub notify_url: String,
    /// Where files-svc is
    #[arg(long, env = "FILES_URL", default_value = "http://127.0.0.1:8023")]
    pub files_url: String,
    /// What it lets in, and how much
    #[command(flatten)]
    pub access: AccessSettings,
    /// How to log
    #[command(flatten)]
    pub logs: LogSettings,
    /// Whether and where to tell of traces
    #[command(flatten)]
    pub traces: TraceSettings,
    /// What to do instead of running
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Settings of the door, the same for the edge and the all-in-one.
#[derive(Debug, Clone, clap::Args)]
#[expect(clippy::doc_markdown, reason = "the comments are the text of --help")]
pub struct AccessSettings {
    /// Whether a name alone is enough, without signing in [default: true where only this machine can connect]
    #[arg(long, env = "OPEN_ACCESS", value_name = "true|false")]
    pub open_access: Option<String>,
    /// The addresses at which people reach this server, separated by commas, where BIND does not tell because a port of
    /// a container or a proxy is published there [default: BIND, or everywhere with PROXY_HOPS]
    #[arg(long, env = "PUBLISHED_AT", value_name = "ADDRESSES")]
    pub published_at: Option<String>,
    /// The largest file, in bytes
    #[arg(long, env = "MAX_UPLOAD_BYTES", default_value_t = MAX_UPLOAD_BYTES.to_string())]
    pub max_upload_bytes: String,
    /// Open connections; more are refused
    #[arg(long, env = "MAX_CONNECTIONS", default_value = "100000")]
    pub max_connections: String,
    /// Whether clients that offer it (permessage-deflate) are sent long messages of their rooms compressed: less traffic,
    /// more work for the clients
    #[arg(
        long,
        env = "SOCKET_COMPRESSION",
        value_name = "on|off",
        default_value = "off"
    )]
    pub socket_compression: String,
    /// Websites besides this one that may use this server, such as https://chat.example.org; separated by commas
    #[arg(long, env = "ALLOWED_ORIGINS", default_value = "")]
    pub allowed_origins: String,
    /// Proxies of ours in front, each adding to X-Forwarded-For; the limits below then count by what they say
    #[arg(long, env = "PROXY_HOPS", default_value = "0")]
    pub proxy_hops: String,
    /// Requests per minute from one address, a sixth of them at once; 0 for no limit
    #[arg(long, env = "REQUESTS_PER_MINUTE", default_value = "60000")]
    pub requests_per_minute: String,
    /// Sign-ins and registrations per minute from one address; 0 for no limit
    #[arg(long, env = "SIGN_INS_PER_MINUTE", default_value = "120")]
    pub sign_ins_per_minute: String,
}

/// Checked settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: Listen,
    /// The broker.
    pub broker: Source,
    /// The rooms whose frames the broker sends here.
    pub subscribing: Subscribing,
    /// The services.
    pub services: Addresses,
    /// What it lets in, and how much.
    pub access: Access,
}

/// The rooms whose channels an edge subscribes to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Subscribing {
    /// All, by a pattern.
    #[default]
    All,
    /// Those with a subscriber here, each by its name.
    Rooms,
}

impl FromStr for Subscribing {
    type Err = &'static str;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        match value {
            "all" => Ok(Self::All),
            "rooms" => Ok(Self::Rooms),
            _ => Err("must be all or rooms"),
        }
    }
}

/// Checked settings of the door.
#[derive(Debug, Clone)]
pub struct Access {
    /// Whether a name alone is enough.
    pub open: bool,
    /// The largest file, in bytes.
    pub max_upload_bytes: u64,
    /// Open connections.
    pub max_connections: usize,
    /// Whether sockets may be compressed.
    pub compression: bool,
    /// What bounds HTTP.
    pub http: HttpLimits,
}

/// What bounds HTTP requests.
#[derive(Debug, Clone, Default)]
pub struct HttpLimits {
    /// Websites besides our own.
    pub origins: AllowedOrigins,
    /// Proxies of ours in front.
    pub proxy_hops: usize,
    /// Per address; 0 for no limit.
    pub requests_per_minute: u32,
    /// Per address; 0 for no limit.
    pub sign_ins_per_minute: u32,
}

impl AccessSettings {
    fn no_proxy(&self) -> bool {
        given(Some(&self.proxy_hops)).is_none_or(|hops| hops == "0")
    }

    /// Checks them, for a server that listens where `listen` says.
    pub fn check(&self, problems: &mut Problems, listen: Option<Listen>) -> Option<Access> {
        let local = match given(self.published_at.as_deref()) {
            Some(places) => places
                .split(',')
                .filter_map(|place| problems.bind("PUBLISHED_AT", place))
                .all(|place| place.is_loopback()),
            // Whoever has a proxy in front does not have it for this machine alone.
            None => listen.is_some_and(|listen| listen.bind.is_loopback()) && self.no_proxy(),
        };
        let open = match given(self.open_access.as_deref()) {
            Some(value) => problems.switch("OPEN_ACCESS", value),
            None => Some(local),
        };
        let number = "a whole number";
        let or = |value: &str, default: &'static str| given(Some(value)).unwrap_or(default).to_owned();
        let max_upload_bytes = match given(Some(&self.max_upload_bytes)) {
            Some(value) => problems.parse("MAX_UPLOAD_BYTES", value, "a number of bytes"),
            None => Some(MAX_UPLOAD_BYTES),
        };
        let max_connections = problems.parse("MAX_CONNECTIONS", &or(&self.max_connections, "100000"), number);
        let compression = problems.switch("SOCKET_COMPRESSION", &or(&self.socket_compression, "off"));
        let origins = problems.check("ALLOWED_ORIGINS", AllowedOrigins::parse(&self.allowed_origins));
        // Where people have to sign in, a page that gets here under a name of its own has nothing to sign in with.
        let trusting = local && open == Some(true);
        let origins = origins.map(|origins| {
            if trusting {
                origins.of_this_machine()
            } else {
                origins
            }
        });
        let proxy_hops = problems.parse("PROXY_HOPS", &or(&self.proxy_hops, "0"), number);
        let requests = or(&self.requests_per_minute, "60000");
        let requests_per_minute = problems.parse("REQUESTS_PER_MINUTE", &requests, number);
        let sign_ins = or(&self.sign_ins_per_minute, "120");
        let sign_ins_per_minute = problems.parse("SIGN_INS_PER_MINUTE", &sign_ins, number);
        Some(Access {
            open: open?,
            max_upload_bytes: max_upload_bytes?,
            max_connections: max_connections?,
            compression: compression?,
            http: HttpLimits {
                origins: origins?,
                proxy_hops: proxy_hops?,
                requests_per_minute: requests_per_minute?,
                sign_ins_per_minute: sign_ins_per_minute?,
            },
        })
    }
}

/// Where the edge listens: its admin routes are on the same port.
pub fn listen(problems: &mut Problems, bind: &str, port: &str) -> Option<Listen> {
    let bind = problems.bind("BIND", given(Some(bind)).unwrap_or("127.0.0.1"));
    let port = problems.port("PORT", given(Some(port)).unwrap_or("8092"));
    Some(Listen {
        bind: bind?,
        port: port?,
        admin_port: None,
    })
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
        let listen = listen(&mut problems, &self.bind, &self.port);
        let broker = problems.check("REDIS_URL", Source::from_setting(self.redis_url.as_deref()));
        let subscribing = given(Some(&self.edge_subscribe)).unwrap_or("all");
        let subscribing = match (subscribing.parse(), &broker) {
            (Ok(Subscribing::All), Some(broker)) if broker.is_sharded() => {
                Err("must be rooms where REDIS_URL is a cluster: nobody hears all rooms there")
            }
            (subscribing, _) => subscribing,
        };
        let subscribing = problems.check("EDGE_SUBSCRIBE", subscribing);
        let mut service = |name, value: &str, default| {
            let value = given(Some(value)).unwrap_or(default);
            service_url(&mut problems, name, value)
        };
        let chat = service("CHAT_URL", &self.chat_url, "http://127.0.0.1:8020");
        let presence = service("PRESENCE_URL", &self.presence_url, "http://127.0.0.1:8021");
        let notify = service("NOTIFY_URL", &self.notify_url, "http://127.0.0.1:8022");
        let files = service("FILES_URL", &self.files_url, "http://127.0.0.1:8023");
        let access = self.access.check(&mut problems, listen);
        let config = || {
            Some(Config {
                listen: listen?,
                broker: broker?,
                subscribing: subscribing?,
                services: Addresses {
                    chat: chat?,
                    presence: presence?,
                    notify: notify?,
                    files: files?,
                },
                access: access?,
            })
        };
        problems.into_result(config())
    }

    async fn run(config: Config, shutdown: Shutdown) -> Result<(), Fatal> {
        crate::run::run(config, shutdown).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(args: &[&str]) -> Result<Config, Problems> {
        Settings::try_parse_from([&["edge"], args].concat())
            .unwrap()
            .check()
    }

    #[test]
    fn a_name_alone_is_enough_only_on_this_machine() {
        assert!(check(&["--bind", "127.0.0.1"]).unwrap().access.open);
        assert!(check(&["--bind", "::1"]).unwrap().access.open);
        assert!(!check(&["--bind", "0.0.0.0"]).unwrap().access.open);
        assert!(
            check(&["--bind", "0.0.0.0", "--open-access", "true"])
                .unwrap()
                .access
                .open
        );
        assert!(!check(&["--open-access", "false"]).unwrap().access.open);
        assert!(!check(&["--proxy-hops", "1"]).unwrap().access.open);
    }

    #[test]
    fn what_is_open_on_this_machine_answers_to_no_name_of_a_stranger() {
        let stranger = (http::header::HOST, "evil.example".parse().unwrap());
        let headers = http::HeaderMap::from_iter([stranger]);
        let answers = |args: &[&str]| check(args).unwrap().access.http.origins.admit(&headers);
        assert!(!answers(&[]));
        assert!(!answers(&["--bind=0.0.0.0", "--published-at=127.0.0.1"]));
        assert!(answers(&["--open-access=false"]));
        assert!(answers(&["--bind=0.0.0.0", "--open-access=true"]));
        assert!(answers(&["--proxy-hops=1", "--open-access=true"]));
        assert!(answers(&["--allowed-origins=http://evil.example"]));
    }

    #[test]
    fn in_a_container_the_published_ports_say_who_can_connect() {
        let open = |places: &str| check(&["--bind=0.0.0.0", "--published-at", places]).map(|c| c.access.open);
        assert!(open("127.0.0.1").unwrap());
        assert!(open("127.0.0.1,::1").unwrap());
        assert!(!open("127.0.0.1,0.0.0.0").unwrap());
        assert!(!open("").unwrap());
        assert!(open("localhost").is_err());
        assert!(
            !check(&["--published-at=127.0.0.1", "--open-access=false"])
                .unwrap()
                .access
                .open
        );
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let told = check(&[
            "--port=x",
            "--redis-url=http://h",
            "--edge-subscribe=some",
            "--chat-url=chat",
            "--allowed-origins=h",
            "--max-connections=-1",
            "--socket-compression=gzip",
        ])
        .unwrap_err()
        .to_string();
        for name in [
            "PORT",
            "REDIS_URL",
            "EDGE_SUBSCRIBE",
            "CHAT_URL",
            "ALLOWED_ORIGINS",
            "MAX_CONNECTIONS",
            "SOCKET_COMPRESSION",
        ] {
            assert!(told.contains(&format!("{name}: ")), "{name}: {told}");
        }
    }

    #[test]
    fn on_a_cluster_rooms_are_heard_by_name() {
        let cluster = "--redis-url=redis-cluster://h:7000,h:7001";
        let told = check(&[cluster]).unwrap_err().to_string();
        assert!(told.contains("EDGE_SUBSCRIBE: must be rooms"), "{told}");
        let config = check(&[cluster, "--edge-subscribe=rooms"]).unwrap();
        assert!(config.broker.is_sharded());
    }

    #[test]
    fn an_empty_setting_is_none() {
        let config = check(&[
            "--port=",
            "--chat-url=",
            "--redis-url=",
            "--open-access=",
            "--edge-subscribe=",
        ])
        .unwrap();
        assert_eq!(config.subscribing, Subscribing::All);
        assert_eq!(config.listen.port, 8092);
        assert_eq!(config.services.chat.to_string(), "http://127.0.0.1:8020");
    }
}
