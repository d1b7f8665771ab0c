//! Where a service's broker comes from.

use std::fmt;

use runtime::Shutdown;

use crate::{Broker, BrokerUrl, ClusterBroker, ClusterUrl, RedisBroker};

/// A broker to connect to, or one that others in this process use too.
#[derive(Debug, Clone)]
pub enum Source {
    /// A Redis server.
    Redis(BrokerUrl),
    /// A Redis Cluster, where each room's channel is on one of the servers.
    Cluster(ClusterUrl),
    /// The one of this process.
    Shared(Broker),
}

impl Source {
    /// From the setting `REDIS_URL`; without one, in process.
    ///
    /// # Errors
    /// What is wrong with the URL.
    pub fn from_setting(url: Option<&str>) -> Result<Self, &'static str> {
        match runtime::settings::given(url) {
            Some(url) if ClusterUrl::is_meant(url) => Ok(Self::Cluster(url.parse()?)),
            Some(url) => Ok(Self::Redis(url.parse()?)),
            None => Ok(Self::Shared(Broker::memory())),
        }
    }

    /// Whether nobody can listen to all rooms with one pattern: each has to be asked for by its name.
    pub fn is_sharded(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }

    /// Opens it; a Redis that is down is connected to as soon as it is up.
    pub fn open(self, shutdown: &Shutdown) -> Broker {
        match self {
            Self::Redis(url) => Broker::new(RedisBroker::connect(&url, shutdown)),
            Self::Cluster(url) => Broker::new(ClusterBroker::connect(&url, shutdown)),
            Self::Shared(broker) => broker,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redis(url) => fmt::Display::fmt(url, f),
            Self::Cluster(url) => fmt::Display::fmt(url, f),
            Self::Shared(_) => f.write_str("in process"),
        }
    }
}
