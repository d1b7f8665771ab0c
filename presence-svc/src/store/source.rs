//! Which member of the pair runs, decided by the setting alone.

use std::{fmt, sync::Arc};

use broker::BrokerUrl;
use runtime::{Shutdown, settings::given};

use super::{Lifetimes, MemoryStore, RedisStore, Store};

/// Where presence is kept. Prints without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreSource {
    /// In this process.
    Memory,
    /// In a Redis server, shared with other replicas.
    Redis(BrokerUrl),
}

impl StoreSource {
    /// From the setting `REDIS_URL`; without one, in process.
    ///
    /// # Errors
    /// What is wrong with the URL.
    pub fn from_setting(url: Option<&str>) -> Result<Self, &'static str> {
        match given(url) {
            Some(url) => Ok(Self::Redis(url.parse()?)),
            None => Ok(Self::Memory),
        }
    }

    /// Opens it; a Redis that is down is used as soon as it is up.
    pub fn open(self, lifetimes: Lifetimes, shutdown: &Shutdown) -> Arc<dyn Store> {
        match self {
            Self::Memory => Arc::new(MemoryStore::new(lifetimes)),
            Self::Redis(url) => Arc::new(RedisStore::connect(&url, lifetimes, shutdown)),
        }
    }
}

impl fmt::Display for StoreSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("in process"),
            Self::Redis(url) => fmt::Display::fmt(url, f),
        }
    }
}
