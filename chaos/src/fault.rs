//! What can go wrong with a cluster, in the words of the report.

use std::{fmt, time::Duration};

use test_support::{
    cluster::{Dependency, Part},
    proxy,
};

/// One fault. It lasts for a while and is then healed.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// `kill -9`; started again afterwards.
    Kill(Part),
    /// SIGSTOP; continued afterwards.
    Pause(Part),
    /// A graceful stop; started again afterwards.
    Stop(Part),
    /// The wall clock of one process jumps by so many seconds, and back.
    Clock(Part, i64),
    /// Redis is gone and comes back empty.
    RedisRestartsEmpty,
    /// Redis answers nothing.
    RedisPauses,
    /// Redis closes all its connections once.
    RedisDropsClients,
    /// PostgreSQL is stopped at once, and started again.
    PostgresStops,
    /// PostgreSQL answers nothing.
    PostgresPauses,
    /// All connections of PostgreSQL are taken.
    PostgresIsExhausted,
    /// The object store is gone.
    ObjectStoreStops,
    /// The network between a process and something it needs.
    Link(Part, Dependency, Network),
    /// The network between people and an edge.
    Door(usize, Network),
}

/// What a network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Resets the connections that are open, once.
    Resets,
    /// Anything that the fault proxy does for as long as it lasts.
    Lasting(proxy::Fault),
}

/// A fault with its time.
#[derive(Debug, Clone, PartialEq)]
pub struct Scheduled {
    /// Since the beginning.
    pub at: Duration,
    /// How long it lasts.
    pub lasts: Duration,
    /// What.
    pub fault: Fault,
}

impl Fault {
    /// Its kind, without saying which replica: a row of the table of stalls.
    pub fn kind(&self) -> String {
        match self {
            Self::Kill(part) => format!("{} killed", service(*part)),
            Self::Pause(part) => format!("{} frozen", service(*part)),
            Self::Stop(part) => format!("{} stopped in good order", service(*part)),
            Self::Clock(part, seconds) => {
                let direction = if *seconds < 0 { "back" } else { "ahead" };
                format!("{}: clock jumps an hour {direction}", service(*part))
            }
            Self::RedisRestartsEmpty => "Redis gone, then back empty".to_owned(),
            Self::RedisPauses => "Redis frozen".to_owned(),
            Self::RedisDropsClients => "Redis drops all connections".to_owned(),
            Self::PostgresStops => "PostgreSQL stopped".to_owned(),
            Self::PostgresPauses => "PostgreSQL frozen".to_owned(),
            Self::PostgresIsExhausted => "PostgreSQL out of connections".to_owned(),
            Self::ObjectStoreStops => "object store stopped".to_owned(),
            Self::Link(from, to, network) => {
                format!("{} → {}: {network}", service(*from), needed(*to))
            }
            Self::Door(_, network) => format!("client → edge: {network}"),
        }
    }

    /// What it takes hold of: two faults that share one can't be told apart, and are not drawn together.
    pub fn holds(&self) -> Vec<String> {
        match self {
            Self::Kill(part) | Self::Pause(part) | Self::Stop(part) | Self::Clock(part, _) => {
                vec![part.to_string()]
            }
            Self::RedisRestartsEmpty | Self::RedisPauses | Self::RedisDropsClients => {
                vec!["redis".to_owned()]
            }
            Self::PostgresStops | Self::PostgresPauses | Self::PostgresIsExhausted => {
                vec!["postgres".to_owned()]
            }
            Self::ObjectStoreStops => vec!["s3".to_owned()],
            Self::Link(from, to, _) => vec![from.to_string(), to.to_string()],
            Self::Door(edge, _) => vec![Part::Edge(*edge).to_string()],
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill(part) => write!(f, "kill -9 {part}"),
            Self::Pause(part) => write!(f, "freeze {part}"),
            Self::Stop(part) => write!(f, "stop {part}"),
            Self::Clock(part, seconds) => write!(f, "clock of {part} {seconds:+} s"),
            Self::Link(from, to, network) => write!(f, "{from} → {to}: {network}"),
            Self::Door(edge, network) => write!(f, "clients → {}: {network}", Part::Edge(*edge)),
            other => f.write_str(&other.kind()),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resets => f.write_str("reset once"),
            Self::Lasting(fault) => match fault {
                proxy::Fault::None => f.write_str("well"),
                proxy::Fault::Delay(delay) => write!(f, "{} ms late", delay.as_millis()),
                proxy::Fault::Throttle { bytes_per_second } => {
                    write!(f, "{} KB/s", bytes_per_second / 1000)
                }
                proxy::Fault::Stall => f.write_str("held up"),
                proxy::Fault::Cut => f.write_str("cut"),
                proxy::Fault::Refuse => f.write_str("no new connections"),
                proxy::Fault::BlackHole(proxy::Direction::Both) => f.write_str("black hole"),
                proxy::Fault::BlackHole(proxy::Direction::ToServer) => f.write_str("requests lost"),
                proxy::Fault::BlackHole(proxy::Direction::ToClient) => f.write_str("answers lost"),
                proxy::Fault::HalfOpen => f.write_str("half open"),
                proxy::Fault::Pushes => f.write_str("subscription silent"),
            },
        }
    }
}

fn service(part: Part) -> &'static str {
    match part {
        Part::Edge(_) => "edge",
        Part::Chat(_) => "chat-svc",
        Part::Presence(_) => "presence-svc",
        Part::Notify(_) => "notify-svc",
        Part::Files(_) => "files-svc",
    }
}

fn needed(dependency: Dependency) -> &'static str {
    match dependency {
        Dependency::Redis => "Redis",
        Dependency::Postgres => "PostgreSQL",
        Dependency::S3 => "S3",
        Dependency::Chat(_) => "chat-svc",
        Dependency::Presence(_) => "presence-svc",
        Dependency::Notify(_) => "notify-svc",
        Dependency::Files(_) => "files-svc",
    }
}
