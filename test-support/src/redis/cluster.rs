//! A real Redis Cluster of a few servers.

use std::time::Duration;

use futures_util::future::join_all;
use redis::Value;

use super::Server;
use crate::{ports, wait};

/// How long the servers wait before they take one for dead.
const NODE_TIMEOUT: Duration = Duration::from_secs(2);

/// How many slots a cluster has.
const SLOTS: usize = 16384;

/// A cluster whose servers know each other and share the slots in equal parts. Each forgets what is stored when it stops,
/// but not which slots it has.
pub struct Cluster {
    masters: Vec<Server>,
    replicas: Vec<Server>,
}

impl Cluster {
    /// Three servers, each with a third of the slots.
    pub async fn start_new() -> Self {
        Self::start(false).await
    }

    /// As [`Self::start_new`], each with a replica that takes over when it is gone for some seconds.
    pub async fn start_with_replicas() -> Self {
        Self::start(true).await
    }

    async fn start(with_replicas: bool) -> Self {
        let masters = join_all((0..3).map(|_| node())).await;
        let count = if with_replicas { masters.len() } else { 0 };
        let replicas = join_all((0..count).map(|_| node())).await;
        let cluster = Self { masters, replicas };
        cluster.join().await;
        cluster
    }

    /// `redis-cluster://127.0.0.1:<port>,…`, naming those that began with slots.
    pub fn url(&self) -> String {
        let hosts = self
            .masters
            .iter()
            .map(|server| format!("127.0.0.1:{}", server.port()));
        format!("redis-cluster://{}", hosts.collect::<Vec<_>>().join(","))
    }

    /// The servers that began with slots.
    pub fn masters(&self) -> &[Server] {
        &self.masters
    }

    /// All servers.
    pub fn servers(&self) -> impl Iterator<Item = &Server> {
        self.masters.iter().chain(&self.replicas)
    }

    /// Which of the [`Self::masters`] began with the slot of a key or channel.
    pub async fn first_owner(&self, key: &str) -> usize {
        let slot: usize = ask(&self.masters[0], &["CLUSTER", "KEYSLOT", key]).await;
        let ranges = (0..self.masters.len()).map(|at| self.range(at));
        let at = ranges.into_iter().position(|range| range.contains(&slot));
        at.expect("each slot has an owner")
    }

    fn range(&self, at: usize) -> std::ops::Range<usize> {
        let count = self.masters.len();
        SLOTS * at / count..SLOTS * (at + 1) / count
    }

    async fn join(&self) {
        for (at, master) in self.masters.iter().enumerate() {
            let range = self.range(at);
            let (first, last) = (range.start.to_string(), (range.end - 1).to_string());
            ask::<()>(master, &["CLUSTER", "ADDSLOTSRANGE", &first, &last]).await;
            let epoch = (at + 1).to_string();
            ask::<()>(master, &["CLUSTER", "SET-CONFIG-EPOCH", &epoch]).await;
        }
        let first = &self.masters[0];
        for server in self.servers().skip(1) {
            let bus: u16 = setting(first, "cluster-port").await;
            let (port, bus) = (first.port().to_string(), bus.to_string());
            ask::<()>(server, &["CLUSTER", "MEET", "127.0.0.1", &port, &bus]).await;
        }
        let count = self.servers().count();
        self.each("to know each other", async |server| {
            let known: String = ask(server, &["CLUSTER", "NODES"]).await;
            known.lines().filter(|line| !line.contains("handshake")).count() == count
        })
        .await;
        for (master, replica) in self.masters.iter().zip(&self.replicas) {
            let id: String = ask(master, &["CLUSTER", "MYID"]).await;
            ask::<()>(replica, &["CLUSTER", "REPLICATE", id.trim()]).await;
        }
        self.wait_whole().await;
    }

    /// Waits until every server takes the cluster for whole, and every replica follows its master.
    pub async fn wait_whole(&self) {
        self.each("to take the cluster for whole", async |server| {
            let info: String = ask(server, &["CLUSTER", "INFO"]).await;
            let replication: String = ask(server, &["INFO", "replication"]).await;
            let follows =
                replication.contains("role:master") || replication.contains("master_link_status:up");
            info.contains("cluster_state:ok") && follows
        })
        .await;
    }

    async fn each(&self, what: &str, holds: impl AsyncFn(&Server) -> bool) {
        for server in self.servers() {
            let what = format!("the server on port {} {what}", server.port());
            wait::eventually(wait::START, &what, async || holds(server).await.then_some(())).await;
        }
    }
}

async fn node() -> Server {
    let bus = ports::free().to_string();
    let timeout = NODE_TIMEOUT.as_millis().to_string();
    Server::start_with(&[
        "--cluster-enabled",
        "yes",
        "--cluster-port",
        &bus,
        "--cluster-node-timeout",
        &timeout,
        "--repl-diskless-sync-delay",
        "0",
    ])
    .await
}

async fn ask<T: redis::FromRedisValue>(server: &Server, words: &[&str]) -> T {
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]);
    let mut connection = server.connection().await;
    let answer = command.query_async(&mut connection).await;
    answer.unwrap_or_else(|error| panic!("Redis answers {words:?}: {error}"))
}

async fn setting(server: &Server, name: &str) -> u16 {
    let told: Value = ask(server, &["CONFIG", "GET", name]).await;
    let told: Vec<String> = redis::from_redis_value(told).expect("a setting has a name and a value");
    told[1].parse().expect("it is a number")
}
