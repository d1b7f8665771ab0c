//! The broker on a Redis Cluster: channels of rooms are sharded, each on the server that has its slot; all others are on
//! every server.
//!
//! What is on every server is published and heard at one of them, so that it stays in order.

mod keeper;
mod slot;
mod topology;

use std::{collections::BTreeMap, sync::Arc};

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
    hub_broker::{HubBroker, Publisher},
    is_sharded,
};
use keeper::Keeper;
pub(super) use slot::slot_of;
use topology::{Address, Topology};

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
        let mut failed = None;
        loop {
            let now = Arc::clone(&map.borrow_and_update());
            let mut by_server = BTreeMap::<&Address, Vec<&Publication>>::new();
            for publication in rest {
                match now.server_of(&publication.channel) {
                    Some(server) => by_server.entry(server).or_default().push(publication),
                    None => failed = Some("no server is known for it".to_owned()),
                }
            }
            let groups = by_server.into_iter().map(|(server, group)| {
                let link = now.links.get(server);
                async move {
                    match link {
                        Some(link) => publish_at(link, group).await,
                        None => Err("no server is known for it".to_owned()),
                    }
                }
            });
            rest = Vec::new();
            for group in join_all(groups).await {
                match group {
                    Ok(moved) => rest.extend(moved),
                    Err(reason) => failed = Some(reason),
                }
            }
            if rest.is_empty() {
                break;
            }
            self.changes.suspected();
            if !matches!(timeout_at(deadline, map.changed()).await, Ok(Ok(()))) {
                failed = Some("its slot has moved".to_owned());
                break;
            }
        }
        failed.map_or(Ok(()), |reason| Err(Error::Unavailable(reason)))
    }
}

/// Publishes at one server. Returns what belongs to another one.
async fn publish_at<'a>(
    link: &RedisLink,
    publications: Vec<&'a Publication>,
) -> Result<Vec<&'a Publication>, String> {
    let (mut moved, mut failed) = (Vec::new(), None);
    let answers = publish(link, &publications, Channels::Sharded).await?;
    let counted = publications.into_iter().filter(|one| !one.is_extra());
    for (publication, answer) in counted.zip(answers) {
        match answer {
            Ok(()) => {}
            Err(error) if error.code() == Some("MOVED") => moved.push(publication),
            Err(error) => failed = Some(in_words(&error)),
        }
    }
    match failed {
        Some(reason) => Err(reason),
        None => Ok(moved),
    }
}
