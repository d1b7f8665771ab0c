//! Publish and subscribe between processes, at most once: a hint that something is new, never the record of it.
//!
//! Rules of its kinds (`memory`, `redis`, and `redis::cluster`), which one shared suite checks:
//! - a pattern is a channel's literal name, or a prefix followed by `*`; a subscription gets each publication once,
//!   however many of its patterns match;
//! - publications of one [`Broker::publish`] call, and of successive awaited calls, arrive in their order;
//! - whatever could not be delivered (connection lost, subscriber too slow) shows as [`Event::Interrupted`] at every
//!   subscriber concerned, followed by [`Event::Connected`] once delivery works again: in between, read the log;
//! - channels and patterns that begin with `trace:` are extras, and may be refused without consequences for the others;
//! - on a cluster, channels that begin with `room:` are sharded, each on one of the servers: order is kept within such a
//!   channel, not between them, and no pattern hears them, only their names;
//! - nothing here blocks a publisher on a slow subscriber, and nothing is kept without a bound in bytes.

mod hub;
mod hub_broker;
mod inbox;
mod memory;
mod message;
mod redis;
mod source;
mod url;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::watch;

pub use self::redis::{ClusterBroker, RedisBroker, RedisLink};
pub use memory::MemoryBroker;
pub use message::Message;
pub use source::Source;
pub use url::{BrokerUrl, ClusterUrl};

/// How long a publication may take before its caller is told that the broker is down.
pub const PUBLISH_DEADLINE: Duration = Duration::from_secs(1);

/// Bytes that may wait for one subscriber; one that falls further behind loses them and is told
/// [`Event::Interrupted`], then [`Event::Connected`].
pub const INBOX_BYTES: usize = 8 * 1024 * 1024;

/// One thing to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The channel, such as `room:general`.
    pub channel: String,
    /// The bytes, passed on as they are.
    pub payload: Bytes,
}

impl Publication {
    /// Whether it is an extra: of use where it arrives, missed by nobody. Metrics don't count it.
    pub fn is_extra(&self) -> bool {
        is_extra(&self.channel)
    }
}

/// Whether a channel, or a pattern, is one of extras. Where the broker refuses those to its user, the rest goes on: it is
/// published, heard, and said to be connected.
fn is_extra(name: &str) -> bool {
    name.starts_with("trace:")
}

/// What a subscriber gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Something was published on a channel that matches.
    Message(Message),
    /// From here on every publication is delivered. The first event of every subscription that works.
    Connected,
    /// Publications may be missing since some moment ago, and go on missing until [`Event::Connected`].
    Interrupted,
    /// From here on every publication on a pattern that was added is delivered, as long as the subscription works. Told
    /// once the pattern works, never left out, also while the subscription is interrupted; it may overtake other events.
    Added(Arc<str>),
}

/// Why something could not be published. Subscribers will learn of the gap by themselves.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The broker does not answer: nothing was published.
    #[error("the broker is unavailable: {0}")]
    Unavailable(String),
    /// A part of the broker does not answer: the rest was published.
    #[error("the broker is unavailable for {lost} publications: {reason}")]
    Partly {
        /// How many were not published, without extras.
        lost: usize,
        /// Why.
        reason: String,
    },
}

impl Error {
    /// Where `lost` of `count` publications were not published, extras not counted.
    fn of(lost: usize, count: usize, reason: String) -> Self {
        if lost < count {
            Self::Partly { lost, reason }
        } else {
            Self::Unavailable(reason)
        }
    }

    /// How many of `count` publications, extras not counted, were not published.
    pub fn lost(&self, count: usize) -> usize {
        match self {
            Self::Unavailable(_) => count,
            Self::Partly { lost, .. } => *lost,
        }
    }
}

/// A subscription: events in order, until it is dropped or the process ends.
pub trait Subscription: Send {
    /// The next event; `None` when the broker is gone for good (shutdown). Cancel-safe.
    fn recv(&mut self) -> BoxFuture<'_, Option<Event>>;

    /// Waits for an event, and appends it with all that wait behind it, up to `limit`. Returns how many; 0 when the broker
    /// is gone for good. Cancel-safe.
    fn recv_many<'a>(&'a mut self, events: &'a mut Vec<Event>, limit: usize) -> BoxFuture<'a, usize>;

    /// Takes more patterns in. [`Event::Added`] says when each works; what works already goes on meanwhile.
    fn add(&mut self, patterns: &[&str]);

    /// Gives patterns up. What is on its way may still arrive, but no [`Event::Added`] of theirs.
    fn remove(&mut self, patterns: &[&str]);
}

/// See the rules above.
pub trait Backend: Send + Sync + 'static {
    /// Publishes in order, in one round trip, as much as it can. Within [`PUBLISH_DEADLINE`].
    fn publish(&self, publications: Vec<Publication>) -> BoxFuture<'_, Result<(), Error>>;

    /// Subscribes to all channels that match one of the patterns: a literal name, or one that ends in `*`.
    fn subscribe(&self, patterns: &[&str]) -> Box<dyn Subscription>;

    /// Whether the broker is connected, followed live: everything that is published leaves, and every subscription works.
    fn connected(&self) -> watch::Receiver<bool>;

    /// Whether anything that is published leaves, followed live: of a cluster, one server is enough.
    fn reachable(&self) -> watch::Receiver<bool> {
        self.connected()
    }
}

/// A broker, whichever it is. Cheap to clone.
#[derive(Clone)]
pub struct Broker(Arc<dyn Backend>);

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Broker")
    }
}

impl Broker {
    /// Takes a member of the pair.
    pub fn new(backend: impl Backend) -> Self {
        Self(Arc::new(backend))
    }

    /// In this process alone.
    pub fn memory() -> Self {
        Self::new(MemoryBroker::default())
    }

    /// See [`Backend::publish`].
    ///
    /// # Errors
    /// Where the broker, or a part of it, is down; then subscribers catch up from the log.
    pub async fn publish(&self, publications: Vec<Publication>) -> Result<(), Error> {
        self.0.publish(publications).await
    }

    /// See [`Backend::subscribe`].
    pub fn subscribe(&self, patterns: &[&str]) -> Box<dyn Subscription> {
        self.0.subscribe(patterns)
    }

    /// See [`Backend::connected`].
    pub fn connected(&self) -> watch::Receiver<bool> {
        self.0.connected()
    }

    /// See [`Backend::reachable`].
    pub fn reachable(&self) -> watch::Receiver<bool> {
        self.0.reachable()
    }
}

/// Whether a channel is on one server of a cluster, and not on all of them.
fn is_sharded(channel: &str) -> bool {
    channel.starts_with("room:")
}

/// Whether a channel matches a pattern: a literal, or a prefix followed by `*`.
fn matches(pattern: &str, channel: &str) -> bool {
    pattern
        .strip_suffix('*')
        .map_or(pattern == channel, |prefix| channel.starts_with(prefix))
}
