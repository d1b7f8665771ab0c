//! The parts of a cluster, and what each depends on.

use std::fmt;

/// A process of ours, counted from 0 among those of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// An edge.
    Edge(usize),
    /// A replica of chat-svc.
    Chat(usize),
    /// A replica of presence-svc.
    Presence(usize),
    /// A replica of notify-svc.
    Notify(usize),
    /// A replica of files-svc.
    Files(usize),
}

/// What a part connects to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dependency {
    /// Redis.
    Redis,
    /// PostgreSQL.
    Postgres,
    /// The object store.
    S3,
    /// A replica of chat-svc.
    Chat(usize),
    /// A replica of presence-svc.
    Presence(usize),
    /// A replica of notify-svc.
    Notify(usize),
    /// A replica of files-svc.
    Files(usize),
}

impl Part {
    /// The name of its binary.
    pub fn binary(self) -> &'static str {
        match self {
            Self::Edge(_) => "edge",
            Self::Chat(_) => "chat-svc",
            Self::Presence(_) => "presence-svc",
            Self::Notify(_) => "notify-svc",
            Self::Files(_) => "files-svc",
        }
    }

    /// As what others depend on it; `None` for an edge, on which only people do.
    pub fn as_dependency(self) -> Option<Dependency> {
        match self {
            Self::Edge(_) => None,
            Self::Chat(replica) => Some(Dependency::Chat(replica)),
            Self::Presence(replica) => Some(Dependency::Presence(replica)),
            Self::Notify(replica) => Some(Dependency::Notify(replica)),
            Self::Files(replica) => Some(Dependency::Files(replica)),
        }
    }

    /// Whether it connects to `dependency`.
    pub fn depends_on(self, dependency: Dependency) -> bool {
        match dependency {
            Dependency::Redis => !matches!(self, Self::Files(_)),
            Dependency::Postgres => matches!(self, Self::Chat(_) | Self::Notify(_) | Self::Files(_)),
            Dependency::S3 => matches!(self, Self::Files(_)),
            // chat-svc delivers mentions there.
            Dependency::Notify(_) => matches!(self, Self::Edge(_) | Self::Chat(_)),
            Dependency::Chat(_) | Dependency::Presence(_) | Dependency::Files(_) => {
                matches!(self, Self::Edge(_))
            }
        }
    }
}

/// As in `edge-1`.
impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edge(index) => write!(f, "edge-{index}"),
            Self::Chat(index) => write!(f, "chat-{index}"),
            Self::Presence(index) => write!(f, "presence-{index}"),
            Self::Notify(index) => write!(f, "notify-{index}"),
            Self::Files(index) => write!(f, "files-{index}"),
        }
    }
}

/// As in `redis` and `chat-1`.
impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Redis => f.write_str("redis"),
            Self::Postgres => f.write_str("postgres"),
            Self::S3 => f.write_str("s3"),
            Self::Chat(index) => Part::Chat(index).fmt(f),
            Self::Presence(index) => Part::Presence(index).fmt(f),
            Self::Notify(index) => Part::Notify(index).fmt(f),
            Self::Files(index) => Part::Files(index).fmt(f),
        }
    }
}
