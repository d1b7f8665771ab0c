//! Follows who has which slots, and keeps a connection to publish and one to subscribe to each server that has any.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    mem,
    sync::Arc,
    time::Duration,
};

use redis::{ConnectionAddr, RedisResult, Value, aio::MultiplexedConnection};
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
        link::{NO_ANSWER, RedisLink, TIMEOUT, in_words},
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

    /// Asks one server after the other, those that have slots first, until one sees the whole cluster work. Where none
    /// does, whoever knows of most slots is believed.
    async fn ask(&mut self) -> Option<Topology> {
        let known = self.servers.iter();
        let mut all: Vec<(String, RedisLink)> = known
            .map(|(address, server)| (address.host.clone(), server.link.clone()))
            .collect();
        let turn = self.turns % all.len().max(1);
        all.rotate_left(turn);
        all.extend(self.named.iter().cloned());
        let (mut best, mut reason) = (None::<View>, None);
        for (host, link) in all {
            let Ok(mut connection) = link.connection() else {
                continue;
            };
            match view_of(&mut connection, &host).await {
                Ok(view) if view.is_well() => {
                    best = Some(view);
                    break;
                }
                Ok(view) => {
                    if best
                        .as_ref()
                        .is_none_or(|best| best.topology.slots() < view.topology.slots())
                    {
                        best = Some(view);
                    }
                }
                Err(why) => reason = Some(why),
            }
        }
        if best.is_some() {
            self.told = false;
        } else if let Some(reason) = reason
            && !mem::replace(&mut self.told, true)
        {
            // A server that can't be reached is told of by its link.
            tracing::warn!(redis = %self.url, reason, "can't learn who has which slots; trying on");
        }
        best.map(|view| view.topology)
    }

    fn apply(&mut self, topology: Topology) {
        let servers: BTreeSet<Address> = topology.servers().cloned().collect();
        for address in &servers {
            if !self.servers.contains_key(address) {
                self.take_up(address);
            }
        }
        let before = Arc::clone(&self.map.borrow());
        let works = |address: &&Address| {
            servers.contains(*address) && self.servers.get(address).is_some_and(Server::publishes)
        };
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

/// What a server sees of the cluster.
struct View {
    topology: Topology,
    /// Whether the cluster works, by its word. One that was cut off from most others says no.
    is_ok: bool,
}

impl View {
    fn is_well(&self) -> bool {
        self.is_ok && self.topology.is_whole()
    }
}

/// Asks a server at `host`. Fails with why there is no answer, without secrets.
async fn view_of(connection: &mut MultiplexedConnection, host: &str) -> Result<View, String> {
    let mut questions = redis::pipe();
    // A user may be allowed to ask the first one alone.
    questions.ignore_errors();
    questions.cmd("CLUSTER").arg("SLOTS").cmd("CLUSTER").arg("INFO");
    let answers = time::timeout(TIMEOUT, questions.query_async(connection)).await;
    let answers = answers.map_err(|_| NO_ANSWER.to_owned())?;
    let (slots, info): (RedisResult<Value>, RedisResult<String>) =
        answers.map_err(|error| in_words(&error))?;
    let slots = slots.map_err(|error| in_words(&error))?;
    let topology = Topology::read(&slots, host).ok_or_else(|| "nobody has any slots".to_owned())?;
    let is_ok = info.map_or(true, |info| info.contains("cluster_state:ok"));
    Ok(View { topology, is_ok })
}

impl Server {
    fn publishes(&self) -> bool {
        self.link.connection().is_ok()
    }
}
