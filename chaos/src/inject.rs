//! Does a fault to a cluster, waits for as long as it lasts, and heals it.

use std::time::Duration;

use test_support::{
    cluster::{Cluster, Part},
    proxy::{self, Proxy},
    wait,
};
use tokio::time::sleep;

use crate::fault::{Fault, Network};

/// Runs one fault from its beginning until everything that it touched works again.
///
/// # Panics
/// Where something does not come back within a minute: nothing here may need a person to heal.
pub async fn inject(cluster: &Cluster, fault: &Fault, lasts: Duration) {
    match fault {
        Fault::Kill(part) => {
            cluster.process(*part).kill().await;
            sleep(lasts).await;
            start_again(cluster, *part).await;
        }
        Fault::Stop(part) => {
            let _ = cluster.process(*part).terminate(wait::SOON).await;
            sleep(lasts).await;
            start_again(cluster, *part).await;
        }
        Fault::Pause(part) => {
            cluster.process(*part).pause();
            sleep(lasts).await;
            cluster.process(*part).resume();
            cluster.process(*part).wait_ready(wait::START).await;
        }
        Fault::Clock(part, seconds) => {
            cluster.process(*part).set_clock(*seconds);
            sleep(lasts).await;
            cluster.process(*part).set_clock(0);
        }
        Fault::RedisRestartsEmpty => {
            cluster.redis.kill().await;
            sleep(lasts).await;
            cluster.redis.start().await;
            all_ready(cluster).await;
        }
        Fault::RedisPauses => {
            cluster.redis.pause();
            sleep(lasts).await;
            cluster.redis.resume();
            all_ready(cluster).await;
        }
        Fault::RedisDropsClients => {
            cluster.redis.kill_clients().await;
            all_ready(cluster).await;
        }
        Fault::PostgresStops => {
            cluster.postgres.stop().await;
            sleep(lasts).await;
            cluster.postgres.start().await;
            all_ready(cluster).await;
        }
        Fault::PostgresPauses => {
            cluster.postgres.pause();
            sleep(lasts).await;
            cluster.postgres.resume();
            all_ready(cluster).await;
        }
        Fault::PostgresIsExhausted => {
            let taken = cluster.postgres.exhaust().await;
            sleep(lasts).await;
            drop(taken);
            all_ready(cluster).await;
        }
        Fault::ObjectStoreStops => {
            cluster.s3.kill().await;
            sleep(lasts).await;
            cluster.s3.start().await;
            all_ready(cluster).await;
        }
        Fault::Link(from, to, network) => {
            disturb(cluster.link(*from, *to), *network, lasts).await;
            cluster.process(*from).wait_ready(wait::START).await;
        }
        Fault::Door(edge, network) => disturb(cluster.door(*edge), *network, lasts).await,
    }
}

/// Waits until every process is ready.
///
/// # Panics
/// With the output of one that is not within a minute.
pub async fn all_ready(cluster: &Cluster) {
    for process in cluster.processes().filter(|process| process.pid().is_some()) {
        process.wait_ready(wait::START).await;
    }
}

async fn start_again(cluster: &Cluster, part: Part) {
    cluster.process(part).start();
    cluster.process(part).wait_ready(wait::START).await;
}

async fn disturb(network: &Proxy, how: Network, lasts: Duration) {
    match how {
        Network::Resets => network.reset_all(),
        Network::Lasting(fault) => {
            network.set(fault);
            sleep(lasts).await;
            network.set(proxy::Fault::None);
        }
    }
}
