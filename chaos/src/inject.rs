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
            runs(cluster, *part);
            cluster.process(*part).kill().await;
            sleep(lasts).await;
            start_again(cluster, *part).await;
        }
        Fault::Stop(part) => {
            runs(cluster, *part);
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

/// Waits until every process is ready, except those that another fault holds down at this moment.
///
/// # Panics
/// Where one is not within a minute.
pub async fn all_ready(cluster: &Cluster) {
    for part in cluster.parts() {
        let process = cluster.process(part);
        let ready = async || process.pid().is_none() || process.is_ready().await;
        wait::until(wait::START, &format!("{part} is ready again"), ready).await;
    }
}

/// What went wrong with the processes themselves while no fault holds any of them. Nobody else may notice, where another
/// replica does the work.
pub fn crashes(cluster: &Cluster) -> Vec<String> {
    let ended = cluster.parts().filter(|part| {
        let process = cluster.process(*part);
        process.pid().is_none() && !process.output().lines().is_empty()
    });
    let ended = ended.map(|part| format!("{part} has ended by itself"));
    ended.chain(panics(cluster)).collect()
}

/// Tasks that panicked in any of the processes.
pub fn panics(cluster: &Cluster) -> Vec<String> {
    let first = |part| {
        let lines = cluster.process(part).output().matching("panicked at");
        lines.first().map(|line| format!("{part}: {line}"))
    };
    cluster.parts().filter_map(first).collect()
}

/// Panics where a process has ended before anybody asked it to.
fn runs(cluster: &Cluster, part: Part) {
    assert!(
        cluster.process(part).pid().is_some(),
        "{part} has ended by itself"
    );
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
