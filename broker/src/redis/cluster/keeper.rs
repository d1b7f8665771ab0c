//! Follows who has which slots, and keeps a connection to publish and one to subscribe to each server that has any.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    mem,
    sync::Arc,
    time::Duration,
};

use redis::ConnectionAddr;
use runtime::Shutdown;
use tokio::{sync::watch, time};
use tokio_util::sync::CancellationToken;

use super::{
    Changes, Map,
    topology::{Address, Topology},
};
use crate::{
    ClusterUrl,
    hub::{Hub, Lane, Publishes},
    redis::{
        link::{RedisLink, TIMEOUT, in_words},
        listener::Listener,
    },
};

/// How often a cluster that works is asked whether anything has changed.
const ROUTINE: Duration = Duration::from_secs(10);

/// How often one that does not.
const IN_TROUBLE: Duration = Duration::from_millis(500);

/// Least time between two questions.
const PAUSE: Duration = Duration::from_millis(20);

/// The lane of what no server has: never connected.
const NOWHERE: Lane = 0;

/// See the module.
pub(super) struct Keeper {
    url: ClusterUrl,
    hub: Arc<Hub>,
    changes: Changes,
    shutdown: Shutdown,
    /// Ends what listens.
    end: CancellationToken,
    map: watch::Sender<Arc<Map>>,
    /// The servers that the URL names.
    named: Vec<(String, RedisLink)>,
    servers: BTreeMap<Address, Server>,
    lanes: HashMap<Address, Lane>,
    /// Counts the questions that led to another server than before.
    turns: usize,
    told: bool,
}

struct Server {
    link: RedisLink,
    lane: Lane,
    end: CancellationToken,
}

impl Keeper {
    pub(super) fn new(
        url: &ClusterUrl,
        hub: &Arc<Hub>,
        changes: &Changes,
        shutdown: &Shutdown,
        end: &CancellationToken,
    ) -> (Self, watch::Receiver<Arc<Map>>) {
        let (map, following) = watch::channel(Arc::default());
        let named = url.servers().map(|server| {
            let host = match server.info.addr() {
                ConnectionAddr::Tcp(host, _) => host.clone(),
                _ => String::new(),
            };
            (host, RedisLink::to("broker-cluster", server, shutdown))
        });
        let keeper = Self {
            url: url.clone(),
            hub: Arc::clone(hub),
            changes: changes.clone(),
            shutdown: shutdown.clone(),
            end: end.clone(),
            map,
            named: named.collect(),
            servers: BTreeMap::new(),
            lanes: HashMap::new(),
            turns: 0,
            told: false,
        };
        for (_, link) in &keeper.named {
            keeper.follow(link);
        }
        (keeper, following)
    }

    /// Has what becomes of a link looked at.
    fn follow(&self, link: &RedisLink) {
        let changes = self.changes.clone();
        let following = link.follow(move |_| changes.suspected());
        self.shutdown.spawn_until_begun(following);
    }

    pub(super) async fn keep(mut self) {
        loop {
            let asked = self.ask().await;
            let is_known = asked.is_some();
            let topology = asked.unwrap_or_else(|| self.map.borrow().topology.clone());
            self.apply(topology);
            let works = is_known && self.publishes() == Publishes::Everything;
            let again = if works { ROUTINE } else { IN_TROUBLE };
            if time::timeout(again, self.changes.noticed()).await.is_ok() {
                // Another one may know better.
                self.turns = self.turns.wrapping_add(1);
                time::sleep(PAUSE).await;
            }
        }
    }

    /// Asks one server after the other, those that have slots first, until one tells.
    async fn ask(&mut self) -> Option<Topology> {
        let known = self.servers.iter();
        let mut all: Vec<(String, RedisLink)> = known
            .map(|(address, server)| (address.host.clone(), server.link.clone()))
            .collect();
        let turn = self.turns % all.len().max(1);
        all.rotate_left(turn);
        all.extend(self.named.iter().cloned());
        let mut reason = None;
        for (host, link) in all {
            let Ok(mut connection) = link.connection() else {
                continue;
            };
            let mut question = redis::cmd("CLUSTER");
            question.arg("SLOTS");
            let answer = time::timeout(TIMEOUT, question.query_async(&mut connection)).await;
            reason = match answer {
                Ok(Ok(answer)) => match Topology::read(&answer, &host) {
                    Some(topology) => {
                        self.told = false;
                        return Some(topology);
                    }
                    None => Some("nobody has any slots".to_owned()),
                },
                Ok(Err(error)) => Some(in_words(&error)),
                Err(_) => Some("no answer".to_owned()),
            };
        }
        // A server that can't be reached is told of by its link.
        if let Some(reason) = reason
            && !mem::replace(&mut self.told, true)
        {
            tracing::warn!(redis = %self.url, reason, "can't learn who has which slots; trying on");
        }
        None
    }

    fn apply(&mut self, topology: Topology) {
        let servers: BTreeSet<Address> = topology.servers().cloned().collect();
        for address in &servers {
            if !self.servers.contains_key(address) {
                self.take_up(address);
            }
        }
        let before = Arc::clone(&self.map.borrow());
        let works = |address: &&Address| self.servers.get(address).is_some_and(Server::publishes);
        let home = before
            .home
            .as_ref()
            .filter(works)
            .or_else(|| servers.iter().find(works));
        let home = home.or(servers.first()).cloned();
        if topology != before.topology || home != before.home {
            tracing::info!(redis = %self.url, servers = servers.len(), "learned who has which slots");
            let links = self
                .servers
                .iter()
                .filter(|(address, _)| servers.contains(address));
            let map = Arc::new(Map {
                topology,
                home,
                links: links
                    .map(|(address, server)| (address.clone(), server.link.clone()))
                    .collect(),
            });
            let (lanes, routed) = (self.lanes.clone(), Arc::clone(&map));
            self.hub.reroute(move |pattern| {
                let lane = routed.server_of(pattern).and_then(|address| lanes.get(address));
                lane.copied().unwrap_or(NOWHERE)
            });
            self.map.send_replace(map);
        }
        let gone: Vec<Address> = self
            .servers
            .keys()
            .filter(|one| !servers.contains(one))
            .cloned()
            .collect();
        for address in gone {
            if let Some(server) = self.servers.remove(&address) {
                server.end.cancel();
                self.hub.lost(server.lane);
            }
        }
        self.hub.publishes(self.publishes());
    }

    /// Connects to a server that has come to have slots.
    fn take_up(&mut self, address: &Address) {
        let server = self.url.server_at(&address.host, address.port);
        let link = RedisLink::to("broker", server.clone(), &self.shutdown);
        self.follow(&link);
        let lanes = self.lanes.entry(address.clone());
        let lane = *lanes.or_insert_with(|| self.hub.add_lane());
        let listener = Listener {
            name: "broker-intake",
            server,
            hub: Arc::clone(&self.hub),
            lane,
            doubt: link.doubt(),
            cluster: Some(self.changes.clone()),
        };
        let (end, last) = (self.end.child_token(), self.shutdown.token());
        let ended = end.clone();
        // Nothing waits for it: what is connected is heard until the process ends.
        tokio::spawn(async move { ended.run_until_cancelled(listener.run(last)).await });
        self.servers.insert(address.clone(), Server { link, lane, end });
    }

    fn publishes(&self) -> Publishes {
        let works = self.servers.values().filter(|server| server.publishes()).count();
        if works == 0 {
            Publishes::Nothing
        } else if works == self.servers.len() && self.map.borrow().topology.is_whole() {
            Publishes::Everything
        } else {
            Publishes::Some
        }
    }
}

impl Server {
    fn publishes(&self) -> bool {
        self.link.connection().is_ok()
    }
}
