//! The broker on a Redis Cluster: channels of rooms are sharded, each on the server that has its slot; all others are on
//! every server.
//!
//! What is on every server is published and heard at one of them, so that it stays in order.

mod keeper;
mod slot;
mod topology;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::future::join_all;
use runtime::Shutdown;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, timeout_at},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    link::{RedisLink, in_words},
    publish::{Channels, publish},
};
use crate::{
    ClusterUrl, Error, INBOX_BYTES, PUBLISH_DEADLINE, Publication,
    hub::Hub,
    hub_broker::{HubBroker, Publisher, counted},
    is_sharded,
};
use keeper::Keeper;
pub(super) use slot::slot_of;
use topology::{Address, Topology};

/// How long a publication whose slot has moved waits before somebody else is asked where it is.
const ASK_AGAIN: Duration = Duration::from_millis(100);

const NOBODY: &str = "no server is known for it";

/// See the module.
pub type ClusterBroker = HubBroker<ToCluster>;

/// Publishes at the servers of a cluster, each channel where it belongs.
pub struct ToCluster {
    map: watch::Receiver<Arc<Map>>,
    changes: Changes,
    _end: DropGuard,
}

/// Whom to ask for what.
#[derive(Default)]
struct Map {
    topology: Topology,
    /// For all that is not sharded.
    home: Option<Address>,
    links: BTreeMap<Address, RedisLink>,
}

impl Map {
    fn server_of(&self, channel: &str) -> Option<&Address> {
        // No pattern is sharded: it hears what is on every server.
        if is_sharded(channel) && !channel.ends_with('*') {
            self.topology.owner(slot_of(channel))
        } else {
            self.home.as_ref()
        }
    }
}

/// For who notices that slots may have moved, or that a server came or went. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Changes(Arc<Notify>);

impl Changes {
    /// Something may be elsewhere than it was.
    pub(super) fn suspected(&self) {
        self.0.notify_one();
    }

    async fn noticed(&self) {
        self.0.notified().await;
    }
}

impl ClusterBroker {
    /// Connects in the background and keeps connecting until the shutdown begins; then, what is connected serves on.
    pub fn connect(url: &ClusterUrl, shutdown: &Shutdown) -> Self {
        let hub = Hub::unconnected(INBOX_BYTES);
        let changes = Changes::default();
        let end = CancellationToken::new();
        let (keeper, map) = Keeper::new(url, &hub, &changes, shutdown, &end);
        let ended = end.clone();
        shutdown.spawn_until_begun(async move { ended.run_until_cancelled(keeper.keep()).await });
        let end = end.drop_guard();
        Self::of(
            hub,
            ToCluster {
                map,
                changes,
                _end: end,
            },
        )
    }
}

impl Publisher for ToCluster {
    /// Publishes what it can, and says so where that is not everything. What has moved is published where it is now.
    async fn publish(&self, publications: &[Publication]) -> Result<(), Error> {
        let deadline = Instant::now() + PUBLISH_DEADLINE;
        let mut map = self.map.clone();
        let mut rest: Vec<&Publication> = publications.iter().collect();
        let mut lost = Lost::default();
        loop {
            let now = Arc::clone(&map.borrow_and_update());
            let mut by_server = BTreeMap::<&Address, Vec<&Publication>>::new();
            for publication in rest {
                match now.server_of(&publication.channel) {
                    Some(server) => by_server.entry(server).or_default().push(publication),
                    None => lost.add(&[publication], NOBODY.to_owned()),
                }
            }
            let groups = by_server.into_iter().map(|(server, group)| {
                let link = now.links.get(server);
                async move {
                    match link {
                        Some(link) => publish_at(link, group, deadline).await,
                        None => Told::lost(&group, NOBODY.to_owned()),
                    }
                }
            });
            rest = Vec::new();
            for told in join_all(groups).await {
                rest.extend(told.moved);
                lost.count += told.lost.count;
                lost.reason = told.lost.reason.or(lost.reason);
            }
            if rest.is_empty() {
                break;
            }
            if !self.has_new_map(&mut map, deadline).await {
                lost.add(&rest, "its slot has moved".to_owned());
                break;
            }
        }
        let count = counted(publications).count();
        let failed = |reason| Err(Error::of(lost.count, count, reason));
        lost.reason.map_or(Ok(()), failed)
    }
}

impl ToCluster {
    /// Has somebody look where slots are now, until they are elsewhere. Returns whether they are, by the deadline.
    async fn has_new_map(&self, map: &mut watch::Receiver<Arc<Map>>, deadline: Instant) -> bool {
        loop {
            self.changes.suspected();
            let next = deadline.min(Instant::now() + ASK_AGAIN);
            match timeout_at(next, map.changed()).await {
                // A server that is asked when the time is up has none to answer.
                Ok(changed) => return changed.is_ok() && Instant::now() < deadline,
                Err(_) if next == deadline => return false,
                // Whoever was asked had not yet heard of it.
                Err(_) => {}
            }
        }
    }
}

/// What became of publications at one server.
#[derive(Default)]
struct Told<'a> {
    /// Those that belong to another one.
    moved: Vec<&'a Publication>,
    lost: Lost,
}

impl Told<'_> {
    fn lost(publications: &[&Publication], reason: String) -> Self {
        let mut told = Self::default();
        told.lost.add(publications, reason);
        told
    }
}

/// What was not published.
#[derive(Default)]
struct Lost {
    /// How many, without extras.
    count: usize,
    /// Why, as the last of them was told.
    reason: Option<String>,
}

impl Lost {
    fn add(&mut self, publications: &[&Publication], reason: String) {
        let count = publications.iter().filter(|one| !one.is_extra()).count();
        if count > 0 {
            self.count += count;
            self.reason = Some(reason);
        }
    }
}

async fn publish_at<'a>(link: &RedisLink, publications: Vec<&'a Publication>, deadline: Instant) -> Told<'a> {
    let answers = match publish(link, &publications, Channels::Sharded, deadline).await {
        Ok(answers) => answers,
        Err(reason) => return Told::lost(&publications, reason),
    };
    let mut told = Told::default();
    let counted = publications.into_iter().filter(|one| !one.is_extra());
    for (publication, answer) in counted.zip(answers) {
        match answer {
            Ok(()) => {}
            Err(error) if error.code() == Some("MOVED") => told.moved.push(publication),
            Err(error) => told.lost.add(&[publication], in_words(&error)),
        }
    }
    told
}

#[cfg(test)]
#[path = "cluster_tests.rs"]
mod tests;
