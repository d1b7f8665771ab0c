//! Finds a service's replicas by DNS and keeps a list of those that say they serve.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{sync::Notify, task::JoinHandle};
use tonic::transport::Endpoint;

use super::{
    balance::{Member, Members},
    url::ServiceUrl,
    watcher,
};
use crate::Shutdown;

/// How often names are resolved.
const RESOLVE_EVERY: Duration = Duration::from_secs(2);

/// The same while no replica is known.
const RESOLVE_EVERY_WHEN_NONE: Duration = Duration::from_millis(200);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(3);

/// A replica and the task that watches it, which ends with this.
struct Watched {
    member: Member,
    watcher: JoinHandle<Option<()>>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

pub(super) fn start(name: &'static str, url: ServiceUrl, members: Members, shutdown: &Shutdown) {
    let tasks = shutdown.clone();
    shutdown.spawn_until_begun(async move {
        let changed = Arc::new(Notify::new());
        let mut replicas: BTreeMap<SocketAddr, Watched> = BTreeMap::new();
        loop {
            // Where resolution fails, the last good set stays.
            if let Some(found) = resolve(&url).await {
                replicas.retain(|address, _| found.contains(address));
                for address in found {
                    replicas.entry(address).or_insert_with(|| {
                        let member = Member::new(address, channel_to(address));
                        let watcher =
                            tasks.spawn_until_begun(watcher::watch(member.clone(), Arc::clone(&changed)));
                        Watched { member, watcher }
                    });
                }
            }
            let pause = if replicas.is_empty() {
                RESOLVE_EVERY_WHEN_NONE
            } else {
                RESOLVE_EVERY
            };
            let again = tokio::time::sleep(pause);
            tokio::pin!(again);
            loop {
                publish(
                    name,
                    &members,
                    replicas
                        .values()
                        .map(|w| &w.member)
                        .filter(|m| m.serves())
                        .cloned()
                        .collect(),
                );
                tokio::select! {
                    () = changed.notified() => {}
                    () = &mut again => break,
                }
            }
        }
    });
}

fn publish(name: &'static str, members: &Members, live: Vec<Member>) {
    let addresses = |members: &[Member]| members.iter().map(|m| m.address).collect::<Vec<_>>();
    members.send_if_modified(|now| {
        let changed = addresses(now) != addresses(&live);
        if changed {
            let replicas = addresses(&live);
            if replicas.is_empty() {
                tracing::warn!(service = name, "no replica serves");
            } else {
                tracing::info!(service = name, ?replicas, "replicas");
            }
            *now = Arc::from(live);
        }
        changed
    });
}

async fn resolve(url: &ServiceUrl) -> Option<BTreeSet<SocketAddr>> {
    let mut found = BTreeSet::new();
    for (host, port) in url.places() {
        if let Ok(address) = host.parse::<IpAddr>() {
            found.insert(SocketAddr::new(address, *port));
            continue;
        }
        match tokio::time::timeout(CONNECT_TIMEOUT, tokio::net::lookup_host((host.as_str(), *port))).await {
            Ok(Ok(addresses)) => found.extend(prefer_v4(addresses.collect())),
            // One name of several that fails must not drop the replicas behind it.
            Ok(Err(_)) | Err(_) => return None,
        }
    }
    Some(found)
}

/// `localhost` is two addresses of one process: counting both would make it look like two replicas.
fn prefer_v4(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    if addresses.iter().any(SocketAddr::is_ipv4) {
        addresses.into_iter().filter(SocketAddr::is_ipv4).collect()
    } else {
        addresses
    }
}

fn channel_to(address: SocketAddr) -> tonic::transport::Channel {
    #[expect(clippy::expect_used, reason = "a socket address always makes a URI")]
    Endpoint::from_shared(format!("http://{address}"))
        .expect("a URI")
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .connect_lazy()
}
